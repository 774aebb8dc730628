"""Value at risk and expected shortfall against what came: all tests in one call, and that of ES.

References
----------
.. [1] Acerbi and Szekely, "Backtesting expected shortfall", Risk, December 2014.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from omni_lab.errors import ConfigError, DataError, ModelError, ShapeError
from omni_lab.risk import _checks as check
from omni_lab.risk._quantiles import normal_factors, student_factors
from omni_lab.risk.coverage import (
    LikelihoodRatio,
    TrafficLight,
    basel_traffic_light,
    christoffersen_test,
    conditional_coverage_test,
    kupiec_test,
    transitions,
)
from omni_lab.typing import ArrayLike, BoolArray, FloatArray

_CELLS = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortfallTest:
    """Test of Acerbi and Szekely.

    Attributes
    ----------
    statistic : float
        0 is expected; below it the losses beyond VaR were larger, or (Z2) also more, than ES said.
    p_value : float
        Probability of a statistic as low if VaR and ES are right.
    n_exceedances : int
        Losses beyond VaR.
    """

    statistic: float
    p_value: float
    n_exceedances: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VarBacktest:
    """What came of a series of VaR.

    Attributes
    ----------
    n_obs : int
        Steps that had a VaR.
    n_exceedances : int
        Those whose loss was larger.
    expected : float
        How many were to be expected: ``n_obs · (1 − confidence)``.
    kupiec, independence, conditional_coverage : LikelihoodRatio
        Rate; bunches; both.
    traffic_light : TrafficLight
        Basel zone of all steps.
    shortfall : ShortfallTest or None
        Of ES, where one was given.
    exceeded : ndarray of bool, shape (n_obs,)
        For each step that had a VaR.
    """

    n_obs: int
    n_exceedances: int
    expected: float
    kupiec: LikelihoodRatio
    independence: LikelihoodRatio
    conditional_coverage: LikelihoodRatio
    traffic_light: TrafficLight
    shortfall: ShortfallTest | None
    exceeded: BoolArray = field(repr=False)


def backtest_var(
    returns: ArrayLike,
    var: ArrayLike,
    es: ArrayLike | None = None,
    *,
    confidence: float,
    dof: float = math.inf,
    n_samples: int = 10_000,
    seed: int = 0,
) -> VarBacktest:
    """Every test of a series of VaR, and of ES if there is one.

    Parameters
    ----------
    returns : array_like of float, shape (n_obs,)
        What came, without NaN; losses are negative.
    var, es : array_like of float, shape (n_obs,)
        What was said before each step, as positive losses; NaN leaves a step out.
    confidence : float
        Of both.
    dof : float, default infinity
        Tail of the distribution under which `acerbi_szekely_test` draws.
    n_samples : int, default 10,000
        Its draws.
    seed : int, default 0
        Of its draws.

    Raises
    ------
    ShapeError, DataError, ConfigError
        If the arrays differ in length or fewer than two steps have a VaR, a return is missing, or a setting
        is out of range.
    """
    losses, limits = _known(returns, var)
    hits = losses > limits
    n, x = len(hits), int(hits.sum())
    shortfall = None
    if es is not None:
        shortfall = acerbi_szekely_test(
            returns, var, es, confidence=confidence, dof=dof, n_samples=n_samples, seed=seed
        )
    return VarBacktest(
        n_obs=n,
        n_exceedances=x,
        expected=n * (1.0 - check.confidence(confidence)),
        kupiec=kupiec_test(n, x, confidence),
        independence=christoffersen_test(transitions(hits)),
        conditional_coverage=conditional_coverage_test(hits, confidence),
        traffic_light=basel_traffic_light(x, n, confidence),
        shortfall=shortfall,
        exceeded=hits,
    )


def acerbi_szekely_test(
    returns: ArrayLike,
    var: ArrayLike,
    es: ArrayLike,
    *,
    confidence: float,
    test: Literal["Z1", "Z2"] = "Z2",
    dof: float = math.inf,
    n_samples: int = 10_000,
    seed: int = 0,
) -> ShortfallTest:
    r"""Whether the losses beyond VaR are as large as ES says.

    With losses :math:`L_t`, :math:`I_t` where one exceeds VaR and :math:`N` their number,

    .. math::

        Z_1 = 1 - \frac1N \sum_t \frac{L_t I_t}{ES_t}, \qquad
        Z_2 = 1 - \frac{1}{n (1 - c)} \sum_t \frac{L_t I_t}{ES_t} .

    ``Z1`` judges sizes alone, ``Z2`` their number as well. The p-value is drawn: losses of every step from
    the normal, or the t, that has exactly the VaR and the ES of the step. Only what lies beyond VaR counts,
    and there VaR and ES say most of what matters, so the choice of the tail moves critical values little.

    Parameters
    ----------
    returns : array_like of float, shape (n_obs,)
        What came, without NaN.
    var, es : array_like of float, shape (n_obs,)
        What was said, as positive losses with ES above VaR and above 0; a step where either is NaN is left
        out.
    confidence : float
        Of both.
    test : {"Z2", "Z1"}
        Which; in the paper they are numbered 2 and 1.
    dof : float, default infinity
        Degrees of freedom of the t, above 1; infinity is the normal.
    n_samples : int, default 10,000
        Draws.
    seed : int, default 0
        Of the draws.

    Raises
    ------
    ShapeError, ConfigError
        If the arrays differ in length, or a setting is out of range.
    DataError
        If a return is missing, or ES is not above VaR and above 0.
    ModelError
        If ``Z1`` is asked of a series that never exceeded VaR.
    """
    level, draws = check.confidence(confidence), check.whole(n_samples, "n_samples", 100)
    if test not in ("Z1", "Z2"):
        raise ConfigError("unknown test", found=test, expected=("Z1", "Z2"), where="test")
    if not dof > 1.0:
        raise ConfigError("a t has an ES from one degree on", found=dof, expected="above 1", where="dof")
    shortfalls = check.floats(es, "es")
    check.same_length(returns=np.asarray(returns), es=shortfalls)
    losses, limits = _known(returns, np.where(np.isfinite(shortfalls), check.floats(var, "var"), np.nan))
    shortfalls = shortfalls[np.isfinite(shortfalls) & np.isfinite(check.floats(var, "var"))]
    bad = np.flatnonzero(~((shortfalls > 0.0) & (shortfalls > limits)))
    if len(bad):
        raise DataError(
            "ES is the mean of losses beyond VaR, and divided by",
            found=f"VaR {limits[bad[0]]:.6g}, ES {shortfalls[bad[0]]:.6g} and {len(bad) - 1} more",
            expected="ES above VaR and above 0",
            where="es",
        )
    hits = losses > limits
    n, x = len(hits), int(hits.sum())
    if test == "Z1" and not x:
        raise ModelError("VaR was never exceeded, so there are no losses to judge", where="returns")
    usual = n * (1.0 - level)
    total = float((losses[hits] / shortfalls[hits]).sum())
    statistic = 1.0 - total / (x if test == "Z1" else usual)
    sums, counts = _drawn(limits / shortfalls, level, dof, draws, seed)
    some = counts > 0
    drawn = 1.0 - (sums[some] / counts[some] if test == "Z1" else sums / usual)
    return ShortfallTest(
        statistic=statistic,
        p_value=float((1 + (drawn <= statistic).sum()) / (1 + len(drawn))),
        n_exceedances=x,
    )


def _known(returns: ArrayLike, var: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Losses and VaR of the steps that have a VaR."""
    values, limits = check.sample(returns), check.floats(var, "var")
    check.same_length(returns=values, var=limits)
    known = np.isfinite(limits)
    if not known.any():
        raise ShapeError("no step has a VaR", found=f"{len(limits)} that are missing", where="var")
    return -values[known], limits[known]


def _drawn(
    ratio: FloatArray, level: float, dof: float, draws: int, seed: int
) -> tuple[FloatArray, FloatArray]:
    """Sums of loss over ES beyond VaR, and their numbers, in so many series drawn as VaR and ES say."""
    from scipy.stats import norm, t

    q, e = normal_factors(level) if math.isinf(dof) else student_factors(level, dof)
    scale = (1.0 - ratio) / (e - q)  # of the loss over ES, so that its tail mean is 1
    rng = np.random.default_rng(seed)
    sums, counts = np.zeros(draws), np.zeros(draws)
    size = max(1, _CELLS // len(ratio))
    for start in range(0, draws, size):
        chance = rng.random((min(size, draws - start), len(ratio)))
        row, step = np.nonzero(chance < 1.0 - level)
        depth = chance[row, step]
        tail = norm.isf(depth) if math.isinf(dof) else t.isf(depth, dof)
        loss = ratio[step] + (tail - q) * scale[step]
        sums[start : start + len(chance)] = np.bincount(row, loss, minlength=len(chance))
        counts[start : start + len(chance)] = np.bincount(row, minlength=len(chance))
    return sums, counts
