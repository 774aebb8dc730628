"""`SoupListener`: SoupBinTCP over asyncio, serving logs to whoever logs in.

A slow reader costs a cursor: what it has not been sent stays in the log, and no more is taken from there than
its socket accepts.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import cast

from omni_lab._native import MessageLog, SoupServer
from omni_lab.errors import GatewayError, OmniError
from omni_lab.venues.settings import LOOPBACK, Address, Timing, ns
from omni_lab.venues.soup_client import Event

logger = logging.getLogger(__name__)

Verdict = MessageLog | str
"""What somebody who logs in gets: a log, or the letter of a refusal."""


class SoupListener:
    """Serves logs to whoever logs in.

    Parameters
    ----------
    admit : callable
        Takes user name, password and session (blank for the current one); gives the log that this user
        reads, or the letter of why not: "A" not authorised, "S" no such session.
    receive : callable, optional
        Takes a user's name and a message; an error of ours ends that user's connection.
    exclusive : bool
        Whether a user has one connection: a new login ends the one before, which may have died unseen.
    host, port : str, int
        Where to listen; port 0 is any free one.
    timing : Timing
        How long sessions wait.
    clock : callable
        Monotonic nanoseconds.
    max_connections : int
        Further ones are closed at once.
    """

    def __init__(
        self,
        admit: Callable[[str, str, str], Verdict],
        receive: Callable[[str, bytes], None] | None = None,
        *,
        exclusive: bool = False,
        host: str = LOOPBACK,
        port: int = 0,
        timing: Timing | None = None,
        clock: Callable[[], int] = time.monotonic_ns,
        max_connections: int = 256,
    ) -> None:
        self.admit = admit
        self.receive = receive
        self.exclusive = exclusive
        self.timing = timing or Timing()
        self.clock = clock
        self.connections: set[_Connection] = set()
        self._address = (host, port)
        self._max_connections = max_connections
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), *self._address)
        # Started again after a stop, it is found where it was.
        self._address = self.address

    @property
    def address(self) -> Address:
        """Where it listens.

        Raises
        ------
        GatewayError
            If it does not.
        """
        if self._server is None or not self._server.sockets:
            raise GatewayError("the server is not listening", hint="Start it first: await server.start().")
        host, port = self._server.sockets[0].getsockname()[:2]
        return host, port

    def wake(self) -> None:
        """Send what is new in the logs."""
        for connection in tuple(self.connections):
            connection.flush()

    async def stop(self) -> None:
        """Stop listening, send what can be sent at once, and close every connection."""
        if self._server is None:
            return
        server, self._server = self._server, None
        server.close()
        closing = [connection.closed for connection in tuple(self.connections)]
        for connection in tuple(self.connections):
            connection.flush()
            connection.finish()
        if closing:
            await asyncio.wait(closing)
        await server.wait_closed()

    def crowded(self) -> bool:
        """Whether there are as many connections as there may be."""
        return len(self.connections) >= self._max_connections


class _Connection(asyncio.Protocol):
    """One client of a listener."""

    def __init__(self, listener: SoupListener) -> None:
        self.user = ""
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._listener = listener
        self._transport: asyncio.Transport | None = None
        self._log: MessageLog | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._full_since: int | None = None
        timing = listener.timing
        self._machine = SoupServer(
            listener.clock(),
            heartbeat_ns=ns(timing.heartbeat_s),
            timeout_ns=ns(timing.timeout_s),
            login_timeout_ns=ns(timing.login_s),
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if self._listener.crowded():
            logger.warning("a connection is refused: there are too many")
            self._transport.abort()
            return
        self._listener.connections.add(self)
        self._wait()

    def data_received(self, data: bytes) -> None:
        self._follow(self._machine.receive(data, self._listener.clock()))
        self.flush()

    def pause_writing(self) -> None:
        self._full_since = self._listener.clock()
        self._wait()

    def resume_writing(self) -> None:
        self._full_since = None
        self.flush()

    def connection_lost(self, error: Exception | None) -> None:
        self._machine.close()
        self._listener.connections.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        if not self.closed.done():
            self.closed.set_result(None)

    def flush(self) -> None:
        """Write what waits, as far as the socket takes it."""
        transport, more = self._transport, True
        if transport is None or transport.is_closing():
            return
        while more and self._full_since is None:
            more = self._log is not None and self._machine.pull(self._log, self._listener.clock())
            output = self._machine.output()
            if output:
                transport.write(output)
        if self._machine.state == "closed":
            self.finish()
        else:
            self._wait()

    def finish(self) -> None:
        """Close once everything is written; at once if the other side does not read."""
        self._machine.close()
        transport = self._transport
        if transport is None:
            return
        if self._full_since is not None:
            transport.abort()
        else:
            transport.close()
            # Closing waits for what the socket holds, and for nobody longer than this.
            self._timer_at(self._listener.timing.heartbeat_s, transport.abort)

    def _follow(self, events: list[Event]) -> None:
        for kind, _, _, payload in events:
            if kind == "login":
                self._login()
            elif kind == "message" and self._listener.receive is not None:
                try:
                    self._listener.receive(self.user, payload)
                except OmniError:
                    logger.exception("a message of user %s ended the connection", self.user)
                    self._machine.close()
                    return
            elif kind in ("dead", "broken"):
                logger.info("the connection of user %r is %s %s", self.user, kind, payload.decode())

    def _login(self) -> None:
        asked = self._machine.take_login()
        assert asked is not None, "the machine has just said so"
        user, password, session, sequence = asked
        verdict = self._listener.admit(user, password, session)
        now = self._listener.clock()
        if isinstance(verdict, str):
            logger.info("a login of user %r is refused: %s", user, verdict)
            self._machine.reject(verdict, now)
            return
        if self._listener.exclusive:
            for other in tuple(self._listener.connections):
                if other is not self and other.user.lower() == user.lower():
                    other.flush()
                    other.finish()
        self.user, self._log = user, verdict
        self._machine.accept(verdict, sequence, now)

    def _wait(self) -> None:
        """Come back when something is due."""
        due = self._machine.due_ns
        if self._full_since is not None:
            due = min(due or 2**62, self._full_since + ns(self._listener.timing.slow_s))
        if due is not None:
            self._timer_at(max(due - self._listener.clock(), 0) / 1e9, self._tick)

    def _timer_at(self, wait_s: float, what: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(wait_s, what)

    def _tick(self) -> None:
        now = self._listener.clock()
        slow = self._full_since is not None and now - self._full_since >= ns(self._listener.timing.slow_s)
        if slow and self._transport is not None:
            logger.info("user %r does not read and is let go", self.user)
            self._transport.abort()
            return
        self._follow(self._machine.tick(now))
        self.flush()
