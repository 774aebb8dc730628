"""What differs between two runs is told, and nothing else; files that are absent or broken cost a note."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from omni_lab.pipelines.compare import ABSENT, RunDiff, compare_runs
from omni_lab.pipelines.folder import RunFolder
from omni_lab.pipelines.registry import RunRecord

DAYS = pd.date_range("2026-01-01", periods=6, tz="UTC")
EQUITY = [100.0, 110.0, 121.0, 115.0, 130.0, 140.0]
TRADES = pd.DataFrame(
    {
        "symbol": ["SPX", "SPX", "SPX"],
        "ts_entry": DAYS[[0, 2, 4]],
        "qty": [1.0, 2.0, 2.0],
        "pnl": [5.0, -1.5, 3.0],
    }
)
WEIGHTS = pd.DataFrame(
    {"ts": DAYS[[0, 0, 3, 3]], "symbol": ["A", "B", "A", "B"], "weight": [0.5, 0.5, 0.25, 0.75]}
)


def record(
    directory: Path, name: str, *, metrics: dict[str, float | None] | None = None, **content: Any
) -> RunRecord:
    folder = directory / f"20260101-12000{name}-toy-{name * 8}"
    folder.mkdir(exist_ok=True)
    return RunRecord(
        run_id=folder.name,
        pipeline="toy",
        status="succeeded",
        folder=RunFolder(folder),
        content=content,
        metrics=metrics or {},
    )


def write(run: RunRecord, **frames: pd.DataFrame) -> None:
    for name, frame in frames.items():
        frame.to_parquet(run.folder.path / f"{name}.parquet")


@pytest.fixture
def two(tmp_path: Path) -> tuple[RunRecord, RunRecord]:
    """Two runs that left the same."""
    facts: dict[str, Any] = {
        "parameters": {"symbol": "SPX", "lookback": 20},
        "versions": {"numpy": "2.4"},
        "metrics": {"sharpe_ratio": 0.5, "n_trades": 3.0, "skew": None},
    }
    runs = record(tmp_path, "1", **facts), record(tmp_path, "2", **facts)
    for run in runs:
        write(run, equity=pd.DataFrame({"ts": DAYS, "equity": EQUITY}), trades=TRADES, weights=WEIGHTS)
    return runs


def test_equal_runs_have_no_difference(two: tuple[RunRecord, RunRecord]) -> None:
    diff = compare_runs(*two)
    assert diff.same_results
    assert (diff.parameters, diff.made_with, diff.notes) == ({}, {}, ())
    assert str(diff).endswith("The results are the same bit for bit.")
    assert "the same" in diff.plot().alt


def test_parameters_and_what_it_was_made_with_are_told_where_they_differ(tmp_path: Path) -> None:
    a = record(
        tmp_path, "1", parameters={"x": 1, "y": 2, "z": 1}, data_fingerprint="a" * 64, versions={"numpy": "1"}
    )
    b = record(tmp_path, "2", parameters={"x": 1, "y": 3, "z": True, "w": None}, data_fingerprint="b" * 64)
    diff = compare_runs(a, b)
    assert diff.parameters == {"y": (2, 3), "z": (1, True), "w": (ABSENT, None)}
    assert diff.made_with == {"data_fingerprint": ("a" * 64, "b" * 64), "numpy": ("1", ABSENT)}
    text = str(diff)
    assert "a" * 16 in text
    assert "a" * 17 not in text, "a hash is cut where it tells enough"


def test_the_last_bit_of_a_metric_is_a_difference(tmp_path: Path) -> None:
    a = record(tmp_path, "1", metrics={"sharpe_ratio": 0.1 + 0.2, "n_trades": 3.0})
    b = record(tmp_path, "2", metrics={"sharpe_ratio": 0.3, "n_trades": 3.0, "skew": None})
    diff = compare_runs(a, b)
    assert not diff.same_results
    assert [each.name for each in diff.metrics if each.differs] == ["sharpe_ratio"]
    assert "0.30000000000000004" in str(diff), "rounded, both would look alike"
    assert diff.metrics[0].delta == pytest.approx(-5.55e-17, rel=0.01)


def test_a_metric_that_one_lacks_is_a_difference(tmp_path: Path) -> None:
    diff = compare_runs(record(tmp_path, "1", metrics={"a": 1.0}), record(tmp_path, "2", metrics={"a": None}))
    assert diff.metrics[0].size == math.inf
    assert "1 of 1 metrics" in str(diff)


def test_equities_part_where_they_first_differ(two: tuple[RunRecord, RunRecord]) -> None:
    write(two[1], equity=pd.DataFrame({"ts": DAYS[1:], "equity": [110.0, 121.0, 115.5, 120.0, 100.0]}))
    diff = compare_runs(*two)
    assert diff.equity is not None
    assert np.isnan(diff.equity.b[0]), "it had not begun"
    assert diff.equity.parts_at == DAYS[3].value
    assert "parts on 2026-01-04" in str(diff)
    assert "B ends −9.1%, A +40.0%; they part on 2026-01-04" in diff.plot().alt


def test_trades_are_matched_one_to_one(two: tuple[RunRecord, RunRecord]) -> None:
    write(two[1], trades=pd.concat([TRADES.iloc[:2], TRADES.iloc[:1], TRADES.iloc[2:].assign(pnl=3.5)]))
    trades = compare_runs(*two).rows["trades"]
    assert trades.n_common == 2
    assert trades.only_a["pnl"].tolist() == [3.0]
    assert sorted(trades.only_b["pnl"]) == [3.5, 5.0], "the one that is there twice, once"
    assert "Trades: 2 in both, 1 only in A, 2 only in B" in str(compare_runs(*two))


def test_weights_differ_by_symbol(two: tuple[RunRecord, RunRecord]) -> None:
    other = WEIGHTS.assign(weight=[0.5, 0.4, 0.25, 0.25])
    write(
        two[1], weights=pd.concat([other, pd.DataFrame({"ts": DAYS[[5]], "symbol": ["C"], "weight": [0.1]})])
    )
    weights = compare_runs(*two).weights
    assert weights is not None
    assert weights["largest"].to_dict() == {"B": 0.5, "C": 0.1}
    assert weights.loc["B", "when"] == DAYS[3]
    assert (weights.loc["C", "last_a"], weights.loc["C", "last_b"]) == (0.0, 0.1)


@pytest.mark.parametrize("name", ["equity", "trades", "weights"])
def test_what_only_one_left_is_noted(two: tuple[RunRecord, RunRecord], name: str) -> None:
    (two[0].folder.path / f"{name}.parquet").unlink()
    diff = compare_runs(*two)
    assert diff.notes == (f"only {two[1].run_id} left {name}.parquet",)
    assert str(diff)
    assert diff.plot().alt


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"other": [1]}),
        pd.DataFrame({"ts": ["no time"], "equity": ["no number"], "symbol": [None], "weight": ["x"]}),
        pd.DataFrame({"ts": [], "equity": [], "symbol": [], "weight": []}),
    ],
    ids=["columns", "values", "empty"],
)
def test_files_that_are_not_what_they_should_be_do_not_stop_the_rest(
    two: tuple[RunRecord, RunRecord], frame: pd.DataFrame
) -> None:
    write(two[1], equity=frame, weights=frame, trades=frame)
    diff = compare_runs(*two)
    assert str(diff)
    assert diff._repr_html_()
    assert diff.plot().alt


def test_bytes_that_are_no_parquet_are_noted(two: tuple[RunRecord, RunRecord]) -> None:
    for name in ("equity", "trades", "weights"):
        (two[1].folder.path / f"{name}.parquet").write_bytes(b"PAR1 not at all")
    assert len(compare_runs(*two).notes) == 3


def test_a_notebook_shows_it_as_tables_that_trust_nobody(tmp_path: Path) -> None:
    a, b = (record(tmp_path, name, parameters={"<b>": f"<script>{name}"}) for name in "12")
    html = compare_runs(a, b)._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;1" in html


def test_runs_without_results_say_so(tmp_path: Path) -> None:
    diff: RunDiff = compare_runs(record(tmp_path, "1"), record(tmp_path, "2"))
    assert str(diff).endswith("Neither run left results that can be compared.")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_second_run_is_told_from_the_first_by_more_than_colour(
    two: tuple[RunRecord, RunRecord], theme: str
) -> None:
    write(two[1], equity=pd.DataFrame({"ts": DAYS, "equity": [1000.0 * each for each in EQUITY[::-1]]}))
    figure = compare_runs(*two).plot(theme=theme)
    upper = figure.axes[0]
    one, other = upper.lines[:2]
    assert one.get_linestyle() != other.get_linestyle()
    assert one.get_color() != other.get_color()
    assert "times the start" in upper.get_ylabel(), "their sums are too far apart for one axis"
