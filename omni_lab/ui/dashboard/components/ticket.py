"""`OrderTicket`: an order as somebody writes it, with the gate's word on it before it is sent."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab.system.people import Action
from omni_lab.ui.dashboard.components import drafts
from omni_lab.ui.dashboard.components.live import Live
from omni_lab.ui.params import param

if TYPE_CHECKING:
    from omni_lab.ui.dashboard.session import Session

_OPTIONS = {
    "types": [[each, each.capitalize()] for each in drafts.TYPES],
    "times": [[each, each] for each in drafts.TIMES],
    "qty_step": 100,
    "more": [
        ["post_only", "Post only", [["", "no"], ["REJECT", "or refuse"], ["SLIDE", "or slide away"]]],
        [
            "self_trade",
            "Meets own order",
            [
                ["", "as the account says"],
                ["CANCEL_NEWEST", "cancel newest"],
                ["CANCEL_OLDEST", "cancel oldest"],
                ["CANCEL_BOTH", "cancel both"],
                ["DECREMENT", "decrement"],
            ],
        ],
        ["all_or_none", "All or none", [["", "no"], ["yes", "yes"]]],
    ],
}


class TicketState(param.Parameterized):
    """A ticket on a screen.

    Attributes
    ----------
    symbols : list of str
    blocked : str
        Why nothing can be sent; empty if it can.
    ticket : str
        Name of the order that is written now: its client order id. It changes when the order was sent, so
        that an order sent twice is one.
    draft : dict
        What the fields are to be filled with: ``number``, ``fields``.
    preview, outcome : dict
        As `drafts.previewed` and `drafts.sent` give them.
    """

    symbols = param.List(default=[])
    blocked = param.String(default="")
    ticket = param.String(default="")
    draft = param.Dict(default={})
    preview = param.Dict(default={})
    outcome = param.Dict(default={})
    names = ("symbols", "blocked", "ticket", "draft", "preview", "outcome")

    def frame(self) -> dict[str, Any]:
        """All that is shown."""
        return {"tick": 0.01, **{name: getattr(self, name) for name in self.names}}

    def fill(self, fields: dict[str, Any]) -> None:
        """Fill fields: those that are named, as text."""
        told = {name: _text(value) for name, value in fields.items() if value not in (None, "")}
        if told:
            self.draft = {"number": self.draft.get("number", 0) + 1, "fields": told}


class OrderTicket(Live):
    """The ticket of a session: follows what other parts put into ``session.ticket``.

    Parameters
    ----------
    session : Session
    """

    def __init__(self, session: Session, **params: Any) -> None:
        super().__init__("ticket", _OPTIONS, heard=self._heard, **params)
        self._session, self._system = session, session.services.system
        symbols = list(self._system.status().symbols)
        self.state = TicketState(symbols=symbols, ticket=new_name())  # type: ignore[no-untyped-call]
        session.watch(lambda *_: self.show(self.state.frame()), *TicketState.names, of=self.state)
        session.watch(lambda _: self._dress(), "status")
        session.watch(lambda _: self.state.fill(session.ticket), "ticket")
        session.follow("orders", self._orders)
        self.state.fill({"symbol": session.symbol, **session.ticket})
        self._dress()
        self.show(self.state.frame())

    def _dress(self) -> None:
        self.state.blocked = self._session.why_not(Action.TRADE) or ""
        symbols = self._session.status.get("symbols")
        if symbols:
            self.state.symbols = list(symbols)

    def _heard(self, said: dict[str, Any]) -> None:
        match said:
            case {"look": {"number": number, "fields": fields}}:
                self._session.start(self._look(int(number), dict(fields)))
            case {"send": {"ticket": name, "fields": fields}}:
                self._session.start(self._submit(str(name), dict(fields)))
            case {"clear": _}:
                self.state.param.update(outcome={}, ticket=new_name())
            case _:
                pass

    async def _look(self, number: int, fields: dict[str, str]) -> None:
        found = await self._session.background(drafts.previewed, self._system, fields)
        # Looks may overtake each other: an older one says nothing any more.
        if number >= self.state.preview.get("number", 0):
            self.state.preview = found | {"number": number}

    async def _submit(self, name: str, fields: dict[str, str]) -> None:
        why = self._session.why_not(Action.TRADE)
        if why:
            told = drafts.unsent(why)
        else:
            who = self._session.person
            told = await self._session.background(drafts.sent, self._system, fields, name, who=who)
        # A ticket that did not become an order keeps its name.
        fresh = new_name() if told["order_id"] and name == self.state.ticket else self.state.ticket
        self.state.param.update(outcome=told | {"ticket": name}, ticket=fresh)

    async def _orders(self, _: dict[str, Any], events: list[Any]) -> None:
        known = self.state.outcome
        if known.get("ended", True) or not any(e.get("order_id") == known["order_id"] for e in events):
            return
        order = await self._session.background(self._system.order, known["order_id"])
        if self.state.outcome.get("order_id") == order.order_id:
            self.state.outcome = drafts.outcome_of(order) | {"ticket": known["ticket"]}


def new_name() -> str:
    """A client order id that nobody used: 13 characters, by the clock."""
    return "t" + np.base_repr(time.time_ns(), 36).lower()


def _text(value: Any) -> str:
    return f"{value:.12g}" if isinstance(value, int | float) else str(value)
