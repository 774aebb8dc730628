"""Statistical arbitrage: its phases, its rules on spreads drawn by hand, and what it makes of families."""

from typing import Any

import numpy as np
import pytest

from omni_lab.data import Bars
from omni_lab.errors import ConfigError
from omni_lab.models.baskets import Basket, select_baskets
from omni_lab.models.cointegration import Cointegration
from omni_lab.models.kalman import kalman_regression
from omni_lab.models.regression import fit_line
from omni_lab.simulator import EventSimulator
from omni_lab.strategies import StatisticalArbitrageConfig, StatisticalArbitrageStrategy, from_json, to_json
from omni_lab.strategies.spread import SpreadTrader
from omni_lab.typing import FloatArray
from tests.simulator.market import days

UNIT = Basket(
    columns=(1, 0),
    fit=Cointegration(
        vector=np.array([1.0, -2.0]), intercept=0.5, statistic=-5.0, p_value=0.0, half_life=9.0, scale=0.01
    ),
    adjusted_p_value=0.0,
)


def closes_at(*scores: float) -> FloatArray:
    """Closes at which the spread of ``UNIT`` has these scores: one leg stands at e, the other makes them."""
    first = np.exp(0.5 + 2.0 + 0.01 * np.array(scores))
    return np.column_stack([np.full(len(scores), np.e), first])


def positions(scores: list[float], **settings: Any) -> list[int]:
    """Position after each score."""
    config = StatisticalArbitrageConfig(break_window=None, **settings)
    closes = closes_at(*scores)
    trader = SpreadTrader(UNIT, np.log(closes), config)
    found = []
    for n_known in range(1, len(scores) + 1):
        trader.update(closes[:n_known])
        found.append(trader.position)
        assert trader.score == pytest.approx(scores[n_known - 1], abs=1e-9)
    return found


def related(n_times: int = 500, *, seed: int = 0, breaks_at: int | None = None) -> Bars:
    """Four shares: the second moves with the first, until it no longer does; the others go their own ways."""
    rng = np.random.default_rng(seed)
    logs = 4.0 + np.cumsum(0.01 * rng.standard_normal((n_times, 4)), axis=0)
    noise = np.zeros(n_times)
    for t in range(1, n_times):
        noise[t] = 0.75 * noise[t - 1] + 0.012 * rng.standard_normal()
    logs[:, 1] = 0.5 + 0.9 * logs[:, 0] + noise
    if breaks_at is not None:
        logs[breaks_at:, 1] += 0.01 * np.cumsum(np.ones(n_times - breaks_at))
    return Bars.from_closes(days(n_times), np.round(np.exp(logs), 4), symbols=["A", "B", "C", "D"])


# ---- Rules of one basket -----------------------------------------------------------------------


def test_a_spread_is_sold_above_and_bought_below_and_closed_near_the_mean() -> None:
    assert positions([0, 1.9, 2.0, 3.0, 0.6, 0.5, 0.0]) == [0, 0, -1, -1, -1, 0, 0]
    assert positions([0, -1.9, -2.0, -3.0, -0.6, 0.4]) == [0, 0, 1, 1, 1, 0]


def test_a_spread_that_crosses_to_the_other_side_is_closed_first() -> None:
    assert positions([2.5, -2.5, -2.5]) == [-1, 0, 1]


def test_a_stop_ends_it_until_it_has_been_back() -> None:
    assert positions([2.5, 4.0, 3.0, 2.5, 0.6, 2.5, 0.5, 2.5]) == [-1, 0, 0, 0, 0, 0, 0, -1]
    # It does not open beyond the stop.
    assert positions([4.5, 4.1, 3.9]) == [0, 0, -1]


def test_weights_are_in_proportion_to_the_vector_and_left_alone() -> None:
    config = StatisticalArbitrageConfig(break_window=None, max_baskets=2, gross_exposure=0.9)
    closes = closes_at(2.5, 2.9, 0.0)
    trader = SpreadTrader(UNIT, np.log(closes), config)
    assert trader.columns == (1, 0)
    assert trader.update(closes[:1])
    # Half of 0.9 in proportion 1 to −2, sold.
    assert trader.weights == pytest.approx([-0.15, 0.30])
    assert not trader.update(closes[:2])
    assert trader.weights == pytest.approx([-0.15, 0.30])
    assert trader.update(closes)
    assert trader.weights.tolist() == [0.0, 0.0]


def test_a_close_without_one_leg_is_passed_over() -> None:
    closes = closes_at(2.5, 0.0)
    closes[1, 0] = np.nan
    trader = SpreadTrader(UNIT, np.log(closes[:1]), StatisticalArbitrageConfig(break_window=None))
    assert trader.update(closes[:1])
    assert not trader.update(closes)
    assert trader.position == -1


def test_rolling_scores_are_the_last_residual_of_a_fit() -> None:
    closes = related(200).close()
    config = StatisticalArbitrageConfig(hedge="rolling_ols", hedge_window=60, break_window=None)
    trader = SpreadTrader(UNIT, np.log(closes[:150]), config)
    for n_known in range(151, 201):
        trader.update(closes[:n_known])
        logs = np.log(closes[n_known - 60 : n_known])
        slope, intercept = np.polyfit(logs[:, 0], logs[:, 1], 1)
        left = logs[:, 1] - intercept - slope * logs[:, 0]
        assert trader.score == pytest.approx(left[-1] / left.std(ddof=1), rel=1e-6)


def test_filtered_scores_are_innovations_in_units_of_their_size() -> None:
    closes = related(200).close()
    logs = np.log(closes)
    config = StatisticalArbitrageConfig(hedge="kalman", kalman_state_ratio=1e-4, break_window=None)
    trader = SpreadTrader(UNIT, logs[:150], config)
    for n_known in range(151, 201):
        trader.update(closes[:n_known])
    x = np.column_stack([np.ones(200), logs[:, 0]])
    path = kalman_regression(logs[:, 1], x, state_ratio=1e-4)
    before = kalman_regression(logs[:199, 1], x[:199], state_ratio=1e-4)
    assert trader.score == pytest.approx(path.innovations[-1] / np.sqrt(before.noise * path.ratios[-1]))


# ---- Phases ------------------------------------------------------------------------------------


def test_baskets_are_chosen_on_the_window_before_they_are_traded() -> None:
    bars = related()
    strategy = StatisticalArbitrageStrategy(
        {"formation_period": 200, "trading_period": 100, "min_half_life": 1}
    )
    formations = list(strategy.formations(bars))
    assert [step for step, _ in formations] == [199, 299, 399, 499]
    assert formations[0][1].baskets[0].columns == (0, 1)
    assert formations[0][1].n_tested == 6
    logs = np.log(bars.close()[:200])
    fit = fit_line(logs[:, 1], logs[:, 0])
    # Whichever leg is on the left of the regression, the spread is that of the window and of nothing else.
    vector = formations[0][1].baskets[0].fit.vector
    other = fit_line(logs[:, 0], logs[:, 1])
    assert min(abs(vector[1] + 1 / fit.slopes[0]), abs(vector[1] + other.slopes[0])) < 1e-9
    targets = strategy.signals(bars)
    assert np.isnan(targets[:200]).sum() == targets[:200].size - np.count_nonzero(targets[199] == 0)
    assert np.isnan(targets[200:299]).all(axis=1).sum() < 99
    for step in (299, 399):
        held = np.zeros(4)
        for row in targets[: step + 1]:
            held = np.where(np.isnan(row), held, row)
        assert held.tolist() == [0.0] * 4


def test_it_earns_on_a_family_and_does_nothing_without_one() -> None:
    simulator = EventSimulator({"fill": "next_close", "commission_rate": 0.0005})
    settings = {
        "formation_period": 250,
        "trading_period": 250,
        "max_baskets": 1,
        "break_window": None,
        "min_half_life": 1,
    }
    results = simulator.run_backtest(StatisticalArbitrageStrategy(settings), related(1_500))
    assert results["n_trades"] > 20
    assert results["sharpe_ratio"] > 1.0
    walks = np.exp(4.0 + 0.01 * np.cumsum(np.random.default_rng(3).standard_normal((700, 5)), axis=0))
    none = simulator.run_backtest(
        StatisticalArbitrageStrategy(settings), Bars.from_closes(days(700), np.round(walks, 4))
    )
    assert none["n_fills"] == 0


@pytest.mark.parametrize("hedge", ["formation", "rolling_ols", "kalman"])
def test_every_hedge_trades_both_legs_against_each_other(hedge: str) -> None:
    strategy = StatisticalArbitrageStrategy(
        {
            "formation_period": 250,
            "trading_period": 250,
            "hedge": hedge,
            "break_window": None,
            "entry_z": 1.5,
            "min_half_life": 1,
        }
    )
    targets = strategy.signals(related())
    opened = targets[np.nansum(np.abs(targets), axis=1) > 0]
    assert len(opened) > 3
    assert (np.sign(opened[:, 0]) == -np.sign(opened[:, 1])).all()
    assert np.nansum(np.abs(opened), axis=1) == pytest.approx(0.2)


def test_a_broken_pair_is_given_up() -> None:
    settings: dict[str, Any] = {"stop_z": 1e6, "break_window": 100, "break_every": 10}
    config = StatisticalArbitrageConfig(**settings)
    broken_at: dict[bool, list[int]] = {}
    for breaks in (False, True):
        bars = related(500, breaks_at=300 if breaks else None)
        closes = bars.close()
        (basket,) = select_baskets(np.log(closes[:250]), most=1).baskets
        trader = SpreadTrader(basket, np.log(closes[:250]), config)
        steps = range(250, 500)
        states = [
            (trader.update(closes[: step + 1]), trader.is_broken, trader.position)[1:] for step in steps
        ]
        broken_at[breaks] = [step for step, (is_broken, _) in zip(steps, states, strict=True) if is_broken]
        assert all(position == 0 for is_broken, position in states if is_broken)
        assert trader.weights.any() == (trader.position != 0)
    assert broken_at[False] == []
    assert 300 < broken_at[True][0] < 400


def test_a_basket_of_three_legs_is_weighted_by_johansen() -> None:
    rng = np.random.default_rng(6)
    logs = 4.0 + np.cumsum(0.0005 + 0.01 * rng.standard_normal((500, 3)), axis=0)
    noise = np.zeros(500)
    for t in range(1, 500):
        noise[t] = 0.8 * noise[t - 1] + 0.004 * rng.standard_normal()
    logs[:, 0] = 0.5 * logs[:, 1] + 0.5 * logs[:, 2] + noise
    bars = Bars.from_closes(days(500), np.round(np.exp(logs), 4), symbols=["A", "B", "C"])
    strategy = StatisticalArbitrageStrategy(
        {
            "formation_period": 300,
            "trading_period": 200,
            "candidates": [["A", "B", "C"]],
            "test": "johansen",
            "break_window": None,
            "max_baskets": 1,
        }
    )
    ((_, selection),) = [each for each in strategy.formations(bars) if each[0] == 299]
    assert selection.baskets[0].fit.vector == pytest.approx([1.0, -0.5, -0.5], abs=0.1)
    targets = strategy.signals(bars)
    opened = targets[np.nansum(np.abs(targets), axis=1) > 0]
    assert len(opened) > 1
    assert np.abs(opened[0]) == pytest.approx([0.5, 0.25, 0.25], abs=0.05)


def test_candidates_come_as_lists_too_and_must_exist() -> None:
    strategy = StatisticalArbitrageStrategy({"candidates": [["A", "B"], ["C", "D"]]})
    assert strategy.config.candidates == (("A", "B"), ("C", "D"))
    again = from_json(to_json(strategy))
    assert isinstance(again, StatisticalArbitrageStrategy)
    assert again.config == strategy.config
    with pytest.raises(ConfigError, match=r"found 'Z'"):
        StatisticalArbitrageStrategy({"candidates": [["A", "Z"]]}).signals(related(60))
