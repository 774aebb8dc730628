"""Connections that are slow on purpose, against a real uvicorn on a real port."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn

from omni_lab.gateway.security.connections import ConnectionLimits, guarded_protocol
from tests.gateway.security.door import until

LARGE = b"x" * (12 << 20)
BEGUN: list[str] = []
DONE: list[str] = []
"""Paths of requests that were begun, and whose answers were given or given up."""
SHORT = ConnectionLimits(header_s=0.3, body_s=0.5, unread_s=0.5, header_bytes=8192, most=20)


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the length of the body; ``/large`` with a lot; a socket repeats what it hears."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})
        return
    BEGUN.append(scope["path"])
    n_bytes, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        n_bytes, more = n_bytes + len(message.get("body", b"")), message.get("more_body", False)
    body = LARGE if scope["path"] == "/large" else str(n_bytes).encode()
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    for start in range(0, len(body), 1 << 16):
        await send({"type": "http.response.body", "body": body[start : start + (1 << 16)], "more_body": True})
    await send({"type": "http.response.body", "body": b""})
    DONE.append(scope["path"])


@contextmanager
def serving(limits: ConnectionLimits, loop: str) -> Iterator[int]:
    door = socket.create_server(("127.0.0.1", 0))
    settings: dict[str, Any] = {
        "loop": loop,
        "log_config": None,
        "lifespan": "off",
        "ws": "websockets-sansio",
    }
    config = uvicorn.Config(app, http=guarded_protocol(limits), timeout_graceful_shutdown=1, **settings)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [door]})
    thread.start()
    try:
        until(lambda: server.started)
        yield door.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(20)
        door.close()
        assert not thread.is_alive()


@pytest.fixture(scope="module", params=["asyncio", "uvloop"])
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    with serving(SHORT, request.param) as port:
        yield port


@contextmanager
def connected(port: int) -> Iterator[socket.socket]:
    with contextlib.closing(socket.create_connection(("127.0.0.1", port), timeout=10)) as talk:
        yield talk


def rest(talk: socket.socket) -> bytes:
    """All that comes until the server closes; a server that does not fails the test by a time-out."""
    heard = []
    with contextlib.suppress(ConnectionError):
        while data := talk.recv(1 << 20):
            heard.append(data)
    return b"".join(heard)


def answer(talk: socket.socket, body: bytes) -> bytes:
    """All that comes until this is the body."""
    heard = b""
    while not heard.endswith(b"\r\n\r\n" + body):
        data = talk.recv(4096)
        assert data, heard
        heard += data
    return heard


def get(port: int, path: str = "/") -> bytes:
    with connected(port) as talk:
        talk.sendall(f"GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
        return rest(talk)


def drip(talk: socket.socket, piece: bytes) -> bytes:
    """Send piece after piece until the server has had enough."""
    stop, heard = threading.Event(), b""

    def send() -> None:
        with contextlib.suppress(OSError):
            while not stop.wait(0.02):
                talk.sendall(piece)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        heard = rest(talk)
    finally:
        stop.set()
        thread.join()
    return heard


SLOW: dict[str, tuple[bytes, bytes, bytes]] = {
    "says nothing": (b"", b"", b"408"),
    "blank lines": (b"", b"\r\n", b"408"),
    "a header without end": (b"GET / HTTP/1.1\r\nhost: x\r\n", b"a: b\r\n", b"408"),
    "a name without end": (b"GET / HTTP/1.1\r\n", b"x", b"408"),
    "an address without end": (b"GET /", b"x", b"408"),
    "a body without end": (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9999\r\n\r\n", b"x", b"408"),
    "chunks without end": (
        b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n",
        b"1\r\nx\r\n",
        b"408",
    ),
    "a large header": (b"GET / HTTP/1.1\r\n", b"a: " + b"b" * 4000 + b"\r\n", b"431"),
    "a large name": (b"GET / HTTP/1.1\r\n", b"x" * 4000, b"431"),
    "a large header at once": (b"GET / HTTP/1.1\r\na: " + b"b" * 9000 + b"\r\n\r\n", b"", b"431"),
    "no HTTP": (b"\x16\x03\x01\x02\x00", b"", b"400"),
    "two lengths": (
        b"POST / HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"",
        b"400",
    ),
}


@pytest.mark.parametrize("how", SLOW)
def test_who_is_slow_or_large_is_cut(port: int, how: str) -> None:
    begin, piece, status = SLOW[how]
    with connected(port) as talk:
        talk.sendall(begin)
        heard = drip(talk, piece) if piece else rest(talk)
    assert heard.startswith(b"HTTP/1.1 " + status), heard[:100]
    assert get(port).endswith(b"0")


def test_between_two_requests_the_clock_begins_with_the_first_byte(port: int) -> None:
    with connected(port) as talk:
        for path in (b"/a", b"/b"):
            talk.sendall(b"GET " + path + b" HTTP/1.1\r\nhost: x\r\n\r\n")
            assert answer(talk, b"0").startswith(b"HTTP/1.1 200")
        assert drip(talk, b"\r\n").startswith(b"HTTP/1.1 408")


def test_requests_one_after_the_other_and_at_once_are_answered(port: int) -> None:
    one = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabc"
    with connected(port) as talk:
        talk.sendall(one * 3 + one.replace(b"host: x", b"host: x\r\nconnection: close"))
        heard = rest(talk)
    assert heard.count(b"HTTP/1.1 200") == heard.count(b"\r\n\r\n3") == 4


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_who_does_not_read_his_answer_is_given_up_and_who_does_gets_all(loop: str) -> None:
    DONE.clear()
    with serving(ConnectionLimits(unread_s=0.5), loop) as port, connected(port) as talk:
        talk.sendall(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n")
        until(lambda: DONE == ["/large"])
        assert get(port).endswith(b"0")
    with serving(ConnectionLimits(), loop) as port:
        assert len(get(port, "/large")) > len(LARGE)


def test_a_socket_outlives_the_clocks_of_its_request(port: int) -> None:
    from websockets.sync.client import connect

    with connect(f"ws://127.0.0.1:{port}/") as talk:
        threading.Event().wait(SHORT.header_s * 2)
        talk.send("still here")
        assert talk.recv() == "still here"


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_silent_connections_cannot_take_all_the_room(loop: str) -> None:
    limits = ConnectionLimits(header_s=60, most=10)
    with serving(limits, loop) as port, contextlib.ExitStack() as silent:
        talks = [silent.enter_context(connected(port)) for _ in range(30)]
        for talk in talks:
            with contextlib.suppress(OSError):
                talk.sendall(b"GET / HTTP/1.1\r\n")
        assert [get(port).endswith(b"0") for _ in range(5)] == [True] * 5
        assert rest(talks[0]) == b""  # who has waited longest went


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_where_all_are_being_served_one_more_is_refused(loop: str) -> None:
    limits = ConnectionLimits(body_s=60, most=3)
    BEGUN.clear()
    half = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\na"
    with serving(limits, loop) as port, contextlib.ExitStack() as busy:
        talks = [busy.enter_context(connected(port)) for _ in range(3)]
        for talk in talks:
            talk.sendall(half)
        until(lambda: len(BEGUN) == 3)
        with connected(port) as one_more:
            assert rest(one_more).startswith(b"HTTP/1.1 503")
        for talk in talks:
            talk.sendall(b"b")
            assert answer(talk, b"2").startswith(b"HTTP/1.1 200")
        assert get(port).endswith(b"0")
