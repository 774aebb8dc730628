"""Sockets that are open: how many of whom, and their end when the session ends."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from omni_lab.gateway.security.refusals import RefusedError
from omni_lab.gateway.security.security import Security
from omni_lab.gateway.security.tokens import Session

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOK_S: Final = 1.0
"""How often somebody looks whether sessions have ended."""
MOST_LOCAL: Final = 1000


class LiveSockets:
    """The open sockets of a process.

    Parameters
    ----------
    security : Security
    """

    def __init__(self, security: Security) -> None:
        self._security = security
        self._open: set[_Socket] = set()
        self._of: Counter[str] = Counter()
        self._watch: asyncio.Task[None] | None = None

    async def serve(
        self, app: App, scope: Scope, receive: Receive, send: Send, session: Session, *, ends: bool
    ) -> None:
        """Serve a socket until either side closes it or its session ends.

        Parameters
        ----------
        app : ASGI application
        scope, receive, send
            Of the connection.
        session : Session
        ends : bool
            Whether it ends with the time of its token; with its session it ends in any case.

        Raises
        ------
        RefusedError
            With 429 if the person has too many.
        """
        name = session.person.name
        most = MOST_LOCAL if session.kind == "local" else self._security.settings.sockets
        if self._of[name] >= most:
            raise RefusedError(429, "too many connections", 4429, "sockets")
        socket = _Socket(session, send, ends)
        self._of[name] += 1
        self._open.add(socket)
        if self._watch is None or self._watch.done():
            self._watch = asyncio.create_task(self._look())
        try:
            await app(scope, receive, socket.send)
        finally:
            self._open.discard(socket)
            self._of[name] -= 1
            if not self._of[name]:
                del self._of[name]

    async def _look(self) -> None:
        """End the sockets whose session has ended, as long as there are any."""
        while self._open:
            await asyncio.sleep(LOOK_S)
            await asyncio.to_thread(self._security.directory.look)
            now = time.time()
            for socket in list(self._open):
                over = socket.ends and socket.session.expires is not None and socket.session.expires <= now
                if over or not self._good(socket):
                    await socket.end()

    def _good(self, socket: _Socket) -> bool:
        session = socket.session
        if not socket.ends and session.expires is not None and session.expires <= time.time():
            return True  # extended by a message, or ended by whoever serves it
        return self._security.good(session)


class _Socket:
    """One of them."""

    def __init__(self, session: Session, send: Send, ends: bool) -> None:
        self.session = session
        self.ends = ends
        self._send = send
        self._ended = False
        self._accepted = False

    async def send(self, message: MutableMapping[str, Any]) -> None:
        """Pass a message on; after the end nothing is."""
        if self._ended:
            return
        self._accepted |= message["type"] == "websocket.accept"
        self._ended |= message["type"] == "websocket.close"
        await self._send(message)

    async def end(self) -> None:
        """Close it: the application reads that it was closed."""
        if not self._ended and self._accepted:
            # One who reads nothing must not keep the others waiting; whoever serves him lets him go.
            with contextlib.suppress(OSError, RuntimeError, TimeoutError):
                async with asyncio.timeout(1.0):
                    await self.send(
                        {"type": "websocket.close", "code": 4401, "reason": "the session has ended"}
                    )
