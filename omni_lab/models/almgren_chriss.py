"""Working off a position when trades move the price for good and for a moment: Almgren and Chriss.

Quantities are positive when the position is sold off, or all negative when it is bought back; costs are what
is lost against the price at the start. One trade takes place in each step.
"""

from dataclasses import dataclass

import numpy as np

from omni_lab.errors import ConfigError
from omni_lab.models._checks import column, require_not_negative, require_positive
from omni_lab.typing import ArrayLike, FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class AlmgrenChriss:
    """A market with linear impact.

    Parameters
    ----------
    sigma : float
        Volatility, in price units for each square root of a unit of time.
    permanent : float
        γ, price units for each unit traded: it stays, and all later trades pay it.
    temporary : float
        η, price units for each unit traded in a unit of time: only the trade itself pays it.
    half_spread : float
        ε, price units: every unit pays it.
    step : float
        τ, units of time from trade to trade.

    Raises
    ------
    ConfigError
        If a parameter is out of range, or ``η <= γτ/2``, with which splitting a trade would gain nothing.

    References
    ----------
    .. [1] Almgren and Chriss, "Optimal execution of portfolio transactions", Journal of Risk 3, 2000,
       sections 1 and 2.
    """

    sigma: float
    permanent: float
    temporary: float
    half_spread: float = 0.0
    step: float = 1.0

    def __post_init__(self) -> None:
        where = "AlmgrenChriss"
        require_positive(where, sigma=self.sigma, temporary=self.temporary, step=self.step)
        require_not_negative(where, permanent=self.permanent, half_spread=self.half_spread)
        if self._eta <= 0:
            raise ConfigError(
                "permanent impact outweighs temporary impact within a step",
                found={"temporary": self.temporary, "permanent · step / 2": self.permanent * self.step / 2.0},
                expected="temporary > permanent · step / 2",
                where=where,
                hint="Take shorter steps.",
            )

    def expected_cost(self, trades: ArrayLike) -> float:
        """``γX²/2 + ε Σ|n| + (η − γτ/2)/τ · Σ n²`` of any trades.

        Parameters
        ----------
        trades : array-like of float, shape (n_steps,)
            Quantity of each step; both signs may occur, and then X, their sum, is what is left over.

        Returns
        -------
        float
            Money.

        Raises
        ------
        ShapeError
            If the trades are not a column.
        """
        n = column(trades, "AlmgrenChriss.expected_cost: trades")
        whole = float(n.sum())
        spread = self.half_spread * float(np.abs(n).sum())
        return self.permanent * whole**2 / 2.0 + spread + self._eta / self.step * float(n @ n)

    def variance(self, trades: ArrayLike) -> float:
        """``σ² τ Σ x²`` over the holdings x that are left after each trade.

        Parameters
        ----------
        trades : array-like of float, shape (n_steps,)
            Their sum is the position at first.

        Returns
        -------
        float
            Money squared.

        Raises
        ------
        ShapeError
            If the trades are not a column.
        """
        n = column(trades, "AlmgrenChriss.variance: trades")
        left = n.sum() - np.cumsum(n)
        return self.sigma**2 * self.step * float(left @ left)

    def urgency(self, risk_aversion: float) -> float:
        """κ, for each unit of time: the best schedule decays by a factor of e in 1/κ.

        Parameters
        ----------
        risk_aversion : float
            λ, for each unit of money: what a unit of variance may cost.

        Returns
        -------
        float
            0 for a trader who does not mind risk.

        Raises
        ------
        ConfigError
            If the aversion is negative.
        """
        require_not_negative("AlmgrenChriss.urgency", risk_aversion=risk_aversion)
        squared = risk_aversion * self.sigma**2 / self._eta
        return float(np.arccosh(1.0 + squared * self.step**2 / 2.0)) / self.step

    def optimal_trades(self, quantity: float, n_steps: int, risk_aversion: float) -> FloatArray:
        """The trades with the least ``cost + λ · variance``.

        Parameters
        ----------
        quantity : float
            The position to work off.
        n_steps : int
            In how many trades.
        risk_aversion : float
            λ, for each unit of money.

        Returns
        -------
        ndarray of float64, shape (n_steps,)
            They add up to the quantity, and leave ``X sinh(κ(T − t)) / sinh(κT)`` at time t.

        Raises
        ------
        ConfigError
            If there is no step, or the aversion is negative.
        """
        require_positive("AlmgrenChriss.optimal_trades", n_steps=n_steps)
        kappa = self.urgency(risk_aversion) * self.step
        if kappa == 0.0:
            return np.full(n_steps, quantity / n_steps)
        to_go = np.arange(n_steps, -1, -1, dtype=np.float64)
        # sinh(κ m) / sinh(κ N) without overflow.
        left = np.exp(kappa * (to_go - n_steps)) * np.expm1(-2.0 * kappa * to_go)
        return np.asarray(quantity * -np.diff(left / np.expm1(-2.0 * kappa * n_steps)))

    def optimal_trades_by_volume(
        self, quantity: float, shares: ArrayLike, risk_aversion: float
    ) -> FloatArray:
        """The trades with the least ``cost + λ · variance`` where temporary impact falls as volume rises.

        In a step with the share v of the volume, of n steps, temporary impact is η/(n v). The best holdings
        solve the first-order conditions ``2 c_k n_k − 2 c_{k+1} n_{k+1} = 2 λ σ² τ x_k`` with
        ``c_k = η/(n v_k τ) − γ/2``, a tridiagonal system.

        Parameters
        ----------
        quantity : float
            The position to work off.
        shares : array-like of float, shape (n_steps,)
            Volume of each step, in any unit; a step without volume gets no trade.
        risk_aversion : float
            λ, for each unit of money.

        Returns
        -------
        ndarray of float64, shape (n_steps,)
            They add up to the quantity. With equal shares they are those of :meth:`optimal_trades`.

        Raises
        ------
        ConfigError
            If a share is negative, all are 0, the aversion is negative, or permanent impact outweighs
            temporary impact within a step.
        ShapeError
            If the shares are not a column.
        """
        where = "AlmgrenChriss.optimal_trades_by_volume"
        volume = column(shares, f"{where}: shares")
        require_not_negative(where, risk_aversion=risk_aversion)
        if not np.isfinite(volume).all() or (volume < 0.0).any() or not volume.sum() > 0.0:
            raise ConfigError("shares of volume are numbers from 0 on, not all of them 0", where=where)
        trades = np.zeros(len(volume))
        open_steps = np.flatnonzero(volume > 0.0)
        relative = volume[open_steps] / volume.sum() * len(volume)
        cost = self.temporary / (relative * self.step) - self.permanent / 2.0
        if (cost <= 0.0).any():
            raise ConfigError(
                "permanent impact outweighs temporary impact within a step",
                found=float(cost.min()),
                expected="temporary / (n · share · step) > permanent / 2",
                where=where,
                hint="Take shorter steps.",
            )
        # Holdings between open steps; risk accrues in the closed ones between them as well.
        spans = np.diff(open_steps).astype(np.float64)
        risk = risk_aversion * self.sigma**2 * self.step * spans
        holdings = _tridiagonal(cost, risk, quantity)
        trades[open_steps] = -np.diff(np.concatenate(([quantity], holdings, [0.0])))
        return trades

    def frontier(
        self, quantity: float, n_steps: int, risk_aversions: ArrayLike
    ) -> tuple[FloatArray, FloatArray]:
        """The efficient frontier: expected cost and its standard deviation of the best trades.

        Parameters
        ----------
        quantity : float
            The position to work off.
        n_steps : int
            In how many trades.
        risk_aversions : array-like of float, shape (n,)
            λ, each for each unit of money, 0 or more.

        Returns
        -------
        cost, deviation : ndarray of float64, shape (n,)
            Money. Cost rises and deviation falls with the aversion.
        """
        aversions = column(risk_aversions, "AlmgrenChriss.frontier: risk_aversions")
        best = [self.optimal_trades(quantity, n_steps, float(each)) for each in aversions]
        cost = np.array([self.expected_cost(trades) for trades in best])
        return cost, np.sqrt([self.variance(trades) for trades in best])

    def optimal_cost(self, quantity: float, n_steps: int, risk_aversion: float) -> float:
        """Expected cost of :meth:`optimal_trades` in closed form.

        Parameters
        ----------
        quantity : float
            The position to work off.
        n_steps : int
            In how many trades.
        risk_aversion : float
            λ, for each unit of money; so small that ``sinh(κT)`` is a float.

        Returns
        -------
        float
            ``γX²/2 + ε|X| + η̃X² tanh(κτ/2) (τ sinh(2κT) + 2T sinh(κτ)) / (2τ² sinh²(κT))``, η̃ = η − γτ/2.
        """
        tau, whole = self.step, self.step * n_steps
        fixed = self.permanent * quantity**2 / 2.0 + self.half_spread * abs(quantity)
        kappa = self.urgency(risk_aversion)
        if kappa == 0.0:
            return fixed + self._eta * quantity**2 / whole
        shape = tau * np.sinh(2.0 * kappa * whole) + 2.0 * whole * np.sinh(kappa * tau)
        scale = np.tanh(kappa * tau / 2.0) / (2.0 * tau**2 * np.sinh(kappa * whole) ** 2)
        return fixed + float(self._eta * quantity**2 * scale * shape)

    def optimal_variance(self, quantity: float, n_steps: int, risk_aversion: float) -> float:
        """Variance of the cost of :meth:`optimal_trades` in closed form.

        Parameters
        ----------
        quantity : float
            The position to work off.
        n_steps : int
            In how many trades.
        risk_aversion : float
            λ, for each unit of money; above 0, and so small that ``sinh(κT)`` is a float.

        Returns
        -------
        float
            ``σ²X² (τ sinh(κT) cosh(κ(T−τ)) − T sinh(κτ)) / (2 sinh²(κT) sinh(κτ))``.

        Raises
        ------
        ConfigError
            If the aversion is not above 0.
        """
        require_positive("AlmgrenChriss.optimal_variance", risk_aversion=risk_aversion)
        tau, whole, kappa = self.step, self.step * n_steps, self.urgency(risk_aversion)
        above = tau * np.sinh(kappa * whole) * np.cosh(kappa * (whole - tau)) - whole * np.sinh(kappa * tau)
        below = 2.0 * np.sinh(kappa * whole) ** 2 * np.sinh(kappa * tau)
        return float(self.sigma**2 * quantity**2 * above / below)

    @property
    def _eta(self) -> float:
        """η̃: the part of temporary impact that splitting can save."""
        return self.temporary - self.permanent * self.step / 2.0


def _tridiagonal(cost: FloatArray, risk: FloatArray, quantity: float) -> FloatArray:
    """Holdings after each but the last trade: ``(c_k + c_{k+1} + r_k) x_k = c_k x_{k−1} + c_{k+1} x_{k+1}``.

    Thomas's algorithm; the matrix is diagonally dominant, so it needs no pivoting.
    """
    n = len(risk)
    if n == 0:
        return np.empty(0)
    diagonal = cost[:-1] + cost[1:] + risk
    right = np.zeros(n)
    right[0] = cost[0] * quantity
    for k in range(1, n):
        factor = cost[k] / diagonal[k - 1]
        diagonal[k] -= factor * cost[k]
        right[k] += factor * right[k - 1]
    for k in range(n - 2, -1, -1):
        right[k] += cost[k + 1] * right[k + 1] / diagonal[k + 1]
    return np.asarray(right / diagonal)
