"""Times as the engine counts them: int64 nanoseconds since 1970, UTC, strictly increasing."""

from __future__ import annotations

from typing import Any

import numpy as np

from omni_lab.errors import DataError, SchemaError, ShapeError
from omni_lab.typing import AnyArray, ArrayLike, IntArray

_SECOND_NS = 1_000_000_000
_TWO_MONTHS_NS = 60 * 86_400 * _SECOND_NS
_SMALLEST_MISTAKE = 10_000_000
_UNITS = (
    (range(19_000_101, 21_001_232), "calendar days written as YYYYMMDD"),
    (range(10**7, 10**11), "seconds"),
    (range(10**11, 10**14), "milliseconds"),
    (range(10**14, _TWO_MONTHS_NS), "microseconds"),
)


def as_nanoseconds(ts: ArrayLike, *, where: str = "ts") -> IntArray:
    """Times as nanoseconds since 1970, UTC.

    Parameters
    ----------
    ts : array_like of datetime64 or int64, shape (n_times,)
        Of any unit; also a pandas datetime index or series, with or without a zone. Naive times are UTC.
        Integers are nanoseconds.
    where : str
        What to call it in errors.

    Raises
    ------
    DataError
        If a time is missing, outside what 64 bits of nanoseconds hold (1677 to 2262), or an integer of
        another unit, by the look of it.
    SchemaError, ShapeError
        If these are no times, or they have more than one dimension.
    """
    times = np.asarray(ts, dtype=_pandas_unit(ts))
    if times.ndim != 1:
        raise ShapeError("times must be one-dimensional", found=times.shape, where=where)
    if times.dtype.kind == "M":
        return _from_datetimes(times, where)
    if times.dtype.kind not in "iu":
        raise SchemaError(
            "times have the wrong type",
            found=str(times.dtype),
            expected="datetime64, or int64 nanoseconds since 1970 UTC",
            where=where,
            hint="Parse them first, for example with pandas.to_datetime(…, utc=True).",
        )
    _refuse_other_units(times, where)
    return np.ascontiguousarray(times, dtype=np.int64)


def check_increasing(ts: IntArray, *, where: str = "ts") -> None:
    """Refuse times that do not strictly increase.

    Raises
    ------
    DataError
        Naming the first row out of order, its time and the one before.
    """
    disorder = ts[1:] <= ts[:-1]
    if disorder.any():
        row = int(disorder.argmax()) + 1
        raise disordered(int(ts[row - 1]), int(ts[row]), where=f"row {row} of {where}")


def disordered(before: int, ts: int, *, where: str) -> DataError:
    """The error for a time that does not come after the one before it."""
    return DataError(
        "two bars have the same time" if ts == before else "times must increase",
        found=iso(ts),
        expected=f"a time after {iso(before)}",
        where=where,
        hint="Sort the bars by time, and drop or merge those of the same time.",
    )


def iso(ts: int) -> str:
    """Nanoseconds as text, ``2024-01-31T21:00:00``, with a fraction only where there is one."""
    return str(np.datetime64(ts, "ns")).removesuffix(".000000000")


def _pandas_unit(ts: Any) -> str | None:
    """The NumPy type of pandas times that would come as objects: those in a zone, or held by Arrow."""
    dtype: Any = getattr(ts, "dtype", None)
    if getattr(dtype, "kind", None) != "M" or isinstance(dtype, np.dtype):
        return None
    return f"datetime64[{getattr(dtype, 'pyarrow_dtype', dtype).unit}]"


def _from_datetimes(times: AnyArray, where: str) -> IntArray:
    missing = np.isnat(times)
    if missing.any():
        raise DataError(
            "a time is missing",
            found="NaT",
            where=f"row {int(missing.argmax())} of {where}",
            hint="Drop the row.",
        )
    exact = times.astype("datetime64[ns]")
    # NumPy wraps around silently.
    wrapped = exact.astype(times.dtype) != times
    if wrapped.any():
        row = int(wrapped.argmax())
        raise DataError(
            "a time cannot be counted in nanoseconds",
            found=str(times[row]),
            expected="a year from 1678 to 2261",
            where=f"row {row} of {where}",
        )
    return np.ascontiguousarray(exact.view(np.int64))


def _refuse_other_units(times: AnyArray, where: str) -> None:
    """Refuse epoch seconds and the like, which as nanoseconds all fall into the first days of 1970."""
    if not times.size:
        return
    # The ends suffice: times that do not increase are refused for that.
    largest = max(abs(int(times[0])), abs(int(times[-1])))
    # True nanoseconds of early 1970 are whole seconds, at least now and then.
    if not _SMALLEST_MISTAKE <= largest < _TWO_MONTHS_NS or not (times % _SECOND_NS).any():
        return
    unit = next(unit for magnitudes, unit in _UNITS if largest in magnitudes)
    raise DataError(
        "integer times must be nanoseconds since 1970 UTC",
        found=int(times[-1]),
        where=where,
        hint=f"These look like {unit}; convert them to datetime64 first.",
    )
