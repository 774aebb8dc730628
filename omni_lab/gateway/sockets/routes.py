"""`socket_routes`: the addresses of the streams."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol
from weakref import WeakKeyDictionary

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from omni_lab.errors import ForbiddenError, SourceError
from omni_lab.gateway.sockets.connection import Connection, close
from omni_lab.gateway.sockets.hub import Hub
from omni_lab.gateway.sockets.limits import SocketLimits
from omni_lab.gateway.sockets.wire import error
from omni_lab.messaging.bus import Bus
from omni_lab.system.people import Action, Person

Authorize = Callable[[str], tuple[Person, float | None]]
"""Who a token belongs to, and until when (seconds since 1970, None for ever); an `OmniError` if to nobody."""

MAX_DIGITS = 18


class HasBus(Protocol):
    """What is served: `omni_lab.system.Services`, or anything else with a bus."""

    @property
    def bus(self) -> Bus:
        """Its streams."""


def socket_routes(
    services: HasBus, *, authorize: Authorize | None = None, limits: SocketLimits | None = None
) -> APIRouter:
    """The sockets of docs/gateway.md, section 2.

    Who asks is found in ``scope["state"]``: ``person``, and ``expires`` (seconds since 1970, or None).

    Parameters
    ----------
    services : Services
    authorize : callable, optional
        Who a token belongs to that a client sends before his own expires; without it nobody's does.
    limits : SocketLimits, optional
    """
    server = _Server(services.bus, authorize or _nobody, limits or SocketLimits())
    router = APIRouter(prefix="/ws")
    jobs = getattr(services, "jobs", None)

    @router.websocket("/market_data/{symbol:path}")
    async def market_data(socket: WebSocket, symbol: str) -> None:
        await server.serve(socket, f"market.{symbol}", conflated=True)

    @router.websocket("/orders")
    async def orders(socket: WebSocket) -> None:
        await server.serve(socket, "orders", conflated=False)

    @router.websocket("/account")
    async def account(socket: WebSocket) -> None:
        await server.serve(socket, "account", conflated=True)

    @router.websocket("/system")
    async def system(socket: WebSocket) -> None:
        await server.serve(socket, "system", conflated=True)

    @router.websocket("/alerts")
    async def alerts(socket: WebSocket) -> None:
        await server.serve(socket, "alerts", conflated=False)

    @router.websocket("/backtest/{job}")
    async def backtest(socket: WebSocket, job: str) -> None:
        # The stream of a job that ended long ago is not on the bus until somebody wants it.
        with suppress(SourceError):
            if jobs is not None:
                await asyncio.to_thread(jobs.stream, job)
        await server.serve(socket, f"jobs.{job}", conflated=False)

    @router.websocket("/{elsewhere:path}")
    async def nothing(socket: WebSocket, elsewhere: str) -> None:
        await server.serve(socket, elsewhere, conflated=True, known=False)

    return router


class _Server:
    """What the routes share."""

    def __init__(self, bus: Bus, authorize: Authorize, limits: SocketLimits) -> None:
        self._bus, self._authorize, self._limits = bus, authorize, limits
        self._hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()

    async def serve(self, socket: WebSocket, topic: str, *, conflated: bool, known: bool = True) -> None:
        """Accept a client and tell him a stream, or why not: a refused handshake tells a browser nothing."""
        await socket.accept()
        state = socket.scope.get("state", {})
        person: Person | None = state.get("person")
        if person is None:
            return await _refuse(socket, 401, 4401, "not signed in")
        if not person.may(Action.READ):
            return await _refuse(socket, 403, 4403, f"{person.name} may not read")
        stream = self._bus.find(topic) if known else None
        if stream is None:
            return await _refuse(socket, 404, 4404, f"there is no stream {topic!r}")
        after = socket.query_params.get("after")
        if after is not None and not (after.isascii() and after.isdigit() and len(after) <= MAX_DIGITS):
            return await _refuse(socket, 422, 4400, "after is the number of the last change that is known")
        place = stream.follow(
            after=None if after is None else int(after),
            epoch=socket.query_params.get("epoch"),
            most_behind=self._limits.behind if conflated else None,
        )
        connection = Connection(
            socket,
            place,
            person,
            limits=self._limits,
            expires=state.get("expires"),
            authorize=self._authorize,
            exists=lambda: self._bus.find(topic) is stream,
        )
        with self._hub().following(connection):
            await connection.run()

    def _hub(self) -> Hub:
        loop = asyncio.get_running_loop()
        found = self._hubs.get(loop)
        if found is None:
            found = self._hubs[loop] = Hub(self._limits)
        return found


async def _refuse(socket: WebSocket, status: int, code: int, why: str) -> None:
    with suppress(WebSocketDisconnect):
        await socket.send({"type": "websocket.send", "text": error(status, why)})
        await close(socket, code, why)


def _nobody(token: str) -> tuple[Person, float | None]:
    raise ForbiddenError("nobody signs in by a token here")
