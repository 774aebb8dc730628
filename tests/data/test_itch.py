"""A capture of ITCH as messages, columns, events, books and Parquet."""

import datetime as dt
import gzip
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omni_lab.data.events import EventKind, Events
from omni_lab.data.itch import ItchFile
from omni_lab.data.itch_messages import MESSAGES, AddOrder, OrderDelete, SystemEvent
from omni_lab.data.moments import date_in_name
from omni_lab.errors import CodecError, ConfigError, SourceError, UnknownSymbolError
from tests.data.itch_bytes import FORMATS, LENGTHS, at, directory, encoded, framed, small_day
from tests.data.plain_books import PlainBooks

NAME = "01302019.NASDAQ_ITCH50"


@pytest.fixture
def day(tmp_path: Path) -> ItchFile:
    path = tmp_path / f"{NAME}.gz"
    path.write_bytes(gzip.compress(framed(small_day())))
    return ItchFile(path)


def every_type() -> list[Any]:
    """A message of each type, no two of its fields alike."""
    found = []
    for number, (kind, message) in enumerate(MESSAGES.items()):
        width = iter(range(1, 30))
        values: list[Any] = []
        for name, annotation in list(message.__annotations__.items())[3:]:
            text = str(annotation).removeprefix("ForwardRef('").startswith("str") or annotation is str
            values.append(f"{chr(64 + next(width))}" if text else 1_000 + next(width) + len(name))
        found.append(message(number + 1, number, at(9, 30, number), *values))
        assert len(encoded(found[-1])) == LENGTHS[kind], kind
    return found


def test_the_fields_are_those_of_the_specification() -> None:
    assert FORMATS.keys() == MESSAGES.keys()
    assert len(every_type()) == 23


def test_every_type_of_message_comes_back_as_it_was_sent(tmp_path: Path) -> None:
    path = tmp_path / "all.itch"
    path.write_bytes(framed(every_type()))
    assert list(ItchFile(path).messages()) == every_type()


def test_messages_come_in_the_order_of_the_feed_also_within_a_nanosecond(day: ItchFile) -> None:
    assert list(day.messages()) == small_day()
    chosen = [m for m in small_day() if type(m).__name__ in ("OrderExecuted", "OrderCancel")]
    assert list(day.messages("X", "E")) == chosen
    assert chosen[1].timestamp == chosen[0].timestamp


def test_messages_of_one_instrument(day: ItchFile) -> None:
    found = list(day.messages("A", "F", "E", symbols="MSFT"))
    assert [message.order_reference_number for message in found] == [3]
    assert [m.order_reference_number for m in day.messages("A", symbols=["AAPL", "MSFT"])] == [1, 3]


def test_handlers_are_called_with_their_messages(day: ItchFile) -> None:
    adds: list[AddOrder] = []
    deletes: list[OrderDelete] = []
    assert day.dispatch({"A": adds.append, "D": deletes.append}) == 3
    assert [order.shares for order in adds] == [100, 10]
    assert deletes[0].order_reference_number == 4
    assert day.dispatch({}) == 0


def test_columns_hold_every_field(day: ItchFile) -> None:
    columns = day.columns("A", "Q")
    assert columns.keys() == {"A", "Q"}
    assert columns["A"]["price"].tolist() == [1_665_600, 1_050_100]
    assert columns["A"]["stock"].tolist() == [b"AAPL    ", b"MSFT    "]
    assert columns["Q"]["shares"].dtype == np.uint64
    assert columns["A"]["number"].tolist() == [5, 7]
    assert set(columns["A"]) == {*AddOrder._fields, "number"}


def test_symbols_come_from_the_stock_directory(day: ItchFile) -> None:
    assert day.symbols() == {14: "AAPL", 7: "MSFT"}


def test_a_capture_without_a_directory_names_who_is_named_by_messages(tmp_path: Path) -> None:
    path = tmp_path / "excerpt.itch"
    path.write_bytes(framed([m for m in small_day() if type(m).__name__ != "StockDirectory"]))
    assert ItchFile(path).symbols() == {14: "AAPL", 7: "MSFT"}


def test_an_instrument_that_is_named_late_is_found(tmp_path: Path) -> None:
    path = tmp_path / "late.itch"
    late = [directory(99, "LATE", at(12, 0)), AddOrder(99, 0, at(12, 1), 9, "B", 1, "LATE", 10_000)]
    path.write_bytes(framed([*small_day(), *late]))
    assert len(list(ItchFile(path).messages("A", symbols="LATE"))) == 1


def test_a_symbol_that_does_not_exist_is_refused_with_the_nearest(day: ItchFile) -> None:
    for ask in (day.events, day.books, day.columns, day.replay):
        with pytest.raises(UnknownSymbolError, match="Did you mean 'AAPL'"):
            ask(symbols="APPL") if ask == day.columns else ask("APPL")


def test_events_bear_utc_when_the_date_is_known(day: ItchFile) -> None:
    events = day.events()
    assert events.date == dt.date(2019, 1, 30)
    assert int(events.ts[0]) == int(np.datetime64("2019-01-30T08:00", "ns").astype(int))
    assert str(events.of("MSFT").to_frame()["ts"].iloc[-1]) == "2019-01-30 16:00:00+00:00"
    undated = ItchFile(day.path.rename(day.path.with_name("capture.gz"))).events()
    assert int(undated.ts[0]) == at(3, 0)


def test_events_are_those_of_the_contract(day: ItchFile) -> None:
    events = day.events()
    names = Counter(EventKind(kind).name for kind in events.kind.tolist())
    assert names == {
        "SYSTEM": 4,
        "STATUS": 2,
        "ADD": 3,
        "IMBALANCE": 1,
        "CROSS": 1,
        "EXECUTE": 3,
        "CANCEL": 1,
        "REPLACE": 1,
        "TRADE": 1,
        "DELETE": 1,
    }
    assert (events.tick_size, events.lot_size) == (1e-4, 1.0)


def test_events_can_be_cut_by_instrument_and_time(day: ItchFile) -> None:
    assert set(day.events("MSFT").instrument.tolist()) <= {0, 7}
    cut = day.events("AAPL", "09:30", "09:31")
    assert [EventKind(kind).name for kind in cut.kind.tolist() if kind != EventKind.SYSTEM] == [
        "CROSS",
        "EXECUTE",
        "CANCEL",
        "EXECUTE",
    ]
    assert len(day.events(start="23:00")) == 0


def test_books_are_the_plain_books_and_those_of_the_events(day: ItchFile) -> None:
    tables = day.books(levels=2, checksum=True)
    plain = PlainBooks()
    events = day.events()
    expected = [quote for _, _, quote in plain.run(events)]
    bbo = tables.columns["bbo"]
    names = ("bid_price", "bid_qty", "ask_price", "ask_qty")
    assert list(zip(*(bbo[name].tolist() for name in names), strict=True)) == expected
    assert tables.checksum == plain.checksum == events.books(checksum=True).checksum
    assert tables.bbo("AAPL")["bid_qty"].tolist()[-3:] == [50.0, 30.0, 30.0]
    assert tables.trades("AAPL")["price"].tolist() == [166.58, 166.56, 166.56, 166.59]
    assert tables.trades("AAPL")["aggressor"].tolist() == ["none", "sell", "sell", "buy"]
    assert tables.auctions("AAPL")["kind"].tolist() == ["imbalance", "cross"]
    assert tables.status("AAPL")["state"].tolist() == ["O", "trading", "S", "Q", "halted", "C"]


def test_books_of_one_instrument_and_at_a_time_of_day(day: ItchFile) -> None:
    tables = day.books("AAPL", levels=1, at=["09:10", "09:30:30"])
    assert tables.depth("AAPL")["bid_qty_1"].tolist() == [100.0, 30.0]
    assert str(tables.depth("AAPL")["ts"][0]) == "2019-01-30 14:10:00+00:00"
    assert len(tables.columns["bbo"]["ts"]) == len(tables.bbo("AAPL")) > 0


def test_stats_count_everything(day: ItchFile) -> None:
    stats = day.stats(progress=False)
    assert stats.n_messages == len(small_day())
    assert stats.messages["E"] == 2
    assert (stats.first_ns, stats.last_ns) == (at(3, 0), at(20, 5))
    assert stats.symbols == {14: "AAPL", 7: "MSFT"}
    assert stats.n_bytes == len(framed(small_day()))
    assert stats.n_unknown == 0
    frame = stats.to_frame()
    assert frame["messages"].sum() == len(small_day())
    assert frame.set_index("type")["name"]["E"] == "OrderExecuted"


def test_unknown_types_are_skipped_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "new.itch"
    path.write_bytes(b"\x00\x05zzzzz" + framed(small_day()))
    file = ItchFile(path)
    assert file.stats().n_unknown == 1
    assert list(file.messages()) == small_day()


def test_parquet_holds_a_file_for_each_type(day: ItchFile, tmp_path: Path) -> None:
    from pyarrow import parquet

    folder = tmp_path / "out"
    counts = day.to_parquet(folder, progress=False)
    assert sum(counts.values()) == len(small_day())
    assert counts["S"] == 4
    table = parquet.read_table(folder / "A_add_order.parquet")
    assert table["stock"].to_pylist() == ["AAPL", "MSFT"]
    assert table["price"].to_pylist() == [1_665_600, 1_050_100]
    assert table["buy_sell_indicator"].to_pylist() == ["B", "S"]
    assert table.schema.metadata[b"date"] == b"2019-01-30"
    assert not list(folder.glob("*.partial"))
    assert day.to_parquet(tmp_path / "two", ["A", "D"], symbols="MSFT") == {"A": 1, "D": 1}


def test_a_capture_that_breaks_leaves_no_half_parquet(tmp_path: Path) -> None:
    path = tmp_path / "cut.itch"
    path.write_bytes(framed(small_day())[:-5])
    with pytest.raises(CodecError):
        ItchFile(path).to_parquet(tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("01302019.NASDAQ_ITCH50.gz", dt.date(2019, 1, 30)),
        ("S081321-v50.txt.gz", dt.date(2021, 8, 13)),
        ("20190730.BX_ITCH_50.gz", dt.date(2019, 7, 30)),
        ("nasdaq-2019-07-30.itch.zst", dt.date(2019, 7, 30)),
        ("13312019.NASDAQ_ITCH50.gz", None),
        ("capture.pcap", None),
    ],
)
def test_the_date_is_read_from_the_name(name: str, expected: dt.date | None) -> None:
    assert date_in_name(name) == expected


def test_a_date_can_be_given(day: ItchFile) -> None:
    assert ItchFile(day.path, date="2020-02-03").date == dt.date(2020, 2, 3)
    with pytest.raises(ConfigError, match="no date"):
        ItchFile(day.path, date="yesterday")


def test_paths_that_are_no_captures_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such capture"):
        ItchFile(tmp_path / "absent.gz")
    with pytest.raises(SourceError, match="the directory"):
        ItchFile(tmp_path)
    (tmp_path / "empty.gz").touch()
    with pytest.raises(SourceError, match="is empty"):
        ItchFile(tmp_path / "empty.gz")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"symbol,price\nAAPL,1\n" * 50, "bytes.itch"),
        (framed(small_day())[:-5], "bytes.itch"),
        (gzip.compress(framed(small_day()))[:-20], "bytes.itch"),
        (b"\x00\x10" + encoded(SystemEvent(0, 0, 1, "O")) + b"1234", "bytes.itch"),
    ],
    ids=["a table", "cut off", "cut off within gzip", "lying length"],
)
def test_captures_that_are_damaged_are_refused_by_every_way_of_reading(
    tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "bytes.itch"
    path.write_bytes(content)
    file = ItchFile(path)
    for read in (lambda: list(file.messages()), file.events, file.books, file.stats):
        with pytest.raises(CodecError, match=words):
            read()


def test_what_came_before_the_damage_has_been_delivered(tmp_path: Path) -> None:
    path = tmp_path / "cut.itch"
    path.write_bytes(framed(small_day())[:-5])
    delivered: list[Any] = []
    with pytest.raises(CodecError, match=str(len(small_day()) - 1)):
        delivered.extend(ItchFile(path).messages())
    assert delivered == small_day()[:-1]
    lenient = ItchFile(path, lenient=True)
    assert list(lenient.messages()) == small_day()[:-1]
    assert lenient.stats().truncated


def test_a_generated_day_is_rebuilt_as_the_plain_books_rebuild_it(tmp_path: Path) -> None:
    from omni_lab._native import itch_write

    path = tmp_path / "20240102.itch"
    itch_write(str(path), messages=20_000, symbols=40, seed=7)
    file = ItchFile(path)
    events = file.events()
    plain = PlainBooks()
    expected = [(ts, instrument, *quote) for ts, instrument, quote in plain.run(events)]
    tables = file.books(checksum=True)
    names = ("ts", "instrument", "bid_price", "bid_qty", "ask_price", "ask_qty")
    found = zip(*(tables.columns["bbo"][name].tolist() for name in names), strict=True)
    assert list(found) == expected
    assert len(expected) > 1_000
    assert tables.checksum == plain.checksum
    assert tables.counts["unknown_order"] == tables.counts["over_taken"] == tables.counts["crossed"] == 0
    assert file.stats().n_messages == 20_000
    assert sum(file.to_parquet(tmp_path / "out", progress=False).values()) == 20_000
    # Shares that came in are those that went out and those that wait.
    came, went = shares_in_and_out(events)
    assert came == went + sum(order.qty for order in plain.orders.values())


def shares_in_and_out(events: Events) -> tuple[int, int]:
    """Shares that orders brought, and that trades, cancels, deletes and replaces took, counted by hand."""
    waiting: dict[int, int] = {}
    came = went = 0
    columns = (events.kind, events.order_id, events.other_id, events.qty)
    for kind, order_id, other_id, qty in zip(*(column.tolist() for column in columns), strict=True):
        if kind == EventKind.ADD:
            waiting[order_id] = qty
            came += qty
        elif kind in (EventKind.CANCEL, EventKind.EXECUTE):
            waiting[order_id] -= qty
            went += qty
        elif kind in (EventKind.DELETE, EventKind.REPLACE):
            went += waiting.pop(order_id)
            if kind == EventKind.REPLACE:
                waiting[other_id] = qty
                came += qty
    return came, went


def test_a_type_that_does_not_exist_is_refused(day: ItchFile) -> None:
    with pytest.raises(ConfigError, match="no such message type: found 'Z'"):
        day.messages("Z").__next__()
    with pytest.raises(ConfigError, match="no such message type"):
        day.to_parquet(day.path.parent / "out", ["Z"])


def test_times_that_fall_are_seen(tmp_path: Path) -> None:
    path = tmp_path / "disorder.itch"
    path.write_bytes(framed([*small_day(), AddOrder(14, 0, at(9, 0), 90, "B", 1, "AAPL", 10_000)]))
    events = ItchFile(path).events()
    assert events.n_backward == 1
    # A cut by time still holds every event that belongs to it.
    assert events.between("09:00", "09:01").order_id.tolist() == [1, 2, 90]


def test_the_head_of_a_real_day(test_data: Path) -> None:
    file = ItchFile(test_data / "itch/nasdaq_head_4096.itch", lenient=True)
    stats = file.stats()
    assert stats.messages == {"S": 1, "R": 98, "H": 1, "Y": 1}
    assert stats.truncated
    assert file.symbols()[14] == "AAPL"
    with pytest.raises(CodecError):
        list(ItchFile(file.path).messages())


def test_real_messages_of_many_types(test_data: Path) -> None:
    file = ItchFile(test_data / "itch/omi_nasdaq_bx_2023.itch")
    counts = Counter(type(message).__name__ for message in file.messages())
    assert (counts["AddOrder"], counts["AddOrderAttributed"], counts["OrderReplace"]) == (43, 7, 7)
    assert sum(counts.values()) == 105
    # The same packets as captured: Ethernet, UDP and MoldUDP64 around them.
    packets = sorted((test_data / "itch/omi_pcap").glob("*TotalView*.pcap"))
    unpacked = [message for path in packets for message in ItchFile(path).messages()]
    assert unpacked == list(file.messages())


@pytest.mark.parametrize("name", ["nasdaq_head_4096.itch", "omi_nasdaq_bx_2023.itch"])
def test_every_field_of_real_messages_is_what_another_decoder_reads(test_data: Path, name: str) -> None:
    from itch.parser import MessageParser

    path = test_data / "itch" / name
    ours = list(ItchFile(path, lenient=True).messages())
    with path.open("rb") as file:
        theirs = list(MessageParser().parse_file(file))
    assert len(ours) == len(theirs) > 100
    for mine, other in zip(ours, theirs, strict=True):
        fields = dict(vars(other))
        assert mine[:3] == tuple(fields.pop(key) for key in ("stock_locate", "tracking_number", "timestamp"))
        values = [v.decode().rstrip() if isinstance(v, bytes) else v for v in fields.values()]
        assert list(mine[3:]) == values, type(mine)
