"""Weights by the name of a method, within limits: one place for pages, routes and notebooks."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from omni_lab.errors import ConfigError, ModelError
from omni_lab.models.frontier import Frontier
from omni_lab.models.weights import maximum_diversification, risk_parity
from omni_lab.typing import FloatArray

Method = Literal[
    "minimum_variance",
    "maximum_sharpe",
    "target_return",
    "risk_parity",
    "maximum_diversification",
    "equal_weight",
]
METHODS: tuple[str, ...] = get_args(Method)
OF_FRONTIER = METHODS[:3]
"""Methods that find weights within limits; the others know none, and are refused where they go beyond."""

_TOLERANCE = 1e-9


def weights_by(
    method: str,
    frontier: Frontier,
    *,
    lower: float = 0.0,
    upper: float = 1.0,
    riskless: float = 0.0,
    target: float | None = None,
) -> FloatArray:
    """Weights by a method.

    Parameters
    ----------
    method : str
        One of `METHODS`.
    frontier : Frontier
        Within the limits.
    lower, upper : float
        Limits of every weight.
    riskless, target : float
        Riskless rate, and expected return to reach, per period.

    Returns
    -------
    ndarray of float64, shape (n_assets,)
        Their sum is 1.

    Raises
    ------
    ConfigError
        If there is no such method, or it needs a target.
    ModelError
        If weights of a method that knows no limits are beyond them, or nothing earns the riskless rate.
    """
    if method not in METHODS:
        raise ConfigError("unknown method", found=method, expected=METHODS, where="method")
    if method == "target_return":
        if target is None:
            raise ConfigError("the method needs a return to reach", where="target_return")
        return np.asarray(frontier.at([target])[0])
    if method == "minimum_variance":
        return frontier.minimum_variance
    if method == "maximum_sharpe":
        return frontier.maximum_sharpe(riskless)
    n = len(frontier.expected)
    found = np.full(n, 1.0 / n)
    if method == "risk_parity":
        found = risk_parity(frontier.covariance)
    elif method == "maximum_diversification":
        found = maximum_diversification(frontier.covariance)
    if found.min() < lower - _TOLERANCE or found.max() > upper + _TOLERANCE:
        raise ModelError(
            "the weights of this method are beyond the limits, which it does not know",
            found=f"{found.min():.4f} to {found.max():.4f}",
            expected=f"{lower:g} to {upper:g}",
            where="method",
            hint=f"Widen the limits, or take one of {', '.join(OF_FRONTIER)}.",
        )
    return np.asarray(found)
