"""What the models refuse: parameters out of range, and columns that do not fit together."""

import math

import numpy as np

from omni_lab.errors import ConfigError, DataError, ShapeError
from omni_lab.typing import ArrayLike, FloatArray


def require_positive(where: str, **values: float) -> None:
    """Refuse what is not a finite number above 0."""
    for name, value in values.items():
        if not (math.isfinite(value) and value > 0):
            raise ConfigError(f"{name} must be above 0", found=value, expected="a number > 0", where=where)


def require_not_negative(where: str, **values: float) -> None:
    """Refuse what is not a finite number of at least 0."""
    for name, value in values.items():
        if not (math.isfinite(value) and value >= 0):
            raise ConfigError(
                f"{name} must not be negative", found=value, expected="a number >= 0", where=where
            )


def column(values: ArrayLike, where: str, *, least: int = 0) -> FloatArray:
    """The values as one column of floats, at least so long."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or len(array) < least:
        expected = f"one dimension, at least {least} long" if least else "one dimension"
        raise ShapeError("not a column", found=array.shape, expected=expected, where=where)
    return array


def same_length(where: str, **columns: ArrayLike) -> tuple[FloatArray, ...]:
    """The columns as floats, all equally long."""
    arrays = {name: column(values, f"{where}: {name}") for name, values in columns.items()}
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise ShapeError("the columns must be equally long", found=lengths, where=where)
    return tuple(arrays.values())


def rising(values: ArrayLike, where: str, *, strictly: bool = False) -> FloatArray:
    """The column, which must be finite and not fall."""
    array = column(values, where)
    steps = np.diff(array)
    if not np.isfinite(array).all() or (steps < 0).any() or (strictly and (steps <= 0).any()):
        how = "finite and strictly rising" if strictly else "finite and not falling"
        raise DataError("values out of order", expected=how, where=where, hint="Sort the column first.")
    return array
