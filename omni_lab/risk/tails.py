"""Value at risk and expected shortfall of one series: historical and normal.

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

from omni_lab.errors import ShapeError
from omni_lab.risk import _checks as check
from omni_lab.risk._quantiles import normal_factors
from omni_lab.typing import ArrayLike


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
