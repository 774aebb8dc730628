"""The dashboard under ``/dashboard``, for whoever the security layer let in."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from fastapi import APIRouter, FastAPI, Response
from starlette.responses import RedirectResponse

from omni_lab.gateway.routing import needs, router
from omni_lab.system.people import PERSON_HEADER, Action, Person, read_person
from omni_lab.system.services import Services

DASHBOARD = "/dashboard"


def mount_dashboard(app: FastAPI, services: Services) -> None:
    """Serve the pages, their sockets and their static files.

    A session's name is signed with a key of this process, so that nobody makes one up.

    Raises
    ------
    MissingExtraError
        If Panel is not installed: extra ``dashboard``.
    """
    from omni_lab.ui.dashboard import dashboard_apps
    from omni_lab.ui.panels import add_applications

    apps = dashboard_apps(services, person_of, prefix=DASHBOARD)
    add_applications(apps, app=app, title="OmniLab", secret_key=secrets.token_bytes(32), sign_sessions=True)


def person_of(headers: Mapping[str, str]) -> Person:
    """Who opened a session, as the security layer signed it into the request.

    Raises
    ------
    ForbiddenError
        If it did not.
    """
    name = PERSON_HEADER.lower()
    return read_person(next((value for key, value in headers.items() if key.lower() == name), ""))


def home_routes() -> APIRouter:
    """``/`` leads to the dashboard."""
    routes = router("", "pages")

    @routes.get("/", include_in_schema=False, **needs(Action.READ, status=307))
    async def home() -> Response:
        return RedirectResponse(DASHBOARD)

    return routes
