"""Array aliases, spoken by every room. This module imports nothing of ours."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray: TypeAlias = NDArray[np.float64]
"""Prices, returns, weights, money: float64."""

IntArray: TypeAlias = NDArray[np.int64]
"""Ticks, lots, nanoseconds since 1970 UTC: int64."""

BoolArray: TypeAlias = NDArray[np.bool_]
"""Masks."""

AnyArray: TypeAlias = NDArray[Any]
"""A column of whatever type it has."""

__all__ = ["AnyArray", "ArrayLike", "BoolArray", "FloatArray", "IntArray"]
