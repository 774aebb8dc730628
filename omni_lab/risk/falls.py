"""How deep and how long an equity curve lies under its peak, in one number each."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from omni_lab.errors import ShapeError
from omni_lab.risk import _checks as check
from omni_lab.risk.drawdowns import drawdown, find_falls
from omni_lab.typing import ArrayLike, FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawdownMeasures:
    r"""Measures of one equity curve; drawdowns here are positive fractions of the peak, :math:`d_t`.

    Attributes
    ----------
    max_drawdown : float
        The largest :math:`d_t`.
    average_drawdown : float
        Mean over all falls of how deep each went; 0 without a fall.
    pain_index : float
        Mean of :math:`d_t` over all steps. Some call this the average drawdown.
    ulcer_index : float
        Root of the mean of :math:`d_t^2`: long and deep counts more than often.
    cdar : float
        Conditional drawdown at risk: mean of the worst ``1 − confidence`` of all :math:`d_t`.
    confidence : float
        Of `cdar`.
    time_under_water : float
        Fraction of the steps below an earlier peak.
    longest : int
        Steps from a peak to its recovery, or to the end, of the longest fall.
    n_falls : int
        Falls from a peak, recovered or not.
    annual_return : float
        Compounded; −1 where all was lost.
    calmar_ratio, pain_ratio, martin_ratio : float
        Annual return over the largest drawdown, the pain index, the ulcer index; NaN where nothing fell.
    """

    max_drawdown: float
    average_drawdown: float
    pain_index: float
    ulcer_index: float
    cdar: float
    confidence: float
    time_under_water: float
    longest: int
    n_falls: int
    annual_return: float
    calmar_ratio: float
    pain_ratio: float
    martin_ratio: float


def drawdown_measures(
    equity: ArrayLike,
    initial_capital: float,
    *,
    periods_per_year: float,
    confidence: float = 0.95,
) -> DrawdownMeasures:
    """Every measure of an equity curve's drawdowns.

    Parameters
    ----------
    equity : array_like of float, shape (n_steps,)
        Equity after each step, without NaN.
    initial_capital : float
        Equity before the first step, positive.
    periods_per_year : float
        Steps in a year.
    confidence : float, default 0.95
        Of the conditional drawdown at risk.

    Returns
    -------
    DrawdownMeasures

    Raises
    ------
    ConfigError
        If the capital, the steps of a year or the confidence is out of range.
    ShapeError, DataError
        If there are no steps, or one is missing.

    References
    ----------
    .. [1] Chekhlov, Uryasev and Zabarankin, "Drawdown measure in portfolio optimization", International
       Journal of Theoretical and Applied Finance 8, 2005, section 3.
    .. [2] Martin and McCann, "The investor's guide to Fidelity funds", 1989 (the ulcer index).
    """
    values = check.sample(equity, where="equity")
    per_year = check.positive(periods_per_year, "periods_per_year")
    depths = -drawdown(values, initial_capital)
    falls = find_falls(-depths)
    worst = np.maximum.reduceat(depths, falls.first) if len(falls.first) else np.zeros(0)
    growth = float(values[-1]) / initial_capital
    annual = growth ** (per_year / len(values)) - 1.0 if growth > 0 else -1.0
    deepest, pain = float(depths.max()), float(depths.mean())
    ulcer = math.sqrt(float((depths**2).mean()))

    def ratio(risk: float) -> float:
        return annual / risk if risk > 0 else math.nan

    return DrawdownMeasures(
        max_drawdown=deepest,
        average_drawdown=float(worst.mean()) if len(worst) else 0.0,
        pain_index=pain,
        ulcer_index=ulcer,
        cdar=conditional_drawdown(depths, confidence),
        confidence=confidence,
        time_under_water=falls.n_steps_under_water / len(depths),
        longest=falls.n_steps,
        n_falls=len(falls.first),
        annual_return=annual,
        calmar_ratio=ratio(deepest),
        pain_ratio=ratio(pain),
        martin_ratio=ratio(ulcer),
    )


def conditional_drawdown(depths: FloatArray, confidence: float) -> float:
    r"""Mean of the worst :math:`n (1 - c)` drawdowns, the last of them in part; the worst if fewer than one.

    Parameters
    ----------
    depths : ndarray of float64, shape (n_steps,)
        Positive fractions.
    confidence : float
        Between 0.5 and 1.

    Raises
    ------
    ShapeError, ConfigError
        If there are none, or the confidence is out of range.
    """
    if not len(depths):
        raise ShapeError("there are no drawdowns", found=0, expected="at least one", where="depths")
    beyond = max(round(len(depths) * (1.0 - check.confidence(confidence)), 9), 1.0)
    whole = min(int(beyond), len(depths) - 1)
    tail = np.sort(depths)[::-1][: whole + 1]
    return float(tail[:whole].sum() + (beyond - whole) * tail[whole]) / beyond
