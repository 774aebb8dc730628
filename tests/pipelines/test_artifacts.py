"""What a notebook records is on disk under the runner, and in memory by hand."""

import json
from pathlib import Path

import numpy as np
import pytest

from omni_lab.errors import ConfigError
from omni_lab.pipelines import RunContext


def test_by_hand_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = RunContext()
    run.record(metrics={"sharpe_ratio": 0.5}, data_fingerprint="abc")
    assert run.metrics == {"sharpe_ratio": 0.5}
    assert run.artifacts["data_fingerprint"] == "abc"
    assert list(tmp_path.iterdir()) == []


def test_records_add_up_and_are_on_disk_after_each(tmp_path: Path) -> None:
    run = RunContext(str(tmp_path))
    run.record(metrics={"a": np.float64(1.5), "n": 3}, warnings=["first"], headline={"A": "1.5"})
    assert json.loads((tmp_path / "metrics.json").read_text()) == {"a": 1.5, "n": 3}
    run.record(metrics={"b": 2.0}, warnings=["second"], conclusions=["done"], manifest={"seed": 7})
    assert json.loads((tmp_path / "metrics.json").read_text()) == {"a": 1.5, "n": 3, "b": 2.0}
    kept = json.loads((tmp_path / "artifacts.json").read_text())
    assert kept["warnings"] == ["first", "second"]
    assert kept["headline"] == {"A": "1.5"}
    assert kept["conclusions"] == ["done"]
    assert kept["manifest"] == {"seed": 7}


def test_what_json_cannot_hold_becomes_null(tmp_path: Path) -> None:
    RunContext(tmp_path).record(metrics={"nan": float("nan"), "inf": np.inf})
    assert json.loads((tmp_path / "metrics.json").read_text()) == {"nan": None, "inf": None}


def test_figures_are_saved(tmp_path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure()
    figure.subplots().plot([1, 2, 3])
    run = RunContext(tmp_path)
    run.record(figures={"equity": figure})
    assert (tmp_path / "figures" / "equity.png").read_bytes().startswith(b"\x89PNG")
    assert run.artifacts["figures"] == ["figures/equity.png"]


def test_a_missing_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        RunContext(tmp_path / "nowhere")
