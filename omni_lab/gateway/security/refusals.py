"""What somebody is told who is not let in: problem details, as docs/gateway.md has them."""

from __future__ import annotations

import http
import json
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import Response


@dataclass(slots=True)
class RefusedError(Exception):
    """A request that is not let through.

    Attributes
    ----------
    status : int
        Of HTTP.
    detail : str
        What whoever asks may know.
    code : int
        With which a socket is closed.
    reason : str
        For the audit log; nothing is written there without it.
    headers : list of (bytes, bytes)
    hint : str or None
    """

    status: int
    detail: str
    code: int = 4403
    reason: str = ""
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    hint: str | None = None


def problem(refused: RefusedError, request_id: str) -> bytes:
    """The body of the answer."""
    said: dict[str, Any] = {
        "type": "about:blank",
        "title": http.HTTPStatus(refused.status).phrase,
        "status": refused.status,
        "detail": refused.detail,
        "found": None,
        "expected": None,
        "where": None,
        "hint": refused.hint,
        "request_id": request_id,
    }
    return json.dumps(said, separators=(",", ":")).encode()


def refusal(refused: RefusedError, request: Request) -> Response:
    """The answer of a route."""
    body = problem(refused, str(request.scope["state"]["request_id"]))
    response = Response(body, refused.status, media_type="application/problem+json")
    response.raw_headers.extend(refused.headers)
    return response
