"""Impact that fades: what a schedule costs when the price forgets each trade at its own pace.

A trade at time s moves the price at time t by ``f · G(t − s)`` with a decay G. Quantities and rates are
positive when bought; cost is what is paid beyond the price at the start. Gatheral calls it arbitrage when a
round trip, which ends with what it began with, costs less than nothing: with linear impact none does as long
as G is a positive definite function, as both decays here are; with others some do, and the tests find them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from omni_lab.errors import ConfigError, ModelError, ShapeError
from omni_lab.models._checks import column, require_not_negative, require_positive, rising, same_length
from omni_lab.typing import ArrayLike, FloatArray


class Decay(Protocol):
    """How much of a trade's impact is left after some time."""

    def __call__(self, lag: FloatArray) -> FloatArray:
        """G at lags of at least 0."""

    def twice_integrated(self, lag: FloatArray) -> FloatArray:
        """``∫₀ˡᵃᵍ ∫₀ᵗ G(s) ds dt``."""


@dataclass(frozen=True, slots=True)
class ExponentialDecay:
    """``G(t) = exp(−ρt)``: a book that fills up again.

    Parameters
    ----------
    rate : float
        ρ, for each unit of time; above 0.

    References
    ----------
    .. [1] Obizhaeva and Wang, "Optimal trading strategy and supply/demand dynamics", Journal of Financial
       Markets 16(1), 2013.
    """

    rate: float

    def __post_init__(self) -> None:
        require_positive("ExponentialDecay", rate=self.rate)

    def __call__(self, lag: FloatArray) -> FloatArray:
        """G at lags of at least 0."""
        return np.exp(-self.rate * lag)

    def twice_integrated(self, lag: FloatArray) -> FloatArray:
        """``(ρt − 1 + exp(−ρt)) / ρ²``."""
        return (self.rate * lag + np.expm1(-self.rate * lag)) / self.rate**2


@dataclass(frozen=True, slots=True)
class PowerDecay:
    """``G(t) = (t + t₀)^−γ``: a market that never quite forgets.

    Parameters
    ----------
    exponent : float
        γ, between 0 and 1.
    offset : float
        t₀, units of time; 0 makes the impact of a moment infinite, which rates bear and single trades do not.

    References
    ----------
    .. [1] Bouchaud, Gefen, Potters and Wyart, "Fluctuations and response in financial markets: the subtle
       nature of 'random' price changes", Quantitative Finance 4(2), 2004.
    """

    exponent: float
    offset: float = 0.0

    def __post_init__(self) -> None:
        require_not_negative("PowerDecay", offset=self.offset)
        if not 0.0 < self.exponent < 1.0:
            raise ConfigError(
                "the exponent is out of range",
                found=self.exponent,
                expected="between 0 and 1",
                where="PowerDecay",
            )

    def __call__(self, lag: FloatArray) -> FloatArray:
        """G at lags of at least 0."""
        with np.errstate(divide="ignore"):
            return np.asarray((lag + self.offset) ** -self.exponent)

    def twice_integrated(self, lag: FloatArray) -> FloatArray:
        """Closed form of the double integral, finite for any offset."""
        once, twice = 1.0 - self.exponent, 2.0 - self.exponent
        curve = ((lag + self.offset) ** twice - self.offset**twice) / (once * twice)
        return np.asarray(curve - self.offset**once * lag / once)


def trades_cost(times: ArrayLike, trades: ArrayLike, decay: Decay, *, slope: float = 1.0) -> float:
    """Cost of single trades with linear impact: ``slope · Σ_i n_i (n_i G(0)/2 + Σ_{j<i} n_j G(t_i − t_j))``.

    Parameters
    ----------
    times : array-like of float, shape (n,)
        Strictly rising.
    trades : array-like of float, shape (n,)
        Quantities, positive when bought.
    decay : Decay
        With a finite G(0).
    slope : float
        Price units for each unit.

    Returns
    -------
    float
        Money.

    Raises
    ------
    ModelError
        If G(0) is infinite.
    """
    t, n = same_length("trades_cost", times=times, trades=trades)
    return float(slope * n @ _lags(t, decay, "trades_cost") @ n / 2.0)


def optimal_trades(times: ArrayLike, quantity: float, decay: Decay) -> FloatArray:
    """The trades at given times that cost least with linear impact and add up to a quantity.

    Parameters
    ----------
    times : array-like of float, shape (n,)
        Strictly rising.
    quantity : float
        Their sum.
    decay : Decay
        With a finite G(0), and positive definite.

    Returns
    -------
    ndarray of float64, shape (n,)
        ``G⁻¹1`` in proportion: large at both ends, and none of the other sign for a convex decay.

    Raises
    ------
    ModelError
        If G(0) is infinite.

    References
    ----------
    .. [1] Gatheral, Schied and Slynko, "Transient linear price impact and Fredholm integral equations",
       Mathematical Finance 22(3), 2012.
    """
    t = column(times, "optimal_trades: times", least=1)
    weights = np.linalg.solve(_lags(t, decay, "optimal_trades"), np.ones(len(t)))
    return np.asarray(quantity * weights / weights.sum())


def rates_cost(
    edges: ArrayLike,
    rates: ArrayLike,
    decay: Decay,
    *,
    impact: Callable[[FloatArray], FloatArray] | None = None,
) -> float:
    """Cost of trading at a constant rate in each interval: ``∫ v_t ∫_{s<t} f(v_s) G(t − s) ds dt``.

    Parameters
    ----------
    edges : array-like of float, shape (n + 1,)
        Strictly rising times.
    rates : array-like of float, shape (n,)
        Units in a unit of time, positive when bought.
    decay : Decay
        Exact double integrals of it are used, so nothing is lost to a grid.
    impact : callable, optional
        f, from rates to price units; odd. The rate itself by default.

    Returns
    -------
    float
        Money; below 0 for a round trip that would be an arbitrage.

    Raises
    ------
    ShapeError
        If there is not one rate for each interval.

    References
    ----------
    .. [1] Gatheral, "No-dynamic-arbitrage and market impact", Quantitative Finance 10(7), 2010, section 2.
    """
    t = rising(edges, "rates_cost: edges", strictly=True)
    v = column(rates, "rates_cost: rates")
    if len(t) != len(v) + 1:
        raise ShapeError(
            "an interval has a rate", found=len(v), expected=str(len(t) - 1), where="rates_cost: rates"
        )
    moved = v if impact is None else np.asarray(impact(v), dtype=np.float64)
    start, end = t[:-1], t[1:]
    # The area between two intervals, from the double integral at the four differences of their ends.
    between = (
        _earlier(end, start, decay)
        - _earlier(start, start, decay)
        - _earlier(end, end, decay)
        + _earlier(start, end, decay)
    )
    paid = np.tril(between, -1) + np.diag(decay.twice_integrated(end - start))
    return float(v @ paid @ moved)


def _earlier(later: FloatArray, sooner: FloatArray, decay: Decay) -> FloatArray:
    return decay.twice_integrated(np.maximum(np.subtract.outer(later, sooner), 0.0))


def _lags(times: FloatArray, decay: Decay, where: str) -> FloatArray:
    t = rising(times, f"{where}: times", strictly=True)
    matrix = decay(np.abs(np.subtract.outer(t, t)))
    if not np.isfinite(matrix).all():
        raise ModelError(
            "the impact of a moment is infinite",
            found=decay,
            where=where,
            hint="Give the decay an offset, or trade at rates and use rates_cost.",
        )
    return matrix
