"""Runs and results to look at: a record as a card, two of them side by side, a slider over a backtest."""

from __future__ import annotations

import base64
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omni_lab.notebook.cards import framed, run_card
from omni_lab.pipelines import RunRecord, find_run

if TYPE_CHECKING:
    from omni_lab.pipelines.compare import RunDiff
    from omni_lab.simulator import BacktestResults, TickResults
    from omni_lab.ui.replay.source import ReplaySource


class Shown:
    """HTML that a notebook shows.

    Parameters
    ----------
    html, text : str
        For a notebook, and for where there is none.
    """

    def __init__(self, html: str, text: str) -> None:
        self._html = html
        self._text = text

    def _repr_html_(self) -> str:
        return self._html

    def __repr__(self) -> str:
        return self._text


def run(record: RunRecord | str) -> Shown:
    """A run with its figures: how it ended, what came first, where the rest is.

    Parameters
    ----------
    record : RunRecord or str
        A record, the beginning of a run's id, a tag, or ``"last"``.

    Raises
    ------
    ConfigError
        If no run, or more than one, goes by that name.
    """
    found = _found(record)
    return Shown(run_card(found) + _figures(found), f"<Run {found.run_id}: {found.status}>")


def diff(a: RunRecord | str, b: RunRecord | str) -> RunDiff:
    """What differs between two runs: parameters, what they were made with, metrics, weights, trades.

    Parameters
    ----------
    a, b : RunRecord or str
        As in `run`. Differences are what the second has and the first has not.

    Returns
    -------
    RunDiff
        Shown as tables; ``plot()`` draws both equities.

    Raises
    ------
    ConfigError
        If no run, or more than one, goes by one of the names.
    """
    from omni_lab.pipelines.compare import compare_runs

    return compare_runs(_found(a), _found(b))


def replay(
    results: BacktestResults | TickResults | ReplaySource | str | Path, *, at: int | None = None
) -> Any:
    """A slider over a run's moments, or over a journal's frames.

    Parameters
    ----------
    results : BacktestResults, TickResults, ReplaySource, str or Path
        What to walk through; a path is that of a journal.
    at : int, optional
        Moment to begin with; the last one by default.

    Raises
    ------
    MissingExtraError
        If ``ipywidgets`` or ``param`` are not installed: extra ``lab``.
    """
    from omni_lab.simulator import BacktestResults, TickResults
    from omni_lab.ui import replay_widget, run_replay

    if isinstance(results, BacktestResults | TickResults):
        return run_replay(results, at=at)
    return replay_widget(results, sequence=at)


def _found(record: RunRecord | str) -> RunRecord:
    return find_run(record) if isinstance(record, str) else record


def _figures(record: RunRecord) -> str:
    """The figures of the run, in the page itself: it may be read where the run's folder is not."""
    paths = [record.folder.path / name for name in record.artifacts.get("figures") or ()]
    shown = "".join(
        f'<img alt="{escape(path.stem)}" style="max-width:100%" src="data:image/png;base64,'
        f'{base64.b64encode(path.read_bytes()).decode()}">'
        for path in paths
        if path.is_file() and path.suffix == ".png"
    )
    return framed(f"<details><summary>Figures ({len(paths)})</summary>{shown}</details>") if shown else ""
