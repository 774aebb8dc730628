"""`KnobsState`: a form of knobs that belongs to a page rather than to a pipeline."""

from __future__ import annotations

from typing import Any

from omni_lab.errors import ConfigError, OmniError
from omni_lab.pipelines.form import Form
from omni_lab.pipelines.parameter import TypedText, coerced
from omni_lab.pipelines.question import beside
from omni_lab.ui.dashboard.states.fields import Field
from omni_lab.ui.dashboard.states.question import field_of
from omni_lab.ui.params import param


class KnobsState(param.Parameterized):
    """Values of a form; wrong ones are kept apart until they are mended.

    Parameters
    ----------
    form : Form
        Its types, ranges and rules.

    Attributes
    ----------
    values : dict of str to object
        The last good value of each.
    wrong : dict of str to str
        What is wrong with what was last said.
    """

    version = param.Integer(default=0)

    def __init__(self, form: Form, **values: Any) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.form = form
        self.values = {name: values.get(name, each.default) for name, each in form.parameters.items()}
        self.wrong: dict[str, str] = {}

    def say(self, name: str, value: str | None) -> None:
        """Say what a field is, as it was typed."""
        parameter = self.form.parameters.get(name)
        if parameter is None:
            return
        try:
            self.values[name] = coerced(parameter, None if value is None else TypedText(value), name)
        except ConfigError as error:
            self.wrong[name] = beside(parameter, error)
        else:
            self.wrong.pop(name, None)

    def fields(self) -> list[Field]:
        """All of them."""
        error = self._rule()
        told = {str(error.where): error.what} if error is not None and error.where else {}
        return [
            field_of(name, each, self.values[name], self.wrong.get(name, told.get(name, "")))
            for name, each in self.form.parameters.items()
        ]

    def problem(self) -> str:
        """What is wrong; empty when nothing is."""
        if self.wrong:
            return f"To be mended first: {', '.join(name.replace('_', ' ') for name in self.wrong)}."
        error = self._rule()
        return "" if error is None else str(error)

    def _rule(self) -> OmniError | None:
        if self.wrong:
            return None
        try:
            self.form.check_rules(self.values)
        except OmniError as error:
            return error
        return None
