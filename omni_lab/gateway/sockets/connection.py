"""`Connection`: one client's place in a stream, from the snapshot to the last message."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import orjson
from fastapi import WebSocket, WebSocketDisconnect

from omni_lab.errors import CodecError, OmniError
from omni_lab.gateway.sockets.limits import SocketLimits
from omni_lab.gateway.sockets.protocol import FRAMES, WriteFrames
from omni_lab.gateway.sockets.wire import error, frame_of, heartbeat, text_of
from omni_lab.messaging.bus import Message, Subscription
from omni_lab.system.people import Action, Person

logger = logging.getLogger(__name__)

BATCH, BURST = 256, 64
PIECE = 16 * 1024
CLOSE_S = 1.0


class Connection:
    """One client's place in a stream.

    Two tasks: one tells, and waits for the socket; one listens. Nothing is kept for the client but his place
    and at most one batch of messages, which all clients share.

    Parameters
    ----------
    socket : WebSocket
        Accepted.
    place : Subscription
    person : Person
    limits : SocketLimits
    expires : float or None
        When what he showed is over, seconds since 1970.
    authorize : callable
        Who a token belongs to, and until when.
    exists : callable
        Whether there still is such a stream.
    """

    def __init__(
        self,
        socket: WebSocket,
        place: Subscription,
        person: Person,
        *,
        limits: SocketLimits,
        expires: float | None,
        authorize: Callable[[str], tuple[Person, float | None]],
        exists: Callable[[], bool],
    ) -> None:
        self.stream = place.stream
        self._write: WriteFrames | None = socket.scope.get("extensions", {}).get(FRAMES)
        self._awake, self._waits = asyncio.Event(), False
        self._left: list[Message] = []
        self._socket, self._place, self._person, self._limits = socket, place, person, limits
        self._expires, self._authorize, self._exists = expires, authorize, exists
        self._loop = asyncio.get_running_loop()
        self._life = asyncio.timeout(None)
        self._lives = True
        self._close: tuple[int, str] | None = None
        self._sending_since: float | None = None
        self._last_sent = self._loop.time()
        self._due: str | None = None
        self._token: str | None = None
        self._allowance = float(limits.message_burst)
        self._heard = self._last_sent

    async def run(self) -> None:
        """Serve until either side has had enough."""
        listener = asyncio.create_task(self._listen())
        try:
            with suppress(WebSocketDisconnect, TimeoutError):
                async with self._life:
                    await self._tell()
        except CodecError as error:
            logger.error("%s", error)
            self._close = 1011, "the stream cannot be told"
        finally:
            self._lives = False
            listener.cancel()
            await asyncio.wait([listener])
        if self._close is not None:
            await close(self._socket, *self._close)

    def wake(self) -> None:
        """Tell what is new: at once where nothing is on its way, else when that has gone out."""
        while self._waits and self._lives and self._place.sequence != self.stream.sequence:
            self._left = self._write_out(self._place.take(BURST))
            self._waits = not self._left
        if not self._waits:
            self._awake.set()

    def _write_out(self, told: list[Message]) -> list[Message]:
        """Write messages into the socket's buffer, a piece at a time, while it has room; what is left."""
        if self._write is None:
            return told
        try:
            frames = [frame_of(message) for message in told]
        except CodecError:  # the teller meets it again, and ends this connection alone
            return told
        start, size = 0, 0
        for end, frame in enumerate(frames, 1):
            size += len(frame)
            if size >= PIECE or end == len(frames):
                if not self._write(frames[start:end]):
                    return told[start:]
                start, size = end, 0
        self._last_sent = self._loop.time()
        return []

    def end(self, code: int, reason: str) -> None:
        """Let the client go, also while a message to him hangs."""
        if self._lives:
            self._close = code, reason
            self._stop()

    def look(self, now: float, wall: float) -> None:
        """Send a heartbeat into a silence; end what has expired, hangs, or has no stream any more."""
        if self._sending_since is not None and now - self._sending_since > self._limits.stalled_s:
            self.end(4408, "you read too slowly")
        elif self._expires is not None and wall >= self._expires:
            self.end(4401, "what you signed in with has expired")
        elif self._token is not None and not self._is_good(self._token):
            self.end(4401, "the session has ended")
        elif not self._exists():
            self.end(1001, "the stream has ended")
        elif now - self._last_sent >= self._limits.heartbeat_s and self._due is None:
            self._say(heartbeat(self.stream.sequence))

    def _stop(self) -> None:
        if self._lives:
            self._lives = False
            self._life.reschedule(self._loop.time())

    def _say(self, text: str) -> None:
        """One message between those of the stream. There is one at most: the newest."""
        self._due = text
        self._awake.set()

    async def _tell(self) -> None:
        while True:
            self._awake.clear()
            told, self._left = self._left or self._place.take(BATCH), []
            for message in told:
                await self._send(text_of(message))
            if self._due is not None:
                text, self._due = self._due, None
                await self._send(text)
            if self._place.sequence == self.stream.sequence and not self._awake.is_set():
                self._waits = True
                await self._awake.wait()
                self._waits = False

    async def _send(self, text: str) -> None:
        self._sending_since = self._loop.time()
        await self._socket.send({"type": "websocket.send", "text": text})
        self._sending_since = None
        self._last_sent = self._loop.time()

    async def _listen(self) -> None:
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                self._stop()
                return
            if not self._may_speak():
                self.end(4429, "too many messages")
                return
            self._hear(message)

    def _may_speak(self) -> bool:
        now, limits = self._loop.time(), self._limits
        filled = self._allowance + (now - self._heard) * limits.messages_per_s
        self._allowance, self._heard = min(filled, limits.message_burst) - 1.0, now
        return self._allowance >= 0.0

    def _hear(self, message: Any) -> None:
        text = message.get("text")
        if text is None:
            self._say(error(422, "messages are text, and this one is bytes"))
        elif len(text) > self._limits.message_chars:
            self.end(1009, "the message is too long")
        else:
            try:
                told = orjson.loads(text)
            except orjson.JSONDecodeError:
                told = None
            match told:
                case {"type": "authorize", "token": str(token), **rest} if not rest:
                    self._renew(token)
                case _:
                    self._say(error(422, 'expected {"type": "authorize", "token": "..."}'))

    def _is_good(self, token: str) -> bool:
        try:
            self._authorize(token)
        except OmniError:
            return False
        return True

    def _renew(self, token: str) -> None:
        try:
            person, expires = self._authorize(token)
        except OmniError:
            self._say(error(401, "this token does not sign you in"))
            return
        if person.name != self._person.name or not person.may(Action.READ):
            self.end(4403, "the token is somebody else's, or may not read")
            return
        self._token, self._expires = token, expires
        self._say(heartbeat(self.stream.sequence))


async def close(socket: WebSocket, code: int, reason: str) -> None:
    """Close a socket; one that takes nothing any more is left to the server to cut."""
    with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
        async with asyncio.timeout(CLOSE_S):
            await socket.close(code, reason)
