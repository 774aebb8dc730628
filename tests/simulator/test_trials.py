"""Runs are counted as trials, and what the count does to a Sharpe ratio."""

import functools
import math
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from omni_lab.config import COUNT_TRIALS_VARIABLE, HOME_VARIABLE
from omni_lab.data import Bars
from omni_lab.errors import ConfigError, ShapeError
from omni_lab.portfolio.significance import deflated_sharpe, expected_max_sharpe
from omni_lab.simulator import EventSimulator, SimulationConfig, SweepResults
from omni_lab.simulator.counting import family_of
from omni_lab.store import TrialLedger
from omni_lab.strategies import MomentumStrategy
from omni_lab.typing import FloatArray
from tests.simulator.market import flat_bars, random_bars

BARS = random_bars(400, seed=11)
MOMENTUM = "omni_lab.strategies.momentum.MomentumStrategy"


def coin(bars: Bars, seed: int, size: float = 1.0) -> FloatArray:
    """A rule without any merit: long or short for ten days, by lot."""
    faces = np.random.default_rng(seed).choice([-1.0, 1.0], bars.n_times // 10 + 1)
    return size * np.repeat(faces, 10)[: bars.n_times]


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrialLedger:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    return TrialLedger()


def test_a_family_is_a_class_or_a_function() -> None:
    assert family_of(MomentumStrategy()) == MOMENTUM
    assert family_of(coin).endswith("test_trials.coin")
    assert family_of(functools.partial(coin, seed=3)) == family_of(coin)
    assert family_of(type("Rule", (), {"__module__": "__main__"})()) == "Rule"


def test_every_run_is_counted_once(ledger: TrialLedger) -> None:
    sim = EventSimulator()
    for lookback in (20, 40, 20):
        rule = MomentumStrategy({"lookback_period": lookback, "entry_threshold": 0.5})
        results = sim.run_backtest(rule, BARS)
    found = ledger.summary(BARS.fingerprint, MOMENTUM)
    assert found.n_trials == 2
    frame = ledger.trials()
    row = frame[frame["parameters"].str.contains('"lookback_period":20,')].iloc[0]
    assert row["sharpe"] * math.sqrt(results["periods_per_year"]) == pytest.approx(results["sharpe_ratio"])
    assert row["kurtosis"] == pytest.approx(results["kurtosis"] + 3)
    assert (row["skew"], row["n_obs"]) == (pytest.approx(results["skew"]), 400)


def test_of_a_long_run_only_the_ratio_is_kept(ledger: TrialLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    sim = EventSimulator(SimulationConfig(risk_free_rate=0.02))
    sim.run_backtest(functools.partial(coin, seed=1), BARS)
    monkeypatch.setattr("omni_lab.simulator.counting._LONGEST_WITH_SHAPE", 399)
    sim.run_backtest(functools.partial(coin, seed=1), BARS)
    first, second = ledger.trials().to_dict("records")
    assert second["sharpe"] == pytest.approx(first["sharpe"], rel=1e-9)
    assert [math.isnan(each["kurtosis"]) for each in (first, second)] == [False, True]


def test_a_sweep_counts_each_of_its_trials_and_single_runs_of_them_no_more(ledger: TrialLedger) -> None:
    sim = EventSimulator(SimulationConfig(risk_free_rate=0.02))
    swept = sim.sweep(BARS, coin, {"seed": range(8), "size": [0.5, 1.0]})
    found = ledger.summary(BARS.fingerprint, family_of(coin))
    assert found.n_trials == 16
    annual = swept.metrics["sharpe_ratio"] / math.sqrt(
        sim.run_targets(BARS, np.ones(400))["periods_per_year"]
    )
    assert found.sharpe_mean == pytest.approx(annual.mean())
    assert found.sharpe_variance == pytest.approx(annual.var(ddof=1))
    sim.run_backtest(functools.partial(coin, seed=3, size=0.5), BARS)
    assert ledger.summary(BARS.fingerprint, family_of(coin)).n_trials == 16
    sim.run_backtest(functools.partial(coin, seed=99, size=0.5), BARS)
    EventSimulator().run_backtest(functools.partial(coin, seed=3, size=0.5), BARS)  # other settings
    assert ledger.summary(BARS.fingerprint, family_of(coin)).n_trials == 18


def test_an_interrupted_sweep_counts_what_was_seen(ledger: TrialLedger) -> None:
    def breaks(bars: Bars, n: int) -> FloatArray:
        if n == 2:
            raise KeyboardInterrupt
        return coin(bars, n)

    with pytest.raises(KeyboardInterrupt):
        EventSimulator().sweep(BARS, breaks, {"n": range(5)})
    assert ledger.summary(BARS.fingerprint).n_trials == 2


def test_rules_that_differ_in_what_they_close_over_are_different_trials(ledger: TrialLedger) -> None:
    for seed in range(5):
        EventSimulator().run_backtest(lambda bars, seed=seed: coin(bars, seed), BARS)
    assert ledger.summary(BARS.fingerprint).n_trials == 5


def test_checks_and_other_costs_are_no_trials(ledger: TrialLedger) -> None:
    sim = EventSimulator(SimulationConfig(commission_rate=0.001))
    results = sim.run_backtest(MomentumStrategy({"lookback_period": 20}), BARS)
    sim.check_lookahead(MomentumStrategy({"lookback_period": 20}), BARS, max_cuts=2)
    results.cost_sensitivity()
    assert ledger.summary(BARS.fingerprint).n_trials == 1


def test_counting_changes_no_result_and_can_be_turned_off(
    ledger: TrialLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = EventSimulator().run_backtest(functools.partial(coin, seed=1), BARS)
    silent = EventSimulator(count_trials=False).run_backtest(functools.partial(coin, seed=2), BARS)
    assert ledger.summary(BARS.fingerprint).n_trials == 1
    monkeypatch.setenv(COUNT_TRIALS_VARIABLE, "0")
    again = EventSimulator().run_backtest(functools.partial(coin, seed=1), BARS)
    EventSimulator().sweep(BARS, coin, {"seed": [5, 6]})
    assert ledger.summary(BARS.fingerprint).n_trials == 1
    assert again.manifest == counted.manifest
    assert again.metrics == pytest.approx(counted.metrics, nan_ok=True)
    assert counted.counted
    for results in (silent, again):
        assert any("not counted as a trial" in each for each in results.warnings)
        assert "not counted" in results.significance(n_samples=0).note


def test_a_ledger_that_cannot_be_used_costs_nobody_a_result(ledger: TrialLedger) -> None:
    ledger.path.write_bytes(b"no database" * 1000)
    with pytest.warns(RuntimeWarning, match="not being counted"):
        results = EventSimulator().run_backtest(functools.partial(coin, seed=1), BARS)
    told = results.significance(n_samples=0)
    assert told.n_trials == 1
    assert "cannot be read" in told.note
    assert 0 < told.psr < 1
    assert results.warnings
    ledger.path.unlink()


def test_the_ratio_is_deflated_by_the_trials_really_made(ledger: TrialLedger) -> None:
    sim = EventSimulator()
    first = sim.run_backtest(functools.partial(coin, seed=0), BARS)
    alone = first.significance(n_samples=0)
    assert alone.n_trials == 1
    assert alone.expected_max == 0.0
    assert alone.dsr == alone.psr
    sim.sweep(BARS, coin, {"seed": range(30)})
    sim.run_targets(BARS, np.ones(400), name="another family")
    told = pickle.loads(pickle.dumps(first)).significance(n_samples=0)
    made = ledger.summary(BARS.fingerprint, family_of(coin))
    assert (told.n_trials, told.n_trials_of_all) == (made.n_trials, made.n_trials + 1) == (30, 31)
    root = math.sqrt(told.periods_per_year)
    assert told.expected_max == pytest.approx(expected_max_sharpe(30, made.sharpe_variance) * root)
    expected = deflated_sharpe(
        first["sharpe_ratio"] / root,
        400,
        n_trials=30,
        variance=made.sharpe_variance,
        skew=first["skew"],
        kurtosis=first["kurtosis"] + 3,
    )
    assert told.dsr == pytest.approx(expected)
    assert told.dsr < alone.dsr


def test_significance_tells_its_numbers_in_every_form() -> None:
    results = EventSimulator().run_backtest(functools.partial(coin, seed=4), BARS)
    told = results.significance(n_samples=100, confidence=0.9)
    frame = told.to_frame()
    assert frame.loc["total_return", "value"] == pytest.approx(results["total_return"])
    band = told.bands["max_drawdown"]
    assert band.low < band.high <= 0
    assert frame["low"]["max_drawdown"] == band.low
    assert frame.loc["n_obs", "value"] == 400
    assert "90% band" in told._repr_html_()
    assert results.significance(n_samples=100, confidence=0.9) == told
    never = EventSimulator().run_targets(BARS, np.zeros(400)).significance()
    assert math.isnan(never.psr)
    (sentence,) = never.sentences()
    assert "no Sharpe ratio to judge" in sentence
    ruined = EventSimulator(SimulationConfig(max_leverage=None)).run_targets(
        flat_bars(100, 100, 40, 50, 60), np.full(5, 2_000.0)
    )
    told = ruined.significance()
    assert math.isnan(told.dsr)
    assert told.bands == {}
    assert ruined.warnings[0].startswith("The account was ruined")
    assert EventSimulator().run_targets(flat_bars(100), np.ones(1)).significance().sentences() == (sentence,)


# --- sweeps -----------------------------------------------------------------------------------------


def swept(n: int = 20, **settings: object) -> SweepResults:
    return EventSimulator().sweep(BARS, coin, {"seed": range(n)}, **settings)  # type: ignore[arg-type]


def test_a_sweep_keeps_the_returns_of_its_trials() -> None:
    found = swept(3)
    alone = EventSimulator().run_backtest(functools.partial(coin, seed=2), BARS)
    assert found.selection.returns[:, 2] == pytest.approx(alone.returns, abs=1e-8)


def test_returns_are_kept_when_few_or_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("omni_lab.simulator.sweep.KEPT_BYTES", 400 * 8 * 5)
    assert swept(5).selection.returns.shape == (400, 5)
    assert swept(6, keep_returns=True).selection.returns.shape == (400, 6)
    assert swept(6).returns is None
    with pytest.raises(ConfigError, match=r"were not kept.*keep_returns=True"):
        swept(6).pbo()
    with pytest.raises(ConfigError, match="know only metrics"):
        SweepResults([{}], {}).pbo()


def test_the_best_of_worthless_rules_is_seen_through(ledger: TrialLedger) -> None:
    found = swept(60)
    assert found.metrics["sharpe_ratio"].max() > 1.5  # it looks good
    assert found.pbo(8).pbo > 0.3
    assert found.reality_check(n_samples=300).spa_consistent > 0.1
    told = found.deflated_sharpe()
    assert told.n_trials == 60
    assert told.sharpe_ratio == pytest.approx(found.metrics["sharpe_ratio"].max(), rel=1e-4)
    assert told.psr > 0.9 > 0.5 > told.dsr
    effective = found.deflated_sharpe(effective=True)
    assert effective.n_trials <= 60


def test_a_sweep_is_deflated_by_the_trials_before_it_too(ledger: TrialLedger) -> None:
    first = swept(10).deflated_sharpe()
    swept(40)
    again = swept(10).deflated_sharpe()
    assert (first.n_trials, again.n_trials) == (10, 40)
    assert again.dsr < first.dsr


def test_a_rule_that_sees_the_future_passes_every_test_of_luck() -> None:
    def foresight(bars: Bars, share: float) -> FloatArray:
        opens = bars.open()
        assert opens is not None
        sees = np.append(np.sign(np.diff(opens[:, 0]))[1:], [0.0, 0.0])
        return share * sees + (1 - share) * coin(bars, round(100 * share))

    found = EventSimulator().sweep(BARS, foresight, {"share": [0.0, 0.1, 0.3, 0.9]})
    assert found.pbo(8).pbo == 0.0
    assert found.reality_check(n_samples=200).spa_consistent == 0.0
    assert found.deflated_sharpe().dsr > 0.99


def test_a_benchmark_of_a_sweep_has_a_return_a_step() -> None:
    holding = EventSimulator().run_targets(BARS, np.ones(400), kind="weight").returns
    assert 0 <= swept(5).reality_check(holding, n_samples=50).spa_consistent <= 1
    with pytest.raises(ShapeError, match="one return a step"):
        swept(5).reality_check(holding[1:])


def test_importing_the_simulator_does_not_load_the_ledger(tmp_path: Path) -> None:
    code = (
        "import sys, omni_lab.simulator\n"
        "print(*sorted({'sqlite3', 'omni_lab.store', 'omni_lab.store.trials'} & set(sys.modules)))\n"
        "import omni_lab.store.trials\n"
        "print(*sorted({'omni_lab.store.ticks', 'omni_lab.store.duckdb_store'} & set(sys.modules)))"
    )
    environment = {**os.environ, HOME_VARIABLE: str(tmp_path)}
    loaded = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment
    )
    assert loaded.stdout == "\n\n"
