"""Events: checked at the door, sliced, put together, shown."""

import datetime as dt

import numpy as np
import pytest

from omni_lab.data.events import COLUMNS, EventFlag, EventKind, Events
from omni_lab.data.feed_info import FeedInfo
from omni_lab.errors import ConfigError, DataError, SchemaError, ShapeError, UnknownSymbolError
from omni_lab.typing import AnyArray

INFO = FeedInfo(
    symbols={1: "AAPL", 2: "MSFT"},
    tick_size=1e-4,
    source="a test",
    date=dt.date(2019, 1, 30),
    zone="America/New_York",
)
HALF_PAST_NINE = INFO.moment_ns("09:30")


def sample(info: FeedInfo = INFO) -> Events:
    return Events.from_columns(
        {
            "ts": HALF_PAST_NINE + np.array([0, 1, 5, 5]),
            "kind": [EventKind.ADD, EventKind.ADD, EventKind.EXECUTE, EventKind.STATUS],
            "side": [1, 2, 2, 0],
            "instrument": [1, 2, 2, 1],
            "order_id": [7, 8, 8, 0],
            "qty": [100, 200, 50, 2],
            "price": [1_665_600, 1_050_100, 0, 0],
        },
        info,
    )


def columns(**changes: AnyArray) -> dict[str, AnyArray]:
    return {**{name: np.ones(3, dtype) for name, dtype in COLUMNS.items()}, **changes}


def test_missing_columns_are_zero_and_every_event_ends_its_packet() -> None:
    events = Events.from_columns({"ts": [1, 2], "kind": [1, 3]})
    assert events.flags.tolist() == [EventFlag.LAST, EventFlag.LAST]
    assert events.order_id.tolist() == [0, 0]
    assert {name: column.dtype for name, column in events.columns().items()} == dict(COLUMNS)


def test_columns_are_read_only() -> None:
    with pytest.raises(ValueError, match="read-only"):
        sample().qty[0] = 1


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"qty": np.ones(3)}, SchemaError, r"found 'float64', expected int64 \(in qty\)"),
        ({"price": np.ones(2, np.int64)}, ShapeError, r"found \(2,\), expected \(3,\), as ts \(in price\)"),
        (
            {"kind": np.array([1, 99, 1], np.uint8)},
            DataError,
            "no such kind of event: found 99.*row 1 of kind",
        ),
        ({"side": np.array([0, 1, 3], np.uint8)}, DataError, "no such side of event: found 3.*row 2 of side"),
    ],
)
def test_the_door_refuses_what_books_could_not_read(
    changes: dict[str, AnyArray], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        Events(**columns(**changes), info=INFO)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"ts": [1]}, "expected kind"),
        ({"ts": [1], "kind": [1], "size": [3]}, "no such column: found 'size'"),
        ({"ts": [1], "kind": [1], "qty": [0.5]}, r"found 'float64', expected int64 \(in qty\)"),
        ({"ts": [1, 2], "kind": [1, 300]}, "does not fit its column: found 300.*row 1 of kind"),
        ({"ts": [1], "kind": [1], "order_id": [-1]}, "does not fit its column: found -1"),
    ],
)
def test_columns_of_anything_are_cast_or_refused(given: dict[str, list[float]], words: str) -> None:
    with pytest.raises(SchemaError, match=words):
        Events.from_columns(given)


def test_slices_by_time_are_half_open_and_speak_the_time_of_the_venue() -> None:
    events = sample()
    assert len(events.between("09:30", HALF_PAST_NINE + 5)) == 2
    assert len(events.between(HALF_PAST_NINE + 1)) == 3
    assert len(events.between("2019-01-30T14:30", "09:30:00.000000001")) == 1
    assert len(events.between()) == 4


def test_times_that_fall_are_reported_and_slices_still_hold_what_they_say() -> None:
    events = Events.from_columns({"ts": [3, 1, 2, 0], "kind": [1, 1, 1, 1], "order_id": [1, 2, 3, 4]})
    assert events.n_backward == 2
    assert events.between(1, 3).order_id.tolist() == [2, 3]
    with pytest.raises(DataError, match=r"found 1, expected a time at or after 3 \(in event 1 of a feed\)"):
        events.require_order()
    assert sample().require_order() is not None


def test_slices_by_instrument() -> None:
    assert sample().of("MSFT").order_id.tolist() == [8, 8]
    with pytest.raises(UnknownSymbolError, match="Did you mean 'AAPL'"):
        sample().of("APPL")


def test_events_put_together_are_the_events() -> None:
    events = sample()
    again = Events.concat([events[:1], events[1:3], events[3:]])
    assert all(
        np.array_equal(a, b) for a, b in zip(again.columns().values(), events.columns().values(), strict=True)
    )
    assert [len(part) for part in events.batches(3)] == [3, 1]


def test_events_of_different_feeds_are_not_put_together() -> None:
    other = FeedInfo(symbols={1: "AAPL"}, tick_size=0.01, date=INFO.date, zone=INFO.zone)
    with pytest.raises(DataError, match="differ in tick_size"):
        Events.concat([sample(), sample(other)])
    with pytest.raises(DataError, match="two names: found 'GOOG', expected AAPL"):
        Events.concat([sample(), sample(INFO.with_symbols({1: "GOOG"}))])
    with pytest.raises(DataError, match="no events"):
        Events.concat([])


def test_a_frame_speaks_names_currency_and_utc() -> None:
    frame = sample().to_frame()
    assert frame["kind"].tolist() == ["add", "add", "execute", "status"]
    assert frame["side"].tolist() == ["buy", "sell", "sell", "none"]
    assert frame["symbol"].tolist() == ["AAPL", "MSFT", "MSFT", "AAPL"]
    assert frame["price"].tolist() == [166.56, 105.01, 0.0, 0.0]
    assert str(frame["ts"][0]) == "2019-01-30 14:30:00+00:00"
    # The state of trading is no number of shares.
    lots = FeedInfo(lot_size=0.001, symbols=INFO.symbols)
    assert sample(lots).to_frame()["qty"].tolist() == [0.1, 0.2, 0.05, 2]


def test_without_a_date_times_count_from_midnight() -> None:
    events = Events.from_columns({"ts": [34_200_000_000_000], "kind": [1]}, FeedInfo(zone="America/New_York"))
    assert str(events.to_frame()["ts"][0]) == "0 days 09:30:00"
    assert len(events.between("09:30", "09:31")) == 1


def test_a_structured_array_holds_everything() -> None:
    records = sample().to_array()
    again = Events.from_array(records, INFO)
    assert again.to_frame(raw=True).equals(sample().to_frame(raw=True))


def test_an_instrument_without_a_name_is_shown_by_its_number() -> None:
    assert FeedInfo().symbol(7) == "#7"
    assert FeedInfo().number("#7") == 7


@pytest.mark.parametrize("size", [0.0, -1.0, float("nan")])
def test_units_are_positive(size: float) -> None:
    with pytest.raises(ConfigError, match="tick_size"):
        FeedInfo(tick_size=size)


def test_prices_are_rounded_once() -> None:
    assert FeedInfo(tick_size=1e-4).prices(np.array([5_853_300]))[0] == 585.33
    assert FeedInfo(tick_size=0.25).prices(np.array([21_037]))[0] == 5259.25
    assert FeedInfo(tick_size=1e-9).prices(np.array([5_214_250_000_000]))[0] == 5214.25
