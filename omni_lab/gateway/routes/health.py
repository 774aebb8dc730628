"""``/health``: whether the process lives, whether it can serve, and how each part is."""

from __future__ import annotations

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from omni_lab.errors import OmniError
from omni_lab.gateway.answers import answer
from omni_lab.gateway.problems import public
from omni_lab.gateway.routing import needs, open_to_all, router
from omni_lab.store.database import exc, reading, sa
from omni_lab.system.people import Action
from omni_lab.system.services import Services

_WELL = frozenset({"RUNNING", "HALTED", "FINISHED"})


class Alive(BaseModel):
    """Whether it is well."""

    status: str = Field(description="`ok`, or `unavailable`.", examples=["ok"])


class Part(BaseModel):
    """How a part is."""

    status: str = Field(description="`ok`, or `unavailable`.", examples=["ok"])
    text: str = Field(description="More of it.", examples=["RUNNING"])


class Health(Alive):
    """How each part is."""

    parts: dict[str, Part] = Field(description="By name: system, registry, feed.")


def health_routes(services: Services) -> APIRouter:
    """The routes of health."""
    routes = router("/health", "health")

    @routes.get("/live", response_model=Alive, **open_to_all())
    async def live() -> Response:
        """Whether the process answers."""
        return answer({"status": "ok"})

    @routes.get("/ready", response_model=Alive, **open_to_all(503))
    async def ready() -> Response:
        """Whether it can serve: the system runs, and the registry's database answers."""
        parts = await run_in_threadpool(parts_of, services)
        status = _status(parts)
        return answer({"status": status}, 200 if status == "ok" else 503)

    @routes.get("", response_model=Health, **needs(Action.READ))
    def details() -> Response:
        """How each part is."""
        parts = parts_of(services)
        return answer({"status": _status(parts), "parts": parts})

    return routes


def parts_of(services: Services) -> dict[str, dict[str, str]]:
    """How system, feed and registry are."""
    status = services.system.status()
    age = status.feed_age_s
    return {
        "system": _part(status.state in _WELL, status.error or status.state),
        "feed": _part(True, "nothing yet" if age != age else f"{age:.1f} s old"),
        "registry": _registry(services),
    }


def _registry(services: Services) -> dict[str, str]:
    try:
        with reading(services.registry.engine) as connection:
            connection.execute(sa.text("SELECT 1"))
    except (OmniError, exc.SQLAlchemyError) as error:
        return _part(False, f"the database does not answer: {type(error).__name__}")
    return _part(True, services.registry.engine.dialect.name)


def _part(well: bool, text: str) -> dict[str, str]:
    return {"status": "ok" if well else "unavailable", "text": public(text)}


def _status(parts: dict[str, dict[str, str]]) -> str:
    return "ok" if all(part["status"] == "ok" for part in parts.values()) else "unavailable"
