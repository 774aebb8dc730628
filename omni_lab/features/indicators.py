"""Indicators of prices over whole arrays: the plain definitions.

The engine computes the same bar by bar (:mod:`omni_lab.strategies.indicators`), from prices in whole
ticks; the two agree within 1e-9, relative or absolute. All are NaN until their window is full, and look at
nothing later than their row.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from omni_lab.errors import ConfigError, ShapeError
from omni_lab.typing import ArrayLike, FloatArray


def sma(close: ArrayLike, window: int) -> FloatArray:
    """Simple moving average.

    Parameters
    ----------
    close : array_like of float, shape (n_bars,)
        Prices.
    window : int
        Bars in the average.

    Returns
    -------
    ndarray of float64, shape (n_bars,)
    """
    return _over_windows(close, window, lambda rows: rows.mean(axis=1))


def ema(close: ArrayLike, window: int) -> FloatArray:
    """Exponential moving average, begun at the mean of the first ``window`` prices; see :func:`sma`."""
    prices = _column(close, window, 1)
    return _recursion(prices, window, 2.0 / (window + 1.0))


def rolling_std(close: ArrayLike, window: int) -> FloatArray:
    """Standard deviation (ddof 1) of the last ``window`` prices; see :func:`sma`."""
    return _over_windows(close, window, lambda rows: rows.std(axis=1, ddof=1), least=2)


def zscore(close: ArrayLike, window: int) -> FloatArray:
    """Distance from the mean of the last ``window`` prices in their standard deviations (ddof 1).

    NaN where they do not vary; see :func:`sma`.
    """
    deviation = rolling_std(close, window)
    deviation[deviation == 0.0] = np.nan
    return np.asarray((np.asarray(close, np.float64) - sma(close, window)) / deviation)


def highest(price: ArrayLike, window: int) -> FloatArray:
    """Largest of the last ``window`` prices; see :func:`sma`."""
    return _over_windows(price, window, lambda rows: rows.max(axis=1))


def lowest(price: ArrayLike, window: int) -> FloatArray:
    """Smallest of the last ``window`` prices; see :func:`sma`."""
    return _over_windows(price, window, lambda rows: rows.min(axis=1))


def returns(close: ArrayLike, window: int = 1) -> FloatArray:
    """Simple return over the last ``window`` bars; see :func:`sma`."""
    prices = _column(close, window, 1)
    found = np.full(len(prices), np.nan)
    found[window:] = prices[window:] / prices[:-window] - 1.0
    return found


def rsi(close: ArrayLike, window: int = 14) -> FloatArray:
    """Relative strength index, 0 to 100; 50 where nothing moved; see :func:`sma`.

    References
    ----------
    .. [1] Wilder, "New Concepts in Technical Trading Systems", 1978, section VI.
    """
    change = np.diff(_column(close, window, 1))
    rises = _recursion(np.maximum(change, 0.0), window, 1.0 / window)
    falls = _recursion(np.maximum(-change, 0.0), window, 1.0 / window)
    moves = rises + falls
    share = np.where(moves == 0.0, 50.0, 100.0 * rises / np.where(moves == 0.0, 1.0, moves))
    return np.concatenate([[np.nan], share])


def atr(high: ArrayLike, low: ArrayLike, close: ArrayLike, window: int = 14) -> FloatArray:
    """Average true range, from the second bar on; see :func:`sma`.

    References
    ----------
    .. [1] Wilder, "New Concepts in Technical Trading Systems", 1978, section III.
    """
    top, bottom, last = (_column(each, window, 1) for each in (high, low, close))
    if not len(top) == len(bottom) == len(last):
        raise ShapeError("high, low and close differ in length", found=(len(top), len(bottom), len(last)))
    span = np.maximum(top[1:], last[:-1]) - np.minimum(bottom[1:], last[:-1])
    return np.concatenate([[np.nan], _recursion(span, window, 1.0 / window)])


def vwap(high: ArrayLike, low: ArrayLike, close: ArrayLike, volume: ArrayLike, window: int) -> FloatArray:
    """Volume-weighted mean of typical prices (high + low + close) / 3 over the last ``window`` bars.

    NaN while nothing was traded in them; see :func:`sma`.
    """
    traded = _column(volume, window, 1)
    typical = (
        np.asarray(high, np.float64) + np.asarray(low, np.float64) + np.asarray(close, np.float64)
    ) / 3.0
    if typical.shape != traded.shape:
        raise ShapeError("prices and volume differ in length", found=(typical.shape, traded.shape))
    value = _over_windows(typical * traded, window, lambda rows: rows.sum(axis=1))
    quantity = _over_windows(traded, window, lambda rows: rows.sum(axis=1))
    return np.asarray(value / np.where(quantity > 0.0, quantity, np.nan))


def _column(values: ArrayLike, window: int, least: int) -> FloatArray:
    column = np.asarray(values, dtype=np.float64)
    if column.ndim != 1:
        raise ShapeError("prices must be one-dimensional", found=column.shape, expected="(n_bars,)")
    if window < least:
        raise ConfigError("the window cannot be used", found=window, expected=f"a whole number ≥ {least}")
    return column


def _over_windows(
    values: ArrayLike, window: int, reduce: Callable[[FloatArray], FloatArray], *, least: int = 1
) -> FloatArray:
    column = _column(values, window, least)
    found = np.full(len(column), np.nan)
    if len(column) >= window:
        found[window - 1 :] = reduce(sliding_window_view(column, window))
    return found


def _recursion(values: FloatArray, window: int, weight: float) -> FloatArray:
    """Mean of the first ``window`` numbers, then each moves the value by ``weight`` of its distance."""
    found = np.full(len(values), np.nan)
    if len(values) >= window:
        current = found[window - 1] = float(values[:window].mean())
        for row in range(window, len(values)):
            current += weight * (float(values[row]) - current)
            found[row] = current
    return found
