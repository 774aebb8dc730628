"""``%omni_run`` and ``%omni_runs``: pipelines and flows from a cell.

What is refused is said in one sentence and raised as IPython's `UsageError`: "Run All" stops there, and no
traceback of ours is shown.
"""

from __future__ import annotations

import shlex
from typing import Any, NoReturn

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_magic, magics_class, no_var_expand
from IPython.core.magic_arguments import argument, magic_arguments
from IPython.display import HTML, DisplayHandle, display

from omni_lab.errors import ConfigError, OmniError
from omni_lab.notebook.background import BackgroundRun, follow
from omni_lab.notebook.cards import progress_bar, run_card, runs_table
from omni_lab.notebook.completion import complete_run, complete_runs
from omni_lab.notebook.request import request_of
from omni_lab.pipelines import RunRecord, list_runs
from omni_lab.pipelines.parameter import TypedText
from omni_lab.pipelines.registry import SUCCEEDED

LAST = "_run"
"""The variable that holds the record of the last run."""
_GOOD = frozenset({SUCCEEDED, "cached"})


def load(ipython: Any) -> None:
    """Give a notebook the magics, their completion, and cards for runs.

    Parameters
    ----------
    ipython : InteractiveShell
        The notebook's.
    """
    ipython.register_magics(OmniMagics)
    ipython.display_formatter.formatters["text/html"].for_type(RunRecord, run_card)
    ipython.display_formatter.formatters["text/plain"].for_type(RunRecord, _plain)
    for magic, complete in (("omni_run", complete_run), ("omni_runs", complete_runs)):
        for name in (magic, f"%{magic}"):
            ipython.set_hook("complete_command", complete, str_key=name)


@magics_class
class OmniMagics(Magics):
    """The commands."""

    @no_var_expand  # type: ignore[untyped-decorator]
    @magic_arguments()
    @argument("pipeline", help="name of a pipeline, path of a notebook, or flow:NAME")
    @argument("values", nargs="*", metavar="name=value", help="parameters; name=$variable takes one of yours")
    @argument("-p", "--parameters", metavar="SET", help="named set, or a YAML file")
    @argument("-q", "--quiet", action="store_true", help="no progress, and no card: only the variable _run")
    @argument("--fresh", action="store_true", help="of a flow: run also what an earlier run has answered")
    @line_magic  # type: ignore[untyped-decorator]
    def omni_run(self, line: str) -> RunRecord | None:
        """Run a pipeline or a flow; its record is the value, and stays in ``_run``."""
        asked = _parsed(self.omni_run, line)
        try:
            request = request_of(
                asked.pipeline,
                _with_variables(asked.values, self.shell.user_ns),
                parameter_file=asked.parameters,
                fresh=asked.fresh,
            )
            record = self._made(BackgroundRun(request), quiet=asked.quiet)
        except OmniError as error:
            _refuse(error)
        self.shell.user_ns[LAST] = record
        if record.status not in _GOOD:
            if not asked.quiet:
                display(HTML(run_card(record)))
            first = record.problem.strip().split("\n")[0]
            raise UsageError(f"{request.subject} {record.status}" + (f": {first}" if first else ""))
        return None if asked.quiet else record

    @no_var_expand  # type: ignore[untyped-decorator]
    @magic_arguments()
    @argument("pipeline", nargs="?", help="only its runs")
    @argument("-n", "--limit", type=int, default=10, help="how many, the newest first")
    @line_magic  # type: ignore[untyped-decorator]
    def omni_runs(self, line: str) -> None:
        """The newest runs as a table."""
        asked = _parsed(self.omni_runs, line)
        try:
            found = list_runs(pipeline=asked.pipeline)[: max(asked.limit, 0)]
        except OmniError as error:
            _refuse(error)
        display(HTML(runs_table(found)))

    def _made(self, run: BackgroundRun, *, quiet: bool) -> RunRecord:
        if quiet:
            return follow(run, lambda advance: None)
        shown = display(HTML(progress_bar(run.advance())), display_id=True)
        assert isinstance(shown, DisplayHandle)
        record = follow(run, lambda advance: shown.update(HTML(progress_bar(advance))))
        # What is left is the card below.
        shown.update(HTML(""))
        return record


def _parsed(magic: Any, line: str) -> Any:
    """The arguments on a line, split as a shell splits them."""
    try:
        return magic.parser.parse_intermixed_args(shlex.split(line))
    except ValueError as error:
        raise UsageError(f"this cannot be read: {error}") from error


def _with_variables(pairs: list[str], variables: dict[str, Any]) -> dict[str, Any]:
    """What was said of each parameter; ``name=$variable`` is the variable, everything else is text."""
    said: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise ConfigError("a parameter is set as name=value", found=pair)
        if name in said:
            raise ConfigError("a parameter is set twice", found=name)
        variable = text.removeprefix("$")
        if text.startswith("$") and variable not in variables:
            raise ConfigError("this notebook has no such variable", found=variable, where=pair)
        said[name] = variables[variable] if text.startswith("$") else TypedText(text)
    return said


def _plain(record: RunRecord, printer: Any, cycle: bool) -> None:
    printer.text(f"<Run {record.run_id}: {record.status}>")


def _refuse(error: OmniError) -> NoReturn:
    raise UsageError(str(error)) from None
