"""`ItchClient`: a feed, by either carrier, as messages in order and each once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple, Self

from omni_lab.venues.messages import Message, decode
from omni_lab.venues.mold import MoldSubscriber
from omni_lab.venues.settings import Address
from omni_lab.venues.soup_client import Event, SoupLink

MAX_WAITING = 65_536
"""Messages that may wait for their reader; then the carrier is held back."""


class FeedMessage(NamedTuple):
    """A message of the feed: its number, its bytes, and what they say (None for a type that is not known)."""

    sequence: int
    data: bytes
    message: Message | None


class Gap(NamedTuple):
    """Messages that nobody has any more: a book built from the others is not valid."""

    first: int
    n_messages: int


class ItchClient:
    """A reader of an ITCH feed; iterate over it.

    ``async for item in client`` gives `FeedMessage` and `Gap`, until the session is over. A lost connection
    is made again, lost datagrams are asked for: neither shows.

    Use `over_tcp` or `over_udp` to make one.
    """

    def __init__(self, *, max_waiting: int = MAX_WAITING) -> None:
        self._max_waiting = max_waiting
        self._waiting: deque[FeedMessage | Gap] = deque()
        self._news = asyncio.Event()
        self._ended = False
        self._carrier: SoupLink | MoldSubscriber | None = None

    @classmethod
    def over_tcp(
        cls,
        host: str,
        port: int,
        user: str,
        password: str,
        *,
        max_waiting: int = MAX_WAITING,
        **settings: Any,
    ) -> Self:
        """A reader that logs in.

        Parameters
        ----------
        host, port, user, password : str, int, str, str
            Of the server, and who we are.
        max_waiting : int
            Messages that may wait for their reader.
        **settings
            As `omni_lab.venues.soup_client.SoupLink` has them: ``session``, ``sequence``, ``timing``,
            ``backoff``.
        """
        client = cls(max_waiting=max_waiting)
        client._carrier = SoupLink(host, port, user, password, client._receive, **settings)
        return client

    @classmethod
    def over_udp(cls, lines: Sequence[Address], *, max_waiting: int = MAX_WAITING, **settings: Any) -> Self:
        """A reader of datagrams.

        Parameters
        ----------
        lines : sequence of (str, int)
            Where each line arrives; port 0 is any free one.
        max_waiting : int
            Messages that may wait for their reader.
        **settings
            As `omni_lab.venues.mold.MoldSubscriber` has them, above all ``server``: who answers requests.
        """
        client = cls(max_waiting=max_waiting)
        client._carrier = MoldSubscriber(lines, client._receive, **settings)
        return client

    @property
    def carrier(self) -> SoupLink | MoldSubscriber:
        """What brings the messages."""
        assert self._carrier is not None, "over_tcp and over_udp set it"
        return self._carrier

    async def start(self) -> None:
        """Log in, or listen.

        Raises
        ------
        GatewayError
            If the login is refused.
        """
        await self.carrier.start()

    async def stop(self) -> None:
        """Read no more; an iteration ends after what has come."""
        self._ended = True
        self._news.set()
        await self.carrier.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.stop()

    def __aiter__(self) -> AsyncIterator[FeedMessage | Gap]:
        return self

    async def __anext__(self) -> FeedMessage | Gap:
        while not self._waiting:
            if self._ended:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        item = self._waiting.popleft()
        if len(self._waiting) == self._max_waiting // 2:
            self._hold(False)
        return item

    def _receive(self, event: Event) -> None:
        kind, number, count, data = event
        if kind == "message":
            self._waiting.append(FeedMessage(number, data, decode("itch", data)))
            if len(self._waiting) >= self._max_waiting:
                self._hold(True)
        elif kind == "lost":
            self._waiting.append(Gap(number, count))
        elif kind in ("end", "rejected"):
            self._ended = True
        self._news.set()

    def _hold(self, held: bool) -> None:
        if isinstance(self._carrier, SoupLink):
            self._carrier.set_reading(not held)
        elif self._carrier is not None:
            self._carrier.reading = not held
