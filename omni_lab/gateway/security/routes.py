"""``/api/v1/auth``: signing in and out, keys of oneself, users, the audit log."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from omni_lab.errors import ConfigError, ForbiddenError, SourceError, StateError
from omni_lab.gateway.answers import answer, number_cursor, page
from omni_lab.gateway.models import Page
from omni_lab.gateway.routing import Cursor, Limit, needs, open_to_all, router
from omni_lab.gateway.security import asking
from omni_lab.gateway.security.refusals import RefusedError, refusal
from omni_lab.gateway.security.security import Security
from omni_lab.gateway.security.signing_in import address_of, record, sign_in
from omni_lab.gateway.security.tokens import NotSignedInError, Pair, Session
from omni_lab.gateway.security.wire import (
    AuditRow,
    Key,
    KeyId,
    KeyIn,
    LoginIn,
    LogoutIn,
    Me,
    Name,
    NewKey,
    PasswordIn,
    RefreshIn,
    TokensOut,
    UserChange,
    UserIn,
    UserOut,
    of_entry,
    of_key,
    of_pair,
    of_user,
)
from omni_lab.system.people import Action, Person, Role


def auth_routes(security: Security) -> APIRouter:
    """The routes of ``/auth`` (their prefix is the caller's) for programs.

    Parameters
    ----------
    security : Security
    """
    routes = router("/auth", "auth")
    _of_sessions(routes, security)
    _of_keys(routes, security)
    _of_users(routes, security)
    return routes


def _of_sessions(routes: APIRouter, security: Security) -> None:
    @routes.post("/login", response_model=TokensOut, **open_to_all(401, 409, 422))
    async def login(asked: LoginIn, request: Request) -> Response:
        """Sign in by name and password."""
        _with_users(security)
        try:
            user = await sign_in(security, request, asked.username, asked.password)
        except RefusedError as refused:
            return refusal(refused, request)
        return await _paired(lambda: security.tokens.begin(user))

    @routes.post("/refresh", response_model=TokensOut, **open_to_all(401, 409, 422))
    async def refresh(asked: RefreshIn, request: Request) -> Response:
        """New tokens for a refresh token. One that is used twice ends its session."""
        _with_users(security)
        try:
            return await _paired(lambda: security.tokens.refresh(asked.refresh_token))
        except NotSignedInError as error:
            await record(security, request, "refresh", outcome="failed", reason=str(error))
            return refusal(RefusedError(401, "this refresh token lets nobody in"), request)

    @routes.post("/logout", response_class=Response, **needs(Action.READ, 409, status=204))
    async def logout(request: Request, asked: LogoutIn | None = None) -> Response:
        """Sign out: nothing of the session is good any more."""
        session = await asking.session(request)
        if session.kind in ("local", "key"):
            raise StateError("there is no session to sign out of", found=session.kind)
        await run_in_threadpool(security.tokens.end, session.id)
        if asked is not None and asked.refresh_token is not None:
            await run_in_threadpool(security.tokens.end_of, asked.refresh_token, session.person.name)
        await record(security, request, "logout", name=session.person.name)
        return Response(status_code=204)

    @routes.get("/me", response_model=Me, **needs(Action.READ))
    async def me(request: Request) -> Response:
        """Who asks, and what he may do."""
        session = await asking.session(request)
        who = session.person
        return answer(
            {
                "name": who.name,
                "role": who.role,
                "actions": sorted(action for action in Action if who.may(action)),
                "kind": session.kind,
                "expires": session.expires,
                "csrf": session.csrf or None,
            }
        )

    @routes.post("/password", response_class=Response, **needs(Action.READ, 409, status=204))
    async def password(asked: PasswordIn, request: Request) -> Response:
        """Change one's own password. All one's sessions end."""
        name = (await _signed_in(request)).person.name
        try:
            await sign_in(security, request, name, asked.old)
        except RefusedError as refused:
            if refused.status == 401:
                raise ForbiddenError("the old password is wrong", where="body.old") from refused
            return refusal(refused, request)
        await security.hashing.run(lambda: security.users.set_password(name, asked.new))
        await record(security, request, "user.password", name=name)
        return Response(status_code=204)


def _of_keys(routes: APIRouter, security: Security) -> None:
    @routes.get("/keys", response_model=Page[Key], **needs(Action.READ))
    def keys(
        who: Annotated[Person, Depends(asking.person)],
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> Response:
        """One's own keys."""
        mine = sorted(security.keys.of(who.name), key=lambda key: key.id)
        after = [of_key(key) for key in mine if cursor is None or key.id > cursor]
        return answer(page(after[: limit + 1], limit, lambda key: key["id"]))

    @routes.post("/keys", response_model=NewKey, **needs(Action.READ, 404, 409, status=201))
    def make(asked: KeyIn, request: Request, session: Annotated[Session, Depends(_signed_in)]) -> Response:
        """Make a key. It may do no more than its owner."""
        scopes = None if asked.scopes is None else _actions(asked.scopes)
        expires = None if asked.days is None else int(time.time()) + asked.days * 86400
        text, key = security.keys.make(session.person.name, label=asked.label, scopes=scopes, expires=expires)
        _note(security, request, "key.make", session.person, key.id, scopes=sorted(key.scopes))
        return answer({**of_key(key), "key": text}, 201)

    @routes.post("/keys/{id}/rotate", response_model=NewKey, **needs(Action.READ, 404, 409, status=201))
    def rotate(id: KeyId, request: Request, session: Annotated[Session, Depends(_signed_in)]) -> Response:
        """A new key in place of one, which still works for a day."""
        _own(security, id, session.person)
        text, key = security.keys.rotate(id)
        _note(security, request, "key.rotate", session.person, id, new=key.id)
        return answer({**of_key(key), "key": text}, 201)

    @routes.delete("/keys/{id}", response_class=Response, **needs(Action.READ, 404, 409, status=204))
    def revoke(id: KeyId, request: Request, session: Annotated[Session, Depends(_signed_in)]) -> Response:
        """End a key now; an admin may end anybody's."""
        _own(security, id, session.person)
        security.keys.revoke(id)
        _note(security, request, "key.revoke", session.person, id)
        return Response(status_code=204)


def _of_users(routes: APIRouter, security: Security) -> None:
    @routes.get("/users", response_model=Page[UserOut], **needs(Action.ADMINISTER))
    def users(limit: Limit = 100, cursor: Cursor = None) -> Response:
        """Users by name."""
        after = [of_user(user) for user in security.users.all() if cursor is None or user.name > cursor]
        return answer(page(after[: limit + 1], limit, lambda user: user["name"]))

    @routes.post("/users", response_model=UserOut, **needs(Action.ADMINISTER, 409, status=201))
    def add(asked: UserIn, request: Request, who: Annotated[Person, Depends(asking.person)]) -> Response:
        """Add a user."""
        _with_users(security)
        user = security.users.add(asked.name, asked.password, Role(asked.role))
        _note(security, request, "user.add", who, user.name, role=user.role)
        return answer(of_user(user), 201)

    @routes.patch("/users/{name}", response_model=UserOut, **needs(Action.ADMINISTER, 404, 409))
    def change(
        name: Name, asked: UserChange, request: Request, who: Annotated[Person, Depends(asking.person)]
    ) -> Response:
        """Change a user. He has to sign in again; the last admin stays one."""
        security.users.get(name)
        if asked.password is not None:
            security.users.set_password(name, asked.password)
            _note(security, request, "user.password", who, name)
        if asked.role is not None:
            security.users.set_role(name, Role(asked.role))
            _note(security, request, "user.role", who, name, role=asked.role)
        if asked.active is not None:
            security.users.set_active(name, asked.active)
            _note(security, request, "user.active", who, name, active=asked.active)
        return answer(of_user(security.users.get(name)))

    @routes.delete(
        "/users/{name}",
        response_class=Response,
        **needs(Action.ADMINISTER, 404, 409, status=204),
    )
    def remove(name: Name, request: Request, who: Annotated[Person, Depends(asking.person)]) -> Response:
        """Remove a user with his keys; not the last admin."""
        security.users.remove(name)
        _note(security, request, "user.remove", who, name)
        return Response(status_code=204)

    @routes.get("/audit", response_model=Page[AuditRow], **needs(Action.AUDIT))
    def audit(
        limit: Limit = 100,
        cursor: Cursor = None,
        person: Annotated[str | None, Query(max_length=64, description="Only of this person.")] = None,
    ) -> Response:
        """The audit log, the newest first."""
        rows = security.audit.entries(
            after=number_cursor(cursor), limit=limit + 1, newest_first=True, person=person
        )
        shown = [of_entry(row) for row in rows]
        return answer(page(shown, limit, lambda row: row["n"]))


async def _signed_in(request: Request) -> Session:
    """A session of a person: keys make no keys, and what is local needs none."""
    session = await asking.session(request)
    if session.kind == "key":
        raise ForbiddenError("a key may not do that", hint="Sign in with a password.")
    if session.kind == "local":
        raise StateError("there are no users here", hint="omni serve --users asks everyone who they are.")
    return session


def _with_users(security: Security) -> None:
    if not security.settings.users:
        raise StateError("nobody signs in here", hint="omni serve --users asks everyone who they are.")


def _own(security: Security, identity: str, who: Person) -> None:
    key = security.keys.get(identity)
    if key.owner != who.name and not who.may(Action.ADMINISTER):
        raise SourceError("there is no such key", found=identity)


def _actions(names: list[str]) -> frozenset[Action]:
    known = {action.value for action in Action}
    for name in names:
        if name not in known:
            raise ConfigError(
                "there is no such action", found=name, expected=sorted(known), where="body.scopes"
            )
    return frozenset(Action(name) for name in names)


async def _paired(make: Callable[[], Pair]) -> Response:
    return answer(of_pair(await run_in_threadpool(make)))


def _note(
    security: Security, request: Request, action: str, who: Person, subject: str, **detail: object
) -> None:
    security.audit.record(
        action,
        person=who.name,
        subject=subject,
        address=address_of(request),
        request_id=request.scope["state"]["request_id"],
        detail=detail,
    )
