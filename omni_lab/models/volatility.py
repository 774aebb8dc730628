"""How much a price moves for each square root of a second: over all of a stretch, and lately.

Both take a price in any unit, ticks for instance, and give that unit for each √second, which is what the
quoting models take as sigma when their time is in seconds. Prices are differences, not returns.
"""

import numpy as np

from omni_lab.errors import DataError
from omni_lab.models._checks import require_positive, same_length
from omni_lab.models._decay import decayed_sums
from omni_lab.typing import ArrayLike, FloatArray

_NS = 1e-9


def realised_volatility(ts: ArrayLike, price: ArrayLike) -> float:
    """Square root of the summed squares of price changes for each second.

    Parameters
    ----------
    ts : array-like of int64, shape (n,)
        Nanoseconds, not falling. A middle that jumps to and fro makes the figure larger the more often it is
        looked at; sample it first, with `omni_lab.features.grid_times` and `last_before`.
    price : array-like of float, shape (n,)
        Missing ones (NaN) are left out, and the change over the gap counts.

    Returns
    -------
    float
        In units of price for each √second; NaN if no time passes.

    Raises
    ------
    ShapeError
        If the columns differ in length.
    DataError
        If times fall.
    """
    _, gaps, moves = _changes(ts, price)
    elapsed = float(gaps.sum())
    return float(np.sqrt(moves @ moves / elapsed)) if elapsed > 0 else float("nan")


def ema_volatility(ts: ArrayLike, price: ArrayLike, *, half_life_s: float) -> FloatArray:
    """Volatility in which a change counts half as much after each half-life.

    Parameters
    ----------
    ts : array-like of int64, shape (n,)
        Nanoseconds, not falling, at any distances.
    price : array-like of float, shape (n,)
        Missing ones (NaN) change nothing.
    half_life_s : float
        Seconds.

    Returns
    -------
    ndarray of float64, shape (n,)
        Up to and including each time, in units of price for each √second: the weighted sum of squares over
        the weighted sum of seconds. NaN until time has passed between two prices, and where one is missing.

    Raises
    ------
    ConfigError
        If the half-life is not above 0.
    ShapeError
        If the columns differ in length.
    DataError
        If times fall.
    """
    require_positive("ema_volatility", half_life_s=half_life_s)
    known, gaps, moves = _changes(ts, price)
    result = np.full(len(known), np.nan)
    if len(gaps):
        rate = float(np.log(2.0)) / half_life_s
        at = np.cumsum(gaps)
        time = decayed_sums(at, gaps, rate)
        squares = decayed_sums(at, moves * moves, rate)
        with np.errstate(divide="ignore", invalid="ignore"):
            result[np.flatnonzero(known)[1:]] = np.where(time > 0, np.sqrt(squares / time), np.nan)
    return result


def _changes(
    ts: ArrayLike, price: ArrayLike
) -> tuple[np.ndarray[tuple[int], np.dtype[np.bool_]], FloatArray, FloatArray]:
    """Which prices are known, seconds between those, and changes between those."""
    times = np.asarray(ts, dtype=np.int64)
    _, prices = same_length("volatility", ts=times, price=price)
    known = np.isfinite(prices)
    gaps = np.diff(times[known]).astype(np.float64) * _NS
    if (gaps < 0).any():
        raise DataError("values out of order", expected="times that do not fall", where="volatility: ts")
    return known, gaps, np.diff(prices[known])
