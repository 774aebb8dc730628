"""Logs: one JSON object a line, with the request and the person it was written for, and without secrets."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, TextIO

import orjson

from omni_lab.gateway.security.redact import RedactingFilter, redact

access_logger = logging.getLogger("omni_lab.gateway.access")
_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {
    "message",
    "asctime",
    "color_message",
    "taskName",
}
_OURS = frozenset({"ts", "level", "logger", "event", "request_id", "person"})
_LONGEST_PATH = 200


class Asked:
    """What is known of a request while it is served.

    Attributes
    ----------
    route : str
        Template of its route; ``refused`` until it was let in, ``unmatched`` until a route was found.
    person, request_id : str
        Empty until they are known.
    scope : mapping or None
        Where the router writes which route it found.
    """

    __slots__ = ("person", "request_id", "route", "scope")

    def __init__(self) -> None:
        self.route, self.person, self.request_id = "refused", "", ""
        self.scope: Mapping[str, Any] | None = None

    def settle(self) -> None:
        """Read which route was found."""
        if self.scope is not None:
            self.route = _template(self.scope) or self.route


def _template(scope: Mapping[str, Any]) -> str | None:
    """The template of the route that was found, without the types of its parameters."""
    # FastAPI keeps the prefixes of a route that was included apart from the route.
    included = scope.get("fastapi", {}).get("effective_route_context")
    for found in (included, getattr(included, "starlette_route", None), scope.get("route")):
        template = getattr(found, "path_format", None) or getattr(found, "path", None)
        if template:
            return str(template)
    return None


asked_now: ContextVar[Asked | None] = ContextVar("omni_lab_asked", default=None)


def configure_logging(level: str = "INFO", stream: TextIO | None = None) -> logging.Handler:
    """Have this process write its log as lines of JSON, uvicorn's too if it starts with ``log_config=None``.

    Parameters
    ----------
    level : str
        Least level that is written.
    stream : file, optional
        Standard error by default.

    Returns
    -------
    Handler
        The only one of the root logger; handlers that were there before are taken away.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter())
    handler.addFilter(_unless_access)
    root = logging.getLogger()
    for before in [*root.handlers]:
        root.removeHandler(before)
    root.addHandler(handler)
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        theirs = logging.getLogger(name)
        theirs.handlers.clear()
        theirs.propagate = True
    # Ours says more, and no query.
    logging.getLogger("uvicorn.access").disabled = True
    return handler


_filter = RedactingFilter()


def _unless_access(record: logging.LogRecord) -> bool:
    """Take secrets out; of a line of `access` that was done when it was written."""
    return record.name == access_logger.name or bool(_filter.filter(record))


class JsonFormatter(logging.Formatter):
    """A record as a line of JSON: ``ts``, ``level``, ``logger``, ``event``, ``request_id``, ``person``, more.

    Times are ISO 8601, UTC; what JSON cannot say is said by ``repr``.
    """

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        asked = asked_now.get()
        line: dict[str, Any] = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "event": record.getMessage(),
            "request_id": "" if asked is None else asked.request_id,
            "person": "" if asked is None else asked.person,
        }
        for name, value in record.__dict__.items():
            if name not in _STANDARD:
                # An extra of the name of a field of ours says what ours does not know.
                line[name] = line.get(name) or value
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        if record.exc_text:
            line["exception"] = record.exc_text
        if record.stack_info:
            line["stack"] = record.stack_info
        try:
            return orjson.dumps(line, default=repr, option=orjson.OPT_NON_STR_KEYS).decode()
        except TypeError:  # halves of characters
            return json.dumps(line, default=repr, skipkeys=True)


def access(asked: Asked, scope: Mapping[str, Any], status: int, took_s: float) -> None:
    """Write down a request or a socket that has ended; never its query, nor what was in it.

    Parameters
    ----------
    asked : Asked
    scope : mapping
        Of ASGI.
    status : int
        Of the answer, or the code that closed the socket.
    took_s : float
    """
    if not access_logger.isEnabledFor(logging.INFO):
        return
    is_socket = scope["type"] == "websocket"
    told: dict[str, Any] = {
        "method": "SOCKET" if is_socket else scope["method"],
        "route": asked.route,
        "status": status,
        "duration_ms": round(took_s * 1000, 3),
        "request_id": asked.request_id,
        "person": asked.person,
    }
    if asked.route in ("refused", "unmatched"):
        told["path"] = redact(str(scope["path"])[:_LONGEST_PATH])
        told["address"] = str((scope.get("client") or ("",))[0])
    level = logging.ERROR if not is_socket and status >= 500 else logging.INFO
    # Without a search for who called.
    name = access_logger.name
    access_logger.handle(access_logger.makeRecord(name, level, __file__, 0, "request", (), None, None, told))
