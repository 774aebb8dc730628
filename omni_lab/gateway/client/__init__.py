"""The gateway from Python: what its routes answer as the types they were made from, and its streams.

>>> from omni_lab.gateway.client import Client
>>> with Client("http://127.0.0.1:8050") as client:  # doctest: +SKIP
...     order = client.orders.submit(Ticket(symbol="AAPL", side="BUY", qty=100))
...     for message in client.stream("orders"):
...         print(message.events)
"""

from omni_lab.gateway.client.client import Client
from omni_lab.gateway.client.streams import Stream

__all__ = ["Client", "Stream"]
