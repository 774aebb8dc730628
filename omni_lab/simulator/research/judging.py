"""Figures of merit of returns, one trial a column: what a search chooses by, in and out of sample."""

from __future__ import annotations

import numpy as np

from omni_lab.errors import ConfigError
from omni_lab.portfolio.performance import max_drawdown, sharpe_ratio
from omni_lab.typing import FloatArray

JUDGED = ("sharpe_ratio", "total_return", "max_drawdown")
"""Metrics of a sweep that returns alone decide. More is better for each."""


def judge(returns: FloatArray, metric: str, *, per_year: float, risk_free_rate: float = 0.0) -> FloatArray:
    """The metric of each column.

    Parameters
    ----------
    returns : ndarray of float64, shape (n_rows, n_trials)
        Simple returns, which need not be of consecutive steps.
    metric : {"sharpe_ratio", "total_return", "max_drawdown"}
        As a sweep defines them; total return and drawdown are those of an account that lived through these
        rows only.
    per_year : float
        Steps in a year.
    risk_free_rate : float
        Annual, for the Sharpe ratio.

    Returns
    -------
    ndarray of float64, shape (n_trials,)
        NaN where it is not defined.

    Raises
    ------
    ConfigError
        If the metric is none of these.
    """
    check_judged(metric)
    return np.array(
        [_of_one(column, metric, per_year, risk_free_rate) for column in np.ascontiguousarray(returns.T)],
        dtype=np.float64,
    )


def check_judged(metric: str) -> None:
    """Refuse a metric that returns alone do not decide."""
    if metric not in JUDGED:
        raise ConfigError("returns do not tell this metric", found=metric, expected=JUDGED, where="metric")


def best_of(values: FloatArray, metric: str) -> int:
    """Number of the largest value, the first of several.

    Raises
    ------
    ConfigError
        If all are NaN.
    """
    if np.isnan(values).all():
        raise ConfigError(f"{metric} is NaN in every row", hint="No parameter set ever traded.")
    return int(np.nanargmax(values))


def _of_one(returns: FloatArray, metric: str, per_year: float, risk_free_rate: float) -> float:
    if metric == "sharpe_ratio":
        return sharpe_ratio(returns, per_year, risk_free_rate)
    curve = np.cumprod(1.0 + returns)
    if metric == "total_return":
        return float(curve[-1] - 1.0) if len(curve) else 0.0
    return max_drawdown(curve, 1.0)
