"""The canonical state taken apart as ``docs/oms.md``, section 7, words it.

Beside it stand slow and obvious answers to what an order would do in that state, written from
``docs/matching.md`` without a look at any engine.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

DISPLAYED, HIDDEN, CONDITIONAL, STOP, PARKED, AUCTION = range(6)
CONTINUOUS = 2
BUY = 1
ALLOW, CANCEL_NEWEST, CANCEL_OLDEST, CANCEL_BOTH, DECREMENT = range(5)

_RECORD = struct.Struct("<16sQIIBBBBB3sqqqq16s")
_LIVE = struct.Struct("<QQBBBBBBBBqqqqqqqq")


@dataclass(frozen=True, slots=True)
class Live:
    """A live order of the state, with what its record adds."""

    order_id: int
    stamp: int
    place: int
    post_only: int
    self_trade: int
    trigger: int
    trail_unit: int
    peg_reference: int
    all_or_none: int
    working: int
    slice: int
    stop_price: int
    trail: int
    peg_offset: int
    display_qty: int
    min_qty: int
    expire_at: int
    account: int
    instrument: int
    side: int
    order_type: int
    qty: int
    price: int
    leaves: int

    @property
    def sign(self) -> int:
        return 1 if self.side == BUY else -1

    @property
    def required(self) -> int:
        return self.leaves if self.all_or_none else min(self.min_qty, self.leaves)


@dataclass(frozen=True, slots=True)
class State:
    """What the laws look at."""

    phases: list[int]
    lasts: list[int]
    positions: list[tuple[int, int, int]]  # POSITION, OPEN_BUY, OPEN_SELL by account, then instrument
    live: list[Live]
    n_instruments: int

    def of(self, instrument: int) -> list[Live]:
        return [order for order in self.live if order.instrument == instrument]


def read(state: bytes) -> State:
    """The parts of a state."""
    magic, version, length = struct.unpack_from("<8sII", state)
    assert (magic, version) == (b"OMNISTAT", 2)
    _, n_instruments, n_accounts = struct.unpack_from("<III", state, 16)
    at = 16 + length + 40 + (5 + 12 + 12) * 8 + n_accounts * (33 + 19) * 8 + n_instruments * 6 * 8
    positions = [struct.unpack_from("<qqq", state, at + 40 * i) for i in range(n_accounts * n_instruments)]
    at += 40 * len(positions)
    (n_waiting,) = struct.unpack_from("<Q", state, at)
    at += 8 + 16 * n_waiting
    markets = [struct.unpack_from("<B7sq", state, at + 16 * i) for i in range(n_instruments)]
    at += 16 * n_instruments
    (n_held,) = struct.unpack_from("<Q", state, at)
    at += 8 + 64 * n_held
    (n_orders,) = struct.unpack_from("<Q", state, at)
    records = at + 8
    at = records + _RECORD.size * n_orders
    (n_live,) = struct.unpack_from("<Q", state, at)
    assert len(state) == at + 8 + _LIVE.size * n_live
    live = [_live(state, records, at + 8 + _LIVE.size * i) for i in range(n_live)]
    return State([m[0] for m in markets], [m[2] for m in markets], positions, live, n_instruments)


def _live(state: bytes, records: int, at: int) -> Live:
    order_id, stamp, *fields = _LIVE.unpack_from(state, at)
    *flags, zero = fields[:8]
    assert zero == 0
    record = _RECORD.unpack_from(state, records + _RECORD.size * (order_id - 1))
    _, _, account, instrument, side, order_type, _, _, _, _, qty, price, leaves, _, _ = record
    who = (account, instrument, side, order_type, qty, price, leaves)
    return Live(*(order_id, stamp, *flags, *fields[8:], *who))


def displayed_bbo(orders: list[Live]) -> tuple[int, int]:
    """Best displayed prices, 0 for none."""
    shown = [order for order in orders if order.place == DISPLAYED]
    bids = [order.working for order in shown if order.side == BUY]
    asks = [order.working for order in shown if order.side != BUY]
    return max(bids, default=0), min(asks, default=0)


def priority(orders: list[Live], side: int) -> list[Live]:
    """Makers of a side, the first to trade first."""
    makers = [order for order in orders if order.side == side and order.place <= CONDITIONAL]
    return sorted(makers, key=lambda order: (-order.sign * order.working, order.place, order.stamp))


def would_take(orders: list[Live], taker: Live) -> int:
    """What an order would trade if it came now: by doing it, on paper, one fill after another."""
    makers = [order for order in orders if order.side != taker.side]
    left, traded = taker.leaves, 0
    stamp = max(order.stamp for order in orders) + 1
    while left:
        maker = next(_eligible(makers, taker, left), None)
        if maker is None:
            break
        if taker.self_trade != ALLOW and maker.account == taker.account:
            if taker.self_trade != CANCEL_OLDEST:
                break
            makers.remove(maker)
            continue
        qty = min(left, maker.slice if maker.place == DISPLAYED else maker.leaves)
        left, traded = left - qty, traded + qty
        makers.remove(maker)
        rest = maker.leaves - qty
        if rest:
            shown = maker.slice - qty
            refreshed = maker.place == DISPLAYED and shown == 0
            after = replace(maker, leaves=rest, slice=shown)
            if refreshed:
                after = replace(after, slice=min(maker.display_qty, rest), stamp=stamp)
                stamp += 1
            makers.append(after)
    return traded


def _eligible(makers: list[Live], taker: Live, left: int) -> Iterator[Live]:
    for maker in priority(makers, 3 - taker.side):
        if taker.working and taker.sign * maker.working > taker.sign * taker.working:
            return
        if maker.place != CONDITIONAL or maker.required <= left:
            yield maker


def peg_price(order: Live, bid: int, ask: int) -> int:
    """Where a pegged order stands; 0 for nowhere."""
    own, other = (bid, ask) if order.side == BUY else (ask, bid)
    if order.peg_reference == 3:
        if not bid or not ask:
            return 0
        middle = (bid + ask) // 2 if order.side == BUY else -(-(bid + ask) // 2)
    else:
        middle = own if order.peg_reference == 1 else other
        if not middle:
            return 0
    price = middle + order.peg_offset
    if order.price:
        price = min(price, order.price) if order.side == BUY else max(price, order.price)
    return price if 1 <= price <= 2**50 else 0
