"""Frames of pandas, polars and Arrow as bars: what is understood, and how the rest is refused."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from omni_lab.data import Bars
from omni_lab.errors import DataError, SchemaError, UnknownSymbolError

DAYS = pd.date_range("2024-01-01", periods=5, unit="ns", name="Date")
CLOSE = np.array([10.0, 11.0, 12.0, 11.0, 10.0])

Make = Callable[[pd.DataFrame], Any]
MAKERS: dict[str, Make] = {
    "pandas": lambda frame: frame,
    "polars": pl.from_pandas,
    "arrow": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
    "pandas-on-arrow": lambda frame: frame.convert_dtypes(dtype_backend="pyarrow"),
}


def wide(**changed: Any) -> pd.DataFrame:
    """One instrument, with the times in a column."""
    columns = {"open": CLOSE, "high": CLOSE + 1, "low": CLOSE - 1, "close": CLOSE, "volume": 100.0}
    return pd.DataFrame({"Date": DAYS, **columns, **changed})


def long() -> pd.DataFrame:
    """Two instruments; the second has no bar on the second day."""
    return pd.concat([wide(symbol="A"), wide(symbol="B", volume=50.0).drop(index=1)], ignore_index=True)


@pytest.fixture(params=MAKERS)
def make(request: pytest.FixtureRequest) -> Make:
    return MAKERS[request.param]


# ---- Understood --------------------------------------------------------------------------------


def test_one_instrument_is_read_from_any_library(make: Make) -> None:
    bars = Bars.from_frame(make(wide()))
    assert (bars.symbols, bars.n_times) == (("BARS",), 5)
    assert bars.ts.tolist() == DAYS.astype(np.int64).tolist()
    assert bars.close()[:, 0].tolist() == CLOSE.tolist()
    assert np.asarray(bars.volume())[:, 0].tolist() == [100.0] * 5
    assert Bars.from_frame(make(wide()), symbol="ABC").symbols == ("ABC",)


def test_many_instruments_are_read_from_any_library(make: Make) -> None:
    bars = Bars.from_frame(make(long()))
    assert bars.symbols == ("A", "B")
    assert bars.close()[:, 0].tolist() == CLOSE.tolist()
    assert np.isnan(bars.close()[:, 1]).tolist() == [False, True, False, False, False]
    assert np.asarray(bars.volume())[0].tolist() == [100.0, 50.0]


def test_one_of_many_can_be_asked_for(make: Make) -> None:
    bars = Bars.from_frame(make(long()), symbol="B")
    assert (bars.symbols, bars.n_times) == (("B",), 4)
    with pytest.raises(UnknownSymbolError, match="found 'X', expected one of 'A', 'B'"):
        Bars.from_frame(make(long()), symbol="X")


def test_rows_may_come_day_by_day_or_instrument_by_instrument() -> None:
    by_day = long().sort_values(["Date", "symbol"])
    assert Bars.from_frame(by_day).fingerprint == Bars.from_frame(long()).fingerprint
    # Instruments stand in the order in which they first appear.
    assert Bars.from_frame(by_day.iloc[[1, 0, *range(2, 9)]]).symbols == ("B", "A")


def test_a_datetime_index_serves_as_times() -> None:
    assert Bars.from_frame(wide().set_index("Date")).fingerprint == Bars.from_frame(wide()).fingerprint


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "America/New_York", "Europe/Berlin", "Asia/Kolkata"])
def test_times_of_any_unit_and_zone_are_understood(unit: Any, zone: str | None) -> None:
    """As an index and as a column, in every library; naive times are UTC."""
    times = DAYS.as_unit(unit)
    moments = times if zone is None else times.tz_localize(zone)
    expected = moments.tz_localize("UTC") if zone is None else moments
    frame = wide(Date=moments)
    for given in (frame, frame.set_index("Date"), *(make(frame) for make in MAKERS.values())):
        assert Bars.from_frame(given).ts.tolist() == expected.as_unit("ns").astype(np.int64).tolist()


def test_dates_without_a_time_are_midnights() -> None:
    dates = pa.array(DAYS.date)
    for frame in (pa.table({"date": dates, "close": CLOSE}), pl.DataFrame({"date": dates, "close": CLOSE})):
        assert Bars.from_frame(frame).ts.tolist() == DAYS.astype(np.int64).tolist()


@pytest.mark.parametrize("rename", [str.upper, str.lower, str.title, lambda name: f" {name} "])
def test_columns_may_be_written_in_any_case(rename: Any) -> None:
    assert Bars.from_frame(wide().rename(columns=rename)).fingerprint == Bars.from_frame(wide()).fingerprint
    assert Bars.from_frame(long().rename(columns=rename)).symbols == ("A", "B")


@pytest.mark.parametrize("name", ["ts", "time", "Timestamp", "DATETIME", "date"])
def test_times_go_by_several_names(name: str) -> None:
    assert len(Bars.from_frame(wide().rename(columns={"Date": name}))) == 5


@pytest.mark.parametrize("name", ["symbol", "Ticker", "NAME"])
def test_symbols_go_by_several_names(name: str) -> None:
    assert Bars.from_frame(long().rename(columns={"symbol": name})).symbols == ("A", "B")


def test_a_symbol_column_has_precedence_over_a_ticker_and_that_over_a_name() -> None:
    frame = wide(name="Alphabet Inc.", ticker="GOOGL")
    assert Bars.from_frame(frame).symbols == ("GOOGL",)
    assert Bars.from_frame(frame.assign(symbol="GOOGL.OQ")).symbols == ("GOOGL.OQ",)


@pytest.mark.parametrize("kind", ["category", "object", "str", "string[pyarrow]"])
def test_symbols_may_be_text_of_any_kind(kind: str) -> None:
    frame = long().astype({"symbol": kind})
    assert Bars.from_frame(frame).symbols == ("A", "B")
    assert Bars.from_frame(pl.from_pandas(frame)).symbols == ("A", "B")
    assert Bars.from_frame(pa.Table.from_pandas(frame)).symbols == ("A", "B")


def test_numbers_serve_as_symbols() -> None:
    assert Bars.from_frame(long().assign(symbol=[600519] * 5 + [700] * 4)).symbols == ("600519", "700")


@pytest.mark.parametrize("kind", ["int64", "float32", "Int64", "Float64", "int64[pyarrow]"])
def test_prices_may_be_numbers_of_any_kind(kind: str) -> None:
    frame = wide().astype({"close": kind})
    assert Bars.from_frame(frame).close()[:, 0].tolist() == CLOSE.tolist()


def test_decimals_are_numbers() -> None:
    table = MAKERS["arrow"](wide())
    column = pa.array(CLOSE).cast(pa.decimal128(38, 18))
    decimal = table.set_column(table.column_names.index("close"), "close", column)
    for frame in (decimal, pl.from_arrow(decimal)):
        assert Bars.from_frame(frame).close()[:, 0].tolist() == CLOSE.tolist()


def test_open_high_and_low_that_are_all_missing_leave_closes(make: Make) -> None:
    without = Bars.from_frame(make(wide()[["Date", "close"]]))
    empty = Bars.from_frame(make(wide(open=np.nan, high=np.nan, low=np.nan, volume=np.nan)))
    assert (without.has_ohlc, without.has_volume) == (False, False)
    assert empty.fingerprint == without.fingerprint


def test_other_columns_are_not_in_the_way(make: Make) -> None:
    frame = make(wide(**{"Adj Close": CLOSE / 2, "dividends": 0.0, "comment": "x"}))
    assert Bars.from_frame(frame).fingerprint == Bars.from_frame(wide()).fingerprint


# ---- Refused -----------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", ["open", "high", "low", "close"])
def test_a_missing_column_is_named(make: Make, missing: str) -> None:
    with pytest.raises(SchemaError, match=f"a column is missing: found .*expected {missing}") as refused:
        Bars.from_frame(make(wide().drop(columns=missing)))
    assert refused.value.where == "the frame"


def test_a_frame_without_times_says_which_names_would_do(make: Make) -> None:
    with pytest.raises(SchemaError, match=r"no times.*expected a column named ts, time, timestamp"):
        Bars.from_frame(make(wide().drop(columns="Date")))


@pytest.mark.parametrize(
    "index",
    [pd.RangeIndex(5), DAYS.astype(str), DAYS.to_period("D"), pd.MultiIndex.from_product([["A"], DAYS])],
)
def test_an_index_that_is_no_index_of_times_is_named(index: Any) -> None:
    with pytest.raises(SchemaError, match="no times") as refused:
        Bars.from_frame(wide().drop(columns="Date").set_axis(index))
    assert type(index).__name__ in str(refused.value.where)
    assert "reset_index()" in str(refused.value)


@pytest.mark.parametrize("times", [DAYS.astype(str), list(DAYS.date), np.linspace(0, 1, 5)])
def test_times_that_were_never_parsed_are_refused_with_advice(times: Any) -> None:
    with pytest.raises(SchemaError, match=r"times have the wrong type.*in Date.*pandas\.to_datetime"):
        Bars.from_frame(wide(Date=times))


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
def test_epochs_of_another_unit_are_refused(make: Make, unit: Any) -> None:
    epochs = DAYS.as_unit(unit).astype(np.int64)
    with pytest.raises(DataError, match="must be nanoseconds since 1970") as refused:
        Bars.from_frame(make(wide(Date=epochs)))
    assert refused.value.where == "Date"
    assert Bars.from_frame(make(wide(Date=DAYS.astype(np.int64)))).ts[0] == DAYS[0].value


def test_a_missing_time_names_its_row(make: Make) -> None:
    with pytest.raises(DataError, match="a time is missing") as refused:
        Bars.from_frame(make(wide(Date=DAYS.where(np.arange(5) != 3))))
    assert refused.value.where == "row 3 of Date"


def test_a_missing_symbol_names_its_row(make: Make) -> None:
    symbols: Any = [*["A"] * 5, *["B"] * 2, None, "B"]
    with pytest.raises(DataError, match="a symbol is missing") as refused:
        Bars.from_frame(make(long().assign(symbol=symbols)))
    assert refused.value.where == "row 7 of symbol"


def test_symbols_of_mixed_types_are_refused() -> None:
    with pytest.raises(SchemaError, match="symbol column has the wrong type"):
        Bars.from_frame(long().assign(symbol=["A"] * 5 + [3] * 4))


@pytest.mark.parametrize("column", ["open", "close", "volume"])
@pytest.mark.parametrize("values", [["1", "2", "3", "4", "5"], [True] * 5, [1.0, "2", 3, 4, 5]])
def test_a_column_that_holds_no_numbers_is_named_with_its_type(column: str, values: Any) -> None:
    with pytest.raises(SchemaError, match=f"the {column} column has the wrong type.*expected numbers"):
        Bars.from_frame(wide(**{column: values}))


@pytest.mark.parametrize("value", [np.nan, 0.0, -1.0, np.inf])
def test_a_price_that_is_none_names_column_value_row_and_instrument(make: Make, value: float) -> None:
    prices = CLOSE - 1
    prices[2] = value
    with pytest.raises(DataError, match="the low cannot be used") as refused:
        Bars.from_frame(make(wide(low=prices)), symbol="ABC")
    assert "row 2" in str(refused.value.where)
    assert "ABC" in str(refused.value.where)


def test_a_row_that_claims_a_bar_without_a_close_is_refused(make: Make) -> None:
    frame = long()
    frame.loc[6, ["open", "high", "low", "close"]] = np.nan
    with pytest.raises(DataError, match=r"the close cannot be used.*Leave the row out") as refused:
        Bars.from_frame(make(frame))
    assert refused.value.where == "row 6, 'B' at 2024-01-03T00:00:00"


def test_a_high_below_its_low_shows_the_bar(make: Make) -> None:
    with pytest.raises(DataError, match=r"open 12, high 10\.5, low 11, close 12"):
        Bars.from_frame(make(wide(high=np.where(np.arange(5) == 2, 10.5, CLOSE + 1))))


@pytest.mark.parametrize(
    ("rows", "what"), [([0, 2, 1, 3, 4], "must increase"), ([0, 1, 1, 3, 4], "same time")]
)
def test_disorder_names_rows_and_times(make: Make, rows: list[int], what: str) -> None:
    with pytest.raises(DataError, match=f"{what}.*2024-01-02T00:00:00.*Sort"):
        Bars.from_frame(make(wide().iloc[rows].reset_index(drop=True)))


def test_disorder_within_an_instrument_names_the_rows_of_the_frame(make: Make) -> None:
    frame = long().iloc[[0, 1, 2, 3, 4, 5, 7, 6, 8]].reset_index(drop=True)
    with pytest.raises(DataError, match="times must increase: found '2024-01-03") as refused:
        Bars.from_frame(make(frame))
    assert refused.value.where == "rows 6 and 7 of 'B'"
    twice = pd.concat([long(), long().iloc[[8]]], ignore_index=True)
    with pytest.raises(DataError, match="two bars have the same time"):
        Bars.from_frame(make(twice))


def test_an_empty_frame_is_refused(make: Make) -> None:
    for frame in (wide(), long()):
        with pytest.raises(DataError, match="there are no bars"):
            Bars.from_frame(make(frame.iloc[:0]))


def test_columns_of_several_levels_are_refused_with_advice() -> None:
    levels = pd.concat({"AAPL": wide().set_index("Date")}, axis=1)
    for frame in (levels, levels.swaplevel(axis=1)):
        with pytest.raises(SchemaError, match=r"several levels.*DataFrame\.stack"):
            Bars.from_frame(frame)


def test_a_name_that_stands_twice_is_refused() -> None:
    with pytest.raises(SchemaError, match="two columns have the same name: found 'Close'"):
        Bars.from_frame(wide(Close=CLOSE))
    with pytest.raises(SchemaError, match="two columns have the same name"):
        Bars.from_frame(pd.concat([wide(), wide()[["close"]]], axis=1))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (None, "found 'NoneType'"),
        ({"close": CLOSE}, "found 'dict'"),
        (CLOSE, "found 'ndarray'"),
        (wide()["close"], "found 'Series'"),
        ("SPY", "Pass symbol="),
        (pl.from_pandas(wide()).lazy(), r"Collect it first"),
    ],
)
def test_what_is_no_frame_is_refused(given: Any, words: str) -> None:
    with pytest.raises(SchemaError, match=f"bars must be a frame.*{words}"):
        Bars.from_frame(given)


# ---- Real data, and much of it ----------------------------------------------------------------


def test_real_minute_bars_are_read_as_they_are(test_data: Path) -> None:
    frame = pd.read_csv(test_data / "intraday/fxcm_gbpusd_m1_bid_2012.csv.gz", parse_dates=["timestamp"])
    bars = Bars.from_frame(frame, symbol="GBPUSD")
    assert (bars.n_times, bars.instruments[0].tick_size, bars.off_grid) == (len(frame), 1e-5, 0)
    assert bars.close()[:, 0].tolist() == frame["close"].tolist()


def test_real_daily_bars_of_many_instruments_are_read_as_they_are(test_data: Path) -> None:
    files = sorted((test_data / "prices_daily/djia30_ohlcv").glob("*.csv.gz"))
    frame = pd.concat([pd.read_csv(file, parse_dates=["Date"]) for file in files], ignore_index=True).dropna()
    whole = frame["High"].ge(frame[["Open", "Close", "Low"]].max(axis=1)) & frame["Low"].le(
        frame[["Open", "Close"]].min(axis=1)
    )
    # Some of these bars lie: their open is outside their range. They are refused, not mended.
    assert not whole.all()
    with pytest.raises(DataError, match="high and low do not hold"):
        Bars.from_frame(frame)
    bars = Bars.from_frame(frame[whole])
    assert bars.n_symbols == len(files)
    assert np.count_nonzero(~np.isnan(bars.close())) == whole.sum()


def test_a_million_rows_in_a_zone_are_read_within_a_second() -> None:
    times = pd.date_range("2015-01-01", periods=500_000, freq="min", tz="America/New_York")
    close = np.full(500_000, 100.0)
    frame = pd.DataFrame({"ts": np.repeat(times, 2), "symbol": np.tile(["A", "B"], 500_000)})
    frame["close"] = np.repeat(close, 2)
    Bars.from_frame(frame.head(10))
    started = time.process_time()
    bars = Bars.from_frame(frame)
    assert time.process_time() - started < 3.0  # a conversion row by row takes ten
    assert bars.n_times == 500_000
