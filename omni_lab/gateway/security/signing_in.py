"""Signing in: the same steps for the form and for the route."""

from __future__ import annotations

import asyncio
from functools import partial

from starlette.requests import Request

from omni_lab.gateway.security.directory import User
from omni_lab.gateway.security.layer import limited
from omni_lab.gateway.security.limits import neighbourhood
from omni_lab.gateway.security.refusals import RefusedError
from omni_lab.gateway.security.security import Security

WRONG = "name or password is wrong"


async def sign_in(security: Security, request: Request, name: str, password: str) -> User:
    """The user, if it is his password.

    Raises
    ------
    RefusedError
        With 401, the same for a name that nobody has; with 429 if it was tried too often from there, or too
        many wait for theirs to be checked.
    """
    address = address_of(request)
    if wait := await security.limits.take("login", f"{neighbourhood(address)} {name[:64]}"):
        unsaid = security.told.again("login", neighbourhood(address), name[:64])
        if unsaid is not None:
            await record(security, request, "login", outcome="limited", name=name, unsaid=unsaid)
        raise limited(wait)
    if security.hashing.busy:
        raise limited(1.0)
    user = await security.hashing.run(partial(security.users.check, name, password))
    await record(security, request, "login", outcome="failed" if user is None else "ok", name=name)
    if user is None:
        raise RefusedError(401, WRONG, headers=[(b"www-authenticate", b'Bearer realm="omni-lab"')])
    return user


async def record(
    security: Security,
    request: Request,
    action: str,
    *,
    outcome: str = "ok",
    name: str = "",
    **detail: object,
) -> None:
    """Write down what somebody did at the door.

    A name that nobody has is left out: people type passwords into the wrong field.
    """
    known = name if name in security.directory.now.users else "(unknown)" if name else ""
    await asyncio.to_thread(
        security.audit.record,
        action,
        person=known,
        outcome=outcome,
        address=address_of(request),
        request_id=str(request.scope["state"]["request_id"]),
        detail=detail,
    )


def address_of(request: Request) -> str:
    """The address of who asks; empty where there is none."""
    return request.client.host if request.client else ""
