"""How deep takers reach: from trades and the middle to what the fits of `omni_lab.models.intensity` take.

Depths are in ticks from the middle, positive away from it, so one fit serves both sides. A middle may lie
half way between two ticks. Times are int64 nanoseconds.
"""

import numpy as np

from omni_lab.errors import DataError, ShapeError
from omni_lab.models._checks import column, rising, same_length
from omni_lab.typing import ArrayLike, FloatArray, IntArray


def taker_depths(
    ts: ArrayLike, price_ticks: ArrayLike, mid_ticks: ArrayLike, aggressor: ArrayLike
) -> tuple[IntArray, FloatArray]:
    """How far from the middle each taker traded, at most.

    A taker who uses up several orders prints several trades at one time; they are one arrival, and its depth
    is that of the deepest of them.

    Parameters
    ----------
    ts : array-like of int64, shape (n_trades,)
        Nanoseconds, not falling.
    price_ticks : array-like of float, shape (n_trades,)
        Where each trade was, in ticks.
    mid_ticks : array-like of float, shape (n_trades,)
        Middle just before each trade, in ticks; trades without one (NaN) are left out.
    aggressor : array-like of int, shape (n_trades,)
        1 for a buyer, 2 for a seller; trades with neither are left out.

    Returns
    -------
    ts : ndarray of int64, shape (n_takers,)
        Of each arrival.
    depth_ticks : ndarray of float64, shape (n_takers,)
        From the middle before its first trade; negative for a price better than the middle.

    Raises
    ------
    ShapeError
        If the columns differ in length.
    DataError
        If times fall.
    """
    times = np.asarray(ts, dtype=np.int64)
    price, mid, who = same_length("taker_depths", price=price_ticks, mid=mid_ticks, aggressor=aggressor)
    if times.shape != price.shape:
        raise ShapeError(
            "a trade has a time", found=times.shape, expected=str(price.shape), where="taker_depths: ts"
        )
    if (np.diff(times) < 0).any():
        raise DataError("values out of order", expected="times that do not fall", where="taker_depths: ts")
    known = np.isfinite(mid) & np.isfinite(price) & ((who == 1) | (who == 2))
    times, price, mid, who = times[known], price[known], mid[known], who[known]
    if not len(times):
        return times, np.empty(0)
    same = (np.diff(times) == 0) & (np.diff(who) == 0)
    first = np.concatenate(([0], np.flatnonzero(~same) + 1))
    origin = np.repeat(mid[first], np.diff(np.append(first, len(times))))
    sign = np.where(who == 1, 1.0, -1.0)
    return times[first], np.maximum.reduceat(sign * (price - origin), first)


def depths_reached(
    ts: ArrayLike, price_ticks: ArrayLike, edges: ArrayLike, mid_ticks: ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """How far trades went from the middle at which each interval began: what a resting quote would have met.

    Parameters
    ----------
    ts : array-like of int64, shape (n_trades,)
        Nanoseconds, not falling.
    price_ticks : array-like of float, shape (n_trades,)
        In ticks.
    edges : array-like of int64, shape (n_intervals + 1,)
        Rising times; each interval begins after its first edge and includes its last.
    mid_ticks : array-like of float, shape (n_intervals,)
        Middle at the beginning of each, in ticks.

    Returns
    -------
    bid_side, ask_side : ndarray of float64, shape (n_intervals,)
        Deepest trade below and above the middle; negative if all were on the other side of it. −inf without
        trades, NaN without a middle.

    Raises
    ------
    ShapeError
        If columns do not fit together.
    DataError
        If times or edges are out of order.
    """
    where = "depths_reached"
    bounds = np.asarray(edges, dtype=np.int64)
    if (np.diff(bounds) <= 0).any():
        raise DataError("values out of order", expected="edges that rise", where=f"{where}: edges")
    price, mid = column(price_ticks, f"{where}: price_ticks"), column(mid_ticks, f"{where}: mid_ticks")
    if len(mid) != len(bounds) - 1:
        raise ShapeError(
            "an interval has a middle", found=len(mid), expected=str(len(bounds) - 1), where=where
        )
    times = np.asarray(ts, dtype=np.int64)
    if times.shape != price.shape:
        raise ShapeError(
            "a trade has a time", found=times.shape, expected=str(price.shape), where=f"{where}: ts"
        )
    if (np.diff(times) < 0).any():
        raise DataError("values out of order", expected="times that do not fall", where=f"{where}: ts")
    interval = np.searchsorted(bounds, times, side="left") - 1
    inside = (interval >= 0) & (interval < len(mid)) & np.isfinite(price)
    highest, lowest = np.full(len(mid), -np.inf), np.full(len(mid), np.inf)
    np.maximum.at(highest, interval[inside], price[inside])
    np.minimum.at(lowest, interval[inside], price[inside])
    return mid - lowest, highest - mid


def count_reaching(depth: ArrayLike, levels: ArrayLike) -> IntArray:
    """How many depths are at least each level.

    Parameters
    ----------
    depth : array-like of float, shape (n,)
        NaN reaches nothing.
    levels : array-like of float, shape (n_levels,)
        Strictly rising.

    Returns
    -------
    ndarray of int64, shape (n_levels,)
        Not rising.

    Raises
    ------
    DataError
        If the levels do not rise.
    """
    depths, bounds = (
        column(depth, "count_reaching: depth"),
        rising(levels, "count_reaching: levels", strictly=True),
    )
    known = np.sort(depths[~np.isnan(depths)])
    return np.asarray(len(known) - np.searchsorted(known, bounds, side="left"), dtype=np.int64)
