"""One server for `gateway.py`: prints where it listens and serves until its standard input ends.

    python tests/bench/gateway_servers.py omni|fastapi|websockets|generator FOLDER

``omni`` is the gateway with users, over a paper market. ``fastapi`` answers the same JSON from a bare
application and tells its sockets one after another, as its documentation does; ``websockets`` broadcasts.
``generator`` answers from a bare asyncio protocol: what asks cannot ask faster than that.
"""

import asyncio
import json
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

UPDATES_A_SECOND = 20
N_USERS = 12
TOPIC = "market.LOAD"


def update(number: int) -> dict[str, Any]:
    """A change of a book, as large as those of a market that moves."""
    levels = {f"{10 + (number + level) % 20 / 100:.2f}": 100.0 * (number % 7 + level) for level in range(6)}
    asks = {f"{float(price) + 1:.2f}": qty for price, qty in levels.items()}
    return {"bids": levels, "asks": asks, "last": 10.5}


def message(number: int) -> dict[str, Any]:
    """What the others send of it."""
    about = {"type": "delta", "topic": TOPIC, "sequence": number, "ts": time.time_ns()}
    return about | {"patch": update(number), "events": []}


def serve_omni(folder: Path, tell: Any) -> None:
    from dataclasses import replace

    import uvicorn

    from omni_lab.config import Settings
    from omni_lab.gateway.app import create_app
    from omni_lab.gateway.security import Security
    from omni_lab.gateway.serving import configuration, doorway
    from omni_lab.gateway.settings import GatewaySettings
    from omni_lab.system import LOCAL, SystemConfig, Ticket
    from omni_lab.system.people import Role
    from omni_lab.system.services import open_services

    settings = GatewaySettings(users=True, port=0, dashboard=False)
    with open_services(SystemConfig(name="bench"), Settings.from_env()) as services:
        security = Security(replace(settings.security(services.settings), bcrypt_cost=10))
        tokens = []
        for number in range(N_USERS):
            user = security.users.add(f"user{number}", f"a long password {number}", Role.TRADER)
            tokens.append(security.tokens.begin(user).access)
        for symbol in services.system.status().symbols:
            services.system.submit(Ticket(symbol=symbol, side="BUY", qty=100), who=LOCAL)
        stream = services.bus.open(TOPIC, epoch="1")

        def publish() -> None:
            for number in _paced():
                stream.publish(update(number), ts=time.time_ns())

        threading.Thread(target=publish, daemon=True).start()
        with doorway(settings) as door:
            door.listen()
            port = door.getsockname()[1]
            tell(port=port, tokens=tokens, path="/api/v1/portfolio", stream="/ws/market_data/LOAD")
            server = uvicorn.Server(configuration(create_app(services, security, settings), settings))
            _end_with_stdin(server)
            server.run(sockets=[door])


def serve_fastapi(folder: Path, tell: Any) -> None:
    import jwt
    import uvicorn
    from fastapi import Depends, FastAPI, HTTPException, WebSocket, WebSocketDisconnect
    from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

    secret, bearer = "a secret of at least thirty-two bytes", Depends(HTTPBearer())
    claims = {"sub": "user", "iss": "bench", "aud": "api", "exp": int(time.time()) + 900}
    tokens = [jwt.encode(claims | {"jti": str(number)}, secret, "HS256") for number in range(N_USERS)]

    async def person(said: HTTPAuthorizationCredentials = bearer) -> str:
        try:
            told = jwt.decode(said.credentials, secret, ["HS256"], issuer="bench", audience="api")
        except jwt.InvalidTokenError as error:
            raise HTTPException(401) from error
        return str(told["sub"])

    portfolio = json.loads((folder / "portfolio.json").read_text())
    clients: set[WebSocket] = set()

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        task = asyncio.create_task(publish())
        yield
        task.cancel()

    app = FastAPI(lifespan=life)

    @app.get("/portfolio")
    async def read(who: str = Depends(person)) -> dict[str, Any]:
        return portfolio

    @app.websocket("/stream")
    async def stream(client: WebSocket) -> None:
        await client.accept()
        clients.add(client)
        try:
            while True:
                await client.receive_text()
        except WebSocketDisconnect:
            clients.discard(client)

    async def publish() -> None:
        async for number in _paced_async():
            told = message(number)
            for client in tuple(clients):
                try:
                    await client.send_json(told)
                except (WebSocketDisconnect, RuntimeError):
                    clients.discard(client)

    with socket.create_server(("127.0.0.1", 0), backlog=2048) as door:
        tell(port=door.getsockname()[1], tokens=tokens, path="/portfolio", stream="/stream")
        settings = uvicorn.Config(app, loop="uvloop", http="httptools", log_config=None, access_log=False)
        server = uvicorn.Server(settings)
        _end_with_stdin(server)
        server.run(sockets=[door])


def serve_websockets(folder: Path, tell: Any) -> None:
    import uvloop
    from websockets.asyncio.server import ServerConnection, broadcast, serve

    async def main() -> None:
        clients: set[ServerConnection] = set()

        async def handle(client: ServerConnection) -> None:
            clients.add(client)
            try:
                await client.wait_closed()
            finally:
                clients.discard(client)

        async with serve(handle, "127.0.0.1", 0) as server:
            tell(port=server.sockets[0].getsockname()[1], tokens=[""] * N_USERS, path="", stream="/stream")
            async for number in _paced_async():
                told = message(number)
                broadcast(clients, json.dumps(told))

    threading.Thread(target=_exit_with_stdin, daemon=True).start()
    uvloop.run(main())


def serve_generator(folder: Path, tell: Any) -> None:
    import uvloop

    body = (folder / "portfolio.json").read_bytes()
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)

    class Bare(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport: Any = transport

        def data_received(self, data: bytes) -> None:
            self.transport.write(answer * data.count(b"\r\n\r\n"))

    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(Bare, "127.0.0.1", 0, backlog=2048)
        tell(port=server.sockets[0].getsockname()[1], tokens=[""] * N_USERS, path="/portfolio", stream="")
        await server.serve_forever()

    threading.Thread(target=_exit_with_stdin, daemon=True).start()
    uvloop.run(main())


def _paced() -> Any:
    started = time.monotonic()
    for number in range(1, 10**9):
        time.sleep(max(started + number / UPDATES_A_SECOND - time.monotonic(), 0))
        yield number


async def _paced_async() -> Any:
    started = time.monotonic()
    for number in range(1, 10**9):
        await asyncio.sleep(max(started + number / UPDATES_A_SECOND - time.monotonic(), 0))
        yield number


def _end_with_stdin(server: Any) -> None:
    def wait() -> None:
        sys.stdin.read()
        server.should_exit = True

    threading.Thread(target=wait, daemon=True).start()


def _exit_with_stdin() -> None:
    import os

    sys.stdin.read()
    os._exit(0)


def main() -> None:
    kind, folder = sys.argv[1], Path(sys.argv[2])

    def tell(**what: Any) -> None:
        print(json.dumps(what), flush=True)

    {
        "omni": serve_omni,
        "fastapi": serve_fastapi,
        "websockets": serve_websockets,
        "generator": serve_generator,
    }[kind](folder, tell)


if __name__ == "__main__":
    main()
