"""Whose risk it is: value at risk and expected shortfall of a portfolio, part by part.

Weights may be fractions or money; risk comes in the same unit. By Euler's theorem a risk that doubles when
every position doubles is the sum of position times marginal risk, so components add up to the whole.

References
----------
.. [1] Tasche, "Capital allocation to business units and sub-portfolios: the Euler principle", 2007.
.. [2] Jorion, "Value at Risk", McGraw-Hill, 2007, chapter 7.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from omni_lab.errors import ConfigError, ModelError
from omni_lab.risk import _checks as check
from omni_lab.risk._quantiles import normal_factors, student_factors
from omni_lab.risk.tails import tail_mass
from omni_lab.typing import ArrayLike, FloatArray


class Parts(NamedTuple):
    """One measure of risk, taken apart; arrays of shape (n_assets,).

    Attributes
    ----------
    total : float
        Of the portfolio; a loss is positive.
    marginal : ndarray of float64
        Change of the total for one more unit of each weight.
    component : ndarray of float64
        Weight times marginal; they add up to the total. Negative where a position hedges.
    incremental : ndarray of float64
        What the total loses if a position is closed and its money kept as cash. These do not add up.
    """

    total: float
    marginal: FloatArray
    component: FloatArray
    incremental: FloatArray

    @property
    def share(self) -> FloatArray:
        """Component as a fraction of the total."""
        return self.component / self.total


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentRisk:
    """VaR and ES of a portfolio, taken apart.

    Attributes
    ----------
    method : str
        How they were found.
    confidence : float
        Between 0.5 and 1.
    weights : ndarray of float64, shape (n_assets,)
        Of the portfolio.
    var, es : Parts
        Value at risk and expected shortfall, as positive losses.
    """

    method: str
    confidence: float
    weights: FloatArray
    var: Parts
    es: Parts


def normal_components(
    weights: ArrayLike,
    covariance: ArrayLike,
    *,
    mean: ArrayLike | None = None,
    confidence: float = 0.99,
    horizon: int = 1,
) -> ComponentRisk:
    r"""Components under normal returns.

    With :math:`k` the normal's quantile (VaR) or tail mean (ES), and :math:`\sigma = \sqrt{w^\top \Sigma w}`

    .. math::

        R = -h\, w^\top \mu + \sqrt h\, k \sigma, \qquad
        \frac{\partial R}{\partial w} = -h \mu + \sqrt h\, k \frac{\Sigma w}{\sigma} .

    Parameters
    ----------
    weights : array_like of float, shape (n_assets,)
        Negative where short.
    covariance : array_like of float, shape (n_assets, n_assets)
        Of the returns of one step.
    mean : array_like of float, shape (n_assets,), optional
        Of the returns; 0 by default.
    confidence : float, default 0.99
        Between 0.5 and 1.
    horizon : int, default 1
        Steps, independent of each other.

    Raises
    ------
    ShapeError, DataError, ConfigError
        If the arguments do not fit together.
    ModelError
        If the portfolio never moves.
    """
    var, es = normal_factors(confidence)
    return _elliptic("normal", weights, covariance, mean, confidence, horizon, var, es)


def student_components(
    weights: ArrayLike,
    covariance: ArrayLike,
    dof: float,
    *,
    mean: ArrayLike | None = None,
    confidence: float = 0.99,
    horizon: int = 1,
) -> ComponentRisk:
    r"""Components under returns of a multivariate t.

    As `normal_components`, with the quantile and the tail mean of a t of variance 1:
    those of Student's t times :math:`\sqrt{(\nu - 2) / \nu}`.

    Parameters
    ----------
    weights : array_like of float, shape (n_assets,)
        Negative where short.
    covariance : array_like of float, shape (n_assets, n_assets)
        Of the returns of one step: the covariance itself, not the scale matrix of the t.
    dof : float
        Degrees of freedom :math:`\nu`, above 2.
    mean : array_like of float, shape (n_assets,), optional
        Of the returns; 0 by default.
    confidence : float, default 0.99
        Between 0.5 and 1.
    horizon : int, default 1
        Steps; beyond 1 the same degrees of freedom are kept, as in `student_risk`.

    Raises
    ------
    ShapeError, DataError, ConfigError, ModelError
        As `normal_components`, and for degrees of freedom of 2 or fewer.
    """
    if not (math.isfinite(dof) and dof > 2.0):
        raise ConfigError("a t has a covariance from two degrees on", found=dof, expected="> 2", where="dof")
    unit = math.sqrt((dof - 2.0) / dof)
    var, es = student_factors(confidence, dof)
    return _elliptic("student", weights, covariance, mean, confidence, horizon, unit * var, unit * es)


def historical_components(
    weights: ArrayLike, returns: ArrayLike, *, confidence: float = 0.99, neighbours: int = 0
) -> ComponentRisk:
    r"""Components from the losses as they came, with the weights held at what they are.

    ES is a mean over the worst steps, and each component the mean of what its position lost in them. VaR is
    the loss of one step, and its component what the position lost in that step: exact, and as noisy as one
    step is. With `neighbours` the losses of so many steps on either side of it are averaged, and scaled so
    that they still add up.

    Parameters
    ----------
    weights : array_like of float, shape (n_assets,)
        Negative where short.
    returns : array_like of float, shape (n_obs, n_assets)
        Simple returns per step, without NaN.
    confidence : float, default 0.99
        Between 0.5 and 1.
    neighbours : int, default 0
        Steps on either side of VaR's, in order of loss.

    Raises
    ------
    ShapeError, DataError, ConfigError
        If the arguments do not fit together, or there are too few steps for the confidence.
    ModelError
        If losses averaged over neighbours come to 0 and cannot be scaled.
    """
    panel = check.panel(returns)
    w = check.weights(weights, panel.shape[1])
    around = check.whole(neighbours, "neighbours", 0)
    level = check.confidence(confidence)
    n = len(panel)
    beyond = tail_mass(n, level)
    whole = int(beyond)
    each = -panel * w
    losses = each.sum(axis=1)
    order = np.argsort(-losses, kind="stable")
    near = order[max(whole - around, 0) : whole + around + 1]
    at_var = each[near].mean(axis=0)
    total = float(losses[order[whole]])
    if around:
        if not abs(float(at_var.sum())) > 1e-12 * float(np.abs(at_var).sum()):
            raise ModelError("losses around VaR cancel", where="neighbours", hint="Average over fewer.")
        at_var *= total / float(at_var.sum())
    in_tail = (each[order[:whole]].sum(axis=0) + (beyond - whole) * each[order[whole]]) / beyond
    # All portfolios with one position closed, at once: a column each.
    without = -np.sort(-(losses[:, np.newaxis] - each), axis=0)
    var_without = without[whole]
    es_without = (without[:whole].sum(axis=0) + (beyond - whole) * var_without) / beyond
    shortfall = float(in_tail.sum())
    return ComponentRisk(
        method="historical",
        confidence=level,
        weights=w,
        var=Parts(total, _per_unit(at_var, w), at_var, total - var_without),
        es=Parts(shortfall, _per_unit(in_tail, w), in_tail, shortfall - es_without),
    )


def _elliptic(
    method: str,
    weights: ArrayLike,
    covariance: ArrayLike,
    mean: ArrayLike | None,
    confidence: float,
    horizon: int,
    var_factor: float,
    es_factor: float,
) -> ComponentRisk:
    w = check.weights(weights)
    sigma = check.square(covariance, len(w))
    mu = np.zeros(len(w)) if mean is None else check.weights(mean, len(w), "mean")
    steps = check.whole(horizon, "horizon")
    with_all = sigma @ w
    variance = float(w @ with_all)
    if not variance > 0.0:
        raise ModelError("the portfolio never moves", found=variance, expected="a variance above 0")
    deviation = math.sqrt(variance)
    without = np.sqrt(np.maximum(variance - 2.0 * w * with_all + w**2 * np.diag(sigma), 0.0))

    def parts(factor: float) -> Parts:
        k = math.sqrt(steps) * factor
        total = -steps * float(w @ mu) + k * deviation
        marginal = -steps * mu + k * with_all / deviation
        left = -steps * (w @ mu - w * mu) + k * without
        return Parts(total, marginal, w * marginal, total - left)

    return ComponentRisk(
        method=method, confidence=confidence, weights=w, var=parts(var_factor), es=parts(es_factor)
    )


def _per_unit(component: FloatArray, weights: FloatArray) -> FloatArray:
    """Component by weight; NaN where there is no position, whose loss was multiplied away."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(weights != 0.0, component / weights, np.nan)
