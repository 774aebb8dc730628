"""Runs beside each other, drawn and made again: what is shown is what they left."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from omni_lab.config import HOME_VARIABLE
from omni_lab.data.synthetic import synthetic_bars
from omni_lab.errors import ConfigError, DataError, StateError
from omni_lab.pipelines.compare import ABSENT
from omni_lab.pipelines.folder import RunFolder
from omni_lab.pipelines.registry.records import RunRecord, record_of
from omni_lab.pipelines.runner import prepare_run
from omni_lab.pipelines.side_by_side import choice_among, side_by_side
from omni_lab.pipelines.studies.backtest import make_strategy
from omni_lab.pipelines.tearsheet import KINDS, backtest_again, tear_sheet
from omni_lab.simulator import EventSimulator, SimulationConfig

DAYS = pd.date_range("2020-01-01", periods=300, tz="UTC")


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))


def run_of(
    directory: Path,
    name: str,
    parameters: dict[str, Any],
    equity: Any = None,
    *,
    ts: Any = DAYS,
    metrics: dict[str, float] | None = None,
    **artifacts: Any,
) -> RunRecord:
    """A run of ``backtest`` with the files that one leaves."""
    folder = RunFolder(directory / name)
    folder.path.mkdir()
    folder.metrics_file.write_text(json.dumps(metrics or {}))
    folder.artifacts_file.write_text(json.dumps({"data_fingerprint": "d", **artifacts}))
    if equity is not None:
        pd.DataFrame({"ts": ts, "equity": equity}).to_parquet(folder.path / "equity.parquet")
    content = {
        "run_id": name,
        "pipeline": "backtest",
        "status": "succeeded",
        "started": "2026-01-02T03:04:05+00:00",
        "parameters": parameters,
    }
    return record_of(content, folder, settled=True)


def test_a_tear_sheet_draws_what_was_stored(tmp_path: Path) -> None:
    equity = 100.0 * np.cumprod(1.002 + np.sin(np.arange(300)) / 50.0)
    sheet = tear_sheet(run_of(tmp_path, "r", {"initial_capital": 100.0}, equity))
    np.testing.assert_array_equal(sheet.equity, equity)
    np.testing.assert_array_equal(sheet.ts, DAYS.as_unit("ns").asi8)
    assert sheet.drawdown.min() == pytest.approx(
        (equity / np.maximum.accumulate(np.r_[100.0, equity])[1:]).min() - 1
    )
    assert len(sheet.worst) == 5
    for kind in KINDS:
        assert sheet.draw(kind, theme="dark").alt


def test_what_left_no_equity_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"left no equity.*equity\.parquet"):
        tear_sheet(run_of(tmp_path, "r", {}))
    broken = run_of(tmp_path, "s", {}, np.ones(300))
    (broken.folder.path / "equity.parquet").write_bytes(b"no")
    with pytest.raises(DataError, match="cannot be read"):
        tear_sheet(broken)


def test_runs_are_held_against_the_first(tmp_path: Path) -> None:
    a = run_of(tmp_path, "a", {"x": 1, "y": 2}, np.full(300, 5.0), metrics={"sharpe_ratio": 1.0, "odd": 1.0})
    b = run_of(
        tmp_path,
        "b",
        {"x": 1.0, "y": 2, "z": 3},
        np.full(200, 7.0),
        ts=DAYS[:200],
        metrics={"sharpe_ratio": 0.5},
    )
    c = run_of(tmp_path, "c", {"x": 1, "y": 2}, metrics={"sharpe_ratio": 2.0})
    found = side_by_side([a, b, c])
    assert found.parameters == {"x": (1, 1.0, 1), "z": (ABSENT, 3, ABSENT)}
    assert found.metrics == {"sharpe_ratio": (1.0, 0.5, 2.0)}
    assert found.deltas("sharpe_ratio") == (0.0, -0.5, 1.0)
    assert set(found.equity) == {"a", "b"}
    assert np.isnan(found.equity["b"][200:]).all()
    assert "c" in found.notes[0]
    assert found.plot().alt == "A made the most of 2 runs: 0.0%"
    for wrong in ([a], [a, a], [a] * 6):
        with pytest.raises(ConfigError, match="two to five"):
            side_by_side(wrong)


def test_a_choice_among_noise_is_a_coin(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    runs = [
        run_of(tmp_path, f"r{i}", {"lookback": i}, 100.0 * np.cumprod(1 + rng.normal(0, 0.01, 300)))
        for i in range(8)
    ]
    twin = run_of(tmp_path, "twin", {"lookback": 3}, np.full(300, 1.0))
    other = run_of(tmp_path, "other", {"lookback": 9}, np.full(300, 1.0), data_fingerprint="e")
    found = choice_among(runs[0], [*runs[1:], twin, other])
    assert found.runs == tuple(f"r{i}" for i in range(8))
    assert found.overfitting is not None
    assert 0.2 < found.overfitting.pbo <= 1.0
    alone = choice_among(other, runs)
    assert alone.overfitting is None
    assert "only backtest of these prices" in alone.why_not


def test_a_backtest_is_made_again_or_refused(tmp_path: Path) -> None:
    asked = dict(prepare_run("backtest", values={"symbol": "SYNTH", "lookback_period": 40}).settings)
    config = SimulationConfig(commission_rate=0.0002, slippage_bps=1.0, fill="next_open", seed=7)
    rule = make_strategy("momentum", {"lookback_period": 40, "entry_threshold": 1.0, "exit_threshold": 0.0})
    results = EventSimulator(config, count_trials=False).run_backtest(
        rule, synthetic_bars(seed=7), progress=False
    )
    run = run_of(tmp_path, "r", asked, results.equity, ts=results.ts, manifest=results.manifest)
    again = backtest_again(run)
    assert again.events_sha256 == results.events_sha256
    np.testing.assert_array_equal(again.equity, tear_sheet(run).equity)
    changed = run_of(tmp_path, "s", {**asked, "lookback_period": 41}, manifest=results.manifest)
    with pytest.raises(StateError, match="the same prices, other events"):
        backtest_again(changed)
    with pytest.raises(StateError, match="only a backtest that succeeded"):
        backtest_again(run_of(tmp_path, "t", asked))
