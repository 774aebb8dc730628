"""Databento's records become events: orders, levels, trades and bars agree with each other."""

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from omni_lab.data.databento import DatabentoFile
from omni_lab.data.dbn_events import events_from_levels, events_from_orders, events_from_trades
from omni_lab.data.events import EventFlag, EventKind, Events
from omni_lab.errors import CodecError, ConfigError, DataError, MissingExtraError, SourceError
from omni_lab.typing import AnyArray
from tests.data.plain_books import BUY, SELL, PlainBooks

LAST, SNAPSHOT, TOP = 128, 32, 64
NO_PRICE = 2**63 - 1
MBO = [
    ("order_id", "u8"),
    ("price", "i8"),
    ("size", "u4"),
    ("flags", "u1"),
    ("action", "S1"),
    ("side", "S1"),
    ("sequence", "u4"),
]
N_LEVELS = 10
LEVELS = [
    (f"{side}_{what}_{level:02d}", code)
    for level in range(N_LEVELS)
    for what, code in (("px", "i8"), ("sz", "u4"))
    for side in ("bid", "ask")
]


def orders(*records: tuple[Any, ...]) -> AnyArray:
    """``mbo`` records from action, side, order, price, size and flags."""
    rows = [(name, price, size, flags, action, side, 7) for action, side, name, price, size, flags in records]
    return np.array(rows, dtype=MBO)


def converted(records: AnyArray, *, instruments: list[int] | None = None) -> Events:
    numbers = np.array(instruments or [0] * len(records), dtype=np.uint16)
    return Events.from_columns(events_from_orders(records, numbers, np.arange(len(records)), pending={}))


def told(events: Events) -> list[tuple[str, int, int, int, int, int]]:
    """Kind, side, order, quantity, price and whether the book is whole."""
    last = (events.flags & EventFlag.LAST) // EventFlag.LAST
    columns = (events.side, events.order_id, events.qty, events.price, last)
    names = [EventKind(kind).name for kind in events.kind.tolist()]
    return list(zip(names, *(column.tolist() for column in columns), strict=True))


def test_every_action_becomes_its_event() -> None:
    records = orders(
        ("R", "N", 0, NO_PRICE, 0, SNAPSHOT),
        ("A", "B", 1, 99, 10, SNAPSHOT | LAST),
        ("A", "A", 2, 101, 5, LAST),
        ("M", "A", 2, 102, 6, LAST),
        ("C", "A", 2, 102, 6, LAST),
        ("N", "N", 0, NO_PRICE, 0, LAST),
    )
    events = converted(records)
    assert told(events) == [
        ("CLEAR", 0, 0, 0, 0, 0),
        ("ADD", BUY, 1, 10, 99, 1),
        ("ADD", SELL, 2, 5, 101, 1),
        ("MODIFY", SELL, 2, 6, 102, 1),
        ("CANCEL", SELL, 2, 6, 0, 1),
    ]
    assert (events.flags & EventFlag.SNAPSHOT).tolist() == [4, 4, 0, 0, 0]


def test_a_fill_takes_from_its_order_once_and_its_trade_is_not_told_twice() -> None:
    records = orders(
        ("A", "B", 1, 99, 10, LAST),
        ("A", "B", 2, 99, 10, LAST),
        # A seller takes 13: all of the first order, and 3 of the second.
        ("T", "A", 0, 99, 13, 0),
        ("F", "B", 1, 99, 10, 0),
        ("F", "B", 2, 99, 3, 0),
        ("C", "B", 1, 99, 10, 0),
        ("M", "B", 2, 99, 7, LAST),
        # Two more, cancelled with what is left of it in one record.
        ("T", "A", 0, 99, 2, 0),
        ("F", "B", 2, 99, 2, LAST),
        ("C", "B", 2, 99, 7, LAST),
    )
    assert told(converted(records))[2:] == [
        ("EXECUTE", BUY, 1, 10, 99, 0),
        ("EXECUTE", BUY, 2, 3, 99, 0),
        ("MODIFY", BUY, 2, 7, 99, 1),
        ("EXECUTE", BUY, 2, 2, 99, 1),
        ("CANCEL", BUY, 2, 5, 0, 1),
    ]


def test_what_of_a_trade_no_fill_explains_is_a_trade() -> None:
    records = orders(("T", "B", 0, 101, 8, 0), ("F", "A", 5, 101, 3, 0), ("C", "A", 5, 101, 3, LAST))
    trade, fill = told(converted(records))
    # The buyer took, so what waited was for sale.
    assert trade == ("TRADE", SELL, 0, 5, 101, 0)
    # The cancel says nothing new, but its flag moves to the fill.
    assert fill == ("EXECUTE", SELL, 5, 3, 101, 1)


def test_instruments_between_each_other_do_not_mix() -> None:
    records = orders(
        ("A", "B", 1, 99, 10, LAST),
        ("T", "A", 0, 99, 4, 0),
        ("A", "B", 1, 50, 7, LAST),
        ("F", "B", 1, 99, 4, 0),
        ("C", "B", 1, 99, 4, LAST),
    )
    events = converted(records, instruments=[0, 0, 1, 0, 0])
    assert told(events) == [
        ("ADD", BUY, 1, 10, 99, 1),
        ("ADD", BUY, 1, 7, 50, 1),
        ("EXECUTE", BUY, 1, 4, 99, 1),
    ]
    assert events.instrument.tolist() == [0, 1, 0]


def test_the_top_of_a_book_is_no_order() -> None:
    with pytest.raises(DataError, match="Ask Databento for mbp-1"):
        converted(orders(("A", "B", 1, 99, 10, TOP)))


def test_trades_stand_on_the_side_that_waited() -> None:
    records = np.array(
        [(101, 3, b"B", 5), (100, 2, b"N", 6)],
        dtype=[("price", "i8"), ("size", "u4"), ("side", "S1"), ("sequence", "u4")],
    )
    events = Events.from_columns(events_from_trades(records, np.zeros(2, np.uint16), np.arange(2)))
    assert told(events) == [("TRADE", SELL, 0, 3, 101, 1), ("TRADE", 0, 0, 2, 100, 1)]


def test_books_from_orders_are_books_from_levels() -> None:
    by_order, by_level = flow(n_records=3_000, seed=11)
    events = converted(by_order)
    deep = Events.from_columns(
        events_from_levels(by_level, np.zeros(len(by_level), np.uint16), np.arange(len(by_level)), before={})
    )
    first, second = dict(depths(events)), dict(depths(deep))
    # Where a cancel only confirms a fill, the book of orders is whole one record sooner.
    times = np.array(sorted(first))
    before = times[np.searchsorted(times, list(second), side="right") - 1].tolist()
    assert [first[ts] for ts in before] == list(second.values())
    assert len(second) > 1_000
    # Volume is the same however it is told.
    assert volume(events) == volume(deep) > 0


def flow(n_records: int, seed: int) -> tuple[AnyArray, AnyArray]:
    """A random market in both schemas, of as many records each: orders, and ten levels after each."""
    rng = np.random.default_rng(seed)
    book = PlainBooks()
    by_order: list[tuple[Any, ...]] = []
    pictures: list[list[int]] = []

    def tell(action: str, side: int, name: int, price: int, size: int, flags: int) -> None:
        by_order.append((action, "NBA"[side], name, price, size, flags))
        pictures.append([n for level in top(book) for n in level])

    while len(by_order) < n_records:
        kind = rng.choice(["A", "C", "M", "T"], p=[0.5, 0.25, 0.15, 0.1])
        side = int(rng.integers(1, 3))
        best = book.side(0, 3 - side)
        if kind == "A" or not best:
            price = 1_000 + int(rng.integers(1, 25)) * (-1 if side == BUY else 1)
            size, name = int(rng.integers(1, 9)), len(by_order) + 1
            book.apply(EventKind.ADD, side, 0, name, 0, size, price)
            tell("A", side, name, price, size, LAST)
        elif kind == "T":
            price = best[0][0]
            name, waiting = book.queue(0, 3 - side, price)[0]
            size = int(rng.integers(1, waiting + 1))
            tell("T", side, 0, price, size, 0)
            tell("F", 3 - side, name, price, size, 0)
            book.apply(EventKind.EXECUTE, 0, 0, name, 0, size, price)
            tell("C", 3 - side, name, price, size, LAST)
        else:
            name = int(rng.choice(list(book.orders)))
            order = book.orders[name]
            if kind == "C":
                size = int(rng.integers(1, order.qty + 1))
                book.apply(EventKind.CANCEL, 0, 0, name, 0, size, 0)
                tell("C", order.side, name, order.price, size, LAST)
            else:
                price, size = order.price + int(rng.integers(-1, 2)), int(rng.integers(1, 9))
                book.apply(EventKind.MODIFY, 0, 0, name, 0, size, price)
                tell("M", order.side, name, price, size, LAST)
    facts = orders(*by_order)
    levels = np.zeros(len(facts), dtype=[*MBO, *LEVELS])
    for shared, _ in MBO:
        levels[shared] = facts[shared]
    for column, (cell, _) in enumerate(LEVELS):
        levels[cell] = [picture[column] for picture in pictures]
    return facts, levels


def top(book: PlainBooks) -> list[tuple[int, int, int, int]]:
    """Bid price, ask price, bid size and ask size of ten levels."""
    bids, asks = ((book.side(0, side) + [(NO_PRICE, 0)] * N_LEVELS)[:N_LEVELS] for side in (BUY, SELL))
    return [(bid[0], ask[0], bid[1], ask[1]) for bid, ask in zip(bids, asks, strict=True)]


def depths(events: Events) -> Iterator[tuple[int, Any]]:
    """Ten levels of each side after every event that leaves the book whole, by time."""
    book = PlainBooks()
    for row in zip(*(column.tolist() for column in events.columns().values()), strict=True):
        ts, kind, side, flags, instrument, order_id, other_id, qty, price = row
        book.apply(kind, side, instrument, order_id, other_id, qty, price)
        if flags & EventFlag.LAST:
            yield ts, top(book)
    assert not book.counts


def volume(events: Events) -> int:
    return int(events.qty[np.isin(events.kind, (EventKind.TRADE, EventKind.EXECUTE))].sum())


# Files, through the package.


@pytest.fixture(scope="module")
def files(test_data: Path) -> Path:
    pytest.importorskip("databento_dbn")
    return test_data / "lob"


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "databento_dbn", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'omni-lab\[databento\]'"):
        DatabentoFile(tmp_path / "any.dbn")


@pytest.mark.parametrize("schema", ["mbo", "mbp-1", "mbp-10", "tbbo", "trades", "bbo-1s"])
def test_every_version_of_the_format_gives_the_same_events(files: Path, schema: str) -> None:
    paths = sorted((files / "databento_dbn").glob(f"test_data.{schema}.*dbn*"))
    assert len(paths) >= 3
    one, *others = (DatabentoFile(path).events() for path in paths)
    assert len(one) >= 2
    for other in others:
        assert other.to_frame(raw=True).equals(one.to_frame(raw=True))
        assert other.symbols == one.symbols


def test_a_future_rebuilt_from_its_orders_fills_who_is_first_in_line(files: Path) -> None:
    file = DatabentoFile(files / "cme_mbo/orderbooks_mbo_2024-05-08T00-00-00_2024-05-08T00-00-02.dbn.zst")
    events = file.events()
    assert (file.dataset, file.schema, events.symbols) == ("GLBX.MDP3", "mbo", {0: "ESM4"})
    book = PlainBooks()
    n_fills = 0
    passed_over: set[int] = set()
    for row in zip(*(column.tolist() for column in events.columns().values()), strict=True):
        _, kind, side, flags, instrument, order_id, other_id, qty, price = row
        if kind == EventKind.EXECUTE:
            assert book.side(0, side)[0][0] == price
            names = [name for name, _ in book.queue(0, side, price)]
            passed_over |= set(names[: names.index(order_id)])
            n_fills += 1
        if kind == EventKind.CANCEL:
            passed_over.discard(order_id)
        book.apply(kind, side, instrument, order_id, other_id, qty, price)
        if flags & EventFlag.LAST:
            bid, _, ask, _ = book.best(0)
            assert not bid or not ask or bid < ask
            # Who was first in line and not filled is cancelled in the same event, as CME's protection from
            # trading with oneself does.
            assert not passed_over
    assert n_fills == file.counts["fills"] == 5
    assert not book.counts
    assert [price / 1e9 for price in book.best(0)[::2]] == [5214.0, 5214.25]


def test_books_trades_and_bars_of_a_future_agree(files: Path) -> None:
    folder = files / "cme_futures"
    levels = DatabentoFile(folder / "futures_mbp-1_2024-07-01T23-58_2024-07-02T00-02.dbn.zst")
    trades = DatabentoFile(folder / "futures_trades_2024-07-01T23-58_2024-07-02T00-02.dbn.zst").events()
    events = levels.events()
    columns = ["ts", "side", "other_id", "qty", "price"]
    told_by_levels = events[events.kind == EventKind.TRADE].to_frame(raw=True)[columns]
    assert told_by_levels.equals(trades.to_frame(raw=True)[columns])
    # The rebuilt best prices are those of the record that ends a packet.
    records = np.concatenate(list(levels.record_batches()))
    ends = records[(records["flags"] & LAST) > 0]
    book = {ts: quote for ts, _, quote in PlainBooks().run(events)}
    shown = {
        int(row["ts_recv"]): tuple(
            int(row[f"{name}_00"]) for name in ("bid_px", "bid_sz", "ask_px", "ask_sz")
        )
        for row in ends
    }
    assert len(book) > 2_000
    assert all(shown[ts] == quote for ts, quote in book.items())
    bars = DatabentoFile(folder / "futures_ohlcv-1m_2024-07-01T23-40_2024-07-02T00-10.dbn.zst").bars()
    bars = bars[bars["symbol"] == "ESU4"].set_index("ts")
    minutes = Counter[int]()
    by_event = DatabentoFile(
        folder / "futures_trades_2024-07-01T23-58_2024-07-02T00-02.dbn.zst", clock="event"
    ).events()
    for ts, qty in zip(by_event.ts.tolist(), by_event.qty.tolist(), strict=True):
        minutes[ts // 60_000_000_000 + 1] += qty
    assert len(minutes) == 4
    for minute, traded in minutes.items():
        assert bars["volume"][pd.Timestamp(minute, unit="m", tz="UTC")] == traded


def test_a_file_that_is_cut_off_says_how_much_was_whole(files: Path, tmp_path: Path) -> None:
    whole = (files / "databento_dbn/test_data.mbo.dbn").read_bytes()
    path = tmp_path / "cut.dbn"
    path.write_bytes(whole[:-30])
    with pytest.raises(CodecError, match=r"ends inside a record: found '26 bytes after 1 whole records'"):
        DatabentoFile(path).events()
    path.write_bytes(whole[:50])
    with pytest.raises(CodecError, match="no whole DBN file"):
        DatabentoFile(path)
    packed = (files / "cme_mbo/esh4-glbx-mdp3-20231224.mbo.dbn.zst").read_bytes()
    path.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(CodecError, match=r"cut.dbn"):
        DatabentoFile(path).events()


def test_files_of_other_kinds_are_refused(files: Path, tmp_path: Path) -> None:
    path = tmp_path / "some.dbn"
    path.write_bytes(b"Time,Price\n1,2\n")
    with pytest.raises(CodecError, match="no DBN file: found b'Time,Pri'"):
        DatabentoFile(path)
    path.write_bytes(b"")
    with pytest.raises(SourceError, match="is empty"):
        DatabentoFile(path)
    with pytest.raises(SourceError, match="no such DBN file"):
        DatabentoFile(tmp_path / "absent.dbn")
    with pytest.raises(CodecError, match="older format DBZ"):
        DatabentoFile(files / "databento_dbn/test_data.mbo.dbz")
    with pytest.raises(DataError, match=r"holds no events.*bars\(\) reads bars"):
        DatabentoFile(files / "databento_dbn/test_data.ohlcv-1m.v3.dbn.zst").events()
    with pytest.raises(DataError, match="holds no bars: found 'mbo'"):
        DatabentoFile(files / "databento_dbn/test_data.mbo.v3.dbn.zst").bars()
    with pytest.raises(DataError, match="not read: found 'status'"):
        next(DatabentoFile(files / "databento_dbn/test_data.status.v3.dbn.zst").record_batches())
    with pytest.raises(ConfigError, match="no such clock"):
        DatabentoFile(files / "databento_dbn/test_data.mbo.v3.dbn.zst", clock="wall")  # type: ignore[arg-type]
