"""What asks, for `gateway.py`: many connections in one process, and how long each answer took.

    python tests/bench/gateway_load.py rest|sockets < settings.json

Raw protocols, for a client library would take longer than what it asks. Prints ``begin`` when the clock
starts, and the figures at the end. Latency of a request counts from when it was due, so that a server that
stops for a while is charged for those who would have asked meanwhile.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
import sys
import time
from typing import Any

import numpy as np
import uvloop

WARM_S = 1.0


class Asker(asyncio.Protocol):
    """Sends a request again and again, each when the last was answered, and not before it is due."""

    def __init__(self, load: Load, request: bytes, first: float) -> None:
        self.load, self.request, self.due = load, request, first
        self.buffer = b""
        self.n_wanted = 0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.load.loop.call_later(max(self.due - time.perf_counter(), 0), self.ask)

    def ask(self) -> None:
        if self.load.interval_s == 0.0:
            self.due = time.perf_counter()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if not self.n_wanted:
            head = self.buffer.find(b"\r\n\r\n")
            if head < 0:
                return
            if not self.buffer.startswith(b"HTTP/1.1 200"):
                self.load.n_wrong += 1
            self.n_wanted = head + 4 + length_of(self.buffer[:head])
        if len(self.buffer) < self.n_wanted:
            return
        now = time.perf_counter()
        self.load.note(now - self.due)
        self.buffer, self.n_wanted = b"", 0
        if self.load.is_over:
            self.transport.close()
            return
        self.due += self.load.interval_s
        if self.due <= now:
            self.ask()
        else:
            self.load.loop.call_later(self.due - now, self.ask)


class Listener(asyncio.Protocol):
    """A client of a socket that notes how old each message is."""

    def __init__(self, load: Load, request: bytes) -> None:
        self.load, self.request, self.buffer = load, request, b""
        self.is_open = False
        self.last = 0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        now = time.time_ns()
        buffer = self.buffer + data
        if not self.is_open:
            head = buffer.find(b"\r\n\r\n")
            if head < 0:
                self.buffer = buffer
                return
            self.load.n_wrong += not buffer.startswith(b"HTTP/1.1 101")
            self.is_open, buffer = True, buffer[head + 4 :]
        while len(buffer) >= 2:
            size, start = buffer[1], 2
            if size == 126:
                size, start = int.from_bytes(buffer[2:4], "big"), 4
            elif size == 127:
                size, start = int.from_bytes(buffer[2:10], "big"), 10
            if len(buffer) < start + size:
                break
            self.take(buffer[0] & 15, buffer[start : start + size], now)
            buffer = buffer[start + size :]
        self.buffer = buffer

    def take(self, kind: int, payload: bytes, now: int) -> None:
        if kind == 9:
            self.transport.write(bytes([0x8A, 0x80 | len(payload), 0, 0, 0, 0]) + payload)
        elif kind == 1 and b'"delta"' in payload[:32]:
            sequence = number_after(payload, b'"sequence":')
            self.load.n_wrong += bool(self.last) and sequence != self.last + 1
            self.last = sequence
            self.load.note((now - number_after(payload, b'"ts":')) / 1e9)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.load.is_over:
            self.load.n_wrong += 1


class Load:
    """The figures of a run."""

    def __init__(self, interval_s: float) -> None:
        self.loop = asyncio.get_running_loop()
        self.interval_s = interval_s
        self.latency_s: list[float] = []
        self.counts = self.is_over = False
        self.n_wrong = 0

    def note(self, seconds: float) -> None:
        if self.counts:
            self.latency_s.append(seconds)

    async def measure(self, seconds: float) -> dict[str, Any]:
        await asyncio.sleep(WARM_S)
        print("begin", flush=True)
        cpu, begun = time.process_time(), time.perf_counter()
        self.counts = True
        await asyncio.sleep(seconds)
        self.counts = False
        wall = time.perf_counter() - begun
        cpu = time.process_time() - cpu
        self.is_over = True
        found = np.array(self.latency_s) * 1e3
        p50, p99 = np.percentile(found, (50, 99)) if len(found) else (np.nan, np.nan)
        return {
            "n": len(found),
            "per_s": len(found) / wall,
            "p50_ms": p50,
            "p99_ms": p99,
            "max_ms": found.max(initial=0.0),
            "n_wrong": self.n_wrong,
            "generator_cpu": cpu / wall,
        }


async def rest(
    port: int, path: str, tokens: list[str], n: int, rate: float, seconds: float
) -> dict[str, Any]:
    """``n`` connections that ask ``rate`` times a second together; 0 for as fast as they can."""
    load = Load(n / rate if rate else 0.0)
    begun = time.perf_counter() + 0.1
    for number in range(n):
        request = head(path, port, tokens[number % len(tokens)])
        first = begun + load.interval_s * number / n
        await load.loop.create_connection(
            lambda request=request, first=first: Asker(load, request, first), "127.0.0.1", port
        )
    return await load.measure(seconds)


async def sockets(
    port: int, path: str, tokens: list[str], n: int, n_deaf: int, seconds: float
) -> dict[str, Any]:
    """``n`` clients who listen, and some who connect and never read."""
    load = Load(0.0)
    key = base64.b64encode(os.urandom(16)).decode()
    more = f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
    more += "Sec-WebSocket-Version: 13\r\n"
    deaf = []
    for number in range(n_deaf):
        door = socket.socket()
        door.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        door.connect(("127.0.0.1", port))
        door.sendall(head(path, port, tokens[number % 2], more))
        deaf.append(door)
    rest_of = tokens[2:]
    for number in range(n):
        request = head(path, port, rest_of[number % len(rest_of)], more)
        await load.loop.create_connection(lambda request=request: Listener(load, request), "127.0.0.1", port)
    found = await load.measure(seconds)
    for door in deaf:
        door.close()
    return found


def head(path: str, port: int, token: str, more: str = "") -> bytes:
    said = f"Authorization: Bearer {token}\r\n" if token else ""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{said}{more}\r\n".encode()


def length_of(head: bytes) -> int:
    return number_after(head.lower(), b"content-length:")


def number_after(text: bytes, name: bytes) -> int:
    start = text.index(name) + len(name)
    while text[start : start + 1] == b" ":
        start += 1
    end = start
    while text[end : end + 1].isdigit():
        end += 1
    return int(text[start:end])


def main() -> None:
    settings = json.load(sys.stdin)
    work = {"rest": rest, "sockets": sockets}[sys.argv[1]]
    print(json.dumps(uvloop.run(work(**settings))), flush=True)


if __name__ == "__main__":
    main()
