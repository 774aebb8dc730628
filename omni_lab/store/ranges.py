"""Dates as people write them, turned into nanoseconds: where a read of a store begins and ends."""

from __future__ import annotations

import datetime as dt
import re

import numpy as np

from omni_lab.errors import DataError

DateLike = str | dt.date | np.datetime64
"""Text in ISO 8601, a date, a datetime (also a pandas Timestamp) or a NumPy datetime64."""

_NS = np.timedelta64(1, "ns")
_ZONE = re.compile(r"(?<=\d)(Z|[+-]\d{2}(?::?\d{2})?)$")
_DATE_UNITS = ("Y", "M", "W", "D")
# One year inside what int64 nanoseconds hold, so that no arithmetic on an end of a period overflows.
_EARLIEST, _LATEST = np.datetime64("1679-01-01", "us"), np.datetime64("2261-01-01", "us")


def parse_range(
    start: DateLike | None, end: DateLike | None, *, available: str, where: str
) -> tuple[int | None, int | None]:
    """First and last nanosecond of a range, both inclusive; None where it is open.

    A time without a zone is UTC. A value without a time of day means the whole period: ``"2020-06-30"`` as an
    end includes that day, ``"2020"`` that year. A datetime at midnight is that moment.

    Parameters
    ----------
    start, end : str, date, datetime or datetime64, optional
        Where to begin and to end.
    available : str
        What there is, for the message.
    where : str
        Who asked, for the message.

    Raises
    ------
    DataError
        If one of them is not a date, or the range ends before it starts.
    """
    hint = f"Available: {available}."
    first = None if start is None else _bounds(start, "start", where, hint)[0]
    last = None if end is None else _bounds(end, "end", where, hint)[1]
    if first is not None and last is not None and first > last:
        raise DataError(
            "the range ends before it starts",
            found=f"{start} to {end}",
            expected="start <= end",
            where=where,
            hint=hint,
        )
    return first, last


def _bounds(value: DateLike, name: str, where: str, hint: str) -> tuple[int, int]:
    try:
        moment = _moment(value)
        if np.isnat(moment):
            raise ValueError("not a time")
        if not _EARLIEST <= moment <= _LATEST:
            raise ValueError(f"outside {_EARLIEST.item():%Y} to {_LATEST.item():%Y}")
    except (ValueError, TypeError, OverflowError) as error:
        raise DataError(
            f"{name} is not a date",
            found=value,
            expected="ISO 8601 text such as '2020-06-30', a date, or a datetime",
            where=where,
            hint=hint,
        ) from error
    first = moment.astype("datetime64[ns]")
    if np.datetime_data(moment.dtype)[0] not in _DATE_UNITS:
        return int(first.astype(np.int64)), int(first.astype(np.int64))
    last = (moment + 1).astype("datetime64[ns]") - _NS
    return int(first.astype(np.int64)), int(last.astype(np.int64))


def _moment(value: object) -> np.datetime64:
    """The value as UTC; its unit is a day or more where it had no time of day."""
    if isinstance(value, np.datetime64):
        return value
    if isinstance(value, dt.datetime):
        # A pandas Timestamp keeps its nanoseconds through its own conversion, which is to UTC.
        exact = getattr(value, "to_datetime64", None)
        if exact is not None:
            return np.datetime64(exact())
        return np.datetime64(value.astimezone(dt.UTC).replace(tzinfo=None) if value.tzinfo else value)
    if isinstance(value, dt.date):
        return np.datetime64(value, "D")
    text = value.strip() if isinstance(value, str) else ""
    if not text[:4].isdigit():
        raise TypeError(f"{type(value).__name__} is not a date")
    zone = _ZONE.search(text) if ":" in text else None
    if zone is None:
        return np.datetime64(text)
    offset = dt.datetime.fromisoformat(f"2000-01-01T00:00:00{zone[1]}").utcoffset()
    return np.datetime64(text[: zone.start()], "ns") - np.timedelta64(offset or dt.timedelta(0))
