"""`OuchClient`: orders over OUCH 4.2, each with its life, across lost connections."""

from __future__ import annotations

import asyncio
import itertools
import secrets
import string
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from omni_lab.errors import ConfigError, GatewayError
from omni_lab.venues import codes
from omni_lab.venues.client_orders import ClientOrder
from omni_lab.venues.messages import Message, encode, known
from omni_lab.venues.settings import Backoff, Timing
from omni_lab.venues.soup_client import Event, SoupLink

_LETTERS = string.ascii_uppercase + string.digits


_ANSWERS = frozenset(
    {"accepted", "replaced", "canceled", "rejected", "cancel_reject", "cancel_pending", "order_modified"}
)
"""Messages that answer a request."""


@dataclass(slots=True, eq=False)
class _Request:
    """Something that was asked, until it is answered."""

    message: bytes
    tokens: tuple[str, ...]
    answer: asyncio.Future[Message | None]


class OuchClient:
    """A user of an OUCH server.

    What was asked and not answered is asked again after a lost connection: the venue ignores a token that it
    knows, so that nothing is done twice.

    Parameters
    ----------
    host, port, user, password : str, int, str, str
        Of the server, and who we are.
    on_message : callable, optional
        Takes every message of the venue, after the orders were brought up to date.
    session, sequence : str, int
        What to read first; by default all that was told to us today, so that a new client knows its orders.
    answer_timeout_s : float
        How long to wait for an answer.
    token_prefix : str, optional
        What the tokens of this client begin with, up to 6 letters and digits, unlike those of other clients
        of the day; six at random by default.
    timing, backoff : Timing, Backoff
        How long to wait for what.
    clock : callable
        Monotonic nanoseconds.

    Attributes
    ----------
    orders : dict of str to ClientOrder
        By token.
    lost : int
        Messages that the venue has forgotten; 0 means that ``orders`` can be trusted.
    """

    def __init__(
        self,
        host: str,
        port: int,
        user: str,
        password: str,
        *,
        on_message: Callable[[Message], None] | None = None,
        session: str = "",
        sequence: int = 1,
        answer_timeout_s: float = 5.0,
        token_prefix: str | None = None,
        timing: Timing | None = None,
        backoff: Backoff | None = None,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        if token_prefix is None:
            token_prefix = "".join(secrets.choice(_LETTERS) for _ in range(6))
        if not (len(token_prefix) <= 6 and (token_prefix + "0").isalnum() and token_prefix.isascii()):
            raise ConfigError("a prefix of tokens has up to 6 letters and digits", found=token_prefix)
        self.orders: dict[str, ClientOrder] = {}
        self.lost = 0
        self.link = SoupLink(
            host,
            port,
            user,
            password,
            self._receive,
            session=session,
            sequence=sequence,
            timing=timing,
            backoff=backoff,
            clock=clock,
        )
        self._on_message = on_message
        self._answer_timeout_s = answer_timeout_s
        self._prefix = token_prefix
        self._numbers = itertools.count(1)
        self._requests: list[_Request] = []
        self._news = asyncio.Event()

    async def start(self) -> None:
        """Log in.

        Raises
        ------
        GatewayError
            If the login is refused.
        """
        await self.link.start()

    async def stop(self) -> None:
        """Log out."""
        await self.link.stop()
        for request in self._requests:
            request.answer.cancel()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.stop()

    # --- what can be asked ----------------------------------------------------------------------------------

    async def enter(
        self,
        symbol: str,
        side: str,
        shares: int,
        price: float | None,
        *,
        token: str | None = None,
        time_in_force: int = codes.MARKET_CLOSE,
        display: str = "Y",
        minimum_quantity: int = 0,
        cross_type: str = "N",
        firm: str = "",
        capacity: str = "P",
    ) -> ClientOrder:
        """Enter an order, and wait until it is accepted or refused.

        Parameters
        ----------
        symbol, side, shares : str, str, int
            What; "B", "S", "T" or "E"; how much.
        price : float or None
            Dollars; None is a market order, which only crosses take.
        token : str, optional
            Up to 14 letters and digits; a new one by default.
        time_in_force : int
            Seconds, 0 for immediate or cancel, 99998 until the market closes.
        display, cross_type, capacity, firm : str
            Letters of OUCH; see ``docs/venues.md``.
        minimum_quantity : int
            The least that it trades at once.

        Returns
        -------
        ClientOrder
            Its ``state`` says what came of it; it lives on, and changes with what the venue tells.

        Raises
        ------
        GatewayError
            If there is no answer in time, or the session is over.
        CodecError
            If a value does not fit into its field.
        """
        token = token or self._token()
        units = codes.MARKET_PRICE if price is None else round(price * codes.PRICE_UNITS)
        fields = {
            "order_token": token,
            "buy_sell_indicator": side,
            "shares": shares,
            "stock": symbol,
            "price": units,
            "time_in_force": time_in_force,
            "firm": firm,
            "display": display,
            "capacity": capacity,
            "intermarket_sweep_eligibility": "N",
            "minimum_quantity": minimum_quantity,
            "cross_type": cross_type,
            "customer_type": " ",
        }
        data = encode("ouch_client", Message("enter_order", fields))
        order = self.orders.setdefault(
            token, ClientOrder(token=token, symbol=symbol, side=side, shares=shares, price=units)
        )
        await self._ask(data, (token,), must=True)
        return order

    async def replace(
        self,
        token: str,
        shares: int,
        price: float,
        *,
        new_token: str | None = None,
        time_in_force: int = codes.MARKET_CLOSE,
        display: str = "Y",
        minimum_quantity: int = 0,
    ) -> ClientOrder | None:
        """Put another order in the place of one, and wait for what comes of it.

        Parameters
        ----------
        token, shares, price : str, int, float
            Which; the total wanted, executions of the old order included; dollars.
        new_token : str, optional
            Of the new order.
        time_in_force, display, minimum_quantity : int, str, int
            As for `enter`.

        Returns
        -------
        ClientOrder or None
            The new order; None if there is none, because the old one was gone before, or is gone now because
            the new one was not possible, or could not be canceled: ``orders[token]`` says which.
        """
        new_token = new_token or self._token()
        fields = {
            "existing_order_token": token,
            "replacement_order_token": new_token,
            "shares": shares,
            "price": round(price * codes.PRICE_UNITS),
            "time_in_force": time_in_force,
            "display": display,
            "intermarket_sweep_eligibility": "N",
            "minimum_quantity": minimum_quantity,
        }
        await self._ask_of(token, Message("replace_order", fields), (new_token,))
        order = self.orders.get(new_token)
        return order if order is not None and order.state != "rejected" else None

    async def cancel(self, token: str, shares: int = 0) -> ClientOrder:
        """Reduce an order to a total of so many shares, executions included, and wait; 0 ends it."""
        await self._ask_of(token, Message("cancel_order", {"order_token": token, "shares": shares}))
        return self.orders[token]

    async def modify(self, token: str, shares: int, *, side: str | None = None) -> ClientOrder:
        """Give an order another total, or a sale another of the letters S, T and E, and wait."""
        side = side or self._known(token).side
        fields = {"order_token": token, "buy_sell_indicator": side, "shares": shares}
        await self._ask_of(token, Message("modify_order", fields))
        return self.orders[token]

    async def until(self, condition: Callable[[], bool], timeout_s: float | None = None) -> None:
        """Wait until something holds, looked at after every message.

        Raises
        ------
        GatewayError
            If it does not hold in time, or the session is over.
        """
        try:
            async with asyncio.timeout(timeout_s or self._answer_timeout_s):
                while not condition():
                    if self.link.is_over:
                        raise GatewayError("the session is over")
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise GatewayError("what was waited for did not come in time") from None

    # --- how it is asked and answered -----------------------------------------------------------------------

    def _known(self, token: str) -> ClientOrder:
        if token not in self.orders:
            raise ConfigError("no order has this token", found=token, expected=list(self.orders))
        return self.orders[token]

    async def _ask_of(self, token: str, message: Message, others: tuple[str, ...] = ()) -> None:
        if self._known(token).state == "live":
            await self._ask(encode("ouch_client", message), (token, *others))

    async def _ask(self, data: bytes, tokens: tuple[str, ...], *, must: bool = False) -> None:
        if self.link.is_over:
            raise GatewayError("the session is over")
        request = _Request(data, tokens, asyncio.get_running_loop().create_future())
        self._requests.append(request)
        self.link.send(data)
        try:
            async with asyncio.timeout(self._answer_timeout_s):
                await request.answer
        except TimeoutError:
            # Silence is an answer where the venue had nothing to do; an Enter always gets one.
            if must:
                raise GatewayError("the venue did not answer in time", found=tokens[0]) from None
        finally:
            if request in self._requests:
                self._requests.remove(request)

    def _receive(self, event: Event) -> None:
        kind, _, count, data = event
        if kind == "accepted":
            for request in self._requests:
                self.link.send(request.message)
        elif kind == "lost":
            self.lost += count
        elif kind == "message":
            message = known("ouch_venue", data)
            self._follow(message)
            if self._on_message is not None:
                self._on_message(message)
        elif kind in ("end", "rejected"):
            for request in self._requests:
                if not request.answer.done():
                    request.answer.set_exception(GatewayError("the session is over"))
        self._news.set()

    def _follow(self, message: Message) -> None:
        tokens = [value for name, value in message.fields.items() if name.endswith("order_token")]
        order = self._order(message)
        if order is not None:
            order.follow(message)
        if message.name == "replaced":
            old = self.orders.get(message.previous_order_token)
            if old is not None:
                old.state = "dead"
        # Whatever was asked of an order that is gone will have no other answer.
        if message.name in _ANSWERS or (order is not None and order.state == "dead"):
            self._answer(message, tokens)

    def _order(self, message: Message) -> ClientOrder | None:
        token = message.fields.get("order_token", message.fields.get("replacement_order_token"))
        if not isinstance(token, str):
            return None
        if message.name in ("accepted", "replaced") and token not in self.orders:
            side, price = message.buy_sell_indicator, message.price
            self.orders[token] = ClientOrder(
                token=token, symbol=message.stock, side=side, shares=message.shares, price=price
            )
        return self.orders.get(token)

    def _answer(self, message: Message, tokens: list[Any]) -> None:
        for request in self._requests:
            if not request.answer.done() and any(token in request.tokens for token in tokens):
                request.answer.set_result(message)
                return

    def _token(self) -> str:
        return f"{self._prefix}{next(self._numbers):08d}"
