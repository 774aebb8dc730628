"""``/api/v1/alerts``: what is wrong, who knows of it, and whether the channels can be reached."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from omni_lab.errors import StateError
from omni_lab.gateway.answers import answer, number_cursor
from omni_lab.gateway.models import Body, example_of, model_of
from omni_lab.gateway.routing import Cursor, Limit, needs, person_of, router
from omni_lab.system.people import Action
from omni_lab.system.services import Services
from omni_lab.system.watch import PastAlert, Watch

AlertKey = Annotated[
    str,
    Path(
        min_length=1,
        max_length=200,
        description="Key of an alert; slashes as they are.",
        examples=["halted:account desk"],
    ),
]


class AlertOut(BaseModel):
    """An alert that has not ended."""

    key: str = Field(description="What makes two alerts the same one.")
    severity: Literal["info", "warning", "error", "critical"] = Field(description="How bad it is.")
    text: str = Field(description="What is wrong.")
    hint: str = Field(description="What to do about it.")
    ts: int = Field(description="When it opened, nanoseconds UTC.")
    acknowledged: bool = Field(description="Whether somebody knows of it.")
    acknowledged_by: str | None = Field(description="Who.")


class Alerts(BaseModel):
    """Alerts that have not ended, and those that there were."""

    open: list[AlertOut] = Field(description="The worst first.")
    items: list[model_of(PastAlert)] = Field(description="All of them, newest first.")  # type: ignore[valid-type]
    next: str | None = Field(description="Cursor of the next page; null on the last one.")


class Acknowledgement(Body):
    """Why an alert needs no more attention."""

    model_config = ConfigDict(json_schema_extra=example_of(why="known, it is the exchange's holiday"))

    why: str = Field("", max_length=500, description="What the one who acknowledges it wants to say.")
    mute_s: float = Field(
        0.0, ge=0, le=604_800, description="So long the channels hear nothing of it, seconds."
    )


class DeliveryOut(BaseModel):
    """What came of a test on one channel."""

    channel: str = Field(description="Its name.")
    outcome: Literal["told", "repeated", "held", "below", "failed"] = Field(description="What came of it.")
    detail: str = Field(description="Why, without secrets.")
    attempts: int = Field(description="How often it was tried.")


class Deliveries(BaseModel):
    """What came of a test."""

    items: list[DeliveryOut] = Field(description="One for each channel.")


def alert_routes(services: Services) -> APIRouter:
    """The routes of alerts."""
    routes = router("/alerts", "alerts")
    severities = ("critical", "error", "warning", "info")

    @routes.get("", response_model=Alerts, **needs(Action.READ))
    def alerts(limit: Limit = 100, cursor: Cursor = None) -> Response:
        """Alerts that have not ended, and a page of all that there were."""
        watch = _watch(services)
        now = [{"key": key, **told} for key, told in watch.open().items()]
        now.sort(key=lambda each: (severities.index(each["severity"]), -each["ts"]))
        before = number_cursor(cursor) or None
        past = watch.history(before=before, most=limit + 1)
        more = str(past[limit - 1].n) if len(past) > limit else None
        return answer({"open": now, "items": past[:limit], "next": more})

    @routes.post("/test", response_model=Deliveries, **needs(Action.ADMINISTER, 409))
    def test(request: Request) -> Response:
        """Send a test to every channel."""
        found = _watch(services).test(who=person_of(request))
        names = ("channel", "outcome", "detail", "attempts")
        return answer({"items": [{name: getattr(each, name) for name in names} for each in found]})

    @routes.post("/{key:path}/acknowledge", response_model=AlertOut, **needs(Action.TRADE, 404))
    def acknowledge(key: AlertKey, request: Request, wanted: Acknowledgement) -> Response:
        """Say that somebody knows of an alert; it stays open until its cause has ended."""
        watch, who = _watch(services), person_of(request)
        told: dict[str, Any] = watch.acknowledge(key, who=who, why=wanted.why)
        if wanted.mute_s:
            watch.mute(key, wanted.mute_s, who=who)
        return answer({"key": key, **told})

    return routes


def _watch(services: Services) -> Watch:
    if services.watch is None:
        raise StateError("nobody watches this system")
    return services.watch
