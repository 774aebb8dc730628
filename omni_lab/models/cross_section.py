"""Scores across instruments at one moment, and the weights made of them."""

from __future__ import annotations

import math

import numpy as np

from omni_lab.typing import ArrayLike, FloatArray

_MOST_DEVIATIONS = 3.0


def cross_sectional_z(values: ArrayLike) -> FloatArray:
    """Distance of each value from the mean of all, in their standard deviations (ddof 1), within ±3.

    Parameters
    ----------
    values : array_like of float, shape (n_symbols,)
        NaN is left out of mean and deviation and stays NaN.

    Returns
    -------
    ndarray of float64, shape (n_symbols,)
        All NaN where fewer than two are known; 0 where all are alike.
    """
    array = np.asarray(values, dtype=np.float64)
    known = array[~np.isnan(array)]
    if len(known) < 2:
        return np.full(array.shape, np.nan)
    spread = known.std(ddof=1)
    if spread <= 1e-12 * np.abs(known).max():
        return np.where(np.isnan(array), np.nan, 0.0)
    z = (array - known.mean()) / spread
    return np.asarray(np.clip(z, -_MOST_DEVIATIONS, _MOST_DEVIATIONS))


def tails(scores: ArrayLike, fraction: float) -> FloatArray:
    """1 for the highest scores, −1 for the lowest, 0 between.

    Parameters
    ----------
    scores : array_like of float, shape (n_symbols,)
        NaN scores 0. Of equal scores at an edge the earlier column counts as the higher.
    fraction : float
        Share of the known scores in each tail, at most a half; at least one instrument is in each.

    Returns
    -------
    ndarray of float64, shape (n_symbols,)
        All 0 where fewer than two are known.
    """
    array = np.asarray(scores, dtype=np.float64)
    known = np.flatnonzero(~np.isnan(array))
    chosen = np.zeros(array.shape)
    if len(known) < 2:
        return chosen
    n_tail = max(1, min(math.floor(fraction * len(known) + 1e-9), len(known) // 2))
    order = known[np.argsort(-array[known], kind="stable")]
    chosen[order[:n_tail]] = 1.0
    chosen[order[-n_tail:]] = -1.0
    return chosen


def balanced(raw: ArrayLike, gross: float, *, long_only: bool = False) -> FloatArray:
    """Weights in proportion to raw ones, half of the gross long and half short.

    Parameters
    ----------
    raw : array_like of float, shape (n_symbols,)
        Signed; NaN weighs 0.
    gross : float
        Sum of the absolute weights.
    long_only : bool
        Whether all of it is long and nothing short.

    Returns
    -------
    ndarray of float64, shape (n_symbols,)
        All 0 where a side that should be held has nobody in it.
    """
    signed = np.nan_to_num(np.asarray(raw, dtype=np.float64))
    longs, shorts = np.clip(signed, 0.0, None), np.clip(signed, None, 0.0)
    up, down = longs.sum(), -shorts.sum()
    if up <= 0 or (down <= 0 and not long_only):
        return np.zeros(signed.shape)
    if long_only:
        return np.asarray(gross * longs / up)
    return np.asarray(gross / 2.0 * (longs / up + shorts / down))
