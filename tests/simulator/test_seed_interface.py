"""The first ten lines a stranger types, and what comes back."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omni_lab.data import Bars, synthetic_bars
from omni_lab.errors import ConfigError, DataError, SchemaError, UnknownSymbolError
from omni_lab.simulator import BacktestResults, EventSimulator, SimulationConfig
from omni_lab.strategies import MomentumStrategy
from tests.simulator.market import flat_bars, hold, random_bars

NAMES = """
initial_capital final_equity total_return annual_return annual_volatility sharpe_ratio sortino_ratio
calmar_ratio max_drawdown max_drawdown_length max_drawdown_days turnover hit_rate profit_factor
exposure mean_leverage commission_paid slippage_paid costs_paid n_trades n_orders n_fills best_step
worst_step skew kurtosis time_under_water periods_per_year
"""
METRICS = set(NAMES.split())


@pytest.fixture(scope="module")
def seed() -> BacktestResults:
    config = SimulationConfig(initial_capital=100_000, commission_rate=0.0002)
    sim = EventSimulator(sim_config=config)
    strategy = MomentumStrategy(config={"lookback_period": 20, "entry_threshold": 2.0})
    return sim.run_backtest(strategy, symbol="SYNTH")


def test_the_seed_example_runs_as_written_and_always_comes_out_the_same(seed: BacktestResults) -> None:
    summary = f"Sharpe: {seed['sharpe_ratio']:.2f}  Return: {seed['total_return']:.2%}"
    assert summary == "Sharpe: 0.50  Return: 21.15%"
    assert seed["final_equity"] == 121_153.900926
    assert seed["n_trades"] == 13


def test_results_are_a_mapping_of_every_metric(seed: BacktestResults) -> None:
    assert set(seed) == set(seed.metrics) == METRICS
    assert len(seed) == len(METRICS)
    assert dict(seed) == seed.metrics
    assert all(isinstance(value, float) for value in seed.values())
    assert "sharpe_ratio" in seed
    assert "sharpe" not in seed
    assert seed.get("sharpe") is None
    assert seed.get("sharpe", 1.5) == 1.5


def test_a_metric_that_does_not_exist_is_named_with_the_closest_one(seed: BacktestResults) -> None:
    with pytest.raises(SchemaError, match="Did you mean 'sharpe_ratio'"):
        seed["sharpe_rato"]


def test_results_are_frozen(seed: BacktestResults) -> None:
    with pytest.raises(AttributeError, match="frozen"):
        seed.bars = synthetic_bars()
    with pytest.raises(AttributeError, match="frozen"):
        del seed.strategy
    for values in (seed.equity, seed.returns, seed.drawdown, seed.cash, seed.positions, seed.ts):
        with pytest.raises(ValueError, match="read-only"):
            values[0] = 1
    for name in seed.fills:
        with pytest.raises(ValueError, match="read-only"):
            seed.fills[name][0] = seed.fills[name][1]


def test_what_results_hand_out_can_be_changed_without_changing_them(seed: BacktestResults) -> None:
    seed.metrics["sharpe_ratio"] = 9.0
    seed.counts["reduced"] = 9
    seed.parameters["lookback_period"] = 9
    seed.manifest["settings"]["initial_capital"] = 9.0
    assert round(seed["sharpe_ratio"], 2) == 0.50
    assert seed.counts["reduced"] == 7
    assert seed.manifest["strategy"]["parameters"]["lookback_period"] == 20
    assert seed.manifest["settings"]["initial_capital"] == 100_000


def test_the_manifest_says_what_it_takes_to_run_this_again(seed: BacktestResults) -> None:
    manifest = seed.manifest
    assert manifest["data"] == {
        "fingerprint": synthetic_bars().fingerprint,
        "symbols": ["SYNTH"],
        "n_times": 1260,
        "first": "2019-01-02T21:00:00",
        "last": "2023-10-31T21:00:00",
    }
    assert manifest["strategy"]["name"] == "MomentumStrategy"
    assert manifest["settings"]["commission_rate"] == 0.0002
    assert manifest["seed"] == 7
    assert set(manifest["versions"]) == {"omni_lab", "python", "numpy"}
    assert len(manifest["events_sha256"]) == 64
    assert json.loads(json.dumps(manifest)) == manifest


def test_curves_and_tables_fit_each_other(seed: BacktestResults) -> None:
    n = seed.bars.n_times
    for curve in (seed.ts, seed.equity, seed.returns, seed.drawdown, seed.cash, seed.gross_exposure):
        assert curve.shape == (n,)
    assert seed.positions.shape == (n, 1)
    assert (len(seed.orders), len(seed.fills)) == (seed["n_orders"], seed["n_fills"])
    assert len(seed.trades) == seed["n_trades"]
    assert set(seed.orders["order_id"][seed.orders["filled_qty"] > 0]) == set(seed.fills["order_id"])


def test_tables_become_pandas_frames_with_times_and_text(seed: BacktestResults) -> None:
    frame = seed.fills.to_pandas()
    assert str(frame["ts"].dtype) == "datetime64[ns, UTC]"
    assert str(frame["side"].dtype) == str(frame["symbol"].dtype) == "str"
    assert frame["side"].tolist() == seed.fills["side"].tolist()
    assert frame["ts"].astype("int64").tolist() == seed.fills["ts"].tolist()
    none = EventSimulator().run_backtest(lambda bars: np.full(bars.n_times, np.nan), symbol="SYNTH")
    empty = none.fills.to_pandas()
    assert empty.empty
    assert (empty.dtypes == frame.dtypes).all()


def test_a_missing_column_is_named_with_those_there_are(seed: BacktestResults) -> None:
    assert "price" in seed.fills
    assert "prize" not in seed.fills
    with pytest.raises(SchemaError, match="Did you mean 'price'"):
        seed.fills["prize"]


def test_a_strategy_class_is_not_a_strategy() -> None:
    strategy: Any = MomentumStrategy
    with pytest.raises(ConfigError, match="Pass an instance"):
        EventSimulator().run_backtest(strategy, symbol="SYNTH")


def test_an_array_is_sent_to_run_targets() -> None:
    targets: Any = np.ones(3)
    with pytest.raises(ConfigError, match="run_targets"):
        EventSimulator().run_backtest(targets, flat_bars(1, 2, 3))


def test_without_bars_or_symbol_it_says_how_to_get_some() -> None:
    with pytest.raises(ConfigError, match="symbol='SYNTH'"):
        EventSimulator().run_backtest(hold)


def test_symbol_and_symbols_together_are_refused() -> None:
    with pytest.raises(ConfigError, match="not both"):
        EventSimulator().run_backtest(hold, random_bars(5), symbol="S0", symbols=["S0"])


def test_a_single_symbol_may_stand_without_a_list() -> None:
    results = EventSimulator().run_backtest(hold, random_bars(5, 2), symbols="S1")
    assert results.symbols == ("S1",)


def test_symbols_choose_and_order_the_instruments() -> None:
    results = EventSimulator().run_backtest(hold, random_bars(5, 3), symbols=["S2", "S0"])
    assert results.symbols == ("S2", "S0")


def test_an_unknown_symbol_of_the_bars_is_named() -> None:
    with pytest.raises(UnknownSymbolError, match="found 'S9', expected one of 'S0', 'S1'"):
        EventSimulator().run_backtest(hold, random_bars(5, 2), symbols=["S0", "S9"])


def test_an_unknown_symbol_of_the_store_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMNI_LAB_HOME", str(tmp_path))
    with pytest.raises(UnknownSymbolError, match="NOPE"):
        EventSimulator().run_backtest(hold, symbol="NOPE")


def test_a_frame_without_a_symbol_column_takes_the_name_given() -> None:
    frame = random_bars(5).to_pandas().drop(columns="symbol")
    assert EventSimulator().run_backtest(hold, frame, symbol="ABC").symbols == ("ABC",)


@pytest.mark.parametrize(
    ("start", "end", "first", "last"),
    [
        (None, "2024-01-03", 0, 2),
        ("2024-01-03", None, 2, 9),
        ("2024-01-02", "2024-01-02", 1, 1),
        (np.datetime64("2024-01-04T12:00"), np.datetime64("2024-01-06T12:00"), 4, 5),
        ("2024", "2024", 0, 9),
    ],
)
def test_start_and_end_are_both_included(start: Any, end: Any, first: int, last: int) -> None:
    bars = random_bars(10)
    results = EventSimulator().run_backtest(hold, bars, start=start, end=end)
    assert results.ts.tolist() == bars.ts[first : last + 1].tolist()


def test_a_range_without_bars_says_what_there_is() -> None:
    with pytest.raises(DataError, match="Available: 2024-01-01T00:00:00 to 2024-01-10T00:00:00"):
        EventSimulator().run_backtest(hold, random_bars(10), start="2030")


@pytest.mark.parametrize("kind", ["weights", None])
def test_an_unknown_kind_of_target_is_refused_even_where_it_is_not_needed(kind: Any) -> None:
    sim, bars = EventSimulator(), random_bars(30)
    calls = (
        lambda: sim.run_backtest(MomentumStrategy(), bars, kind=kind),
        lambda: sim.run_backtest(hold, bars, kind=kind),
        lambda: sim.run_targets(bars, hold(bars), kind=kind),
        lambda: sim.sweep(bars, hold, [{}], kind=kind),
    )
    for call in calls:
        with pytest.raises(ConfigError, match="unknown kind of target"):
            call()


def test_settings_may_come_as_a_mapping() -> None:
    assert EventSimulator({"fill": "next_close"}).config == SimulationConfig(fill="next_close")
    with pytest.raises(ConfigError, match="Did you mean 'fill'"):
        EventSimulator({"fil": "next_close"})
    wrong: Any = 100_000
    with pytest.raises(ConfigError, match="sim_config"):
        EventSimulator(wrong)


def test_bars_are_not_changed_by_a_run() -> None:
    bars = random_bars(50, 3, missing=0.2)
    before = bars.fingerprint
    EventSimulator().run_backtest(hold, bars)
    assert Bars.from_frame(bars.to_pandas()).fingerprint == bars.fingerprint == before
