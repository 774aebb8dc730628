"""What an Enter or Replace message of OUCH asks for, in the words of the order-management system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from omni_lab.domain import OrderType, PegReference, TimeInForce
from omni_lab.execution.codec import New
from omni_lab.venues import codes
from omni_lab.venues.codes import Display
from omni_lab.venues.listing import Listing
from omni_lab.venues.messages import Message
from omni_lab.venues.settings import User
from omni_lab.venues.tickets import Ticket

_TERMS = (
    *("stock", "price", "time_in_force", "firm", "display", "intermarket_sweep_eligibility"),
    *("minimum_quantity", "cross_type"),
)


class Wish(NamedTuple):
    """An order that could be: the command, how it shows, and its ticket."""

    command: New
    ticket: Ticket


class Wishes:
    """Understands messages.

    Parameters
    ----------
    listings : sequence of Listing
        Instruments by number.
    accounts : mapping of str to int
        Accounts by name.
    """

    def __init__(self, listings: Sequence[Listing], accounts: Mapping[str, int]) -> None:
        self._listings = listings
        self._accounts = accounts
        self._numbers = {listing.symbol: number for number, listing in enumerate(listings)}

    def read(self, user: User, token: str, message: Message, shares: int, ts: int) -> Wish | str:
        """What a message asks for, or the letter of why it cannot be.

        Parameters
        ----------
        user, token : User, str
            Whose order it will be, and what they call it.
        message : Message
            With the fields of an Enter Order.
        shares : int
            How many are to be open, which for a Replace is not what it states.
        ts : int
            Now, nanoseconds UTC.
        """
        number = self._numbers.get(message.stock)
        if number is None:
            return "S"
        display = codes.DISPLAYS.get(message.display)
        refusal = self._refusal(message, self._listings[number], display, shares, token)
        if refusal is not None or display is None:
            return refusal or "D"
        command = self._command(user, message, number, display, shares, ts)
        return Wish(command, self._ticket(user, token, message, command, display))

    def _refusal(
        self, message: Message, listing: Listing, display: Display | None, shares: int, token: str
    ) -> str | None:
        least, price = message.minimum_quantity, message.price
        if not 0 < shares <= codes.MOST_SHARES or shares % listing.lot:
            return "Z"
        if display is None:
            return "D"
        if message.cross_type not in codes.CROSSES:
            return "R"
        crosses = codes.CROSSES[message.cross_type] is not None
        if least > shares or least % listing.lot or (least and crosses):
            return "N"
        known = message.buy_sell_indicator in codes.SIDES and token.isalnum()
        if not known or codes.time_in_force(message.time_in_force) is None:
            return "O"
        if price == codes.MARKET_PRICE:
            return None if crosses else "X"
        return None if 0 < price <= codes.HIGHEST_PRICE and price % listing.tick == 0 else "X"

    def _command(
        self, user: User, message: Message, number: int, display: Display, shares: int, ts: int
    ) -> New:
        listing = self._listings[number]
        at_market, pegged = message.price == codes.MARKET_PRICE, display.peg != PegReference.NONE
        cross = codes.CROSSES[message.cross_type]
        time_in_force = codes.time_in_force(message.time_in_force) if cross is None else cross
        assert time_in_force is not None, "it was looked at before"
        # What waits for its minimum is off the book, and so is what waits for a cross; a peg is hidden, and
        # what never waits has nothing to hide. None of them says so of itself.
        hides = not (display.shows or pegged or message.minimum_quantity or cross is not None)
        return New(
            ts=ts,
            account=self._accounts[user.account],
            instrument=number,
            side=codes.SIDES[message.buy_sell_indicator],
            order_type=_order_type(at_market, pegged),
            time_in_force=time_in_force,
            self_trade=user.self_trade,
            post_only=display.post_only,
            qty=shares // listing.lot,
            price=0 if at_market else message.price // listing.tick,
            display_qty=0 if hides and time_in_force != TimeInForce.IOC else -1,
            min_qty=message.minimum_quantity // listing.lot,
            expire_at=ts + message.time_in_force * 10**9 if time_in_force == TimeInForce.GTD else 0,
            peg_reference=display.peg,
        )

    def _ticket(self, user: User, token: str, message: Message, command: New, display: Display) -> Ticket:
        capacity = message.capacity if message.capacity in codes.CAPACITIES else "O"
        return Ticket(
            user=user,
            token=token,
            instrument=command.instrument,
            terms={**{name: message.fields[name] for name in _TERMS}, "capacity": capacity},
            side_letter=message.buy_sell_indicator,
            total=self._listings[command.instrument].shares(command.qty),
            time_in_force=TimeInForce(command.time_in_force),
            display=display,
            conditional=command.min_qty > 0,
        )


def _order_type(at_market: bool, pegged: bool) -> OrderType:
    if pegged:
        return OrderType.PEGGED
    return OrderType.MARKET if at_market else OrderType.LIMIT
