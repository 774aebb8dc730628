"""`Hub`: the connections of one event loop, woken once for whatever was published since they last looked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

from omni_lab.gateway.sockets.limits import SocketLimits
from omni_lab.messaging.bus import Stream


class Reader(Protocol):
    """Somebody who follows a stream."""

    @property
    def stream(self) -> Stream:
        """What is followed."""

    def wake(self) -> None:
        """There is something to take."""

    def look(self, now: float, wall: float) -> None:
        """See to it that time does not stand still: heartbeats, tokens, sends that hang."""


class Hub:
    """The connections of one event loop.

    Publishing threads put at most one call into the loop for each stream until the loop has come to it,
    however much they publish. One timer looks after all connections.

    Parameters
    ----------
    limits : SocketLimits
    """

    def __init__(self, limits: SocketLimits) -> None:
        self._loop = asyncio.get_running_loop()
        self._limits = limits
        self._watched: dict[Stream, _Watch] = {}
        self._readers: set[Reader] = set()
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._readers)

    @contextmanager
    def following(self, reader: Reader) -> Iterator[None]:
        """Wake a reader whenever its stream changes, for as long as this lasts."""
        watch = self._watched.get(reader.stream)
        if watch is None:
            watch = self._watched[reader.stream] = _Watch(reader.stream, self._loop)
        self._readers.add(reader)
        watch.readers.add(reader)
        if self._timer is None:
            self._timer = self._loop.call_later(self._limits.tick_s, self._tick)
        try:
            yield
        finally:
            watch.readers.discard(reader)
            self._readers.discard(reader)
            if not watch.readers:
                watch.end()
                del self._watched[reader.stream]
            if not self._readers:
                self._timer.cancel()
                self._timer = None

    def _tick(self) -> None:
        now, wall = self._loop.time(), time.time()
        for reader in tuple(self._readers):
            reader.look(now, wall)
        self._timer = self._loop.call_later(self._limits.tick_s, self._tick)


class _Watch:
    """Readers of one stream in one loop."""

    def __init__(self, stream: Stream, loop: asyncio.AbstractEventLoop) -> None:
        self.readers: set[Reader] = set()
        self._loop = loop
        self._called = False
        self.end = stream.listen(self._changed)

    def _changed(self) -> None:
        # In the thread that publishes. Two of them may both find it unset: a second call does no harm.
        if not self._called:
            self._called = True
            with suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._called = False
        for reader in tuple(self.readers):
            reader.wake()
