"""An impact model from orders that were done: ``impact = Y σ (Q/V)^δ``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from omni_lab.errors import ConfigError, DataError
from omni_lab.execution.tca.costs import Costs
from omni_lab.typing import ArrayLike, FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class ImpactFit:
    """A power law of participation.

    Attributes
    ----------
    coefficient : float
        Y, in units of volatility over the time of the order.
    exponent : float
        δ; ½ is the square-root law.
    coefficient_error, exponent_error : float
        Standard errors, robust to unequal variances (HC1); of an exponent that was given 0.
    r_squared : float
        Share of the variance of scaled impacts that it explains.
    n_orders : int
        From how many parents.
    """

    coefficient: float
    exponent: float
    coefficient_error: float
    exponent_error: float
    r_squared: float
    n_orders: int

    def predict(self, quantity: ArrayLike, volume: ArrayLike, sigma: ArrayLike) -> FloatArray:
        """Impact in price units of orders, positive when it drives the price up.

        Parameters
        ----------
        quantity : array-like of float, shape (n,)
            Units, + bought.
        volume : array-like of float, shape (n,)
            Traded by all while the order worked.
        sigma : array-like of float, shape (n,)
            Volatility over that time, price units.
        """
        q, v, s = (np.asarray(each, dtype=np.float64) for each in (quantity, volume, sigma))
        share = np.divide(np.abs(q), v, out=np.zeros_like(q), where=v > 0.0)
        return np.asarray(self.coefficient * s * np.sign(q) * share**self.exponent)


def fit_impact(
    costs: Costs | None = None,
    *,
    impact: ArrayLike | None = None,
    participation: ArrayLike | None = None,
    sigma: ArrayLike | None = None,
    exponent: float | None = None,
) -> ImpactFit:
    """Fit the law by nonlinear least squares to impacts scaled by volatility.

    Parameters
    ----------
    costs : Costs, optional
        Parents that were measured: their cost against arrival without spread and fees is what is explained.
    impact, participation, sigma : array-like of float, shape (n_orders,), optional
        Instead: impacts against us in price units, shares of the volume, and volatility over the time of the
        order, price units.
    exponent : float, optional
        δ, where it is known; otherwise it is fitted between 0.05 and 2.

    Raises
    ------
    DataError
        If there are fewer than eight orders with a positive participation and volatility.
    ConfigError
        If neither costs nor the three columns are given.
    """
    from scipy.optimize import least_squares

    y, x = _scaled(costs, impact, participation, sigma)
    if len(y) < 8:
        raise DataError(
            "too few orders to fit an impact model", found=len(y), expected="8 or more", where="fit_impact"
        )
    if exponent is None:
        # The two scales differ by orders of magnitude where shares are small: fit at the middle share.
        middle = float(np.exp(np.mean(np.log(x))))
        start = max(abs(float(np.mean(y))), 1e-6)
        found = least_squares(
            lambda p: p[0] * (x / middle) ** p[1] - y, (start, 0.5), bounds=([-np.inf, 0.05], [np.inf, 2.0])
        )
        delta = float(found.x[1])
        level = (x / middle) ** delta
        slope = np.column_stack([level, found.x[0] * level * np.log(x / middle)])
        spread = _robust(slope, y - found.x[0] * level)
        scale = middle**-delta
        coefficient = float(found.x[0] * scale)
        # Y = b · middle^−δ, by the delta method.
        gradient = np.array([scale, -coefficient * np.log(middle)])
        errors = (float(np.sqrt(gradient @ spread @ gradient)), float(np.sqrt(spread[1, 1])))
    else:
        delta = float(exponent)
        level = x**delta
        coefficient = float(level @ y / (level @ level))
        errors = (float(np.sqrt(_robust(level[:, None], y - coefficient * level)[0, 0])), 0.0)
    rest = y - coefficient * x**delta
    total = float(((y - y.mean()) ** 2).sum())
    return ImpactFit(
        coefficient=coefficient,
        exponent=delta,
        coefficient_error=errors[0],
        exponent_error=errors[1],
        r_squared=1.0 - float(rest @ rest) / total if total else float("nan"),
        n_orders=len(y),
    )


def _scaled(
    costs: Costs | None, impact: ArrayLike | None, participation: ArrayLike | None, sigma: ArrayLike | None
) -> tuple[FloatArray, FloatArray]:
    if costs is not None:
        p = costs.parents
        filled = np.asarray(p["filled_qty"], dtype=np.float64)
        seconds = (np.where(p["ended"] > 0, p["ended"], p["end"]) - p["start"]) / 1e9
        moved = (p["impact"] + p["timing"]) / np.where(filled > 0.0, filled, np.nan)
        share, risk = p["participation"], p["sigma"] * np.sqrt(np.maximum(seconds, 1e-9))
    elif impact is None or participation is None or sigma is None:
        raise ConfigError("fit_impact needs costs, or impact, participation and sigma", where="fit_impact")
    else:
        moved, share, risk = (np.asarray(each, dtype=np.float64) for each in (impact, participation, sigma))
    usable = np.isfinite(moved) & (share > 0.0) & (risk > 0.0)
    return moved[usable] / risk[usable], share[usable]


def _robust(slope: FloatArray, rest: FloatArray) -> FloatArray:
    """White's covariance with the small-sample factor n/(n − k) (HC1)."""
    n, k = slope.shape
    inverse = np.linalg.pinv(slope.T @ slope)
    middle = slope.T @ (slope * (rest**2)[:, None])
    return np.asarray(inverse @ middle @ inverse * n / (n - k))
