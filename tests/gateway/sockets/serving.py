"""A real server of the sockets, in a thread, for whoever names himself in a header."""

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import uvicorn
from fastapi import FastAPI
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from omni_lab.errors import ForbiddenError
from omni_lab.gateway.sockets import UVICORN, SocketLimits, socket_routes
from omni_lab.messaging.bus import Bus
from omni_lab.system.people import Action, Person, Role

LIMITS = SocketLimits(heartbeat_s=0.25)
REVOKED = {"forged"}


class Doorman:
    """Stands in for the security layer: who one is, and until when, is what one says."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] in ("http", "websocket"):
            headers = dict(scope["headers"])
            bearer = headers.get(b"authorization", b"").removeprefix(b"Bearer ")
            name = headers.get(b"x-name", bearer).decode()
            expires = headers.get(b"x-expires")
            scopes = frozenset({Action.RUN}) if name == "blind" else None
            scope["state"]["person"] = Person(name, Role.TRADER, scopes) if name else None
            scope["state"]["expires"] = None if expires is None else float(expires)
        await self.app(scope, receive, send)


def authorize(token: str) -> tuple[Person, float | None]:
    """Tokens are names."""
    if token in REVOKED:
        raise ForbiddenError("this lets nobody in")
    return Person(token, Role.TRADER), None


@dataclass
class Served:
    """A running server."""

    bus: Bus
    port: int
    server: uvicorn.Server

    def url(self, path: str) -> str:
        return f"ws://127.0.0.1:{self.port}/ws/{path}"


@contextmanager
def serving(bus: Bus, limits: SocketLimits = LIMITS, *, port: int = 0, **settings: Any) -> Iterator[Served]:
    """Serve a bus until the block ends."""
    app = FastAPI()
    app.include_router(socket_routes(SimpleNamespace(bus=bus), authorize=authorize, limits=limits))
    app.add_middleware(Doorman)
    options = {
        **UVICORN,
        "log_level": "critical",
        "lifespan": "off",
        "timeout_graceful_shutdown": 3,
        **settings,
    }
    server = uvicorn.Server(uvicorn.Config(app, **options))
    with socket.create_server(("127.0.0.1", port), backlog=1024) as listener:
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield Served(bus, listener.getsockname()[1], server)
        finally:
            server.should_exit = True
            thread.join(20)
            assert not thread.is_alive()


async def until(holds: Callable[[], bool], *, seconds: float = 20) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.02)


class RawClient:
    """A client that does nothing by itself: it neither reads nor answers pings.

    Its buffer is small, so that the server notices soon.
    """

    def __init__(self, port: int, path: str, name: str = "anna") -> None:
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.settimeout(10)
        self.socket.connect(("127.0.0.1", port))
        self.protocol = ClientProtocol(parse_uri(f"ws://127.0.0.1:{port}/ws/{path}"), max_size=None)
        request = self.protocol.connect()
        request.headers["X-Name"] = name
        self.protocol.send_request(request)
        self.socket.sendall(b"".join(self.protocol.data_to_send()))
        while self.protocol.state is State.CONNECTING:
            # One byte at a time, so that nothing is read of what comes after.
            self.protocol.receive_data(self.socket.recv(1))

    def messages(self) -> list[dict[str, Any]]:
        """What there is, at least one message; without heartbeats."""
        found: list[dict[str, Any]] = []
        while not found:
            self.protocol.receive_data(self.socket.recv(65_536))
            events = [each for each in self.protocol.events_received() if isinstance(each, Frame)]
            told = [json.loads(bytes(each.data)) for each in events if each.opcode is Opcode.TEXT]
            found += [each for each in told if each["type"] != "heartbeat"]
        return found

    def drain(self) -> None:
        """Read until the server is gone, and never answer."""
        with suppress(ConnectionResetError):
            while self.socket.recv(65_536):
                pass

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> "RawClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def raw_client(port: int, path: str) -> RawClient:
    """A client who is connected and does nothing."""
    return RawClient(port, path)
