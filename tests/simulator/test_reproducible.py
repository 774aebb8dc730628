"""The same data and settings give the same events: through any frame, in any process, after any copy."""

import copy
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from omni_lab.data import Bars, synthetic_bars
from omni_lab.simulator import BacktestResults, EventSimulator, SimulationConfig
from omni_lab.strategies import MomentumStrategy
from tests.simulator.market import Script, hold, random_bars

SCRIPT = """
from omni_lab.simulator import EventSimulator, SimulationConfig
from omni_lab.strategies import MomentumStrategy
results = EventSimulator(SimulationConfig(slippage_bps=1)).run_backtest(
    MomentumStrategy({"stop_loss": 0.03}), symbol="SYNTH"
)
print(results.events_sha256)
"""


def run(bars: Bars | pd.DataFrame | pl.DataFrame | pa.Table) -> BacktestResults:
    sim = EventSimulator(SimulationConfig(slippage_bps=1))
    return sim.run_backtest(MomentumStrategy({"stop_loss": 0.03, "position_size": 0.3}), bars)


def test_the_same_run_twice_has_the_same_events() -> None:
    bars = random_bars(500, 3, missing=0.1)
    first, second = run(bars), run(bars)
    assert first["n_fills"] > 20
    assert first.events_sha256 == second.events_sha256


def test_any_change_of_data_or_settings_changes_the_events() -> None:
    bars = random_bars(50)
    close = bars.close()
    close[40] -= 0.01
    low = np.minimum(close, np.asarray(bars.low()))
    sim, dearer = EventSimulator(), EventSimulator(SimulationConfig(slippage_ticks=1))
    other = bars.replaced({"close": close, "low": low})
    runs = (sim.run_backtest(hold, bars), sim.run_backtest(hold, other), dearer.run_backtest(hold, bars))
    assert len({results.events_sha256 for results in runs}) == 3


@pytest.mark.parametrize("n_symbols", [1, 3])
def test_pandas_polars_arrow_and_arrays_are_the_same_data(n_symbols: int) -> None:
    bars = random_bars(300, n_symbols, missing=0.1)
    frame = bars.to_pandas()
    naive = frame.assign(ts=frame["ts"].dt.tz_convert(None).astype("datetime64[us]"))
    columns = (bars.open(), bars.high(), bars.low(), bars.close(), bars.volume())
    same = (
        Bars.from_arrays(bars.ts, *columns, symbols=bars.symbols),
        Bars.from_frame(frame),
        Bars.from_frame(naive),
        Bars.from_frame(frame.set_index("ts").rename(columns=str.upper)),
        Bars.from_frame(pl.from_pandas(frame)),
        Bars.from_frame(pl.from_pandas(naive)),
        Bars.from_frame(pa.Table.from_pandas(frame)),
        Bars.from_frame(frame.convert_dtypes(dtype_backend="pyarrow")),
    )
    assert {each.fingerprint for each in same} == {bars.fingerprint}
    assert {run(each).events_sha256 for each in same} == {run(bars).events_sha256}


@pytest.mark.parametrize("hash_seed", ["0", "1"])
def test_another_process_has_the_same_events(hash_seed: str, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "OMNI_LAB_HOME": str(tmp_path)}
    other = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True
    )
    sim = EventSimulator(SimulationConfig(slippage_bps=1))
    here = sim.run_backtest(MomentumStrategy({"stop_loss": 0.03}), symbol="SYNTH")
    assert other.stdout.strip() == here.events_sha256
    assert here["n_fills"] > 20


def test_the_seed_of_the_settings_is_that_of_the_synthetic_instrument() -> None:
    runs = [EventSimulator({"seed": seed}).run_backtest(hold, symbol="SYNTH") for seed in (7, 8)]
    assert runs[0].manifest["data"]["fingerprint"] == synthetic_bars(seed=7).fingerprint
    assert runs[1].manifest["data"]["fingerprint"] == synthetic_bars(seed=8).fingerprint


def test_results_survive_pickling_and_copying() -> None:
    results = run(random_bars(300, 2, missing=0.1))
    results.fills, results.metrics, results.equity  # noqa: B018 - computed before and after alike
    for other in (pickle.loads(pickle.dumps(results)), copy.deepcopy(results)):
        assert other.events_sha256 == results.events_sha256
        assert other.manifest == results.manifest
        assert other.counts == results.counts
        assert dict(other) == pytest.approx(dict(results), nan_ok=True)
        assert other.positions.tolist() == results.positions.tolist()
        assert other.trades.to_pandas().equals(results.trades.to_pandas())


def test_a_pickle_holds_the_run_and_not_what_can_be_computed_from_it() -> None:
    results = run(random_bars(300, 2))
    fresh = len(pickle.dumps(results))
    results.fills, results.orders, results.trades, results.metrics, results.positions  # noqa: B018
    assert len(pickle.dumps(results)) == fresh


def test_a_run_of_an_array_is_the_run_of_a_strategy_that_sends_the_same_targets() -> None:
    bars = random_bars(200, 2, missing=0.1)
    rng = np.random.default_rng(3)
    targets = np.where(np.isnan(bars.close()), np.nan, rng.integers(-50, 50, (200, 2)))

    columns = {symbol: column for column, symbol in enumerate(bars.symbols)}
    script = Script(lambda ctx, bar: ctx.target(targets[bar.index, columns[bar.symbol]]))
    by_hand = EventSimulator().run_backtest(script, bars)
    assert by_hand.events_sha256 == EventSimulator().run_targets(bars, targets).events_sha256
