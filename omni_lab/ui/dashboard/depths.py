"""The depth of markets over the last minutes, kept once for all sessions of a process that look."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

from omni_lab.messaging.bus import Bus

STEP_MS = 500.0
"""Milliseconds between two columns."""
KEPT = 1_800
"""Columns that are kept: a quarter of an hour."""

Column = dict[str, Any]
"""``t`` (milliseconds since 1970) and ``levels`` (price and quantity of each)."""


class Depths:
    """The depth of one market over time. Nothing is sampled while nobody looks, and gaps stay gaps."""

    def __init__(self) -> None:
        self._columns: deque[Column] = deque(maxlen=KEPT)

    def sample(self, book: Mapping[str, Any], ms: float) -> None:
        """Keep a column of the state of a stream ``market.SYMBOL``, unless the last one is too young."""
        if self._columns and ms - self._columns[-1]["t"] < STEP_MS:
            return
        levels = [
            [float(price), qty] for name in ("bids", "asks") for price, qty in book.get(name, {}).items()
        ]
        self._columns.append({"t": ms, "levels": levels})

    def since(self, ms: float | None) -> list[Column]:
        """Columns after a time, oldest first; all of them for None."""
        if ms is None:
            return list(self._columns)
        found: list[Column] = []
        for column in reversed(self._columns):
            if column["t"] <= ms:
                break
            found.append(column)
        found.reverse()
        return found


_kept: WeakKeyDictionary[Bus, dict[str, Depths]] = WeakKeyDictionary()


def depths_of(bus: Bus, symbol: str) -> Depths:
    """Those of a market; the same for everybody."""
    return _kept.setdefault(bus, {}).setdefault(symbol, Depths())
