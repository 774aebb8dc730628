"""Recorded streams of Binance as events: one message a line, the local time in nanoseconds before it.

Depth updates become levels, trades become trades, and a snapshot (the REST answer, as a line of its own or a
file) clears the book and sets it. Binance numbers its updates, so a hole is seen: ``U`` to ``u`` is what an
update covers, and on futures ``pu`` is the ``u`` before it. Its documentation of "how to manage a local order
book" is the source of the rules here.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from omni_lab.data.binance_messages import Gap, Reading, Unit
from omni_lab.data.events import Events
from omni_lab.data.feed_info import FeedInfo
from omni_lab.data.packed import unpacked
from omni_lab.errors import CodecError, ConfigError, DataError
from omni_lab.typing import AnyArray

if TYPE_CHECKING:
    from omni_lab.data.books import BookTables

_BATCH = 1 << 18
_LINES_FOR_UNITS = 500


class BinanceFile:
    """A recording of one or several streams.

    Parameters
    ----------
    path : path
        Lines of ``<nanoseconds> <JSON>``, plain or gzip. The JSON is a message or ``{"stream": …, "data":
        message}``.
    snapshot : path or dict, optional
        REST answer with ``lastUpdateId``, ``bids`` and ``asks``, from which updates are counted on.
    symbol : str, optional
        Whose the snapshots are; by default the symbol of the messages around them.
    clock : {"received", "venue"}
        Whose time the events bear.
    trade_stream : {"trade", "aggTrade"}
        Which messages are the trades; the others are left out, for they say the same.
    on_gap : {"count", "clear", "raise"}
        What to do about a hole: count it and go on, also clear the book, or refuse the file.
    tick_size, lot_size : float, optional
        Units of prices and quantities; by default as many decimals as the messages carry.

    Attributes
    ----------
    counts : dict of str to int
        Of the last full reading: ``lines``, ``depth``, ``trades``, ``snapshots``, ``gaps``, ``stale``
        (updates older than the book), ``other`` (messages that are no events).
    gaps : list of Gap
        The first hundred.

    Raises
    ------
    SourceError
        While reading, if there is no such file, or it is empty.
    CodecError
        While reading, naming the line: if it is no such message, or the file is cut off.
    DataError
        While reading, naming the line: if a number does not lie on the grid of its unit, or at a hole with
        ``on_gap="raise"``.
    ConfigError
        If an option is unknown.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        snapshot: Path | str | Mapping[str, Any] | None = None,
        symbol: str | None = None,
        clock: Literal["received", "venue"] = "received",
        trade_stream: Literal["trade", "aggTrade"] = "trade",
        on_gap: Literal["count", "clear", "raise"] = "count",
        tick_size: float | None = None,
        lot_size: float | None = None,
    ) -> None:
        options = {
            "clock": (clock, ("received", "venue")),
            "trade_stream": (trade_stream, ("trade", "aggTrade")),
            "on_gap": (on_gap, ("count", "clear", "raise")),
        }
        for name, (value, choices) in options.items():
            if value not in choices:
                raise ConfigError(f"{name} cannot be this", found=value, expected=choices)
        self.path = Path(path)
        self.counts: dict[str, int] = {}
        self.gaps: list[Gap] = []
        self._snapshot = snapshot
        self._symbol = symbol
        self._by_venue = clock == "venue"
        self._trade_stream = trade_stream
        self._on_gap = on_gap
        self._units = (tick_size, lot_size)

    def __repr__(self) -> str:
        return f"<recording of Binance: {self.path.name}>"

    def batches(self) -> Iterator[Events]:
        """Events in runs of bounded length."""
        tick, lot, first_ns = self._grid()
        day = dt.datetime.fromtimestamp(first_ns / 1e9, dt.UTC).date()
        info = FeedInfo(tick_size=tick.size, lot_size=lot.size, source=f"Binance, {self.path.name}", date=day)
        reading = Reading(tick, lot, self._by_venue, self._trade_stream, self._on_gap, self._symbol)
        if self._snapshot is not None:
            reading.snapshot(self._snapshot_message(), first_ns)
        for number, ts, message in self._messages():
            try:
                reading.take(number, ts, message)
            except (KeyError, TypeError, ValueError) as error:
                if isinstance(error, DataError):
                    raise
                raise _not_a_message(message, number, self.path.name) from error
            if len(reading.rows) >= _BATCH:
                yield reading.taken(info)
        if reading.rows:
            yield reading.taken(info)
        self.counts, self.gaps = dict(reading.counts), reading.gaps

    def events(self) -> Events:
        """All events of the recording."""
        parts = list(self.batches())
        return Events.concat(parts) if parts else Events.from_columns({"ts": [], "kind": []})

    def books(self, **options: Any) -> BookTables:
        """Books built from the events; see :class:`omni_lab.data.books.MarketReplay`."""
        from omni_lab.data.books import replay_events

        # The day and the units stand in the first batch.
        batches = self.batches()
        first = next(batches, Events.from_columns({"ts": [], "kind": []}))

        def each() -> Iterator[Events]:
            yield first
            yield from batches

        return replay_events(each(), first.info, **options).run()

    def best_quotes(self) -> dict[str, AnyArray]:
        """What ``bookTicker`` messages say: best prices with the number of the update that made them.

        Returns
        -------
        dict of str to ndarray, shape (n_messages,)
            ``ts`` and ``update_id`` int64; ``symbol``; ``bid_price``, ``bid_qty``, ``ask_price``, ``ask_qty``
            int64 in the units of the events.
        """
        tick, lot, _ = self._grid()
        found = []
        for number, ts, message in self._messages():
            if message.keys() >= {"u", "b", "B", "a", "A"} and message.get("e", "bookTicker") == "bookTicker":
                prices = [tick.units(message[key], number) for key in "ba"]
                sizes = [lot.units(message[key], number) for key in "BA"]
                found.append((ts, int(message["u"]), prices[0], sizes[0], prices[1], sizes[1], message["s"]))
        names = ("ts", "update_id", "bid_price", "bid_qty", "ask_price", "ask_qty")
        columns = list(zip(*found, strict=True)) or [()] * 7
        return {
            **{name: np.array(column, dtype=np.int64) for name, column in zip(names, columns, strict=False)},
            "symbol": np.array(columns[6], dtype=str),
        }

    def _messages(self) -> Iterator[tuple[int, int, dict[str, Any]]]:
        with unpacked(self.path, "recording") as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                stamp, _, text = line.partition(b" ")
                try:
                    ts, message = int(stamp), json.loads(text)
                    message = message.get("data", message)
                    if not isinstance(message, dict):
                        raise ValueError
                except (ValueError, AttributeError) as error:
                    raise _not_a_message(line, number, self.path.name) from error
                yield number, ts, message

    def _grid(self) -> tuple[Unit, Unit, int]:
        """Units of prices and quantities, and the first time."""
        tick, lot = (None if size is None else Unit.of(size) for size in self._units)
        prices, sizes, first_ns = [0], [0], None
        for _, ts, message in islice(self._messages(), _LINES_FOR_UNITS):
            first_ns = ts if first_ns is None else first_ns
            levels = (
                [*message.get("b", ()), *message.get("a", ())] if message.get("e") == "depthUpdate" else ()
            )
            prices += [_decimals(level[0]) for level in levels] + [_decimals(message.get("p", ""))]
            sizes += [_decimals(level[1]) for level in levels] + [_decimals(message.get("q", ""))]
        return tick or Unit(max(prices), "tick_size"), lot or Unit(max(sizes), "lot_size"), first_ns or 0

    def _snapshot_message(self) -> dict[str, Any]:
        if isinstance(self._snapshot, Mapping):
            return dict(self._snapshot)
        path = Path(str(self._snapshot))
        with unpacked(path, "snapshot") as file:
            text = file.read()
        try:
            message = json.loads(text)
            if {"lastUpdateId", "bids", "asks"} <= message.keys():
                return dict(message)
        except (ValueError, AttributeError):
            pass
        raise CodecError(
            "this is no snapshot",
            found=text[:80],
            expected="JSON with lastUpdateId, bids and asks",
            where=path.name,
        )


def _decimals(text: str) -> int:
    return len(text.partition(".")[2])


def _not_a_message(found: Any, line: int, name: str) -> CodecError:
    return CodecError(
        "this is no message of a recording of Binance",
        found=found[:80] if isinstance(found, bytes) else str(found)[:80],
        expected='"<nanoseconds> <JSON>", with the fields that Binance documents',
        where=f"line {line} of {name}",
    )
