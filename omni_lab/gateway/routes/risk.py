"""``/api/v1/risk``: limits and how near they are, what may be lost, and the kill switch."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from pydantic import ConfigDict, Field

from omni_lab.errors import UnknownSymbolError
from omni_lab.execution.explanations import Headroom
from omni_lab.execution.limits import Limits
from omni_lab.gateway.answers import answer
from omni_lab.gateway.models import Body, example_of, model_of
from omni_lab.gateway.routes.measures import Measures, measured
from omni_lab.gateway.routing import Key, needs, person_of, router
from omni_lab.system.people import Action
from omni_lab.system.services import Services
from omni_lab.system.views import Status

_SAID = "Null is no limit."
Money = Annotated[float | None, Field(ge=0, le=1e15)]
Rate = Annotated[int | None, Field(ge=1, le=1_000_000)]
Burst = Annotated[int, Field(ge=1, le=1_000_000)]


class LimitsIn(Body):
    """What the risk gate lets the account do; null is no limit."""

    model_config = ConfigDict(
        json_schema_extra=example_of(max_order_qty=1_000, max_position=5_000, max_daily_loss=25_000)
    )

    max_position: Annotated[float | None, Field(ge=0, le=1e12)] = Field(
        None, description="Largest position in one instrument, open orders included, units."
    )
    max_order_qty: Annotated[float | None, Field(ge=0, le=1e12)] = Field(
        None, description="Largest order, units."
    )
    collar_bps: Annotated[int | None, Field(ge=0, le=1_000_000)] = Field(
        None, description="Largest distance of a price from the reference, basis points."
    )
    max_notional: Money = Field(None, description="Largest price times quantity of an order, currency.")
    order_rate: Rate = Field(None, description="Orders and replaces a second.")
    order_burst: Burst = Field(1, description="How many may come at once.")
    cancel_rate: Rate = Field(None, description="Cancels a second.")
    cancel_burst: Burst = Field(1, description="How many may come at once.")
    max_daily_loss: Money = Field(None, description="Loss of the day from which on nothing may be added.")
    max_drawdown: Annotated[float | None, Field(ge=0, le=1)] = Field(
        None, description="Fall of equity from its peak, as a fraction; whole numbers of 1/10,000."
    )
    max_leverage: Annotated[float | None, Field(ge=0, le=1_000)] = Field(
        None, description="Largest gross exposure, as a multiple of equity."
    )
    max_sector: Annotated[float | None, Field(ge=0, le=1_000)] = Field(
        None, description="Largest exposure in one sector, as a fraction of equity."
    )
    max_name: Annotated[float | None, Field(ge=0, le=1_000)] = Field(
        None, description="Largest exposure in one instrument, as a fraction of equity."
    )

    def limits(self) -> Limits:
        """As the gate takes them."""
        return Limits(**self.model_dump())


class Use(Body):
    """How near the account stands to one limit."""

    check: str = Field(description="Name of the reason that the gate would give.")
    instrument: str = Field(description="Where it is about one.")
    sector: str = Field(description="Where it is about one.")
    level: str = Field(description="Who limits.")
    severity: str = Field(description="`hard` refuses, `warn` warns.")
    value: float | None = Field(description="What is measured; null where it cannot be.")
    limit: float | None = Field(description="What is allowed; null for no limit.")
    headroom: float | None = Field(description="Limit less value.")
    used: float | None = Field(description="Share of the limit that is used; null without a limit.")
    unit: str = Field(description="Of the three.")
    passes: bool = Field(description="Whether it stands within the limit.")


class LimitsOut(Body):
    """Limits, and how near they are."""

    limits: LimitsIn = Field(description="Of the account now.")
    headroom: list[Use] = Field(description="One row for each check and level that limits something.")


class Risk(Body):
    """The risk in a glance."""

    state: str = Field(description="Of the system; HALTED while a kill switch stops the account.")
    halted: dict[str, str] = Field(description="Kill switches that are on: scope by who and why.")
    sentences: list[str] = Field(description="What stands beyond a limit now.")
    gross: float | None = Field(description="Sum of absolute positions at their marks, currency.")
    net: float | None = Field(description="Sum of signed positions, currency.")
    pnl_day: float | None = Field(description="Profit of the day, currency.")
    most_used: list[Use] = Field(description="The five limits that are used most.")


class Switch(Body):
    """A kill switch, and why."""

    model_config = ConfigDict(json_schema_extra=example_of(why="prices look wrong", symbol=None))

    why: str = Field(min_length=3, max_length=200, pattern=r"\S", description="The reason, for the journal.")
    symbol: str | None = Field(
        None, min_length=1, max_length=64, description="Only of this instrument; null the whole account."
    )


def risk_routes(services: Services) -> APIRouter:
    """The routes of risk."""
    routes, system = router("/risk", "risk"), services.system
    status = model_of(Status)

    @routes.get("", response_model=Risk, **needs(Action.READ))
    def risk() -> Response:
        """Kill switches, exposure, and the limits that are used most."""
        now, account, headroom = system.status(), system.account(), system.headroom()
        rows = sorted(rows_of(headroom, now.account), key=lambda row: -(row["used"] or 0.0))
        return answer(
            {
                "state": now.state,
                "halted": now.halted,
                "sentences": headroom.sentences,
                **{name: getattr(account, name) for name in ("gross", "net", "pnl_day")},
                "most_used": [row for row in rows if row["used"] is not None][:5],
            }
        )

    @routes.get("/limits", response_model=LimitsOut, **needs(Action.READ))
    def limits() -> Response:
        """The account's limits, and how near it stands to each."""
        return answer(_limits(services))

    @routes.put("/limits", response_model=LimitsOut, **needs(Action.LIMIT, 409))
    def set_limits(request: Request, limits: LimitsIn) -> Response:
        """Give the account other limits; those not named are none."""
        system.set_limits(limits.limits(), who=person_of(request))
        return answer(_limits(services))

    @routes.get("/measures", response_model=Measures, **needs(Action.READ, 404))
    def measures(
        method: Annotated[
            Literal["historical", "normal", "student", "cornish_fisher", "evt", "filtered", "filtered_evt"],
            Query(description="How the tail is found."),
        ] = "historical",
        confidence: Annotated[float, Query(gt=0.5, lt=1.0, description="Of VaR and ES.")] = 0.99,
        horizon: Annotated[int, Query(ge=1, le=250, description="Steps that the loss is counted over.")] = 1,
        prices: Annotated[
            Literal["auto", "lake", "quotes"],
            Query(
                description="Daily closes of the lake, or quotes of the market; auto: the lake if it has all."
            ),
        ] = "auto",
        step_s: Annotated[float, Query(ge=0.1, le=3600, description="Step of quotes, seconds.")] = 1.0,
    ) -> Response:
        """VaR, ES and stress of the positions that are held now, in currency."""
        return answer(
            measured(
                services, method=method, confidence=confidence, horizon=horizon, prices=prices, step_s=step_s
            )
        )

    @routes.post("/kill", response_model=status, **needs(Action.HALT, 404, 409))
    def kill(request: Request, switch: Switch, key: Key = None) -> Response:
        """Throw a kill switch: orders are canceled, new ones refused, the strategy stops."""
        _known(services, switch.symbol)
        system.kill(who=person_of(request), why=switch.why, symbol=switch.symbol)
        return answer(system.status())

    @routes.post("/reset", response_model=status, **needs(Action.RESET, 404, 409))
    def reset(request: Request, switch: Switch, key: Key = None) -> Response:
        """Take a kill switch back; the strategy stays stopped until somebody starts it."""
        _known(services, switch.symbol)
        system.reset(who=person_of(request), why=switch.why, symbol=switch.symbol)
        return answer(system.status())

    return routes


def rows_of(headroom: Headroom, account: str) -> list[dict[str, Any]]:
    """Limits of an account and how far they are used, as they are sent; infinite is null."""
    names = ("account", "check", "instrument", "sector", "level", "severity")
    columns: dict[str, list[Any]] = {
        name: headroom.columns[name].tolist() for name in (*names, "unit", "passes")
    }
    for name in ("value", "limit", "headroom"):
        column = headroom.columns[name].astype(np.float64)
        columns[name] = [float(each) if np.isfinite(each) else None for each in column]
    columns["used"] = [float(each) if np.isfinite(each) else None for each in headroom.used]
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    shown = [
        row for row in rows if row["account"] == account and (row["limit"] is not None or not row["passes"])
    ]
    return [{name: value for name, value in row.items() if name != "account"} for row in shown]


def _limits(services: Services) -> dict[str, Any]:
    system = services.system
    rows = rows_of(system.headroom(), system.status().account)
    return {"limits": system.limits(), "headroom": rows}


def _known(services: Services, symbol: str | None) -> None:
    symbols = services.system.status().symbols
    if symbol is not None and symbol not in symbols:
        raise UnknownSymbolError("not traded here", found=symbol, expected=symbols, where="body.symbol")
