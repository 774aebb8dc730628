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

_LEAST_DOF, _MOST_DOF = 1.05, 200.0


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

    lowest, width = math.log(_LEAST_DOF), math.log(_MOST_DOF / _LEAST_DOF)

    def cost(p: FloatArray) -> tuple[float, FloatArray]:
        """Mean negative log-likelihood, and its slope by location, log scale and the place of log dof."""
        place = 1.0 / (1.0 + math.exp(-min(max(p[2], -700.0), 700.0)))
        location, scale, dof = p[0], math.exp(p[1]), math.exp(lowest + width * place)
        z = (x - location) / scale
        squares = z * z
        weight = (dof + 1.0) / (dof + squares)
        grow, pull = float(np.log1p(squares / dof).mean()), float((weight * squares).mean())
        constant = gammaln((dof + 1) / 2) - gammaln(dof / 2) - 0.5 * math.log(dof * math.pi)
        value = constant - p[1] - (dof + 1) / 2 * grow
        by_dof = 0.5 * (digamma((dof + 1) / 2) - digamma(dof / 2) - (1.0 - pull) / dof - grow)
        by_place = by_dof * dof * width * place * (1.0 - place)
        return -value, -np.array([float((weight * z).mean()) / scale, pull - 1.0, by_place])

    # Not L-BFGS-B: three numbers do not need its threads, which stall on a machine that is busy.
    found = []
    for dof in (4.0, 20.0):
        place = (math.log(dof) - lowest) / width
        start = np.array([float(np.median(x)), math.log(0.8), math.log(place / (1.0 - place))])
        found.append(minimize(cost, start, jac=True, method="BFGS", options={"gtol": 1e-8}))
    best = min(found, key=lambda each: float(each.fun))
    if not float(np.abs(best.jac).max()) < 1e-4:
        raise ModelError("no maximum of the likelihood was found", found=str(best.message), where="returns")
    location, log_scale, place = (float(p) for p in best.x)
    log_dof = lowest + width / (1.0 + math.exp(-min(max(place, -700.0), 700.0)))
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
