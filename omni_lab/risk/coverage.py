"""Whether value at risk was exceeded as often as it said, and not in bunches.

An exceedance is a loss larger than the VaR of its step. The tests are likelihood ratios: the larger the
statistic, the less the model explains what came.

References
----------
.. [1] Kupiec, "Techniques for verifying the accuracy of risk measurement models", Journal of Derivatives 3,
   1995.
.. [2] Christoffersen, "Evaluating interval forecasts", International Economic Review 39, 1998.
.. [3] Basel Committee on Banking Supervision, "Supervisory framework for the use of 'backtesting' in
   conjunction with the internal models approach to market risk capital requirements", 1996.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from omni_lab.errors import ConfigError, DataError, ShapeError
from omni_lab.risk import _checks as check
from omni_lab.typing import ArrayLike, BoolArray

Zone = Literal["green", "yellow", "red"]

# Added to the multiplier of 3 by the number of exceedances in 250 days at 99% (Basel, 1996, table 2).
_PLUS = {5: 0.40, 6: 0.50, 7: 0.65, 8: 0.75, 9: 0.85}


@dataclass(frozen=True, slots=True, kw_only=True)
class LikelihoodRatio:
    """A test whose statistic is chi-squared if the model is right.

    Attributes
    ----------
    statistic : float
        Twice the logarithm of the ratio of likelihoods, not negative.
    dof : int
        Degrees of freedom of the chi-squared.
    p_value : float
        Probability of a statistic as large if the model is right.
    """

    statistic: float
    dof: int
    p_value: float


class Transitions(NamedTuple):
    """How often a quiet step (0) or an exceedance (1) was followed by either: ``n01`` counts 0 then 1."""

    n00: int
    n01: int
    n10: int
    n11: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficLight:
    """Zone of the Basel committee.

    Attributes
    ----------
    zone : {"green", "yellow", "red"}
        Red is a model that is nearly certainly wrong.
    probability : float
        Of so many exceedances or fewer if the model is right: yellow from 95%, red from 99.99%.
    plus_factor : float
        What the zone adds to the multiplier of capital, by the table for 250 days at 99%; NaN for others.
    """

    zone: Zone
    probability: float
    plus_factor: float


def kupiec_test(n_obs: int, n_exceedances: int, confidence: float) -> LikelihoodRatio:
    r"""Proportion of failures: whether the rate of exceedances is the one promised.

    With :math:`p = 1 - c` and :math:`\hat p = x / n`

    .. math:: LR = 2 \ln \frac{\hat p^x (1 - \hat p)^{n - x}}{p^x (1 - p)^{n - x}} \sim \chi^2_1 .

    Parameters
    ----------
    n_obs, n_exceedances : int
        Steps, and those among them whose loss was larger than VaR.
    confidence : float
        Of the VaR.

    Raises
    ------
    ConfigError
        If the numbers cannot be.
    """
    n, x, expected = _counts(n_obs, n_exceedances, confidence)
    return _ratio(2.0 * (_log_likelihood(x, n, x / n) - _log_likelihood(x, n, expected)), 1)


def christoffersen_test(transitions: Transitions) -> LikelihoodRatio:
    r"""Independence: whether an exceedance is as likely after another as after a quiet step.

    With the frequencies :math:`\pi_{01}` and :math:`\pi_{11}` of an exceedance after either and :math:`\pi`
    of all,

    .. math::

        LR = 2 \ln \frac{(1-\pi_{01})^{n_{00}} \pi_{01}^{n_{01}} (1-\pi_{11})^{n_{10}} \pi_{11}^{n_{11}}}
        {(1-\pi)^{n_{00}+n_{10}} \pi^{n_{01}+n_{11}}} \sim \chi^2_1 .

    It sees bunches of neighbours alone: every other day is no bunch to it.

    Parameters
    ----------
    transitions : Transitions
        As `transitions` counts them. Without an exceedance the statistic is 0: there is nothing to tell.

    Raises
    ------
    ConfigError
        If a count is negative, or all are 0.
    """
    counts = [check.whole(count, "transitions", 0) for count in transitions]
    n00, n01, n10, n11 = counts
    if not sum(counts):
        raise ConfigError("there are no transitions", found=tuple(counts), expected="at least one")
    apart = _log_likelihood(n01, n00 + n01) + _log_likelihood(n11, n10 + n11)
    return _ratio(2.0 * (apart - _log_likelihood(n01 + n11, sum(counts))), 1)


def conditional_coverage_test(exceeded: ArrayLike, confidence: float) -> LikelihoodRatio:
    """Rate and independence at once: the sum of both statistics, with two degrees of freedom.

    Parameters
    ----------
    exceeded : array_like of bool, shape (n_obs,)
        Whether the loss of each step was larger than its VaR.
    confidence : float
        Of the VaR.

    Raises
    ------
    ShapeError, DataError, ConfigError
        If there are fewer than two steps, they are not true or false, or the confidence is none.
    """
    hits = flags(exceeded)
    rate = kupiec_test(len(hits), int(hits.sum()), confidence)
    bunches = christoffersen_test(transitions(hits))
    return _ratio(rate.statistic + bunches.statistic, 2)


def transitions(exceeded: ArrayLike) -> Transitions:
    """How often each kind of step follows each, over all neighbours.

    Parameters
    ----------
    exceeded : array_like of bool, shape (n_obs,)
        Whether the loss of each step was larger than its VaR.

    Raises
    ------
    ShapeError, DataError
        If there are fewer than two steps, or they are not true or false.
    """
    hits = flags(exceeded).astype(np.int64)
    n = np.bincount(2 * hits[:-1] + hits[1:], minlength=4)
    return Transitions(*(int(count) for count in n))


def basel_traffic_light(n_exceedances: int, n_obs: int = 250, confidence: float = 0.99) -> TrafficLight:
    """Zone of the Basel committee for so many exceedances.

    Parameters
    ----------
    n_exceedances : int
        Steps whose loss was larger than VaR.
    n_obs : int, default 250
        Steps in all.
    confidence : float, default 0.99
        Of the VaR.

    Raises
    ------
    ConfigError
        If the numbers cannot be.
    """
    from scipy.stats import binom

    n, x, expected = _counts(n_obs, n_exceedances, confidence)
    probability = float(binom.cdf(x, n, expected))
    zone: Zone = "green" if probability < 0.95 else "yellow" if probability < 0.9999 else "red"
    is_tabled = n == 250 and math.isclose(confidence, 0.99)
    plus = {"green": 0.0, "yellow": _PLUS.get(x, math.nan), "red": 1.0}[zone] if is_tabled else math.nan
    return TrafficLight(zone=zone, probability=probability, plus_factor=plus)


def flags(exceeded: ArrayLike) -> BoolArray:
    """Whether each step exceeded, as one column; DataError unless all are true or false."""
    values = np.asarray(exceeded)
    if values.ndim != 1 or len(values) < 2:
        raise ShapeError(
            "too few steps", found=values.shape, expected="one dimension, at least 2 long", where="exceeded"
        )
    if values.dtype.kind != "b" and not np.isin(values, (0, 1)).all():
        raise DataError("a step exceeded or it did not", expected="booleans, or 0 and 1", where="exceeded")
    return values.astype(np.bool_)


def _counts(n_obs: int, n_exceedances: int, confidence: float) -> tuple[int, int, float]:
    n, x = check.whole(n_obs, "n_obs"), check.whole(n_exceedances, "n_exceedances", 0)
    if x > n:
        raise ConfigError(
            "there are more exceedances than steps", found=x, expected=f"at most {n}", where="n_exceedances"
        )
    return n, x, 1.0 - check.confidence(confidence)


def _log_likelihood(n_hits: int, n: int, rate: float | None = None) -> float:
    """Of so many hits in n; by default at the rate that fits best. 0 · ln 0 is 0."""
    from scipy.special import xlog1py, xlogy

    if rate is None:
        rate = n_hits / n if n else 0.0
    return float(xlogy(n_hits, rate) + xlog1py(n - n_hits, -rate))


def _ratio(statistic: float, dof: int) -> LikelihoodRatio:
    from scipy.stats import chi2

    statistic = max(statistic, 0.0)  # rounding
    return LikelihoodRatio(statistic=statistic, dof=dof, p_value=float(chi2.sf(statistic, dof)))
