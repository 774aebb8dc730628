"""`Exchange`: a whole venue in one process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Self

from omni_lab.execution.face import OMSFace
from omni_lab.venues.itch_server import ItchServer
from omni_lab.venues.market import Market
from omni_lab.venues.ouch_server import OuchServer
from omni_lab.venues.settings import LOOPBACK, Address, Timing, User


class Exchange:
    """An order-management system with an OUCH server and an ITCH server around it.

    What is sent over OUCH appears in the ITCH feed under the same numbers. Commands may also be given to
    ``oms`` directly; they appear within ``interval_s``, or at once after `publish`.

    Parameters
    ----------
    oms : OMSFace
        The system.
    users : iterable of User
        Who may log in, to either server.
    lines : sequence of (str, int)
        Where the feed's datagrams go.
    host, ouch_port, itch_port, request_port : str, int
        Where to listen; only this machine by default, port 0 is any free one.
    session : str, optional
        Name of the sessions; the day by default.
    interval_s : float
        How often orders are looked at whose time may be over.
    timing : Timing
        How long sessions wait.
    clock : callable
        Nanoseconds UTC, for the times of commands.
    """

    def __init__(
        self,
        oms: OMSFace,
        users: Iterable[User],
        *,
        lines: Sequence[Address] = (),
        host: str = LOOPBACK,
        ouch_port: int = 0,
        itch_port: int = 0,
        request_port: int = 0,
        session: str | None = None,
        interval_s: float = 0.1,
        timing: Timing | None = None,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.market = Market(oms, users, session=session, clock=clock)
        self.ouch = OuchServer(self.market, host=host, port=ouch_port, timing=timing)
        self.itch = ItchServer(
            self.market, lines=lines, host=host, port=itch_port, request_port=request_port, timing=timing
        )
        self._interval_s = interval_s
        self._task: asyncio.Task[None] | None = None

    @property
    def oms(self) -> OMSFace:
        """The system."""
        return self.market.oms

    async def start(self) -> None:
        """Open both servers."""
        await self.ouch.start()
        try:
            await self.itch.start()
        except OSError:
            await self.ouch.stop()
            raise
        self._task = asyncio.create_task(self._keep_time())

    async def stop(self) -> None:
        """Close both servers; the system stays as it is."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.ouch.stop()
        await self.itch.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.stop()

    def publish(self) -> None:
        """Tell users and feed what came of commands that were given to the system directly."""
        self.market.publish()

    def break_trade(self, match_number: int, reason: str = "S") -> None:
        """Undo a trade for both of its sides and in the feed; see `Market.break_trade`."""
        self.market.break_trade(match_number, reason)

    def end_day(self) -> None:
        """Close the market, and end all sessions; see `Market.end_day`."""
        self.market.end_day()

    async def _keep_time(self) -> None:
        while True:
            await asyncio.sleep(self._interval_s)
            self.market.on_time()
