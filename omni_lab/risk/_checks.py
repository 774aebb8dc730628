"""What the functions of this room ask of their arguments before they compute."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omni_lab.errors import ConfigError, DataError, ModelError, SchemaError, ShapeError
from omni_lab.typing import ArrayLike, FloatArray, IntArray


def floats(values: ArrayLike, name: str) -> FloatArray:
    """One-dimensional float64 array; not copied when it is one already."""
    return _one_dimensional(_numbers(values, name), name)


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


def sample(returns: ArrayLike, *, least: int = 1, where: str = "returns") -> FloatArray:
    """Returns as one column: finite, and at least so many.

    Raises
    ------
    ShapeError
        If there is another dimension, or there are too few.
    DataError
        If one is missing or infinite.
    """
    values = floats(returns, where)
    if len(values) < least:
        raise ShapeError("too few returns", found=len(values), expected=f"at least {least}", where=where)
    return finite(values, where)


def panel(returns: ArrayLike, *, least: int = 2, where: str = "returns") -> FloatArray:
    """Returns of several things, a column each: finite, and at least so many rows."""
    values = _numbers(returns, where)
    if values.ndim != 2 or len(values) < least or not values.shape[1]:
        raise ShapeError(
            "not a panel of returns",
            found=values.shape,
            expected=f"(n_obs, n_assets) with n_obs >= {least}",
            where=where,
        )
    return finite(values, where)


def finite(values: FloatArray, where: str) -> FloatArray:
    """Return them; DataError if one is NaN or infinite."""
    bad = np.argwhere(~np.isfinite(values))
    if len(bad):
        row = int(bad[0][0])
        raise DataError(
            "a value is missing or infinite",
            found=f"{len(bad)} of {values.size}, the first in row {row}",
            expected="finite numbers",
            where=where,
            hint="Leave out the rows that have none, or fill them by a rule of your own.",
        )
    return values


def varies(values: FloatArray, where: str = "returns") -> float:
    """Standard deviation (ddof 1); ModelError if there is none."""
    deviation = float(values.std(ddof=1))
    if not deviation > 1e-12 * float(np.abs(values).max()):
        raise ModelError(
            "the series is constant",
            found=float(values[0]),
            expected="values that differ",
            where=where,
            hint="What never moves has no risk to measure.",
        )
    return deviation


def confidence(level: float) -> float:
    """Return the confidence; ConfigError unless it lies between 0.5 and 1."""
    if not 0.5 < level < 1.0:
        raise ConfigError(
            "this is not a confidence",
            found=level,
            expected="above 0.5 and below 1, as 0.99",
            where="confidence",
        )
    return float(level)


def positive(value: float, name: str) -> float:
    """Return the number; ConfigError unless it is finite and above 0."""
    if not (math.isfinite(value) and value > 0):
        raise ConfigError(f"{name} must be above 0", found=value, expected="a number > 0", where=name)
    return float(value)


def whole(value: object, name: str, least: int = 1) -> int:
    """Return the number; ConfigError unless it is whole and large enough."""
    if not isinstance(value, int | np.integer) or value < least:
        raise ConfigError(
            "a whole number is needed", found=value, expected=f"an integer >= {least}", where=name
        )
    return int(value)


def weights(values: ArrayLike, n_assets: int | None = None, where: str = "weights") -> FloatArray:
    """One finite number for each asset."""
    array = finite(floats(values, where), where)
    if not len(array) or (n_assets is not None and len(array) != n_assets):
        expected = "at least one" if n_assets is None else str(n_assets)
        raise ShapeError("every asset has one weight", found=len(array), expected=expected, where=where)
    return array


def square(values: ArrayLike, n_assets: int, where: str = "covariance") -> FloatArray:
    """A covariance of so many assets: square, finite, symmetric, no negative variance in any direction."""
    array = _numbers(values, where)
    if array.shape != (n_assets, n_assets):
        raise ShapeError(
            "a covariance has a row and a column for each asset",
            found=array.shape,
            expected=str((n_assets, n_assets)),
            where=where,
        )
    finite(array, where)
    size = float(np.abs(array).max())
    if float(np.abs(array - array.T).max()) > 1e-8 * size:
        raise DataError("a covariance is symmetric", expected="covariance == covariance.T", where=where)
    lowest = float(np.linalg.eigvalsh(array)[0])
    if lowest < -1e-8 * size:
        raise DataError(
            "a covariance has no negative variance in any direction",
            found=f"an eigenvalue of {lowest:.3g}",
            expected="a positive semidefinite matrix",
            where=where,
            hint="Covariances of pairs with different gaps need not fit together; use rows without gaps.",
        )
    return array


def _numbers(values: ArrayLike, name: str) -> FloatArray:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise SchemaError(
            "these are not numbers", found=type(values).__name__, expected="an array of floats", where=name
        ) from error


def _one_dimensional(array: NDArray[Any], name: str) -> NDArray[Any]:
    if array.ndim != 1:
        raise ShapeError("the array must have one dimension", found=array.shape, expected="(n,)", where=name)
    return array
