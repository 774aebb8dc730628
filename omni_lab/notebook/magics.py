"""``%omni_run`` and ``%omni_runs``: pipelines and flows from a cell.

What is refused is said in one sentence and raised as IPython's `UsageError`: "Run All" stops there, and no
traceback of ours is shown.
"""

from __future__ import annotations

import argparse
import shlex
from typing import Any, NoReturn

from IPython.core.error import UsageError
from IPython.core.magic import no_var_expand
from IPython.display import HTML, display

from omni_lab.errors import ConfigError, OmniError
from omni_lab.notebook.background import BackgroundRun, follow
from omni_lab.notebook.cards import progress_bar, run_card, runs_table
from omni_lab.notebook.completion import complete_run, complete_runs
from omni_lab.pipelines import RunRecord, list_runs
from omni_lab.pipelines.jobs.progress import Advance
from omni_lab.pipelines.jobs.request import request_of
from omni_lab.pipelines.parameter import TypedText
from omni_lab.pipelines.registry import SUCCEEDED

LAST = "_run"
"""The variable that holds the record of the last run."""


def load(ipython: Any) -> None:
    """Give a notebook the magics, their completion, and cards for runs.

    Parameters
    ----------
    ipython : InteractiveShell
        The notebook's.
    """

    def omni_run(line: str) -> RunRecord | None:
        return _omni_run(line, ipython.user_ns)

    for name, magic, usage, complete in (
        ("omni_run", omni_run, _RUN, complete_run),
        ("omni_runs", _omni_runs, _RUNS, complete_runs),
    ):
        magic.__doc__ = usage.format_help()
        ipython.register_magic_function(no_var_expand(magic), "line", name)
        for said in (name, f"%{name}"):
            ipython.set_hook("complete_command", complete, str_key=said)
    formatters = ipython.display_formatter.formatters
    formatters["text/html"].for_type(RunRecord, run_card)
    formatters["text/plain"].for_type(RunRecord, _plain)


class _Usage(argparse.ArgumentParser):
    """What may stand behind a magic."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message)

    def read(self, line: str) -> argparse.Namespace:
        """The arguments on a line, split as a shell splits them."""
        try:
            return self.parse_intermixed_args(shlex.split(line))
        except ValueError as error:
            raise UsageError(f"this cannot be read: {error}") from None


def _omni_run(line: str, variables: dict[str, Any]) -> RunRecord | None:
    asked = _RUN.read(line)
    try:
        request = request_of(
            asked.pipeline or "",
            _with_variables(asked.values, variables),
            parameter_file=asked.parameters,
            fresh=asked.fresh,
        )
        record = _made(BackgroundRun(request), quiet=asked.quiet)
    except OmniError as error:
        _refuse(error)
    variables[LAST] = record
    if record.status != SUCCEEDED:
        if not asked.quiet:
            display(HTML(run_card(record)))
        first = record.problem.strip().split("\n")[0]
        raise UsageError(f"{request.subject} {record.status}" + (f": {first}" if first else ""))
    return None if asked.quiet else record


def _omni_runs(line: str) -> None:
    asked = _RUNS.read(line)
    try:
        found = list_runs(pipeline=asked.pipeline)[: max(asked.limit, 0)]
    except OmniError as error:
        _refuse(error)
    display(HTML(runs_table(found)))


def _made(run: BackgroundRun, *, quiet: bool) -> RunRecord:
    if quiet:
        return follow(run, lambda advance: None)
    shown = display(HTML(progress_bar(Advance(subject=run.request.subject))), display_id=True)
    record = follow(run, lambda advance: shown.update(HTML(progress_bar(advance))))
    # What is left is the card below.
    shown.update(HTML(""))
    return record


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


def _run_usage() -> _Usage:
    about = "Run a pipeline or a flow; its record is the value, and stays in _run."
    usage = _Usage(prog="%omni_run", description=about, add_help=False)
    usage.add_argument("pipeline", nargs="?", help="name of a pipeline, path of a notebook, or flow:NAME")
    usage.add_argument(
        "values", nargs="*", metavar="name=value", help="parameters; name=$variable takes one of yours"
    )
    usage.add_argument("-p", "--parameters", metavar="SET", help="named set, or a YAML file")
    usage.add_argument("-q", "--quiet", action="store_true", help="no progress and no card")
    usage.add_argument("--fresh", action="store_true", help="of a flow: run also what was answered before")
    return usage


def _runs_usage() -> _Usage:
    usage = _Usage(prog="%omni_runs", description="The newest runs as a table.", add_help=False)
    usage.add_argument("pipeline", nargs="?", help="only its runs")
    usage.add_argument("-n", "--limit", type=int, default=10, help="how many, the newest first")
    return usage


_RUN, _RUNS = _run_usage(), _runs_usage()
