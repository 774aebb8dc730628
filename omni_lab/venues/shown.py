"""The displayed book as the feed has told it: who stands where, in which order, with how much."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Place(NamedTuple):
    """Where an order stands: instrument (number), side (code), price (ticks)."""

    instrument: int
    side: int
    price: int


@dataclass(slots=True)
class ShownBook:
    """Displayed orders of a whole market, each in its queue.

    Queues are dicts, which keep their order: taking off keeps a place, adding is last.
    """

    _queues: dict[int, dict[Place, dict[int, int]]]
    _places: dict[int, Place]

    @classmethod
    def empty(cls) -> ShownBook:
        """A book without orders."""
        return cls({}, {})

    def __contains__(self, order_id: int) -> bool:
        return order_id in self._places

    def __len__(self) -> int:
        return len(self._places)

    def place(self, order_id: int) -> Place:
        """Where an order stands, which it does."""
        return self._places[order_id]

    def qty(self, order_id: int) -> int:
        """How many lots of an order show, 0 if it does not stand."""
        place = self._places.get(order_id)
        return 0 if place is None else self._queues[place.instrument][place][order_id]

    def add(self, order_id: int, place: Place, qty: int) -> None:
        """An order comes last in its queue."""
        self._places[order_id] = place
        self._queues.setdefault(place.instrument, {}).setdefault(place, {})[order_id] = qty

    def take(self, order_id: int, qty: int) -> None:
        """So many lots of it go; it keeps its place, and is gone with the last of them."""
        queue = self._queue(self._places[order_id])
        queue[order_id] -= qty
        assert queue[order_id] >= 0, "no more is taken than shows"
        if not queue[order_id]:
            self.remove(order_id)

    def remove(self, order_id: int) -> None:
        """It is gone."""
        place = self._places.pop(order_id)
        queue = self._queue(place)
        del queue[order_id]
        if not queue:
            del self._queues[place.instrument][place]

    def places(self, instrument: int) -> list[Place]:
        """Where orders of an instrument stand."""
        return list(self._queues.get(instrument, ()))

    def queue(self, place: Place) -> dict[int, int]:
        """A copy of a queue: order ids and lots, the first to trade first."""
        return dict(self._queues.get(place.instrument, {}).get(place, {}))

    def _queue(self, place: Place) -> dict[int, int]:
        return self._queues[place.instrument][place]
