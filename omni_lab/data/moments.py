"""Times and spans as people say them ("10:30", "100ms", a datetime), in the nanoseconds that feeds count."""

from __future__ import annotations

import datetime as dt
import re
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from omni_lab.errors import DataError

DAY_NS = 86_400_000_000_000
EASTERN = "America/New_York"
_TIME_OF_DAY = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?")
_ZONED = re.compile(r":\d\d(?:\.\d+)?\s*(?:Z|[+-]\d\d:?\d\d)$")
_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(ns|us|ms|s|min|h|d|D|w)")
# 01302019.NASDAQ_ITCH50.gz, 20190130.BX_ITCH_50.gz, S081321-v50.txt.gz
_DATES = (
    (re.compile(r"(?<!\d)(\d{2})(\d{2})(20\d{2})(?!\d)"), (2, 0, 1)),
    (re.compile(r"(?<!\d)(20\d{2})-?(\d{2})-?(\d{2})(?!\d)"), (0, 1, 2)),
    (re.compile(r"^S(\d{2})(\d{2})(\d{2})-v\d+", re.IGNORECASE), (2, 0, 1)),
)
_LONGEST_NS = 2.0**63
_UNITS_NS = {
    "ns": 1,
    "us": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "min": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": DAY_NS,
    "D": DAY_NS,
    "w": 7 * DAY_NS,
}


@lru_cache(maxsize=64)
def midnight_ns(date: dt.date, zone: str = EASTERN) -> int:
    """Midnight of a date in a time zone, nanoseconds since 1970 UTC."""
    start = dt.datetime(date.year, date.month, date.day, tzinfo=ZoneInfo(zone))
    return int(start.timestamp()) * 1_000_000_000


def moment_ns(when: Any, *, midnight: int = 0) -> int:
    """A time in nanoseconds.

    Parameters
    ----------
    when : int, str, date, datetime, time, timedelta, datetime64 or timedelta64
        Integers are taken as they are. Times of day, as ``"10:30"`` and ``"09:30:00.5"``, and spans count
        from ``midnight``. Dates with times are UTC unless they say otherwise.
    midnight : int
        Midnight at the venue in the nanoseconds of the feed.

    Raises
    ------
    DataError
        If it is no time.
    """
    if isinstance(when, (dt.timedelta, np.timedelta64)):
        return midnight + _delta_ns(when)
    if isinstance(when, (int, np.integer)) and not isinstance(when, bool):
        return int(when)
    if isinstance(when, str):
        if parts := _TIME_OF_DAY.fullmatch(when.strip()):
            hours, minutes, seconds, fraction = parts.groups()
            whole = int(hours) * 3600 + int(minutes) * 60 + int(seconds or 0)
            return midnight + whole * 1_000_000_000 + int((fraction or "").ljust(9, "0"))
        try:
            when = dt.datetime.fromisoformat(when) if _ZONED.search(when) else np.datetime64(when)
        except ValueError as error:
            raise _no_time(when) from error
    if isinstance(when, dt.time):
        of_day = dt.timedelta(
            hours=when.hour, minutes=when.minute, seconds=when.second, microseconds=when.microsecond
        )
        return midnight + _delta_ns(of_day)
    if type(when) is dt.date:
        when = np.datetime64(when)
    if isinstance(when, np.datetime64) and not np.isnat(when):
        return int(when.astype("datetime64[ns]").view(np.int64))
    if isinstance(when, dt.datetime):
        naive = (
            when.replace(tzinfo=None) if when.tzinfo is None else when.astimezone(dt.UTC).replace(tzinfo=None)
        )
        # Of pandas' own kind it has nanoseconds, which NumPy asks for.
        return int(np.datetime64(naive, "ns").view(np.int64)) + int(getattr(when, "nanosecond", 0))
    raise _no_time(when)


def moments_ns(when: Any, *, midnight: int = 0) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Times in nanoseconds, in increasing order.

    Raises
    ------
    DataError
        If one is no time, or they do not increase.
    """
    each = [when] if isinstance(when, str) or not hasattr(when, "__iter__") else list(when)
    times = np.array([moment_ns(one, midnight=midnight) for one in each], dtype=np.int64)
    if (times[1:] <= times[:-1]).any():
        row = int((times[1:] <= times[:-1]).argmax()) + 1
        raise DataError("the times must increase", found=str(each[row]), where=f"time {row} of the list")
    return times


def span_ns(span: Any) -> int:
    """A length of time in nanoseconds: ``"100ms"``, ``"1s"``, a timedelta, or an integer of nanoseconds.

    Raises
    ------
    DataError
        If it is no length of time, or not longer than zero.
    """
    ns = 0
    if isinstance(span, (dt.timedelta, np.timedelta64)):
        ns = _delta_ns(span)
    elif isinstance(span, (int, np.integer)) and not isinstance(span, bool):
        ns = int(span)
    elif isinstance(span, str) and (parts := _SPAN.fullmatch(span.strip())):
        length = float(parts[1]) * _UNITS_NS[parts[2]]
        ns = round(length) if length < _LONGEST_NS else 0
    if ns <= 0:
        raise DataError(
            "this is no length of time",
            found=span,
            expected=f"a number with one of {', '.join(_UNITS_NS)}, as '100ms', or a timedelta > 0",
        )
    return ns


def date_in_name(name: str) -> dt.date | None:
    """The day that the name of a capture states, or None.

    Examples
    --------
    >>> date_in_name("01302019.NASDAQ_ITCH50.gz")
    datetime.date(2019, 1, 30)
    >>> date_in_name("S081321-v50.txt.gz")
    datetime.date(2021, 8, 13)
    """
    for pattern, (year, month, day) in _DATES:
        if found := pattern.search(name):
            parts = [int(part) for part in found.groups()]
            try:
                return dt.date(parts[year] % 2000 + 2000, parts[month], parts[day])
            except ValueError:
                continue
    return None


def _delta_ns(delta: dt.timedelta | np.timedelta64) -> int:
    return int(np.timedelta64(delta).astype("timedelta64[ns]").view(np.int64))


def _no_time(found: object) -> DataError:
    return DataError(
        "this is no time",
        found=found,
        expected="nanoseconds, a datetime, a time of day as '10:30', or '2019-01-30T15:00'",
    )
