"""The OpenAPI of the gateway: errors as problems, ways to sign in, and what each route needs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Response
from fastapi.openapi.utils import get_openapi

import omni_lab
from omni_lab.gateway.answers import answer
from omni_lab.gateway.problems import MEDIA_TYPE, Problem
from omni_lab.gateway.routing import ACTION, ANYBODY, CHANGES, needs, router
from omni_lab.system.people import Action

_SCHEMES = {
    "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
_ABOUT = "Portfolio, orders, risk, data and research of OmniLab. Nothing here reaches a live market."


EXAMPLES = Path(__file__).with_name("examples.json")
"""Answers by method and path, as a gateway gave them; ``tests/gateway/rest/examples.py`` records them."""


def openapi_routes(app: FastAPI) -> APIRouter:
    """The route of the document itself."""
    routes = router("", "system")

    @routes.get("/openapi.json", include_in_schema=False, **needs(Action.READ))
    async def openapi() -> Response:
        return answer(app.openapi())

    return routes


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of an application; made once."""
    if app.openapi_schema is None:
        made = get_openapi(
            title="OmniLab", version=omni_lab.__version__, description=_ABOUT, routes=app.routes
        )
        schemas = made.setdefault("components", {}).setdefault("schemas", {})
        schemas["Problem"] = Problem.model_json_schema()
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        made["components"]["securitySchemes"] = _SCHEMES
        actions: Mapping[tuple[str, str], str | None] = app.state.actions
        ours = {path for _, path in actions}
        made["paths"] = {path: operations for path, operations in made["paths"].items() if path in ours}
        examples = json.loads(EXAMPLES.read_text())
        for path, operations in made["paths"].items():
            for method, operation in operations.items():
                _complete(operation, actions.get((method.upper(), path)))
                _exemplify(operation, examples.get(f"{method.upper()} {path}"))
        app.openapi_schema = made
    return app.openapi_schema


def _exemplify(operation: dict[str, Any], example: Any) -> None:
    """Put a recorded answer beside the schema of the good one."""
    for status, response in operation["responses"].items():
        told = response.get("content", {}).get("application/json")
        if example is not None and told is not None and status.startswith("2"):
            told["example"] = example


def _complete(operation: dict[str, Any], action: str | None) -> None:
    problem = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for status, response in operation["responses"].items():
        if status.isdigit() and int(status) >= 400:
            response["content"] = problem
    operation.pop(CHANGES, None)
    if action is not None and action != ANYBODY:
        operation[ACTION] = action
        operation["security"] = [{"token": []}, {"key": []}]
        operation["description"] = f"{operation.get('description', '')}\n\nNeeds: `{action}`.".strip()
    if "requestBody" in operation:
        operation["responses"].setdefault(
            "413", {"description": "The body is too large.", "content": problem}
        )
