"""Value at risk and expected shortfall from four moments, where the Cornish-Fisher expansion allows it."""

from __future__ import annotations

import math

from omni_lab.errors import ModelError
from omni_lab.risk import _checks as check
from omni_lab.risk.tails import TailRisk
from omni_lab.typing import ArrayLike


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
