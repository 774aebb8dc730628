"""How much money a strategy could carry before its own trading eats what it earns.

The model is the square-root law: an order for a quantity Q in a market that trades V a period with volatility
σ a period moves the price by ``Y σ √(Q / V)`` on average and pays that much more than the price it met. It is
found across markets and decades with Y near one [1]_. With k times the money every order is k times as large,
so costs per unit of money grow with √k while returns before impact stay what they were.

What is assumed: the same orders at every size, no trading over several periods to soften the impact, no
lasting impact on later prices, returns as they were with the costs already charged, impact on top of those.

References
----------
.. [1] Tóth, Lempérière, Deremble, de Lataillade, Kockelkoren and Bouchaud, "Anomalous price impact and the
   critical nature of liquidity in financial markets", Physical Review X 1, 2011, equation 1.
.. [2] Almgren, Thum, Hauptmann and Li, "Direct estimation of equity market impact", Risk, 2005.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from omni_lab.errors import ConfigError
from omni_lab.portfolio import _checks as check
from omni_lab.portfolio.performance import moments_of
from omni_lab.typing import ArrayLike, FloatArray

_FACTORS = np.logspace(-3.0, 6.0, 91)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Capacity:
    """What size does to a strategy.

    Sizes are money under management at the start, in the currency of the backtest.

    Attributes
    ----------
    initial_capital : float
        What the backtest started with.
    sharpe_half : float
        Size at which the annual Sharpe ratio is half of that without impact; NaN if that is not positive.
    zero_return : float
        Size at which the mean return in excess of the riskless rate is zero; NaN as above.
    participation : float
        Size at which the chosen quantile of fills reaches the participation limit.
    limit, quantile : float
        That limit, as a fraction of a bar's volume, and that quantile.
    impact : float
        The constant Y.
    sharpe : float
        Annual, without impact.
    sizes, sharpe_by_size, return_by_size : ndarray of float64, shape (n_sizes,)
        Annual Sharpe ratio and mean excess return a year (not compounded) at sizes on a logarithmic grid.
    unknown : float
        Share of the traded notional without a known volume or volatility. It is left out as if it were free,
        so a large share makes the capacity too large.
    """

    initial_capital: float
    sharpe_half: float
    zero_return: float
    participation: float
    limit: float
    quantile: float
    impact: float
    sharpe: float
    sizes: FloatArray
    sharpe_by_size: FloatArray
    return_by_size: FloatArray
    unknown: float

    @property
    def binding(self) -> float:
        """The smallest of the sizes: half of the Sharpe ratio gone, or fills at the limit."""
        known = [size for size in (self.sharpe_half, self.participation) if not math.isnan(size)]
        return min(known, default=math.nan)

    def plot(self, *, theme: str = "light") -> Any:
        """Sharpe ratio against size, as a figure."""
        from omni_lab.figures import capacity_figure

        return capacity_figure(
            self.sizes,
            self.sharpe_by_size,
            halved=self.sharpe_half,
            participation=self.participation,
            limit=self.limit,
            theme=theme,
        )

    def __repr__(self) -> str:
        return (
            f"Capacity(Sharpe ratio halves at {self.sharpe_half:,.3g}, "
            f"nothing left at {self.zero_return:,.3g}, "
            f"participation of {self.limit:.0%} at {self.participation:,.3g})"
        )


def capacity(
    returns: ArrayLike,
    periods_per_year: float,
    *,
    initial_capital: float,
    step: ArrayLike,
    weight: ArrayLike,
    participation: ArrayLike,
    sigma: ArrayLike,
    riskless: float = 0.0,
    impact: float = 1.0,
    limit: float = 0.1,
    quantile: float = 0.99,
) -> Capacity:
    """Sizes at which impact takes half of the Sharpe ratio, all of the return, or too much of the volume.

    Parameters
    ----------
    returns : array-like of float, shape (n_periods,)
        Simple returns per period, after the costs already charged.
    periods_per_year : float
        Periods in a year.
    initial_capital : float
        Money that the fills belong to.
    step : array-like of int, shape (n_fills,)
        Period of each fill.
    weight : array-like of float, shape (n_fills,)
        Notional of each fill over the equity of that period.
    participation : array-like of float, shape (n_fills,)
        Quantity of each fill over the volume traded in that period; NaN where not known.
    sigma : array-like of float, shape (n_fills,)
        Volatility of the instrument **per period** at the time, as a decimal; NaN where not known.
    riskless : float, default 0
        Rate **per period**.
    impact : float, default 1
        The constant Y of the square-root law.
    limit : float, default 0.1
        Largest fraction of a period's volume that may be traded.
    quantile : float, default 0.99
        Of the fills, by participation, that must keep to it.

    Returns
    -------
    Capacity

    Raises
    ------
    ConfigError
        If impact or limit are not positive, or the quantile is not between 0 and 1.
    ShapeError
        If the columns of the fills differ in length.
    """
    for name, value, most in (
        ("impact", impact, math.inf),
        ("limit", limit, math.inf),
        ("quantile", quantile, 1),
    ):
        if not 0.0 < value <= most:
            raise ConfigError("capacity needs a positive number", found=value, where=name)
    excess = check.floats(returns, "returns") - riskless
    rows, weights = np.asarray(step, dtype=np.int64), check.floats(weight, "weight")
    shares, sigmas = check.floats(participation, "participation"), check.floats(sigma, "sigma")
    check.same_length(step=rows, weight=weights, participation=shares, sigma=sigmas)
    known = np.isfinite(shares) & np.isfinite(sigmas)
    cost = np.where(known, weights * impact * sigmas * np.sqrt(np.where(known, shares, 0.0)), 0.0)
    drag = np.bincount(rows, weights=cost, minlength=len(excess))
    root = math.sqrt(periods_per_year)

    def sharpe(factor: float) -> float:
        found = moments_of(excess - math.sqrt(factor) * drag)
        return found.mean / found.std * root if found.std > 0.0 else math.nan

    free = sharpe(0.0)
    mean, drawn = float(excess.mean()) if len(excess) else math.nan, float(drag.mean()) if len(drag) else 0.0
    earns = free > 0.0 and drawn > 0.0
    zero = (mean / drawn) ** 2 if earns else math.nan
    largest = (
        float(np.quantile(shares[np.isfinite(shares)], quantile)) if np.isfinite(shares).any() else math.nan
    )
    total = float(weights.sum())
    return Capacity(
        initial_capital=initial_capital,
        sharpe_half=initial_capital * _halved(sharpe, free, zero) if earns else math.nan,
        zero_return=initial_capital * zero,
        participation=initial_capital * limit / largest if largest > 0.0 else math.nan,
        limit=limit,
        quantile=quantile,
        impact=impact,
        sharpe=free,
        sizes=initial_capital * _FACTORS,
        sharpe_by_size=np.array([sharpe(factor) for factor in _FACTORS]),
        return_by_size=periods_per_year * (mean - np.sqrt(_FACTORS) * drawn),
        unknown=float(weights[~known].sum()) / total if total > 0.0 else 0.0,
    )


def _halved(sharpe: Callable[[float], float], free: float, zero: float) -> float:
    """Factor at which the ratio crosses half of its free value, between no impact and nothing left."""
    low, high = 0.0, math.sqrt(zero)
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if sharpe(middle * middle) > 0.5 * free else (low, middle)
    return low * low
