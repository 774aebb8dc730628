"""What each day has of its bars: all that it should have, some or none, or some and no session."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from omni_lab.data.moments import DAY_NS
from omni_lab.data.times import as_nanoseconds
from omni_lab.data.trading_calendar import Schedule, TradingCalendar
from omni_lab.errors import DataError
from omni_lab.typing import AnyArray, ArrayLike, BoolArray, IntArray

_DAILY_NS = 20 * 3_600 * 10**9
_FARTHEST_NS = 4 * DAY_NS
_PROPOSED = ("XNYS", "XLON", "XETR", "XTKS", "XHKG")
_MOST_WRONG = 0.02
_SATURDAYS = 0.05  # of the days with bars
_NEAR_NS = 4 * 3_600 * 10**9


class DayState(IntEnum):
    """What a day has."""

    CLOSED = 0
    COMPLETE = 1
    PART = 2
    MISSING = 3
    EXTRA = 4
    OUTSIDE = 5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DayCoverage:
    """Bars of each day against those of its session.

    Attributes
    ----------
    date : ndarray of datetime64[D], shape (n_days,)
        Every day of a window, one after the other.
    state : ndarray of int8, shape (n_days,)
        A `DayState`: CLOSED without a session; COMPLETE, PART or MISSING with all, some or none of the bars
        of the session; EXTRA with bars and no session; OUTSIDE for sessions before the first bar or after
        the last.
    n_bars, n_expected : ndarray of int64, shape (n_days,)
        Bars that there are, and that a session of this length has; 0 expected without a session.
    step_ns : int
        From one bar to the next.
    """

    date: AnyArray
    state: AnyArray
    n_bars: IntArray
    n_expected: IntArray
    step_ns: int

    def count(self, state: DayState) -> int:
        """Days in a state."""
        return int((self.state == state).sum())


def day_coverage(ts: ArrayLike, calendar: TradingCalendar, first: object, last: object) -> DayCoverage:
    """Bars of each day from the first to the last against the sessions of a calendar.

    Parameters
    ----------
    ts : array-like of int64 or datetime64, shape (n_bars,)
        When bars closed, nanoseconds UTC, increasing; all that there are, not only those of the window.
    calendar : TradingCalendar
        Whose sessions there should be bars of.
    first, last : str, date or datetime64
        The window, both included.

    Returns
    -------
    DayCoverage
        Of daily bars each session should have one, of finer ones as many as fill it. The distance of bars is
        the one that occurs most; bars before the opening, after the close and in a break fill nothing. Days
        without a session are those of UTC.

    Raises
    ------
    DataError
        If there is no bar, bars are further apart than sessions, the window ends before it begins, or the
        calendar is not known then.
    """
    times = as_nanoseconds(ts)
    if not len(times):
        raise DataError("there are no bars to count", found=0, expected="1 or more", where="ts")
    step = step_of(times)
    if step > _FARTHEST_NS:
        raise DataError(
            "bars are further apart than sessions",
            found=f"{step / DAY_NS:.0f} days",
            expected="4 days or less",
        )
    begin, end = np.datetime64(first, "D"), np.datetime64(last, "D")  # type: ignore[call-overload]
    if end < begin:
        raise DataError("the window ends before it begins", found=f"{begin} to {end}", where="last")
    # The first bar may belong to a session of the day before.
    schedule = calendar.schedule(begin - 3, end + 1)
    rows, inside = session_rows(times, schedule)
    filling = inside if step >= _DAILY_NS else inside & schedule.trades(times, closing=True)
    per_session = np.bincount(rows[filling], minlength=len(schedule))
    date = np.arange(begin, end + 1)
    n_bars, n_expected = np.zeros((2, len(date)), dtype=np.int64)
    chosen = (schedule.date >= begin) & (schedule.date <= end)
    at = (schedule.date[chosen] - begin).astype(np.int64)
    n_bars[at] = per_session[chosen]
    n_expected[at] = expected_bars(schedule, step)[chosen]
    has_session = n_expected > 0
    others = (times[~inside] - 1).view("datetime64[ns]").astype("datetime64[D]")
    where = (others[(others >= begin) & (others <= end)] - begin).astype(np.int64)
    np.add.at(n_bars, where[~has_session[where]], 1)
    state = np.select(
        [has_session & (n_bars >= n_expected), has_session & (n_bars > 0), has_session, n_bars > 0],
        [DayState.COMPLETE, DayState.PART, DayState.MISSING, DayState.EXTRA],
        DayState.CLOSED,
    ).astype(np.int8)
    born, dead = _edges(times, schedule)
    state[(state == DayState.MISSING) & ((date < born) | (date > dead))] = DayState.OUTSIDE
    return DayCoverage(date=date, state=state, n_bars=n_bars, n_expected=n_expected, step_ns=step)


def session_rows(ts: IntArray, schedule: Schedule) -> tuple[IntArray, BoolArray]:
    """Row of the session that each bar is of, and whether it is of one at all.

    A daily bar is stamped at the usual close, on half days hours after the last trade: a bar is of the
    session that opened last, unless that is more than a day ago.

    Parameters
    ----------
    ts : ndarray of int64, shape (n_bars,)
        When bars closed, nanoseconds UTC.
    schedule : Schedule

    Returns
    -------
    rows : ndarray of int64, shape (n_bars,)
        0 or more; of no meaning where there is no session.
    inside : ndarray of bool, shape (n_bars,)
    """
    if not len(schedule):
        return np.zeros(len(ts), dtype=np.int64), np.zeros(len(ts), dtype=np.bool_)
    rows = np.searchsorted(schedule.open_ns, ts, side="left") - 1
    inside = (rows >= 0) & (ts - schedule.open_ns[np.maximum(rows, 0)] <= DAY_NS)
    return np.maximum(rows, 0), np.asarray(inside)


def expected_bars(schedule: Schedule, step_ns: int) -> IntArray:
    """Bars that fill each session, shape (n_sessions,): one daily bar, of finer ones those of its length."""
    if step_ns >= _DAILY_NS:
        return np.ones(len(schedule), dtype=np.int64)
    paused = schedule.break_end_ns - schedule.break_start_ns
    return np.asarray(np.maximum(-(-(schedule.close_ns - schedule.open_ns - paused) // step_ns), 1))


def step_of(ts: IntArray) -> int:
    """The distance of bars that occurs most, the smaller one of several; a day of a single bar."""
    if len(ts) < 2:
        return DAY_NS
    steps, times = np.unique(np.diff(ts), return_counts=True)
    return int(steps[np.argmax(times)])


def likely_calendar(ts: ArrayLike) -> TradingCalendar:
    """The calendar that bars follow best.

    Parameters
    ----------
    ts : array-like of int64 or datetime64, shape (n_bars,)
        When bars closed, nanoseconds UTC, increasing.

    Returns
    -------
    TradingCalendar
        The one that never closes where Saturdays have bars; else that exchange of New York, London,
        Frankfurt, Tokyo and Hong Kong whose sessions lack fewest bars and which has fewest bars at other
        times, if the latter are no more than 2%; else weekdays, from midnight to midnight UTC.
    """
    times = as_nanoseconds(ts)
    weekdays = TradingCalendar.weekdays("00:00", "23:59", "UTC")
    days = np.unique((times - 1).view("datetime64[ns]").astype("datetime64[D]"))
    if not len(days):
        return weekdays
    # Currencies trade on Sunday evenings and pause on Saturdays; what never closes does not.
    if np.is_busday(days, weekmask="Sat").mean() > _SATURDAYS:
        return TradingCalendar.always_open()
    wrong = {}
    for name in _PROPOSED:
        calendar = TradingCalendar.of(name)
        try:
            wrong[calendar] = _disagreement(times, calendar.schedule(days[0] - 3, days[-1] + 1))
        except DataError:
            continue
    best = min(wrong, key=lambda each: sum(wrong[each]), default=weekdays)
    # What is missing speaks against no calendar; what is there on a holiday does.
    return best if wrong.get(best, (1.0, 1.0))[1] <= _MOST_WRONG else weekdays


def _disagreement(ts: IntArray, schedule: Schedule) -> tuple[float, float]:
    """Fraction of sessions without a bar, and of bars that close in none."""
    daily = step_of(ts) >= _DAILY_NS
    rows, inside = session_rows(ts, schedule)
    held = np.unique(rows[inside])
    if not len(held):
        return 1.0, 1.0
    n_sessions = int(held[-1] - held[0]) + 1
    # A daily bar is stamped near the close of its own exchange, and hours from that of another.
    apart = np.abs(ts - schedule.close_ns[rows]) > _NEAR_NS
    strange = (~inside | apart) if daily else ~schedule.trades(ts, closing=True)
    return (n_sessions - len(held)) / n_sessions, float(strange.mean())


def _edges(ts: IntArray, schedule: Schedule) -> tuple[np.datetime64, np.datetime64]:
    """First and last day that has bars, as far as the schedule goes."""
    rows, inside = session_rows(ts[[0, -1]], schedule)
    days = (ts[[0, -1]] - 1).view("datetime64[ns]").astype("datetime64[D]")
    found = [schedule.date[row] if known else day for row, known, day in zip(rows, inside, days, strict=True)]
    return found[0], found[1]
