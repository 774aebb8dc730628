"""The books of a market in the fewest words, docs/feeds.md to the letter: the judge of the native ones."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from omni_lab.data.events import EventFlag, EventKind, Events

BUY, SELL = 1, 2
TRADING = 1
TOUCHING = {
    EventKind.ADD,
    EventKind.CANCEL,
    EventKind.DELETE,
    EventKind.REPLACE,
    EventKind.EXECUTE,
}
CHANGING = TOUCHING | {EventKind.CLEAR, EventKind.LEVEL, EventKind.MODIFY}

Quote = tuple[int, int, int, int]


@dataclass
class Order:
    """Where an order waits, and what is left of it."""

    instrument: int
    side: int
    price: int
    qty: int


@dataclass
class PlainBooks:
    """Every order in one dict, in the order in which they queue; levels are added up when somebody asks."""

    orders: dict[int, Order] = field(default_factory=dict)
    levels: dict[tuple[int, int], dict[int, int]] = field(default_factory=lambda: defaultdict(dict))
    state: dict[int, int] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    checksum: int = 0

    def run(self, events: Events) -> Iterator[tuple[int, int, Quote]]:
        """Apply all events; time, instrument and best prices whenever they changed and the book is whole."""
        last: dict[int, Quote] = {}
        touched = False
        for row in zip(*(column.tolist() for column in events.columns().values()), strict=True):
            ts, kind, side, flags, instrument, order_id, other_id, qty, price = row
            self.apply(kind, side, instrument, order_id, other_id, qty, price)
            if kind in TOUCHING:
                bid, bid_qty, ask, ask_qty = self.best(instrument)
                self.checksum += bid + 3 * bid_qty + 7 * ask + 13 * ask_qty
            touched |= kind in CHANGING
            if flags & EventFlag.LAST and touched:
                touched = False
                quote = self.best(instrument)
                if quote != last.get(instrument, (0, 0, 0, 0)):
                    last[instrument] = quote
                    yield ts, instrument, quote
                self._watch(instrument, quote)
        self.checksum %= 2**64

    def apply(
        self, kind: int, side: int, instrument: int, order_id: int, other_id: int, qty: int, price: int
    ) -> None:
        """One event."""
        match kind:
            case EventKind.ADD:
                if order_id in self.orders:
                    self.counts["duplicate_order"] += 1
                    self._drop(order_id)
                self._put(order_id, Order(instrument, side, price, qty))
            case EventKind.CANCEL | EventKind.EXECUTE if order := self._find(order_id):
                if qty > order.qty:
                    self.counts["over_taken"] += 1
                self._take(order_id, min(qty, order.qty))
            case EventKind.DELETE if self._find(order_id):
                self._drop(order_id)
            case EventKind.REPLACE if order := self._find(order_id):
                self._drop(order_id)
                self._put(other_id, Order(instrument, order.side, price, qty))
            case EventKind.MODIFY if order := self._find(order_id):
                if price == order.price and qty <= order.qty:
                    self._take(order_id, order.qty - qty)
                else:
                    self._drop(order_id)
                    self._put(order_id, Order(instrument, order.side, price, qty))
            case EventKind.STATUS:
                self.state[instrument] = qty
            case EventKind.CLEAR:
                sides = (side,) if side else (BUY, SELL)
                for name in [n for n, o in self.orders.items() if o.instrument == instrument]:
                    if self.orders[name].side in sides:
                        self._drop(name)
                for each in sides:
                    self.levels[instrument, each].clear()
            case EventKind.LEVEL:
                self.levels[instrument, side].pop(price, None)
                if qty:
                    self.levels[instrument, side][price] = qty

    def side(self, instrument: int, side: int) -> list[tuple[int, int]]:
        """Prices and quantities of one side, best first."""
        return sorted(self.levels[instrument, side].items(), reverse=side == BUY)

    def best(self, instrument: int) -> Quote:
        """Best bid with its quantity, best ask with its quantity; 0 for an empty side."""
        bids, asks = self.levels[instrument, BUY], self.levels[instrument, SELL]
        bid, ask = max(bids, default=0), min(asks, default=0)
        return bid, bids.get(bid, 0), ask, asks.get(ask, 0)

    def queue(self, instrument: int, side: int, price: int) -> list[tuple[int, int]]:
        """Orders at a price with what is left of them, first in line first."""
        at = (instrument, side, price)
        return [(n, o.qty) for n, o in self.orders.items() if (o.instrument, o.side, o.price) == at]

    def _find(self, order_id: int) -> Order | None:
        if order_id not in self.orders:
            self.counts["unknown_order"] += 1
        return self.orders.get(order_id)

    def _put(self, order_id: int, order: Order) -> None:
        # Taking a name out and in again puts it last.
        self.orders[order_id] = order
        level = self.levels[order.instrument, order.side]
        level[order.price] = level.get(order.price, 0) + order.qty

    def _take(self, order_id: int, qty: int) -> None:
        order = self.orders[order_id]
        level = self.levels[order.instrument, order.side]
        order.qty -= qty
        level[order.price] -= qty
        if not level[order.price]:
            del level[order.price]
        if not order.qty:
            del self.orders[order_id]

    def _drop(self, order_id: int) -> None:
        self._take(order_id, self.orders[order_id].qty)

    def _watch(self, instrument: int, quote: Quote) -> None:
        bid, _, ask, _ = quote
        if self.state.get(instrument, TRADING) == TRADING and bid and ask and bid >= ask:
            self.counts["locked" if bid == ask else "crossed"] += 1
