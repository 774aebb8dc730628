"""The canonical bytes of everything that matters for what comes next: ``docs/oms.md``, section 7.

Two systems that have these bytes in common answer every command alike, so the bytes, and not the objects they
were made from, are what is hashed, kept in snapshots and compared.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Any

from omni_lab.domain import OrderType
from omni_lab.errors import CodecError
from omni_lab.execution.codec import New
from omni_lab.execution.reference.book import Book
from omni_lab.execution.reference.canonical import (
    check_counters,
    check_live,
    check_market,
    check_places,
    check_record,
    check_registers,
    check_waiting,
)
from omni_lab.execution.reference.desk import Desk
from omni_lab.execution.reference.device import bank_words, global_words, restore_bank
from omni_lab.execution.reference.engine import Engine
from omni_lab.execution.reference.gate import Gate
from omni_lab.execution.reference.order import DISPLAYED, OrderRecord
from omni_lab.execution.reference.positions import PositionRecord
from omni_lab.execution.registers import ACCOUNT_WORDS, GLOBAL_WORDS, LIMIT_WORDS, TOKEN_WORDS
from omni_lab.execution.setup import Setup

MAGIC = b"OMNISTAT"
VERSION = 2

_PEGGED = OrderType.PEGGED.value
# Words that are stored; what follows from them is not.
_GLOBAL = GLOBAL_WORDS[GLOBAL_WORDS.index("CONTROL") :]
_ACCOUNT = ACCOUNT_WORDS[: ACCOUNT_WORDS.index("PARENT")]
_SOFT = (*LIMIT_WORDS, *TOKEN_WORDS)
_INSTRUMENT = ("CONTROL", "REFERENCE", "MAX_ORDER_QTY", "COLLAR_BPS", "MAX_NOTIONAL", "MAX_NOTIONAL_HIGH")
_PLACE = ("POSITION", "OPEN_BUY", "OPEN_SELL", "MAX_POSITION", "MAX_ORDER_QTY")
_PRELUDE = struct.Struct("<8sII")
_COUNTERS = struct.Struct("<qQQQQ")
_MARKET = struct.Struct("<B7xq")
_COUNT = struct.Struct("<Q")
_WAITING = struct.Struct("<B3xIQ")
_POSITION = struct.Struct("<IIqqq16s16s")
_RECORD = struct.Struct("<16sQIIBBBBB3xqqqq16s")
_RECORD_FIELDS = (
    *("digest", "account", "instrument", "side", "order_type", "time_in_force", "state", "reason"),
    *("qty", "price", "leaves", "cum"),
)
_LIVE = struct.Struct("<QQBBBBBBBxqqqqqqqq")
_LIVE_FIELDS = (
    *("id", "stamp", "place", "post_only", "self_trade", "trigger", "trail_unit", "peg_reference"),
    *("all_or_none", "working", "showing", "stop_price", "trail", "peg_offset", "display_qty", "min_qty"),
    "expire_at",
)
_record_of = attrgetter(*_RECORD_FIELDS)
_live_of = attrgetter(*_LIVE_FIELDS)


def to_bytes(engine: Engine) -> bytes:
    """The state of an engine."""
    return b"".join(_parts(engine))


def from_bytes(state: bytes) -> Engine:
    """An engine in a state.

    Raises
    ------
    CodecError
        If the bytes are no state.
    ConfigError
        If a register does not take what it held.
    """
    reader = _Reader(state)
    magic, version, length = reader.take(_PRELUDE)
    if (magic, version) != (MAGIC, VERSION):
        raise CodecError("these bytes are no state", found=(magic, version), expected=str((MAGIC, VERSION)))
    engine = Engine(Setup.from_payload(reader.bytes(length)))
    next_order_id = _read_counters(reader, engine.desk)
    _read_registers(reader, engine.desk.gate)
    for book in engine.books:
        book.phase, book.last = reader.take(_MARKET)
        check_market(book.phase, book.last, f"instrument {book.instrument}")
    _read_positions(reader, engine.desk)
    _read_orders(reader, engine, next_order_id - 1)
    _read_live(reader, engine)
    reader.finish()
    return engine


def _parts(engine: Engine) -> Iterator[bytes]:
    desk, gate = engine.desk, engine.desk.gate
    configuration = engine.setup.payload()
    yield _PRELUDE.pack(MAGIC, VERSION, len(configuration)) + configuration
    yield _COUNTERS.pack(desk.clock, desk.sequence, len(desk.orders) + 1, desk.trade_id, desk.stamp)
    yield _words(global_words(gate)[-len(_GLOBAL) :])
    for banks, names in _banks(gate):
        for bank in banks:
            yield _words(bank_words(bank, names))
    yield _COUNT.pack(len(gate.waiting))
    for scope, digest in sorted(gate.waiting.items()):
        yield _WAITING.pack(*scope, digest)
    for book in engine.books:
        yield _MARKET.pack(book.phase, book.last)
    yield _COUNT.pack(len(desk.positions))
    for (account, instrument), position in sorted(desk.positions.items()):
        yield _POSITION.pack(
            account,
            instrument,
            position.qty,
            position.bought,
            position.sold,
            _wide(position.cost),
            _wide(position.realised),
        )
    yield _COUNT.pack(len(desk.orders))
    for order in desk.orders:
        client_order_id = order.client_order_id.to_bytes(16, "little")
        yield _RECORD.pack(client_order_id, *_record_of(order), _wide(order.cum_value))
    yield _COUNT.pack(len(desk.live))
    for order in desk.live.values():
        yield _LIVE.pack(*_live_of(order))


def _read_counters(reader: _Reader, desk: Desk) -> int:
    """Set the clock and the counters; the next order id is what the list of orders must lead to."""
    desk.clock, desk.sequence, next_order_id, desk.trade_id, desk.stamp = reader.take(_COUNTERS)
    check_counters(
        sequence=desk.sequence,
        next_order_id=next_order_id,
        next_trade_id=desk.trade_id,
        next_stamp=desk.stamp,
    )
    return int(next_order_id)


def _banks(gate: Gate) -> list[tuple[Sequence[object], tuple[str, ...]]]:
    """Banks and the names of their stored words, as they stand in the state."""
    return [
        (gate.accounts, _ACCOUNT),
        (gate.warnings, _SOFT),
        (gate.instruments, _INSTRUMENT),
        (gate.positions, _PLACE),
    ]


def _read_registers(reader: _Reader, gate: Gate) -> None:
    (gate.control, gate.status, gate.warning, gate.checked, gate.passed, *counters) = reader.words(
        len(_GLOBAL)
    )
    half = len(counters) // 2
    gate.refused, gate.warned = counters[:half], counters[half:]
    for banks, names in _banks(gate):
        for bank in banks:
            restore_bank(bank, names, reader.words(len(names)))
    check_registers(gate)
    (count,) = reader.take(_COUNT)
    waiting = [reader.take(_WAITING) for _ in range(count)]
    check_waiting([(scope, number) for scope, number, _ in waiting], gate)
    gate.waiting = {(scope, number): digest for scope, number, digest in waiting}


def _read_positions(reader: _Reader, desk: Desk) -> None:
    (count,) = reader.take(_COUNT)
    places = []
    for _ in range(count):
        account, instrument, qty, bought, sold, cost, realised = reader.take(_POSITION)
        places.append((account, instrument))
        desk.positions[account, instrument] = PositionRecord(
            qty, bought, sold, _narrow(cost), _narrow(realised)
        )
    check_places(places, desk.gate)


def _read_orders(reader: _Reader, engine: Engine, expected: int) -> None:
    (count,) = reader.take(_COUNT)
    if count != expected:
        raise CodecError("the state does not list every order", found=count, expected=str(expected))
    for order_id in range(1, count + 1):
        client_order_id, digest, *values, cum_value = reader.take(_RECORD)
        fields = dict(zip(_RECORD_FIELDS[1:], values, strict=True))
        check_record(fields, engine.desk.gate, f"order {order_id}")
        new = New(client_order_id=int.from_bytes(client_order_id, "little"), side=fields["side"])
        order = engine.desk.enlist(new, digest)
        for name, value in fields.items():
            setattr(order, name, value)
        order.cum_value = _narrow(cum_value)
        if order.client_order_id:
            client = order.account, order.client_order_id
            if engine.clients.setdefault(client, order_id) != order_id:
                raise CodecError(
                    "two orders of an account have the same client order id",
                    found=order.client_order_id,
                    where=f"order {order_id}",
                )


def _read_live(reader: _Reader, engine: Engine) -> None:
    (count,) = reader.take(_COUNT)
    expected = [order.id for order in engine.desk.orders if order.live]
    if count != len(expected):
        raise CodecError("the state does not list every live order", found=count, expected=str(len(expected)))
    waiting: list[OrderRecord] = []
    stamps: set[int] = set()
    for number in expected:
        order_id, *values = reader.take(_LIVE)
        if order_id != number:
            raise CodecError("the state lists another live order", found=order_id, expected=f"order {number}")
        order = engine.desk.orders[order_id - 1]
        fields = dict(zip(_LIVE_FIELDS[1:], values, strict=True))
        check_live(fields, order, engine.desk.stamp, stamps)
        stamps.add(fields["stamp"])
        for name, value in fields.items():
            setattr(order, "slice" if name == "showing" else name, value)
        engine.desk.live[order_id] = order
        if order.order_type == _PEGGED:
            engine.books[order.instrument].pegs[order_id] = order
        waiting.append(order)
    # Queues are ordered by stamp, so whoever has waited longest is put first.
    for order in sorted(waiting, key=lambda order: order.stamp):
        _put_back(engine.books[order.instrument], order)
    engine.expiries = sorted((order.expire_at, order.id) for order in waiting if order.expire_at)


def _put_back(book: Book, order: OrderRecord) -> None:
    shown = order.slice
    book.put(order, order.place, order.working)
    if order.place == DISPLAYED:
        order.slice = shown


class _Reader:
    """Takes a state apart from front to back."""

    def __init__(self, state: bytes) -> None:
        self._state = state
        self._offset = 0

    def take(self, layout: struct.Struct) -> tuple[Any, ...]:
        found = self.bytes(layout.size)
        values = layout.unpack(found)
        if layout.pack(*values) != found:  # only padding is not among the values
            raise CodecError("padding of the state is not zero", where=f"bytes up to {self._offset}")
        return values

    def words(self, count: int) -> list[int]:
        return list(struct.unpack(f"<{count}Q", self.bytes(8 * count)))

    def bytes(self, size: int) -> bytes:
        start, self._offset = self._offset, self._offset + size
        if self._offset > len(self._state):
            raise CodecError("the state ends too early", where=f"byte {len(self._state)}")
        return self._state[start : self._offset]

    def finish(self) -> None:
        if self._offset != len(self._state):
            raise CodecError(
                "the state is longer than it says", found=len(self._state), expected=str(self._offset)
            )


def _words(words: list[int]) -> bytes:
    return struct.pack(f"<{len(words)}Q", *words)


def _wide(value: int) -> bytes:
    return value.to_bytes(16, "little", signed=True)


def _narrow(value: bytes) -> int:
    return int.from_bytes(value, "little", signed=True)
