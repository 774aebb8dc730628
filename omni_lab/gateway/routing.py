"""`Route`: who may, strict JSON, and the same answer to the same key; and the words of the OpenAPI.

Every route names its action by `needs` or says by `open_to_all` that it has none; one that does neither
cannot be made.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Sequence
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, FastAPI, Header, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute, APIWebSocketRoute
from starlette.concurrency import run_in_threadpool
from starlette.routing import compile_path

from omni_lab.errors import ConfigError, OmniError
from omni_lab.gateway.problems import status_of
from omni_lab.gateway.security import person, requires
from omni_lab.gateway.security.notes import NOTED, WRITTEN
from omni_lab.system.people import Action, Person

ACTION = "x-action"
CHANGES = "x-changes"
ANYBODY = "none"
_NOTED = frozenset({Action.TRADE, Action.RUN, Action.HALT, Action.RESET, Action.LIMIT})

_WHY = {
    400: "The request contradicts itself: a header twice, two credentials.",
    401: "Not signed in, or no longer.",
    403: "Your role, or your key, does not allow this; or the request comes from elsewhere.",
    404: "There is no such thing.",
    409: "Not now: halted, stopped, another mode; or the idempotency key was used for something else.",
    413: "The body is larger than 1 MiB.",
    422: "Something in the request cannot be used.",
    429: "Too many requests; try again after `Retry-After` seconds.",
    503: "The system cannot go on.",
}

Limit = Annotated[int, Query(ge=1, le=1000, description="At most so many.")]
Cursor = Annotated[
    str | None, Query(min_length=1, max_length=200, description="The `next` of the page before.")
]
Symbol = Annotated[str, Query(min_length=1, max_length=64, description="Symbol of an instrument.")]
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=64,
        pattern=r"^[!-~]+$",
        description="The same key with the same body gets the same answer for 24 hours.",
    ),
]
OrderId = Annotated[int, Path(ge=1, lt=2**63, description="Id of an order.", examples=[1])]
Name = Annotated[
    str,
    Path(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,199}$",
        description="Letters, digits, `_`, `.` and `-`.",
    ),
]


def router(prefix: str, tag: str) -> APIRouter:
    """A router of our routes."""
    return APIRouter(prefix=prefix, tags=[tag], route_class=Route)


def needs(action: Action, *statuses: int, status: int = 200, changes: bool = True) -> dict[str, Any]:
    """Keywords of a route for whoever may do something.

    Parameters
    ----------
    action : Action
    *statuses : int
        Errors that it may answer with, besides those that every route may.
    status : int
        Of its good answer.
    changes : bool
        Whether it changes something, if it is no GET: then the audit log has it.
    """
    return {
        "status_code": status,
        "openapi_extra": {ACTION: action.value, CHANGES: changes},
        "responses": told((400, 401, 403, 422, 429, *statuses)),
    }


def open_to_all(*statuses: int) -> dict[str, Any]:
    """Keywords of a route that asks nobody who they are."""
    return {"openapi_extra": {ACTION: ANYBODY}, "responses": told((400, 429, *statuses))}


def told(statuses: tuple[int, ...]) -> dict[int | str, dict[str, Any]]:
    """These errors as the OpenAPI states them."""
    return {status: {"description": _WHY[status]} for status in sorted(set(statuses))}


def person_of(request: Request) -> Person:
    """Who asks, at a route that names an action: the security layer found out."""
    who: Person = request.scope["state"]["person"]
    return who


def include(app: FastAPI, routes: APIRouter, *, prefix: str = "") -> None:
    """Serve a router, and remember what each of its routes needs in ``app.state.actions``.

    Keys are (method, path template), ``SOCKET`` for WebSockets; the value is an action, ``none`` where
    everybody may, or None where the route says neither.
    """
    actions: dict[tuple[str, str], str | None] = app.state.actions
    for route in routes.routes:
        if isinstance(route, APIRoute):
            template = compile_path(prefix + route.path)[0]
            methods, path = frozenset(route.methods or ()), prefix + route.path_format
            app.state.methods.append((template, methods))
            actions |= {(method, path): _action_of(route) for method in methods}
        elif isinstance(route, APIWebSocketRoute):
            actions["SOCKET", prefix + route.path] = Action.READ.value
    app.include_router(routes, prefix=prefix)


def allowed(app: FastAPI, path: str) -> str:
    """What may be done with a path, as the header ``Allow`` states it."""
    found = (methods for template, methods in app.state.methods if template.match(path))
    return ", ".join(sorted(frozenset().union(*found)))


def _action_of(route: APIRoute) -> str | None:
    named = (route.openapi_extra or {}).get(ACTION)
    if named is not None:
        return str(named)
    needed = (each.call for each in route.dependant.dependencies)
    return next((each.action.value for each in needed if isinstance(each, requires)), None)


class Route(APIRoute):
    """A route of the gateway."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **settings: Any) -> None:
        extra = settings.get("openapi_extra") or {}
        assert ACTION in extra, f"the route {path} names no action"
        self.action = None if extra[ACTION] == ANYBODY else Action(extra[ACTION])
        self.changes = self.action in _NOTED and bool(extra.get(CHANGES))
        super().__init__(path, endpoint, **settings)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler, behind the question who asks."""
        handle = _direct(self.endpoint) or super().get_route_handler()
        action, changes = self.action, self.changes
        known = sorted(each.alias for each in self.dependant.query_params)
        keyed = "POST" in (self.methods or ()) and takes_key(self.endpoint)
        path, tag, doing = self.path, (self.tags or ["gateway"])[0], self.endpoint.__name__

        async def checked(request: Request) -> Response:
            strict = StrictRequest(request.scope, request.receive)
            if action is None:
                return await handle(strict)
            who = await person(request)
            who.require(action)
            if request.scope["query_string"]:
                check_query(request, known)
            if not changes:
                return await handle(strict)
            if keyed and "idempotency-key" in request.headers:
                asked = request.app.state.replies.once(strict, path, who, handle)
            else:
                asked = handle(strict)
            return await noted(strict, f"{tag}.{doing}", asked)

        return checked


def _direct(endpoint: Callable[..., Any]) -> Callable[[Request], Coroutine[Any, Any, Response]] | None:
    """A handler that asks nothing of the request, without FastAPI's way of finding that out each time."""
    if inspect.signature(endpoint).parameters:
        return None

    async def handle(_: Request) -> Response:
        made: Response = await (
            endpoint() if inspect.iscoroutinefunction(endpoint) else run_in_threadpool(endpoint)
        )
        return made

    return handle


async def noted(request: Request, action: str, asked: Coroutine[Any, Any, Response]) -> Response:
    """The answer to somebody who changes something, once the audit log has it; not what made no sense."""
    status = 500
    request.scope["state"][NOTED] = True
    WRITTEN.set(True)
    try:
        made = await asked
        status = made.status_code
        return made
    except OmniError as error:
        status = status_of(error)
        raise
    except RequestValidationError:
        status = 422
        raise
    finally:
        if status not in (404, 422):
            await run_in_threadpool(
                request.app.state.security.audit.record,
                action,
                person=person_of(request).name,
                subject=request.scope["path"][:200],
                outcome="ok" if status < 400 else "failed",
                address=request.client.host if request.client else "",
                request_id=request.scope["state"]["request_id"],
                detail={"status": status, "body": await _said(request)},
            )


async def _said(request: Request) -> Any:
    """What was asked for, as the audit log may have it: it takes secrets out by their names."""
    try:
        return orjson.loads(await request.body())
    except ValueError:
        return None


class StrictRequest(Request):
    """A request whose JSON is that of RFC 8259: no NaN, no halves of characters."""

    async def json(self) -> Any:
        """The body; JSONDecodeError if it is not JSON."""
        return orjson.loads(await self.body())


def check_query(request: Request, known: Sequence[str]) -> None:
    """Refuse what would be passed over in silence: a parameter that is unknown, or told more than once.

    Raises
    ------
    ConfigError
        With what the route takes.
    """
    told = [name for name, _ in request.query_params.multi_items()]
    for name in told:
        if name not in known:
            what, expected = "there is no such parameter", known or "no parameters"
        elif told.count(name) > 1:
            what, expected = "a parameter is told more than once", name
        else:
            continue
        raise ConfigError(what, found=name[:100], expected=expected, where="query")


def takes_key(endpoint: Callable[..., Any]) -> bool:
    """Whether a handler takes an idempotency key."""
    return "key" in getattr(endpoint, "__annotations__", {})
