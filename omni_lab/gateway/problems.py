"""Errors as problem details (RFC 9457), with nothing of the inside."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from omni_lab.errors import (
    AlertError,
    CodecError,
    ConfigError,
    DataError,
    ForbiddenError,
    GatewayError,
    JournalError,
    MissingExtraError,
    ModelError,
    OmniError,
    SourceError,
    StateError,
    TrialError,
)

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

_STATUS: tuple[tuple[type[OmniError], int], ...] = (
    (ForbiddenError, 403),
    (SourceError, 404),
    (StateError, 409),
    (ConfigError, 422),
    (DataError, 422),
    (CodecError, 422),
    (ModelError, 422),
    (TrialError, 422),
    (MissingExtraError, 503),
    (JournalError, 503),
    (GatewayError, 503),
    (AlertError, 503),
)
_PATH = re.compile(r"(?<![\w.:/])(?:file:/{2})?/(?:[\w.@+-]+/)+([\w.@+-]*)")
_ADDRESS = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s'\"<>]+")
_LONGEST = 500


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "about:blank",
                    "title": "Unprocessable Content",
                    "status": 422,
                    "detail": "qty must be positive",
                    "found": "-5",
                    "expected": "> 0",
                    "where": "body.qty",
                    "hint": None,
                    "request_id": "3b7e6c0f2a",
                }
            ]
        }
    )

    type: str = Field(description="A URI of the kind of problem; about:blank says no more than the status.")
    title: str = Field(description="The status in words.")
    status: int = Field(description="The status of the response.")
    detail: str = Field(description="What is wrong.")
    found: str | None = Field(default=None, description="The offending value.")
    expected: str | None = Field(default=None, description="What would have been accepted.")
    where: str | None = Field(default=None, description="The place: body.qty, query.limit, a column.")
    hint: str | None = Field(default=None, description="What to try.")
    request_id: str | None = Field(default=None, description="Of the request, as in X-Request-ID.")


def status_of(error: OmniError) -> int:
    """The status that an error of ours is answered with."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def problem(
    status: int,
    detail: str,
    *,
    request: Request | None = None,
    facts: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A problem as a response.

    Parameters
    ----------
    status : int
    detail : str
    request : Request, optional
        Whose id is told.
    facts : mapping, optional
        ``found``, ``expected``, ``where``, ``hint``.
    headers : mapping, optional
    """
    told = {name: _told(value) for name, value in (facts or {}).items() if value is not None}
    state = request.scope.get("state", {}) if request is not None else {}
    content = {
        "type": "about:blank",
        "title": _title(status),
        "status": status,
        "detail": public(detail),
        **dict.fromkeys(("found", "expected", "where", "hint")),
        **told,
        "request_id": state.get("request_id"),
    }
    sent = dict(headers or {})
    if status == 401:
        sent.setdefault("WWW-Authenticate", "Bearer")
    return Response(orjson.dumps(content), status, sent, MEDIA_TYPE)


def of_error(error: OmniError, request: Request | None = None) -> Response:
    """An error of ours as a response; what is inside of us is logged and not told."""
    status = status_of(error)
    if status >= 500:
        logger.error("request failed: %s", error, exc_info=error)
    if status == 500:
        return problem(500, "something went wrong here", request=request)
    facts = {name: getattr(error, name, None) for name in ("found", "expected", "where", "hint")}
    return problem(status, getattr(error, "what", "") or str(error), request=request, facts=facts)


def install(app: FastAPI, allowed: Callable[[FastAPI, str], str]) -> None:
    """Answer all errors of an application with problems.

    Parameters
    ----------
    app : FastAPI
    allowed : callable
        What may be done with a path, for those who try something else.
    """

    async def ours(request: Request, error: Exception) -> Response:
        assert isinstance(error, OmniError)
        return of_error(error, request)

    async def of_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        plain = str(error.detail)
        sent = dict(error.headers or {})
        if error.status_code == 405:
            sent["Allow"] = allowed(app, request.scope["path"])
        return problem(error.status_code, plain, request=request, headers=sent)

    async def of_validation(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return _invalid(error, request)

    app.add_exception_handler(OmniError, ours)
    app.add_exception_handler(HTTPException, of_http)
    app.add_exception_handler(RequestValidationError, of_validation)
    app.add_middleware(Unexpected)


class Unexpected:
    """Answers with nothing of the inside where something went wrong that nobody expected.

    Parameters
    ----------
    app : ASGI application
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception:
            logger.exception("request failed: %s %s", scope["method"], scope["path"])
            if begun:
                raise
            request = Request(scope)
            await problem(500, "something went wrong here", request=request)(scope, receive, send)


def public(text: str) -> str:
    """Text without paths of this machine, addresses of databases, and what cannot be written as UTF-8."""
    plain = text.encode("utf-8", "backslashreplace").decode()
    plain = _ADDRESS.sub("…", plain)
    plain = _PATH.sub(lambda found: found[1] or "…", plain)
    return plain if len(plain) <= _LONGEST else plain[: _LONGEST - 1] + "…"


def _invalid(error: RequestValidationError, request: Request) -> Response:
    found = error.errors()
    first = found[0]
    places = [".".join(map(str, each["loc"])) for each in found]
    told = [
        each["msg"] if len(found) == 1 else f"{place}: {each['msg']}"
        for place, each in zip(places, found, strict=True)
    ]
    missing = first["type"] == "missing"
    facts = {"where": places[0], "found": None if missing else repr(first.get("input"))}
    return problem(422, "; ".join(told), request=request, facts=facts)


def _told(value: object) -> str:
    if isinstance(value, str):
        return public(value)
    if isinstance(value, list | tuple | set | frozenset):
        listed = sorted(map(str, value)) if isinstance(value, set | frozenset) else list(map(str, value))
        more = f", and {len(listed) - 12} more" if len(listed) > 12 else ""
        return public(", ".join(listed[:12]) + more)
    return public(str(value))


def _title(status: int) -> str:
    if status == 422:
        return "Unprocessable Content"
    if status == 413:
        return "Content Too Large"
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
