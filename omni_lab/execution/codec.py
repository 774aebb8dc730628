"""Commands and the payloads of their frames, in both directions: ``docs/oms.md``, section 2.

A payload that no command could have written (a code outside its table, another length, padding that is not
zero) is a `CodecError` and never reaches the engine.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeAlias

from omni_lab.domain import (
    CommandKind,
    OrderType,
    PegReference,
    PostOnly,
    SelfTrade,
    Side,
    TimeInForce,
    TradingPhase,
    TrailUnit,
    Trigger,
)
from omni_lab.errors import CodecError, DataError

ALL = 2**32 - 1
"""Stands for every account, or every instrument."""
EVERYTHING, ACCOUNT, INSTRUMENT = range(3)
"""Scopes of a kill switch."""
MAX_WHO, MAX_WHY = 64, 1_024
"""Bytes of a name, and of a reason, in UTF-8."""


class New(NamedTuple):
    """A new order."""

    ts: int = 0
    client_order_id: int = 0
    account: int = 0
    instrument: int = 0
    side: int = Side.BUY.value
    order_type: int = OrderType.LIMIT.value
    time_in_force: int = TimeInForce.DAY.value
    self_trade: int = SelfTrade.ALLOW.value
    post_only: int = PostOnly.NO.value
    qty: int = 0
    price: int = 0
    # From here on the fields of an extended payload.
    stop_price: int = 0
    trail: int = 0
    peg_offset: int = 0
    display_qty: int = -1
    min_qty: int = 0
    expire_at: int = 0
    trail_unit: int = 0
    trigger: int = 0
    peg_reference: int = 0
    all_or_none: int = 0


class Cancel(NamedTuple):
    """The wish that an order end."""

    ts: int
    order_id: int


class Replace(NamedTuple):
    """Another total quantity for an order, and other prices where they are not 0."""

    ts: int
    order_id: int
    qty: int
    price: int = 0
    stop_price: int = 0


class MassCancel(NamedTuple):
    """The wish that all orders of an account, an instrument, a side end; side 0 is both."""

    ts: int
    account: int = ALL
    instrument: int = ALL
    side: int = 0


class SetPhase(NamedTuple):
    """The phase of an instrument."""

    ts: int
    instrument: int
    phase: int


class Advance(NamedTuple):
    """A later time."""

    ts: int


class Mark(NamedTuple):
    """A reference price."""

    ts: int
    instrument: int
    price: int


class WriteRegister(NamedTuple):
    """A word for the risk gate."""

    ts: int
    address: int
    value: int


class KillSwitch(NamedTuple):
    """A kill switch thrown (``on`` is 1) or reset (0), by somebody, for a reason."""

    ts: int
    scope: int
    on: int
    number: int
    who: str
    why: str


Command: TypeAlias = (
    New | Cancel | Replace | MassCancel | SetPhase | Advance | Mark | WriteRegister | KillSwitch
)

_NEW = struct.Struct("<qQQIIBBBBBBHqq")
_EXTENSION = struct.Struct("<qqqqqqBBBBI")
_CANCEL = struct.Struct("<qQ")
_REPLACE = struct.Struct("<qQqqq")
_MASS_CANCEL = struct.Struct("<qIIB7s")
_SET_PHASE = struct.Struct("<qIB3s")
_ADVANCE = struct.Struct("<q")
_MARK = struct.Struct("<qIIq")
_WRITE_REGISTER = struct.Struct("<qQQ")
_KILL_SWITCH = struct.Struct("<qBBHI")
_WORDS = {n: struct.Struct(f"<{n}Q") for n in (6, 13)}
_WORD = 2**64 - 1

_DEFAULTS = New()[11:]
_KINDS: dict[type[tuple[Any, ...]], int] = {
    New: CommandKind.NEW.value,
    Cancel: CommandKind.CANCEL.value,
    Replace: CommandKind.REPLACE.value,
    MassCancel: CommandKind.MASS_CANCEL.value,
    SetPhase: CommandKind.SET_PHASE.value,
    Advance: CommandKind.ADVANCE.value,
    Mark: CommandKind.MARK.value,
    WriteRegister: CommandKind.WRITE_REGISTER.value,
    KillSwitch: CommandKind.KILL_SWITCH.value,
}
_SIDES = frozenset(map(int, Side))
_TYPES = frozenset(map(int, OrderType))
_TIMES = frozenset(map(int, TimeInForce))
# These count from 0 without a gap.
_LAST_SELF_TRADE = max(SelfTrade).value
_LAST_POST_ONLY = max(PostOnly).value
_LAST_TRAIL_UNIT = max(TrailUnit).value
_LAST_TRIGGER = max(Trigger).value
_LAST_PEG_REFERENCE = max(PegReference).value
_LAST_PHASE = max(TradingPhase).value


def encode(command: Command) -> tuple[int, bytes]:
    """The kind of a command's frame, and its payload.

    Raises
    ------
    DataError
        If a number does not fit into its field.
    """
    try:
        return _KINDS[type(command)], _payload_of(command)
    except struct.error as error:
        raise DataError("a number does not fit into its field", found=command) from error


def decode(kind: int, payload: bytes) -> Command:
    """The command that a frame holds.

    Raises
    ------
    CodecError
        If it holds none.
    """
    try:
        read = _READERS[kind]
    except KeyError:
        raise CodecError("no command has this kind", found=kind, expected=list(_READERS)) from None
    try:
        return read(payload)
    except struct.error:
        raise CodecError(
            "the payload of a command has another length", found=len(payload), where=CommandKind(kind).name
        ) from None


def digest(payload: bytes) -> int:
    """A number that two payloads of New share if they say the same but for their time."""
    return _hash(_WORDS[len(payload) // 8 - 1].unpack_from(payload, 8))


def digest_of(who: str) -> int:
    """A number that stands for a name in the state: two resets with the same one are by the same person."""
    return _hash(who.encode())


def _hash(words: Iterable[int]) -> int:
    h = 0xCBF29CE484222325
    for word in words:
        h = ((h ^ word) * 0x100000001B3) & _WORD
        h ^= h >> 32
    return h


def _payload_of(command: Command) -> bytes:
    match command:
        case New():
            return _encode_new(command)
        case Cancel():
            return _CANCEL.pack(*command)
        case Replace():
            return _REPLACE.pack(*command)
        case MassCancel():
            return _MASS_CANCEL.pack(*command, bytes(7))
        case SetPhase():
            return _SET_PHASE.pack(*command, bytes(3))
        case Advance():
            return _ADVANCE.pack(*command)
        case Mark(ts, instrument, price):
            return _MARK.pack(ts, instrument, 0, price)
        case WriteRegister():
            return _WRITE_REGISTER.pack(*command)
        case KillSwitch():
            return _encode_kill_switch(command)


def _encode_new(new: New) -> bytes:
    ts, client_order_id, *codes, qty, price = new[:11]
    extension = new[11:]
    extended = extension != _DEFAULTS
    high, low = divmod(client_order_id, 2**64)
    payload = _NEW.pack(ts, low, high, *codes, extended, 0, qty, price)
    return payload + _EXTENSION.pack(*extension, 0) if extended else payload


def _decode_new(payload: bytes) -> New:
    head = _NEW.unpack_from(payload)
    ts, low, high, account, instrument = head[:5]
    side, order_type, time_in_force, self_trade, post_only, extended, zero, qty, price = head[5:]
    if (
        side not in _SIDES
        or order_type not in _TYPES
        or time_in_force not in _TIMES
        or self_trade > _LAST_SELF_TRADE
        or post_only > _LAST_POST_ONLY
        or extended > 1
        or zero
    ):
        raise CodecError("a code of a new order is in no table", found=head[5:12])
    if len(payload) != _NEW.size + extended * _EXTENSION.size:
        raise struct.error
    extension = _decode_extension(payload) if extended else _DEFAULTS
    return New(
        *(ts, high << 64 | low, account, instrument, side, order_type, time_in_force, self_trade, post_only),
        *(qty, price, *extension),
    )


def _decode_extension(payload: bytes) -> tuple[int, ...]:
    *extension, zero = _EXTENSION.unpack_from(payload, _NEW.size)
    trail_unit, trigger, peg_reference, all_or_none = extension[6:]
    if (
        trail_unit > _LAST_TRAIL_UNIT
        or trigger > _LAST_TRIGGER
        or peg_reference > _LAST_PEG_REFERENCE
        or all_or_none > 1
        or zero
    ):
        raise CodecError("a code of a new order is in no table", found=(*extension[6:], zero))
    if tuple(extension) == _DEFAULTS:
        raise CodecError("an extended new order says nothing that a short one would not")
    return tuple(extension)


def _decode_cancel(payload: bytes) -> Cancel:
    return Cancel(*_CANCEL.unpack(payload))


def _decode_replace(payload: bytes) -> Replace:
    return Replace(*_REPLACE.unpack(payload))


def _decode_mass_cancel(payload: bytes) -> MassCancel:
    ts, account, instrument, side, zero = _MASS_CANCEL.unpack(payload)
    if side > 2 or any(zero):
        raise CodecError("a mass cancel of no side, or with padding", found=(side, zero))
    return MassCancel(ts, account, instrument, side)


def _decode_set_phase(payload: bytes) -> SetPhase:
    ts, instrument, phase, zero = _SET_PHASE.unpack(payload)
    if phase > _LAST_PHASE or any(zero):
        raise CodecError("no phase has this code", found=(phase, zero))
    return SetPhase(ts, instrument, phase)


def _decode_advance(payload: bytes) -> Advance:
    return Advance(*_ADVANCE.unpack(payload))


def _decode_mark(payload: bytes) -> Mark:
    ts, instrument, zero, price = _MARK.unpack(payload)
    if zero:
        raise CodecError("the padding of a mark is not zero", found=zero)
    return Mark(ts, instrument, price)


def _decode_write_register(payload: bytes) -> WriteRegister:
    return WriteRegister(*_WRITE_REGISTER.unpack(payload))


def _encode_kill_switch(command: KillSwitch) -> bytes:
    ts, scope, on, number, *texts = command
    parts = [_KILL_SWITCH.pack(ts, scope, on, 0, number)]
    for text, most in zip(texts, (MAX_WHO, MAX_WHY), strict=True):
        try:
            encoded = text.encode()
        except UnicodeEncodeError as error:
            raise DataError("who and why of a kill switch are text", found=text) from error
        if not 1 <= len(encoded) <= most:
            raise DataError(
                "who and why of a kill switch are short texts",
                found=f"{len(encoded)} bytes",
                expected=f"who of 1 to {MAX_WHO} bytes, why of 1 to {MAX_WHY:,}",
            )
        parts += [len(encoded).to_bytes(2, "little"), encoded]
    return b"".join(parts)


def _decode_kill_switch(payload: bytes) -> KillSwitch:
    ts, scope, on, zero, number = _KILL_SWITCH.unpack_from(payload)
    if scope > INSTRUMENT or on > 1 or zero or (scope == EVERYTHING and number):
        raise CodecError("a kill switch of no scope, or with padding", found=(scope, on, zero, number))
    who, rest = _take_text(payload[_KILL_SWITCH.size :], MAX_WHO)
    why, rest = _take_text(rest, MAX_WHY)
    if rest:
        raise struct.error
    return KillSwitch(ts, scope, on, number, who, why)


def _take_text(payload: bytes, most: int) -> tuple[str, bytes]:
    """A text with its length before it, and what follows."""
    if len(payload) < 2:
        raise struct.error
    end = 2 + int.from_bytes(payload[:2], "little")
    if len(payload) < end:
        raise struct.error
    if not 1 <= end - 2 <= most:
        what = "who and why of a kill switch are short texts"
        raise CodecError(what, found=f"{end - 2} bytes", expected=f"1 to {most:,}")
    try:
        return payload[2:end].decode(), payload[end:]
    except UnicodeDecodeError as error:
        raise CodecError("who and why of a kill switch are UTF-8", found=payload[2:end]) from error


_READERS: dict[int, Callable[[bytes], Command]] = {
    CommandKind.NEW.value: _decode_new,
    CommandKind.CANCEL.value: _decode_cancel,
    CommandKind.REPLACE.value: _decode_replace,
    CommandKind.MASS_CANCEL.value: _decode_mass_cancel,
    CommandKind.SET_PHASE.value: _decode_set_phase,
    CommandKind.ADVANCE.value: _decode_advance,
    CommandKind.MARK.value: _decode_mark,
    CommandKind.WRITE_REGISTER.value: _decode_write_register,
    CommandKind.KILL_SWITCH.value: _decode_kill_switch,
}
