"""`ItchServer`: a market's feed, over SoupBinTCP and over MoldUDP64."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Self

from omni_lab.venues.market import Market
from omni_lab.venues.mold import MoldPublisher
from omni_lab.venues.ouch_server import authorised
from omni_lab.venues.settings import LOOPBACK, Address, Timing
from omni_lab.venues.soup_server import SoupListener, Verdict


class ItchServer:
    """ITCH 5.0 of a market: to whoever logs in, and to lines of datagrams with a server for what was missed.

    Both carriers number the same messages alike.

    Parameters
    ----------
    market : Market
        Whose feed it is.
    lines : sequence of (str, int)
        Where datagrams go: one address, or two for lines A and B.
    host, port : str, int
        Where to listen for logins; only this machine by default, port 0 is any free one.
    request_port : int
        Where requests for missed datagrams are answered.
    timing : Timing
        How long sessions wait.
    max_datagram : int
        Bytes of a datagram, at most.
    clock : callable
        Monotonic nanoseconds.
    """

    def __init__(
        self,
        market: Market,
        *,
        lines: Sequence[Address] = (),
        host: str = LOOPBACK,
        port: int = 0,
        request_port: int = 0,
        timing: Timing | None = None,
        max_datagram: int = 1_400,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._market = market
        self._listener = SoupListener(self._admit, host=host, port=port, timing=timing, clock=clock)
        self._publisher = MoldPublisher(
            market.feed.log,
            lines,
            host=host,
            port=request_port,
            heartbeat_s=(timing or Timing()).heartbeat_s,
            max_datagram=max_datagram,
            clock=clock,
        )
        market.on_news(self._listener.wake)
        market.on_news(self._publisher.wake)

    @property
    def address(self) -> Address:
        """Where it listens for logins."""
        return self._listener.address

    @property
    def request_address(self) -> Address:
        """Where requests for missed datagrams are answered."""
        return self._publisher.address

    async def start(self) -> None:
        """Listen and send."""
        await self._listener.start()
        await self._publisher.start()

    async def stop(self) -> None:
        """Close every connection, and send no more."""
        await self._publisher.stop()
        await self._listener.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.stop()

    def _admit(self, name: str, password: str, session: str) -> Verdict:
        if authorised(self._market.users, name, password) is None:
            return "A"
        log = self._market.feed.log
        return log if session in ("", log.session) else "S"
