"""`Stream`: a stream of the gateway as an iterator, which outlives connections."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncGenerator, Generator, Iterator
from contextlib import aclosing, closing
from typing import Any

from websockets.asyncio.client import connect as connect_async
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import connect as connect_sync

from omni_lab.errors import GatewayError
from omni_lab.gateway.client.follow import Follower, GapError
from omni_lab.gateway.client.http import Http
from omni_lab.gateway.client.problems import error_of
from omni_lab.messaging.bus import Message

SILENCE_S = 20.0
"""A server that says nothing for so long, no heartbeat either, is gone."""
FIRST_WAIT_S, LONGEST_WAIT_S = 0.1, 5.0
FINAL = (401, 403, 404, 422)
"""Another connection would end in the same way."""
LOST = (OSError, ConnectionClosed, InvalidHandshake, GapError, GatewayError)


class Stream:
    """A stream of the gateway: iterate over it, with ``for`` or ``async for``.

    A connection that is lost is made again, and goes on where it was: no change is missed and none is told
    twice. Where the gateway no longer remembers what is missing it tells a snapshot.

    Parameters
    ----------
    http : Http
    topic : str
        ``"orders"``, ``"account"``, ``"system"``, ``"market.SYMBOL"``, ``"jobs.ID"``.
    after, epoch : int, str, optional
        The last change that is known, and the life of the stream that it was counted in.
    patience_s : float
        How long connections may fail before it gives up, seconds.
    tls : SSLContext, optional
        For ``https``.

    Attributes
    ----------
    n_connections : int
        How often it had to connect.
    """

    def __init__(
        self,
        http: Http,
        topic: str,
        *,
        after: int | None = None,
        epoch: str | None = None,
        patience_s: float = 60.0,
        tls: Any = None,
    ) -> None:
        self._http, self._patience_s, self._tls = http, patience_s, tls
        self._place = Follower(topic, after=after, epoch=epoch)
        self._token, self._renewed = "", False
        self._refused: str | None = None
        self._wait_s = FIRST_WAIT_S
        self._lost_at: float | None = None
        self.n_connections = 0

    @property
    def state(self) -> dict[str, Any]:
        """The state that was told so far; it changes with the next message."""
        return self._place.state

    @property
    def sequence(self) -> int | None:
        """Number of the last change that was told."""
        return self._place.sequence

    @property
    def epoch(self) -> str | None:
        """The life of the stream that the number belongs to."""
        return self._place.epoch

    def __iter__(self) -> Iterator[Message]:
        """Messages as they come, for ever; closing the iterator closes the connection.

        Raises
        ------
        SourceError
            If there is no such stream.
        ForbiddenError
            If one may not see it.
        GatewayError
            If it cannot be reached for longer than ``patience_s``.
        """
        while True:
            try:
                with closing(self._one_connection()) as messages:
                    yield from messages
            except LOST as error:
                time.sleep(self._pause(error))

    async def __aiter__(self) -> AsyncGenerator[Message]:
        """As iterating without ``async``; signing in goes on in a thread."""
        while True:
            try:
                async with aclosing(self._one_connection_async()) as messages:
                    async for message in messages:
                        yield message
            except LOST as error:
                await asyncio.sleep(await asyncio.to_thread(self._pause, error))

    def _one_connection(self) -> Generator[Message]:
        with connect_sync(**self._how()) as socket:
            self.n_connections += 1
            while True:
                told = self._told(socket.recv(SILENCE_S))
                if told is not None:
                    yield told
                if self._http.credentials.is_due:
                    socket.send(self._authorisation())

    async def _one_connection_async(self) -> AsyncGenerator[Message]:
        async with connect_async(**await asyncio.to_thread(self._how)) as socket:
            self.n_connections += 1
            while True:
                async with asyncio.timeout(SILENCE_S):
                    text = await socket.recv()
                told = self._told(text)
                if told is not None:
                    yield told
                if self._http.credentials.is_due:
                    await socket.send(await asyncio.to_thread(self._authorisation))

    def _how(self) -> dict[str, Any]:
        """Arguments of a connection that goes on from here."""
        headers = self._sign_in(self._refused)
        self._refused = self._place.problem = None
        # http becomes ws, https becomes wss.
        address = "ws" + self._http.url.removeprefix("http") + self._place.address()
        how = {"uri": address, "additional_headers": headers, "max_size": None, "compression": None}
        return how | {"proxy": None} | ({} if self._tls is None else {"ssl": self._tls})

    def _sign_in(self, refused: str | None = None) -> dict[str, str]:
        headers = self._http.headers(instead_of=refused)
        self._token = headers.get("Authorization", "").removeprefix("Bearer ")
        return headers

    def _authorisation(self) -> str:
        """What tells the gateway of a new token."""
        self._sign_in()
        return json.dumps({"type": "authorize", "token": self._token})

    def _told(self, text: str | bytes) -> Message | None:
        told = self._place.take(text)
        if self._place.problem is None:
            self._wait_s, self._lost_at, self._renewed = FIRST_WAIT_S, None, False
        return told

    def _pause(self, error: Exception) -> float:
        """How long to wait until the next connection; what that cannot mend is raised."""
        status, now = _status(error), time.monotonic()
        if status == 401 and self._http.credentials.renews and not self._renewed:
            self._renewed, self._refused = True, self._token
            return 0.0
        if status in FINAL:
            raise error_of(status, self._place.problem, where=self._place.topic) from error
        self._lost_at = now if self._lost_at is None else self._lost_at
        if now - self._lost_at > self._patience_s:
            raise GatewayError(
                "the stream is lost",
                found=f"{type(error).__name__}: {error}",
                where=self._place.topic,
                hint="Is the gateway running?",
            ) from error
        wait = self._wait_s * random.uniform(0.5, 1.0)
        self._wait_s = min(self._wait_s * 2, LONGEST_WAIT_S)
        return wait


def _status(error: Exception) -> int:
    """What a connection ended with, as REST would say it; 0 if it was lost."""
    if isinstance(error, ConnectionClosed) and error.rcvd is not None and 4400 <= error.rcvd.code < 4600:
        return 422 if error.rcvd.code == 4400 else error.rcvd.code - 4000
    if isinstance(error, InvalidStatus):
        return error.response.status_code
    return 0
