"""Venues: sockets around the native session machines, and a whole exchange in one process.

Everything listens on this machine only unless it is told otherwise. What carries messages is in
`soup_server`, `soup_client` and `mold`; what they mean in `desk` and `answers` (OUCH) and `feed` (ITCH);
`market` joins both to an order-management system.
"""

from omni_lab.venues.client_orders import ClientOrder
from omni_lab.venues.exchange import Exchange
from omni_lab.venues.itch_client import FeedMessage, Gap, ItchClient
from omni_lab.venues.itch_server import ItchServer
from omni_lab.venues.market import Market
from omni_lab.venues.messages import Message, decode, encode
from omni_lab.venues.ouch_client import OuchClient
from omni_lab.venues.ouch_server import OuchServer
from omni_lab.venues.settings import Backoff, Timing, User

__all__ = [
    "Backoff",
    "ClientOrder",
    "Exchange",
    "FeedMessage",
    "Gap",
    "ItchClient",
    "ItchServer",
    "Market",
    "Message",
    "OuchClient",
    "OuchServer",
    "Timing",
    "User",
    "decode",
    "encode",
]
