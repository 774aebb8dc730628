"""Value at risk and expected shortfall of Student's t, whose tails are as heavy as the returns make them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from omni_lab.errors import ModelError
from omni_lab.risk import _checks as check
from omni_lab.risk._quantiles import student_factors
from omni_lab.risk.tails import TailRisk
from omni_lab.typing import ArrayLike, FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class StudentFit:
    """Student's t with a location and a scale, fitted to returns.

    Attributes
    ----------
    location, scale : float
        In the unit of the returns. The standard deviation is ``scale · √(dof / (dof − 2))``.
    dof : float
        Degrees of freedom.
    log_likelihood : float
        Of all returns.
    """

    location: float
    scale: float
    dof: float
    log_likelihood: float


def fit_student(returns: ArrayLike) -> StudentFit:
    """Student's t of the greatest likelihood.

    Parameters
    ----------
    returns : array_like of float, shape (n_obs,)
        At least 10, without NaN.

    Returns
    -------
    StudentFit
        Degrees of freedom from 1.05 to 200; at 200 the returns are as good as normal.

    Raises
    ------
    ShapeError, DataError, ModelError
        If there are too few, one is missing, they never move, or no maximum is found.
    """
    from scipy.optimize import minimize
    from scipy.special import digamma, gammaln

    values = check.sample(returns, least=10)
    unit = check.varies(values)
    x = (values - values.mean()) / unit

    def cost(p: FloatArray) -> tuple[float, FloatArray]:
        location, scale, dof = p[0], math.exp(p[1]), math.exp(p[2])
        z = (x - location) / scale
        weight = (dof + 1.0) / (dof + z * z)
        grow = np.log1p(z * z / dof)
        constant = gammaln((dof + 1) / 2) - gammaln(dof / 2) - 0.5 * math.log(dof * math.pi)
        value = constant - p[1] - (dof + 1) / 2 * float(grow.mean())
        by_dof = 0.5 * (digamma((dof + 1) / 2) - digamma(dof / 2) - 1 / dof)
        by_dof += 0.5 * (float((weight * z * z).mean()) / dof - float(grow.mean()))
        slope = [float((weight * z).mean()) / scale, float((weight * z * z).mean()) - 1.0, by_dof * dof]
        return -value, -np.array(slope)

    bounds = [(None, None), (math.log(1e-6), math.log(10.0)), (math.log(1.05), math.log(200.0))]
    starts = [np.array([float(np.median(x)), math.log(0.8), math.log(dof)]) for dof in (4.0, 20.0)]
    found = [minimize(cost, start, jac=True, method="L-BFGS-B", bounds=bounds) for start in starts]
    best = min(found, key=lambda each: float(each.fun))
    if not best.success:
        raise ModelError("no maximum of the likelihood was found", found=str(best.message), where="returns")
    location, log_scale, log_dof = (float(p) for p in best.x)
    return StudentFit(
        location=float(values.mean()) + unit * location,
        scale=unit * math.exp(log_scale),
        dof=math.exp(log_dof),
        log_likelihood=-float(best.fun) * len(x) - len(x) * math.log(unit),
    )


def student_risk(returns: ArrayLike, *, confidence: float = 0.99, horizon: int = 1) -> TailRisk:
    """VaR and ES of the Student's t that `fit_student` finds.

    Parameters
    ----------
    returns : array_like of float, shape (n_obs,)
        At least 10, without NaN.
    confidence : float, default 0.99
        Between 0.5 and 1.
    horizon : int, default 1
        Steps. A sum of t's is no t: beyond one step the same degrees of freedom are kept and the scale grows
        with the square root, which states too large a loss far out in the tail.

    Raises
    ------
    ShapeError, DataError, ModelError
        As `fit_student`.
    """
    level, steps = check.confidence(confidence), check.whole(horizon, "horizon")
    fit = fit_student(returns)
    var, es = student_factors(level, fit.dof)
    drift, spread = -steps * fit.location, math.sqrt(steps) * fit.scale
    return TailRisk(
        method="student",
        confidence=level,
        horizon=steps,
        var=drift + spread * var,
        es=drift + spread * es,
        n_obs=np.size(returns),
    )
