"""Columns that grow at one end and are forgotten at the other; one thread writes, any reads."""

from __future__ import annotations

import threading
from collections.abc import Mapping

import numpy as np

from omni_lab.typing import AnyArray, ArrayLike

_FIRST_ROOM = 1024


class RecentColumns:
    """The newest rows of some columns.

    Parameters
    ----------
    dtypes : mapping of str to type
        The columns; the first one is searched by `since`, and never falls.
    keep : int
        At least so many rows are kept, where there were as many.
    """

    def __init__(self, dtypes: Mapping[str, type], keep: int) -> None:
        self._lock = threading.Lock()
        self._keep = keep
        self._columns: dict[str, AnyArray] = {
            name: np.empty(_FIRST_ROOM, dtype=dtype) for name, dtype in dtypes.items()
        }
        self._first = self._last = 0

    def __len__(self) -> int:
        return min(self._last - self._first, self._keep)

    def extend(self, rows: Mapping[str, ArrayLike]) -> None:
        """Append rows; a scalar stands for a column of it."""
        n_rows = len(np.atleast_1d(rows[next(iter(self._columns))]))
        with self._lock:
            self._make_room(n_rows)
            at = slice(self._last, self._last + n_rows)
            for name, column in self._columns.items():
                column[at] = rows[name]
            self._last += n_rows

    def newest(self, most: int | None = None) -> dict[str, AnyArray]:
        """Copies of the newest rows, oldest first."""
        with self._lock:
            n_rows = len(self) if most is None else max(0, min(most, len(self)))
            return {
                name: column[self._last - n_rows : self._last].copy()
                for name, column in self._columns.items()
            }

    def since(self, after: int) -> dict[str, AnyArray]:
        """Copies of the rows whose first column is above a number."""
        with self._lock:
            begin = self._last - len(self)
            key = next(iter(self._columns.values()))[begin : self._last]
            first = begin + int(np.searchsorted(key, after, side="right"))
            return {name: column[first : self._last].copy() for name, column in self._columns.items()}

    def _make_room(self, n_rows: int) -> None:
        room = len(next(iter(self._columns.values())))
        if self._last + n_rows <= room:
            return
        kept = len(self)
        wanted = max(2 * (kept + n_rows), _FIRST_ROOM)
        for name, column in self._columns.items():
            moved = column if wanted <= room else np.empty(wanted, dtype=column.dtype)
            moved[:kept] = column[self._last - kept : self._last].copy()
            self._columns[name] = moved
        self._first, self._last = 0, kept
