"""The edge: which bars are repaired and how, and which are refused."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from omni_lab.data.checks import BAR_COLUMNS, check_bars, closing_times
from omni_lab.errors import DataError, SchemaError


def bars(**changed: Any) -> pd.DataFrame:
    """Three good bars of one symbol, with columns replaced."""
    columns: dict[str, Any] = {
        "ts": pd.to_datetime(["2020-01-02 21:00", "2020-01-03 21:00", "2020-01-06 21:00"]),
        "symbol": "A",
        "open": [10.0, 11.0, 12.0],
        "high": [11.0, 12.0, 13.0],
        "low": [9.0, 10.0, 11.0],
        "close": [10.5, 11.5, 12.5],
        "volume": [100, 200, 300],
    }
    return pd.DataFrame(columns | changed)


def test_good_bars_pass_unchanged() -> None:
    checked = check_bars(bars())
    assert list(checked.frame.columns) == list(BAR_COLUMNS)
    assert str(checked.frame["ts"].dtype) == "datetime64[ns, UTC]"
    assert checked.frame["close"].tolist() == [10.5, 11.5, 12.5]
    assert checked.frame["adj_close"].isna().all()
    assert checked.repairs.empty
    assert checked.notes == ()


def test_a_row_without_a_price_is_dropped_and_listed() -> None:
    nan = float("nan")
    checked = check_bars(
        bars(open=[10.0, nan, 12.0], high=[11.0, nan, 13.0], low=[9.0, nan, 11.0], close=[10.5, nan, 12.5])
    )
    assert checked.frame["close"].tolist() == [10.5, 12.5]
    assert checked.counts() == {"A": {"missing_price": 1}}
    assert checked.repairs["ts"].tolist() == [pd.Timestamp("2020-01-03 21:00", tz="UTC")]


def test_an_incomplete_bar_is_dropped_and_listed() -> None:
    n = 40
    opens = np.full(n, 10.0)
    opens[5] = np.nan
    frame = pd.DataFrame(
        {
            "ts": pd.date_range("2020-01-01 21:00", periods=n, freq="D"),
            "symbol": "A",
            "open": opens,
            "high": 11.0,
            "low": 9.0,
            "close": 10.0,
        }
    )
    checked = check_bars(frame)
    assert len(checked.frame) == n - 1
    assert checked.counts() == {"A": {"incomplete_bar": 1}}


def test_too_many_incomplete_bars_are_refused() -> None:
    with pytest.raises(DataError, match=r"too many bars lack .* found '1 of 3'"):
        check_bars(bars(open=[10.0, float("nan"), 12.0]))


def test_a_range_is_widened_to_hold_open_and_close_and_listed() -> None:
    checked = check_bars(bars(open=[11.2, 11.0, 12.0], close=[10.5, 9.9, 12.5]))
    assert checked.frame["high"].tolist() == [11.2, 12.0, 13.0]
    assert checked.frame["low"].tolist() == [9.0, 9.9, 11.0]
    assert checked.counts() == {"A": {"widen_range": 2}}
    listed = checked.repairs[["column", "before", "after"]].to_numpy().tolist()
    assert listed == [["high", 11.0, 11.2], ["low", 10.0, 9.9]]


def test_a_price_far_outside_its_range_is_refused() -> None:
    with pytest.raises(DataError, match=r"more than 5% outside .* A at 2020-01-02T21:00:00Z") as caught:
        check_bars(bars(open=[110.0, 11.0, 12.0]))
    assert caught.value.found == 110.0


def test_interleaved_symbols_become_blocks_in_order_of_appearance() -> None:
    frame = bars(symbol=["B", "A", "B"])
    assert check_bars(frame).frame["symbol"].tolist() == ["B", "B", "A"]


def test_closes_alone_are_enough() -> None:
    checked = check_bars(bars()[["ts", "symbol", "close"]])
    assert checked.frame[["open", "high", "low", "volume"]].isna().all(axis=None)


def test_columns_go_by_other_names_and_capitals() -> None:
    frame = bars().rename(columns={"ts": "Date", "symbol": "Ticker", "close": "Close"})
    assert check_bars(frame.assign(**{"Adj Close": 5.0})).frame["adj_close"].tolist() == [5.0, 5.0, 5.0]


def test_an_index_of_times_serves_as_ts() -> None:
    assert len(check_bars(bars().set_index("ts")).frame) == 3


def test_times_in_another_zone_become_utc() -> None:
    local = pd.to_datetime(["2020-01-02 16:00", "2020-01-03 16:00", "2020-07-06 16:00"])
    checked = check_bars(bars(ts=local.tz_localize("America/New_York")))
    assert checked.frame["ts"].dt.hour.tolist() == [21, 21, 20]


def test_dates_become_their_sessions_close() -> None:
    checked = check_bars(
        bars(ts=["2020-01-02", "2020-07-02", "2020-07-03"]), daily_close="16:00 America/New_York"
    )
    assert checked.frame["ts"].dt.hour.tolist() == [21, 20, 20]
    assert checked.notes == ()


def test_dates_left_at_midnight_are_noted() -> None:
    assert "midnight" in check_bars(bars(ts=["2020-01-02", "2020-01-03", "2020-01-06"])).notes[0]


@pytest.mark.parametrize("daily_close", ["4pm", "25:00 UTC", "16:00 Mars/Olympus", "16:00"])
def test_a_close_that_is_no_time_and_zone_is_refused(daily_close: str) -> None:
    with pytest.raises(DataError, match="daily_close cannot be read"):
        closing_times(np.array([0]), daily_close)


def test_a_daily_close_for_times_of_day_is_refused() -> None:
    with pytest.raises(DataError, match="has a time of day"):
        check_bars(bars(), daily_close="16:00 America/New_York")


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"close": [10.5, 0.0, 12.5]}, DataError, r"close that is not positive: found 0.0.*column 'close'"),
        ({"open": [10.0, -1.0, 12.0]}, DataError, "open that is not positive"),
        ({"high": [11.0, float("inf"), 13.0]}, DataError, "high that is infinite"),
        ({"volume": [1.0, -2.0, 3.0]}, DataError, "volume that is negative"),
        ({"low": [9.0, 12.5, 11.0]}, DataError, r"high that is below the low.*A at 2020-01-03T21:00:00Z"),
        ({"close": [10.5, float("nan"), float("nan")]}, DataError, "too many bars"),
        ({"adj_close": [10.5, float("nan"), 12.5]}, DataError, "no adjusted close"),
        ({"adj_close": [10.5, -1.0, 12.5]}, DataError, "adj_close that is not positive"),
        ({"close": ["a", "b", "c"]}, SchemaError, "column of numbers has the wrong type"),
        ({"close": [True, False, True]}, SchemaError, "column of numbers has the wrong type"),
        ({"ts": [1, 2, 3]}, SchemaError, "times have the wrong type"),
        ({"ts": ["2020-01-02", "hello", "2020-01-03"]}, DataError, "not ISO 8601"),
        ({"ts": ["1/2/2020", "1/3/2020", "1/4/2020"]}, DataError, "not ISO 8601"),
        (
            {"ts": np.array(["2020-01-02", "NaT", "2020-01-03"], dtype="datetime64[ns]")},
            DataError,
            "1 times are missing.*row 1",
        ),
        ({"ts": pd.to_datetime(["2020-01-02"] * 3)}, DataError, "the same time"),
        ({"ts": pd.to_datetime(["2020-01-02", "2020-01-04", "2020-01-03"])}, DataError, "Sort them"),
        ({"ts": np.array(["2020", "2021", "3020"], dtype="datetime64[s]")}, DataError, "int64 nanoseconds"),
        ({"symbol": ["A", None, "A"]}, DataError, "1 rows have no symbol.*row 1"),
        ({"symbol": ["A", " A", "A"]}, DataError, "symbol must be printable"),
        ({"dividend": [0.0, 0.0, 0.0]}, SchemaError, "unknown column: found 'dividend'"),
        ({"Close": [1.0, 1.0, 1.0]}, SchemaError, "two columns for 'close'"),
        ({"open": [float("nan")] * 3}, SchemaError, "some of open, high and low but not all"),
    ],
)
def test_what_cannot_be_relied_on_is_refused_with_its_place(
    changed: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        check_bars(bars(**changed))


@pytest.mark.parametrize("absent", ["ts", "symbol", "close"])
def test_a_missing_column_is_named(absent: str) -> None:
    with pytest.raises(SchemaError, match=f"no column for '{absent}'"):
        check_bars(bars().drop(columns=absent))


def test_no_bars_are_refused() -> None:
    with pytest.raises(DataError, match="there are no bars"):
        check_bars(bars().head(0))


def test_something_else_than_a_frame_is_refused() -> None:
    with pytest.raises(SchemaError, match="found 'list'"):
        check_bars([1, 2, 3])  # type: ignore[arg-type]  # the mistake under test
