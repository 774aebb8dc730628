"""What a notebook records is on disk under the runner, and in memory by hand."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
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


def test_files_are_saved_whole_under_their_names(tmp_path: Path) -> None:
    frame = pd.DataFrame({"symbol": ["SPX"], "gaps": [3]})
    source = tmp_path / "elsewhere.bin"
    source.write_bytes(b"\x00\x01")
    folder = tmp_path / "run"
    folder.mkdir()
    run = RunContext(folder)
    run.save("quality.parquet", frame)
    run.save("quality.csv", frame)
    run.save("indexed.csv", frame.set_index("symbol"))
    run.save("polars.parquet", pl.DataFrame({"a": [1]}))
    run.save("notes.txt", "first")
    run.save("notes.txt", "é\n")
    run.save("bytes.bin", b"\x00")
    run.save("copy.bin", source)
    pd.testing.assert_frame_equal(pd.read_parquet(folder / "quality.parquet"), frame)
    assert (
        (folder / "quality.csv").read_text() == (folder / "indexed.csv").read_text() == "symbol,gaps\nSPX,3\n"
    )
    assert pl.read_parquet(folder / "polars.parquet").to_dicts() == [{"a": 1}]
    assert (folder / "notes.txt").read_bytes() == "é\n".encode()
    assert (folder / "copy.bin").read_bytes() == b"\x00\x01"
    kept = json.loads((folder / "artifacts.json").read_text())["files"]
    assert sorted({*kept, "artifacts.json", "metrics.json"}) == sorted(path.name for path in folder.iterdir())
    assert kept.count("notes.txt") == 1


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "a/b.csv", "/etc/x", "..\\x", ".hidden", "run.json", "figures", "notebook.ipynb", "a\nb"],
)
def test_names_that_are_not_a_notebooks_own_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError):
        RunContext(tmp_path).save(name, "text")
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_is_refused_even_by_hand(tmp_path: Path) -> None:
    for name, what in (
        ("a.csv", 3),
        ("a.xlsx", pd.DataFrame()),
        ("a", pd.DataFrame()),
        ("a.csv", tmp_path / "nowhere"),
        ("a.csv", None),
    ):
        with pytest.raises(ConfigError):
            RunContext().save(name, what)
    run = RunContext()
    run.save("a.csv", "text")
    assert run.artifacts["files"] == ["a.csv"]
