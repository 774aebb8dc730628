"""``/api/v1/system``: how the trading system is, how fast, and its strategy."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from omni_lab.gateway.answers import answer
from omni_lab.gateway.models import model_of
from omni_lab.gateway.routing import Key, needs, person_of, router
from omni_lab.system.people import Action
from omni_lab.system.services import Services
from omni_lab.system.views import JournalState, Status


class Stage(BaseModel):
    """Time of commands in one stage."""

    stage: str = Field(description="Gate, journal, book or all.")
    count: int = Field(description="How many commands.")
    p50_ns: float | None = Field(description="Median, nanoseconds.")
    p99_ns: float | None = Field(description="99th percentile, nanoseconds.")
    p999_ns: float | None = Field(description="99.9th percentile, nanoseconds.")
    max_ns: float | None = Field(description="Longest, nanoseconds.")


class Latency(BaseModel):
    """Time of commands, by stage."""

    items: list[Stage] = Field(description="In the order of a command's way.")


def system_routes(services: Services) -> APIRouter:
    """The routes of the trading system."""
    routes, system = router("/system", "system"), services.system
    status = model_of(Status)

    @routes.get("", response_model=status, **needs(Action.READ))
    def state() -> Response:
        """How the system is."""
        return answer(system.status())

    @routes.get("/latency", response_model=Latency, **needs(Action.READ))
    def latency() -> Response:
        """Time of commands, by stage."""
        columns = {name: column.tolist() for name, column in system.latency().items()}
        return answer(
            {"items": [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]}
        )

    @routes.get("/journal", response_model=model_of(JournalState), **needs(Action.READ))
    def journal(
        hashed: Annotated[
            bool, Query(description="With the hash of the state, which takes a while.")
        ] = False,
    ) -> Response:
        """The journal: its last frame, its size, how it is kept."""
        return answer(named(system.journal(hashed=hashed)))

    @routes.post("/strategy/start", response_model=status, **needs(Action.TRADE, 409))
    def start(request: Request, key: Key = None) -> Response:
        """Let the strategy run; it begins anew with the positions and orders that there are."""
        system.start_strategy(who=person_of(request))
        return answer(system.status())

    @routes.post("/strategy/stop", response_model=status, **needs(Action.TRADE, 409))
    def stop(request: Request, key: Key = None) -> Response:
        """Stop the strategy and cancel its orders."""
        system.stop_strategy(who=person_of(request))
        return answer(system.status())

    return routes


def named(state: JournalState) -> JournalState:
    """A journal whose directory is told by its name alone."""
    from dataclasses import replace
    from pathlib import Path

    return state if state.directory is None else replace(state, directory=Path(state.directory).name)
