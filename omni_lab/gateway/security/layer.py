"""`SecurityLayer`: what stands before everything that the gateway serves, pages and sockets of Panel too."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final
from urllib.parse import quote

from omni_lab.gateway.security import doorway, headers
from omni_lab.gateway.security.api_keys import PREFIX
from omni_lab.gateway.security.headers import Asked
from omni_lab.gateway.security.limits import neighbourhood
from omni_lab.gateway.security.notes import NOTED, Notes
from omni_lab.gateway.security.refusals import RefusedError, problem
from omni_lab.gateway.security.security import Security
from omni_lab.gateway.security.sockets import LiveSockets
from omni_lab.gateway.security.tokens import OF_THIS_MACHINE, NotSignedInError, Session
from omni_lab.system.people import PERSON_HEADER, sign_person

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_PERSON: Final = PERSON_HEADER.lower().encode()
_CREDENTIALS = frozenset({b"authorization", b"x-api-key"})


class SecurityLayer:
    """Lets in who may come in, and says who it is.

    It leaves in ``scope["state"]``: ``person`` (`Person`; None at the few open paths), ``expires`` (seconds
    since 1970, or None), ``request_id`` and ``session`` (`Session` or None).

    Parameters
    ----------
    app : ASGI application
    security : Security
    """

    def __init__(self, app: App, security: Security) -> None:
        self._app = app
        self._security = security
        self._sockets = LiveSockets(security)
        self._notes = Notes(security)
        self._life, self._n_asked = secrets.token_hex(5).encode(), 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a connection."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        request_id = self._new_id()
        asked: Asked | None = None
        try:
            if self._security.directory.stale:
                await asyncio.to_thread(self._security.directory.look)
            asked = headers.read(scope["headers"])
            request_id = asked.request_id or request_id
            session = await self._admit(scope, asked)
            inner = self._with_person(scope, asked, session, request_id)
            if scope["type"] == "websocket":
                await self._socket(inner, receive, send, session)
            else:
                receive = await self._bounded(asked, receive)
                answered = _Answered(send)
                await self._app(inner, receive, self._secured(scope, answered, request_id))
                if not inner["state"].get(NOTED):
                    await self._notes.changed(scope, session, answered.status, request_id)
        except RefusedError as refused:
            await self._refuse(scope, receive, send, refused, request_id, asked)

    def _new_id(self) -> bytes:
        """An id that no other request here has; it is no secret, and asks nothing of the kernel."""
        self._n_asked += 1
        return b"%s-%x" % (self._life, self._n_asked)

    # --- who --------------------------------------------------------------------------------------

    async def _admit(self, scope: Scope, asked: Asked) -> Session | None:
        """The session; None at an open path.

        Raises
        ------
        RefusedError
            If it is not let in.
        """
        settings, path = self._security.settings, scope["path"]
        is_socket = scope["type"] == "websocket"
        method = "GET" if is_socket else scope["method"]
        doorway.check_path(path, scope.get("raw_path") or path.encode())
        doorway.check_host(asked.host, settings)
        if doorway.is_dashboard(path):
            doorway.check_session_id(scope["query_string"], asked)
        if is_socket or method not in doorway.SAFE:
            by_browser = is_socket and not (asked.authorization or asked.api_key)
            doorway.check_origin(asked, settings, needed=by_browser and settings.users)
        session = await self._session(scope, asked)
        changes = method not in doorway.SAFE and path not in doorway.FORMS
        if session is not None and session.kind == "browser" and changes:
            doorway.check_csrf(asked.csrf, session.csrf)
        await self._limit(scope, method, path, session)
        return session

    async def _session(self, scope: Scope, asked: Asked) -> Session | None:
        settings = self._security.settings
        if not settings.users:
            return OF_THIS_MACHINE
        is_open = scope["path"] in doorway.OPEN
        shown = self._shown(asked)
        if shown is None:
            if is_open:
                return None
            raise self._not_signed_in(asked, "not signed in")
        credential, browser = shown
        try:
            session = self._security.verify(credential, browser=browser)
        except NotSignedInError as error:
            if is_open:
                return None
            if not error.expired:
                await self._limit_of_address(scope)
            raise self._not_signed_in(
                asked,
                "the time of this session is over" if error.expired else "this lets nobody in",
                reason="" if error.expired else str(error),
            ) from error
        if session.kind == "key" and self._security.keys.used(session.id):
            await asyncio.to_thread(self._security.keys.note_use)
        return session

    def _shown(self, asked: Asked) -> tuple[str, bool] | None:
        """What is shown to be let in, and whether by a browser. A header counts before a cookie."""
        if asked.api_key is not None and asked.authorization is not None:
            raise RefusedError(400, "one of X-API-Key and Authorization, not both", reason="two credentials")
        if asked.api_key is not None:
            return (asked.api_key if asked.api_key.startswith(PREFIX) else "", False)
        if asked.authorization is not None:
            scheme, _, token = asked.authorization.partition(" ")
            return (token.strip() if scheme.lower() == "bearer" else "", False)
        found = headers.cookie(asked.cookie, self._security.settings.cookie)
        return None if found is None else (found, True)

    def _not_signed_in(self, asked: Asked, detail: str, *, reason: str = "") -> RefusedError:
        told = b'Bearer realm="omni-lab"'
        if detail != "not signed in":
            told += b', error="invalid_token"'
        return RefusedError(401, detail, 4401, reason, [(b"www-authenticate", told)])

    # --- how much ---------------------------------------------------------------------------------

    async def _limit(self, scope: Scope, method: str, path: str, session: Session | None) -> None:
        if session is None:
            kind, who = doorway.class_of(method, path), f"@{_near(scope)}"
        else:
            kind, who = doorway.class_of(method, ""), session.person.name
        if wait := await self._security.limits.take(kind, who):
            raise limited(wait)

    async def _limit_of_address(self, scope: Scope) -> None:
        if wait := await self._security.limits.take("address", f"@{_near(scope)}"):
            raise limited(wait)

    async def _bounded(self, asked: Asked, receive: Receive) -> Receive:
        """The body, if it is not too large; one without its length is read here."""
        most = self._security.settings.body_bytes
        if asked.length is not None:
            if not asked.length.isdigit() or len(asked.length) > 18 or int(asked.length) > most:
                raise _too_large(most)
            return receive
        if not asked.chunked:
            return receive
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] != "http.request":
                break
            body += message.get("body", b"")
            if len(body) > most:
                raise _too_large(most)
            if not message.get("more_body", False):
                break
        whole: list[MutableMapping[str, Any]] = [
            {"type": "http.request", "body": bytes(body), "more_body": False}
        ]

        async def again() -> MutableMapping[str, Any]:
            return whole.pop() if whole else await receive()

        return again

    # --- what is passed on ------------------------------------------------------------------------

    def _with_person(self, scope: Scope, asked: Asked, session: Session | None, request_id: bytes) -> Scope:
        passed = [*asked.passed, (b"x-request-id", request_id)]
        if doorway.is_dashboard(scope["path"]):
            # Panel writes a request's headers into its pages: a credential would be read there by any script.
            passed = [each for each in passed if each[0] not in _CREDENTIALS]
            others = [(name, self._without_ours(value)) for name, value in passed if name == b"cookie"]
            passed = [each for each in passed if each[0] != b"cookie"] + [each for each in others if each[1]]
            if session is not None:
                signed = sign_person(session.person, request_id=request_id.decode(), expires=session.expires)
                passed.append((_PERSON, signed.encode()))
        state = {
            **scope.get("state", {}),
            "person": None if session is None else session.person,
            "expires": None if session is None else session.expires,
            "request_id": request_id.decode(),
            "session": session,
        }
        return {**scope, "headers": passed, "state": state}

    def _without_ours(self, cookies: bytes) -> bytes:
        ours = f"{self._security.settings.cookie}=".encode()
        return b"; ".join(each for each in map(bytes.strip, cookies.split(b";")) if not each.startswith(ours))

    def _secured(self, scope: Scope, send: Send, request_id: bytes) -> Send:
        dashboard, tls = doorway.is_dashboard(scope["path"]), self._security.settings.tls

        async def secured(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                given = list(message.get("headers", []))
                ours = headers.secured(given, dashboard=dashboard, tls=tls, request_id=request_id)
                message = {**message, "headers": ours}
            await send(message)

        return secured

    async def _socket(self, scope: Scope, receive: Receive, send: Send, session: Session | None) -> None:
        if session is None:
            raise RefusedError(404, "there is no such path", 4404)
        # Those of /ws may have their time extended by a message, and see to that themselves.
        ends = not scope["path"].startswith("/ws/")
        await self._sockets.serve(self._app, scope, receive, send, session, ends=ends)

    # --- who is not let in ------------------------------------------------------------------------

    async def _refuse(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        refused: RefusedError,
        request_id: bytes,
        asked: Asked | None,
    ) -> None:
        if refused.reason:
            await self._notes.refused(scope, refused, request_id)
        if scope["type"] == "websocket":
            if scope["path"].startswith("/ws/"):
                # A browser learns the code only of a socket that was open.
                with contextlib.suppress(OSError, RuntimeError):
                    await receive()
                    await send({"type": "websocket.accept"})
            await send({"type": "websocket.close", "code": refused.code, "reason": refused.detail[:120]})
            return
        secured = self._secured(scope, send, request_id)
        page = refused.status == 401 and asked is not None and asked.html and scope["method"] in doorway.SAFE
        if page and not scope["path"].startswith("/api/"):
            query = scope["query_string"].decode("latin-1")
            target = scope["path"] + (f"?{query}" if query else "")
            location = f"/login?next={quote(doorway.local_target(target), safe='')}".encode()
            status, body, more = 303, b"", [(b"location", location)]
        else:
            status, body = refused.status, problem(refused, request_id.decode())
            more = [(b"content-type", b"application/problem+json"), *refused.headers]
        length = (b"content-length", str(len(body)).encode())
        await secured({"type": "http.response.start", "status": status, "headers": [length, *more]})
        await secured({"type": "http.response.body", "body": b"" if scope.get("method") == "HEAD" else body})


def _near(scope: Scope) -> str:
    return neighbourhood(str((scope.get("client") or ("",))[0]))


def _too_large(most: int) -> RefusedError:
    close = [(b"connection", b"close")]
    return RefusedError(413, f"a body may have {most} bytes", reason="body", headers=close)


class _Answered:
    """Passes messages on and remembers the status."""

    __slots__ = ("_send", "status")

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)


def limited(wait_s: float) -> RefusedError:
    """What somebody is told who asks too much.

    Parameters
    ----------
    wait_s : float
        Until there is a token again.
    """
    seconds = max(1, int(wait_s) + (wait_s > int(wait_s)))
    again = [(b"retry-after", str(seconds).encode())]
    return RefusedError(429, "too many requests", 4429, "limit", again, f"Try again in {seconds} s.")
