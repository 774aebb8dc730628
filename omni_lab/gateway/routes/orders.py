"""``/api/v1/orders``: orders and fills of the account."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import ConfigDict, Field, model_validator

from omni_lab.errors import UnknownSymbolError
from omni_lab.execution.explanations import Explanation
from omni_lab.execution.views import Order
from omni_lab.gateway.answers import answer, number_cursor, page
from omni_lab.gateway.models import Body, Page, example_of, model_of
from omni_lab.gateway.routing import Cursor, Key, Limit, OrderId, needs, person_of, router
from omni_lab.system.people import Action, Person
from omni_lab.system.services import Services
from omni_lab.system.views import Fill, Ticket

Quantity = Annotated[float, Field(gt=0, le=1e12, description="Units.")]
Price = Annotated[float, Field(gt=0, le=1e9, description="Currency.")]


class Terms(Body):
    """Further terms of an order, as of `OMS.submit`."""

    order_type: str | None = Field(None, max_length=32, description="By default what the other terms say.")
    stop_price: Price | None = Field(None, description="What elects a stop.")
    trail: Price | None = Field(None, description="Distance of a trailing stop, units of price.")
    trail_bps: int | None = Field(None, ge=1, le=10_000, description="That distance in basis points.")
    trigger: str | None = Field(None, max_length=32, description="What a stop watches.")
    peg: str | None = Field(None, max_length=32, description="What a pegged order follows.")
    peg_offset: float = Field(0.0, ge=-1e9, le=1e9, description="How far above it, units of price.")
    display_qty: float | None = Field(None, ge=0, le=1e12, description="What shows of it; null all.")
    min_qty: Quantity | None = Field(None, description="What it trades at least at once.")
    all_or_none: bool = Field(False, description="Whether it trades all or nothing.")
    post_only: bool = Field(False, description="Whether it must not take.")
    expire_at: int | None = Field(None, gt=0, lt=2**63, description="When a GTD order ends, ns UTC.")


class TicketIn(Body):
    """An order as somebody writes it."""

    model_config = ConfigDict(
        json_schema_extra=example_of(
            symbol="AAPL", side="BUY", qty=100, price=99.95, time_in_force="DAY", client_order_id="desk-1"
        )
    )

    symbol: str = Field(min_length=1, max_length=64, description="Symbol of the instrument.")
    side: Literal["BUY", "SELL"] = Field(description="Which way.")
    qty: Quantity = Field(description="Units.")
    price: Price | None = Field(None, description="Limit; null at the market.")
    time_in_force: Literal["DAY", "GTC", "IOC", "FOK", "GTD"] = Field(
        "DAY", description="How long it stands."
    )
    client_order_id: str | None = Field(
        None, pattern=r"^[ -~]{1,16}$", description="A name of your own; sent twice, it is one order."
    )
    terms: Terms = Field(Terms.model_validate({}), description="Further terms.")

    def ticket(self, client_order_id: str | None = None) -> Ticket:
        """As the system takes it."""
        given = self.terms.model_dump(exclude_defaults=True)
        return Ticket(
            symbol=self.symbol,
            side=self.side,
            qty=self.qty,
            price=self.price,
            time_in_force=self.time_in_force,
            client_order_id=self.client_order_id or client_order_id,
            terms=given,
        )


class Change(Body):
    """What is to be different about an order."""

    model_config = ConfigDict(json_schema_extra=example_of(qty=200, price=99.9) | {"minProperties": 1})

    qty: Quantity | None = Field(None, description="Its total quantity.")
    price: Price | None = Field(None, description="Its limit.")

    @model_validator(mode="after")
    def _says_something(self) -> Change:
        if self.qty is None and self.price is None:
            raise ValueError("say qty, price, or both")
        return self


class Check(Body):
    """One check of the gate."""

    check: str = Field(description="Name of the reason that it would give.")
    level: str = Field(description="Who limits: account, instrument, position or all.")
    severity: str = Field(description="`hard` refuses, `warn` warns.")
    value: float | None = Field(description="What is measured; null where it cannot be.")
    limit: float | None = Field(description="What is allowed; null for no limit.")
    headroom: float | None = Field(description="Limit less value; null for no limit.")
    unit: str = Field(description="Of the three.")
    passes: bool = Field(description="Whether it passes.")


class Preview(Body):
    """What the risk gate would say of an order."""

    symbol: str = Field(description="Of the instrument.")
    refused: str | None = Field(description="Reason that it would be refused with; null if it would pass.")
    warned: str | None = Field(description="What the gate would warn of.")
    sentences: list[str] = Field(description="What to do about it.")
    checks: list[Check] = Field(description="In the order of evaluation.")


class Canceled(Body):
    """How many orders were canceled."""

    canceled: int = Field(description="Orders of the account that were live.", examples=[3])


def order_routes(services: Services) -> APIRouter:
    """The routes of orders."""
    routes, system = router("/orders", "orders"), services.system
    shown = model_of(Order)

    @routes.get("", response_model=Page[shown], **needs(Action.READ))  # type: ignore[valid-type]
    def orders(
        live: Annotated[bool, Query(description="Only those that live.")] = False,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> Response:
        """Orders of the account, newest first."""
        before = number_cursor(cursor, 2**62)
        found = system.orders(live=live, before=before, most=limit + 1)
        return answer(page(found, limit, lambda order: order.order_id))

    @routes.get("/fills", response_model=Page[model_of(Fill)], **needs(Action.READ))  # type: ignore[misc]
    def fills(limit: Limit = 100, cursor: Cursor = None) -> Response:
        """Fills of the account, oldest first; a cursor is the number of the last fill that is known."""
        found = system.fills(after=number_cursor(cursor), most=2**31)[: limit + 1]
        return answer(page(found, limit, lambda fill: fill.number))

    @routes.get("/{order_id:int}", response_model=shown, **needs(Action.READ, 404))
    def order(order_id: OrderId) -> Response:
        """An order of the account, live or ended."""
        return answer(system.order(order_id))

    @routes.post("", response_model=shown, **needs(Action.TRADE, 404, 409, status=201))
    def submit(request: Request, ticket: TicketIn, key: Key = None) -> Response:
        """Send an order. What the gate or the book refuses is an order in state REJECTED, with its reason."""
        who = person_of(request)
        sent = system.submit(ticket.ticket(_client_id(who, key)), who=who)
        return answer(sent, 201, {"Location": f"/api/v1/orders/{sent.order_id}"})

    @routes.post("/preview", response_model=Preview, **needs(Action.TRADE, 404, 409, changes=False))
    def preview(ticket: TicketIn) -> Response:
        """What the risk gate would say of an order, check by check; nothing changes."""
        return answer(told(system.preview(ticket.ticket())))

    @routes.patch("/{order_id:int}", response_model=shown, **needs(Action.TRADE, 404, 409))
    def replace(request: Request, order_id: OrderId, change: Change) -> Response:
        """Give an order another total quantity or limit."""
        who = person_of(request)
        return answer(system.replace(order_id, who=who, qty=change.qty, price=change.price))

    @routes.delete("/{order_id:int}", response_model=shown, **needs(Action.TRADE, 404, 409))
    def cancel(request: Request, order_id: OrderId) -> Response:
        """Cancel an order; 409 if it has ended."""
        return answer(system.cancel(order_id, who=person_of(request)))

    @routes.delete("", response_model=Canceled, **needs(Action.TRADE, 404, 409))
    def cancel_all(
        request: Request,
        symbol: Annotated[
            str | None, Query(min_length=1, max_length=64, description="Only of this instrument.")
        ] = None,
    ) -> Response:
        """Cancel all orders of the account."""
        _known(services, symbol)
        return answer({"canceled": system.cancel_all(who=person_of(request), symbol=symbol)})

    return routes


def told(explanation: Explanation) -> dict[str, Any]:
    """What the gate says, as it is sent."""
    columns = {name: column.tolist() for name, column in explanation.columns.items()}
    names = ("check", "level", "severity", "value", "limit", "headroom", "unit", "passes")
    rows = zip(*(columns[name] for name in names), strict=True)
    return {
        "symbol": explanation.symbol,
        "refused": explanation.refused,
        "warned": explanation.warned,
        "sentences": explanation.sentences,
        "checks": [dict(zip(names, row, strict=True)) for row in rows],
    }


def _client_id(who: Person, key: str | None) -> str | None:
    """A name for the order of a key, so that a request that is repeated after a kill is one order."""
    return None if key is None else "k" + hashlib.sha256(f"{who.name}\n{key}".encode()).hexdigest()[:15]


def _known(services: Services, symbol: str | None) -> None:
    """Refuse a symbol that is not traded here."""
    symbols = services.system.status().symbols
    if symbol is not None and symbol not in symbols:
        raise UnknownSymbolError("not traded here", found=symbol, expected=symbols, where="symbol")
