"""Bands around the metrics of a series of returns, made by resampling it in blocks.

How rows are drawn is the business of `omni_lab.models.resampling`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from omni_lab.models.resampling import block_length, sample_batches
from omni_lab.portfolio import _checks as check
from omni_lab.portfolio.performance import per_step_rate
from omni_lab.portfolio.significance import checked_confidence
from omni_lab.typing import ArrayLike, FloatArray

N_SAMPLES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """Where a metric might have come out, had the same market been lived through again.

    Attributes
    ----------
    estimate : float
        Its value for the returns as they were.
    low, high : float
        Quantiles of the resampled values; NaN where the metric is not defined in some of them.
    error : float
        Standard deviation of the resampled values.
    """

    estimate: float
    low: float
    high: float
    error: float


def metric_bands(
    returns: ArrayLike,
    periods_per_year: float,
    *,
    risk_free_rate: float = 0.0,
    confidence: float = 0.95,
    n_samples: int = N_SAMPLES,
    length: float | None = None,
    seed: int = 0,
    progress: Callable[[int], object] | None = None,
) -> dict[str, Band]:
    """Bands around the headline metrics of a series of returns.

    Parameters
    ----------
    returns : array-like of float, shape (n_obs,)
        Simple returns per period.
    periods_per_year : float
        Periods in a year.
    risk_free_rate : float, default 0
        Annual, compounded.
    confidence : float, default 0.95
        Of the band: between 0.5 and 1, half of the rest outside on either side.
    n_samples : int, default 1000
        Samples to draw.
    length : float, optional
        Mean length of a block; `block_length` of the returns by default.
    seed : int, default 0
        Of the draws.
    progress : callable, optional
        Told how many samples are done.

    Returns
    -------
    dict of str to Band
        total_return, annual_return, annual_volatility, sharpe_ratio, sortino_ratio, calmar_ratio and
        max_drawdown, defined as in `omni_lab.portfolio.performance`. Empty for fewer than two returns, and
        where one is NaN, as after ruin.

    Notes
    -----
    The bands are percentile intervals. They say what chance does to a strategy whose returns keep the
    distribution seen; they know nothing of regimes that were not seen, nor of the search that found it. A
    drawdown is made by the order of returns, which blocks keep only within themselves: its band tells what
    other orders would have brought, and need not have the estimate in its middle.
    """
    checked_confidence(confidence)
    x = check.floats(returns, "returns")
    if len(x) < 2 or not np.isfinite(x).all():
        return {}
    estimates = _metrics(x[np.newaxis], periods_per_year, risk_free_rate)
    drawn: list[dict[str, FloatArray]] = []
    n_done = 0
    for rows in sample_batches(len(x), block_length(x) if length is None else length, n_samples, seed):
        drawn.append(_metrics(x[rows], periods_per_year, risk_free_rate))
        n_done += len(rows)
        if progress is not None:
            progress(n_done)
    tail = (1.0 - confidence) / 2.0
    bands = {}
    for name, estimate in estimates.items():
        values = np.concatenate([each[name] for each in drawn])
        known = bool(np.isfinite(values).all())
        low, high = np.quantile(values, (tail, 1.0 - tail)) if known else (np.nan, np.nan)
        bands[name] = Band(
            estimate=float(estimate[0]),
            low=float(low),
            high=float(high),
            error=float(values.std()) if known else math.nan,
        )
    return bands


def _metrics(samples: FloatArray, per_year: float, risk_free_rate: float) -> dict[str, FloatArray]:
    """Metrics of each row, as `omni_lab.portfolio.performance` defines them."""
    n_obs = samples.shape[1]
    riskless = per_step_rate(risk_free_rate, per_year)
    root = math.sqrt(per_year)
    mean, std = samples.mean(axis=1), samples.std(axis=1, ddof=1)
    short = np.minimum(samples - riskless, 0.0)
    downside = np.sqrt(np.einsum("ij,ij->i", short, short) / n_obs)
    curve = np.cumprod(1.0 + samples, axis=1)
    growth = curve[:, -1].copy()
    peak = np.maximum(np.maximum.accumulate(curve, axis=1), 1.0)
    deepest = np.minimum((curve / peak).min(axis=1) - 1.0, 0.0)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        annual = np.where(growth > 0.0, np.expm1(np.log(growth) * per_year / n_obs), -1.0)
        return {
            "total_return": growth - 1.0,
            "annual_return": annual,
            "annual_volatility": std * root,
            "sharpe_ratio": np.where(std > 0.0, (mean - riskless) / std * root, np.nan),
            "sortino_ratio": np.where(downside > 0.0, (mean - riskless) / downside * root, np.nan),
            "calmar_ratio": np.where(deepest < 0.0, annual / -deepest, np.nan),
            "max_drawdown": deepest,
        }
