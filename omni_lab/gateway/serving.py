"""`serve`: the gateway in this process, until somebody ends it; `serving`: beside a notebook, in a thread."""

from __future__ import annotations

import contextlib
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn

from omni_lab.errors import ConfigError
from omni_lab.gateway.security.connections import ConnectionLimits, guarded_protocol
from omni_lab.gateway.settings import GatewaySettings
from omni_lab.gateway.sockets import UVICORN

logger = logging.getLogger(__name__)

MOST_CONNECTIONS = 1_000
_BACKLOG = 2_048
_PATIENCE_S = 10


def serve(
    app: Any, settings: GatewaySettings, door: socket.socket, *, told: Callable[[str], None] = logger.info
) -> None:
    """Serve an application until SIGINT or SIGTERM; requests that are being answered get ten seconds.

    Parameters
    ----------
    app : ASGI application
    settings : GatewaySettings
    door : socket
        Of `doorway`.
    told : callable, optional
        Is told the address once it listens; of port 0 the one that was taken.
    """
    door.listen(_BACKLOG)
    told(address_of(settings, door))
    with _let_the_server_end():
        uvicorn.Server(configuration(app, settings)).run(sockets=[door])


@contextlib.contextmanager
def serving(app: Any, settings: GatewaySettings) -> Iterator[str]:
    """Serve an application from a thread of this process until the block ends: for notebooks.

    Parameters
    ----------
    app : ASGI application
    settings : GatewaySettings

    Yields
    ------
    str
        The address; of port 0 the one that was taken. Whoever connects is answered at once or waits.

    Raises
    ------
    ConfigError
        If the address cannot be listened on.
    """
    with doorway(settings) as door:
        door.listen(_BACKLOG)
        server = uvicorn.Server(configuration(app, settings))
        thread = threading.Thread(target=server.run, args=([door],), name="gateway", daemon=True)
        thread.start()
        try:
            yield address_of(settings, door)
        finally:
            server.should_exit = True
            thread.join(2 * _PATIENCE_S)


def configuration(app: Any, settings: GatewaySettings) -> uvicorn.Config:
    """How uvicorn serves it: its C loop and parser, its own logs left to ours."""
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=guarded_protocol(ConnectionLimits(most=MOST_CONNECTIONS)),
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=settings.behind_tls,
        timeout_keep_alive=10,
        timeout_graceful_shutdown=_PATIENCE_S,
        ssl_certfile=settings.certificate,
        ssl_keyfile=settings.key,
        **UVICORN,
    )


@contextlib.contextmanager
def doorway(settings: GatewaySettings) -> Iterator[socket.socket]:
    """A socket that holds the address, so that what is slow to start need not start in vain.

    Raises
    ------
    ConfigError
        If the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    door = socket.socket(family, socket.SOCK_STREAM)
    try:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind((settings.host, settings.port))
        except OSError as error:
            place = f"{settings.host}:{settings.port}"
            raise ConfigError(
                f"cannot listen here: {error.strerror or error}",
                found=place,
                hint="Something may be listening already; try --port 0.",
            ) from error
        yield door
    finally:
        door.close()


def address_of(settings: GatewaySettings, door: socket.socket) -> str:
    """The address as a browser writes it."""
    scheme = "https" if settings.certificate is not None else "http"
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"{scheme}://{host}:{door.getsockname()[1]}"


@contextlib.contextmanager
def _let_the_server_end() -> Iterator[None]:
    """Let a signal end the server and no more: it raises it again afterwards, and we have things to close."""
    before = {each: signal.signal(each, lambda *_: None) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
