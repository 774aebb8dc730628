"""Parent orders, their children, and the account of their lots: docs/execution.md, section 1."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from omni_lab.errors import ConfigError

Side = Literal["buy", "sell"]


class ParentState(StrEnum):
    """Where a parent order stands; docs/execution.md, section 1."""

    PENDING = "PENDING"
    WORKING = "WORKING"
    PAUSED = "PAUSED"
    CANCELING = "CANCELING"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"

    @property
    def has_ended(self) -> bool:
        """Whether nothing will happen to it any more."""
        return self in (ParentState.FILLED, ParentState.CANCELED, ParentState.EXPIRED)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentOrder:
    """What is to be done by when.

    Attributes
    ----------
    symbol : str
        The instrument.
    side : {"buy", "sell"}
        Which way.
    qty : float
        Units, positive.
    start : int, optional
        When the first child may be sent, nanoseconds on the clock of the market; None: at once.
    end : int, optional
        By when all is to be done; None: when it is done, which only a schedule that follows the tape can say.
    limit : float, optional
        Price beyond which no child trades.

    Raises
    ------
    ConfigError
        Naming every setting that cannot be used.
    """

    symbol: str
    side: Side
    qty: float
    start: int | None = None
    end: int | None = None
    limit: float | None = None

    def __post_init__(self) -> None:
        problems = []
        if self.side not in ("buy", "sell"):
            problems.append(f"side must be 'buy' or 'sell', not {self.side!r}")
        if not 0.0 < self.qty < float("inf"):
            problems.append(f"qty must be a positive number, not {self.qty!r}")
        if self.limit is not None and not 0.0 < self.limit < float("inf"):
            problems.append(f"limit must be a positive price, not {self.limit!r}")
        if self.start is not None and self.end is not None and self.end <= self.start:
            problems.append(f"the end, {self.end}, must come after the start, {self.start}")
        if problems:
            raise ConfigError("; ".join(problems), where=f"ParentOrder of {self.symbol}")


@dataclass(slots=True)
class Child:
    """An order that was sent for a parent.

    Attributes
    ----------
    order_id : int
        The venue's.
    lots, filled : int
        Ordered, and filled so far.
    price : float or None
        Its limit; None for a market order.
    sent : int
        When, nanoseconds.
    mid : float
        The middle of the market when it was sent; NaN if there was none.
    rests : bool
        Whether it waits in the book; others end as soon as they are there.
    is_canceling : bool
        Whether a cancel is on its way.
    reason : str
        How it ended; empty while it has not.
    """

    order_id: int
    lots: int
    price: float | None
    sent: int
    mid: float
    rests: bool
    filled: int = 0
    is_canceling: bool = False
    reason: str = ""

    @property
    def open(self) -> int:
        """Lots that may still fill."""
        return 0 if self.reason else self.lots - self.filled


@dataclass(slots=True)
class Parent:
    """A parent order at work. All quantities are lots.

    Attributes
    ----------
    number : int
        Its number at the desk, from 0.
    order : ParentOrder
        What was asked for, with its amendments.
    lots, filled : int
        Quantity, and filled so far.
    start : int
        When it began, nanoseconds.
    state : ParentState
        Where it stands.
    children : dict of int to Child
        By the venue's id, in the order they were sent.
    arrival : float
        The middle of the market at its start; NaN until there is one.
    is_sweeping : bool
        Whether its end has come, and the rest is sent at any price within the limit.
    ended : int or None
        When it ended, nanoseconds.
    """

    number: int
    order: ParentOrder
    lots: int
    start: int
    filled: int = 0
    state: ParentState = ParentState.PENDING
    children: dict[int, Child] = field(default_factory=dict)
    arrival: float = float("nan")
    is_sweeping: bool = False
    ended: int | None = None
    _working: dict[int, Child] = field(default_factory=dict)

    @property
    def is_buy(self) -> bool:
        """Whether it buys."""
        return self.order.side == "buy"

    @property
    def open(self) -> int:
        """Lots of children whose end was not heard of."""
        return sum(child.open for child in self._working.values())

    @property
    def rest(self) -> int:
        """Lots neither filled nor open."""
        return self.lots - self.filled - self.open

    @property
    def working(self) -> list[Child]:
        """Children whose end was not heard of, in the order they were sent."""
        return list(self._working.values())

    def sent(self, child: Child) -> None:
        """A child is on its way."""
        self.children[child.order_id] = self._working[child.order_id] = child

    def was_filled(self, order_id: int, lots: int, now: int) -> None:
        """A child traded."""
        child = self.children[order_id]
        child.filled += lots
        self.filled += lots
        if child.filled == child.lots:
            child.reason = "FILLED"
            self._working.pop(order_id, None)
        if self.filled == self.lots:
            self.end(ParentState.FILLED, now)
        self._settle(now)

    def has_ended(self, order_id: int, reason: str, now: int) -> None:
        """A child ended without being filled."""
        child = self.children[order_id]
        child.reason = child.reason or reason
        self._working.pop(order_id, None)
        self._settle(now)

    def end(self, state: ParentState, now: int) -> None:
        """Nothing is open any more: it is over."""
        self.state, self.ended = state, now

    def _settle(self, now: int) -> None:
        if self.state is ParentState.CANCELING and not self._working:
            self.end(ParentState.CANCELED, now)
