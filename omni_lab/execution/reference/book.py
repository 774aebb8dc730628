"""The orders of one instrument, each where it waits: ``docs/matching.md``, section 3.

A book knows places, prices and priority. What happens when orders meet is in `matching`, `settling` and
`auction`.
"""

from __future__ import annotations

from bisect import bisect_left

from omni_lab.domain import CancelReason, Side, TradingPhase
from omni_lab.execution.reference.desk import Desk
from omni_lab.execution.reference.order import (
    AUCTION,
    CONDITIONAL,
    DISPLAYED,
    HIDDEN,
    NOWHERE,
    STOPPED,
    OrderRecord,
)

Queue = dict[int, OrderRecord]
"""Orders by id, in the order of their stamps: whatever queues gets the largest stamp so far."""

_BUY = Side.BUY.value
CONTINUOUS = TradingPhase.CONTINUOUS.value


class Level:
    """The orders of one price and side: three queues, in the order in which they trade."""

    __slots__ = ("price", "queues")

    def __init__(self, price: int) -> None:
        self.price = price
        self.queues: tuple[Queue, Queue, Queue] = ({}, {}, {})

    @property
    def empty(self) -> bool:
        """Whether nobody waits here."""
        displayed, hidden, conditional = self.queues
        return not (displayed or hidden or conditional)


class BookSide:
    """The bids, or the asks.

    Attributes
    ----------
    sign : int
        +1 for bids, -1 for asks.
    levels : list of Level
        The best price first.
    conditionals : dict of int to OrderRecord
        The conditional orders of all levels.
    """

    __slots__ = ("_keys", "conditionals", "levels", "sign")

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self.levels: list[Level] = []
        self.conditionals: Queue = {}
        self._keys: list[int] = []  # prices times minus the sign, as the levels stand: ascending

    @property
    def displayed_best(self) -> int:
        """The best price with displayed quantity, 0 if there is none."""
        for level in self.levels:
            if level.queues[DISPLAYED]:
                return level.price
        return 0

    @property
    def best(self) -> int:
        """The best price with displayed or hidden quantity, 0 if there is none."""
        for level in self.levels:
            if level.queues[DISPLAYED] or level.queues[HIDDEN]:
                return level.price
        return 0

    def add(self, order: OrderRecord) -> None:
        """Put an order at the end of its queue."""
        key = -self.sign * order.working
        at = bisect_left(self._keys, key)
        if at == len(self._keys) or self._keys[at] != key:
            self._keys.insert(at, key)
            self.levels.insert(at, Level(order.working))
        self.levels[at].queues[order.place][order.id] = order
        if order.place == CONDITIONAL:
            self.conditionals[order.id] = order

    def remove(self, order: OrderRecord) -> None:
        """Take an order out of its queue."""
        at = bisect_left(self._keys, -self.sign * order.working)
        level = self.levels[at]
        del level.queues[order.place][order.id]
        if level.empty:
            del self._keys[at], self.levels[at]
        if order.place == CONDITIONAL:
            del self.conditionals[order.id]


class Book:
    """One instrument.

    Attributes
    ----------
    phase, last : int
        Trading phase; last traded price, 0 before the first trade.
    bids, asks : BookSide
        Displayed, hidden and conditional orders.
    stops, auction : dict of int to OrderRecord
        Stops not elected yet; orders that wait for their auction.
    pegs : dict of int to OrderRecord
        All pegged orders, parked or with a price, by ascending id.
    stops_changed, pegs_changed : bool
        Whether one queued since `settling` last looked at them.
    """

    def __init__(self, instrument: int, phase: int, desk: Desk) -> None:
        self.instrument = instrument
        self.phase = phase
        self.desk = desk
        self.last = 0
        self.bids = BookSide(1)
        self.asks = BookSide(-1)
        self.stops: Queue = {}
        self.auction: Queue = {}
        self.pegs: Queue = {}
        # What stops and pegs saw when they were last looked at. It is not part of the state: to look once
        # more at the same changes nothing.
        self.stops_changed = True
        self.pegs_changed = True
        self.stops_saw = (0, 0, 0)
        self.pegs_saw = (0, 0)

    @property
    def displayed_bbo(self) -> tuple[int, int]:
        """Best displayed bid and ask, 0 for none."""
        return self.bids.displayed_best, self.asks.displayed_best

    def own_side(self, order: OrderRecord) -> BookSide:
        """Where an order of this side waits."""
        return self.bids if order.side == _BUY else self.asks

    def other_side(self, order: OrderRecord) -> BookSide:
        """Where those wait that an order can meet."""
        return self.asks if order.side == _BUY else self.bids

    def queue(self, order: OrderRecord, place: int, working: int = 0) -> None:
        """Let an order wait at the end of a queue, under a new stamp."""
        order.stamp = self.desk.next_stamp()
        self.put(order, place, working)

    def put(self, order: OrderRecord, place: int, working: int = 0) -> None:
        """Let an order wait at the end of a queue, under the stamp that it has."""
        order.place = place
        order.working = working
        if place <= CONDITIONAL:
            order.slice = showing(order)
            self.own_side(order).add(order)
        elif place == STOPPED:
            self.stops[order.id] = order
            self.stops_changed = True
        elif place == AUCTION:
            self.auction[order.id] = order
        else:
            self.pegs[order.id] = order
            self.pegs_changed = True

    def take_out(self, order: OrderRecord) -> None:
        """Let an order wait nowhere; a pegged order stays known as one until it ends."""
        place = order.place
        if place <= CONDITIONAL:
            self.own_side(order).remove(order)
        elif place == STOPPED:
            del self.stops[order.id]
        elif place == AUCTION:
            del self.auction[order.id]
        order.place = NOWHERE

    def end(self, order: OrderRecord) -> None:
        """Forget an order that is about to end."""
        self.take_out(order)
        self.pegs.pop(order.id, None)

    def cancel(self, order: OrderRecord, reason: CancelReason) -> None:
        """End an order, wherever it is."""
        self.end(order)
        self.desk.canceled(order, reason.value)

    def expire(self, order: OrderRecord) -> None:
        """End an order whose time is over."""
        self.end(order)
        self.desk.expired(order)

    def refresh(self, order: OrderRecord) -> None:
        """Let an iceberg show its next slice, at the end of its queue."""
        self.take_out(order)
        self.queue(order, DISPLAYED, order.working)
        self.desk.refreshed(order)


def showing(order: OrderRecord) -> int:
    """What an order that queues now shows."""
    return min(order.display_qty, order.leaves) if order.display_qty > 0 else order.leaves
