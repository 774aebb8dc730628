"""`ClientOrder`: an order's life as the messages of OUCH 4.2 tell it to a client."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from omni_lab.venues.messages import Message


@dataclass(slots=True, kw_only=True)
class ClientOrder:
    """An order as the venue has told it.

    Attributes
    ----------
    token, symbol, side : str
        Our name for it, what it is about, and the letter of its side.
    shares, executed : int
        Wanted, executions included, and executed.
    price : int
        In 1/10,000 of a dollar.
    state : {"sent", "live", "dead", "rejected"}
        Where it is in its life.
    reference : int
        The venue's number for it, which is the one in the feed; 0 before it is accepted.
    reason : str
        Letter of why it was refused or last canceled.
    executions : list of Message
        Each executed message; of broken trades, too.
    broken : list of int
        Match numbers of trades that were undone.
    """

    token: str
    symbol: str
    side: str
    shares: int
    price: int
    state: str = "sent"
    executed: int = 0
    reference: int = 0
    reason: str = ""
    executions: list[Message] = field(default_factory=list)
    broken: list[int] = field(default_factory=list)

    @property
    def open(self) -> int:
        """Shares that may still trade."""
        return self.shares - self.executed if self.state == "live" else 0

    def follow(self, message: Message) -> None:
        """Take in what a message about this order says."""
        change = _CHANGES.get(message.name)
        if change is not None:
            change(self, message)


def _live(order: ClientOrder, message: Message) -> None:
    order.state = "live" if message.order_state == "L" else "dead"
    order.side, order.shares, order.price = message.buy_sell_indicator, message.shares, message.price
    order.reference = message.order_reference_number


def _executed(order: ClientOrder, message: Message) -> None:
    order.executed += message.executed_shares
    order.executions.append(message)
    if order.executed >= order.shares:
        order.state = "dead"


def _less(order: ClientOrder, message: Message) -> None:
    order.shares -= message.decrement_shares
    order.reason = message.reason
    if order.executed >= order.shares:
        order.state = "dead"


def _rejected(order: ClientOrder, message: Message) -> None:
    order.state, order.reason = "rejected", message.reason


def _modified(order: ClientOrder, message: Message) -> None:
    order.side, order.shares = message.buy_sell_indicator, message.shares


def _moved(order: ClientOrder, message: Message) -> None:
    order.price, order.reference = message.price, message.order_reference_number


def _broken(order: ClientOrder, message: Message) -> None:
    order.broken.append(message.match_number)


_CHANGES: dict[str, Callable[[ClientOrder, Message], None]] = {
    "accepted": _live,
    "replaced": _live,
    "executed": _executed,
    "executed_with_reference_price": _executed,
    "canceled": _less,
    "aiq_canceled": _less,
    "rejected": _rejected,
    "order_modified": _modified,
    "order_priority_update": _moved,
    "broken_trade": _broken,
}
