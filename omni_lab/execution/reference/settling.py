"""What follows in a book once a command is done: ``docs/matching.md``, section 6.

Stops are elected, pegged orders follow the best prices, and conditional orders trade as soon as they can.
"""

from __future__ import annotations

from omni_lab.domain import OrderType, PegReference, Side, TrailUnit, Trigger
from omni_lab.execution.reference.book import CONTINUOUS, Book, BookSide
from omni_lab.execution.reference.matching import available, take, take_and_rest
from omni_lab.execution.reference.order import CONDITIONAL, HIDDEN, PARKED, OrderRecord
from omni_lab.execution.setup import MAX_PRICE

_BUY = Side.BUY.value
_LAST = Trigger.LAST.value
_BPS = TrailUnit.BPS.value
_MARKET = OrderType.MARKET.value
_LIMIT = OrderType.LIMIT.value
_STOP_LIMIT = OrderType.STOP_LIMIT.value
_TRAILING_STOP = OrderType.TRAILING_STOP.value
_PRIMARY = PegReference.PRIMARY.value
_MID = PegReference.MID.value


def settle(book: Book) -> None:
    """Repeat the four steps from the top until nothing happens."""
    if book.phase != CONTINUOUS:
        return
    bids, asks = book.bids, book.asks
    while book.stops or book.pegs or bids.conditionals or asks.conditionals:
        if book.stops and _elect(book):
            continue
        if book.pegs and _reprice(book):
            continue
        if bids.conditionals and _first_takes(book, bids, asks):
            continue
        if asks.conditionals and _first_takes(book, asks, bids):
            continue
        return


def park(book: Book, order: OrderRecord) -> None:
    """Take its price from a pegged order; its stamp stays."""
    book.take_out(order)
    book.put(order, PARKED)


def _elect(book: Book) -> bool:
    """Trail the stops, and elect one if any is triggered."""
    bid, ask = book.displayed_bbo
    sees = (book.last, bid, ask)
    if sees == book.stops_saw and not book.stops_changed:
        return False
    book.stops_saw, book.stops_changed = sees, False
    first = None
    for order in book.stops.values():
        watched = book.last if order.trigger == _LAST else ask if order.side == _BUY else bid
        if not watched:
            continue
        if order.order_type == _TRAILING_STOP:
            # A trailing buy trails the ask that it also watches, and a trailing sell the bid.
            _trail(order, watched)
        if order.stop_price and order.sign * watched >= order.sign * order.stop_price:
            rank = (order.side, order.sign * order.stop_price, order.stamp)
            if first is None or rank < first[0]:
                first = (rank, order)
    if first is None:
        return False
    _trigger(book, first[1])
    return True


def _trail(order: OrderRecord, reference: int) -> None:
    distance = max(1, reference * order.trail // 10_000) if order.trail_unit == _BPS else order.trail
    if order.side != _BUY:
        order.stop_price = max(order.stop_price, reference - distance, 1)
    elif order.stop_price:
        order.stop_price = min(order.stop_price, reference + distance)
    else:
        order.stop_price = reference + distance


def _trigger(book: Book, order: OrderRecord) -> None:
    book.take_out(order)
    stop_price, order.stop_price = order.stop_price, 0
    order.trigger = order.trail_unit = order.trail = 0
    order.order_type = _LIMIT if order.order_type == _STOP_LIMIT else _MARKET
    book.stops_changed = True
    book.desk.triggered(order, stop_price)
    take_and_rest(book, order)


def _reprice(book: Book) -> bool:
    """Give every pegged order its price; whether that was called for."""
    bbo = book.displayed_bbo
    if bbo == book.pegs_saw and not book.pegs_changed:
        return False
    book.pegs_saw = bbo
    for order in list(book.pegs.values()):
        if not order.live:
            continue
        price = peg_price(order, *bbo)
        if price == order.working:
            continue
        book.desk.repriced(order, price)
        if not price:
            park(book, order)
            continue
        book.take_out(order)
        order.working = price
        take(book, order)
        if order.leaves:
            book.queue(order, HIDDEN, price)
    book.pegs_changed = False
    return True


def peg_price(order: OrderRecord, bid: int, ask: int) -> int:
    """Where a pegged order stands with these best displayed prices; 0 if nowhere."""
    if order.peg_reference == _MID:
        if not (bid and ask):
            return 0
        base = (bid + ask + (order.side != _BUY)) // 2
    else:
        base = bid if (order.peg_reference == _PRIMARY) == (order.side == _BUY) else ask
        if not base:
            return 0
    price = base + order.peg_offset
    if order.price:
        price = min(price, order.price) if order.side == _BUY else max(price, order.price)
    return price if 1 <= price <= MAX_PRICE else 0


def _first_takes(book: Book, side: BookSide, others: BookSide) -> bool:
    """Let the first conditional order of a side take that can have what it requires."""
    if not others.levels:
        return False
    best_other = others.levels[0].price
    for level in side.levels:
        if side.sign * best_other > side.sign * level.price:
            return False
        for order in level.queues[CONDITIONAL].values():
            if available(book, order) >= order.required:
                take(book, order)
                return True
    return False
