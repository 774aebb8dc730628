"""Risk of what is held now: value at risk by two ways, whose it is, and what shocks would cost.

Positions come as money, prices as each market sampled them. Nothing is scaled to another horizon than the
steps the returns are of: an hour of quotes says little of a day.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from omni_lab.errors import ConfigError, ShapeError
from omni_lab.risk import _checks as check
from omni_lab.risk.components import ComponentRisk, normal_components
from omni_lab.risk.stress import Scenarios, shock_scenarios
from omni_lab.risk.tails import TailRisk, historical_risk, normal_risk
from omni_lab.typing import ArrayLike, FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PositionRisk:
    """VaR and ES of positions, as positive losses of money.

    Attributes
    ----------
    historical : TailRisk
        Of the profits that the positions would have made in each step.
    normal : TailRisk or None
        From their mean and variance; None where nothing is held or nothing moved.
    components : ComponentRisk or None
        Whose it is, under normal returns of mean 0; None as `normal`.
    n_obs : int
        Steps.
    """

    historical: TailRisk
    normal: TailRisk | None
    components: ComponentRisk | None
    n_obs: int


def least_steps(confidence: float) -> int:
    """How many returns the historical measure needs, so that one of them may lie beyond it."""
    return math.ceil(round(1.0 / (1.0 - check.confidence(confidence)), 6))


def position_risk(values: ArrayLike, returns: ArrayLike, *, confidence: float = 0.99) -> PositionRisk:
    """VaR and ES of what is held, over one step.

    Parameters
    ----------
    values : array_like of float, shape (n_assets,)
        Money in each position, negative where short.
    returns : array_like of float, shape (n_obs, n_assets)
        Simple returns of every asset in each step, without NaN.
    confidence : float, default 0.99
        Between 0.5 and 1.

    Returns
    -------
    PositionRisk

    Raises
    ------
    ShapeError
        If there are fewer steps than :func:`least_steps`, or values and returns do not fit together.
    DataError, ConfigError
        If something is not finite, or the confidence is none.
    """
    moves = check.panel(returns)
    money = check.weights(values, moves.shape[1], "values")
    least = least_steps(confidence)
    if len(moves) < least:
        raise ShapeError(
            "too few returns for this confidence",
            found=len(moves),
            expected=f"at least {least}",
            where="returns",
            hint="Wait until the market has shown more, or lower the confidence.",
        )
    profit = moves @ money
    components = position_components(money, moves, confidence=confidence)
    return PositionRisk(
        historical=historical_risk(profit, confidence=confidence),
        normal=None if components is None else normal_risk(profit, confidence=confidence),
        components=components,
        n_obs=len(moves),
    )


def position_components(
    values: ArrayLike, returns: ArrayLike, *, confidence: float = 0.99, horizon: int = 1
) -> ComponentRisk | None:
    """Whose the risk is, under normal returns of mean 0; None where nothing is held or nothing moved.

    Parameters
    ----------
    values : array_like of float, shape (n_assets,)
        Money in each position, negative where short.
    returns : array_like of float, shape (n_obs, n_assets)
        Simple returns of every asset in each step, without NaN; their sample covariance counts.
    confidence : float, default 0.99
        Between 0.5 and 1.
    horizon : int, default 1
        Steps, independent of each other.

    Raises
    ------
    ShapeError, DataError, ConfigError
        If the arguments do not fit together.
    """
    moves = check.panel(returns)
    money = check.weights(values, moves.shape[1], "values")
    profit = moves @ money
    if not float(profit.std()) > 1e-12 * float(np.abs(profit).max()):
        return None
    covariance = np.cov(moves, rowvar=False).reshape(len(money), len(money))
    return normal_components(money, covariance, confidence=confidence, horizon=horizon)


def sampled_returns(
    ts: Sequence[ArrayLike], prices: Sequence[ArrayLike], *, step_ns: int
) -> tuple[IntArray, FloatArray]:
    """Simple returns of several prices on one grid of time, each price as it was last known.

    Parameters
    ----------
    ts : sequence of array_like of int64, each of shape (n_i,)
        Nanoseconds, never falling.
    prices : sequence of array_like of float, each of shape (n_i,)
        NaN where there was none: then the one before stands.
    step_ns : int
        Distance of the grid.

    Returns
    -------
    ts : ndarray of int64, shape (n_steps,)
        Ends of the steps.
    returns : ndarray of float64, shape (n_steps, n_assets)
        From where the last of the prices is first known to where the first of them ends; no rows where that
        is not a step.

    Raises
    ------
    ConfigError
        If the step is not positive.
    ShapeError
        If times and prices differ in length.
    """
    if step_ns <= 0:
        raise ConfigError("a step takes time", found=step_ns, expected="> 0", where="step_ns")
    known: list[tuple[IntArray, FloatArray]] = []
    for when, values in zip(ts, prices, strict=True):
        times, column = check.times(when), check.floats(values, "prices")
        check.same_length(ts=times, prices=column)
        there = np.isfinite(column) & (column > 0.0)
        known.append((times[there], column[there]))
    nothing = np.zeros(0, dtype=np.int64), np.zeros((0, len(known)))
    if not known or any(len(times) < 2 for times, _ in known):
        return nothing
    start, end = max(int(times[0]) for times, _ in known), min(int(times[-1]) for times, _ in known)
    grid = np.arange(start, end + 1, step_ns, dtype=np.int64)
    if len(grid) < 2:
        return nothing
    level = np.column_stack(
        [column[np.searchsorted(times, grid, side="right") - 1] for times, column in known]
    )
    return grid[1:], level[1:] / level[:-1] - 1.0


def market_shocks(assets: Sequence[str], shocks: Mapping[str, float]) -> Scenarios:
    """Scenarios in which every asset moves alike.

    Parameters
    ----------
    assets : sequence of str
        Their names.
    shocks : mapping of str to float
        The return of all, by the name of the scenario.

    Raises
    ------
    DataError
        If a return is not finite.
    """
    moves = check.finite(np.array(list(shocks.values()), dtype=np.float64), "shocks")
    return Scenarios(
        names=tuple(shocks),
        assets=tuple(assets),
        returns=np.repeat(moves[:, None], len(assets), axis=1),
        notes=("",) * len(shocks),
    )


def single_name_shocks(assets: Sequence[str], returns: ArrayLike, size: float) -> Scenarios:
    """Scenarios in which one asset moves so much and the others follow, as far as they usually do.

    Parameters
    ----------
    assets : sequence of str
        Their names; each has a scenario of its own.
    returns : array_like of float, shape (n_obs, n_assets)
        From which covariance is taken. An asset that never moved has no scenario.
    size : float
        The return of the one, as -0.1.

    Raises
    ------
    ShapeError, DataError, ModelError
        As `omni_lab.risk.shock_scenarios`.
    """
    moves = check.panel(returns)
    covariance = np.cov(moves, rowvar=False).reshape(len(assets), len(assets))
    moving = [name for name, variance in zip(assets, np.diag(covariance), strict=True) if variance > 0.0]
    told = {f"{name} {size:+.0%}, others follow".replace("-", "−"): {name: size} for name in moving}
    return shock_scenarios(told, covariance, assets)
