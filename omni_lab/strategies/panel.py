"""Strategies that look at all instruments at once, at each close, and are handed nothing but the past."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from omni_lab.strategies.base import Strategy
from omni_lab.typing import FloatArray, IntArray

if TYPE_CHECKING:
    from omni_lab.data import Bars

Decide = Callable[[IntArray, FloatArray], FloatArray | None]
"""Times up to now, shape (n,), and closes up to now, shape (n, n_symbols), to target weights or None."""

Calendar = Literal["daily", "weekly", "monthly", "quarterly", "yearly"]

_UNITS = {"daily": "D", "monthly": "M", "yearly": "Y"}


class PanelStrategy(Strategy):
    """Base class of strategies whose decision needs several instruments: override :meth:`begin`.

    Its :meth:`signals` walk through the closes and give each decision the closes up to its own, so that a
    decision cannot see what comes after it.
    """

    def begin(self, symbols: Sequence[str]) -> Decide:
        """A function that decides, called once for each close in their order; what it remembers is its own.

        It returns target weights, shape (n_symbols,), where NaN leaves an instrument as it is, or None for
        no decision at all. Closes are NaN where an instrument has no bar.
        """
        raise NotImplementedError(f"{type(self).__name__} must define begin")

    def signals(self, bars: Bars) -> FloatArray:
        """Target weights of every close, shape (n_times, n_symbols); NaN where nothing is decided."""
        ts, closes = bars.ts, bars.close()
        closes.flags.writeable = False
        decide = self.begin(bars.symbols)
        targets = np.full(closes.shape, np.nan)
        for step in range(len(ts)):
            decided = decide(ts[: step + 1], closes[: step + 1])
            if decided is not None:
                targets[step] = decided
        return targets


def starts_period(ts: IntArray, calendar: Calendar) -> bool:
    """Whether the last of these times is the first of its day, week (from Monday), month, quarter or year.

    Parameters
    ----------
    ts : ndarray of int64, shape (n,)
        Nanoseconds since 1970 UTC, increasing. The first time of all starts nothing.
    calendar : {"daily", "weekly", "monthly", "quarterly", "yearly"}
    """
    if len(ts) < 2:
        return False
    before, now = (_period(each, calendar) for each in ts[-2:].tolist())
    return before != now


def _period(ts: int, calendar: Calendar) -> int:
    moment = np.datetime64(ts, "ns")
    if calendar == "weekly":
        # 1970 began on a Thursday.
        return (int(moment.astype("datetime64[D]").astype(np.int64)) + 3) // 7
    if calendar == "quarterly":
        return int(moment.astype("datetime64[M]").astype(np.int64)) // 3
    return int(moment.astype(f"datetime64[{_UNITS[calendar]}]").astype(np.int64))
