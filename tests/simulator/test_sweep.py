"""Sweeps: many runs, the same figures as one by one."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from omni_lab.data import Bars
from omni_lab.errors import ConfigError, SchemaError
from omni_lab.simulator import EventSimulator, SimulationConfig, SweepResults
from omni_lab.strategies import MomentumStrategy
from omni_lab.typing import FloatArray
from tests.simulator.market import flat_bars, random_bars


def crossover(bars: Bars, fast: int, slow: int, size: float = 100.0) -> FloatArray:
    close = pd.DataFrame(bars.close())
    return np.asarray(size * np.sign(close.rolling(fast).mean() - close.rolling(slow).mean()))


def test_a_sweep_equals_its_single_runs() -> None:
    config = SimulationConfig(
        commission_rate=0.0002, slippage_bps=2, max_leverage=None, risk_free_rate=0.03, fill="next_close"
    )
    sim, bars = EventSimulator(config), random_bars(600, 2, missing=0.05)
    grid = {"fast": [3, 10], "slow": [20, 50], "size": [0.0, 1.0, 300.0]}
    swept = sim.sweep(bars, crossover, grid, kind="quantity")
    assert swept.n_trials == len(swept) == 12
    for row, parameters in enumerate(swept.parameters):
        alone = sim.run_targets(bars, crossover(bars, **parameters))
        for metric, column in swept.metrics.items():
            assert column[row] == pytest.approx(alone[metric], rel=1e-12, abs=1e-12, nan_ok=True)


def test_the_order_is_that_of_the_grid() -> None:
    swept = EventSimulator().sweep(
        random_bars(30), crossover, {"fast": [3, 5], "slow": [10, 20]}, kind="quantity"
    )
    assert [tuple(each.values()) for each in swept.parameters] == [(3, 10), (3, 20), (5, 10), (5, 20)]


def test_parameter_sets_may_be_listed_and_single_values_given_bare() -> None:
    sim, bars = EventSimulator(), random_bars(30)
    sets = [{"fast": 3, "slow": 10}, {"fast": 5, "slow": 20}]
    assert sim.sweep(bars, crossover, sets, kind="quantity").parameters == tuple(sets)
    assert sim.sweep(bars, crossover, iter(sets), kind="quantity").parameters == tuple(sets)
    assert sim.sweep(bars, crossover, {"fast": 3, "slow": [10]}, kind="quantity").parameters == (
        {"fast": 3, "slow": 10},
    )
    named = sim.sweep(bars, lambda bars, how: np.ones(bars.n_times), {"how": "fast"}, kind="quantity")
    assert named.parameters == ({"how": "fast"},)


def test_a_set_that_never_trades_has_no_sharpe_ratio_and_no_costs() -> None:
    swept = EventSimulator().sweep(
        random_bars(30), crossover, [{"fast": 3, "slow": 10, "size": 0.0}], kind="quantity"
    )
    assert np.isnan(swept.metrics["sharpe_ratio"][0])
    assert [swept.metrics[name][0] for name in ("total_return", "n_fills", "costs_paid")] == [0, 0, 0]
    with pytest.raises(ConfigError, match="No parameter set ever traded"):
        swept.best()


def test_a_ruined_set_has_no_sharpe_ratio_either() -> None:
    sim, bars = EventSimulator(SimulationConfig(max_leverage=None)), flat_bars(100, 100, 40, 50, 60)
    swept = sim.sweep(bars, lambda bars, n: np.full(bars.n_times, n), {"n": [10.0, 2_000.0]}, kind="quantity")
    assert np.isnan(swept.metrics["sharpe_ratio"]).tolist() == [False, True]
    assert swept.metrics["max_drawdown"].tolist() == pytest.approx([-0.006, -1.2])


def test_steady_growth_without_risk_has_no_sharpe_ratio() -> None:
    # One share at prices that double: equity 1, 2, 4, 8 …, every return exactly one.
    closes = 2.0 ** np.arange(1, 12)
    sim = EventSimulator(SimulationConfig(initial_capital=1.0, fill="this_close", max_leverage=None))
    grown = sim.sweep(flat_bars(1.0, *closes), lambda bars: np.ones(bars.n_times), [{}], kind="quantity")
    single = sim.run_targets(flat_bars(1.0, *closes), np.ones(12))
    assert grown.metrics["sharpe_ratio"][0] == pytest.approx(single["sharpe_ratio"], rel=1e-12, nan_ok=True)


def test_the_best_row_is_the_one_with_the_largest_value() -> None:
    swept = SweepResults([{"a": 1}, {"a": 2}, {"a": 3}], {"sharpe_ratio": np.array([0.5, np.nan, 0.7])})
    assert swept.best() == {"a": 3, "sharpe_ratio": 0.7}
    with pytest.raises(SchemaError, match="sharpe_ratio"):
        swept.best("sharp")


def test_a_sweep_becomes_a_frame_with_a_row_for_each_trial() -> None:
    swept = EventSimulator().sweep(
        random_bars(30), crossover, {"fast": [3, 5], "slow": [10]}, kind="quantity"
    )
    frame = swept.to_pandas()
    assert frame[["fast", "slow"]].to_numpy().tolist() == [[3, 10], [5, 10]]
    assert frame["final_equity"].tolist() == swept.metrics["final_equity"].tolist()
    assert "<p>2 trials</p>" in swept._repr_html_()


@pytest.mark.parametrize("grid", [{}, [], {"fast": []}, iter(())])
def test_an_empty_grid_is_refused(grid: Any) -> None:
    with pytest.raises(ConfigError, match="no parameter set"):
        EventSimulator().sweep(random_bars(30), crossover, grid, kind="quantity")


def test_what_is_no_grid_or_no_function_is_refused() -> None:
    sim, bars = EventSimulator(), random_bars(30)
    numbers: Any = [1, 2]
    strategy: Any = MomentumStrategy()
    with pytest.raises(ConfigError, match="not a grid"):
        sim.sweep(bars, crossover, numbers, kind="quantity")
    with pytest.raises(ConfigError, match="needs a function"):
        sim.sweep(bars, strategy, [{}], kind="quantity")


def test_an_error_says_in_which_trial() -> None:
    with pytest.raises(TypeError, match="slo") as raised:
        EventSimulator().sweep(
            random_bars(30), crossover, [{"fast": 3, "slow": 9}, {"fast": 3, "slo": 9}], kind="quantity"
        )
    assert raised.value.__notes__ == ["raised in trial 2 of 2, parameters {'fast': 3, 'slo': 9}"]
