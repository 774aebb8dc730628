"""The native books, through their face: they give what the plain twin gives, in words that people read."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from omni_lab.data.books import BookTables, replay_events
from omni_lab.data.events import EventFlag, EventKind, Events
from omni_lab.data.feed_info import FeedInfo
from omni_lab.errors import ConfigError, DataError, UnknownSymbolError
from tests.data.plain_books import BUY, SELL, PlainBooks

INFO = FeedInfo(symbols={0: "AAPL", 1: "MSFT", 2: "GOOG"}, tick_size=0.01, lot_size=1.0, source="a test")
QUOTE = ("bid_price", "bid_qty", "ask_price", "ask_qty")
SECOND = 1_000_000_000


def stream(n_events: int, seed: int) -> Events:
    """A market of three instruments that does everything, now and then wrongly, in packets."""
    rng = np.random.default_rng(seed)
    book = PlainBooks()
    rows: list[tuple[int, ...]] = []
    ts, n_orders = 0, 0
    while len(rows) < n_events:
        ts += int(rng.integers(0, SECOND // 5))
        instrument = int(rng.integers(0, 3))
        for _ in range(int(rng.integers(1, 4))):
            n_orders += 1
            row = happening(rng, book, instrument, n_orders)
            kind, side, order_id, other_id, qty, price = row
            book.apply(kind, side, instrument, order_id, other_id, qty, price)
            rows.append((ts, kind, side, 0, instrument, order_id, other_id, qty, price))
        rows[-1] = (*rows[-1][:3], EventFlag.LAST, *rows[-1][4:])
    names = ("ts", "kind", "side", "flags", "instrument", "order_id", "other_id", "qty", "price")
    return Events.from_columns(dict(zip(names, np.array(rows).T, strict=True)), INFO)


def happening(rng: np.random.Generator, book: PlainBooks, instrument: int, new: int) -> tuple[int, ...]:
    """Kind, side, order, other order, quantity and price of one event."""
    own = [name for name, order in book.orders.items() if order.instrument == instrument]
    kind = EventKind(int(rng.choice([1, 2, 3, 4, 5, 6, 9, 11, 13], p=PARTS)))
    side, qty = int(rng.integers(1, 3)), int(rng.integers(1, 9))
    price = 10_000 + int(rng.integers(-1, 12)) * (-1 if side == BUY else 1)
    if kind == EventKind.ADD or (not own and kind in WITH_ORDER):
        return (
            EventKind.ADD,
            side,
            int(rng.choice(own)) if own and rng.random() < 0.01 else new,
            0,
            qty,
            price,
        )
    if kind in WITH_ORDER:
        name = int(rng.choice(own)) if rng.random() < 0.98 else 10**12 + new
        order = book.orders.get(name)
        left = order.qty if order else qty
        taken = int(rng.integers(1, left + 1)) if rng.random() < 0.98 else left + 1
        match kind:
            case EventKind.CANCEL:
                return kind, 0, name, 0, taken, 0
            case EventKind.EXECUTE:
                return kind, 0, name, new, taken, price if order is None or rng.random() < 0.1 else 0
            case EventKind.DELETE:
                return kind, 0, name, 0, 0, 0
            case EventKind.REPLACE:
                return kind, 0, name, new, qty, price
            case _:
                same = order.price if order and rng.random() < 0.5 else price
                return kind, 0, name, 0, qty, same
    if kind == EventKind.STATUS:
        return kind, 0, 0, 0, int(rng.integers(1, 5)), 0
    if kind == EventKind.CLEAR:
        return kind, int(rng.integers(0, 3)), 0, 0, 0, 0
    return kind, side, 0, new, qty, price


PARTS = [0.4, 0.1, 0.12, 0.1, 0.1, 0.05, 0.015, 0.005, 0.11]
WITH_ORDER = (EventKind.CANCEL, EventKind.DELETE, EventKind.REPLACE, EventKind.EXECUTE, EventKind.MODIFY)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_native_books_are_the_plain_books(seed: int) -> None:
    events = stream(6_000, seed)
    plain = PlainBooks()
    expected = [(ts, instrument, *quote) for ts, instrument, quote in plain.run(events)]
    tables = events.books(checksum=True)
    bbo = tables.columns["bbo"]
    assert list(zip(*(bbo[name].tolist() for name in ("ts", "instrument", *QUOTE)), strict=True)) == expected
    assert tables.checksum == plain.checksum
    counted = {name: count for name, count in tables.counts.items() if name in COUNTS}
    assert counted == {name: plain.counts[name] for name in COUNTS}
    assert min(counted.values()) > 0
    assert tables.counts["orders"] == len(plain.orders)


COUNTS = ("unknown_order", "over_taken", "duplicate_order", "crossed", "locked")


def states(events: Events) -> Iterator[tuple[int, int, PlainBooks]]:
    """The plain books after every packet, with its time and instrument."""
    book = PlainBooks()
    for row in zip(*(column.tolist() for column in events.columns().values()), strict=True):
        ts, kind, side, flags, instrument, order_id, other_id, qty, price = row
        book.apply(kind, side, instrument, order_id, other_id, qty, price)
        if flags & EventFlag.LAST:
            yield ts, instrument, book


def levels(book: PlainBooks, instrument: int, n_levels: int) -> list[list[int]]:
    """Prices, quantities and numbers of orders of the best bids, then of the asks."""
    found = []
    for side in (BUY, SELL):
        best = book.side(instrument, side)[:n_levels]
        orders = [len(book.queue(instrument, side, price)) for price, _ in best]
        rest = [0] * (n_levels - len(best))
        found += [[p for p, _ in best] + rest, [q for _, q in best] + rest, orders + rest]
    return found


def rows(tables: BookTables) -> list[tuple[int, int, list[list[int]]]]:
    depth = tables.columns["depth"]
    names = [f"{side}_{what}" for side in ("bid", "ask") for what in ("price", "qty", "orders")]
    cells = zip(*(depth[name].tolist() for name in names), strict=True)
    return [
        (ts, instrument, list(row))
        for ts, instrument, row in zip(depth["ts"].tolist(), depth["instrument"].tolist(), cells, strict=True)
    ]


def test_a_row_of_depth_is_written_whenever_a_level_changes() -> None:
    events = stream(2_000, seed=4)
    expected: list[tuple[int, int, list[list[int]]]] = []
    last: dict[int, list[list[int]]] = {}
    for ts, instrument, book in states(events):
        now = levels(book, instrument, 3)
        if now != last.get(instrument, levels(PlainBooks(), 0, 3)):
            last[instrument] = now
            expected.append((ts, instrument, now))
    assert rows(events.books(levels=3)) == expected


def test_depth_at_times_is_the_book_after_all_events_up_to_them() -> None:
    events = stream(2_000, seed=5)
    times = [int(events.ts[500]), int(events.ts[500]) + 1, int(events.ts[-1]) + SECOND]
    expected = []
    for time in times:
        book = PlainBooks()
        for _ in book.run(events.between(None, time + 1)):
            pass
        expected += [(time, instrument, levels(book, instrument, 2)) for instrument in range(3)]
    assert rows(events.books(levels=2, at=times)) == expected


def test_depth_every_second_is_the_book_then_where_it_changed() -> None:
    events = stream(1_000, seed=6)
    found = rows(events.books(levels=2, every="1s"))
    assert len({ts for ts, _, _ in found}) > 30
    for ts, instrument, row in found[::20]:
        assert ts % SECOND == 0
        book = PlainBooks()
        for _ in book.run(events.between(None, ts + 1)):
            pass
        assert row == levels(book, instrument, 2)


def test_streaming_gives_every_row_once() -> None:
    events = stream(3_000, seed=7)
    replay = replay_events(events.batches(256), INFO, levels=2, every="1s", checksum=True)
    parts = list(replay)
    assert len(parts) > 10
    whole, streamed = events.books(levels=2, every="1s", checksum=True), BookTables.concat(parts)
    for name, table in whole.columns.items():
        for key, column in table.items():
            assert np.array_equal(column, streamed.columns[name][key]), (name, key)
    assert (streamed.checksum, dict(streamed.counts)) == (whole.checksum, dict(whole.counts))


def small() -> Events:
    """A morning of one instrument."""
    return Events.from_columns(
        {
            "ts": np.arange(9) * SECOND,
            "kind": [
                EventKind.SYSTEM,
                EventKind.STATUS,
                EventKind.ADD,
                EventKind.ADD,
                EventKind.ADD,
                EventKind.EXECUTE,
                EventKind.TRADE,
                EventKind.IMBALANCE,
                EventKind.BREAK,
            ],
            "side": [0, 0, BUY, BUY, SELL, BUY, SELL, SELL, 0],
            "flags": [2, 2, 2, 2, 2, 3, 2 | EventFlag.HIDDEN, 2, 2],
            "instrument": [0, 1, 1, 1, 1, 1, 1, 1, 1],
            "order_id": [0, 0, 7, 8, 9, 7, 0, 0, 0],
            "other_id": [0, 0, 0, 0, 0, 55, 56, 300, 55],
            "qty": [ord("Q"), 2, 100, 50, 30, 40, 5, 1_000, 0],
            "price": [0, 0, 9_999, 9_999, 10_001, 0, 10_000, 10_000, 0],
        },
        INFO,
    )


def test_frames_speak_currency_and_names() -> None:
    tables = small().books(levels=2)
    assert tables.bbo("MSFT")["bid_price"].tolist() == [99.99] * 4
    # A side without orders has no price.
    assert np.isnan(tables.bbo("MSFT")["ask_price"][0])
    trades = tables.trades("MSFT")
    assert trades["price"].tolist() == [99.99, 100.0]
    assert trades["aggressor"].tolist() == ["sell", "buy"]
    assert trades["printable"].tolist() == [True, False]
    assert trades["hidden"].tolist() == [False, True]
    assert trades["match_id"].tolist() == [55, 56]
    assert tables.status()["state"].tolist() == ["Q", "halted"]
    assert tables.status("MSFT")["state"].tolist() == ["Q", "halted"]
    assert tables.auctions("MSFT")[["side", "qty", "imbalance", "price"]].to_numpy().tolist() == [
        ["sell", 1_000.0, 300.0, 100.0]
    ]
    assert tables.breaks("MSFT")["match_id"].tolist() == [55]
    depth = tables.depth("MSFT")
    assert depth["bid_orders_1"].tolist() == [1, 2, 2, 2]
    assert np.isnan(depth["bid_price_2"]).all()
    assert tables.depth_columns("MSFT")["bid_qty"].tolist() == [[100, 0], [150, 0], [150, 0], [110, 0]]
    assert tables.bbo()["symbol"].tolist() == ["MSFT"] * 4
    assert len(tables.bbo("AAPL")) == 0


def test_the_book_answers_while_the_feed_is_on_its_way() -> None:
    replay = replay_events(small().batches(5), INFO)
    parts = iter(replay)
    next(parts)
    assert replay.best("MSFT") == (99.99, 150.0, 100.01, 30.0)
    assert replay.queue("MSFT", "buy", 99.99)["order_id"].tolist() == [7, 8]
    assert replay.position(8) == (100.0, 1)
    assert replay.position(1) is None
    assert replay.depth("MSFT", 3)["bid_orders"].tolist() == [2]
    list(parts)
    assert replay.position(8) == (60.0, 1)
    assert np.isnan(replay.best("AAPL").bid_price)
    assert replay.counts["orders"] == 3


def test_instruments_can_be_chosen() -> None:
    events = stream(2_000, seed=8)
    tables = events.books(symbols=["MSFT"])
    assert set(tables.columns["bbo"]["instrument"].tolist()) == {1}
    everything = events.books()
    assert tables.bbo("MSFT").equals(everything.bbo("MSFT"))


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"symbols": "MSTF"}, UnknownSymbolError, "Did you mean 'MSFT'"),
        ({"levels": -1}, ConfigError, "whole number >= 0"),
        ({"every": "1s"}, ConfigError, "Say how many levels"),
        ({"levels": 1, "every": "1s", "at": [1]}, ConfigError, "exclude each other"),
        ({"levels": 1, "every": "sometimes"}, DataError, "no length of time"),
        ({"levels": 1, "at": ["10:00", "09:00"]}, DataError, "times must increase"),
    ],
)
def test_options_are_checked(options: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        small().books(**options)
