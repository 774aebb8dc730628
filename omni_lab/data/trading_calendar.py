"""When markets trade: sessions, holidays, half days and breaks, as int64 nanoseconds in UTC.

The sessions of exchanges come from the library `exchange_calendars`, which only this module imports. A day on
which an exchange closed for a reason that nobody could know before (a funeral, a storm) is a holiday like others.
"""

from __future__ import annotations

import datetime as dt
import difflib
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from omni_lab.data.moments import DAY_NS
from omni_lab.data.times import as_nanoseconds, iso
from omni_lab.errors import ConfigError, DataError
from omni_lab.typing import AnyArray, ArrayLike, BoolArray, IntArray

ALWAYS_OPEN, WEEKDAYS = "ALWAYS_OPEN", "WEEKDAYS"
_TYPICAL_YEARS = (2015, 2024)  # ten whole years, for the number of sessions in one
_NEAREST = 5


@dataclass(frozen=True, slots=True)
class Schedule:
    """Sessions of a calendar, one row each.

    Attributes
    ----------
    date : ndarray of datetime64[D], shape (n_sessions,)
        The session's date at the exchange, increasing.
    open_ns, close_ns : ndarray of int64, shape (n_sessions,)
        First moment of trading, and the first moment after it.
    break_start_ns, break_end_ns : ndarray of int64, shape (n_sessions,)
        The break within the session; both are ``close_ns`` where there is none.
    """

    date: AnyArray
    open_ns: IntArray
    close_ns: IntArray
    break_start_ns: IntArray
    break_end_ns: IntArray

    def __len__(self) -> int:
        return len(self.date)

    def between(self, first: np.datetime64, last: np.datetime64) -> Schedule:
        """Sessions of dates from the first to the last, both included."""
        chosen = slice(np.searchsorted(self.date, first), np.searchsorted(self.date, last, side="right"))
        return Schedule(*(getattr(self, name)[chosen] for name in self.__slots__))

    def place(self, ts: IntArray, *, closing: bool) -> IntArray:
        """Row of the session that is on at each time, or comes next; ``len`` after the last."""
        return np.searchsorted(self.close_ns, ts, side="left" if closing else "right")

    def trades(self, ts: IntArray, *, closing: bool) -> BoolArray:
        """Whether each time lies within a session and not in its break; see :meth:`TradingCalendar.is_open`."""
        if not len(self):
            return np.zeros(len(ts), dtype=np.bool_)
        row = np.minimum(self.place(ts, closing=closing), len(self) - 1)
        # A bar that closes at a moment covers what came before it.
        at = ts - 1 if closing else ts
        inside = (self.open_ns[row] <= at) & (at < self.close_ns[row])
        paused = (self.break_start_ns[row] <= at) & (at < self.break_end_ns[row])
        return np.asarray(inside & ~paused)


@dataclass(frozen=True, slots=True)
class TradingCalendar:
    """When a market trades. Make one with :meth:`of`, :meth:`always_open` or :meth:`weekdays`.

    Attributes
    ----------
    name : str
        Name of the exchange (its MIC, as ``"XNYS"``), ``"ALWAYS_OPEN"`` or ``"WEEKDAYS"``.
    opens, closes, tz, holidays
        Of ``WEEKDAYS``: times of day there, the time zone, dates without a session.

    Raises
    ------
    ConfigError
        For a name that nobody knows (the nearest ones are listed), or times, zones and dates that are none.

    Examples
    --------
    >>> crypto = TradingCalendar.always_open()
    >>> bool(crypto.is_open("2024-01-06T12:00"))  # a Saturday
    True
    """

    name: str
    opens: str = ""
    closes: str = ""
    tz: str = "UTC"
    holidays: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.name == WEEKDAYS:
            object.__setattr__(self, "holidays", tuple(sorted(str(_date(each)) for each in self.holidays)))
            opens, closes = _time_of_day(self.opens), _time_of_day(self.closes)
            if closes <= opens:
                raise ConfigError("a session ends before it begins", found=f"{self.opens} to {self.closes}")
            _zone(self.tz)
        elif self.name != ALWAYS_OPEN:
            object.__setattr__(self, "name", _known(self.name))

    @classmethod
    def of(cls, name: str) -> TradingCalendar:
        """The calendar of an exchange: its MIC (``"XNYS"``, ``"XLON"``), or another name of it (``"NYSE"``)."""
        return cls(name)

    @classmethod
    def always_open(cls) -> TradingCalendar:
        """A market that never closes; its sessions are the days of UTC."""
        return cls(ALWAYS_OPEN)

    @classmethod
    def weekdays(
        cls,
        open: str = "09:30",
        close: str = "16:00",
        tz: str = "America/New_York",
        holidays: Iterable[str | dt.date | np.datetime64] = (),
    ) -> TradingCalendar:
        """A market that trades from Monday to Friday but on holidays."""
        return cls(WEEKDAYS, open, close, tz, tuple(str(_date(each)) for each in holidays))

    @classmethod
    def parse(cls, given: object) -> TradingCalendar:
        """A calendar from whatever a setting holds: one, its name, or a mapping of its attributes.

        Raises
        ------
        ConfigError
            If it is none of these.
        """
        if isinstance(given, TradingCalendar):
            return given
        if isinstance(given, str):
            return cls(given)
        if isinstance(given, Mapping) and "name" in given and not set(given) - set(cls.__slots__):
            return cls(**{**given, "holidays": tuple(given.get("holidays", ()))})
        raise ConfigError(
            "this is no trading calendar",
            found=given,
            expected="a TradingCalendar, the name of one as 'XNYS', or a mapping of its attributes",
            where="calendar",
        )

    def schedule(self, start: Any, end: Any) -> Schedule:
        """Sessions of dates from ``start`` to ``end``, both included.

        Parameters
        ----------
        start, end : str, date or datetime64
            Dates at the exchange.

        Raises
        ------
        DataError
            If these are no dates, or lie where the calendar is not known.
        """
        first, last = _date(start), _date(end)
        years = int(str(first)[:4]), int(str(last)[:4])
        return _sessions(self, *years).between(first, last)

    def sessions(self, start: Any, end: Any) -> AnyArray:
        """Dates of the sessions from ``start`` to ``end``, both included; datetime64[D]."""
        return self.schedule(start, end).date

    def is_open(self, ts: Any, *, closing: bool = False) -> BoolArray:
        """Whether the market trades at each time.

        Parameters
        ----------
        ts : datetime64, int64 nanoseconds or text, scalar or array
            Times, UTC.
        closing : bool
            Whether these are the times at which bars closed: then the last moment of a session is within it, and
            the first is not.

        Returns
        -------
        ndarray of bool, of the shape of ``ts``
        """
        times, shape = _times(ts)
        return self._around(times).trades(times, closing=closing).reshape(shape)

    def session_of(self, ts: Any, *, closing: bool = False) -> AnyArray:
        """Date of the session at each time; NaT where there is none. A break belongs to its session."""
        times, shape = _times(ts)
        around = self._around(times)
        row = np.minimum(around.place(times, closing=closing), len(around) - 1)
        at = times - 1 if closing else times
        inside = (around.open_ns[row] <= at) & (at < around.close_ns[row])
        return np.where(inside, around.date[row], np.datetime64("NaT")).reshape(shape)

    def next_open(self, ts: Any) -> IntArray:
        """When the next session begins after each time, nanoseconds UTC. The end of a break is no open."""
        times, shape = _times(ts)
        return _after(self._around(times).open_ns, times).reshape(shape)

    def next_close(self, ts: Any) -> IntArray:
        """When the session that is on, or the next, ends after each time, nanoseconds UTC."""
        times, shape = _times(ts)
        return _after(self._around(times).close_ns, times).reshape(shape)

    @property
    def sessions_per_year(self) -> float:
        """Sessions in a year: the mean of the ten years from 2015 to 2024."""
        first, last = _TYPICAL_YEARS
        known = _sessions(self, first, last).between(np.datetime64(f"{first}-01-01"), _end_of(last))
        return len(known) / (last - first + 1)

    def _around(self, times: IntArray) -> Schedule:
        """Sessions of all years that the times touch, and of the month before and after."""
        if not len(times):
            return _sessions(self, *_TYPICAL_YEARS)
        edges = np.array([times.min() - 31 * DAY_NS, times.max() + 31 * DAY_NS]).view("datetime64[ns]")
        first, last = edges.astype("datetime64[Y]").astype(int) + 1970
        return _sessions(self, int(first), int(last))

    def __str__(self) -> str:
        return self.name if self.name != WEEKDAYS else f"weekdays {self.opens}–{self.closes} {self.tz}"


@lru_cache(maxsize=64)
def _sessions(calendar: TradingCalendar, first_year: int, last_year: int) -> Schedule:
    """Sessions of whole years."""
    if calendar.name == ALWAYS_OPEN:
        dates = np.arange(f"{first_year}-01-01", f"{last_year + 1}-01-01", dtype="datetime64[D]")
        midnights = dates.astype("datetime64[ns]").view(np.int64)
        ends = midnights + DAY_NS
        return Schedule(dates, midnights, ends, ends, ends)
    if calendar.name == WEEKDAYS:
        return _weekdays(calendar, first_year, last_year)
    return _of_exchange(calendar.name, first_year, last_year)


def _weekdays(calendar: TradingCalendar, first_year: int, last_year: int) -> Schedule:
    dates = np.arange(f"{first_year}-01-01", f"{last_year + 1}-01-01", dtype="datetime64[D]")
    closed = np.array(calendar.holidays, dtype="datetime64[D]")
    dates = dates[np.is_busday(dates) & ~np.isin(dates, closed)]
    zone = ZoneInfo(calendar.tz)
    opens, closes = (
        np.array(
            [int(dt.datetime.combine(day, time, zone).timestamp()) * 10**9 for day in dates.tolist()],
            dtype=np.int64,
        )
        for time in (_time_of_day(calendar.opens), _time_of_day(calendar.closes))
    )
    return Schedule(dates, opens, closes, closes, closes)


def _of_exchange(name: str, first_year: int, last_year: int) -> Schedule:
    begin, end = f"{first_year}-01-01", f"{last_year}-12-31"
    try:
        rows = _library(name, start=begin, end=end).schedule
    except ValueError:
        begin, end = _within_bounds(name, begin, end)
        rows = _library(name, start=begin, end=end).schedule
    opens, closes = (_utc_ns(rows[column]) for column in ("open", "close"))
    pauses = ~rows["break_start"].isna().to_numpy()
    break_start = np.where(pauses, _utc_ns(rows["break_start"]), closes)
    break_end = np.where(pauses, _utc_ns(rows["break_end"]), closes)
    dates = rows.index.to_numpy().astype("datetime64[D]")
    return Schedule(dates, opens, closes, break_start, break_end)


def _library(name: str, **dates: str) -> Any:
    """The library's calendar of an exchange, without warnings about what it uses of pandas."""
    import exchange_calendars

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return exchange_calendars.get_calendar(name, **dates)


def _within_bounds(name: str, begin: str, end: str) -> tuple[str, str]:
    """What is known of a range of dates."""
    kind = type(_library(name))
    low, high = kind.bound_min(), kind.bound_max()
    if (low is not None and str(low.date()) > end) or (high is not None and str(high.date()) < begin):
        raise DataError(
            f"the sessions of {name} are not known then",
            found=f"{begin} to {end}",
            expected=f"{'any' if low is None else low.date()} to {'any' if high is None else high.date()}",
            where="TradingCalendar",
        )
    begin = begin if low is None else max(begin, str(low.date()))
    return begin, end if high is None else min(end, str(high.date()))


def _after(moments: IntArray, times: IntArray) -> IntArray:
    """The first moment after each time."""
    rows = np.searchsorted(moments, times, side="right")
    if (rows == len(moments)).any():
        raise DataError(
            "no later session is known",
            found=iso(int(times.max())),
            expected=f"a time before {iso(int(moments[-1]))}" if len(moments) else None,
            where="TradingCalendar",
        )
    return moments[rows]


def _utc_ns(column: Any) -> IntArray:
    return np.asarray(column.dt.tz_convert(None).to_numpy().astype("datetime64[ns]").view(np.int64))


def _known(name: object) -> str:
    """The name under which the library has an exchange."""
    import exchange_calendars

    names = exchange_calendars.get_calendar_names(include_aliases=True)
    if not isinstance(name, str) or name not in names:
        near = difflib.get_close_matches(str(name).upper(), names, n=_NEAREST, cutoff=0.4)
        raise ConfigError(
            "there is no trading calendar of this name",
            found=name,
            expected=near or f"one of {len(names)}, as XNYS, XLON, XHKG, 24/7",
            where="TradingCalendar.of",
            hint="Exchanges go by their market identifier code; TradingCalendar.weekdays makes one of your own.",
        )
    return str(exchange_calendars.resolve_alias(name))


def _times(ts: Any) -> tuple[IntArray, tuple[int, ...]]:
    if isinstance(ts, int | np.integer):
        return np.array([int(ts)], dtype=np.int64), ()
    given: AnyArray = np.asarray(np.datetime64(ts) if isinstance(ts, str) else ts)
    flat: ArrayLike = given.reshape(-1) if given.ndim == 0 else ts
    return as_nanoseconds(flat), given.shape


def _date(value: Any) -> np.datetime64:
    try:
        found = np.datetime64(value, "D")
    except (TypeError, ValueError) as error:
        raise DataError("this is no date", found=value, expected="a date as 2024-01-31") from error
    if np.isnat(found):
        raise DataError("this is no date", found=value, expected="a date as 2024-01-31")
    return found


def _end_of(year: int) -> np.datetime64:
    return np.datetime64(f"{year}-12-31")


def _time_of_day(text: str) -> dt.time:
    try:
        return dt.time.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise ConfigError("this is no time of day", found=text, expected="a time as 09:30") from error


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ConfigError("there is no such time zone", found=name, expected="as America/New_York") from error
