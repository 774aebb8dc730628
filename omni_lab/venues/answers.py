"""What users are told of their orders: events of the order-management system as messages of OUCH 4.2."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from omni_lab.domain import CancelReason, EventKind, Liquidity, PegReference, RejectReason
from omni_lab.venues import codes
from omni_lab.venues.listing import Listing, Row
from omni_lab.venues.messages import Message
from omni_lab.venues.settings import User
from omni_lab.venues.tickets import Ticket, Tickets

Tell = Callable[[User, Message], None]
"""Takes what is to be told to a user."""


class Answers:
    """Follows the events of orders.

    Parameters
    ----------
    tickets : Tickets
        Orders as their users know them, which are kept up to date.
    listings : sequence of Listing
        Instruments by number.
    midnight_ns : int
        The midnight that times count from, nanoseconds UTC.
    tell : callable
        Takes what is to be told to a user.

    Attributes
    ----------
    cross : Cross
        Letters of the auction that fills come of, if they come of one.
    """

    def __init__(
        self, tickets: Tickets, listings: Sequence[Listing], *, midnight_ns: int, tell: Tell
    ) -> None:
        self.cross = codes.OPENING
        self._tickets = tickets
        self._listings = listings
        self._midnight_ns = midnight_ns
        self._tell = tell

    def tell(self, row: Row) -> None:
        """Tell the user of an order what came of it."""
        ticket = self._tickets.by_id.get(row.order_id)
        if ticket is None:
            return
        match row.kind:
            case EventKind.ACCEPTED:
                self._accepted(ticket, row)
            case EventKind.REJECTED:
                self._rejected(ticket, row)
            case EventKind.FILLED:
                self._filled(ticket, row)
            case EventKind.CANCELED:
                self._ended(ticket, row, codes.CANCELS[CancelReason(row.reason)])
            case EventKind.EXPIRED:
                self._ended(ticket, row, codes.EXPIRIES.get(ticket.time_in_force, "T"))
            case EventKind.REPLACED:
                self._changed(ticket, row)
            case EventKind.REPRICED if ticket.display.peg == PegReference.NONE:
                self._moved(ticket, row)
            case EventKind.DECREMENTED:
                self._decremented(ticket, row)
            case EventKind.REPLACE_REJECTED:
                self._tickets.asked.pop(row.order_id, None)
                self._send(ticket, "cancel_reject", row.ts)

    def broken(self, order_id: int, match_number: int, reason: str, ts: int) -> None:
        """Tell the user of an order that a trade of it is undone."""
        ticket = self._tickets.by_id.get(order_id)
        if ticket is not None:
            self._send(ticket, "broken_trade", ts, match_number=match_number, reason=reason)

    def _accepted(self, ticket: Ticket, row: Row) -> None:
        facts = self._facts(ticket, row)
        if ticket.previous is None:
            self._send(ticket, "accepted", row.ts, **facts)
        else:
            previous = ticket.previous.token
            named = {"replacement_order_token": ticket.token, "previous_order_token": previous}
            self._tell(ticket.user, Message("replaced", {"timestamp": self._time(row.ts), **named, **facts}))

    def _rejected(self, ticket: Ticket, row: Row) -> None:
        ticket.live = False
        old = ticket.previous
        if old is None:
            self.reject(ticket.user, ticket.token, codes.REJECTS[RejectReason(row.reason)], row.ts)
            return
        # The old order is gone all the same, and the new token may be used again.
        self._tickets.free(ticket)
        self._send(
            old,
            "canceled",
            row.ts,
            decrement_shares=old.total - old.executed,
            reason=codes.CANCELS[CancelReason.REQUESTED],
        )

    def _filled(self, ticket: Ticket, row: Row) -> None:
        listing = self._listings[ticket.instrument]
        shares = listing.shares(row.qty)
        ticket.executed += shares
        ticket.live = row.leaves > 0
        flag = codes.liquidity_letter(
            Liquidity(row.liquidity), ticket.display, ticket.conditional, self.cross
        )
        self._send(
            ticket,
            "executed",
            row.ts,
            executed_shares=shares,
            execution_price=listing.price(row.price),
            liquidity_flag=flag,
            match_number=row.trade_id,
        )

    def _ended(self, ticket: Ticket, row: Row, reason: str) -> None:
        ticket.live = False
        replaced = self._tickets.asked.pop(row.order_id, None) == "replace"
        if row.qty and not replaced:
            shares = self._listings[ticket.instrument].shares(row.qty)
            self._send(ticket, "canceled", row.ts, decrement_shares=shares, reason=reason)

    def _changed(self, ticket: Ticket, row: Row) -> None:
        asked = self._tickets.asked.pop(row.order_id, None)
        total = self._listings[ticket.instrument].shares(row.qty)
        less, ticket.total = ticket.total - total, total
        if asked == "modify":
            self.modified(ticket, row.ts)
        elif less > 0:
            reason = "U" if asked == "cancel" else "S"
            self._send(ticket, "canceled", row.ts, decrement_shares=less, reason=reason)
        elif less < 0:
            self.modified(ticket, row.ts)
        price = self._listings[ticket.instrument].price(row.price)
        if asked is None and price not in (0, ticket.terms["price"]):
            self._moved(ticket, row)

    def _moved(self, ticket: Ticket, row: Row) -> None:
        price = self._listings[ticket.instrument].price(row.price)
        ticket.terms = {**ticket.terms, "price": price}
        display = ticket.terms["display"]
        number = row.order_id
        self._send(
            ticket,
            "order_priority_update",
            row.ts,
            price=price,
            display=display,
            order_reference_number=number,
        )

    def _decremented(self, ticket: Ticket, row: Row) -> None:
        listing = self._listings[ticket.instrument]
        shares = listing.shares(row.qty)
        ticket.total -= shares
        ticket.live = row.leaves > 0
        self._send(
            ticket,
            "aiq_canceled",
            row.ts,
            decrement_shares=shares,
            reason="Q",
            quantity_prevented_from_trading=shares,
            execution_price=listing.price(row.price),
            liquidity_flag="R",
        )

    def modified(self, ticket: Ticket, ts: int) -> None:
        """Tell a user the side and total of an order that was modified."""
        self._send(ticket, "order_modified", ts, buy_sell_indicator=ticket.side_letter, shares=ticket.total)

    def _facts(self, ticket: Ticket, row: Row) -> dict[str, Any]:
        return {
            **ticket.terms,
            "buy_sell_indicator": ticket.side_letter,
            "shares": ticket.total,
            "order_reference_number": row.order_id,
            "order_state": "L",
            "bbo_weight_indicator": " ",
        }

    def reject(self, user: User, token: str, reason: str, ts: int) -> None:
        """Tell a user that an order is refused."""
        fields = {"timestamp": self._time(ts), "order_token": token, "reason": reason}
        self._tell(user, Message("rejected", fields))

    def _send(self, ticket: Ticket, name: str, ts: int, **fields: int | str) -> None:
        head = {"timestamp": self._time(ts), "order_token": ticket.token}
        self._tell(ticket.user, Message(name, {**head, **fields}))

    def _time(self, ts: int) -> int:
        return max(ts - self._midnight_ns, 0)
