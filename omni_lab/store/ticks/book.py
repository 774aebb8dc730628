"""The book of a symbol at a moment: from the last depth that was stored, or from the events of the day."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from omni_lab.errors import DataError
from omni_lab.store.ticks.rows import Rows
from omni_lab.store.ticks.schema import BOOK_COLUMNS
from omni_lab.store.ticks.snapshot import FIRST_NS, Snapshot
from omni_lab.typing import AnyArray

Replay = Callable[[Mapping[str, AnyArray], int], Mapping[str, AnyArray]]
"""From events of one instrument, in the columns of docs/feeds.md, and a number of levels to ``bid_price``,
``bid_qty``, ``bid_orders`` and the same of the ask: n levels at most, best first."""

_CLEAR: Final = 11


def from_depth(depth: Rows, n_levels: int) -> dict[str, AnyArray]:
    """Levels of the one row of a depth table."""
    return {
        name: np.array([depth.columns[f"{name}_{level + 1}"][0] for level in range(n_levels)])
        for name in BOOK_COLUMNS
    }


def from_events(
    snapshot: Snapshot, symbol: str, at_ns: int, n_levels: int, replay: Replay | None
) -> tuple[dict[str, AnyArray], int]:
    """Levels after all events of a symbol at or before a time, and the time of the last of them.

    Events are replayed from the last one that cleared both sides, or else from the beginning of the session.

    Raises
    ------
    DataError
        If there are no events before the time.
    """
    last = snapshot.latest([symbol], at_ns, columns=())
    if not len(last):
        raise DataError(
            "there is no event of this symbol at or before the time", found=symbol, where=snapshot.table.name
        )
    session = session_at(snapshot, symbol, int(last.ts[0]))
    events = snapshot.rows([symbol], FIRST_NS, at_ns, session=session).of(symbol)
    clears = np.flatnonzero((events["kind"] == _CLEAR) & (events["side"] == 0))
    since = int(clears[-1]) if len(clears) else 0
    columns = {name: values[since:] for name, values in events.items()}
    columns["instrument"] = np.zeros(len(columns["ts"]), dtype=np.uint16)
    levels = (replay or native_replay)(columns, n_levels)
    return {name: _padded(levels[name], n_levels) for name in BOOK_COLUMNS}, int(last.ts[0])


def session_at(snapshot: Snapshot, symbol: str, ts_ns: int) -> str:
    """The day to which the row of a symbol at a time belongs; the later one if several have rows then."""
    sessions = [
        entry.session
        for entry in snapshot.state.in_order
        if entry.may_hold([symbol], ts_ns, ts_ns)
        and len(snapshot.located(entry, [symbol], ts_ns, ts_ns, ())[0])
    ]
    return max(sessions)


def native_replay(events: Mapping[str, AnyArray], n_levels: int) -> Mapping[str, AnyArray]:
    """The replay of the native feed books."""
    from omni_lab import _native

    books = _native.FeedBooks(bbo=False, trades=False, notes=False)
    books.apply(dict(events))
    levels: Mapping[str, AnyArray] = books.depth(0, n_levels)
    return levels


def _padded(levels: AnyArray, n_levels: int) -> AnyArray:
    """Levels with zeros where a side has no more."""
    flat = np.ravel(levels)[:n_levels]
    return np.concatenate([flat, np.zeros(n_levels - len(flat), dtype=flat.dtype)])
