"""uvicorn's WebSocket protocol, with an end to everything: buffers, goodbyes, and clients that are gone."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

WRITE_BUFFER = 32 * 1024
KERNEL_UNSENT = 16 * 1024
"""Together what a connection holds unsent."""
GOODBYE_S = 1.0
WriteFrames = Callable[[Sequence[bytes]], bool]
FRAMES = "omni.frames"
"""Extension of the scope: a function that writes finished frames, without a task for each client."""


class SocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket protocol, with an end to everything.

    Closing a transport waits until what was written is read, for ever if need be. Here it does not: a client
    has a second to take his leave, and is cut off then.
    """

    _cut: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Bound what is written and not sent, in the transport and in the kernel."""
        super().connection_made(transport)
        self.transport.set_write_buffer_limits(high=WRITE_BUFFER)
        raw = transport.get_extra_info("socket")
        lowat = getattr(socket, "TCP_NOTSENT_LOWAT", None)
        if raw is not None and lowat is not None and raw.family in (socket.AF_INET, socket.AF_INET6):
            raw.setsockopt(socket.IPPROTO_TCP, lowat, KERNEL_UNSENT)

    def handle_connect(self, event: Request) -> None:
        """Offer the application what `write_frames` does."""
        super().handle_connect(event)
        if self.handshake_initiated and not self.close_sent and not self.conn.extensions:
            offered: dict[str, Any] = self.scope["extensions"]
            offered[FRAMES] = self.write_frames

    def write_frames(self, frames: Sequence[bytes]) -> bool:
        """Write finished frames, which many clients get alike; False if they cannot go out now."""
        if not self.writable.is_set() or self.close_sent or self.disconnected:
            return False
        self.transport.write(b"".join(frames))
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the time that was left."""
        super().connection_lost(exc)
        if self._cut is not None:
            self._cut.cancel()

    def shutdown(self) -> None:
        """Tell the client that the server goes (1001), where uvicorn would say that it restarts."""
        if self.handshake_complete and not self.close_sent:
            self.stop_keepalive()
            self.queue.put_nowait({"type": "websocket.disconnect", "code": 1001})
            self.conn.send_close(1001)
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.close_sent = True
            self.transport.close()
        else:
            super().shutdown()
        self._cut_off()

    def keepalive_timeout(self) -> None:
        """Cut off who has not answered: he will not read a goodbye either."""
        super().keepalive_timeout()
        self._cut_off()

    async def run_asgi(self) -> None:
        """Serve, then see to it that the connection ends."""
        await super().run_asgi()
        self._cut_off()

    def _cut_off(self) -> None:
        if self._cut is None and not self.disconnected:
            self._cut = self.loop.call_later(GOODBYE_S, self.transport.abort)


UVICORN: dict[str, Any] = {
    "ws": SocketProtocol,
    "ws_max_size": 1024 * 1024,
    "ws_ping_interval": 10.0,
    "ws_ping_timeout": 10.0,
    # A message goes out as it is to all; squeezing it for each of them costs more than it saves.
    "ws_per_message_deflate": False,
}
"""Settings of `uvicorn.Config` that the sockets count on; a message of Panel's may have 1 MiB."""
