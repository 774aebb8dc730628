"""A gateway's door for tests: a few routes behind the real layer, asked in this process."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, ParamSpec

import httpx
from fastapi import Depends, FastAPI, Request, WebSocket

from omni_lab.gateway.problems import install
from omni_lab.gateway.security import Security, SecurityLayer, SecuritySettings, person, requires
from omni_lab.gateway.security.layer import App
from omni_lab.gateway.security.pages import page_routes
from omni_lab.gateway.security.routes import auth_routes
from omni_lab.gateway.security.settings import RATES, Rate
from omni_lab.system.people import Action, Person, Role

HOST = "http://127.0.0.1:8050"
PASSWORD = "correct horse battery"
PEOPLE = {"vera": Role.VIEWER, "tom": Role.TRADER, "rita": Role.RISK, "ada": Role.ADMIN}
PLENTY = {kind: (Rate(1e6, 1e6),) for kind in RATES}

P = ParamSpec("P")


def settings_of(directory: Path, **changes: Any) -> SecuritySettings:
    """Settings of a test: cheap hashes, and no limits unless they are asked for."""
    known: dict[str, Any] = {
        "database": str(directory / "gateway.sqlite"),
        "key_file": directory / "keys",
        "users": True,
        "bcrypt_cost": 4,
        "rates": PLENTY,
    }
    return SecuritySettings(**(known | changes))


def with_people(security: Security) -> Security:
    """The same with a user of each role."""
    for name, role in PEOPLE.items():
        security.users.add(name, PASSWORD, role)
    return security


def application(security: Security) -> App:
    """A few routes behind the layer."""
    app = FastAPI(openapi_url=None)
    install(app, lambda *_: "")
    app.state.security = security

    @app.get("/api/v1/who")
    async def who(request: Request, who: Annotated[Person, Depends(person)]) -> dict[str, Any]:
        state = request.scope["state"]
        headers = [name for name, _ in request.headers.items()]
        return {"name": who.name, "role": who.role, "expires": state["expires"], "headers": headers}

    @app.post("/api/v1/trade")
    async def trade(
        request: Request, who: Annotated[Person, Depends(requires(Action.TRADE))]
    ) -> dict[str, Any]:
        return {"name": who.name, "bytes": len(await request.body())}

    @app.get("/dashboard")
    async def dashboard(request: Request) -> dict[str, list[list[str]]]:
        return {"headers": [list(each) for each in request.headers.items()]}

    @app.websocket("/ws/echo")
    @app.websocket("/dashboard/ws")
    async def echo(socket: WebSocket, who: Annotated[Person, Depends(person)]) -> None:
        await socket.accept()
        await socket.send_text(who.name)
        async for text in socket.iter_text():
            await socket.send_text(text)

    @app.get("/health/live")
    async def live() -> str:
        return "ok"

    app.include_router(auth_routes(security), prefix="/api/v1")
    app.include_router(page_routes(security))
    return SecurityLayer(app, security)


@asynccontextmanager
async def asking(
    app: App, *, base: str = HOST, address: str = "127.0.0.1"
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application in this process."""
    transport = httpx.ASGITransport(app=app, client=(address, 40000))
    async with httpx.AsyncClient(transport=transport, base_url=base) as client:
        yield client


def bearer(security: Security, name: str) -> dict[str, str]:
    """A header of somebody who has just signed in."""
    return {"Authorization": f"Bearer {security.tokens.begin(security.users.get(name)).access}"}


def until(true: Callable[[], bool], patience_s: float = 10.0) -> None:
    """Wait until something is true."""
    end = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.01)


def in_a_loop(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """A test that is a coroutine."""
    import asyncio

    @wraps(test)
    def run(*args: P.args, **settings: P.kwargs) -> None:
        asyncio.run(test(*args, **settings))

    return run
