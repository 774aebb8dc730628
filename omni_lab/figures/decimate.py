"""Fewer points, same picture: a line of a million points has at most a few thousand that can be seen."""

import numpy as np

from omni_lab.typing import FloatArray, IntArray

COLUMNS = 1600
"""Columns a full-width figure is cut into: about what a screen of high resolution shows of it."""


def decimate(x: FloatArray, y: FloatArray, columns: int = COLUMNS) -> IntArray:
    """Positions of the points that a line drawn `columns` pixels wide cannot do without.

    The x axis is cut into columns of equal width, and of each are kept the first, the last, the lowest and
    the highest point. A line through them covers the same pixels as the line through all points, so no
    extreme is lost.

    Parameters
    ----------
    x : ndarray of float64, shape (n_points,)
        Increasing.
    y : ndarray of float64, shape (n_points,)
        NaN is a gap in the line; gaps narrower than a column are closed.
    columns : int
        Width of the picture in pixels.

    Returns
    -------
    ndarray of int64, shape (n_kept,)
        Increasing; at most ``4 × columns`` positions, and all of them where that is no fewer than there are.

    References
    ----------
    .. [1] Jugel, Jerzak, Hackenbroich and Markl, "M4: a visualization-oriented time series data aggregation",
       Proceedings of the VLDB Endowment 7(10), 2014.
    """
    if len(x) <= 4 * columns:
        return np.arange(len(x))
    edges = np.linspace(x[0], x[-1], columns + 1)[1:-1]
    starts = np.unique(np.concatenate(([0], np.searchsorted(x, edges))))
    starts = starts[starts < len(x)]
    lasts = np.append(starts[1:], len(x)) - 1
    gap = np.isnan(y)
    low = _first_where(starts, lasts, np.where(gap, np.inf, y), np.minimum)
    high = _first_where(starts, lasts, np.where(gap, -np.inf, y), np.maximum)
    return np.unique(np.concatenate((starts, low, high, lasts)))


def _first_where(starts: IntArray, lasts: IntArray, y: FloatArray, extreme: np.ufunc) -> IntArray:
    """In each column, the first point at its extreme."""
    hits = np.flatnonzero(y == np.repeat(extreme.reduceat(y, starts), lasts - starts + 1))
    return hits[np.searchsorted(hits, starts)]
