"""A market without sockets, for tests: a clock that is set, and answers as they are told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from omni_lab.domain import Instrument
from omni_lab.execution import OMS, OMSConfig
from omni_lab.execution.face import OMSFace
from omni_lab.venues import Market, Message, User, encode
from omni_lab.venues.messages import known
from tests.venues.plain import PlainBook

NOON = 1_893_499_200 * 10**9
"""2030-01-01 12:00 UTC."""
SECOND = 10**9
USERS = (
    User(name="alice", password="secret1", account="a"),
    User(name="bob", password="secret2", account="b"),
)
ORDER: dict[str, Any] = {
    "order_token": "T1",
    "buy_sell_indicator": "B",
    "shares": 100,
    "stock": "X",
    "price": 100_000,
    "time_in_force": 99_998,
    "firm": "",
    "display": "Y",
    "capacity": "P",
    "intermarket_sweep_eligibility": "N",
    "minimum_quantity": 0,
    "cross_type": "N",
    "customer_type": " ",
}
REPLACE: dict[str, Any] = {
    "existing_order_token": "T1",
    "replacement_order_token": "T2",
    "shares": 100,
    "price": 100_000,
    "time_in_force": 99_998,
    "display": "Y",
    "intermarket_sweep_eligibility": "N",
    "minimum_quantity": 0,
}


def config(**settings: Any) -> OMSConfig:
    """Two instruments and two accounts."""
    instruments = [Instrument("X", tick_size=0.01), Instrument("Y", tick_size=0.05, lot_size=10)]
    return OMSConfig(**{"instruments": instruments, "accounts": ("a", "b"), **settings})


class Desk:
    """A market and everybody who looks at it."""

    def __init__(self, oms: OMSFace | None = None, users: Sequence[User] = USERS) -> None:
        self.now = NOON
        self.oms = oms if oms is not None else OMS(config())
        self.market = Market(self.oms, users, clock=lambda: self.now)
        self.book = PlainBook()
        self._read = dict.fromkeys(self.market.logs, 1)
        self._fed = 1
        self.answers("alice")
        self.answers("bob")

    def send(self, user: str, name: str, **fields: int | str) -> list[Message]:
        """Send a message, and return what its user is told then."""
        base = {"enter_order": ORDER, "replace_order": REPLACE}.get(name, {})
        self.market.handle(user, encode("ouch_client", Message(name, {**base, **fields})))
        return self.answers(user)

    def enter(self, user: str, **fields: int | str) -> list[Message]:
        """Enter an order like `ORDER` but for these fields."""
        return self.send(user, "enter_order", **fields)

    def answers(self, user: str) -> list[Message]:
        """What a user was told since the last time."""
        log, first = self.market.logs.get(user), self._read.get(user, 1)
        if log is None:
            return []
        self._read[user] = log.next
        return [known("ouch_venue", log.get(number) or b"") for number in range(first, log.next)]

    def feed(self) -> list[Message]:
        """What the feed told since the last time; the plain book follows."""
        log, first = self.market.feed.log, self._fed
        self._fed = log.next
        messages = [known("itch", log.get(number) or b"") for number in range(first, log.next)]
        for message in messages:
            self.book.follow(message)
        return messages


def words(messages: Sequence[Message], *fields: str) -> list[tuple[Any, ...]]:
    """Names and some fields of messages, to compare."""
    return [
        (message.name, *(message.fields[field] for field in fields if field in message.fields))
        for message in messages
    ]
