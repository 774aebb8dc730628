"""`SoupLink`: a client's SoupBinTCP login over asyncio that is kept, whatever becomes of its connections."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from omni_lab._native import SoupClient
from omni_lab.errors import GatewayError
from omni_lab.venues.settings import Backoff, Timing, ns

logger = logging.getLogger(__name__)

Event = tuple[str, int, int, bytes]
"""Kind, number, count and bytes; see `omni_lab._native.SoupClient`."""


class SoupLink:
    """A client's login that is kept: after a lost connection it comes back and goes on with the next message.

    Parameters
    ----------
    host, port : str, int
        Of the server.
    user, password : str
        Who we are.
    receive : callable
        Takes events: ``("message", sequence, 1, data)`` in order and each once, ``("lost", first, count,
        b"")`` for messages that the server has forgotten, ``("accepted", sequence, 0, session)`` at each
        login, ``("disconnected", 0, 0, b"")`` when there is no connection.
    session, sequence : str, int
        What to read first: blank is the current session, 0 what comes from now on.
    timing, backoff : Timing, Backoff
        How long to wait for what.
    clock : callable
        Monotonic nanoseconds.
    """

    def __init__(
        self,
        host: str,
        port: int,
        user: str,
        password: str,
        receive: Callable[[Event], None],
        *,
        session: str = "",
        sequence: int = 1,
        timing: Timing | None = None,
        backoff: Backoff | None = None,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        timing = timing or Timing()
        self.machine = SoupClient(
            user,
            password,
            session=session,
            sequence=sequence,
            heartbeat_ns=ns(timing.heartbeat_s),
            timeout_ns=ns(timing.timeout_s),
            login_timeout_ns=ns(timing.login_s),
        )
        self.receive = receive
        self.clock = clock
        self.n_logins = 0
        self._address = (host, port)
        self._backoff = backoff or Backoff()
        self._task: asyncio.Task[None] | None = None
        self._line: _Line | None = None
        self._reading = True
        self._failures = 0
        self._ready = asyncio.Event()
        self._over = asyncio.Event()
        self._error: GatewayError | None = None

    async def start(self) -> None:
        """Log in, and stay so until `stop`.

        Raises
        ------
        GatewayError
            If the login is refused.
        """
        self._task = asyncio.create_task(self._run())
        waits = [asyncio.create_task(event.wait()) for event in (self._ready, self._over)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if self._error is not None:
            raise self._error

    @property
    def is_over(self) -> bool:
        """Whether nothing will come any more: the session ended, the login was refused, or it was stopped."""
        return self._over.is_set()

    @property
    def error(self) -> GatewayError | None:
        """Why it is over, if the session did not simply end."""
        return self._error

    async def wait_over(self) -> None:
        """Wait until nothing will come any more."""
        await self._over.wait()

    def send(self, payload: bytes) -> bool:
        """Send a message; False if there is no login at the moment, and nothing was sent."""
        if self.machine.state != "logged_in" or self._line is None:
            return False
        try:
            self.machine.send(payload, self.clock())
        except GatewayError:
            # The socket takes nothing more just now: the sender tries again after the next login.
            return False
        self._line.flush()
        return True

    def set_reading(self, reading: bool) -> None:
        """Stop or go on taking bytes from the socket, so that a reader that is behind is not flooded."""
        self._reading = reading
        if self._line is not None:
            self._line.set_reading(reading)

    async def stop(self) -> None:
        """Log out and be over."""
        self._over.set()
        if self._line is not None:
            self.machine.logout(self.clock())
            self._line.flush()
            self._line.close()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while not self._over.is_set():
            line = _Line(self)
            try:
                await loop.create_connection(lambda line=line: line, *self._address)  # type: ignore[misc]
                self._line = line
                line.set_reading(self._reading)
                await line.lost
            except OSError as error:
                logger.debug("%s:%d cannot be reached: %s", *self._address, error)
            finally:
                self._line = None
                self.machine.disconnect()
                line.close()
            if not self._over.is_set():
                self.receive(("disconnected", 0, 0, b""))
                self._failures += 1
                await asyncio.sleep(self._backoff.wait_s(self._failures))

    def follow(self, events: list[Event]) -> bool:
        """Hand events on; whether the connection goes on."""
        goes_on = True
        for event in events:
            kind, _, _, payload = event
            if kind == "accepted":
                self._failures = 0
                self.n_logins += 1
                self._ready.set()
            elif kind in ("rejected", "end"):
                if kind == "rejected":
                    self._error = GatewayError(
                        "the login was refused", found=payload.decode(), expected=_REJECTS
                    )
                self._over.set()
                goes_on = False
            elif kind in ("dead", "broken"):
                logger.info("the link to %s:%d is %s %s", *self._address, kind, payload.decode())
                goes_on = False
            self.receive(event)
        return goes_on


_REJECTS = "no letter; A is not authorised, S is no such session"


class _Line(asyncio.Protocol):
    """One connection of a link."""

    def __init__(self, link: SoupLink) -> None:
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._link = link
        self._transport: Any = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._link.machine.connect(self._link.clock())
        self.flush()

    def data_received(self, data: bytes) -> None:
        if not self.lost.done():
            self._follow(self._link.machine.receive(data, self._link.clock()))

    def connection_lost(self, error: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if not self.lost.done():
            self.lost.set_result(None)

    def set_reading(self, reading: bool) -> None:
        if self._transport is not None and not self._transport.is_closing():
            (self._transport.resume_reading if reading else self._transport.pause_reading)()

    def flush(self) -> None:
        output = self._link.machine.output()
        if output and self._transport is not None and not self._transport.is_closing():
            self._transport.write(output)
        self._wait()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._transport.close()

    def _follow(self, events: list[Event]) -> None:
        if self._link.follow(events):
            self.flush()
        else:
            self.close()
            if not self.lost.done():
                self.lost.set_result(None)

    def _wait(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        due = self._link.machine.due_ns
        if due is not None:
            wait_s = max(due - self._link.clock(), 0) / 1e9
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._tick)

    def _tick(self) -> None:
        if not self.lost.done():
            self._follow(self._link.machine.tick(self._link.clock()))
