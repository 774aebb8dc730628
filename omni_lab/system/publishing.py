"""Streams of a system: states that are told by their differences, and orders event by event."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from omni_lab.execution.events import Event
from omni_lab.execution.views import Order
from omni_lab.messaging.bus import Stream, difference
from omni_lab.system.wire import event_json, order_json, order_patch


class StateStream:
    """A stream whose state is said whole, and told by what changed.

    Parameters
    ----------
    stream : Stream
        Which nobody else publishes on.
    """

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self._said: Mapping[str, Any] = {}

    def tell(self, state: Mapping[str, Any], events: Sequence[Any] = (), *, ts: int | None = None) -> None:
        """Publish what changed since the last time, if anything did."""
        patch = difference(self._said, state)
        self._said = state
        if patch or events:
            self.stream.publish(patch, events, ts=ts or None)


class OrdersStream:
    """Orders of the account: a change for each of their events, numbered as they are in the journal.

    Parameters
    ----------
    stream : Stream
    order : callable
        The order of an id.
    """

    def __init__(self, stream: Stream, order: Callable[[int], Order]) -> None:
        self.stream = stream
        self._order = order
        self._live: set[int] = set()

    def tell(self, event: Event) -> None:
        """Publish an event of an order."""
        self.stream.publish(self._patch(event), [event_json(event)], ts=event.ts)

    def _patch(self, event: Event) -> dict[str, Any]:
        order_id, known = event.order_id, None
        if event.kind == "ACCEPTED":
            known = order_json(self._order(order_id), event.ts)
            self._live.add(order_id)
        if order_id not in self._live or event.kind == "STATUS":
            return {}
        patch = order_patch(event, known)
        if patch is None:
            self._live.discard(order_id)
        return {"orders": {str(order_id): patch}}
