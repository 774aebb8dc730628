r"""The efficient frontier with limits on weights, exactly: Markowitz' critical lines.

Along the frontier the weights that are at no limit change linearly with the price of risk :math:`\lambda`,
until one meets a limit or leaves it. From one such corner portfolio to the next nothing has to be searched.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from omni_lab.errors import ModelError, ShapeError
from omni_lab.models.weights import _definite
from omni_lab.typing import ArrayLike, BoolArray, FloatArray

_BUDGET_TOLERANCE = 1e-9
_NUDGE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frontier:
    """Portfolios of the least variance for their expected return, from the safest to the one of most return.

    Attributes
    ----------
    expected, covariance : ndarray of float64, shape (n_assets,), (n_assets, n_assets)
        As given, per period.
    corners : ndarray of float64, shape (n_corners, n_assets)
        Weights of the corner portfolios, the one of minimum variance first. Between two of them every mix is
        on the frontier.
    """

    expected: FloatArray
    covariance: FloatArray
    corners: FloatArray

    def points(self, n: int = 60) -> FloatArray:
        """Weights at so many expected returns, evenly spaced; shape (n, n_assets)."""
        returns = self.corners @ self.expected
        return self.at(np.linspace(returns[0], returns[-1], n))

    def at(self, returns: ArrayLike) -> FloatArray:
        """Weights for expected returns of shape (n,), cut to what the frontier reaches; (n, n_assets)."""
        reached = self.corners @ self.expected
        asked = np.asarray(returns, dtype=np.float64)
        return np.column_stack([np.interp(asked, reached, column) for column in self.corners.T])

    def volatility(self, weights: ArrayLike) -> FloatArray:
        """Standard deviations of portfolios of shape (n, n_assets), per period; (n,)."""
        rows = np.atleast_2d(np.asarray(weights, dtype=np.float64))
        return np.asarray(np.sqrt(np.einsum("ij,jk,ik->i", rows, self.covariance, rows)))

    @property
    def minimum_variance(self) -> FloatArray:
        """Weights of the safest portfolio, shape (n_assets,)."""
        return np.asarray(self.corners[0])

    def maximum_sharpe(self, riskless: float = 0.0) -> FloatArray:
        """Weights of the largest ratio of expected return above a riskless rate to volatility; (n_assets,).

        Between two corners the ratio is that of a mix of the two, whose best share has a closed form.

        Parameters
        ----------
        riskless : float
            Per period.

        Raises
        ------
        ModelError
            If no portfolio is expected to earn more than that.
        """
        excess = self.corners @ self.expected - riskless
        if not (excess > 0.0).any():
            raise ModelError(
                "no portfolio is expected to earn more than the riskless rate",
                found=float(excess.max()) + riskless,
                expected=f"> {riskless:g}",
            )
        best = self.corners[int(np.argmax(excess / self.volatility(self.corners)))]
        for low, high in zip(self.corners, self.corners[1:], strict=False):
            mixed = low + _best_share(low, high, self.expected, self.covariance, riskless) * (high - low)
            rows = np.vstack([best, mixed])
            if np.diff((rows @ self.expected - riskless) / self.volatility(rows))[0] > 0.0:
                best = mixed
        return np.asarray(best)


def efficient_frontier(
    expected: ArrayLike, covariance: ArrayLike, *, lower: ArrayLike = 0.0, upper: ArrayLike = 1.0
) -> Frontier:
    r"""All portfolios of sum 1 that nobody beats in both return and risk.

    .. math::
        \min_w\; \tfrac12 w^\top \Sigma w - \lambda\, \mu^\top w \quad
        \text{subject to } l \le w \le u,\; 1^\top w = 1, \qquad \lambda \ge 0

    Parameters
    ----------
    expected : array_like of float, shape (n_assets,)
        Expected returns, per period. Equal ones are taken apart by a billionth of their spread.
    covariance : array_like of float, shape (n_assets, n_assets)
        Positive definite.
    lower, upper : float or array_like of float, shape (n_assets,)
        Limits of the weights; negative ones allow short sales.

    Returns
    -------
    Frontier

    Raises
    ------
    ShapeError
        If shapes disagree.
    ModelError
        If the covariance is not positive definite, a number is not finite, or no weights within the limits
        sum to 1.

    References
    ----------
    .. [1] Markowitz, "The optimization of a quadratic function subject to linear constraints", Naval Research
       Logistics Quarterly 3, 1956.
    """
    sigma = _definite(covariance)
    mu = np.asarray(expected, dtype=np.float64)
    n = len(sigma)
    if mu.shape != (n,):
        raise ShapeError("every asset has an expected return", found=mu.shape, expected=f"({n},)")
    low, high = (np.array(np.broadcast_to(np.asarray(each, np.float64), (n,))) for each in (lower, upper))
    _check_limits(mu, low, high)
    # In units of their own size neither returns nor variances meet a tolerance.
    size = float(np.ptp(mu)) or float(np.abs(mu).max()) or 1.0
    told_apart = mu / size + _NUDGE * np.arange(n, 0.0, -1.0)
    corners = _corners(told_apart, sigma / np.trace(sigma) * n, low, high)[::-1]
    return Frontier(expected=mu, covariance=sigma, corners=_rising(corners, mu))


def _corners(mu: FloatArray, sigma: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    """Corner portfolios from the one of most return to the one of least variance."""
    weights, free = _most_return(mu, low, high)
    at_upper = ~free & (weights >= high) & (high > low)
    corners, price = [weights], np.inf
    for _ in range(20 * len(mu) + 100):
        base, slope = _line(mu, sigma, weights, free)
        event, who = _next_event(mu, sigma, base, slope, low, high, free, at_upper, price)
        price = max(event, 0.0)
        weights = np.clip(base + price * slope, low, high)
        corners.append(weights)
        if event <= 0.0:
            return np.array(corners)
        if free[who]:
            # Where it stops: down at the lower limit as the price of risk falls, or up at the upper one.
            free[who], at_upper[who] = False, slope[who] < 0.0
            weights[who] = high[who] if at_upper[who] else low[who]
        else:
            free[who], at_upper[who] = True, False
    raise ModelError("the critical lines did not come to an end", where="efficient_frontier")


def _line(
    mu: FloatArray, sigma: FloatArray, weights: FloatArray, free: BoolArray
) -> tuple[FloatArray, FloatArray]:
    """Base and slope of the weights in the price of risk, while the same ones are free."""
    held = np.where(free, 0.0, weights)
    base, slope = held.copy(), np.zeros(len(mu))
    if free.any():
        block = sigma[np.ix_(free, free)]
        sides = np.column_stack([np.ones(int(free.sum())), mu[free], (sigma @ held)[free]])
        ones, pull, push = np.linalg.solve(block, sides).T
        base[free] = ones * (1.0 - held.sum() + push.sum()) / ones.sum() - push
        slope[free] = pull - ones * pull.sum() / ones.sum()
    return base, slope


def _next_event(
    mu: FloatArray,
    sigma: FloatArray,
    base: FloatArray,
    slope: FloatArray,
    low: FloatArray,
    high: FloatArray,
    free: BoolArray,
    at_upper: BoolArray,
    price: float,
) -> tuple[float, int]:
    """The largest price of risk at which a weight meets a limit or leaves it; 0 and nobody at the end."""
    events = np.full(len(mu), -np.inf)
    with np.errstate(divide="ignore", invalid="ignore"):
        limit = np.where(slope > 0.0, low, high)
        moving = free & (np.abs(slope) > 1e-14)
        events[moving] = (limit[moving] - base[moving]) / slope[moving]
        # What a bound weight would gain by leaving its limit, against those that are free.
        first = int(np.flatnonzero(free)[0]) if free.any() else 0
        at_zero, per_price = sigma @ base, sigma @ slope - mu
        gain, change = at_zero - at_zero[first], per_price - per_price[first]
        leaving = ~free & (high > low) & np.where(at_upper, change < 0.0, change > 0.0)
        events[leaving] = -gain[leaving] / change[leaving]
    # What is due already is due now: the price of risk never rises.
    who = int(np.argmax(events))
    return min(float(events[who]), price), who


def _most_return(mu: FloatArray, low: FloatArray, high: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Weights of the largest expected return, and the last one that was raised, which is free."""
    weights, rest = low.copy(), 1.0 - float(low.sum())
    free = np.zeros(len(mu), dtype=np.bool_)
    last = int(np.argmax(mu))
    for asset in np.argsort(-mu, kind="stable"):
        if rest <= _BUDGET_TOLERANCE:
            break
        step = min(rest, float(high[asset] - low[asset]))
        weights[asset] += step
        rest -= step
        last = int(asset) if step > 0.0 else last
    free[last] = True
    return weights, free


def _best_share(
    low: FloatArray, high: FloatArray, expected: FloatArray, covariance: FloatArray, riskless: float
) -> float:
    """Share of the second of two portfolios in their mix of the largest Sharpe ratio, from 0 to 1."""
    away = high - low
    gain, start = float(away @ expected), float(low @ expected) - riskless
    cross, spread, first = (float(a @ covariance @ b) for a, b in ((low, away), (away, away), (low, low)))
    # The derivative of (start + s gain) / sqrt(first + 2 s cross + s² spread) is zero where this is.
    slope = start * spread - gain * cross
    if slope <= 0.0:
        return 1.0
    return float(np.clip((gain * first - start * cross) / slope, 0.0, 1.0))


def _rising(corners: FloatArray, mu: FloatArray) -> FloatArray:
    """Corners whose expected returns rise strictly; the first, of least variance, always stays."""
    returns = corners @ mu
    kept = [0]
    for row in range(1, len(corners)):
        if returns[row] > returns[kept[-1]]:
            kept.append(row)
    return corners[kept]


def _check_limits(mu: FloatArray, low: FloatArray, high: FloatArray) -> None:
    if not (np.isfinite(mu).all() and np.isfinite(low).all() and np.isfinite(high).all()):
        raise ModelError("expected returns and limits are numbers", where="efficient_frontier")
    if (low > high).any():
        raise ModelError("a lower limit is above the upper one", found=int(np.argmax(low > high)))
    least, most = float(low.sum()), float(high.sum())
    if least > 1.0 + _BUDGET_TOLERANCE or most < 1.0 - _BUDGET_TOLERANCE:
        raise ModelError(
            "no weights within the limits sum to 1",
            found=f"sums from {least:g} to {most:g}",
            hint="Raise the upper limit, or lower the lower one.",
        )
