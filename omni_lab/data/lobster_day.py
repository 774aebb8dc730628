"""A day of LOBSTER as events that a book can be built from.

LOBSTER writes only what happens within the visible levels. So a file speaks of orders that it has not
introduced: they waited when it began, or came while their price was out of sight. And an order that goes out
of sight may be deleted there without a line. The first is mended in every case, because a message about an
unknown order tells its side, price and size: a first pass adds up what is later taken from each of them, and
the order is introduced, with the flag SNAPSHOT, at the time at which its number was given out (NASDAQ counts
upwards). The second can only be mended with the orderbook file, whose rows say after each message what the
visible levels really are.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab.data.events import COLUMNS, EventFlag, EventKind, Events, TradingState
from omni_lab.data.feed_info import FeedInfo
from omni_lab.data.lobster_csv import message_batches, orderbook_batches, parse_name
from omni_lab.data.moments import EASTERN
from omni_lab.data.packed import archive_members
from omni_lab.errors import DataError, SchemaError
from omni_lab.typing import IntArray

if TYPE_CHECKING:
    from omni_lab.data.books import BookTables

_NEW, _LESS, _DELETE, _EXECUTE, _HIDDEN, _CROSS, _HALT = range(1, 8)
_BUY, _SELL = 1, 2
# Plain integers: members of an enum are an order of magnitude slower to combine.
_PRINTABLE, _LAST, _SNAPSHOT, _HIDDEN = (
    int(flag) for flag in (EventFlag.PRINTABLE, EventFlag.LAST, EventFlag.SNAPSHOT, EventFlag.HIDDEN)
)
_STATES = {-1: TradingState.HALTED, 0: TradingState.QUOTING, 1: TradingState.TRADING}
_KINDS = {
    _NEW: EventKind.ADD,
    _LESS: EventKind.CANCEL,
    _DELETE: EventKind.DELETE,
    _EXECUTE: EventKind.EXECUTE,
}
# Placeholders for volume without a name are numbered from here; NASDAQ does not get that far in a day.
_NAMELESS = 1 << 62
_TICK_SIZE = 1e-4

Row = list[int]
"""One event: the nine columns in their order."""


class LobsterDay:
    """Messages of one symbol and day, and the orderbook rows beside them where they are at hand.

    Parameters
    ----------
    messages : path
        The message file: plain, gzip, or the zip archive that LOBSTER delivers, which may hold the orderbook
        file too.
    orderbook : path, optional
        The orderbook file of the same request, any number of levels. With it the levels of the rebuilt book
        equal its rows after every message, whatever was out of sight.
    snapshot : path, optional
        Orders that wait at the start, as a message file of new orders; their times are ignored.
    symbol : str, optional
        By default from the file's name, else ``LOBSTER``.
    date : date, optional
        By default from the file's name. Without one, times count from midnight.

    Attributes
    ----------
    info : FeedInfo
        The symbol has the number 0; prices are in 1/10,000 of a dollar.
    counts : dict of str to int
        Of the last full pass: ``messages``; ``implied``, orders introduced because a later message needs
        them; ``added`` and ``removed``, corrections that the orderbook file asked for; ``unexplained``,
        messages that no rule covers.

    Raises
    ------
    DataError
        While reading: if messages and orderbook rows differ in number.
    SchemaError, SourceError, CodecError
        While reading: as :func:`omni_lab.data.lobster_csv.message_batches`.
    """

    def __init__(
        self,
        messages: Path | str,
        orderbook: Path | str | None = None,
        *,
        snapshot: Path | str | None = None,
        symbol: str | None = None,
        date: dt.date | None = None,
    ) -> None:
        self.messages = Path(messages)
        members = archive_members(self.messages)
        name = parse_name(self.messages) or next(filter(None, map(parse_name, members)), None)
        if orderbook is None and any("orderbook" in member for member in members):
            orderbook = self.messages
        self.orderbook = Path(orderbook) if orderbook is not None else None
        self.snapshot = Path(snapshot) if snapshot is not None else None
        self.counts: dict[str, int] = {}
        self.info = FeedInfo(
            symbols={0: symbol or (name.symbol if name else "LOBSTER")},
            tick_size=_TICK_SIZE,
            source=f"LOBSTER, {self.messages.name}",
            date=date or (name.date if name else None),
            zone=EASTERN,
        )

    def __repr__(self) -> str:
        beside = f" with {self.orderbook.name}" if self.orderbook else ""
        return f"<LOBSTER day {self.info.symbol(0)} {self.info.date or ''}: {self.messages.name}{beside}>"

    def events(self) -> Events:
        """All events of the file."""
        empty = Events.from_columns({"ts": [], "kind": []}, self.info)
        return Events.concat([empty, *self.batches()])

    def batches(self) -> Iterator[Events]:
        """Events in runs of bounded length, in two passes over the file."""
        first_pass = _first_pass(self.messages)
        book = _Book(self.info.midnight_ns, first_pass, _snapshot(self.snapshot))
        rows = self._orderbook_rows()
        for batch in message_batches(self.messages):
            made: list[Row] = []
            for message in zip(*(batch[name].tolist() for name in batch), strict=True):
                steps = book.apply(*message)
                if self.orderbook:
                    steps += book.correct(self._row_of(rows, book.n_messages))
                steps[-1][3] |= _LAST
                made += steps
            columns = dict(
                zip(COLUMNS, np.array(made, dtype=np.int64).reshape(-1, len(COLUMNS)).T, strict=True)
            )
            yield Events.from_columns(columns, self.info)
        if next(rows, None) is not None:
            raise self._uneven(f"more than {book.n_messages:,} rows")
        self.counts = {"messages": book.n_messages, "implied": len(first_pass.implied), **book.counts}

    def orderbook_rows(self) -> IntArray:
        """The orderbook file, a row a message.

        Columns are those of :func:`omni_lab.data.lobster_csv.orderbook_batches`.

        Returns
        -------
        ndarray of int64, shape (n_messages, 4 * n_levels)
            0 where a level is empty.

        Raises
        ------
        DataError
            If there is none.
        """
        if self.orderbook is None:
            raise DataError("this day has no orderbook file", where=self.messages.name)
        return np.concatenate(list(orderbook_batches(self.orderbook)))

    def books(self, **options: Any) -> BookTables:
        """The book of this day; see :class:`omni_lab.data.books.MarketReplay`."""
        from omni_lab.data.books import replay_events

        return replay_events(self.batches(), self.info, **options).run()

    def _orderbook_rows(self) -> Iterator[list[int]]:
        if self.orderbook:
            for block in orderbook_batches(self.orderbook):
                yield from block.tolist()

    def _row_of(self, rows: Iterator[list[int]], number: int) -> list[int]:
        row = next(rows, None)
        if row is None:
            raise self._uneven(f"{number - 1:,} rows")
        return row

    def _uneven(self, found: str) -> DataError:
        return DataError(
            "messages and orderbook rows differ in number",
            found=found,
            expected="one row for each message",
            where=f"{self.orderbook.name if self.orderbook else ''} beside {self.messages.name}",
            hint="Take both files from one request: same window, same levels.",
        )


@dataclass
class _FirstPass:
    """What only the whole file knows.

    Attributes
    ----------
    implied : dict
        Side, price and quantity of each order that a message needs and none introduces, in the order of their
        numbers.
    first_new : int
        Number of the first new order; a smaller one waited before the file began.
    last : dict
        Number of the last message about an order.
    """

    implied: dict[int, tuple[int, int, int]]
    first_new: int
    last: dict[int, int]


def _first_pass(path: Path) -> _FirstPass:
    introduced: set[int] = set()
    implied: dict[int, tuple[int, int, int]] = {}
    last: dict[int, int] = {}
    first_new, number = _NAMELESS, 0
    for batch in message_batches(path):
        columns = (batch[name].tolist() for name in ("kind", "order_id", "qty", "price", "sign"))
        for kind, name, qty, price, sign in zip(*columns, strict=True):
            number += 1
            if kind == _NEW:
                introduced.add(name)
                first_new = name if first_new == _NAMELESS else first_new
            elif kind not in _KINDS:
                continue
            elif name not in introduced:
                side, _, before = implied.get(name, (_side(sign), price, 0))
                implied[name] = side, price, before + qty
            last[name] = number
    return _FirstPass(dict(sorted(implied.items())), first_new, last)


def _snapshot(path: Path | None) -> dict[int, tuple[int, int, int]]:
    """Side, price and quantity of the orders of a snapshot."""
    waiting: dict[int, tuple[int, int, int]] = {}
    for batch in message_batches(path) if path else ():
        others = batch["kind"] != _NEW
        if others.any():
            raise SchemaError(
                "a snapshot holds new orders only",
                found=int(batch["kind"][others.argmax()]),
                expected="1 in the second column",
                where=str(path),
            )
        columns = (batch[name].tolist() for name in ("order_id", "sign", "price", "qty"))
        waiting.update(
            {name: (_side(sign), price, qty) for name, sign, price, qty in zip(*columns, strict=True)}
        )
    return waiting


class _Book:
    """The orders that wait, as far as the files tell, and the events that make it so."""

    def __init__(
        self, midnight_ns: int, first: _FirstPass, snapshot: dict[int, tuple[int, int, int]]
    ) -> None:
        self.counts = Counter(added=0, removed=0, unexplained=0)
        self.n_messages = 0
        self._midnight_ns = midnight_ns
        self._last = first.last
        self._unborn = {**snapshot, **{n: o for n, o in first.implied.items() if n not in snapshot}}
        # The last is born first.
        self._births = sorted(self._unborn, reverse=True)
        self._at_start = [name for name in self._unborn if name < first.first_new or name in snapshot]
        self._orders: dict[int, tuple[int, int, int]] = {}
        self._queues: dict[tuple[int, int], dict[int, None]] = {}
        self._totals: dict[int, dict[int, int]] = {_BUY: {}, _SELL: {}}
        self._edges: dict[int, int | None] = {_BUY: None, _SELL: None}
        self._n_nameless = 0
        self._look = True
        self._ts = 0

    def apply(self, ts: int, kind: int, name: int, qty: int, price: int, sign: int) -> list[Row]:
        """The events of one message; orders that it needs are introduced before it."""
        self.n_messages += 1
        self._ts = ts + self._midnight_ns
        side, steps = _side(sign), self._births_before(kind, name)
        match kind:
            case 1:
                self._unborn.pop(name, None)
                steps.append(self._add(name, side, price, qty))
            case 2 | 3 | 4:
                steps += self._introduced(name, side, price, qty)
                whole = kind == _DELETE or qty == self._orders[name][2]
                self._take(name, None if whole else qty)
                said = 0 if kind == _DELETE else qty
                steps.append(self._row(_KINDS[kind], side, name, said, price if kind == _EXECUTE else 0))
                if kind == _EXECUTE:
                    steps[-1][3] = _PRINTABLE
            case 5:
                steps.append(self._row(EventKind.TRADE, side, 0, qty, price))
                steps[-1][3] = _PRINTABLE | _HIDDEN
            case 6:
                steps.append(self._row(EventKind.CROSS, 0, 0, qty, price))
                steps[-1][3] = _PRINTABLE
            case 7 if price in _STATES:
                steps.append(self._row(EventKind.STATUS, 0, 0, _STATES[price], 0))
            case _:
                raise SchemaError(
                    "a LOBSTER message is of no known type",
                    found=kind if kind != _HALT else f"a halt with price {price}",
                    expected="1 to 7",
                    where=f"line {self.n_messages}",
                )
        return steps

    def correct(self, row: list[int]) -> list[Row]:
        """The events that bring the visible levels to what a row of the orderbook file says."""
        steps: list[Row] = []
        for side, first in ((_SELL, 0), (_BUY, 2)):
            prices, sizes = row[first::4], row[first + 1 :: 4]
            totals = self._totals[side]
            for price, size in zip(prices, sizes, strict=True):
                if totals.get(price, 0) != size and price:
                    steps += self._settle(side, price, size)
            # Beyond the last visible level nothing is known; if it is empty, all is visible.
            edge = prices[-1] or None
            if self._look or _further(side, edge, self._edges[side]):
                shown = set(prices)
                hidden = [
                    p for p in totals if p not in shown and (edge is None or not _further(side, p, edge))
                ]
                for price in hidden:
                    steps += self._settle(side, price, 0)
            self._edges[side] = edge
        self._look = False
        return steps

    def _births_before(self, kind: int, name: int) -> list[Row]:
        born, self._at_start = self._at_start, []
        if kind == _NEW:
            while self._births and self._births[-1] < name:
                born.append(self._births.pop())
        elif name in self._unborn:
            born.append(name)
        rows = []
        for each in born:
            if each in self._unborn:
                rows.append(self._add(each, *self._unborn.pop(each), flags=_SNAPSHOT))
                self._look = True
        return rows

    def _introduced(self, name: int, side: int, price: int, qty: int) -> list[Row]:
        """Nothing where the order waits with so much; else what makes it so."""
        have = self._orders.get(name, (side, price, 0))[2]
        if have >= qty:
            return []
        # A correction took from the wrong one of several orders, or the file takes more than it gave.
        self.counts["unexplained"] += 1
        kind = EventKind.MODIFY if have else EventKind.ADD
        if have:
            self._take(name, None)
        self._add(name, side, price, qty)
        return [self._row(kind, side, name, qty, price, _SNAPSHOT)]

    def _settle(self, side: int, price: int, size: int) -> list[Row]:
        excess = self._totals[side].get(price, 0) - size
        if excess < 0:
            self.counts["added"] += 1
            self._n_nameless += 1
            return [self._add(_NAMELESS + self._n_nameless, side, price, -excess, flags=_SNAPSHOT)]
        steps: list[Row] = []
        # Whom no later message mentions is the likeliest to have gone out of sight.
        queue = sorted(self._queues[side, price], key=lambda name: self._last.get(name, 0) > self.n_messages)
        for name in queue:
            if not excess:
                break
            self.counts["removed"] += 1
            taken = min(excess, self._orders[name][2])
            whole = taken == self._orders[name][2]
            kind, said = (EventKind.DELETE, 0) if whole else (EventKind.CANCEL, taken)
            steps.append(self._row(kind, side, name, said, 0, _SNAPSHOT))
            self._take(name, taken)
            excess -= taken
        return steps

    def _add(self, name: int, side: int, price: int, qty: int, *, flags: int = 0) -> Row:
        self._orders[name] = side, price, qty
        self._queues.setdefault((side, price), {})[name] = None
        totals = self._totals[side]
        totals[price] = totals.get(price, 0) + qty
        return self._row(EventKind.ADD, side, name, qty, price, flags)

    def _take(self, name: int, qty: int | None) -> None:
        side, price, have = self._orders[name]
        left = 0 if qty is None else have - qty
        totals = self._totals[side]
        totals[price] -= have - left
        if not totals[price]:
            del totals[price]
        if left:
            self._orders[name] = side, price, left
        else:
            del self._orders[name], self._queues[side, price][name]

    def _row(self, kind: int, side: int, name: int, qty: int, price: int, flags: int = 0) -> Row:
        return [self._ts, kind, side, flags, 0, name, 0, qty, price]


def _side(sign: int) -> int:
    return _BUY if sign > 0 else _SELL


def _further(side: int, price: int | None, edge: int | None) -> bool:
    """Whether a price lies further from the market than the edge; None is as far as one can go."""
    if edge is None:
        return False
    return price is None or (price < edge if side == _BUY else price > edge)
