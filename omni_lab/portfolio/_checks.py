"""What the functions of this room ask of their arguments before they compute."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omni_lab.errors import ConfigError, SchemaError, ShapeError
from omni_lab.typing import ArrayLike, FloatArray, IntArray


def floats(values: ArrayLike, name: str) -> FloatArray:
    """One-dimensional float64 array; not copied when it is one already."""
    return _one_dimensional(np.asarray(values, dtype=np.float64), name)


def times(ts: ArrayLike, name: str = "ts") -> IntArray:
    """One-dimensional int64 array of nanoseconds since 1970, UTC, from integers or datetime64."""
    array = np.asarray(ts)
    if array.dtype.kind == "M":
        array = array.astype("datetime64[ns]").view(np.int64)
    elif array.dtype.kind not in "iu" and array.size:
        raise SchemaError(
            "times must be exact",
            found=str(array.dtype),
            expected="int64 nanoseconds or datetime64",
            where=name,
        )
    return _one_dimensional(array.astype(np.int64, copy=False), name)


def same_length(**arrays: NDArray[Any]) -> None:
    """Raise ShapeError unless the named arrays are equally long."""
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise ShapeError("the arrays must be equally long", found=lengths)


def capital(initial_capital: float) -> float:
    """Return the initial capital as float; ConfigError unless it is a positive number."""
    if not (math.isfinite(initial_capital) and initial_capital > 0):
        raise ConfigError(
            "returns are relative to the initial capital",
            found=initial_capital,
            expected="a positive number",
            where="initial_capital",
        )
    return float(initial_capital)


def per_year(periods_per_year: float) -> float:
    """Return the steps per year, NaN where unknown; ConfigError unless positive."""
    if periods_per_year <= 0:
        raise ConfigError(
            "a year has steps", found=periods_per_year, expected="a positive number", where="periods_per_year"
        )
    return periods_per_year


def rate(annual_rate: float) -> float:
    """Return the rate; ConfigError where it could not be compounded."""
    if annual_rate <= -1:
        raise ConfigError(
            "the annual rate is not a decimal fraction",
            found=annual_rate,
            expected="a number above -1, as 0.03 for 3%",
            where="risk_free_rate or target",
        )
    return annual_rate


def window(n_returns: int) -> None:
    """Raise ConfigError unless the window is long enough for a standard deviation."""
    if n_returns < 2:
        raise ConfigError(
            "the window is too short", found=n_returns, expected="at least 2 returns", where="window"
        )


def _one_dimensional(array: NDArray[Any], name: str) -> NDArray[Any]:
    if array.ndim != 1:
        raise ShapeError("the array must have one dimension", found=array.shape, expected="(n,)", where=name)
    return array
