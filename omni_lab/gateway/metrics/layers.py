"""Two layers around an application: the outer one takes the time, the inner one knows what was asked.

They talk through one object in the scope's state, because the layer between them, which lets people in, hands
on a scope of its own.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

from omni_lab.gateway.logs import Asked, access, asked_now
from omni_lab.gateway.metrics.metrics import Metrics, SocketNumbers
from omni_lab.gateway.sockets.protocol import FRAMES, WriteFrames

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_KEY = "omni.asked"


class MeasuringLayer:
    """Counts requests and sockets and takes their time, also of those that were not let in.

    Parameters
    ----------
    app : ASGI application
        Everything, the layer that lets people in included.
    metrics : Metrics
    log : bool
        Whether each request is a line in the log.
    """

    def __init__(self, app: App, metrics: Metrics, *, log: bool = True) -> None:
        self._app, self._metrics, self._log = app, metrics, log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a connection."""
        if scope["type"] == "http":
            await self._request(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._socket(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = _begun(scope)
        requests, status = self._metrics.requests, 500
        requests.in_progress += 1

        async def told(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if not asked.request_id:
                    asked.request_id = _header(message, b"x-request-id")
            await send(message)

        begun = time.perf_counter()
        try:
            await self._app(scope, receive, told)
        finally:
            took_s = time.perf_counter() - begun
            requests.in_progress -= 1
            requests.count(asked.route, scope["method"], status, took_s)
            if self._log:
                access(asked, scope, status, took_s)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = _begun(scope)
        metrics, code = self._metrics, 1006
        counted: list[SocketNumbers] = []

        async def told(message: Message) -> None:
            nonlocal code
            kind = message["type"]
            if kind == "websocket.send":
                if counted:
                    counted[0].sent.inc()
            elif kind == "websocket.accept" and not counted:
                asked.settle()
                counted.append(metrics.socket(asked.route))
                counted[0].open.inc()
            elif kind == "websocket.close":
                code = message.get("code", 1000)
            await send(message)

        async def heard() -> Message:
            nonlocal code
            message = await receive()
            if message["type"] == "websocket.receive" and counted:
                counted[0].received.inc()
            elif message["type"] == "websocket.disconnect":
                code = message.get("code", 1005)
            return message

        extensions = scope.get("extensions") or {}
        write: WriteFrames | None = extensions.get(FRAMES)

        def written(frames: Sequence[bytes]) -> bool:
            goes_out = write is not None and write(frames)
            if goes_out and counted:
                counted[0].sent.inc(len(frames))
            return goes_out

        if write is not None:
            scope = {**scope, "extensions": {**extensions, FRAMES: written}}
        begun = time.perf_counter()
        try:
            await self._app(scope, heard, told)
        finally:
            for each in counted:
                each.open.dec()
            if self._log:
                access(asked, scope, code, time.perf_counter() - begun)


class NamingLayer:
    """Says which route was asked, and by whom, to the outer layer and to whatever is logged meanwhile.

    Parameters
    ----------
    app : ASGI application
        The routes.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a connection."""
        state = scope.get("state", {})
        asked = state.get(_KEY)
        if asked is None:
            await self._app(scope, receive, send)
            return
        who = state.get("person")
        asked.person = who.name if who is not None else ""
        asked.request_id = state.get("request_id", "")
        asked.route = "unmatched"
        token = asked_now.set(asked)
        asked.scope = scope
        try:
            await self._app(scope, receive, send)
        finally:
            asked.settle()
            asked_now.reset(token)


def _begun(scope: Scope) -> Asked:
    asked = Asked()
    scope.setdefault("state", {})[_KEY] = asked
    return asked


def _header(message: Message, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in message.get("headers", ()) if key == name), "")
