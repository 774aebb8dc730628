"""Where trials run changes nothing, a worker's death costs one trial at most, and Ctrl-C is heard."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omni_lab.data import Bars
from omni_lab.errors import ConfigError, TrialError
from omni_lab.simulator import EventSimulator, SimulationConfig, SweepInterrupted, SweepResults
from omni_lab.simulator.research.runner import choice
from omni_lab.simulator.research.shared_bars import SharedBars, read_shared
from omni_lab.typing import FloatArray
from tests.simulator.market import hold, random_bars
from tests.simulator.research import strategies as shared
from tests.simulator.research.strategies import GRID, Above, crossover

ROOT = Path(__file__).parents[3]
SIM = EventSimulator(SimulationConfig(commission_rate=0.0002, slippage_bps=1))
BARS = random_bars(400, seed=1)


def sweep(strategy: Any, grid: Any, **options: Any) -> SweepResults:
    return SIM.sweep(BARS, strategy, grid, progress=False, **options)


# One run in this process; every other way must give the same bytes, other interpreters included.
SCRIPT = """
import sys
from omni_lab.simulator import EventSimulator, SimulationConfig
from tests.simulator.market import random_bars
from tests.simulator.research.strategies import GRID, crossover

def local(bars, fast, slow):
    return crossover(bars, fast, slow)

sim = EventSimulator(SimulationConfig(commission_rate=0.0002, slippage_bps=1))
swept = sim.sweep(random_bars(400, seed=1), local, GRID, workers=2, executor=sys.argv[1], keep_returns=True)
print(swept.sha256)
"""


def test_results_are_the_same_bytes_wherever_trials_run() -> None:
    plain = sweep(crossover, GRID, workers=1, keep_returns=True)
    assert plain.n_trials == 12
    for workers, executor in (
        (1, "threads"),
        (2, "threads"),
        (5, "threads"),
        (2, "processes"),
    ):
        other = sweep(crossover, GRID, workers=workers, executor=executor, keep_returns=True)
        assert other.parameters == plain.parameters
        assert other.sha256 == plain.sha256
    assert sweep(crossover, GRID, workers=1, keep_returns=False).sha256 != plain.sha256


@pytest.mark.parametrize(("executor", "hash_seed"), [("threads", "1"), ("processes", "2")])
def test_another_interpreter_has_the_same_bytes_with_a_function_of_its_main_module(
    executor: str, hash_seed: str, tmp_path: Path
) -> None:
    # A script without a guard around its work, as a notebook is: its functions travel by value.
    script = tmp_path / "study.py"
    script.write_text(SCRIPT)
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(script), executor]
    other = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert other.stdout.strip() == sweep(crossover, GRID, workers=1, keep_returns=True).sha256


def test_a_class_of_strategies_is_swept_like_single_backtests() -> None:
    grid = {"window": [5, 20], "shares": [10.0, 30.0]}
    swept = sweep(Above, grid, workers=2, executor="processes")
    by_function = sweep(lambda bars, **given: Above(**given), grid, workers=1)
    assert swept.sha256 == by_function.sha256
    for row, parameters in enumerate(swept.parameters):
        alone = SIM.run_backtest(Above(**parameters), BARS)
        for metric, column in swept.metrics.items():
            assert column[row] == pytest.approx(alone[metric], rel=1e-9)


def test_a_strategy_that_takes_settings_gets_them_as_one_mapping() -> None:
    from omni_lab.strategies import MomentumStrategy

    grid = {"lookback_period": [10, 40], "stop_loss": 0.05}
    swept = sweep(MomentumStrategy, grid, workers=1)
    alone = SIM.run_backtest(MomentumStrategy({"lookback_period": 40, "stop_loss": 0.05}), BARS)
    assert swept.metrics["final_equity"][1] == alone["final_equity"]
    with pytest.raises(ConfigError, match="lookback_period"):
        sweep(MomentumStrategy, {"lookback": [10]}, workers=1)


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("executor", ["serial", "threads", "processes"])
def test_an_error_is_raised_with_its_trial_or_kept_beside_the_others(executor: Any) -> None:
    grid = {"fast": [2, 3, 4, 5]}
    kept = sweep(shared.picky, grid, workers=2, executor=executor, errors="record")
    assert [error is None for error in kept.errors] == [True, False, False, True]
    assert "picky about 3 and 0" in str(kept.errors[1])
    assert isinstance(kept.errors[2], ValueError)
    assert np.isnan(kept.metrics["final_equity"]).tolist() == [False, True, True, False]
    assert kept.n_failed == 2
    assert kept.to_pandas()["error"][2] == "ValueError: four is refused"
    assert repr(kept) == "SweepResults(4 trials, 2 failed)"
    assert kept.sha256 == sweep(shared.picky, grid, workers=1, errors="record").sha256
    with pytest.raises(ValueError, match="four is refused") as raised:
        sweep(shared.picky, {"fast": [2, 4]}, workers=1, executor=executor)
    assert "raised in trial 2 of 2, parameters {'fast': 4}" in raised.value.__notes__


def test_a_worker_that_dies_once_costs_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    grid = {**GRID, "marks": str(tmp_path / "marks"), "lives": 1}
    with caplog.at_level(logging.WARNING):
        swept = sweep(shared.deadly, grid, workers=2, executor="processes")
    assert swept.n_failed == 0
    assert len(caplog.records) == 1
    assert "was killed by SIGKILL at trial 4, attempt 1 of 2" in caplog.text
    plain = sweep(crossover, GRID, workers=1)
    assert all((swept.metrics[name] == plain.metrics[name]).all() for name in plain.metrics)


def test_a_trial_that_kills_its_worker_twice_has_failed_and_no_other_is_lost(tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    grid = {"fast": [3, 4, 5, 6], "slow": 10, "marks": str(marks), "lives": 99}
    swept = sweep(shared.deadly, grid, workers=2, executor="processes", errors="record")
    assert [isinstance(error, TrialError) for error in swept.errors] == [False, True, False, False]
    assert "killed by SIGKILL, twice" in str(swept.errors[1])
    assert marks.read_text() == "xx"
    plain = sweep(crossover, {"fast": [3, 5, 6], "slow": 10}, workers=1)
    assert np.delete(swept.metrics["final_equity"], 1).tolist() == plain.metrics["final_equity"].tolist()


def test_what_cannot_be_sent_to_a_process_is_told() -> None:
    lock = threading.Lock()

    def locked(bars: Bars, fast: int) -> FloatArray:
        with lock:
            return hold(bars)

    with pytest.raises(ConfigError, match="cannot be sent to another process"):
        sweep(locked, {"fast": [1, 2]}, workers=2, executor="processes")
    assert sweep(locked, {"fast": [1, 2]}, workers=2, executor="threads").n_failed == 0


@pytest.mark.parametrize(
    "bad", [{"executor": "thread"}, {"errors": "ignore"}, {"workers": 0}, {"workers": 1.5}]
)
def test_settings_that_cannot_be_used_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        sweep(crossover, GRID, **bad)


# --- stopping -------------------------------------------------------------------------------------


@pytest.mark.parametrize("executor", ["serial", "threads", "processes"])
def test_ctrl_c_ends_a_sweep_and_leaves_what_is_done(executor: Any, tmp_path: Path) -> None:
    log = tmp_path / "log"
    grid = {"n": list(range(400)), "log": str(log), "pause_s": 0.05}

    def press() -> None:
        while len(shared.noted(log)) < 8:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press).start()
    with pytest.raises(SweepInterrupted) as raised:
        sweep(shared.slow_and_noted, grid, workers=2, executor=executor)
    results = raised.value.results
    assert 1 <= results.n_trials < 60
    time.sleep(0.2)
    n_begun = len(shared.noted(log))
    time.sleep(0.2)
    assert len(shared.noted(log)) == n_begun
    first = dict(results.parameters[0])
    plain = sweep(shared.slow_and_noted, [first], workers=1)
    assert results.metrics["final_equity"][0] == plain.metrics["final_equity"][0]


# --- bars and choices -----------------------------------------------------------------------------


@pytest.mark.parametrize("closes_only", [False, True])
def test_shared_bars_are_the_bars(closes_only: bool) -> None:
    bars = random_bars(50, 3, missing=0.2)
    if closes_only:
        bars = Bars.from_closes(bars.ts, bars.close(), symbols=bars.symbols)
    written = SharedBars(bars)
    read = read_shared(os.dup(written.descriptor), written.layout)
    written.close()
    assert read.fingerprint == bars.fingerprint


def test_where_trials_run_is_chosen_by_what_they_cost() -> None:
    # One core, or little to do: here. Python at every bar: processes if they pay. NumPy: threads.
    assert choice(1, 1e3, False, 0.0) == "serial"
    assert choice(8, 0.3, True, 0.9) == "serial"
    assert choice(8, 60.0, True, 0.0) == "processes"
    assert choice(8, 0.8, True, 0.0) == "serial"
    assert choice(8, 60.0, False, 0.02) == "threads"
    assert choice(8, 60.0, False, 0.5) == "processes"
    assert choice(2, 1.8, False, 0.5) == "threads"


def test_the_automatic_choice_gives_the_same_bytes_and_runs_every_trial_once(tmp_path: Path) -> None:
    log = tmp_path / "log"
    grid = {"n": list(range(120)), "log": str(log), "pause_s": 0.01}
    swept = sweep(shared.slow_and_noted, grid, workers=2)
    assert sorted(shared.noted(log)) == list(range(120))
    bare = [{"fast": 2 + n % 5, "slow": 10 + n} for n in range(120)]
    plain = sweep(crossover, bare, workers=1)
    assert swept.metrics["final_equity"].tobytes() == plain.metrics["final_equity"].tobytes()
