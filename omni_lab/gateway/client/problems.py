"""Problem details (RFC 9457) as the errors that they were made from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from omni_lab.errors import ConfigError, ForbiddenError, GatewayError, OmniError, SourceError, StateError

KINDS: Mapping[int, type[OmniError]] = {
    400: ConfigError,
    401: ForbiddenError,
    403: ForbiddenError,
    404: SourceError,
    405: ConfigError,
    409: StateError,
    413: ConfigError,
    415: ConfigError,
    422: ConfigError,
}
"""What a status is raised as; any other is a GatewayError."""


def error_of(status: int, told: Any, *, where: str) -> OmniError:
    """The error that a status and its problem details stand for, with the id of the request as a note.

    Parameters
    ----------
    status : int
    told : object
        The body as JSON, or what else came.
    where : str
        Method and path: where the problem does not say it better.
    """
    facts: Mapping[str, Any] = told if isinstance(told, Mapping) else {}
    error = KINDS.get(status, GatewayError)(
        str(facts.get("detail") or facts.get("title") or f"the gateway answered {status}"),
        found=facts.get("found"),
        expected=facts.get("expected"),
        where=facts.get("where") or where,
        hint=facts.get("hint"),
    )
    request = facts.get("request_id")
    error.add_note(f"{where}: status {status}" + (f", request {request}" if request else ""))
    return error
