"""MoldUDP64 over asyncio: a publisher with a re-request server, and a subscriber that fills its gaps."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from omni_lab._native import MessageLog, MoldReceiver, MoldSender
from omni_lab.errors import GatewayError
from omni_lab.venues.settings import LOOPBACK, Address, ns
from omni_lab.venues.soup_client import Event

logger = logging.getLogger(__name__)

_REQUEST_LINE = 255
"""Answers come by a line that is none, so that they do not hide that one is down."""


class _Datagrams(asyncio.DatagramProtocol):
    """Hands datagrams over."""

    def __init__(self, receive: Callable[[bytes, Address], None]) -> None:
        self._receive = receive

    def datagram_received(self, data: bytes, address: Any) -> None:
        self._receive(data, address[:2])

    def error_received(self, error: Exception) -> None:
        # Nobody listens there, which is nothing to a publisher.
        logger.debug("a datagram was not delivered: %s", error)


async def _socket(receive: Callable[[bytes, Address], None], address: Address) -> asyncio.DatagramTransport:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(receive), local_addr=address)
    return transport


class MoldPublisher:
    """Sends a log to lines, and answers those who missed something.

    Parameters
    ----------
    log : MessageLog
        What is sent.
    lines : sequence of (str, int)
        Where each line goes.
    host, port : str, int
        Where requests are answered; port 0 is any free one.
    heartbeat_s : float
        Silence after which a heartbeat is sent.
    max_datagram : int
        Bytes of a datagram, at most.
    clock : callable
        Monotonic nanoseconds.
    """

    def __init__(
        self,
        log: MessageLog,
        lines: Sequence[Address],
        *,
        host: str = LOOPBACK,
        port: int = 0,
        heartbeat_s: float = 1.0,
        max_datagram: int = 1_400,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._log = log
        self.lines = list(lines)
        self._request_at = (host, port)
        self._machine = MoldSender(heartbeat_ns=ns(heartbeat_s), max_datagram=max_datagram)
        self._clock = clock
        self._sender: asyncio.DatagramTransport | None = None
        self._answerer: asyncio.DatagramTransport | None = None
        self._timer: asyncio.Handle | None = None

    async def start(self) -> None:
        """Send what is there, and go on."""
        self._answerer = await _socket(self._answer, self._request_at)
        self._request_at = self.address
        self._sender = await _socket(lambda data, address: None, (self._request_at[0], 0))
        self.wake()

    @property
    def address(self) -> Address:
        """Where requests are answered.

        Raises
        ------
        GatewayError
            If they are not.
        """
        if self._answerer is None:
            raise GatewayError("the publisher is not running", hint="Start it first: await server.start().")
        host, port = self._answerer.get_extra_info("sockname")[:2]
        return host, port

    def wake(self) -> None:
        """Send what is new, or the heartbeat that is due."""
        if self._sender is None:
            return
        now = self._clock()
        for datagram in self._machine.datagrams(self._log, now):
            for line in self.lines:
                self._sender.sendto(datagram, line)
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            self._timer.cancel()
        if self._machine.next < self._log.next:
            # Others have their turn between bursts, and receivers the time to read.
            self._timer = loop.call_soon(self.wake)
        else:
            due = self._machine.due_ns
            self._timer = loop.call_later(max((due or now) - now, 0) / 1e9, self.wake)

    async def stop(self) -> None:
        """Stop."""
        if self._timer is not None:
            self._timer.cancel()
        for transport in (self._sender, self._answerer):
            if transport is not None:
                transport.close()
        self._sender = self._answerer = None
        await asyncio.sleep(0)

    def _answer(self, request: bytes, address: Address) -> None:
        answer = self._machine.answer(self._log, request)
        if answer is not None and self._answerer is not None:
            self._answerer.sendto(answer, address)


class MoldSubscriber:
    """Receives the lines of a session, and asks for what is missing.

    Parameters
    ----------
    lines : sequence of (str, int)
        Where each line arrives; port 0 is any free one.
    receive : callable
        Takes events: ``("message", sequence, 1, data)`` in order and each once, ``("lost", first, count,
        b"")``, ``("end", 0, 0, b"")``, ``("line_down", line, 0, b"")`` and others of
        `omni_lab._native.MoldReceiver`.
    server : (str, int), optional
        Who answers requests. Without one, what is missing is lost after as long as asking would take.
    session, sequence : str, int
        What to read first: blank is the session of the first datagram, 0 what comes from now on.
    patience_s, retry_s, max_tries : float, float, int
        How long a gap may stand before it is asked for, how long an answer may take, and how often to ask.
    line_timeout_s : float
        Silence after which a line is down.
    max_held_bytes : int
        What is held while something before it is missing.
    clock : callable
        Monotonic nanoseconds.
    """

    def __init__(
        self,
        lines: Sequence[Address],
        receive: Callable[[Event], None],
        *,
        server: Address | None = None,
        session: str = "",
        sequence: int = 1,
        patience_s: float = 0.02,
        retry_s: float = 1.0,
        max_tries: int = 5,
        line_timeout_s: float = 5.0,
        max_held_bytes: int = 16 << 20,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.machine = MoldReceiver(
            session=session,
            first=sequence,
            patience_ns=ns(patience_s),
            retry_ns=ns(retry_s),
            max_tries=max_tries,
            max_held=max_held_bytes,
            line_timeout_ns=ns(line_timeout_s),
        )
        self.server = server
        self.reading = True
        self._lines = list(lines)
        self._receive = receive
        self._clock = clock
        self._sockets: list[asyncio.DatagramTransport] = []
        self._asker: asyncio.DatagramTransport | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Listen."""
        for number, address in enumerate(self._lines):
            self._sockets.append(await _socket(partial(self._take, number), address))
        host = self._lines[0][0] if self._lines else LOOPBACK
        self._asker = await _socket(partial(self._take, _REQUEST_LINE), (host, 0))

    @property
    def addresses(self) -> list[Address]:
        """Where the lines arrive."""
        return [transport.get_extra_info("sockname")[:2] for transport in self._sockets]

    async def stop(self) -> None:
        """Stop listening."""
        if self._timer is not None:
            self._timer.cancel()
        for transport in (*self._sockets, self._asker):
            if transport is not None:
                transport.close()
        self._sockets, self._asker = [], None
        await asyncio.sleep(0)

    def _take(self, line: int, data: bytes, _: Address) -> None:
        # A datagram that comes while the reader is behind is dropped like one that the network lost: there
        # is no other way to slow a sender of datagrams, and it is asked for later.
        if self.reading:
            self._follow(self.machine.receive(line, data, self._clock()))

    def _tick(self) -> None:
        self._follow(self.machine.tick(self._clock()) if self.reading else [])

    def _follow(self, events: list[Event]) -> None:
        for event in events:
            self._receive(event)
        if self._asker is None:
            return
        now = self._clock()
        if self.reading:
            request = self.machine.request(now)
            if request is not None and self.server is not None:
                self._asker.sendto(request, self.server)
        if self._timer is not None:
            self._timer.cancel()
        due = self.machine.due_ns
        if due is not None:
            # Not at once again while the reader is behind.
            least_s = 0.0 if self.reading else 0.01
            wait_s = max((due - now) / 1e9, least_s)
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._tick)
