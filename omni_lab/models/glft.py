"""Quotes of Guéant, Lehalle and Fernandez-Tapia: in closed form far from the end, and exact at any time.

Depths are distances from the middle in price units, positive away from it. Fills come at the rate
``λ(δ) = A · exp(−k · δ)`` on each side and are all of one lot. Inventory is positive when long.
"""

from dataclasses import dataclass

import numpy as np

from omni_lab.errors import ConfigError
from omni_lab.models._checks import require_not_negative, require_positive
from omni_lab.typing import ArrayLike, FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Glft:
    """A dealer with exponential utility, or one who fears the variance of the inventory only.

    Parameters
    ----------
    A : float
        Fills in a unit of time at depth 0, on each side.
    k : float
        Decay of the fills, for each price unit.
    sigma : float
        Volatility of the middle, in price units for each square root of a unit of time.
    gamma : float
        Aversion to the risk of prices, for each unit of money.
    xi : float, optional
        Aversion to the risk that fills come or do not; ``gamma`` by default, which is exponential utility
        (model A); 0 penalises only ``γ σ² q² / 2`` in each unit of time (model B).
    lot : float
        Units in each fill, Δ.

    Raises
    ------
    ConfigError
        If a parameter is out of range.

    References
    ----------
    .. [1] Guéant, Lehalle and Fernandez-Tapia, "Dealing with the inventory risk: a solution to the market
       making problem", Mathematics and Financial Economics 7(4), 2013.
    .. [2] Guéant, "Optimal market making", Applied Mathematical Finance 24(2), 2017: the intensity
       functions of section 4 and the closed-form approximations that follow.
    """

    A: float
    k: float
    sigma: float
    gamma: float
    xi: float | None = None
    lot: float = 1.0

    def __post_init__(self) -> None:
        require_positive("Glft", A=self.A, k=self.k, sigma=self.sigma, gamma=self.gamma, lot=self.lot)
        require_not_negative("Glft", xi=self._xi)

    @property
    def c1(self) -> float:
        """``ln(1 + ξΔ/k) / (ξΔ)``, or 1/k for ξ = 0: the half spread of a dealer without inventory risk."""
        risk = self._xi * self.lot
        return float(np.log1p(risk / self.k)) / risk if risk > 0 else 1.0 / self.k

    @property
    def c2(self) -> float:
        """``sqrt(γ / (2AΔk) · (1 + ξΔ/k)^(1 + k/(ξΔ)))``, in price units for each unit of inventory and σ."""
        return float(np.sqrt(self.gamma / (2.0 * self.A * self.lot * self.k * self._discount)))

    @property
    def half_spread(self) -> float:
        """``c1 + σ c2 Δ / 2``: the depth of both quotes of a dealer who holds nothing."""
        return self.c1 + self.sigma * self.c2 * self.lot / 2.0

    @property
    def skew(self) -> float:
        """``σ c2``: how far both quotes move down for each unit held."""
        return self.sigma * self.c2

    def depths(self, time: float, inventory: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Bid and ask depths far from the end, at any time.

        Parameters
        ----------
        time : float
            Not used.
        inventory : ndarray of float64, shape (n,)
            Units held.

        Returns
        -------
        bid_depth, ask_depth : ndarray of float64, shape (n,)
            ``half_spread ± skew · q``.
        """
        lean = self.skew * np.asarray(inventory, dtype=np.float64)
        return self.half_spread + lean, self.half_spread - lean

    def solve(self, horizon: float, *, n_steps: int, most_lots: int) -> "GlftSolution":
        """Exact quotes of a dealer who holds at most so many lots and is valued at the middle in the end.

        Parameters
        ----------
        horizon : float
            Units of time until then.
        n_steps : int
            Equal steps into which it is cut; quotes are exact at each whatever their number.
        most_lots : int
            The largest position, long or short.

        Returns
        -------
        GlftSolution
            Depths at each step and position.

        Raises
        ------
        ConfigError
            If an argument is not above 0.
        """
        require_positive("Glft.solve", horizon=horizon, n_steps=n_steps, most_lots=most_lots)
        lots = np.arange(-most_lots, most_lots + 1, dtype=np.float64)
        risk = self.k * self.gamma * self.sigma**2 * self.lot / 2.0  # α of the paper
        flow = self.A * self._discount  # η of the paper
        flow = self.A * self._discount  # η of the paper
        step = _exponential(risk * lots**2, flow, horizon / n_steps)
        log_value = np.zeros((n_steps + 1, len(lots)))
        for done in range(n_steps):
            largest = log_value[done].max()
            value = step @ np.exp(log_value[done] - largest)
            if value.min() <= 0.0:
                raise ConfigError(
                    "a position so large that its value is beyond floats",
                    found=most_lots,
                    where="Glft.solve: most_lots",
                    hint="Allow fewer lots; no dealer of this kind would ever hold so many.",
                )
            log_value[done + 1] = largest + np.log(value) + 2.0 * flow * horizon / n_steps
        # From the end backwards above, forwards in time below.
        log_value = log_value[::-1]
        gain = np.diff(log_value, axis=1) / self.k  # of one lot more, for each unit of it
        nothing = np.full((n_steps + 1, 1), np.inf)
        return GlftSolution(
            time=np.linspace(0.0, horizon, n_steps + 1),
            inventory=lots * self.lot,
            bid_depth=self.c1 + np.hstack([-gain, nothing]),
            ask_depth=self.c1 + np.hstack([nothing, gain]),
            value=log_value * (self.lot / self.k),
        )

    @property
    def _xi(self) -> float:
        return self.gamma if self.xi is None else self.xi

    @property
    def _discount(self) -> float:
        """``C_ξ = (1 + ξΔ/k)^−(1 + k/(ξΔ))``, 1/e for ξ = 0: which part of A is left at the best depth."""
        ratio = self._xi * self.lot / self.k
        return float(np.exp(-(1.0 + 1.0 / ratio) * np.log1p(ratio))) if ratio > 0 else float(np.exp(-1.0))


@dataclass(frozen=True, slots=True)
class GlftSolution:
    """Exact quotes at each step until the end.

    Attributes
    ----------
    time : ndarray of float64, shape (n_steps + 1,)
        From 0 to the horizon.
    inventory : ndarray of float64, shape (n_positions,)
        Units, from the largest short position to the largest long one.
    bid_depth, ask_depth : ndarray of float64, shape (n_steps + 1, n_positions)
        Infinite where the position may not grow.
    value : ndarray of float64, shape (n_steps + 1, n_positions)
        What the right to quote until the end is worth, in money: θ(t, q), 0 at the end.
    """

    time: FloatArray
    inventory: FloatArray
    bid_depth: FloatArray
    ask_depth: FloatArray
    value: FloatArray

    def depths(self, time: float, inventory: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Depths at the nearest step.

        Parameters
        ----------
        time : float
            Since the start.
        inventory : array-like of float, shape (n,)
            Units held, within the largest position.

        Returns
        -------
        bid_depth, ask_depth : ndarray of float64, shape (n,)
            Of the nearest position.

        Raises
        ------
        ConfigError
            If a position is beyond the largest.
        """
        q = np.asarray(inventory, dtype=np.float64)
        lot = self.inventory[1] - self.inventory[0]
        at = np.rint((q - self.inventory[0]) / lot).astype(np.int64)
        if ((at < 0) | (at >= len(self.inventory))).any():
            raise ConfigError(
                "a position beyond the largest",
                found=float(np.abs(q).max()),
                expected=f"at most {self.inventory[-1]:g}",
                where="GlftSolution.depths",
                hint="Solve with a larger most_lots.",
            )
        step = int(np.argmin(np.abs(self.time - time)))
        return self.bid_depth[step, at], self.ask_depth[step, at]


def _exponential(diagonal: FloatArray, beside: float, time: float) -> FloatArray:
    """``exp(−(M + 2 · beside) · time)`` for the matrix M with this diagonal and ``−beside`` next to it.

    The quotes are logarithms of ratios of values that differ by many orders of magnitude, so every entry must
    be right to its own last digits. Adding a constant to the diagonal makes −M positive; then powers and
    squares add positive numbers only, and nothing cancels. Taking ``2 · beside`` off keeps entries below 1.
    """
    n = len(diagonal)
    most = float(diagonal.max())
    positive = np.diag(most - diagonal) + beside * (np.eye(n, k=1) + np.eye(n, k=-1))
    size = time * (most + 2.0 * beside)
    halvings = max(0, int(np.ceil(np.log2(size))))
    small = positive * (time / 2.0**halvings)
    result = np.eye(n)
    term = np.eye(n)
    for power in range(1, 30):
        term = term @ small / power
        result += term
    # The constant goes before the squares, so that none of them leaves the range of floats.
    result *= np.exp(-size / 2.0**halvings)
    for _ in range(halvings):
        result = result @ result
    return result
