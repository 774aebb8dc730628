"""A pipeline that is about to be asked, as fields: those of its form, and the settings of its strategy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from omni_lab.errors import ConfigError, OmniError
from omni_lab.pipelines.backtest_request import MORE_SETTINGS, STRATEGY
from omni_lab.pipelines.parameter import Parameter, TypedText, coerced
from omni_lab.pipelines.question import Question, typed
from omni_lab.ui.dashboard.states.fields import Field, FieldKind
from omni_lab.ui.params import param

DEFAULTS = "the defaults"
_DOT = "."
_FOLDED = "More, as YAML"
_MANY = 6


class QuestionState(param.Parameterized):
    """What a pipeline is about to be asked.

    Parameters
    ----------
    pipeline : str
        Name of a pipeline.
    values : mapping, optional
        Python values to begin with, in place of the defaults.

    Attributes
    ----------
    version : int
        Counts what was changed at once rather than field by field.

    Raises
    ------
    ConfigError, DataError
        If there is no such pipeline, or a value is refused.
    """

    version = param.Integer(default=0)

    def __init__(self, pipeline: str, values: Mapping[str, Any] | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.question = Question(pipeline, values=values)

    @property
    def pipeline(self) -> str:
        """What is asked."""
        return self.question.pipeline

    @property
    def sets(self) -> list[str]:
        """What one may begin with: the defaults, and named parameter sets."""
        return [DEFAULTS, *self.question.sets]

    @property
    def changed(self) -> dict[str, Any]:
        """Values that are not the default."""
        return self.question.changed

    def take(self, name: str) -> None:
        """Begin again with a named set.

        Raises
        ------
        ConfigError
            If there is none of that name.
        """
        self.question.take(None if name == DEFAULTS else name)
        self.version += 1

    def say(self, name: str, value: str | None) -> None:
        """Say what a field is, as it was typed; None for nothing."""
        question = self.question
        if name.startswith(f"{MORE_SETTINGS}{_DOT}"):
            self._say_setting(name, value)
        elif name in question.parameters:
            before = question.values.get(name)
            question.say(name, value)
            if name == STRATEGY and question.values.get(name) != before and MORE_SETTINGS in question.values:
                # Settings of another strategy mean nothing to this one.
                question.values[MORE_SETTINGS] = {}
                for each in [w for w in question.wrong if w.startswith(f"{MORE_SETTINGS}{_DOT}")]:
                    del question.wrong[each]
                self.version += 1

    def fields(self) -> list[Field]:
        """What is asked: settings of the strategy behind it, without those that it does not know."""
        question, error = self.question, self.question.rule_error()
        beside = {str(error.where): str(error.what)} if isinstance(error, ConfigError) and error.where else {}
        unknown = self._knobs() - set(self._settings())
        found: list[Field] = []
        for name, parameter in question.parameters.items():
            if name in unknown or (name == MORE_SETTINGS and self._strategy()):
                continue
            found.append(self._field(name, parameter, question.values[name], beside.get(name, "")))
            if name == STRATEGY:
                found += [
                    self._field(f"{MORE_SETTINGS}{_DOT}{each.name}", each, value, beside.get(each.name, ""))
                    for each, value in self._more()
                ]
        return found

    def problem(self) -> str:
        """What is wrong; empty when it can be run."""
        if self.question.wrong:
            names = [name.rpartition(_DOT)[2].replace("_", " ") for name in self.question.wrong]
            return f"To be mended first: {', '.join(names)}."
        return self.question.rule_broken()

    def _field(self, name: str, parameter: Parameter, value: Any, beside: str) -> Field:
        known = strategies_for(str(parameter.default)) if name == STRATEGY and self._strategy() else ()
        return field_of(name, parameter, value, self.question.wrong.get(name, beside), choices=known)

    def _strategy(self) -> str:
        """The strategy that is asked for; empty where the pipeline has none."""
        parameter = self.question.parameters.get(STRATEGY)
        if parameter is None or MORE_SETTINGS not in self.question.parameters:
            return ""
        from omni_lab.strategies import names

        return str(self.question.values[STRATEGY]) if parameter.default in names() else ""

    def _settings(self) -> Mapping[str, Any]:
        """Every setting of the strategy, with its default."""
        from omni_lab.strategies import create

        try:
            return create(self._strategy()).parameters if self._strategy() else {}
        except OmniError:
            return {}

    def _knobs(self) -> set[str]:
        """Parameters of the pipeline that are a setting of some strategy, and of nothing else."""
        if not self._strategy():
            return set()
        from omni_lab.strategies import create, names

        known = {setting for name in names() for setting in create(name).parameters}
        return known & set(self.question.parameters) - {"symbol"}

    def _more(self) -> list[tuple[Parameter, Any]]:
        """Settings of the strategy that the pipeline has no parameter for, with what they are now."""
        given = self.question.values.get(MORE_SETTINGS) or {}
        return [
            (parameter_like(name, default), given.get(name, default))
            for name, default in self._settings().items()
            if name not in self.question.parameters
        ]

    def _say_setting(self, name: str, value: str | None) -> None:
        setting = name.removeprefix(f"{MORE_SETTINGS}{_DOT}")
        for parameter, _ in self._more():
            if parameter.name == setting:
                break
        else:
            return
        try:
            read = read_like(parameter, value)
        except ConfigError:
            self.question.wrong[name] = f"{value or 'nothing'} is not {parameter.type_name}"
            return
        self.question.wrong.pop(name, None)
        given = dict(self.question.values.get(MORE_SETTINGS) or {})
        given.pop(setting, None)
        if read != parameter.default:
            given[setting] = read
        self.question.values[MORE_SETTINGS] = given


def field_of(
    name: str, parameter: Parameter, value: Any, wrong: str = "", *, choices: tuple[str, ...] = ()
) -> Field:
    """What a form shows of a parameter, with the value that it has."""
    is_plain = not parameter.is_list
    choices = choices or (tuple(map(str, parameter.choices or ())) if is_plain else ())
    kind: FieldKind = "choice" if choices else "text"
    if parameter.kind == "bool" and is_plain and not parameter.is_optional:
        kind = "switch"
    is_folded = parameter.kind == "dict"
    return Field(
        name=name,
        label=parameter.name.replace("_", " "),
        text=typed(parameter, value) if value is not None else "",
        help=parameter.help,
        accepts=parameter.accepts if not choices else "",
        kind="long" if is_folded or (parameter.is_list and len(value or ()) > _MANY) else kind,
        choices=choices,
        optional=parameter.is_optional,
        is_set=value is not None,
        wrong=wrong,
        group=_FOLDED if is_folded else "",
    )


def parameter_like(name: str, default: Any) -> Parameter:
    """A parameter of the type of its default; a mapping, or anything, where that says nothing."""
    match default:
        case bool():
            return Parameter(name=name, kind="bool", default=default)
        case int():
            return Parameter(name=name, kind="int", default=default)
        case float():
            return Parameter(name=name, kind="float", default=default)
        case str():
            return Parameter(name=name, kind="str", default=default)
        case _:
            return Parameter(name=name, kind="dict", default=default, is_optional=True)


def read_like(parameter: Parameter, value: str | None) -> Any:
    """What was typed, as such a parameter; without a type of its own it is what it looks like.

    Raises
    ------
    ConfigError
        If it is of another type.
    """
    if value is None or parameter.kind != "dict" or value.strip().startswith(("{", "[")):
        return coerced(parameter, None if value is None else TypedText(value), parameter.name)
    return coerced(parameter, {"it": TypedText(value)}, parameter.name)["it"]


def strategies_for(default: str) -> tuple[str, ...]:
    """Names of the strategies that fit where another one does: of one instrument's bars, or of many."""
    from omni_lab.simulator.faces import has_signals, overrides
    from omni_lab.strategies import create, names
    from omni_lab.strategies.panel import PanelStrategy

    made = {name: create(name) for name in names()}
    if isinstance(made.get(default), PanelStrategy):
        return tuple(name for name, each in made.items() if isinstance(each, PanelStrategy))
    return tuple(
        name
        for name, each in made.items()
        if not isinstance(each, PanelStrategy) and (has_signals(each) or overrides(each, "on_bar"))
    )
