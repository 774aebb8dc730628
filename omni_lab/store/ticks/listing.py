"""What a tick store has, as frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from omni_lab.store.ticks.asof import NAT
from omni_lab.store.ticks.snapshot import Snapshot
from omni_lab.typing import IntArray

if TYPE_CHECKING:
    import pandas as pd


def tables(snapshots: Sequence[Snapshot]) -> pd.DataFrame:
    """One row for each table; see :meth:`omni_lab.store.DuckDBTickStore.tables`."""
    import pandas as pd

    states = [snapshot.state for snapshot in snapshots]
    files = [list(state.files.values()) for state in states]
    return pd.DataFrame(
        {
            "table": pd.Series([state.table.name for state in states], dtype="str"),
            "kind": pd.Series([state.table.schema.name for state in states], dtype="str"),
            "version": np.array([state.table.stored_version for state in states], dtype=np.int64),
            "n_rows": np.array([state.n_rows for state in states], dtype=np.int64),
            "n_symbols": np.array([len(state.symbols) for state in states], dtype=np.int64),
            "n_files": np.array([len(each) for each in files], dtype=np.int64),
            "n_bytes": np.array([sum(entry.n_bytes for entry in each) for each in files], dtype=np.int64),
            "first": _stamps([min((entry.first_ns for entry in each), default=NAT) for each in files]),
            "last": _stamps([max((entry.last_ns for entry in each), default=NAT) for each in files]),
            "tick_size": pd.Series([state.table.units.tick_size for state in states], dtype="str"),
            "lot_size": pd.Series([state.table.units.lot_size for state in states], dtype="str"),
        }
    )


def symbols(snapshot: Snapshot) -> pd.DataFrame:
    """One row for each symbol of a table; see :meth:`omni_lab.store.DuckDBTickStore.symbols`."""
    import pandas as pd

    facts: dict[str, tuple[int, int, int]] = {}
    for entry in snapshot.state.in_order:
        if entry.name in snapshot.state.hidden:
            rows = snapshot.located(entry, None, entry.first_ns, entry.last_ns, ())[0]
            names, starts = rows.symbols, rows.starts
            first, last = rows.ts[starts[:-1]], rows.ts[starts[1:] - 1]
        else:
            index = snapshot.index(entry)
            names, starts, first, last = tuple(index.positions), index.starts, index.first_ns, index.last_ns
        for i, (name, n_rows) in enumerate(zip(names, np.diff(starts).tolist(), strict=True)):
            n, low, high = facts.get(name, (0, int(first[i]), int(last[i])))
            facts[name] = n + n_rows, min(low, int(first[i])), max(high, int(last[i]))
    stored = sorted(facts)
    return pd.DataFrame(
        {
            "symbol": pd.Series(stored, dtype="str"),
            "n_rows": np.array([facts[name][0] for name in stored], dtype=np.int64),
            "first": _stamps([facts[name][1] for name in stored]),
            "last": _stamps([facts[name][2] for name in stored]),
        }
    )


def _stamps(times: Sequence[int] | IntArray) -> pd.DatetimeIndex:
    import pandas as pd

    return pd.DatetimeIndex(np.asarray(times, dtype=np.int64).view("datetime64[ns]"), tz="UTC")
