"""Bars: what is accepted, what is refused and how, and that they never change."""

import copy
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest

from omni_lab.data import Bars
from omni_lab.domain import Instrument
from omni_lab.errors import ConfigError, DataError, SchemaError, ShapeError, UnknownSymbolError
from omni_lab.typing import FloatArray

DAY_NS = 86_400 * 10**9
DAYS = np.arange("2024-01-01", "2024-01-06", dtype="datetime64[D]")
CLOSE = np.array([10.0, 11.0, 12.0, 11.0, 10.0])


def bars(prices: FloatArray = CLOSE, *, ts: Any = DAYS, **changed: Any) -> Bars:
    """Bars one unit high around their close, with some columns changed."""
    columns = {"open": prices, "high": prices + 1, "low": prices - 1, "close": prices, **changed}
    return Bars.from_arrays(ts, **columns)


def with_cell(row: int, value: float) -> FloatArray:
    changed = CLOSE.copy()
    changed[row] = value
    return changed


# ---- What they hold ----------------------------------------------------------------------------


def test_bars_know_their_shape_times_and_columns() -> None:
    made = bars(volume=np.arange(5))
    assert (made.n_times, made.n_symbols, len(made)) == (5, 1, 5)
    assert made.symbols == ("BARS",)
    assert made.ts.tolist() == DAYS.astype("datetime64[ns]").astype(np.int64).tolist()
    assert (made.has_ohlc, made.has_volume) == (True, True)
    assert np.asarray(made.high())[:, 0].tolist() == [11, 12, 13, 12, 11]
    assert np.asarray(made.volume())[:, 0].tolist() == [0, 1, 2, 3, 4]
    assert repr(made) == "Bars(BARS: 5 steps of bars, 2024-01-01T00:00 to 2024-01-05T00:00)"


def test_closes_alone_have_nothing_else() -> None:
    made = Bars.from_closes(DAYS, CLOSE)
    assert (made.has_ohlc, made.has_volume) == (False, False)
    assert (made.open(), made.high(), made.low(), made.volume()) == (None, None, None, None)
    assert "closes" in repr(made)


def test_a_panel_has_a_column_for_each_instrument_and_nan_where_there_is_no_bar() -> None:
    close = np.column_stack([CLOSE, with_cell(2, np.nan)])
    made = bars(close, symbols=["A", "B"])
    assert made.symbols == ("A", "B")
    assert np.isnan(made.close()).tolist() == [[False, row == 2] for row in range(5)]
    assert np.isnan(np.asarray(made.high())[2, 1])


def test_names_come_from_the_instruments_or_are_made_up() -> None:
    two = np.column_stack([CLOSE, CLOSE])
    assert bars(two).symbols == ("S0", "S1")
    named = bars(two, instruments=[Instrument("A", lot_size=0.5), Instrument("B", currency="EUR")])
    assert named.symbols == ("A", "B")
    assert [each.lot_size for each in named.instruments] == [0.5, 1.0]
    assert named.instruments[1].currency == "EUR"
    partly = bars(two, symbols=["A", "B"], instruments={"B": Instrument("B", tick_size=0.5)})
    assert [each.tick_size for each in partly.instruments] == [0.01, 0.5]


@pytest.mark.parametrize(
    ("prices", "tick"),
    [
        ([100.0, 101.0], 0.01),
        ([100.07, 100.5], 0.01),
        ([1.57597, 1.576], 1e-5),
        ([1228.099976, 1244.780029], 1e-6),
        ([1 / 3, 2 / 3], 1e-9),
    ],
)
def test_the_tick_is_the_coarsest_decimal_on_which_all_prices_lie(prices: list[float], tick: float) -> None:
    made = Bars.from_closes(DAYS[:2], prices)
    assert made.instruments[0].tick_size == tick
    if tick > 1e-9:
        assert made.close()[:, 0].tolist() == prices
        assert made.off_grid == 0


def test_prices_are_rounded_to_a_stated_tick_and_counted() -> None:
    made = Bars.from_closes(DAYS[:3], [100.0, 100.02, 100.03], instruments=[Instrument("X", tick_size=0.05)])
    assert made.close()[:, 0].tolist() == [100.0, 100.0, 100.05]
    assert made.off_grid == 2


def test_what_bars_hand_out_cannot_change_them() -> None:
    made = bars()
    before = made.fingerprint
    made.close()[:] = 0.0
    with pytest.raises(ValueError, match="read-only"):
        made.ts[0] = 0
    prices = CLOSE.copy()
    other = bars(prices)
    prices[:] = 99.0
    assert made.close()[:, 0].tolist() == other.close()[:, 0].tolist() == CLOSE.tolist()
    assert Bars.from_frame(made.to_pandas()).fingerprint == before


# ---- Times -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ts",
    [
        DAYS,
        DAYS.astype("datetime64[s]"),
        DAYS.astype("datetime64[ns]").astype(np.int64),
        list(DAYS),
        pd.DatetimeIndex(DAYS),
        pd.DatetimeIndex(DAYS).tz_localize("UTC").tz_convert("America/New_York"),
        pd.Series(pd.DatetimeIndex(DAYS).tz_localize("UTC").tz_convert("Europe/Berlin")),
    ],
)
def test_times_of_any_kind_are_the_same_times(ts: Any) -> None:
    assert bars(ts=ts).fingerprint == bars().fingerprint


@pytest.mark.parametrize(
    ("rows", "words", "row"),
    [
        (
            [0, 2, 1, 3, 4],
            "times must increase: found '2024-01-02T00:00:00', expected a time after 2024-01-03",
            2,
        ),
        ([0, 1, 1, 3, 4], "two bars have the same time: found '2024-01-02T00:00:00'", 2),
        ([4, 3, 2, 1, 0], "times must increase: found '2024-01-04T00:00:00'", 1),
    ],
)
def test_disorder_names_the_row_and_both_times(rows: list[int], words: str, row: int) -> None:
    with pytest.raises(DataError, match=words) as refused:
        bars(ts=DAYS[rows])
    assert refused.value.where == f"row {row} of ts"
    assert "Sort" in str(refused.value)


def test_a_missing_time_names_its_row() -> None:
    ts = DAYS.astype("datetime64[ns]")
    ts[3] = "NaT"
    with pytest.raises(DataError, match="a time is missing") as refused:
        bars(ts=ts)
    assert refused.value.where == "row 3 of ts"


@pytest.mark.parametrize(
    ("ts", "looks_like"),
    [
        (DAYS.astype("datetime64[s]").astype(np.int64), "seconds"),
        (DAYS.astype("datetime64[ms]").astype(np.int64), "milliseconds"),
        (DAYS.astype("datetime64[us]").astype(np.int64), "microseconds"),
        (np.arange(20240101, 20240106), "YYYYMMDD"),
        (-np.arange(3, 8)[::-1] * 86_400 * 365, "seconds"),
    ],
)
def test_integers_of_another_unit_are_refused_and_recognised(ts: Any, looks_like: str) -> None:
    with pytest.raises(DataError, match=f"must be nanoseconds.*look like .*{looks_like}"):
        bars(ts=ts)


@pytest.mark.parametrize("first", ["1969-12-30", "1970-01-01", "1970-01-02"])
def test_days_about_1970_are_taken_at_their_word(first: str) -> None:
    ts = (np.datetime64(first) + np.arange(5)).astype("datetime64[ns]").astype(np.int64)
    assert bars(ts=ts).ts.tolist() == ts.tolist()


def test_counters_are_taken_for_nanoseconds() -> None:
    assert bars(ts=np.arange(5)).ts.tolist() == [0, 1, 2, 3, 4]


def test_a_slice_of_fine_times_about_1970_can_still_be_taken() -> None:
    ts = np.arange(-2, 3) * DAY_NS * 200 + 1
    assert bars(ts=ts).slice(2, 3).ts.tolist() == [1]


@pytest.mark.parametrize("year", ["1500", "3000"])
def test_a_time_beyond_nanoseconds_is_refused_instead_of_wrapped_around(year: str) -> None:
    ts = np.array(["2024-01-01", year], dtype="datetime64[s]")
    with pytest.raises(DataError, match=f"found '{year}-01-01T00:00:00', expected a year from 1678 to 2261"):
        bars(CLOSE[:2], ts=ts)


@pytest.mark.parametrize(
    ("ts", "error"),
    [
        (["2024-01-01"] * 5, SchemaError),
        (np.linspace(0, 1, 5), SchemaError),
        ([None] * 5, SchemaError),
        (DAYS[:, np.newaxis], ShapeError),
        (DAYS[:3], ShapeError),
        (DAYS[:0], ShapeError),
    ],
)
def test_what_is_no_column_of_times_is_refused(ts: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="times"):
        bars(ts=ts)


# ---- Prices ------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [np.nan, 0.0, -1.0, np.inf, -np.inf])
@pytest.mark.parametrize("column", ["open", "high", "low", "close"])
def test_a_price_that_is_none_names_row_instrument_column_and_value(column: str, value: float) -> None:
    with pytest.raises(DataError, match=f"the {column} cannot be used") as refused:
        bars(**{column: with_cell(3, value)}, symbol="ABC")
    assert "row 3" in str(refused.value.where)
    assert "ABC" in str(refused.value.where)
    assert str(refused.value.found) == str(value) or refused.value.found == value
    assert refused.value.hint


@pytest.mark.parametrize("value", [np.nan, -1.0, np.inf])
def test_a_volume_that_is_none_is_refused_but_zero_is_a_volume(value: float) -> None:
    with pytest.raises(DataError, match="the volume cannot be used"):
        bars(volume=with_cell(1, value))
    assert bars(volume=with_cell(1, 0.0)).has_volume


@pytest.mark.parametrize(
    "changed", [{"high": with_cell(2, 11.5)}, {"low": with_cell(2, 12.5)}, {"open": with_cell(2, 13.5)}]
)
def test_a_high_or_low_that_does_not_hold_the_bar_is_refused(changed: Any) -> None:
    with pytest.raises(DataError, match=r"high and low do not hold.*close 12.*row 2"):
        bars(**changed)


def test_a_bar_of_a_panel_is_there_whole_or_not_at_all() -> None:
    close = np.column_stack([CLOSE, CLOSE])
    torn = close.copy()
    torn[2, 1] = np.nan
    with pytest.raises(DataError, match=r"the open cannot be used.*row 2") as refused:
        bars(close, open=torn, symbols=["A", "B"])
    assert "B" in str(refused.value.where)


def test_an_instrument_without_any_bar_is_refused() -> None:
    close = np.column_stack([CLOSE, np.full(5, np.nan)])
    with pytest.raises(DataError, match="no bar at all: found 'B'"):
        bars(close, symbols=["A", "B"])


@pytest.mark.parametrize(
    ("changed", "error", "words"),
    [
        ({"open": None}, SchemaError, "come together"),
        ({"close": CLOSE[:4]}, ShapeError, "differ in length"),
        ({"open": CLOSE[:4]}, ShapeError, "open column has 4 cells"),
        ({"volume": np.ones((5, 2))}, ShapeError, "volume column has 10 cells"),
        ({"close": np.ones((5, 1, 1))}, ShapeError, "wrong shape"),
        ({"close": ["a"] * 5}, SchemaError, "close column has the wrong type"),
        ({"volume": [True] * 5}, SchemaError, "volume column has the wrong type: found 'bool'"),
        ({"close": None}, SchemaError, "there are no closes"),
        ({"symbols": ["A", "B"]}, ShapeError, "one symbol for each column"),
        ({"symbol": " A"}, ConfigError, "spaces"),
        ({"instruments": [Instrument("A")], "symbol": "B"}, UnknownSymbolError, "found 'A'"),
        ({"instruments": [Instrument("A", tick_size=1e-18)]}, DataError, "grid"),
    ],
)
def test_columns_that_do_not_fit_together_are_refused(
    changed: Any, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        bars(**changed)


def test_a_symbol_that_stands_twice_is_refused() -> None:
    with pytest.raises(DataError, match="stands twice: found 'A'"):
        bars(np.column_stack([CLOSE, CLOSE]), symbols=["A", "A"])


def test_no_bars_at_all_are_refused() -> None:
    with pytest.raises(DataError, match="there are no bars"):
        Bars.from_closes(DAYS[:0], CLOSE[:0])


# ---- Parts of them -----------------------------------------------------------------------------


def panel() -> Bars:
    close = np.column_stack([CLOSE, with_cell(0, np.nan), np.where(np.arange(5) < 4, np.nan, CLOSE)])
    return bars(close, symbols=["A", "B", "C"])


def test_instruments_can_be_taken_out_with_the_steps_they_have() -> None:
    taken = panel().take(["B"])
    assert (taken.symbols, taken.n_times) == (("B",), 4)
    assert taken.close()[:, 0].tolist() == CLOSE[1:].tolist()
    assert panel().take(["C", "A"]).symbols == ("C", "A")
    with pytest.raises(UnknownSymbolError, match="found 'X', expected one of 'A', 'B', 'C'"):
        panel().take(["A", "X"])


def test_a_slice_leaves_out_instruments_without_a_bar_in_it() -> None:
    part = panel().slice(1, 3)
    assert (part.symbols, part.n_times) == (("A", "B"), 2)
    assert part.close().tolist() == [[11.0, 11.0], [12.0, 12.0]]
    assert panel().slice(0, 5).fingerprint == panel().fingerprint


def test_a_part_keeps_its_tick_grid() -> None:
    fine = Bars.from_closes(DAYS[:3], [10.0, 10.001, 11.0])
    assert fine.slice(2, 3).instruments[0].tick_size == fine.instruments[0].tick_size == 0.001


# ---- Identity ----------------------------------------------------------------------------------


def test_any_difference_shows_in_the_fingerprint() -> None:
    different = [
        bars(),
        bars(with_cell(4, 10.01)),
        bars(high=CLOSE + 2),
        bars(volume=CLOSE),
        bars(symbol="OTHER"),
        bars(ts=DAYS + 1),
        bars(instruments=[Instrument("BARS", tick_size=0.001)]),
        bars(instruments=[Instrument("BARS", lot_size=0.1)]),
        bars().slice(0, 4),
        Bars.from_closes(DAYS, CLOSE),
    ]
    assert len({each.fingerprint for each in different}) == len(different)
    assert bars().fingerprint == bars().fingerprint


@pytest.mark.parametrize("duplicate", [lambda b: pickle.loads(pickle.dumps(b)), copy.copy, copy.deepcopy])
def test_copies_are_the_same_bars(duplicate: Any) -> None:
    for original in (panel(), bars(volume=CLOSE), Bars.from_closes(DAYS, CLOSE / 3)):
        other = duplicate(original)
        assert other.fingerprint == original.fingerprint
        assert other.instruments == original.instruments


def test_a_frame_of_them_makes_them_again() -> None:
    frame = panel().to_pandas()
    assert list(frame.columns) == ["ts", "symbol", "open", "high", "low", "close"]
    assert str(frame["ts"].dtype) == "datetime64[ns, UTC]"
    assert len(frame) == 5 + 4 + 1
    assert Bars.from_frame(frame).fingerprint == panel().fingerprint
    assert panel().head(2)["symbol"].tolist() == ["A", "A"]
