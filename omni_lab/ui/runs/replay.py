"""The film of a run for whoever looks: widgets in JupyterLab, a page on a Panel server, of one state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omni_lab.errors import ConfigError
from omni_lab.screens import hang
from omni_lab.ui.runs import run_film
from omni_lab.ui.runs.state import RunState

if TYPE_CHECKING:
    from omni_lab.simulator import BacktestResults, TickResults
    from omni_lab.ui.replay.page import Scheme
    from omni_lab.ui.runs.dashboard import RunView
    from omni_lab.ui.runs.widget import RunBox


@hang("replay")
class RunReplay:
    """A slider over a run; ``results.replay()`` makes one.

    The last line of a notebook's cell shows it, ``.servable()`` puts it on the page of a Panel server, and it
    may stand in any Panel layout. All of these move together.

    Parameters
    ----------
    results : BacktestResults or TickResults
        The run.
    event : int, optional
        Moment to begin with, from 0: a step of bars; of ticks a message about an order or a sample of the
        account. The last one by default.
    ts : int, str or datetime-like, optional
        Time to begin with instead: the last moment at or before it.
    theme : {"light", "dark"}
        Colours on a Panel server; a notebook has its own.

    Attributes
    ----------
    state : RunState
        Where it stands; change it, and every screen follows.

    Raises
    ------
    ConfigError
        If both event and time are given.
    DataError
        If the run has no such moment.
    MissingExtraError
        If ``param`` is not installed: extra ``lab`` or ``dashboard``.
    """

    def __init__(
        self,
        results: BacktestResults | TickResults,
        *,
        event: int | None = None,
        ts: Any = None,
        theme: Scheme = "light",
    ) -> None:
        film = run_film(results)
        self._theme = theme
        self._box: RunBox | None = None
        self.state = RunState(film, at=_place(film.at, event, ts))

    @property
    def event(self) -> int:
        """The moment it stands at."""
        return int(self.state.sequence)

    def go(self, event: int | None = None, *, ts: Any = None) -> None:
        """Stand at another moment.

        Raises
        ------
        ConfigError
            If both event and time are given, or neither.
        DataError
            If the run has no such moment.
        """
        place = _place(self.state.film.at, event, ts)
        if place is None:
            raise ConfigError("say where to go", expected="event or ts", where="replay")
        self.state.check(place)
        self.state.sequence = place

    def widget(self) -> RunBox:
        """The slider for a notebook.

        Raises
        ------
        MissingExtraError
            If ``ipywidgets`` is not installed: extra ``lab``.
        """
        if self._box is None:
            from omni_lab.ui.runs.widget import RunBox

            self._box = RunBox(self.state)
        return self._box

    def panel(self) -> RunView:
        """The slider for a Panel server or layout.

        Raises
        ------
        MissingExtraError
            If ``panel`` is not installed: extra ``dashboard``.
        """
        from omni_lab.ui.runs.dashboard import RunView

        return RunView(self.state, theme=self._theme)

    def servable(self, title: str | None = None) -> Any:
        """Put it on the page of a Panel server, as Panel's ``servable`` does.

        Raises
        ------
        MissingExtraError
            If ``panel`` is not installed: extra ``dashboard``.
        """
        return self.panel().servable(title)

    def __panel__(self) -> RunView:
        return self.panel()

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        return self.widget()._repr_mimebundle_(**kwargs)

    def __repr__(self) -> str:
        film = self.state.film
        return f"<Replay of {film.title}: {film.noun.lower()} {self.event} of {self.state.last}>"


def _place(at: Any, event: int | None, ts: Any) -> int | None:
    if event is not None and ts is not None:
        raise ConfigError(
            "a replay stands at an event or at a time, not at both",
            found=f"event={event!r}, ts={ts!r}",
            expected="one of them",
            where="replay",
        )
    return event if ts is None else int(at(ts))
