"""How an order comes in, takes and rests: ``docs/matching.md``, sections 4 and 5."""

from __future__ import annotations

from omni_lab.domain import CancelReason, OrderType, PostOnly, RejectReason, SelfTrade, TimeInForce
from omni_lab.execution.reference.book import CONTINUOUS, Book, BookSide
from omni_lab.execution.reference.order import (
    AUCTION,
    AUCTION_TIMES,
    CONDITIONAL,
    DISPLAYED,
    HIDDEN,
    PARKED,
    STOP_TYPES,
    STOPPED,
    OrderRecord,
)
from omni_lab.execution.setup import MAX_PRICE

_MARKET = OrderType.MARKET.value
_PEGGED = OrderType.PEGGED.value
_IOC = TimeInForce.IOC.value
_FOK = TimeInForce.FOK.value
_ALLOW = SelfTrade.ALLOW.value
_CANCEL_NEWEST = SelfTrade.CANCEL_NEWEST.value
_CANCEL_OLDEST = SelfTrade.CANCEL_OLDEST.value
_DECREMENT = SelfTrade.DECREMENT.value
_SLIDE = PostOnly.SLIDE.value


def arrive(book: Book, order: OrderRecord) -> None:
    """Let a new order in that the gate has passed."""
    limit = order.price
    if order.post_only and book.phase == CONTINUOUS:
        limit = post_only_price(book, order, order.price)
        if not limit:
            book.desk.rejected(order, RejectReason.POST_ONLY_WOULD_TAKE.value)
            return
    book.desk.accepted(order)
    if limit != order.price:
        order.price = limit
        book.desk.repriced(order, limit)
    go_on(book, order)


def post_only_price(book: Book, order: OrderRecord, limit: int) -> int:
    """The limit that a post-only order gets when it asks for one; 0 if it is refused."""
    best = book.other_side(order).best
    if not best or order.sign * best > order.sign * limit:
        return limit
    slid = best - order.sign
    return slid if order.post_only == _SLIDE and 1 <= slid <= MAX_PRICE else 0


def go_on(book: Book, order: OrderRecord) -> None:
    """Let an order that is in do what its kind does: wait for something, or take and rest."""
    if order.time_in_force in AUCTION_TIMES:
        book.queue(order, AUCTION, order.price)
    elif order.order_type in STOP_TYPES:
        book.queue(order, STOPPED)
    elif order.order_type == _PEGGED:
        book.queue(order, PARKED)
    elif book.phase == CONTINUOUS:
        take_and_rest(book, order)
    else:
        rest(book, order)


def take_and_rest(book: Book, order: OrderRecord) -> None:
    """Let a market or limit order trade what it can, and do with the rest what it says."""
    order.working = order.price
    at_once = order.order_type == _MARKET or order.time_in_force == _IOC
    if order.time_in_force == _FOK and available(book, order) < order.leaves:
        book.cancel(order, CancelReason.FOK)
    elif order.conditional and available(book, order) < order.required:
        if at_once:
            book.cancel(order, CancelReason.MIN_QTY)
        else:
            rest(book, order)
    else:
        take(book, order)
        if not order.leaves:
            return
        if order.order_type == _MARKET:
            book.cancel(order, CancelReason.NO_LIQUIDITY)
        elif at_once:
            book.cancel(order, CancelReason.IOC)
        else:
            rest(book, order)


def rest(book: Book, order: OrderRecord) -> None:
    """Let a limit order wait at its price."""
    if order.conditional:
        book.queue(order, CONDITIONAL, order.price)
    else:
        book.queue(order, DISPLAYED if order.display_qty else HIDDEN, order.price)


def take(book: Book, taker: OrderRecord) -> None:
    """Let an order meet makers until nothing of it is left, or no maker that it accepts.

    One that waits as conditional stays in its queue meanwhile. Afterwards ``leaves`` is 0 for an order that
    ended.
    """
    makers = book.other_side(taker)
    desk = book.desk
    while taker.leaves:
        maker = _next_maker(makers, taker)
        if maker is None:
            return
        if taker.self_trade != _ALLOW and maker.account == taker.account:
            _meet_own(book, maker, taker)
            continue
        qty = min(taker.leaves, maker.showing)
        price = maker.working
        _reduce(book, maker, qty)
        _reduce(book, taker, qty)
        book.last = price
        desk.traded(maker, taker, price, qty)
        _refresh_if_empty(book, maker)


def available(book: Book, taker: OrderRecord) -> int:
    """What an order would take of its leaves if it came now."""
    wanted = taker.leaves
    avoids = taker.self_trade
    account = taker.account if avoids != _ALLOW else -1
    found = 0
    for level in book.other_side(taker).levels:
        if not taker.accepts(level.price):
            break
        displayed, hidden, conditional = level.queues
        # Slices ahead of an own order trade before it; what icebergs show later, after it.
        shown = whole = 0
        for maker in displayed.values():
            if maker.account != account:
                shown += maker.slice
                whole += maker.leaves
            elif avoids != _CANCEL_OLDEST:
                return min(wanted, found + shown)
        found += whole
        for maker in hidden.values():
            if maker.account != account:
                found += maker.leaves
            elif avoids != _CANCEL_OLDEST:
                return min(wanted, found)
        for maker in conditional.values():
            if found >= wanted:
                return wanted
            if maker.required > wanted - found:
                continue
            if maker.account != account:
                found += maker.leaves
            elif avoids != _CANCEL_OLDEST:
                return found
        if found >= wanted:
            return wanted
    return found


def _next_maker(makers: BookSide, taker: OrderRecord) -> OrderRecord | None:
    for level in makers.levels:
        if not taker.accepts(level.price):
            return None
        displayed, hidden, conditional = level.queues
        for maker in displayed.values():
            return maker
        for maker in hidden.values():
            return maker
        for maker in conditional.values():
            if maker.required <= taker.leaves:
                return maker
    return None


def _reduce(book: Book, order: OrderRecord, qty: int) -> None:
    """Take quantity off an order, and the order out of the book with its last lot."""
    order.leaves -= qty
    order.slice -= qty
    if not order.leaves:
        book.end(order)


def _refresh_if_empty(book: Book, maker: OrderRecord) -> None:
    if maker.place == DISPLAYED and not maker.slice:
        book.refresh(maker)


def _meet_own(book: Book, maker: OrderRecord, taker: OrderRecord) -> None:
    """Keep an order from trading with one of its own account."""
    how = taker.self_trade
    if how == _DECREMENT:
        qty = min(taker.leaves, maker.showing)
        for order in (maker, taker):
            _decrement(book, order, qty)
        _refresh_if_empty(book, maker)
        return
    if how != _CANCEL_NEWEST:
        book.cancel(maker, CancelReason.SELF_TRADE)
    if how != _CANCEL_OLDEST:
        book.cancel(taker, CancelReason.SELF_TRADE)


def _decrement(book: Book, order: OrderRecord, qty: int) -> None:
    order.leaves -= qty
    order.slice -= qty
    book.desk.decremented(order, qty)
    if not order.leaves:
        book.cancel(order, CancelReason.SELF_TRADE)
