"""The configuration in whole numbers, as the engine holds it and as the first frame of a journal spells it.

``docs/oms.md``, section 1. People write an `OMSConfig` in prices and currency; this is what becomes of it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from math import isfinite
from typing import Any

from omni_lab.domain import TradingPhase
from omni_lab.errors import CodecError

MAX64 = 2**63 - 1
"""A 64-bit limit that limits nothing."""
MAX128 = 2**127 - 1
"""A 128-bit limit that limits nothing."""
MAX_PRICE = 2**50
"""The largest price, in ticks."""
MAX_QTY = 2**50
"""The largest quantity of an order, in lots."""
MAX_RATE = 10**9
"""The largest rate and the largest burst, in orders a second and in orders."""
MAX_TICK_VALUE = 2**90
"""What one lot gains by one tick stays below this."""
MAX_ACCOUNTS = 4_080
MAX_INSTRUMENTS = 65_536

_VERSION = 1
_PHASES = frozenset(map(int, TradingPhase))
_HEAD = struct.Struct("<IIIB3s")
_GRIDS = struct.Struct("<dd")
_WORTH = struct.Struct("<16sq")
_LIMITS = struct.Struct("<qqq16sqqqq16s")


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSetup:
    """The nine limits of an account, in the order of their registers.

    Attributes
    ----------
    max_position, max_order_qty : int
        Lots.
    collar_bps : int
        Distance from the reference price, in basis points.
    max_notional, max_daily_loss : int
        Units of 1e-18 of a currency.
    order_rate, order_burst, cancel_rate, cancel_burst : int
        A second, and at once.
    """

    max_position: int = MAX64
    max_order_qty: int = MAX64
    collar_bps: int = MAX64
    max_notional: int = MAX128
    order_rate: int = MAX64
    order_burst: int = 1
    cancel_rate: int = MAX64
    cancel_burst: int = 1
    max_daily_loss: int = MAX128

    def problems(self) -> list[str]:
        """What keeps the limits from being limits, as clauses."""
        amounts = (self.max_position, self.max_order_qty, self.collar_bps, self.max_notional)
        found = []
        if min(*amounts, self.max_daily_loss) < 0:
            found.append("a limit must not be negative")
        if not (is_rate(self.order_rate) and is_rate(self.cancel_rate)):
            found.append("a rate must be from 1 to 1e9, or no limit")
        if not (1 <= self.order_burst <= MAX_RATE and 1 <= self.cancel_burst <= MAX_RATE):
            found.append("a burst must be from 1 to 1e9")
        return found


@dataclass(frozen=True, slots=True)
class InstrumentSetup:
    """An instrument.

    Attributes
    ----------
    symbol, currency : str
        Names.
    tick_size, lot_size : float
        Steps of price and quantity; the engine does not need them.
    tick_value : int
        What one lot gains by one tick, 1e-18.
    reference : int
        Reference price, ticks; 0 for none.
    """

    symbol: str
    tick_size: float
    lot_size: float
    currency: str
    tick_value: int
    reference: int = 0


@dataclass(frozen=True, slots=True)
class AccountSetup:
    """An account: its name and its limits."""

    name: str
    limits: LimitSetup = LimitSetup()


@dataclass(frozen=True, slots=True)
class Setup:
    """Everything that an order-management system starts from."""

    instruments: tuple[InstrumentSetup, ...]
    accounts: tuple[AccountSetup, ...]
    phase: TradingPhase = TradingPhase.CONTINUOUS

    def payload(self) -> bytes:
        """The payload of the first frame of a journal."""
        parts = [_HEAD.pack(_VERSION, len(self.instruments), len(self.accounts), self.phase, bytes(3))]
        for each in self.instruments:
            parts += [_text(each.symbol), _GRIDS.pack(each.tick_size, each.lot_size), _text(each.currency)]
            parts += [_WORTH.pack(each.tick_value.to_bytes(16, "little", signed=True), each.reference)]
        for account in self.accounts:
            parts += [_text(account.name), _pack_limits(account.limits)]
        return b"".join(parts)

    @classmethod
    def from_payload(cls, payload: bytes) -> Setup:
        """The configuration that a payload spells.

        Raises
        ------
        CodecError
            If it does not spell one, or one that could not be.
        """
        reader = _Reader(payload)
        version, n_instruments, n_accounts, phase, padding = reader.take(_HEAD)
        if version != _VERSION:
            raise CodecError("unknown version of a configuration", found=version, expected=_VERSION)
        if phase not in _PHASES or padding != bytes(3):
            raise CodecError("the configuration's initial phase is none", found=bytes([phase, *padding]))
        if not (1 <= n_instruments <= MAX_INSTRUMENTS and 1 <= n_accounts <= MAX_ACCOUNTS):
            raise CodecError("a configuration of no size", found=(n_instruments, n_accounts))
        instruments = tuple(_read_instrument(reader) for _ in range(n_instruments))
        accounts = tuple(_read_account(reader) for _ in range(n_accounts))
        reader.finish()
        _check_distinct([each.symbol for each in instruments])
        _check_distinct([each.name for each in accounts])
        return cls(instruments, accounts, TradingPhase(phase))


def is_rate(value: int) -> bool:
    """Whether it is a rate a second, or the number that stands for none."""
    return 1 <= value <= MAX_RATE or value == MAX64


class _Reader:
    """Takes a payload apart from front to back."""

    def __init__(self, payload: bytes) -> None:
        self._payload = payload
        self._offset = 0

    def take(self, layout: struct.Struct) -> tuple[Any, ...]:
        self._need(layout.size)
        values = layout.unpack_from(self._payload, self._offset)
        self._offset += layout.size
        return values

    def text(self) -> str:
        self._need(2)
        length = int.from_bytes(self._payload[self._offset : self._offset + 2], "little")
        self._need(2 + length)
        start, self._offset = self._offset + 2, self._offset + 2 + length
        try:
            return self._payload[start : self._offset].decode()
        except UnicodeDecodeError as error:
            raise CodecError("a name in the configuration is not UTF-8", where=f"byte {start}") from error

    def finish(self) -> None:
        if self._offset != len(self._payload):
            raise CodecError(
                "the configuration is longer than it says", found=len(self._payload), expected=self._offset
            )

    def _need(self, size: int) -> None:
        if self._offset + size > len(self._payload):
            raise CodecError("the configuration ends too early", where=f"byte {len(self._payload)}")


def _read_instrument(reader: _Reader) -> InstrumentSetup:
    symbol = reader.text()
    tick_size, lot_size = reader.take(_GRIDS)
    currency = reader.text()
    worth, reference = reader.take(_WORTH)
    tick_value = _signed(worth)
    for size in (tick_size, lot_size):
        if not (size > 0 and isfinite(size)):
            raise CodecError("a tick_size and a lot_size must be positive", found=size, where=symbol)
    if not 0 < tick_value < MAX_TICK_VALUE:
        raise CodecError("a tick_value must be positive and below 2^90", found=tick_value, where=symbol)
    if not 0 <= reference <= MAX_PRICE:
        raise CodecError("a reference price must be from 0 to 2^50", found=reference, where=symbol)
    return InstrumentSetup(symbol, tick_size, lot_size, currency, tick_value, reference)


def _read_account(reader: _Reader) -> AccountSetup:
    name = reader.text()
    position, size, collar, notional, *rates, loss = reader.take(_LIMITS)
    limits = LimitSetup(
        max_position=position,
        max_order_qty=size,
        collar_bps=collar,
        max_notional=_signed(notional),
        order_rate=rates[0],
        order_burst=rates[1],
        cancel_rate=rates[2],
        cancel_burst=rates[3],
        max_daily_loss=_signed(loss),
    )
    if problems := limits.problems():
        raise CodecError("; ".join(problems), where=name)
    return AccountSetup(name, limits)


def _pack_limits(limits: LimitSetup) -> bytes:
    return _LIMITS.pack(
        limits.max_position,
        limits.max_order_qty,
        limits.collar_bps,
        limits.max_notional.to_bytes(16, "little", signed=True),
        limits.order_rate,
        limits.order_burst,
        limits.cancel_rate,
        limits.cancel_burst,
        limits.max_daily_loss.to_bytes(16, "little", signed=True),
    )


def _check_distinct(names: list[str]) -> None:
    if len(set(names)) < len(names):
        raise CodecError("a name stands twice in the configuration", found=sorted(names))


def _text(text: str) -> bytes:
    encoded = text.encode()
    return len(encoded).to_bytes(2, "little") + encoded


def _signed(word: bytes) -> int:
    return int.from_bytes(word, "little", signed=True)
