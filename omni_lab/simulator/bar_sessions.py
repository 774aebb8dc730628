"""The sessions of a calendar in a run over bars: which bars lie outside, which sessions have none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from omni_lab.data.moments import DAY_NS
from omni_lab.data.times import iso
from omni_lab.errors import DataError
from omni_lab.typing import AnyArray, BoolArray, IntArray

if TYPE_CHECKING:
    from omni_lab.data.trading_calendar import TradingCalendar
    from omni_lab.simulator.config import SimulationConfig

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class BarSessions:
    """Bars against a calendar.

    Attributes
    ----------
    numbers : ndarray of int64, shape (n_times,)
        Number of each bar's session, not decreasing; of a bar outside sessions that of the next.
    outside : ndarray of bool, shape (n_times,)
        Bars that closed outside sessions.
    missing : ndarray of datetime64[D]
        Sessions between the first bar's and the last bar's that have no bar.
    n_sessions : int
        Sessions from the first bar's to the last bar's.
    """

    numbers: IntArray
    outside: BoolArray
    missing: AnyArray
    n_sessions: int


def bar_sessions(ts: IntArray, calendar: TradingCalendar) -> BarSessions:
    """Bars by the times at which they closed. Bars all stamped with midnight UTC carry the date of their day.

    Raises
    ------
    DataError
        If the calendar is not known at the times of the bars.
    """
    edges = ts[[0, -1]].view("datetime64[ns]").astype("datetime64[D]")
    around = calendar.schedule(edges[0] - 8, edges[1] + 8)
    if not len(around):
        raise DataError(f"{calendar} has no session near the bars", found=f"{edges[0]} to {edges[1]}")
    if not (ts % DAY_NS).any():
        days = ts.view("datetime64[ns]").astype("datetime64[D]")
        numbers = np.searchsorted(around.date, days)
        outside = around.date[np.minimum(numbers, len(around) - 1)] != days
    else:
        numbers = around.place(ts, closing=True)
        outside = ~around.trades(ts, closing=True)
    inside = numbers[~outside]
    if not len(inside):
        return BarSessions(numbers, outside, around.date[:0], 0)
    first, last = int(inside[0]), int(inside[-1])
    without = np.setdiff1d(np.arange(first, last + 1), inside)
    return BarSessions(numbers, outside, around.date[without], last - first + 1)


def sessions_for_engine(ts: IntArray, config: SimulationConfig) -> IntArray | None:
    """Numbers of the sessions; None without a calendar.

    Raises
    ------
    DataError
        If bars lie outside sessions, and the settings refuse them.
    """
    if config.calendar is None:
        return None
    found = bar_sessions(ts, config.calendar)
    if config.outside == "refuse" and found.outside.any():
        raise DataError(
            f"{int(found.outside.sum()):,} bars lie outside the sessions of {config.calendar}",
            found=", ".join(iso(int(each)) for each in ts[found.outside][:_SHOWN]),
            where="SimulationConfig.calendar",
            hint="Drop them, or set outside='warn' to count them.",
        )
    return found.numbers


def steps_per_year(ts: IntArray, config: SimulationConfig) -> float:
    """Steps in a year, for annualising.

    As set; else with a calendar the steps of a session times the sessions of a year; else as the times say.
    """
    if config.periods_per_year is not None:
        return config.periods_per_year
    if config.calendar is not None:
        found = bar_sessions(ts, config.calendar)
        if found.n_sessions > 1:
            n_inside = int((~found.outside).sum())
            return n_inside / found.n_sessions * config.calendar.sessions_per_year
    from omni_lab.portfolio.performance import infer_periods_per_year

    return infer_periods_per_year(ts)


def notes(ts: IntArray, calendar: TradingCalendar) -> list[str]:
    """What a run should say of its bars and their calendar."""
    found = bar_sessions(ts, calendar)
    said = []
    if found.outside.any():
        some = ", ".join(iso(int(each)) for each in ts[found.outside][:_SHOWN])
        said.append(
            f"{int(found.outside.sum()):,} of {len(ts):,} bars lie outside the sessions of {calendar}: "
            f"{some}{_more(int(found.outside.sum()))}."
        )
    if len(found.missing):
        some = ", ".join(str(each) for each in found.missing[:_SHOWN])
        said.append(
            f"{len(found.missing):,} of {found.n_sessions:,} sessions of {calendar} have no bar: "
            f"{some}{_more(len(found.missing))}."
        )
    return said


def _more(n: int) -> str:
    return f" and {n - _SHOWN:,} more" if n > _SHOWN else ""
