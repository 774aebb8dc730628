"""Where a profit came from, and the sentences that say so."""

import functools
from typing import Any

import numpy as np
import pytest

from omni_lab.data import Bars
from omni_lab.simulator import BacktestResults, EventSimulator, SimulationConfig
from omni_lab.typing import FloatArray
from tests.simulator.market import days, random_bars


def holding(close: FloatArray, **settings: Any) -> BacktestResults:
    """A hundred shares of each instrument, bought at the first close."""
    close = np.round(close.reshape(len(close), -1), 2)
    bars = Bars.from_closes(days(len(close)), close, symbols=[f"S{i}" for i in range(close.shape[1])])
    config = SimulationConfig(fill="this_close", max_leverage=None, **settings)
    return EventSimulator(config).run_targets(bars, np.full(close.shape, 100.0))


def said(results: BacktestResults, words: str) -> bool:
    return any(words in sentence for sentence in results.warnings)


def steady(n: int, seed: int = 0, drift: float = 0.002) -> FloatArray:
    rng = np.random.default_rng(seed)
    return np.asarray(100 * np.exp(np.cumsum(drift + 0.005 * rng.standard_normal(n))))


def test_a_steady_profit_raises_no_doubt_about_where_it_came_from() -> None:
    results = holding(steady(500))
    for words in ("best 5 steps", "One fifth", "third of the market", "instruments", "told from zero"):
        assert not said(results, words)


def test_a_profit_of_a_few_days_is_pointed_out() -> None:
    close = 100 + np.sin(np.arange(300) / 7.0)
    close[150:] += 30.0
    assert said(holding(close), "Without its best 5 steps of 300 it would have made nothing.")


def test_a_profit_of_one_period_is_pointed_out() -> None:
    rng = np.random.default_rng(1)
    moves = 0.05 * rng.standard_normal(500)
    moves[100:200] += 0.5
    results = holding(100 + np.cumsum(moves))
    assert said(results, "One fifth of the time, 2024-04-10 to 2024-07-18, made")


def test_a_profit_of_one_regime_is_pointed_out() -> None:
    rng = np.random.default_rng(3)
    wild = np.arange(900) // 150 % 3 == 1
    moves = np.where(wild, 0.6 + 2.0 * rng.standard_normal(900), 0.1 * rng.standard_normal(900))
    assert said(holding(300 + np.cumsum(moves)), "The most restless third of the market")


def test_a_profit_of_one_name_is_pointed_out() -> None:
    close = np.column_stack([steady(300), steady(300, 1, 0.0), steady(300, 2, 0.0)])
    results = holding(close)
    assert said(results, "One of 3 instruments, S0, made")
    assert results.pnl_by_symbol.sum() == pytest.approx(results.final_equity - 100_000)
    assert not said(holding(np.column_stack([steady(300, i) for i in range(3)])), "instruments")


def test_the_profit_of_each_name_adds_up_with_costs() -> None:
    bars = random_bars(200, 3, missing=0.1)
    targets = np.random.default_rng(0).integers(-20, 20, (200, 3)).astype(float)
    targets[np.isnan(bars.close())] = np.nan
    sim = EventSimulator(SimulationConfig(commission_rate=0.001, slippage_ticks=1))
    results = sim.run_targets(bars, targets)
    assert results.pnl_by_symbol.sum() == pytest.approx(results.final_equity - 100_000)


def test_a_ratio_that_cannot_be_told_from_zero_is_called_that() -> None:
    results = holding(steady(400, 4, 0.0))
    told = results.significance(n_samples=0)
    assert told.sharpe_ratio > 0
    assert told.psr < 0.95
    assert said(
        results, f"it would take {told.min_years:.1f} years of such returns, and there are {told.years:.1f}"
    )
    assert said(holding(steady(400, 4, -0.001)), "is not above zero")


def test_a_ratio_that_a_search_explains_is_called_that() -> None:
    def rule(bars: Bars, seed: int) -> FloatArray:
        return np.repeat(np.random.default_rng(seed).choice([-1.0, 1.0], 50), 10)

    bars, sim = random_bars(500, seed=77), EventSimulator()
    swept = sim.sweep(bars, rule, {"seed": range(120)})
    best = sim.run_backtest(functools.partial(rule, seed=swept.best()["seed"]), bars)
    assert best.significance(n_samples=0).psr > 0.95
    assert said(best, "is what a search can find where there is nothing: 120 trials of this strategy")


def test_a_run_that_never_traded_is_spared() -> None:
    results = EventSimulator().run_targets(random_bars(100), np.zeros(100))
    assert results.warnings[0].startswith("Nothing was ever bought")
    assert not said(results, "Sharpe")
