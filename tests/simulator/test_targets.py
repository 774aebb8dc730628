"""Arrays of targets: their shape, their labels, and what NaN means."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from omni_lab.data import Bars
from omni_lab.errors import DataError, SchemaError, ShapeError
from omni_lab.simulator import EventSimulator
from tests.simulator.market import executed, flat_bars, random_bars

SIM = EventSimulator()
NAN = np.nan


def test_row_t_is_decided_at_close_t_and_nan_decides_nothing() -> None:
    results = SIM.run_targets(flat_bars(10, 11, 12, 13, 14), [5, NAN, NAN, -5, NAN])
    assert executed(results) == [(1, "BUY", 5.0, 11.0), (4, "SELL", 10.0, 14.0)]


def test_a_weight_is_of_the_equity_and_price_of_the_decision_s_close() -> None:
    # Half of 100,000 at 50 is 1,000 shares, whatever the open that fills them.
    results = SIM.run_targets(flat_bars(50, 60, 60), [0.5, NAN, NAN], kind="weight")
    assert executed(results) == [(1, "BUY", 1000.0, 60.0)]


def test_one_column_may_come_flat() -> None:
    bars, targets = flat_bars(10, 11, 12), np.array([1.0, 2.0, 3.0])
    flat, column = (SIM.run_targets(bars, each) for each in (targets, targets[:, np.newaxis]))
    assert flat.events_sha256 == column.events_sha256


@pytest.mark.parametrize(
    ("targets", "error", "words"),
    [
        (np.ones(2), ShapeError, r"found \(2, 1\), expected \(3, 1\)"),
        (np.ones((3, 2)), ShapeError, r"found \(3, 2\), expected \(3, 1\)"),
        (np.ones((3, 1, 1)), ShapeError, r"found \(3, 1, 1\)"),
        (1.0, ShapeError, r"found \(\)"),
        (["a", "b", "c"], SchemaError, "must be numbers"),
        (None, SchemaError, "must return them"),
        ([1.0, np.inf, 1.0], DataError, "found inf.*row 1"),
        ([1.0, 1.0, 1e300], DataError, "row 2"),
    ],
)
def test_targets_that_do_not_fit_are_refused(targets: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        SIM.run_targets(flat_bars(10, 11, 12), targets)


FRAMES: list[Callable[[dict[str, list[float]]], Any]] = [pd.DataFrame, pl.DataFrame]


@pytest.mark.parametrize("frame", FRAMES)
def test_named_columns_go_to_the_instrument_of_that_name(frame: Any) -> None:
    bars = random_bars(3, 2)
    swapped = frame({"S1": [7.0, NAN, NAN], "S0": [3.0, NAN, NAN]})
    assert SIM.run_targets(bars, swapped).positions[-1].tolist() == [3.0, 7.0]


@pytest.mark.parametrize("frame", FRAMES)
def test_names_that_are_not_those_of_the_bars_are_refused(frame: Any) -> None:
    with pytest.raises(ShapeError, match=r"found \['S0', 'S2'\], expected one of 'S0', 'S1'"):
        SIM.run_targets(random_bars(1, 2), frame({"S0": [1.0], "S2": [1.0]}))


def test_columns_without_names_go_by_position() -> None:
    targets = pd.DataFrame([[3.0, 7.0], [NAN, NAN]])
    assert SIM.run_targets(random_bars(2, 2), targets).positions[-1].tolist() == [3.0, 7.0]


def test_an_index_of_times_must_be_that_of_the_bars() -> None:
    bars = flat_bars(10, 11, 12)
    right = pd.date_range("2024-01-01", periods=3, tz="UTC")
    series = pd.Series([1.0, NAN, NAN], index=right)
    assert executed(SIM.run_targets(bars, series)) == [(1, "BUY", 1.0, 11.0)]
    for wrong in (right + pd.Timedelta(days=1), right.tz_localize(None) - pd.Timedelta(hours=1)):
        with pytest.raises(DataError, match="not those of the bars"):
            SIM.run_targets(bars, series.set_axis(wrong))
    # A shorter one is not stretched.
    with pytest.raises(DataError, match="found '2 from"):
        SIM.run_targets(bars, series.iloc[:2])


def test_a_function_s_name_stands_in_the_results() -> None:
    def buy_and_hold(bars: Bars) -> Any:
        return np.ones(bars.n_times)

    results = SIM.run_backtest(buy_and_hold, flat_bars(10, 11))
    assert results.strategy == "buy_and_hold"
    said = results.manifest["strategy"]
    assert (said["name"], said["parameters"]) == ("buy_and_hold", {"kind": "weight"})
