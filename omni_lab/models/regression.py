"""Least squares on a window, and on every window of a series."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from omni_lab.errors import ConfigError, ModelError, ShapeError
from omni_lab.typing import ArrayLike, FloatArray


@dataclass(frozen=True, slots=True)
class LinearFit:
    """A line through one window.

    Attributes
    ----------
    intercept : float
        Value where all regressors are 0.
    slopes : ndarray of float64, shape (n_regressors,)
        Change of y for a change of each regressor.
    residuals : ndarray of float64, shape (n_times,)
        What the line leaves; they sum to 0.
    scale : float
        Standard deviation of the residuals (ddof 1).
    """

    intercept: float
    slopes: FloatArray
    residuals: FloatArray
    scale: float


def fit_line(y: ArrayLike, x: ArrayLike) -> LinearFit:
    """Ordinary least squares of y on x with an intercept.

    Parameters
    ----------
    y : array_like of float, shape (n_times,)
    x : array_like of float, shape (n_times,) or (n_times, n_regressors)
        Neither may hold NaN.

    Returns
    -------
    LinearFit

    Raises
    ------
    ShapeError
        If they differ in length.
    ModelError
        If there are too few rows for a line and its scale, or the regressors do not determine it.
    """
    left, right = _columns(y, x)
    n_times, n_regressors = right.shape
    if n_times < n_regressors + 2:
        raise ModelError("too few rows for a line", found=n_times, expected=f"at least {n_regressors + 2}")
    mean_y, mean_x = left.mean(), right.mean(axis=0)
    slopes, _, rank, _ = np.linalg.lstsq(right - mean_x, left - mean_y, rcond=None)
    if rank < n_regressors:
        raise ModelError("the regressors do not determine a line", found=f"rank {rank} of {n_regressors}")
    residuals = left - mean_y - (right - mean_x) @ slopes
    return LinearFit(
        intercept=float(mean_y - mean_x @ slopes),
        slopes=slopes,
        residuals=residuals,
        scale=float(residuals.std(ddof=1)),
    )


def rolling_ols(y: ArrayLike, x: ArrayLike, window: int) -> tuple[FloatArray, FloatArray]:
    """Least squares over the last ``window`` rows, at every row.

    Parameters
    ----------
    y : array_like of float, shape (n_times,)
    x : array_like of float, shape (n_times,) or (n_times, n_regressors)
    window : int
        Rows of a fit, at least two more than there are regressors.

    Returns
    -------
    intercept : ndarray of float64, shape (n_times,)
    slopes : ndarray of float64, shape (n_times, n_regressors)
        NaN before the first full window, where the window holds NaN, and where it determines no line.

    Raises
    ------
    ShapeError
        If y and x differ in length.
    ConfigError
        If the window is too short.
    """
    left, right = _columns(y, x)
    n_times, n_regressors = right.shape
    if window < n_regressors + 2:
        raise ConfigError(
            "the window is too short", found=window, expected=f">= {n_regressors + 2}", where="window"
        )
    intercept = np.full(n_times, np.nan)
    slopes = np.full((n_times, n_regressors), np.nan)
    if n_times < window:
        return intercept, slopes
    ys = np.lib.stride_tricks.sliding_window_view(left, window)
    xs = np.lib.stride_tricks.sliding_window_view(right, window, axis=0)
    mean_y, mean_x = ys.mean(axis=1), xs.mean(axis=2)
    away = xs - mean_x[:, :, np.newaxis]
    among = away @ away.transpose(0, 2, 1)
    with_y = np.einsum("tkw,tw->tk", away, ys - mean_y[:, np.newaxis])
    # Against its own scale: a regressor that does not move leaves only rounding.
    size = np.einsum("tkk->t", among) / n_regressors
    fine = np.isfinite(with_y).all(axis=1) & (size > 0)
    fine[fine] = np.linalg.det(among[fine] / size[fine, np.newaxis, np.newaxis]) > 1e-12
    found = np.linalg.solve(among[fine], with_y[fine, :, np.newaxis])[:, :, 0]
    rows = np.flatnonzero(fine) + window - 1
    slopes[rows] = found
    intercept[rows] = mean_y[fine] - np.einsum("tk,tk->t", mean_x[fine], found)
    return intercept, slopes


def _columns(y: ArrayLike, x: ArrayLike) -> tuple[FloatArray, FloatArray]:
    left, right = np.asarray(y, dtype=np.float64), np.asarray(x, dtype=np.float64)
    if right.ndim == 1:
        right = right[:, np.newaxis]
    if left.ndim != 1 or right.ndim != 2 or len(left) != len(right):
        raise ShapeError("y and x differ in length", found=f"{left.shape} and {right.shape}")
    return left, right
