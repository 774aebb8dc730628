"""Risk of what is held: two ways to find it, whose it is, prices on one grid, shocks."""

import math

import numpy as np
import pytest

from omni_lab.errors import ConfigError, ShapeError
from omni_lab.risk import (
    historical_risk,
    least_steps,
    market_shocks,
    position_risk,
    sampled_returns,
    single_name_shocks,
)

RETURNS = np.random.default_rng(3).normal(0.0, [0.01, 0.02], size=(400, 2))


def test_the_measures_are_those_of_the_profits_and_components_add_up() -> None:
    money = np.array([1_000.0, -500.0])
    found = position_risk(money, RETURNS)
    assert found.historical == historical_risk(RETURNS @ money)
    assert found.normal is not None
    assert found.normal.var == pytest.approx(2.326 * (RETURNS @ money).std(ddof=1), rel=0.1)
    assert found.components is not None
    assert found.components.var.component.sum() == pytest.approx(found.components.var.total)
    assert found.n_obs == 400


def test_nothing_held_risks_nothing() -> None:
    found = position_risk([0.0, 0.0], RETURNS)
    assert (found.historical.var, found.normal, found.components) == (0.0, None, None)


def test_too_few_steps_are_refused_with_what_is_needed() -> None:
    assert least_steps(0.99) == 100
    with pytest.raises(ShapeError, match="at least 100"):
        position_risk([1.0, 1.0], RETURNS[:99])


def test_prices_of_different_times_meet_on_one_grid() -> None:
    ts, moves = sampled_returns(
        [[0, 10, 20, 30], [5, 21, 31, 40]], [[1.0, 2.0, math.nan, 4.0], [10.0, 20.0, 40.0, 80.0]], step_ns=10
    )
    # The grid: 5, 15, 25. The first stands at 1, 2, 2, for NaN is no price; the second at 10, 10, 20.
    assert ts.tolist() == [15, 25]
    assert moves.tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert sampled_returns([[0, 1], []], [[1.0, 1.0], []], step_ns=1)[1].shape == (0, 2)
    with pytest.raises(ConfigError, match="takes time"):
        sampled_returns([], [], step_ns=0)


def test_shocks_move_all_alike_or_one_and_what_follows_it() -> None:
    alike = market_shocks(["A", "B"], {"all −5%": -0.05})
    assert alike.pnl([100.0, -100.0]).tolist() == [[-5.0, 5.0]]
    together = RETURNS[:, [0, 0]] * [1.0, 2.0]
    told = single_name_shocks(["A", "B"], together, -0.1)
    assert told.names == ("A −10%, others follow", "B −10%, others follow")
    assert told.returns == pytest.approx(np.array([[-0.1, -0.2], [-0.05, -0.1]]))
