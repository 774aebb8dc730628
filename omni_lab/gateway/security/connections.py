"""Connections that are slow on purpose: uvicorn's protocol with a clock for each part of a request.

uvicorn limits how long a connection may be idle between two requests, and neither how long nor how large the
header section of a request may get, nor how slowly a body may come or an answer be read.
"""

from __future__ import annotations

import asyncio
import http
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """What a connection may take.

    Attributes
    ----------
    header_s, body_s : float
        How long until the header section, and then the body, is complete.
    unread_s : float
        How long an answer may lie unread before the connection is cut.
    header_bytes : int
        The largest header section, request line included.
    most : int
        Connections at a time. One more takes the place of the one that has been waiting for its request
        longest, so that nobody can fill them all with silence; if none waits, it is refused.
    """

    header_s: float = 10.0
    body_s: float = 30.0
    unread_s: float = 30.0
    header_bytes: int = 1 << 16
    most: int = 1000


def guarded_protocol(limits: ConnectionLimits | None = None) -> type[HttpToolsProtocol]:
    """The class for uvicorn's setting ``http``: a new one for each server.

    Parameters
    ----------
    limits : ConnectionLimits, optional
    """
    return type(
        "GuardedProtocol", (_Guarded,), {"limits": limits or ConnectionLimits(), "waiting": OrderedDict()}
    )


class _Guarded(HttpToolsProtocol):
    limits: ConnectionLimits
    waiting: OrderedDict[_Guarded, None]
    """Connections that have no request under way, the longest waiting first."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._clock: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None
        self._in_header = False
        self._n_bytes = 0
        self._status = 400

    # --- a connection -----------------------------------------------------------------------------

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if len(self.connections) > self.limits.most and not self._make_room():
            self._cut(503)
            return
        self.waiting[self] = None
        self._begin_header()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        self.waiting.pop(self, None)
        if self._unread is not None:
            self._unread.cancel()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self) -> None:
        self._stop()
        self.waiting.pop(self, None)
        super().handle_websocket_upgrade()

    def _make_room(self) -> bool:
        while self.waiting:
            oldest, _ = self.waiting.popitem(last=False)
            if not oldest.transport.is_closing():
                oldest.transport.abort()
                return True
        return False

    # --- a request --------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        if self._clock is None and not self._in_header and self in self.waiting:
            self._begin_header()  # also blank lines before a request are the beginning of one
        if self._in_header:
            self._n_bytes += len(data)
        super().data_received(data)
        if self._in_header and self._n_bytes > self.limits.header_bytes and not self.transport.is_closing():
            self._cut(431)

    def on_message_begin(self) -> None:
        if not self._in_header:
            self._begin_header()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_header = False
        n_bytes = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if n_bytes > self.limits.header_bytes:
            self._status = 431
            raise ValueError("the header section is too large")  # the parser stops, and a refusal is sent
        self.waiting.pop(self, None)
        self._start(self.limits.body_s)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._stop()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self.pipeline and not self.transport.is_closing():
            self.waiting[self] = None

    def send_400_response(self, msg: str) -> None:
        self._cut(self._status)

    # --- an answer --------------------------------------------------------------------------------

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._unread is None:
            self._unread = self.loop.call_later(self.limits.unread_s, self.transport.abort)

    def resume_writing(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self.loop.call_later(self.limits.unread_s, self.transport.abort)

    # --- clocks -----------------------------------------------------------------------------------

    def _begin_header(self) -> None:
        self._in_header = True
        self._n_bytes = 0
        self._start(self.limits.header_s)

    def _start(self, seconds: float) -> None:
        self._stop()
        self._clock = self.loop.call_later(seconds, self._cut, 408)

    def _stop(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _cut(self, status: int) -> None:
        """Answer and close, if nothing was answered yet; else close alone."""
        self._stop()
        self.waiting.pop(self, None)
        if self.transport.is_closing():
            return
        cycle: RequestResponseCycle | None = self.cycle
        answering = cycle is not None and not cycle.response_complete
        if not (answering and self.cycle.response_started):
            if answering:
                self.cycle.disconnected = True
                self.cycle.message_event.set()
            phrase = http.HTTPStatus(status).phrase
            self.transport.write(
                f"HTTP/1.1 {status} {phrase}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n".encode()
            )
        self.transport.close()
        self.loop.call_later(self.limits.unread_s, self.transport.abort)
