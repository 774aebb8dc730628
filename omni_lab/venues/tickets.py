"""Orders as their users know them: by token, with what was asked and what is left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from omni_lab.domain import Side, TimeInForce
from omni_lab.execution.face import OMSFace
from omni_lab.venues import codes
from omni_lab.venues.codes import Display
from omni_lab.venues.feed import Shows
from omni_lab.venues.listing import Listing
from omni_lab.venues.settings import User


@dataclass(slots=True, kw_only=True)
class Ticket:
    """An order as its user knows it.

    Attributes
    ----------
    user, token : User, str
        Whose, and what they call it.
    order_id, instrument : int
        What the system calls it, and what it is about.
    terms : mapping
        Fields of its Accepted message that hardly ever change.
    side_letter : str
        B, S, T or E.
    total, executed : int
        Shares wanted, executions included; shares executed.
    time_in_force : TimeInForce
        How long it stands.
    display : Display
        How it shows.
    conditional, live : bool
        Whether it waits for a minimum; whether it may still trade.
    previous : Ticket, optional
        The order that it replaces.
    """

    user: User
    token: str
    order_id: int = 0
    instrument: int
    terms: Mapping[str, int | str]
    side_letter: str
    total: int
    executed: int = 0
    time_in_force: TimeInForce
    display: Display
    conditional: bool
    live: bool = True
    previous: Ticket | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Account and token, which name it for ever."""
        return self.user.account, self.token

    @property
    def shows(self) -> Shows:
        """What the feed may say of it."""
        on_the_book = self.time_in_force not in (TimeInForce.AT_OPEN, TimeInForce.AT_CLOSE)
        displayed = self.display.shows and not self.conditional and on_the_book
        return Shows(displayed, str(self.terms["firm"]) if self.display.attributed else "")


@dataclass(slots=True)
class Tickets:
    """All tickets of a day; they are kept as the system keeps its orders.

    Attributes
    ----------
    by_id : dict of int to Ticket
        By order id.
    by_token : dict
        By account and token; None where the token was used for an order that never came to be.
    asked : dict of int to str
        What the user asked of an order, until the system has answered: "replace", "cancel" or "modify".
    """

    by_id: dict[int, Ticket] = field(default_factory=dict)
    by_token: dict[tuple[str, str], Ticket | None] = field(default_factory=dict)
    asked: dict[int, str] = field(default_factory=dict)
    _burnt: dict[tuple[str, str], int] = field(default_factory=dict)

    def add(self, ticket: Ticket) -> None:
        """Remember an order that the system has given an id."""
        self.by_id[ticket.order_id] = self.by_token[ticket.key] = ticket

    def live(self, user: User, token: str) -> Ticket | None:
        """An order that may still trade, by its token."""
        ticket = self.by_token.get((user.account, token))
        return ticket if ticket is not None and ticket.live else None

    def free(self, ticket: Ticket) -> None:
        """Let a token be used again, because its order was a replacement and never came to be."""
        self._burnt[ticket.key] = self._burnt.get(ticket.key, 0) + 1
        del self.by_token[ticket.key]

    def name(self, ticket: Ticket) -> str:
        """The client order id of a ticket: its token, told apart where the system has seen it before."""
        tries = self._burnt.get(ticket.key, 0)
        # No token has this character.
        return f"{ticket.token}~{tries}" if tries else ticket.token

    def recover(self, oms: OMSFace, listings: Sequence[Listing], users: Mapping[str, User]) -> None:
        """Learn the orders that the system knows from before, by their client order ids.

        Parameters
        ----------
        oms : OMSFace
            The system.
        listings : sequence of Listing
            Its instruments by number.
        users : mapping of str to User
            By account: whom its orders are told to.
        """
        numbers = {listing.symbol: number for number, listing in enumerate(listings)}
        lots = [each.lot_size for each in oms.config.setup().instruments]
        for order_id in oms.orders(live=False)["order_id"].tolist():
            order = oms.order(order_id)
            user = users.get(order.account)
            if user is None or not isinstance(order.client_order_id, str):
                continue
            number = numbers[order.symbol]
            listing = listings[number]
            letter = (
                "M" if order.order_type == "PEGGED" else "Y" if order.place in ("DISPLAYED", None) else "N"
            )
            ticket = Ticket(
                user=user,
                token=order.client_order_id.partition("~")[0],
                order_id=order_id,
                instrument=number,
                terms=_terms(order.symbol, order.price, letter),
                side_letter="B" if order.side == Side.BUY.name else "S",
                total=listing.shares(round(order.qty / lots[number])),
                executed=listing.shares(round(order.cum_qty / lots[number])),
                time_in_force=TimeInForce[order.time_in_force],
                display=codes.DISPLAYS[letter],
                conditional=order.place == "CONDITIONAL",
                live=order.leaves_qty > 0,
            )
            self.add(ticket)


def _terms(symbol: str, price: float | None, display: str) -> Mapping[str, int | str]:
    """What an order was entered with, as far as the system remembers it."""
    return {
        "stock": symbol,
        "price": codes.MARKET_PRICE if price is None else round(price * codes.PRICE_UNITS),
        "time_in_force": codes.MARKET_CLOSE,
        "firm": "",
        "display": display,
        "intermarket_sweep_eligibility": "N",
        "minimum_quantity": 0,
        "cross_type": "N",
        "capacity": "O",
    }
