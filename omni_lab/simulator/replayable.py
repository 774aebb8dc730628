"""Results that can be looked at event by event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from omni_lab.screens import ReplayScreen


class Replayable:
    """Results with a slider over what happened."""

    def replay(self, *, event: int | None = None, ts: Any = None, theme: str = "light") -> ReplayScreen:
        """A slider over the run, in a notebook or with ``.servable()`` on a Panel server.

        At each event it shows the market as it was known (bars with our fills in them, or the book as we had
        heard of it), account, positions, working orders and what was said of them, and nothing later.

        Parameters
        ----------
        event : int, optional
            Where to begin, from 0; the last by default. On bars an event is a step; on ticks a message about
            an order, or a sample of the account.
        ts : int, str or datetime-like, optional
            Time to begin with instead: the last event at or before it. Naive times are UTC; on a market that
            states times of day they count from midnight at the venue.
        theme : {"light", "dark"}
            Colours on a Panel server; a notebook has its own.

        Returns
        -------
        omni_lab.ui.runs.replay.RunReplay

        Raises
        ------
        ConfigError
            If both event and time are given.
        DataError
            If the run has no such event.
        MissingExtraError
            If the packages that draw it are not installed: extra ``lab`` for notebooks, ``dashboard`` for
            Panel. Drawing it raises this, too.
        """
        from omni_lab.screens import screen

        shown: ReplayScreen = screen("replay")(self, event=event, ts=ts, theme=theme)
        return shown
