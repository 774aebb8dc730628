"""A run as a film: a slider over its steps or messages, with what was known, held and asked for at each.

`film` says what a film is; `bar_film` and `tick_film` make one of results, `page` says how a moment looks.
The buttons in `widget` (JupyterLab) and `dashboard` (Panel) are imported when they are asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omni_lab.ui.runs.film import RunFilm

if TYPE_CHECKING:
    from omni_lab.simulator import BacktestResults, TickResults
    from omni_lab.ui.replay.page import Scheme
    from omni_lab.ui.runs.dashboard import RunView
    from omni_lab.ui.runs.widget import RunBox

__all__ = ["RunFilm", "run_film", "run_panel", "run_replay"]


def run_film(results: BacktestResults | TickResults) -> RunFilm:
    """A run, shown at any of its moments: a step of bars, or a message or sample of a replay."""
    from omni_lab.simulator import BacktestResults

    if isinstance(results, BacktestResults):
        from omni_lab.ui.runs.bar_film import BarFilm

        return BarFilm(results)
    from omni_lab.ui.runs.tick_film import TickFilm

    return TickFilm(results)


def run_replay(results: BacktestResults | TickResults, *, at: int | None = None) -> RunBox:
    """A slider over a run, for JupyterLab.

    Parameters
    ----------
    results : BacktestResults or TickResults
        The run.
    at : int, optional
        Moment to begin with: the number of a step, or of an event from 0; the last one by default.

    Raises
    ------
    MissingExtraError
        If ``ipywidgets`` or ``param`` are not installed: extra ``lab``.
    """
    from omni_lab.ui.runs.state import RunState
    from omni_lab.ui.runs.widget import RunBox

    return RunBox(RunState(run_film(results), at=at))


def run_panel(
    results: BacktestResults | TickResults, *, at: int | None = None, theme: Scheme = "light"
) -> RunView:
    """A slider over a run, for a Panel server: ``run_panel(results).servable()``.

    Parameters
    ----------
    results, at
        As in `run_replay`.
    theme : {"light", "dark"}
        Colours.

    Raises
    ------
    MissingExtraError
        If ``panel`` is not installed: extra ``dashboard``.
    """
    from omni_lab.ui.runs.dashboard import RunView
    from omni_lab.ui.runs.state import RunState

    return RunView(RunState(run_film(results), at=at), theme=theme)
