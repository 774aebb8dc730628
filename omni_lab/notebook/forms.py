"""A form for a pipeline: a field for every parameter, what is wrong beside it, and a button that runs it.

`question` holds the values and says what is wrong; here are the widgets, which show it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

from omni_lab.errors import ConfigError, OmniError
from omni_lab.notebook.background import BackgroundRun, follow
from omni_lab.notebook.cards import framed, progress_bar, run_card
from omni_lab.notebook.question import Question
from omni_lab.pipelines.question import typed
from omni_lab.ui.jupyter import widgets

if TYPE_CHECKING:
    from omni_lab.pipelines import RunRecord
    from omni_lab.pipelines.parameter import Parameter

_NAME = {"width": "150px", "min_width": "150px"}
_FIELD = {"width": "240px", "min_width": "240px"}
_DEFAULTS = "the defaults"
_WRONG = "#d55e00"
_PLACEHOLDERS = {
    "str": "text",
    "int": "whole number",
    "float": "number",
    "bool": "true or false",
    "dict": "{name: value}",
    "path": "a file or folder",
}


def form(pipeline: str, *, parameter_file: str | None = None, **values: Any) -> PipelineForm:
    """A form that asks a pipeline.

    Parameters
    ----------
    pipeline : str
        Name of a pipeline, or path of a notebook.
    parameter_file : str, optional
        A named set, or a path, to begin with.
    **values
        Parameters that differ from it.

    Raises
    ------
    ConfigError, DataError
        If there is no such pipeline or set, or a value is refused.
    MissingExtraError
        If ``ipywidgets`` is not installed: extra ``lab``.
    """
    return PipelineForm(Question(pipeline, parameter_file=parameter_file, values=values))


class PipelineForm(widgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """Fields, buttons, and the run below them.

    Parameters
    ----------
    question : Question
        What is asked.

    Attributes
    ----------
    record : RunRecord or None
        Of the last run that was made here.
    """

    def __init__(self, question: Question) -> None:
        self.question = question
        self.record: RunRecord | None = None
        self._run: BackgroundRun | None = None
        self._watcher: threading.Thread | None = None
        self._rows = {n: _Row(p, question, self._checked) for n, p in question.parameters.items()}
        self._set = widgets.Dropdown(
            options=[_DEFAULTS, *question.sets], description="Begin with", layout={"width": "320px"}
        )
        self._go = widgets.Button(description="Run", icon="play", button_style="primary")
        self._cancel = widgets.Button(description="Cancel", icon="stop", disabled=True)
        self._said = widgets.HTML()
        self._result = widgets.HTML()
        self._set.observe(lambda change: self._take(change["new"]), "value")
        self._go.on_click(lambda _: self.run())
        self._cancel.on_click(lambda _: self.cancel())
        buttons = widgets.HBox([self._go, self._cancel, self._set], layout={"flex_flow": "row wrap"})
        super().__init__([*self._fields(), buttons, self._said, self._result])
        self._checked()

    def run(self) -> None:
        """Start what is asked, and come back at once; `wait` waits."""
        if self._watcher is not None and self._watcher.is_alive():
            return
        try:
            self._run = BackgroundRun(self.question.request())
        except OmniError as error:
            self._result.value = _complaint(error)
            return
        self._go.disabled, self._cancel.disabled = True, False
        self._result.value = progress_bar(self._run.advance())
        self._watcher = threading.Thread(target=self._watch, args=(self._run,), daemon=True)
        self._watcher.start()

    def cancel(self) -> None:
        """Interrupt the run; its record says so."""
        self._cancel.disabled = True
        if self._run is not None:
            # Stopping waits for the record: the buttons must not.
            threading.Thread(target=self._run.stop, daemon=True).start()

    def wait(self) -> RunRecord | None:
        """Wait for the run, if there is one, and hand out its record."""
        if self._watcher is not None:
            self._watcher.join()
        return self.record

    def _fields(self) -> list[Any]:
        """Plain fields, and those that take YAML folded away."""
        plain = [row.box for row in self._rows.values() if row.parameter.kind != "dict"]
        structured = [row.box for row in self._rows.values() if row.parameter.kind == "dict"]
        found = [widgets.VBox(plain)]
        if structured:
            folded = widgets.Accordion([widgets.VBox(structured)], selected_index=None)
            folded.set_title(0, f"{len(structured)} more, as YAML")
            found.append(folded)
        return found

    def _watch(self, run: BackgroundRun) -> None:
        def show(advance: Any) -> None:
            self._result.value = progress_bar(advance)

        try:
            self.record = follow(run, show)
            self._result.value = run_card(self.record)
        except OmniError as error:
            self._result.value = _complaint(error)
        finally:
            self._go.disabled, self._cancel.disabled = bool(self.question.wrong), True

    def _take(self, name: str) -> None:
        self.question.take(None if name == _DEFAULTS else name)
        for row in self._rows.values():
            row.show()
        self._checked()

    def _checked(self) -> None:
        """After every key: whether it can be run, and how one would write it."""
        broken = self.question.rule_broken()
        is_going = self._watcher is not None and self._watcher.is_alive()
        self._go.disabled = is_going or bool(self.question.wrong or broken)
        if broken:
            self._said.value = _marked(broken)
        elif self.question.wrong:
            self._said.value = _marked(f"To be mended first: {', '.join(self.question.wrong)}.")
        else:
            self._said.value = framed(f'<span class="hash soft">{escape(self.question.command())}</span>')


class _Row:
    """Name, field, and what may be said or what is wrong."""

    def __init__(self, parameter: Parameter, question: Question, checked: Callable[[], None]) -> None:
        self.parameter = parameter
        self._question = question
        self._checked = checked
        self._is_showing = False
        self._note = widgets.HTML(layout={"flex": "1 1 260px"})
        self._field = self._made()
        self._switch: Any = None
        label = widgets.Label(parameter.name, layout=_NAME, tooltip=parameter.help)
        parts = [label, self._field, self._note]
        if parameter.is_optional:
            self._switch = widgets.Checkbox(
                indent=False, tooltip=f"Set {parameter.name}", layout={"width": "24px"}
            )
            self._switch.observe(self._said, "value")
            self._field.layout = {**_FIELD, "width": "212px", "min_width": "212px"}
            parts.insert(1, self._switch)
        self._field.observe(self._said, "value")
        self.box = widgets.HBox(parts, layout={"flex_flow": "row wrap", "align_items": "center"})
        self.show()

    def show(self) -> None:
        """Put what is asked now into the field."""
        value = self._question.values[self.parameter.name]
        self._is_showing = True
        try:
            if self._switch is not None:
                self._switch.value = value is not None
                self._field.disabled = value is None
            if value is None:
                self._field.value = self._empty()
            elif isinstance(self._field, widgets.Dropdown | widgets.Checkbox):
                self._field.value = value
            else:
                self._field.value = typed(self.parameter, value)
        finally:
            self._is_showing = False
        self._annotate()

    def _made(self) -> Any:
        parameter = self.parameter
        if parameter.choices is not None and not parameter.is_list:
            return widgets.Dropdown(options=list(parameter.choices), layout=_FIELD)
        if parameter.kind == "bool" and not parameter.is_list:
            return widgets.Checkbox(indent=False, layout=_FIELD)
        kind = widgets.Textarea if parameter.kind == "dict" else widgets.Text
        return kind(layout=_FIELD, placeholder=_PLACEHOLDERS[parameter.kind])

    def _empty(self) -> Any:
        if isinstance(self._field, widgets.Dropdown):
            return self._field.options[0]
        return False if isinstance(self._field, widgets.Checkbox) else ""

    def _said(self, change: Any) -> None:
        if self._is_showing:
            return
        is_set = self._switch is None or bool(self._switch.value)
        self._field.disabled = not is_set
        self._question.say(self.parameter.name, self._field.value if is_set else None)
        self._annotate()
        self._checked()

    def _annotate(self) -> None:
        wrong = self._question.wrong.get(self.parameter.name)
        if wrong is not None:
            self._note.value = _marked(wrong)
            return
        told = f"{self.parameter.help} ({self.parameter.accepts})" if self.parameter.accepts else None
        self._note.value = framed(f'<span class="soft">{escape(told or self.parameter.help)}</span>')


def _marked(problem: str) -> str:
    """A problem in words, with a sign: not by colour alone."""
    return f'<span role="alert" style="color:{_WRONG};font-weight:600">✗ {escape(problem)}</span>'


def _complaint(error: OmniError) -> str:
    kind = "" if isinstance(error, ConfigError) else f"{type(error).__name__}: "
    return _marked(f"{kind}{error}")
