"""``/api/v1/schedules``: pipelines and flows at their hours."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from omni_lab.errors import ConfigError, SourceError, StateError
from omni_lab.gateway.answers import answer
from omni_lab.gateway.models import Body, example_of
from omni_lab.gateway.problems import public
from omni_lab.gateway.routing import Key, needs, router
from omni_lab.pipelines.schedules import Schedule, ScheduleStore
from omni_lab.system.people import Action
from omni_lab.system.services import Services

Of = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$", description="Of the schedule.")]
Cron = Annotated[str, Field(min_length=9, max_length=200, description="Five fields, as crontab(5) has them.")]
Zone = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9_+/-]{1,64}$", description="Zone whose clock they are read on.")
]
Assignments = Annotated[
    list[Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*=", max_length=500)]],
    Field(max_length=100, description="Parameters as `name=value`."),
]
Calendar = Annotated[
    str | None, Field(pattern=r"^[A-Z0-9_]{2,20}$", description="Only on sessions of this exchange.")
]
Missed = Annotated[
    Literal["last", "all", "none"], Field(description="Which to run of those that no scheduler saw.")
]
Overlap = Annotated[
    Literal["skip", "wait"], Field(description="What a firing does while the run before it is going.")
]
_EXAMPLE = {"cron": "30 17 * * 1-5", "tz": "America/New_York", "calendar": "XNYS"}


class ScheduleIn(Body):
    """A pipeline or a flow, and when it is to run."""

    model_config = ConfigDict(json_schema_extra=example_of(name="daily-risk", runs="risk_report", **_EXAMPLE))

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$", description="A new name.")
    runs: str = Field(pattern=r"^(flow:)?[A-Za-z0-9_-]{1,100}$", description="A pipeline, or `flow:NAME`.")
    cron: Cron
    tz: Zone = "UTC"
    assignments: Assignments = Field(default_factory=list)
    calendar: Calendar = None
    missed: Missed = "last"
    missed_within_s: float = Field(21_600.0, gt=0, le=1e9, description="But none that is older, seconds.")
    overlap: Overlap = "skip"


class ScheduleChange(Body):
    """What is to be different about a schedule."""

    model_config = ConfigDict(json_schema_extra=example_of(paused=True) | {"minProperties": 1})

    cron: Cron | None = None
    tz: Zone | None = None
    assignments: Assignments | None = None
    calendar: Calendar = None
    missed: Missed | None = None
    missed_within_s: float | None = Field(None, gt=0, le=1e9, description="None that is older, seconds.")
    overlap: Overlap | None = None
    paused: bool | None = Field(None, description="Whether its firings are skipped for now.")

    @model_validator(mode="after")
    def _says_something(self) -> ScheduleChange:
        if not self.model_fields_set:
            raise ValueError("say what is to be different")
        return self


class FiringOut(BaseModel):
    """A moment that was due, and what became of it."""

    due: str = Field(description="ISO 8601, UTC.")
    state: str = Field(description="`waiting`, `claimed`, `ran`, `skipped` or `failed to start`.")
    reason: str = Field(description="Why it was skipped, or how its run ended if not well.")
    run_id: str | None = Field(description="Of its run.")


class ScheduleOut(BaseModel):
    """A schedule, when it fires next, and how its last firings went."""

    name: str = Field(description="Its name.")
    runs: str = Field(description="A pipeline, or `flow:NAME`.")
    cron: str = Field(description="Five fields, as crontab(5) has them.")
    tz: str = Field(description="Zone whose clock they are read on.")
    assignments: list[str] = Field(description="Parameters as `name=value`.")
    calendar: str | None = Field(description="Only on sessions of this exchange.")
    missed: str = Field(description="Which to run of those that no scheduler saw.")
    missed_within_s: float = Field(description="But none that is older, seconds.")
    overlap: str = Field(description="What a firing does while the run before it is going.")
    paused: bool = Field(description="Whether its firings are skipped for now.")
    next: str | None = Field(description="When it fires next, ISO 8601 UTC; null while it is paused.")
    last: list[FiringOut] = Field(description="The last five firings, newest first.")


class Schedules(BaseModel):
    """All schedules."""

    items: list[ScheduleOut] = Field(description="By name.")


def schedule_routes(services: Services) -> APIRouter:
    """The routes of schedules."""
    routes, store = router("/schedules", "schedules"), ScheduleStore(services.registry)

    @routes.get("", response_model=Schedules, **needs(Action.READ))
    def schedules() -> Response:
        """All schedules, by name."""
        return answer({"items": [told(store, each) for each in store.list()]})

    @routes.post("", response_model=ScheduleOut, **needs(Action.RUN, 404, 409, status=201))
    def add(wanted: ScheduleIn, key: Key = None) -> Response:
        """Keep a schedule. It fires as long as `omni scheduler` or an exported timer is there."""
        facts = wanted.model_dump()
        schedule = Schedule(**facts | {"assignments": tuple(wanted.assignments)})
        if any(each.name == schedule.name for each in store.list()):
            raise StateError("a schedule of this name exists", found=schedule.name, where="body.name")
        store.add(schedule, now=_now())
        return answer(told(store, schedule), 201, {"Location": f"/api/v1/schedules/{schedule.name}"})

    @routes.get("/{name}", response_model=ScheduleOut, **needs(Action.READ, 404))
    def one(name: Of) -> Response:
        """One schedule."""
        return answer(told(store, _found(store, name)))

    @routes.patch("/{name}", response_model=ScheduleOut, **needs(Action.RUN, 404))
    def change(name: Of, wanted: ScheduleChange) -> Response:
        """Change a schedule, pause it or let it fire again; what was due until now is settled as it was."""
        before = _found(store, name)
        given = {field: getattr(wanted, field) for field in wanted.model_fields_set}
        paused = given.pop("paused", None)
        if nothing := [field for field, value in given.items() if value is None and field != "calendar"]:
            raise ConfigError("this cannot be null", found=None, where=f"body.{nothing[0]}")
        if "assignments" in given:
            given["assignments"] = tuple(given["assignments"])
        if given:
            store.update(replace(before, **given), now=_now())
        if paused is not None and paused != before.paused:
            (store.pause if paused else store.resume)(name, now=_now())
        return answer(told(store, store.get(name)))

    @routes.delete("/{name}", **needs(Action.RUN, 404, status=204))
    def remove(name: Of) -> Response:
        """Forget a schedule; its history and its runs stay."""
        _found(store, name)
        store.remove(name, now=_now())
        return Response(status_code=204)

    return routes


def told(store: ScheduleStore, schedule: Schedule) -> dict[str, Any]:
    """Fields of `ScheduleOut`."""
    facts = {name: value for name, value in schedule.facts().items() if name != "parameter_file"}
    last = [
        {"due": each.due, "state": each.state, "reason": public(each.reason), "run_id": each.run_id}
        for each in store.history(schedule.name, limit=5)
    ]
    return facts | {"next": store.next_due(schedule.name, _now()), "last": last}


def _found(store: ScheduleStore, name: str) -> Schedule:
    try:
        return store.get(name)
    except ConfigError as error:
        raise SourceError(error.what, found=name, where="name", hint=error.hint) from error


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
