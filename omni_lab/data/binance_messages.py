"""Messages of Binance as rows of events: exact numbers, and a watch on the numbers of updates."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

import numpy as np

from omni_lab.data.events import COLUMNS, EventFlag, EventKind, Events
from omni_lab.data.feed_info import FeedInfo
from omni_lab.errors import ConfigError, DataError

_BUY, _SELL = 1, 2
_LAST, _SNAPSHOT = int(EventFlag.LAST), int(EventFlag.SNAPSHOT)
_TRADED = int(EventFlag.PRINTABLE | EventFlag.LAST)
_REMEMBERED = 1000
_GAPS_KEPT = 100
_MS = 1_000_000

Row = tuple[int, ...]
"""One event: the nine columns in their order."""


class Gap(NamedTuple):
    """A hole in the updates of a symbol.

    Attributes
    ----------
    line : int
        Where it shows, counted from 1.
    symbol : str
    expected, found : int
        Number that should have come next, or before; and what came.
    """

    line: int
    symbol: str
    expected: int
    found: int


@dataclass(frozen=True)
class Unit:
    """A grid of decimals: texts become whole numbers of it, exactly."""

    decimals: int
    name: str
    step: Decimal | None = None

    @classmethod
    def of(cls, size: float) -> Unit:
        """The grid of a given step."""
        if not 0 < size < float("inf"):
            raise ConfigError("a unit must be a finite number > 0", found=size, where="tick_size or lot_size")
        return cls(0, "tick_size or lot_size", Decimal(repr(size)))

    @property
    def size(self) -> float:
        """What one unit is worth."""
        return float(self.step or Decimal(1).scaleb(-self.decimals))

    def units(self, text: str, line: int) -> int:
        """How many units a number is."""
        if self.step is None:
            whole, _, fraction = text.partition(".")
            if len(fraction) == self.decimals:
                units = int(whole + fraction)
                if units < 1 << 63:
                    return units
        step = self.step or Decimal(1).scaleb(-self.decimals)
        try:
            ratio = Decimal(text) / step
        except InvalidOperation as error:
            raise DataError("this is no number", found=text, where=f"line {line}") from error
        if ratio != int(ratio) or abs(ratio) >= 1 << 63:
            raise DataError(
                "a number cannot be counted in its unit",
                found=text,
                expected=f"a multiple of {step:f} that fits 64 bits",
                where=f"line {line}",
                hint=f"Say the unit: {self.name}=…",
            )
        return int(ratio)


@dataclass
class Stream:
    """How far the updates of a symbol have come.

    Attributes
    ----------
    number : int
        Of the instrument.
    last : int or None
        Number of the last update in the book; None before the first.
    is_fresh : bool
        Whether the book is a snapshot that no update has joined yet.
    recent : deque
        The latest updates as their first and last number and their levels: a snapshot may be older than they
        are.
    """

    number: int
    last: int | None = None
    is_fresh: bool = False
    recent: deque[tuple[int, list[Row]]] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))


class Reading:
    """Turns messages into rows of events, and watches the numbers of updates."""

    def __init__(
        self, tick: Unit, lot: Unit, by_venue: bool, trade_stream: str, on_gap: str, symbol: str | None
    ) -> None:
        self.rows: list[Row] = []
        self.counts: Counter[str] = Counter()
        self.gaps: list[Gap] = []
        self._tick, self._lot = tick, lot
        self._by_venue = by_venue
        self._trade_stream = trade_stream
        self._on_gap = on_gap
        self._streams: dict[str, Stream] = {}
        self._symbol = symbol
        self._early: tuple[dict[str, Any], int] | None = None

    def take(self, line: int, ts: int, message: dict[str, Any]) -> None:
        """One message of the recording."""
        self.counts["lines"] += 1
        kind = message.get("e")
        if kind is None and "lastUpdateId" in message:
            self.snapshot(message, ts, line)
        elif kind == "depthUpdate":
            self._depth(line, ts, message)
        elif kind == self._trade_stream:
            self._trade(line, ts, message)
        else:
            self.counts["other"] += 1

    def snapshot(self, message: dict[str, Any], ts: int, line: int = 0) -> None:
        """Clear the book, set it, and bring it to where the updates are."""
        if self._symbol is None:
            # The first message with a name says whose it is.
            self._early = (message, ts)
            return
        stream = self._stream(self._symbol)
        ts = self._time(ts, message)
        self.counts["snapshots"] += 1
        update = int(message["lastUpdateId"])
        self.rows.append((ts, EventKind.CLEAR, 0, _SNAPSHOT, stream.number, 0, 0, 0, 0))
        for side, key in ((_BUY, "bids"), (_SELL, "asks")):
            self._levels(ts, stream.number, side, message[key], line, _SNAPSHOT)
        for last, rows in stream.recent:
            if last > update:
                self.rows += [(ts, *row[1:]) for row in rows]
        self._close()
        if stream.last is None or stream.last <= update:
            stream.last, stream.is_fresh = update, True

    def taken(self, info: FeedInfo) -> Events:
        """The events so far; begins anew."""
        columns = np.array(self.rows, dtype=np.int64).reshape(-1, len(COLUMNS)).T
        self.rows = []
        symbols = {stream.number: symbol for symbol, stream in self._streams.items()}
        return Events.from_columns(dict(zip(COLUMNS, columns, strict=True)), info.with_symbols(symbols))

    def _depth(self, line: int, ts: int, message: dict[str, Any]) -> None:
        stream, last = self._named(message), int(message["u"])
        if stream.last is not None:
            if last <= stream.last:
                self.counts["stale"] += 1
                return
            self._check(line, stream, message)
        stream.last, stream.is_fresh = last, False
        self.counts["depth"] += 1
        ts, start = self._time(ts, message), len(self.rows)
        for side, key in ((_BUY, "b"), (_SELL, "a")):
            self._levels(ts, stream.number, side, message[key], line, 0)
        if len(self.rows) > start:
            self._close()
            stream.recent.append((last, self.rows[start:]))

    def _check(self, line: int, stream: Stream, message: dict[str, Any]) -> None:
        assert stream.last is not None
        first, before = int(message["U"]), message.get("pu")
        if stream.is_fresh:
            # The first update after a snapshot begins at or before it.
            expected, found = stream.last + 1, first
            whole = found <= expected
        elif before is not None:
            expected, found = stream.last, int(before)
            whole = found == expected
        else:
            expected, found = stream.last + 1, first
            whole = found == expected
        if whole:
            return
        gap = Gap(line, str(message["s"]), expected, found)
        if self._on_gap == "raise":
            raise DataError(
                "updates are missing", found=found, expected=str(expected), where=f"line {line}, {gap.symbol}"
            )
        self.counts["gaps"] += 1
        if len(self.gaps) < _GAPS_KEPT:
            self.gaps.append(gap)
        if self._on_gap == "clear":
            ts = self.rows[-1][0] if self.rows else 0
            self.rows.append((ts, EventKind.CLEAR, 0, 0, stream.number, 0, 0, 0, 0))

    def _trade(self, line: int, ts: int, message: dict[str, Any]) -> None:
        number = self._named(message).number
        qty = self._lot.units(message["q"], line)
        if not qty:
            # Futures tell of liquidations that found nobody.
            self.counts["other"] += 1
            return
        self.counts["trades"] += 1
        # "m": the buyer was the one who waited.
        side = _BUY if message["m"] else _SELL
        match = int(message["t" if self._trade_stream == "trade" else "a"])
        price = self._tick.units(message["p"], line)
        self.rows.append(
            (self._time(ts, message), EventKind.TRADE, side, _TRADED, number, 0, match, qty, price)
        )

    def _levels(self, ts: int, number: int, side: int, levels: Any, line: int, flags: int) -> None:
        tick, lot = self._tick.units, self._lot.units
        self.rows += [
            (ts, EventKind.LEVEL, side, flags, number, 0, 0, lot(qty, line), tick(price, line))
            for price, qty in levels
        ]

    def _close(self) -> None:
        """The book is whole after the last row."""
        row = self.rows[-1]
        self.rows[-1] = (*row[:3], row[3] | _LAST, *row[4:])

    def _named(self, message: dict[str, Any]) -> Stream:
        symbol = str(message["s"])
        if self._symbol is None:
            self._symbol = symbol
            if self._early:
                self.snapshot(*self._early)
        return self._stream(symbol)

    def _stream(self, symbol: str) -> Stream:
        if symbol not in self._streams:
            self._streams[symbol] = Stream(len(self._streams))
        return self._streams[symbol]

    def _time(self, received_ns: int, message: dict[str, Any]) -> int:
        if not self._by_venue:
            return received_ns
        # Futures state when it happened (T) beside when it was told (E).
        stamp = message.get("T", message.get("E"))
        return received_ns if stamp is None else int(stamp) * _MS
