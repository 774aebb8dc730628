"""What a pipeline is about to be asked, and what is wrong with it: a form without its widgets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from omni_lab.errors import ConfigError, OmniError
from omni_lab.pipelines.catalog import list_parameter_files
from omni_lab.pipelines.parameter import Parameter, TypedText, coerced
from omni_lab.pipelines.parameters import RUN_DIR_PARAMETER
from omni_lab.pipelines.runner import prepare_run

_STRUCTURED = "dict"


class Question:
    """A pipeline with a value for every parameter; wrong ones are kept apart until they are mended.

    Parameters
    ----------
    pipeline : str
        Name of a pipeline, or path of a notebook.
    parameter_file : str, optional
        A named set, or a path, to begin with.
    values : mapping, optional
        Python values that win over it.

    Attributes
    ----------
    parameters : dict of str to Parameter
        What can be asked.
    values : dict of str to object
        The last good value of each.
    wrong : dict of str to str
        What is wrong with what was last said of a parameter.

    Raises
    ------
    ConfigError, DataError
        If there is no such pipeline or set, or a value is refused.
    """

    def __init__(
        self,
        pipeline: str,
        *,
        parameter_file: str | None = None,
        values: Mapping[str, Any] | None = None,
    ) -> None:
        self.pipeline = pipeline
        prepared = prepare_run(pipeline, parameter_file=parameter_file, values=values)
        self.parameters = {n: p for n, p in prepared.parameters.items() if n != RUN_DIR_PARAMETER}
        self.sets = [
            file.stem for file in list_parameter_files(prepared.notebook, pipeline=prepared.pipeline)
        ]
        self.values = dict(prepared.settings)
        self.wrong: dict[str, str] = {}

    def say(self, name: str, value: Any) -> None:
        """Say what a parameter is: a Python value, or text as it was typed.

        Parameters
        ----------
        name : str
            Of the parameter.
        value : object
            Text is read as the parameter's type.
        """
        parameter = self.parameters[name]
        try:
            self.values[name] = coerced(
                parameter, TypedText(value) if isinstance(value, str) else value, name
            )
        except ConfigError as error:
            self.wrong[name] = beside(parameter, error)
        else:
            self.wrong.pop(name, None)

    def take(self, parameter_file: str | None) -> None:
        """Begin again with a named set, or with the defaults.

        Raises
        ------
        ConfigError
            If there is no such set, or it cannot be used.
        """
        self.values = dict(prepare_run(self.pipeline, parameter_file=parameter_file).settings)
        self.wrong.clear()

    def rule_broken(self) -> str:
        """What is wrong between the values, each of which is right; empty when nothing is."""
        error = self.rule_error()
        return "" if error is None else str(error)

    def rule_error(self) -> OmniError | None:
        """The same as an error, whose ``where`` may name a parameter; None when nothing is wrong."""
        if self.wrong:
            return None
        try:
            prepare_run(self.pipeline, values=self.values)
        except OmniError as error:
            return error
        return None

    @property
    def changed(self) -> dict[str, Any]:
        """Values that are not the default."""
        return {name: value for name, value in self.values.items() if value != self.parameters[name].default}

    def check(self) -> None:
        """Refuse what cannot be run.

        Raises
        ------
        ConfigError
            If something is wrong.
        """
        if self.wrong:
            raise ConfigError(f"mend what is marked first: {', '.join(self.wrong)}")
        prepare_run(self.pipeline, values=self.values)


def typed(parameter: Parameter, value: Any) -> str:
    """A value as somebody would type it.

    Parameters
    ----------
    parameter : Parameter
        Whose.
    value : object
        Of its type.
    """
    import yaml

    match value:
        case None:
            return "none"
        case bool():
            return "true" if value else "false"
        case list() if parameter.kind != _STRUCTURED:
            return ", ".join(str(each) for each in value)
        case dict() | list():
            text = yaml.safe_dump(value, default_flow_style=True, width=10_000, sort_keys=False)
            return str(text).removesuffix("\n").removesuffix("...").strip()
        case _:
            return str(value)


def beside(parameter: Parameter, error: ConfigError) -> str:
    """What is wrong with what was said of a parameter, in the few words that have room beside a field.

    Parameters
    ----------
    parameter : Parameter
    error : ConfigError
        Of `coerced`.
    """
    if error.what == "this is not YAML":
        return "this is not YAML"
    found = "nothing" if error.found in (None, "", "nothing") else error.found
    return f"{found} is not {parameter.accepts or _spoken(parameter)}"


def _spoken(parameter: Parameter) -> str:
    words = {
        "int": "a whole number",
        "float": "a number",
        "str": "text",
        "dict": "a mapping such as {name: value}",
        "bool": "true or false",
        "path": "a file or folder that exists",
    }
    what = f"a list, each {words[parameter.kind]}" if parameter.is_list else words[parameter.kind]
    return f"{what}, or none" if parameter.is_optional else what
