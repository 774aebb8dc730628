"""`OuchDesk`: what users ask in OUCH 4.2 messages, done in the order-management system.

Orders keep the numbers of the system: what it calls order id is the order reference number, its trade id the
match number, and the token is the client order id, so that a system recovered from its journal still knows
every token. A replacement is a cancel and a new order, as on the venue: it loses its place, and has a new
number. Reducing keeps both.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence

from omni_lab.domain import RejectReason
from omni_lab.execution.client_ids import number_of
from omni_lab.execution.codec import Cancel, New, Replace, encode
from omni_lab.execution.face import OMSFace
from omni_lab.venues import codes
from omni_lab.venues.answers import Answers
from omni_lab.venues.feed import Shows
from omni_lab.venues.listing import Listing
from omni_lab.venues.messages import Message
from omni_lab.venues.settings import User
from omni_lab.venues.tickets import Ticket, Tickets
from omni_lab.venues.wishes import Wish, Wishes


class OuchDesk:
    """Takes the messages of all users of a market.

    Parameters
    ----------
    oms : OMSFace
        The system.
    listings : sequence of Listing
        Its instruments by number.
    accounts : mapping of str to int
        Its accounts by name.
    tickets : Tickets
        Orders as their users know them.
    answers : Answers
        Tells users what the system has no event for.

    Attributes
    ----------
    replaces : dict of int to int
        Ids of old orders by those of the new ones that replace them, since the market last took them.
    """

    def __init__(
        self,
        oms: OMSFace,
        listings: Sequence[Listing],
        accounts: Mapping[str, int],
        tickets: Tickets,
        answers: Answers,
    ) -> None:
        self.replaces: dict[int, int] = {}
        self._oms = oms
        self._listings = listings
        self._wishes = Wishes(listings, accounts)
        self._tickets = tickets
        self._answers = answers
        self._expiries: list[int] = []

    def handle(self, user: User, message: Message, ts: int) -> None:
        """Do what a user asks; what comes of it is in the system's events, what is refused here is told."""
        match message.name:
            case "enter_order":
                self._enter(user, message, ts)
            case "replace_order":
                self._replace(user, message, ts)
            case "cancel_order":
                self._cancel(user, message, ts)
            case "modify_order":
                self._modify(user, message, ts)
            case _:
                # A Trade Now finds no midpoint that would wait for it.
                pass

    def visibility(self, order_id: int) -> Shows | None:
        """What the feed may say of an order; None of one that nobody entered here."""
        ticket = self._tickets.by_id.get(order_id)
        return None if ticket is None else ticket.shows

    def due(self, ts: int) -> bool:
        """Whether an order's time may be over, so that the system's clock should be moved."""
        due = False
        while self._expiries and self._expiries[0] <= ts:
            heapq.heappop(self._expiries)
            due = True
        return due

    def _enter(self, user: User, message: Message, ts: int) -> None:
        token = message.order_token
        if (user.account, token) in self._tickets.by_token:
            return
        wish = self._wishes.read(user, token, message, message.shares, ts)
        if isinstance(wish, str):
            self._tickets.by_token[user.account, token] = None
            self._answers.reject(user, token, wish, ts)
        else:
            self._submit(wish)

    def _replace(self, user: User, message: Message, ts: int) -> None:
        old, token = self._tickets.live(user, message.existing_order_token), message.replacement_order_token
        if old is None or (user.account, token) in self._tickets.by_token:
            return
        kept = {name: old.terms[name] for name in ("stock", "firm", "capacity", "cross_type")}
        entered = Message("enter_order", {**kept, "buy_sell_indicator": old.side_letter, **message.fields})
        wish = self._wishes.read(user, token, entered, message.shares - old.executed, ts)
        if isinstance(wish, str):
            self._execute(Cancel(ts, old.order_id))
            return
        self._tickets.asked[old.order_id] = "replace"
        if self._execute(Cancel(ts, old.order_id)):
            wish.ticket.previous = old
            self.replaces[self._submit(wish)] = old.order_id
        else:
            del self._tickets.asked[old.order_id]
            self._answers.reject(user, token, codes.REJECTS[RejectReason.CANCEL_RATE], ts)

    def _cancel(self, user: User, message: Message, ts: int) -> None:
        ticket = self._tickets.live(user, message.order_token)
        if ticket is None or message.shares >= ticket.total:
            return
        if message.shares <= ticket.executed:
            self._execute(Cancel(ts, ticket.order_id))
        else:
            # Of a lot that is to go in part, all stays.
            total = -(-message.shares // self._listings[ticket.instrument].lot)
            self._resize(ticket, total, "cancel", ts)

    def _modify(self, user: User, message: Message, ts: int) -> None:
        ticket = self._tickets.live(user, message.order_token)
        letter, shares = message.buy_sell_indicator, message.shares
        if ticket is None or not ticket.executed < shares <= codes.MOST_SHARES:
            return
        lot = self._listings[ticket.instrument].lot
        same_side = letter == ticket.side_letter or {letter, ticket.side_letter} <= codes.SALES
        if not same_side or shares % lot:
            return
        ticket.side_letter = letter
        if shares == ticket.total:
            self._answers.modified(ticket, ts)
        else:
            self._resize(ticket, shares // lot, "modify", ts)

    def _resize(self, ticket: Ticket, lots: int, asked: str, ts: int) -> None:
        self._tickets.asked[ticket.order_id] = asked
        self._execute(Replace(ts, ticket.order_id, lots, 0, 0))

    def _submit(self, wish: Wish) -> int:
        name = self._tickets.name(wish.ticket)
        wish.ticket.order_id = self._execute(wish.command._replace(client_order_id=number_of(name)))
        self._tickets.add(wish.ticket)
        if wish.command.expire_at:
            heapq.heappush(self._expiries, wish.command.expire_at)
        return wish.ticket.order_id

    def _execute(self, command: New | Cancel | Replace) -> int:
        return self._oms.execute(*encode(command))
