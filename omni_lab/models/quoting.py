"""Paths of a dealer who follows a rule for quotes, in a market whose fills become rarer with depth."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from omni_lab.errors import ConfigError
from omni_lab.models._checks import require_not_negative, require_positive
from omni_lab.typing import FloatArray, IntArray

QuoteRule: TypeAlias = Callable[[float, FloatArray], tuple[FloatArray, FloatArray]]
"""From a time and the inventories of all paths to the depths of their bids and asks; infinite: no quote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotingMarket:
    """What a dealer trades in: a middle that walks without drift, and takers who reach a depth at a rate.

    Parameters
    ----------
    sigma : float
        Volatility of the middle, in price units for each square root of a unit of time.
    A : float
        Fills in a unit of time at depth 0, on each side.
    k : float
        How fast they become rarer: ``λ(δ) = A · exp(−k · δ)``, δ in price units.
    dt : float
        Time between quotes.
    horizon : float
        Units of time.
    start : float
        The middle at first.
    lot : float
        Units in each fill.

    Raises
    ------
    ConfigError
        If one is not above 0, or the horizon is shorter than a step.
    """

    sigma: float
    A: float
    k: float
    dt: float
    horizon: float = 1.0
    start: float = 100.0
    lot: float = 1.0

    def __post_init__(self) -> None:
        require_positive(
            "QuotingMarket",
            sigma=self.sigma,
            A=self.A,
            k=self.k,
            dt=self.dt,
            horizon=self.horizon,
            lot=self.lot,
        )
        require_not_negative("QuotingMarket", start=self.start)
        if self.n_steps < 1:
            raise ConfigError(
                "no step fits", found=self.dt, expected=f"dt <= {self.horizon}", where="QuotingMarket"
            )

    @property
    def n_steps(self) -> int:
        """How often quotes are set."""
        return round(self.horizon / self.dt)

    def fill_probability(self, depth: FloatArray) -> FloatArray:
        """``min(1, λ(δ) dt)`` at each depth; 0 where it is infinite."""
        with np.errstate(over="ignore"):
            return np.minimum(self.A * np.exp(-self.k * depth) * self.dt, 1.0)


PAPER_MARKET = QuotingMarket(sigma=2.0, A=140.0, k=1.5, dt=0.005)
"""The market of section 3.3 of Avellaneda and Stoikov (2008)."""


@dataclass(frozen=True, slots=True)
class QuotingPath:
    """One path, step by step.

    Attributes
    ----------
    time, mid, inventory : ndarray of float64, shape (n_steps + 1,)
        At each step and at the horizon.
    bid, ask : ndarray of float64, shape (n_steps,)
        The quotes set at each step; infinite where there was none.
    """

    time: FloatArray
    mid: FloatArray
    inventory: FloatArray
    bid: FloatArray
    ask: FloatArray


@dataclass(frozen=True, slots=True)
class QuotingRuns:
    """What came of all paths.

    Attributes
    ----------
    profit : ndarray of float64, shape (n_paths,)
        Cash and inventory at the horizon, the latter at the middle.
    inventory : ndarray of float64, shape (n_paths,)
        Units held at the horizon.
    n_bought, n_sold : ndarray of int64, shape (n_paths,)
        Fills.
    first : QuotingPath
        The first path.
    """

    profit: FloatArray
    inventory: FloatArray
    n_bought: IntArray
    n_sold: IntArray
    first: QuotingPath

    def summary(self) -> dict[str, float]:
        """Means and standard deviations, and the standard errors of both for the profit.

        The error of a deviation allows for fat tails: ``sd · sqrt((κ − 1) / 4n)`` with kurtosis κ.
        """
        profit, held, n = self.profit, self.inventory, len(self.profit)
        sd = float(profit.std())
        kurtosis = float(((profit - profit.mean()) ** 4).mean()) / sd**4 if sd > 0 else float("nan")
        return {
            "profit": float(profit.mean()),
            "profit_sd": sd,
            "inventory": float(held.mean()),
            "inventory_sd": float(held.std()),
            "profit_error": sd / n**0.5,
            "profit_sd_error": sd * ((kurtosis - 1.0) / (4.0 * n)) ** 0.5,
        }


def simulate_quoting(
    rule: QuoteRule, market: QuotingMarket, *, n_paths: int, rng: np.random.Generator, inventory: float = 0.0
) -> QuotingRuns:
    """Let a dealer quote by a rule through many paths of a market.

    In each step the dealer quotes around the middle; the bid is filled with probability ``λ(δ_b) dt`` and
    the ask with ``λ(δ_a) dt``, each once at most and independently; then the middle moves by ``± σ √dt`` with
    even odds. A quote through the middle is filled at its own price, with probability 1 once ``λ dt``
    exceeds 1: the dealer pays what the rule says.

    Parameters
    ----------
    rule : callable
        From time and inventories to depths.
    market : QuotingMarket
        What the dealer trades in.
    n_paths : int
        How many.
    rng : Generator
        Where chance comes from.
    inventory : float
        Units held at first, paid for at the first middle.

    Returns
    -------
    QuotingRuns
        Profits, final inventories, fills, and the first path in full.

    Raises
    ------
    ConfigError
        If there are no paths.

    References
    ----------
    .. [1] Avellaneda and Stoikov, "High-frequency trading in a limit order book", Quantitative Finance 8(3),
       2008, section 3.3.
    """
    if n_paths < 1:
        raise ConfigError(
            "there must be paths", found=n_paths, expected="at least 1", where="simulate_quoting"
        )
    mid = np.full(n_paths, market.start)
    held = np.full(n_paths, inventory)
    cash = -held * mid
    n_bought, n_sold = np.zeros(n_paths, dtype=np.int64), np.zeros(n_paths, dtype=np.int64)
    mids, helds, bids, asks = [mid[0]], [held[0]], [], []
    for step in range(market.n_steps):
        bid_depth, ask_depth = rule(step * market.dt, held)
        bought = rng.random(n_paths) < market.fill_probability(bid_depth)
        sold = rng.random(n_paths) < market.fill_probability(ask_depth)
        cash -= market.lot * np.where(bought, mid - np.where(bought, bid_depth, 0.0), 0.0)
        cash += market.lot * np.where(sold, mid + np.where(sold, ask_depth, 0.0), 0.0)
        bids.append(mid[0] - bid_depth[0])
        asks.append(mid[0] + ask_depth[0])
        n_bought += bought
        n_sold += sold
        held = held + market.lot * (bought.astype(np.float64) - sold)
        mid = mid + market.sigma * market.dt**0.5 * (2.0 * rng.integers(0, 2, n_paths) - 1.0)
        mids.append(mid[0])
        helds.append(held[0])
    times: FloatArray = np.arange(market.n_steps + 1, dtype=np.float64) * market.dt
    first = QuotingPath(times, np.array(mids), np.array(helds), np.array(bids), np.array(asks))
    return QuotingRuns(cash + held * mid, held, n_bought, n_sold, first)
