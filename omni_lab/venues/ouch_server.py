"""`OuchServer`: a market's OUCH side, on a socket."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable
from typing import Self

from omni_lab.venues.market import Market
from omni_lab.venues.settings import LOOPBACK, Address, Timing, User
from omni_lab.venues.soup_server import SoupListener, Verdict


def authorised(users: dict[str, User], name: str, password: str) -> User | None:
    """The user of a name and password, if there is one; how long it takes says nothing about the password."""
    user = users.get(name.lower())
    expected = user.password if user is not None else ""
    # Passwords are compared without case, as the protocol has it.
    equal = hmac.compare_digest(expected.lower().encode(), password.lower().encode())
    return user if equal else None


class OuchServer:
    """OUCH 4.2 over SoupBinTCP for the users of a market.

    Each user has a session of their own, which a lost connection does not end: whoever logs in again gets
    what they missed. A user has one connection at a time, the last one.

    Parameters
    ----------
    market : Market
        What is traded.
    host, port : str, int
        Where to listen; only this machine by default, port 0 is any free one.
    timing : Timing
        How long sessions wait.
    clock : callable
        Monotonic nanoseconds.
    """

    def __init__(
        self,
        market: Market,
        *,
        host: str = LOOPBACK,
        port: int = 0,
        timing: Timing | None = None,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._market = market
        self._listener = SoupListener(
            self._admit, market.handle, exclusive=True, host=host, port=port, timing=timing, clock=clock
        )
        market.on_news(self._listener.wake)

    @property
    def address(self) -> Address:
        """Where it listens."""
        return self._listener.address

    async def start(self) -> None:
        """Listen."""
        await self._listener.start()

    async def stop(self) -> None:
        """Close every connection, and listen no more."""
        await self._listener.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.stop()

    def _admit(self, name: str, password: str, session: str) -> Verdict:
        user = authorised(self._market.users, name, password)
        if user is None:
            return "A"
        log = self._market.logs[user.name.lower()]
        return log if session in ("", log.session) else "S"
