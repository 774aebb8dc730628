"""Quotes of a dealer who fears inventory: Avellaneda and Stoikov's reservation price and spread.

Depths are distances from the middle, positive away from it: the bid is ``mid − bid_depth``, the ask
``mid + ask_depth``. A negative depth quotes through the middle. Inventory is positive when long.
"""

from dataclasses import dataclass

import numpy as np

from omni_lab.errors import ConfigError
from omni_lab.models._checks import require_positive
from omni_lab.models.quoting import QuoteRule
from omni_lab.typing import ArrayLike, FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class AvellanedaStoikov:
    """Approximate optimal quotes over a finite horizon with exponential utility.

    Parameters
    ----------
    gamma : float
        Risk aversion, for each unit of money.
    sigma : float
        Volatility of the middle, in price units for each square root of a unit of time.
    k : float
        How fast fills become rarer with depth, for each price unit: ``λ(δ) = A · exp(−k · δ)``.
    horizon : float
        When the inventory is valued at the middle, in units of time.

    Raises
    ------
    ConfigError
        If one is not above 0.

    References
    ----------
    .. [1] Avellaneda and Stoikov, "High-frequency trading in a limit order book", Quantitative Finance 8(3),
       2008, section 3.2: equations 29 and 30 of the preprint.
    """

    gamma: float
    sigma: float
    k: float
    horizon: float = 1.0

    def __post_init__(self) -> None:
        require_positive(
            "AvellanedaStoikov", gamma=self.gamma, sigma=self.sigma, k=self.k, horizon=self.horizon
        )

    def reservation_price(self, mid: ArrayLike, inventory: ArrayLike, time: float) -> FloatArray:
        """``s − q γ σ² (T − t)``: below the middle for a dealer who is long (equation 29)."""
        return np.asarray(mid, dtype=np.float64) - self._lean(inventory, time)

    def spread(self, time: ArrayLike) -> FloatArray:
        """``γ σ² (T − t) + (2/γ) ln(1 + γ/k)``, from bid to ask (equation 30)."""
        left = np.maximum(self.horizon - np.asarray(time, dtype=np.float64), 0.0)
        constant = 2.0 / self.gamma * float(np.log1p(self.gamma / self.k))
        return np.asarray(self.gamma * self.sigma**2 * left + constant)

    def average_spread(self, dt: float) -> float:
        """Mean of the spread over the times 0, dt, … before the horizon at which quotes are set."""
        return float(self.spread(np.arange(round(self.horizon / dt)) * dt).mean())

    def depths(self, time: float, inventory: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Bid and ask depths, centred on the reservation price: the paper's "inventory" strategy.

        Parameters
        ----------
        time : float
            Since the start.
        inventory : ndarray of float64, shape (n,)
            Units held.

        Returns
        -------
        bid_depth, ask_depth : ndarray of float64, shape (n,)
            Their sum is the spread; the ask's is negative for a dealer who is very long.
        """
        lean = self._lean(inventory, time)
        half = self.spread(time) / 2.0
        return half + lean, half - lean

    def symmetric(self, dt: float) -> QuoteRule:
        """The paper's benchmark: the average spread, always centred on the middle."""
        half = self.average_spread(dt) / 2.0

        def depths(time: float, inventory: FloatArray) -> tuple[FloatArray, FloatArray]:
            constant = np.full(len(inventory), half)
            return constant, constant

        return depths

    def _lean(self, inventory: ArrayLike, time: float) -> FloatArray:
        left = max(self.horizon - time, 0.0)
        return np.asarray(inventory, dtype=np.float64) * (self.gamma * self.sigma**2 * left)


def indifference_prices(
    mid: ArrayLike, inventory: ArrayLike, *, gamma: float, sigma: float, time_left: float
) -> tuple[FloatArray, FloatArray]:
    """Prices at which a dealer who otherwise holds would just buy, and just sell, one unit.

    Parameters
    ----------
    mid : array-like of float
        Middle price.
    inventory : array-like of float
        Units held.
    gamma, sigma : float
        As in :class:`AvellanedaStoikov`.
    time_left : float
        Until the horizon.

    Returns
    -------
    bid, ask : ndarray of float64
        ``s + (∓1 − 2q) γ σ² (T − t) / 2``; the reservation price lies half way.

    Raises
    ------
    ConfigError
        If a parameter is not above 0.

    References
    ----------
    .. [1] Avellaneda and Stoikov (2008), section 2.2.
    """
    require_positive("indifference_prices", gamma=gamma, sigma=sigma, time_left=time_left)
    s, q = np.asarray(mid, dtype=np.float64), np.asarray(inventory, dtype=np.float64)
    scale = gamma * sigma**2 * time_left / 2.0
    return s + (-1.0 - 2.0 * q) * scale, s + (1.0 - 2.0 * q) * scale


def indifference_prices_infinite(
    mid: ArrayLike, inventory: ArrayLike, *, gamma: float, sigma: float, most_inventory: float
) -> tuple[FloatArray, FloatArray]:
    """Prices of indifference of a dealer without a horizon, who discounts utility instead.

    Parameters
    ----------
    mid : array-like of float
        Middle price.
    inventory : array-like of float
        Units held, at most ``most_inventory`` in size.
    gamma, sigma : float
        As in :class:`AvellanedaStoikov`.
    most_inventory : float
        The largest position; it sets the discount rate ``ω = γ² σ² (q_max + 1)² / 2``.

    Returns
    -------
    bid, ask : ndarray of float64
        ``s ± ln(1 + (−1 ∓ 2q) γ² σ² / (2ω − γ² q² σ²)) / γ``. The bid is −inf at the largest position, at
        which no price makes up for one unit more, and the ask is +inf at the largest short one.

    Raises
    ------
    ConfigError
        If a parameter is not above 0, or a position is larger than ``most_inventory``.

    Notes
    -----
    The paper prints the ask as ``s + ln(1 + (1 − 2q) …) / γ``, which is this one to first order only; at its
    price a dealer would not be indifferent by the paper's own value function.

    References
    ----------
    .. [1] Avellaneda and Stoikov (2008), section 2.3.
    """
    where = "indifference_prices_infinite"
    require_positive(where, gamma=gamma, sigma=sigma, most_inventory=most_inventory)
    s, q = np.asarray(mid, dtype=np.float64), np.asarray(inventory, dtype=np.float64)
    if (np.abs(q) > most_inventory).any():
        raise ConfigError(
            "a position beyond the largest",
            found=float(np.abs(q).max()),
            expected=f"at most {most_inventory}",
            where=f"{where}: inventory",
        )
    # Both sides of the fraction over γ² σ²: 2ω is then (q_max + 1)².
    room = (most_inventory + 1.0) ** 2 - q**2
    with np.errstate(divide="ignore"):
        bid = np.log1p((-1.0 - 2.0 * q) / room)
        ask = -np.log1p((-1.0 + 2.0 * q) / room)
    return s + bid / gamma, s + ask / gamma
