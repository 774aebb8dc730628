"""Streams of the bus as WebSockets: snapshot, changes, heartbeats, and nobody waits for whoever is slow.

A connection is a place in a stream. Nothing is queued for it: it takes what there is to know when its
last message has gone out, so that a client that does not read costs its own socket buffer and no more.
"""

from omni_lab.gateway.sockets.limits import SocketLimits
from omni_lab.gateway.sockets.protocol import UVICORN, SocketProtocol
from omni_lab.gateway.sockets.routes import Authorize, socket_routes

__all__ = ["UVICORN", "Authorize", "SocketLimits", "SocketProtocol", "socket_routes"]
