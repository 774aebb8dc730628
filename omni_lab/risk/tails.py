"""Value at risk and expected shortfall of one series: historical, normal, Student's t, Cornish-Fisher.

Returns are profits: what is lost is negative in them, and positive in the value at risk (VaR) and the
expected shortfall (ES). VaR at confidence ``c`` is the loss that is not exceeded with probability ``c``; ES
is the mean of the worst ``1 − c``. Over a horizon of ``h`` steps returns are taken to add up, as logarithmic
returns and profits in money do. Nothing here is annualised.

References
----------
.. [1] McNeil, Frey and Embrechts, "Quantitative Risk Management", Princeton, 2015, chapters 2 and 9.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from omni_lab.errors import ModelError, ShapeError
from omni_lab.risk import _checks as check
from omni_lab.risk._quantiles import normal_factors, student_factors
from omni_lab.typing import ArrayLike, FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class TailRisk:
    """Value at risk and expected shortfall, as positive losses.

    Attributes
    ----------
    method : str
        How they were found.
    confidence : float
        Probability with which the loss stays at or below `var`.
    horizon : int
        Steps over which the loss is counted.
    var, es : float
        Value at risk and expected shortfall, in the unit of the returns; negative where even the tail gains.
    var_error, es_error : float
        Standard errors over repeated samples of independent returns; NaN where no formula gives them, and
        then `tail_bands` does.
    n_obs : int
        Losses they rest on.
    """

    method: str
    confidence: float
    horizon: int
    var: float
    es: float
    var_error: float = math.nan
    es_error: float = math.nan
    n_obs: int


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


def historical_risk(returns: ArrayLike, *, confidence: float = 0.99, horizon: int = 1) -> TailRisk:
    r"""VaR and ES of the losses as they came.

    With :math:`m = n (1 - c)` and losses :math:`L_{(1)} \ge L_{(2)} \ge \dots` VaR is
    :math:`L_{(\lfloor m \rfloor + 1)}`, the smallest loss whose empirical probability reaches :math:`c`, and

    .. math::

        ES = \frac1m \Bigl( \sum_{i \le \lfloor m \rfloor} L_{(i)} + (m - \lfloor m \rfloor) VaR \Bigr).

    Parameters
    ----------
    returns : array_like of float, shape (n_obs,)
        Profits per step, without NaN.
    confidence : float, default 0.99
        Between 0.5 and 1.
    horizon : int, default 1
        Losses are counted over so many steps, by sums that overlap.

    Returns
    -------
    TailRisk
        Errors: of VaR that of Maritz and Jarrett [2]_, of ES that of Manistre and Hancock [3]_; NaN for sums
        that overlap, which are not independent.

    Raises
    ------
    ShapeError
        If fewer than one loss lies beyond the confidence.
    DataError
        If a return is missing.

    References
    ----------
    .. [1] Rockafellar and Uryasev, "Conditional value-at-risk for general loss distributions", Journal of
       Banking and Finance 26, 2002, proposition 8.
    .. [2] Maritz and Jarrett, "A note on estimating the variance of the sample median", Journal of the
       American Statistical Association 73, 1978.
    .. [3] Manistre and Hancock, "Variance of the CTE estimator", North American Actuarial Journal 9, 2005.
    """
    level, steps = check.confidence(confidence), check.whole(horizon, "horizon")
    values = check.sample(returns, least=steps)
    losses = -np.lib.stride_tricks.sliding_window_view(values, steps).sum(axis=1)
    n = len(losses)
    beyond = tail_mass(n, level)
    losses = np.sort(losses)[::-1]
    whole = int(beyond)
    var = float(losses[whole])
    es = float(losses[:whole].sum() + (beyond - whole) * var) / beyond
    var_error = es_error = math.nan
    if steps == 1:
        from scipy.special import betainc

        edges = betainc(whole + 1, n - whole, np.arange(n + 1) / n)
        share = np.diff(edges)
        mean = float(share @ losses)
        var_error = math.sqrt(max(float(share @ (losses - mean) ** 2), 0.0))
        tail = losses[: max(whole, 2)]
        es_error = math.sqrt((float(tail.var(ddof=1)) + level * (es - var) ** 2) / beyond)
    return TailRisk(
        method="historical",
        confidence=level,
        horizon=steps,
        var=var,
        es=es,
        var_error=var_error,
        es_error=es_error,
        n_obs=n,
    )


def normal_risk(returns: ArrayLike, *, confidence: float = 0.99, horizon: int = 1) -> TailRisk:
    r"""VaR and ES of a normal with the mean and the standard deviation (ddof 1) of the returns.

    .. math::

        VaR = -h \mu + \sqrt h\, \sigma z_c, \qquad
        ES = -h \mu + \sqrt h\, \sigma \frac{\varphi(z_c)}{1 - c}

    The errors are those of :math:`\mu` and :math:`\sigma` under the same normal.

    Parameters
    ----------
    returns : array_like of float, shape (n_obs,)
        Profits per step, without NaN.
    confidence : float, default 0.99
        Between 0.5 and 1.
    horizon : int, default 1
        Steps; exact where returns are independent.

    Raises
    ------
    ShapeError, DataError, ModelError
        If there are fewer than two returns, one is missing, or they never move.
    """
    level, steps = check.confidence(confidence), check.whole(horizon, "horizon")
    values = check.sample(returns, least=2)
    sigma, n = check.varies(values), len(values)
    drift, spread = -steps * float(values.mean()), math.sqrt(steps) * sigma
    var, es = normal_factors(level)

    def error(factor: float) -> float:
        return sigma * math.sqrt((steps**2 + steps * factor**2 / 2.0) / n)

    return TailRisk(
        method="normal",
        confidence=level,
        horizon=steps,
        var=drift + spread * var,
        es=drift + spread * es,
        var_error=error(var),
        es_error=error(es),
        n_obs=n,
    )


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


def cornish_fisher_risk(returns: ArrayLike, *, confidence: float = 0.99, horizon: int = 1) -> TailRisk:
    r"""VaR and ES of a normal bent by skewness and kurtosis.

    The return's quantile is :math:`\mu + \sigma w(z)` with :math:`z = z_{1-c}` and

    .. math::

        w(z) = z + (z^2 - 1) \frac{S}{6} + (z^3 - 3 z) \frac{K}{24} - (2 z^3 - 5 z) \frac{S^2}{36},

    :math:`S` and :math:`K` the skewness and the excess kurtosis (ddof 0). ES is its exact mean over the
    tail, :math:`\frac{1}{1-c} \int_{-\infty}^{z} w(x) \varphi(x) dx`. Over ``h`` independent steps
    :math:`S` shrinks by :math:`\sqrt h` and :math:`K` by :math:`h`.

    Outside its domain of validity :math:`w` does not rise everywhere and is no quantile function: VaR may
    then fall as the confidence grows, and no number is given. Inside it, the distribution that :math:`w`
    stands for has a skewness and a kurtosis near :math:`S` and :math:`K`, not equal to them [1]_.

    Parameters
    ----------
    returns : array_like of float, shape (n_obs,)
        At least 4, without NaN.
    confidence : float, default 0.99
        Between 0.5 and 1.
    horizon : int, default 1
        Steps.

    Raises
    ------
    ModelError
        Outside of the domain of validity, and for returns that never move.
    ShapeError, DataError
        If there are too few, or one is missing.

    References
    ----------
    .. [1] Maillard, "A user's guide to the Cornish Fisher expansion", 2012, sections 2 to 4.
    .. [2] Chernozhukov, Fernández-Val and Galichon, "Rearranging Edgeworth-Cornish-Fisher expansions",
       Economic Theory 42, 2010.
    """
    from scipy.stats import norm

    level, steps = check.confidence(confidence), check.whole(horizon, "horizon")
    values = check.sample(returns, least=4)
    sigma = check.varies(values)
    away = values - values.mean()
    second = float((away**2).mean())
    skewness = float((away**3).mean()) / second**1.5 / math.sqrt(steps)
    excess = (float((away**4).mean()) / second**2 - 3.0) / steps
    if not cornish_fisher_is_valid(skewness, excess):
        raise ModelError(
            "the Cornish-Fisher expansion is no quantile function here",
            found=f"skewness {skewness:.3g}, excess kurtosis {excess:.3g}",
            expected="a point of its domain of validity (cornish_fisher_is_valid)",
            where="returns",
            hint="Use student_risk or evt_risk, or a longer horizon.",
        )
    tail = 1.0 - level
    z = float(norm.ppf(tail))
    density = float(norm.pdf(z))
    cubic, square = excess / 24.0, skewness**2 / 36.0
    at = z + (z * z - 1) * skewness / 6 + (z**3 - 3 * z) * cubic - (2 * z**3 - 5 * z) * square
    # Moments of a normal below z: of x it is −φ, of x² − 1 it is −zφ, of x³ it is −(z² + 2)φ.
    bent = 1.0 + z * skewness / 6 + (z * z - 1) * cubic + (1 - 2 * z * z) * square
    drift, spread = -steps * float(values.mean()), math.sqrt(steps) * sigma
    return TailRisk(
        method="cornish_fisher",
        confidence=level,
        horizon=steps,
        var=drift - spread * at,
        es=drift + spread * density / tail * bent,
        n_obs=len(values),
    )


def cornish_fisher_is_valid(skewness: float, excess_kurtosis: float) -> bool:
    r"""Whether the expansion rises everywhere, so that it is a quantile function.

    Its slope is a square polynomial of :math:`z`, which has no root if

    .. math::

        \frac{S^2}{9} \le 4 \Bigl(\frac K8 - \frac{S^2}{6}\Bigr) \Bigl(1 - \frac K8 + \frac{5 S^2}{36}\Bigr)

    and both factors on the right are not negative (Maillard, 2012, section 2).

    Parameters
    ----------
    skewness, excess_kurtosis : float
        0 and 0 for a normal.
    """
    leading = excess_kurtosis / 8.0 - skewness**2 / 6.0
    constant = 1.0 - excess_kurtosis / 8.0 + 5.0 * skewness**2 / 36.0
    return leading >= 0.0 and constant >= 0.0 and skewness**2 / 9.0 <= 4.0 * leading * constant


def tail_mass(n_obs: int, confidence: float) -> float:
    """How many of so many observations lie beyond the confidence; ShapeError if fewer than one."""
    # Rounded, since 1 − 0.99 is not 0.01, and a whole number must stay whole.
    beyond = round(n_obs * (1.0 - confidence), 9)
    if beyond < 1.0:
        raise ShapeError(
            "too few returns for this confidence: none of them lies beyond it",
            found=n_obs,
            expected=f"at least {math.ceil(round(1.0 / (1.0 - confidence), 6))}",
            where="returns",
        )
    return beyond
