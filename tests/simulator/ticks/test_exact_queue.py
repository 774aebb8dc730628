"""The exact queue on real days, order by order, against lists of who waits."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from omni_lab import _native
from omni_lab.data import DatabentoFile, Events, LobsterDay
from tests.simulator.ticks.plain_queue import BUY, PlainQueues

ENTRY, RESPONSE = 1_000_000, 2_000_000
POST_ONLY = 3


@pytest.fixture(scope="module")
def apple(test_data: Path) -> Events:
    """Forty thousand messages of an hour of Apple, with what waited before them."""
    day = LobsterDay(test_data / "lob/lobster/AAPL_2012-06-21_34200000_37800000_message_50.csv.gz")
    return day.events()[:40_000]


@pytest.fixture(scope="module")
def future(test_data: Path) -> Events:
    """Two seconds of a future at CME."""
    name = "lob/cme_mbo/orderbooks_mbo_2024-05-08T00-00-00_2024-05-08T00-00-02.dbn.zst"
    return DatabentoFile(test_data / name).events()


def exact_engine(feed: _native.TickFeed, *, partial: bool, entry: int, response: int) -> _native.TickEngine:
    return _native.TickEngine(
        feed,
        cash=0.0,
        tick_values=[1.0] * len(feed.instruments()),
        latency={"kind": "constant", "entry_ns": entry, "response_ns": response},
        queue="exact",
        power=1.0,
        partial_fills=partial,
        limits=None,
        seed=0,
        sample_every_ns=0,
    )


class Rounds:
    """Orders that are sent, looked at and canceled in rounds, in a replay and in its brute-force twin."""

    def __init__(self, events: Events, *, partial: bool, tick: int, qty: int, seed: int) -> None:
        self.columns = events.columns()
        self.rows = list(zip(*(column.tolist() for column in self.columns.values()), strict=True))
        feed = _native.TickFeed(self.columns)
        self.engine = exact_engine(feed, partial=partial, entry=ENTRY, response=RESPONSE)
        self.plain = PlainQueues(partial)
        self.rng, self.tick, self.qty = np.random.default_rng(seed), tick, qty
        self.n_seen = 0
        self.requests: list[tuple[int, int, int, int, int]] = []
        self.n_looks = 0

    def moves(self, until: int) -> Iterator[None]:
        """The twin's market, event by event, and our requests as they arrive."""
        while self.n_seen < len(self.rows) and self.rows[self.n_seen][0] <= until:
            ts, kind, side, _, _, name, other, qty, price = self.rows[self.n_seen]
            self.arrivals(ts - 1)
            self.plain.event(ts, kind, side, name, other, qty, price)
            self.n_seen += 1
            yield
        self.arrivals(until)

    def arrivals(self, until: int) -> None:
        while self.requests and self.requests[0][0] <= until:
            _, number, side, price, qty = self.requests.pop(0)
            if qty == 0:
                self.plain.cancel(number)
                continue
            best = self.plain.best(3 - side)
            if best is None or (price < best if side == BUY else price > best):
                self.plain.send(number, side, price, qty)

    def look(self, ts: int) -> None:
        """Both at a time: as many lots before each order of ours, at the same orders."""
        self.engine.advance(ts)
        for _ in self.moves(ts):
            pass
        working = self.engine.working()
        assert [self.engine.ahead(number) for number in working] == list(map(self.plain.ahead, working))
        self.n_looks += 1

    def act(self, ts: int) -> None:
        """Cancel some, and join queues at the best prices and behind them."""
        for number in self.engine.working():
            if self.rng.random() < 0.15 and self.engine.cancel(number):
                self.requests.append((ts + ENTRY, number, 0, 0, 0))
        bid, _, ask, _ = self.engine.quote(0)
        if bid and ask:
            side, away = int(self.rng.integers(1, 3)), int(self.rng.integers(-1, 3)) * self.tick
            price = bid - away if side == BUY else ask + away
            qty = int(self.rng.integers(1, self.qty))
            number = self.engine.send(side == BUY, price, qty, 1, POST_ONLY)
            self.requests.append((ts + ENTRY, number, side, price, qty))

    def run(self, every: int) -> None:
        ts = self.columns["ts"]
        for at in range(every, len(ts), every):
            self.look(int(ts[at]))
            if len(self.engine.working()) < 12:
                self.act(int(ts[at]))
        self.look(int(ts[-1]) + ENTRY)
        self.engine.advance(2**62)

    def fills(self) -> list[tuple[int, int, int, int]]:
        messages = self.engine.messages()
        rows = zip(*(messages[name].tolist() for name in ("order", "ts_venue", "price", "qty")), strict=True)
        return [row for row, kind in zip(rows, messages["kind"].tolist(), strict=True) if kind == 6]


Row = tuple[int, int, int, int, int, int, int]


def replay_of(rows: list[Row]) -> _native.TickEngine:
    """A replay of events: time, kind, side, instrument, name, lots and price; answers come after 2 ns."""
    names = ("ts", "kind", "side", "instrument", "order_id", "qty", "price")
    types = (np.int64, np.uint8, np.uint8, np.uint16, np.uint64, np.int64, np.int64)
    events = {
        name: np.array(column, kind)
        for name, column, kind in zip(names, zip(*rows, strict=True), types, strict=True)
    }
    n = len(rows)
    feed = _native.TickFeed(
        {**events, "flags": np.full(n, 2, np.uint8), "other_id": np.full(n, 77, np.uint64)}
    )
    assert feed.counts()["unknown_order"] == 0
    return exact_engine(feed, partial=True, entry=1, response=1)


def test_a_queue_that_was_passed_over_still_stands_before_us() -> None:
    rows = [
        (10, 1, BUY, 0, 1, 10, 100),
        (30, 1, BUY, 0, 2, 5, 100),
        (40, 5, BUY, 0, 2, 5, 0),
        (50, 5, BUY, 0, 1, 4, 0),
    ]
    engine = replay_of(rows)
    engine.advance(20)
    number = engine.send(True, 100, 20)
    engine.advance(49)
    # The order behind us traded, which would have been us; the ten lots before us did not.
    assert (engine.order_state(number)[1], engine.ahead(number)) == (5, 10)
    engine.advance(2**62)
    assert (engine.order_state(number)[1], engine.ahead(number)) == (5, 6)


def test_what_trades_in_a_halt_leaves_the_queue_and_a_stranger_was_never_in_it() -> None:
    rows = [
        (10, 1, BUY, 0, 1, 10, 100),
        (30, 6, BUY, 0, 0, 3, 100),
        (40, 9, 0, 0, 0, 2, 0),
        (50, 5, BUY, 0, 1, 4, 0),
        (60, 9, 0, 0, 0, 1, 0),
    ]
    engine = replay_of(rows)
    engine.advance(20)
    number = engine.send(True, 100, 20)
    engine.advance(35)
    assert engine.ahead(number) == 10
    engine.advance(2**62)
    assert (engine.ahead(number), engine.lots) == (6, 0)


def test_an_order_that_is_moved_to_a_price_of_another_instrument_is_malformed() -> None:
    rows = [(10, 1, BUY, 0, 1, 10, 100), (20, 1, BUY, 1, 2, 10, 90_000), (30, 13, BUY, 1, 1, 10, 90_000)]
    replay = replay_of([*rows, (40, 4, BUY, 0, 2, 5, 100)])
    replay.advance(2**62)
    assert [replay.quote(instrument) for instrument in (0, 1)] == [(0, 0, 0, 0)] * 2


@pytest.mark.parametrize("partial", [False, True])
def test_orders_in_an_hour_of_apple_wait_and_fill_as_in_lists_of_who_waits(
    apple: Events, partial: bool
) -> None:
    rounds = Rounds(apple, partial=partial, tick=100, qty=400, seed=3)
    rounds.run(every=23)
    fills = rounds.fills()
    assert fills == rounds.plain.fills
    assert rounds.n_looks > 1_500
    assert len(fills) > 300
    ahead = rounds.engine.messages()["ahead"]
    assert np.nansum(ahead > 0) > 300


def test_orders_in_a_future_wait_as_in_lists_of_who_waits(future: Events) -> None:
    rounds = Rounds(future, partial=True, tick=250_000_000, qty=8, seed=1)
    rounds.run(every=5)
    assert rounds.fills() == rounds.plain.fills


def test_the_levels_of_a_feed_of_orders_are_those_of_its_book(apple: Events) -> None:
    part = apple[:5_000]
    feed = _native.TickFeed(part.columns())
    assert feed.names_orders
    assert feed.counts()["unknown_order"] == 0
    last = part.books(levels=1).bbo("AAPL").iloc[-1]
    replay = Rounds(part, partial=False, tick=100, qty=100, seed=0).engine
    replay.advance(2**62)
    bid, bid_lots, ask, ask_lots = replay.quote(0)
    assert (bid / 1e4, bid_lots, ask / 1e4, ask_lots) == tuple(
        last[["bid_price", "bid_qty", "ask_price", "ask_qty"]]
    )
