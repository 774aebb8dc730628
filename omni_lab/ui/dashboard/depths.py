"""The depth of markets over the last minutes, kept once for all sessions of a process that look."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from omni_lab.messaging.bus import Bus
from omni_lab.typing import FloatArray

STEP_MS = 500.0
"""Milliseconds between two columns."""
KEPT = 1_800
"""Columns that are kept: a quarter of an hour."""

Column = dict[str, Any]
"""``t`` (milliseconds since 1970) and ``levels`` (price and quantity of each)."""


class Depths:
    """The depth of one market over time. Nothing is sampled while nobody looks, and gaps stay gaps."""

    def __init__(self) -> None:
        # Arrays of two columns: as lists of Python's numbers a quarter of an hour takes 5 MB, not 1.
        self._columns: deque[tuple[float, FloatArray]] = deque(maxlen=KEPT)

    def sample(self, book: Mapping[str, Any], ms: float) -> None:
        """Keep a column of the state of a stream ``market.SYMBOL``, unless the last one is too young."""
        if self._columns and ms - self._columns[-1][0] < STEP_MS:
            return
        levels = [
            (float(price), qty) for side in ("bids", "asks") for price, qty in book.get(side, {}).items()
        ]
        self._columns.append((ms, np.array(levels, dtype=np.float64).reshape(-1, 2)))

    def since(self, ms: float | None) -> list[Column]:
        """Columns after a time, oldest first; all of them for None."""
        found: list[Column] = []
        for t, levels in reversed(self._columns):
            if ms is not None and t <= ms:
                break
            found.append({"t": t, "levels": levels.tolist()})
        found.reverse()
        return found


_kept: WeakKeyDictionary[Bus, dict[str, Depths]] = WeakKeyDictionary()


def depths_of(bus: Bus, symbol: str) -> Depths:
    """Those of a market; the same for everybody."""
    return _kept.setdefault(bus, {}).setdefault(symbol, Depths())
