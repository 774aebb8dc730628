"""A bad network: connections that are cut, datagrams that are lost, doubled and reordered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

Address = tuple[str, int]


class Proxy:
    """Forwards connections, each of which it cuts after so many bytes of what the server says.

    Parameters
    ----------
    target : (str, int)
        The server.
    cuts : callable
        After how many bytes the next connection is cut; None never.
    """

    def __init__(self, target: Address, cuts: Callable[[], int | None]) -> None:
        self.n_connections = 0
        self._target = target
        self._cuts = cuts
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *exception: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def address(self) -> Address:
        assert self._server is not None
        host, port = self._server.sockets[0].getsockname()[:2]
        return host, port

    def cut(self) -> None:
        """Cut what is connected."""
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.n_connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            to_server = await asyncio.open_connection(*self._target)
            self._writers |= {writer, to_server[1]}
            pair = (
                asyncio.ensure_future(_pump(reader, to_server[1], None)),
                asyncio.ensure_future(_pump(to_server[0], writer, self._cuts())),
            )
            await asyncio.wait(pair, return_when=asyncio.FIRST_COMPLETED)
            for end in (writer, to_server[1]):
                end.transport.abort()
                self._writers.discard(end)
            await asyncio.gather(*pair, return_exceptions=True)
        except OSError:
            writer.transport.abort()
        finally:
            self._tasks.discard(task)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, n_bytes: int | None) -> None:
    while n_bytes is None or n_bytes > 0:
        data = await reader.read(4_096 if n_bytes is None else min(n_bytes, 4_096))
        if not data:
            return
        writer.write(data)
        await writer.drain()
        if n_bytes is not None:
            n_bytes -= len(data)


class BadLine(asyncio.DatagramProtocol):
    """Forwards datagrams, some of them not, some twice, some late.

    Parameters
    ----------
    target : (str, int)
        Where they go.
    seed : int
        Decides which.
    loss, twice, late : float
        Shares of them.
    """

    def __init__(
        self, target: Address, seed: int, *, loss: float = 0.2, twice: float = 0.1, late: float = 0.2
    ) -> None:
        self.n_lost = 0
        self._target = target
        self._random = Random(seed)
        self._shares = (loss, twice, late)
        self._held: list[bytes] = []
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, address: Any) -> None:
        loss, twice, late = self._shares
        roll = self._random.random()
        if roll < loss:
            self.n_lost += 1
        elif roll < loss + late:
            self._held.append(data)
        else:
            for datagram in (data, *((data,) if roll > 1 - twice else ()), *self._held):
                self._transport.sendto(datagram, self._target)
            self._held.clear()


async def bad_line(
    target: Address, seed: int, **shares: float
) -> tuple[Address, BadLine, Callable[[], None]]:
    """A bad line to somewhere: where to send, the line itself, and how to close it."""
    loop = asyncio.get_running_loop()
    transport, line = await loop.create_datagram_endpoint(
        lambda: BadLine(target, seed, **shares), local_addr=("127.0.0.1", 0)
    )
    return transport.get_extra_info("sockname")[:2], line, transport.close


def run(test: Callable[[], Awaitable[None]], timeout_s: float = 60.0) -> None:
    """Run a test in a loop of its own; one that hangs fails."""

    async def bounded() -> None:
        async with asyncio.timeout(timeout_s):
            await test()

    asyncio.run(bounded())
