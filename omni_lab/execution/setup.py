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
MAX_SECTOR = 255
"""The largest number of a sector."""
MAX_LEVELS = 4
"""How many accounts a lineage has at most."""
PARTS = 10_000
"""Limits of a fraction are counted in so many parts of it."""

_VERSION = 2
_NONE = 2**32 - 1
_PHASES = frozenset(map(int, TradingPhase))
_HEAD = struct.Struct("<IIIIBB2s")
_GRIDS = struct.Struct("<dd")
_INSTRUMENT = struct.Struct("<16sqIqq16s")
_ACCOUNT = struct.Struct("<I16s")
_LIMITS = struct.Struct("<qqq16sqqqq16sqqqq")
_POSITION = struct.Struct("<IIqq")


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSetup:
    """The thirteen limits of an account, in the order of their registers.

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
    max_drawdown, max_leverage, max_sector, max_name : int
        Parts of 1/10,000: the first of the peak of equity, the others of equity.
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
    max_drawdown: int = MAX64
    max_leverage: int = MAX64
    max_sector: int = MAX64
    max_name: int = MAX64

    def problems(self) -> list[str]:
        """What keeps the limits from being limits, as clauses."""
        found = []
        if min(getattr(self, name) for name in self.__slots__) < 0:
            found.append("a limit must not be negative")
        if not (is_rate(self.order_rate) and is_rate(self.cancel_rate)):
            found.append("a rate must be from 1 to 1e9, or no limit")
        if not (1 <= self.order_burst <= MAX_RATE and 1 <= self.cancel_burst <= MAX_RATE):
            found.append("a burst must be from 1 to 1e9")
        return found

    def payload(self) -> bytes:
        """The limits as the configuration spells them."""
        return _LIMITS.pack(
            *(
                _wide(value) if name in _MONEY else value
                for name, value in ((name, getattr(self, name)) for name in self.__slots__)
            )
        )


_MONEY = frozenset({"max_notional", "max_daily_loss"})


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
    sector : int
        From 1 on; 0 for none.
    max_order_qty, collar_bps, max_notional : int
        Limits for everybody: lots, basis points, 1e-18.
    """

    symbol: str
    tick_size: float
    lot_size: float
    currency: str
    tick_value: int
    reference: int = 0
    sector: int = 0
    max_order_qty: int = MAX64
    collar_bps: int = MAX64
    max_notional: int = MAX128


@dataclass(frozen=True, slots=True)
class AccountSetup:
    """An account.

    Attributes
    ----------
    name : str
        What it is called.
    limits, soft : LimitSetup
        What the gate refuses, and what it warns of.
    parent : int, optional
        The account above, which has a smaller number.
    capital : int
        Units of 1e-18 of a currency.
    """

    name: str
    limits: LimitSetup = LimitSetup()
    soft: LimitSetup = LimitSetup()
    parent: int | None = None
    capital: int = 0


@dataclass(frozen=True, slots=True)
class PositionSetup:
    """Limits of one account in one instrument, in lots."""

    account: int
    instrument: int
    max_position: int = MAX64
    max_order_qty: int = MAX64


@dataclass(frozen=True, slots=True)
class Setup:
    """Everything that an order-management system starts from."""

    instruments: tuple[InstrumentSetup, ...]
    accounts: tuple[AccountSetup, ...]
    phase: TradingPhase = TradingPhase.CONTINUOUS
    positions: tuple[PositionSetup, ...] = ()
    two_person: bool = False

    @property
    def n_sectors(self) -> int:
        """The largest sector."""
        return max(each.sector for each in self.instruments)

    def lineage(self, account: int) -> tuple[int, ...]:
        """An account and all above it, the highest first."""
        found: tuple[int, ...] = ()
        above: int | None = account
        while above is not None:
            found = (above, *found)
            above = self.accounts[above].parent
        return found

    def payload(self) -> bytes:
        """The payload of the first frame of a journal."""
        sizes = (len(self.instruments), len(self.accounts), len(self.positions))
        parts = [_HEAD.pack(_VERSION, *sizes, self.phase, self.two_person, bytes(2))]
        for each in self.instruments:
            limits = (each.max_order_qty, each.collar_bps, _wide(each.max_notional))
            parts += [_text(each.symbol), _GRIDS.pack(each.tick_size, each.lot_size), _text(each.currency)]
            parts += [_INSTRUMENT.pack(_wide(each.tick_value), each.reference, each.sector, *limits)]
        for account in self.accounts:
            parent = _NONE if account.parent is None else account.parent
            parts += [_text(account.name), _ACCOUNT.pack(parent, _wide(account.capital))]
            parts += [account.limits.payload(), account.soft.payload()]
        for position in self.positions:
            place = (position.account, position.instrument)
            parts += [_POSITION.pack(*place, position.max_position, position.max_order_qty)]
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
        version, n_instruments, n_accounts, n_positions, phase, two_person, padding = reader.take(_HEAD)
        if version != _VERSION:
            raise CodecError("unknown version of a configuration", found=version, expected=_VERSION)
        if phase not in _PHASES or padding != bytes(2):
            raise CodecError("the configuration's initial phase is none", found=bytes([phase, *padding]))
        if two_person > 1:
            raise CodecError("the configuration's two_person is not 0 or 1", found=two_person)
        if not (1 <= n_instruments <= MAX_INSTRUMENTS and 1 <= n_accounts <= MAX_ACCOUNTS):
            raise CodecError("a configuration of no size", found=(n_instruments, n_accounts))
        instruments = tuple(_read_instrument(reader) for _ in range(n_instruments))
        accounts: list[AccountSetup] = []
        depths: list[int] = []
        for number in range(n_accounts):
            account = _read_account(reader, number)
            depths.append(1 if account.parent is None else depths[account.parent] + 1)
            if depths[-1] > MAX_LEVELS:
                raise CodecError("a lineage has at most four accounts", where=account.name)
            accounts.append(account)
        positions: list[PositionSetup] = []
        for _ in range(n_positions):
            position = PositionSetup(*reader.take(_POSITION))
            _check_position(position, positions[-1:], n_accounts, n_instruments)
            positions.append(position)
        reader.finish()
        _check_distinct([each.symbol for each in instruments])
        _check_distinct([each.name for each in accounts])
        return cls(instruments, tuple(accounts), TradingPhase(phase), tuple(positions), bool(two_person))


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
    worth, reference, sector, max_order_qty, collar_bps, notional = reader.take(_INSTRUMENT)
    tick_value, max_notional = _signed(worth), _signed(notional)
    for size in (tick_size, lot_size):
        if not (size > 0 and isfinite(size)):
            raise CodecError("a tick_size and a lot_size must be positive", found=size, where=symbol)
    if not 0 < tick_value < MAX_TICK_VALUE:
        raise CodecError("a tick_value must be positive and below 2^90", found=tick_value, where=symbol)
    if not 0 <= reference <= MAX_PRICE:
        raise CodecError("a reference price must be from 0 to 2^50", found=reference, where=symbol)
    if sector > MAX_SECTOR:
        raise CodecError("a sector must be from 0 to 255", found=sector, where=symbol)
    limits = (max_order_qty, collar_bps, max_notional)
    if min(limits) < 0:
        raise CodecError("a limit must not be negative", found=limits, where=symbol)
    return InstrumentSetup(symbol, tick_size, lot_size, currency, tick_value, reference, sector, *limits)


def _read_account(reader: _Reader, number: int) -> AccountSetup:
    name = reader.text()
    parent, money = reader.take(_ACCOUNT)
    if parent != _NONE and parent >= number:
        raise CodecError("a parent has a smaller number than its child", found=parent, where=name)
    capital = _signed(money)
    if capital < 0:
        raise CodecError("the capital must not be negative", found=capital, where=name)
    limits, soft = (_read_limits(reader, name) for _ in range(2))
    return AccountSetup(name, limits, soft, None if parent == _NONE else parent, capital)


def _read_limits(reader: _Reader, where: str) -> LimitSetup:
    values = zip(LimitSetup.__slots__, reader.take(_LIMITS), strict=True)
    limits = LimitSetup(**{name: _signed(value) if name in _MONEY else value for name, value in values})
    if problems := limits.problems():
        raise CodecError("; ".join(problems), where=where)
    return limits


def _check_position(
    position: PositionSetup, before: list[PositionSetup], n_accounts: int, n_instruments: int
) -> None:
    place = (position.account, position.instrument)
    if position.account >= n_accounts or position.instrument >= n_instruments:
        raise CodecError("the limits of a position are of nobody, or in nothing", found=place)
    if any(place <= (each.account, each.instrument) for each in before):
        raise CodecError("the limits of positions are not in ascending order", found=place)
    if min(position.max_position, position.max_order_qty) < 0:
        raise CodecError("a limit must not be negative", where=f"position {place}")


def _check_distinct(names: list[str]) -> None:
    if len(set(names)) < len(names):
        raise CodecError("a name stands twice in the configuration", found=sorted(names))


def _text(text: str) -> bytes:
    encoded = text.encode()
    return len(encoded).to_bytes(2, "little") + encoded


def _signed(word: bytes) -> int:
    return int.from_bytes(word, "little", signed=True)


def _wide(value: int) -> bytes:
    return value.to_bytes(16, "little", signed=True)
