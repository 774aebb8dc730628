"""From times as they come to times on a grid.

An interval is open on the left and closed on the right: what happens at a grid time belongs to the interval
that ends there, so a value stamped with it knows nothing of what came after.
"""

import numpy as np

from omni_lab.errors import ConfigError, ShapeError
from omni_lab.typing import ArrayLike, FloatArray, IntArray


def grid_times(first: int, last: int, every_ns: int) -> IntArray:
    """Multiples of a step from the last one before `first` to the first one at or after `last`.

    Parameters
    ----------
    first, last : int
        Nanoseconds.
    every_ns : int
        Step, nanoseconds.

    Returns
    -------
    ndarray of int64, shape (n_intervals + 1,)
        Edges: interval ``i`` is ``(edges[i], edges[i + 1]]``.

    Raises
    ------
    ConfigError
        If the step is not positive, or `last` is before `first`.
    """
    if every_ns <= 0:
        raise ConfigError("a grid has a step", found=every_ns, expected="more than 0 ns", where="every_ns")
    if last < first:
        raise ConfigError("a grid ends where it begins or later", found=last, expected=f">= {first}")
    begin = (first - 1) // every_ns
    end = -(-last // every_ns)
    return np.arange(begin, max(end, begin + 1) + 1, dtype=np.int64) * every_ns


def last_before(ts: IntArray, values: ArrayLike, at: IntArray) -> FloatArray:
    """The latest value at or before each time.

    Parameters
    ----------
    ts : ndarray of int64, shape (n,)
        Times of the values, not falling. Of several at one time the last counts.
    values : array-like of float, shape (n,)
        May hold NaN, which is passed on.
    at : ndarray of int64, shape (n_times,)
        Times asked for.

    Returns
    -------
    ndarray of float64, shape (n_times,)
        NaN before the first value.
    """
    array = _checked(ts, values)
    index = np.searchsorted(ts, at, side="right") - 1
    if not len(array):
        return np.full(len(at), np.nan)
    return np.where(index >= 0, array[np.maximum(index, 0)], np.nan)


def sum_between(ts: IntArray, values: ArrayLike, edges: IntArray) -> FloatArray:
    """Sum of the values in each interval ``(edges[i], edges[i + 1]]``.

    Parameters
    ----------
    ts : ndarray of int64, shape (n,)
        Times of the values, not falling.
    values : array-like of float, shape (n,)
        NaN counts as 0.
    edges : ndarray of int64, shape (n_intervals + 1,)
        Increasing.

    Returns
    -------
    ndarray of float64, shape (n_intervals,)
    """
    array = np.nan_to_num(_checked(ts, values), nan=0.0)
    total = np.concatenate(([0.0], np.cumsum(array)))
    return np.diff(total[np.searchsorted(ts, edges, side="right")])


def _checked(ts: IntArray, values: ArrayLike) -> FloatArray:
    array = np.asarray(values, dtype=np.float64)
    if array.shape != np.shape(ts):
        raise ShapeError("a value has a time", found=array.shape, expected=str(np.shape(ts)), where="values")
    if len(ts) > 1 and bool(np.any(np.diff(ts) < 0)):
        raise ConfigError("times do not fall", found="a time before the one above it", where="ts")
    return array
