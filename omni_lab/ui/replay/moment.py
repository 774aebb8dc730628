"""What there is to see after one frame, gathered once and kept: going back and forth costs nothing."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from omni_lab.execution.edges import Edges
from omni_lab.execution.events import EventLog
from omni_lab.execution.sentences import order_of, sentence
from omni_lab.execution.views import BookView, Order, Position
from omni_lab.figures.words import decimals_of
from omni_lab.ui.replay.registers import Reading, readings
from omni_lab.ui.replay.source import ReplaySource

Key = TypeVar("Key")
Value = TypeVar("Value")

_KEPT = 400
_MOST_ORDERS = 24
_MOST_EVENTS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Grids:
    """What a film's numbers are written with.

    Attributes
    ----------
    decimals : mapping of str to int
        Of prices, by symbol.
    registers : mapping of int to str
        Names by address.
    """

    decimals: Mapping[str, int]
    registers: Mapping[int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A frame and the system after it.

    Attributes
    ----------
    sequence, ts : int
        Number of the frame; clock after it, nanoseconds UTC.
    said : str
        Its command in words.
    events : EventLog
        What came of it, at most the first 200.
    n_events, n_orders : int
        How many events there are, and how many orders live.
    orders : tuple of Order
        Those that an event is about, then live ones, the newest first.
    touched : frozenset of int
        Ids of the orders that an event is about.
    positions : tuple of Position
        All positions.
    traded : frozenset of (str, str)
        Account and symbol of the positions that changed.
    registers : tuple of Reading
        Those worth seeing, with what they were before.
    state_hash : str
        Hexadecimal.
    grids : Grids
        What its numbers are written with.
    """

    sequence: int
    ts: int
    said: str
    events: EventLog
    n_events: int
    orders: tuple[Order, ...]
    n_orders: int
    touched: frozenset[int]
    positions: tuple[Position, ...]
    traded: frozenset[tuple[str, str]]
    registers: tuple[Reading, ...]
    state_hash: str
    grids: Grids


class Film:
    """Moments and books of a source, the last few hundred kept.

    Parameters
    ----------
    source : ReplaySource
        The journal.
    """

    def __init__(self, source: ReplaySource) -> None:
        self.source = source
        self.edges = Edges(source.config.setup())
        names = source.registers()
        self.grids = Grids(
            decimals={each.symbol: decimals_of([each.tick_size]) for each in self.edges.setup.instruments},
            registers=dict(zip(names["address"].tolist(), names["name"].tolist(), strict=True)),
        )
        self._moments: OrderedDict[int, Moment] = OrderedDict()
        self._words: OrderedDict[int, dict[str, int]] = OrderedDict()
        self._books: OrderedDict[tuple[int, str], BookView] = OrderedDict()

    def moment(self, sequence: int) -> Moment:
        """What there is to see after a frame."""
        if sequence not in self._moments:
            before = self._registers(sequence - 1) if sequence > self.source.first else None
            _keep(self._moments, sequence, self._look(sequence, before))
        return self._moments[sequence]

    def book(self, sequence: int, symbol: str) -> BookView:
        """Book of an instrument after a frame."""
        if (sequence, symbol) not in self._books:
            self._seek(sequence)
            _keep(self._books, (sequence, symbol), self.source.book(symbol))
        return self._books[sequence, symbol]

    def next_of(self, order_id: int, after: int) -> int | None:
        """The next frame that an event of this order comes from, None if there is none."""
        for sequence in range(after + 1, self.source.last + 1):
            self._seek(sequence)
            if (self.source.events().columns["order_id"] == order_id).any():
                return sequence
        return None

    def _look(self, sequence: int, before: dict[str, int] | None) -> Moment:
        words = self._registers(sequence)
        self._seek(sequence)
        source, events = self.source, self.source.events()
        columns = events.columns
        touched = dict.fromkeys(int(i) for i in columns["order_id"] if i > 0)
        live = source.orders()["order_id"]
        ids = dict.fromkeys([*touched, *map(int, live[::-1][:_MOST_ORDERS])])
        command = source.command
        about = order_of(command)
        n_orders = len(live)
        return Moment(
            sequence=sequence,
            ts=source.clock,
            said=sentence(command, self.edges, source.order(about) if about in touched else None),
            events=events[:_MOST_EVENTS],
            n_events=len(events),
            orders=tuple(source.order(order_id) for order_id in list(ids)[:_MOST_ORDERS]),
            n_orders=n_orders,
            touched=frozenset(touched),
            positions=tuple(source.positions()),
            traded=frozenset(
                (event.account or "", event.symbol or "") for event in events[:_MOST_EVENTS] if event.trade_id
            ),
            registers=tuple(readings(words, before, self.edges)),
            state_hash=source.state_hash,
            grids=self.grids,
        )

    def _registers(self, sequence: int) -> dict[str, int]:
        if sequence not in self._words:
            self._seek(sequence)
            columns = self.source.registers()
            words = dict(zip(columns["name"].tolist(), columns["value"].tolist(), strict=True))
            _keep(self._words, sequence, words)
        return self._words[sequence]

    def _seek(self, sequence: int) -> None:
        if self.source.sequence != sequence:
            self.source.seek(sequence)


def _keep(kept: OrderedDict[Key, Value], key: Key, value: Value) -> None:
    kept[key] = value
    if len(kept) > _KEPT:
        kept.popitem(last=False)
