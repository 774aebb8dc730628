"""Auctions, which open and close continuous trading: ``docs/matching.md``, section 7."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from omni_lab.domain import Liquidity, OrderType, Side, TimeInForce
from omni_lab.execution.reference.book import Book
from omni_lab.execution.reference.order import DISPLAYED, HIDDEN, OrderRecord

_MARKET = OrderType.MARKET.value
_AUCTION = (Liquidity.AUCTION.value, Liquidity.AUCTION.value)


def hold(book: Book, time_in_force: TimeInForce) -> None:
    """Trade the crossed part of a book, and the orders that waited for this auction, at one price."""
    buys = _ranked(book, Side.BUY, time_in_force)
    sells = _ranked(book, Side.SELL, time_in_force)
    reference = book.last or book.desk.gate.instruments[book.instrument].reference
    price = auction_price(buys, sells, reference)
    if not price:
        return
    demand, supply = _demand(buys, price), _demand(sells, price)
    volume = min(demand, supply)
    book.desk.auctioned(book.instrument, price, volume, demand - supply)
    _trade(book, buys, sells, price, volume)


def auction_price(buys: Sequence[OrderRecord], sells: Sequence[OrderRecord], reference: int) -> int:
    """The price of an auction between these orders, in ticks.

    Parameters
    ----------
    buys, sells : sequence of OrderRecord
        Those who take part; ``working`` is the limit, 0 for market orders.
    reference : int
        The price it should be near to where others are as good, 0 for none.

    Returns
    -------
    int
        0 where nothing can trade.
    """
    limits = [order.working for order in (*buys, *sells) if order.working]
    if not limits:
        return reference if buys and sells else 0
    lowest, highest = min(limits), max(limits)
    # Demand falls just above the limit of a buy, supply rises at the limit of a sell: between two such prices
    # all ticks are alike, and the first speaks for them.
    turns = {lowest, *(order.working for order in sells if order.working)}
    turns |= {order.working + 1 for order in buys if order.working and order.working < highest}
    best = None
    for first, next_turn in pairwise([*sorted(turns), highest + 1]):
        demand, supply = _demand(buys, first), _demand(sells, first)
        rank = (-min(demand, supply), abs(demand - supply))
        if best is None or rank < best:
            best, low = rank, first
        if rank == best:
            high = next_turn - 1
    assert best is not None
    if not best[0]:
        return 0
    # The ticks that tie are neighbours, for the surplus only falls as the price rises.
    return min(max(reference or (low + high) // 2, low), high)


def _ranked(book: Book, side: Side, time_in_force: TimeInForce) -> list[OrderRecord]:
    """Those of a side who take part, the first to trade first."""
    waiting = [
        order
        for order in book.auction.values()
        if order.side == side and order.time_in_force == time_in_force
    ]
    book_side = book.bids if side == Side.BUY else book.asks
    for level in book_side.levels:
        for place in (DISPLAYED, HIDDEN):
            waiting += level.queues[place].values()
    return sorted(waiting, key=_rank)


def _rank(order: OrderRecord) -> tuple[bool, int, bool, int]:
    return order.order_type != _MARKET, -order.sign * order.working, order.place == HIDDEN, order.stamp


def _demand(orders: Sequence[OrderRecord], price: int) -> int:
    return sum(order.leaves for order in orders if order.accepts(price))


def _trade(
    book: Book, buys: Sequence[OrderRecord], sells: Sequence[OrderRecord], price: int, volume: int
) -> None:
    waiting_buys, waiting_sells = iter(buys), iter(sells)
    buy, sell = next(waiting_buys), next(waiting_sells)
    book.last = price
    while True:
        qty = min(buy.leaves, sell.leaves, volume)
        volume -= qty
        for order in (buy, sell):
            order.leaves -= qty
            order.slice = max(order.slice - qty, 0)
            if not order.leaves:
                book.end(order)
        book.desk.traded(buy, sell, price, qty, _AUCTION)
        for order in (buy, sell):
            if order.place == DISPLAYED and not order.slice:
                book.refresh(order)
        if not volume:
            return
        buy = buy if buy.leaves else next(waiting_buys)
        sell = sell if sell.leaves else next(waiting_sells)
