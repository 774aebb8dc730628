"""What is kept of a system besides its journal, in a small database: samples and events of its account.

The journal says all of it too; these are read in no time.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from omni_lab.execution.events import COLUMNS
from omni_lab.store.database import bulk_insert, create_tables, open_engine, reading, sa
from omni_lab.system.columns import RecentColumns
from omni_lab.system.views import Account, EquityCurve
from omni_lab.typing import AnyArray

_SAMPLE = {
    **{"ts": np.int64, "equity": np.float64, "pnl_day": np.float64},
    **{"gross": np.float64, "net": np.float64},
}
_KEEP = 200_000
_WRITE_S = 5.0
_metadata = sa.MetaData()
_samples = sa.Table(
    "samples",
    _metadata,
    sa.Column("ts", sa.BigInteger, primary_key=True),
    *(sa.Column(name, sa.Float, nullable=False) for name in _SAMPLE if name != "ts"),
)

_own = sa.Table(
    "own_events",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("columns", sa.LargeBinary, nullable=False),
)
_through = sa.Table(
    "through",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("n_market_events", sa.BigInteger, nullable=False),
    sa.Column("switches", sa.Text, nullable=False),
)


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """What is kept of a journal.

    Attributes
    ----------
    sequence : int
        Up to this frame.
    n_market_events : int
        Events of the market up to there, or a few seconds before.
    switches : dict of str to str
        Kill switches that were on.
    own : dict of str to ndarray
        Raw columns of the events of the account's orders.
    """

    sequence: int
    n_market_events: int
    switches: dict[str, str]
    own: dict[str, AnyArray]


class Records:
    """Samples of the account, on disk and the newest in memory.

    Parameters
    ----------
    path : Path
        File of SQLite.
    """

    def __init__(self, path: Path) -> None:
        self._engine = open_engine(path)
        create_tables(self._engine, _metadata)
        self._recent = RecentColumns(_SAMPLE, _KEEP)
        self._unwritten: list[tuple[float, ...]] = []
        self._lock = threading.Lock()
        self._last = -1
        self._own: list[AnyArray] = []
        self._noted: tuple[int, int] | None = None
        self.switches: dict[str, str] = {}
        self._write_at = time.monotonic() + _WRITE_S
        with reading(self._engine) as connection:
            newest = sa.select(_samples).order_by(_samples.c.ts.desc()).limit(_KEEP)
            rows = list(reversed(connection.execute(newest).all()))
        if rows:
            columns = zip(*rows, strict=True)
            self._recent.extend(
                {name: np.array(column) for name, column in zip(_SAMPLE, columns, strict=True)}
            )
            self._last = int(rows[-1][0])

    def sample(self, ts: int, account: Account) -> None:
        """Remember what the account is worth; a time that has a sample keeps it."""
        if ts <= self._last:
            return
        self._last = ts
        row = (ts, account.equity, account.pnl_day, account.gross, account.net)
        self._recent.extend(dict(zip(_SAMPLE, row, strict=True)))
        with self._lock:
            self._unwritten.append(row)
        if time.monotonic() >= self._write_at:
            self.write()

    def note(self, own: Mapping[str, AnyArray], sequence: int, n_market_events: int) -> None:
        """Remember events of the account's orders, and that there are no others up to a frame."""
        with self._lock:
            if len(own["seq"]):
                self._own.append(np.stack([own[name].view(np.int64) for name in COLUMNS]))
            self._noted = sequence, n_market_events

    def kept(self) -> Kept | None:
        """What is kept of the journal; None if nothing is."""
        with reading(self._engine) as connection:
            found = connection.execute(sa.select(_through)).first()
            blobs = connection.execute(sa.select(_own.c.columns).order_by(_own.c.id)).scalars().all()
        if found is None:
            return None
        parts = [np.frombuffer(blob, dtype="<i8").reshape(len(COLUMNS), -1) for blob in blobs]
        whole = np.concatenate(parts, axis=1) if parts else np.zeros((len(COLUMNS), 0), dtype=np.int64)
        own = {name: np.ascontiguousarray(row) for name, row in zip(COLUMNS, whole, strict=True)}
        own |= {name: own[name].view(np.uint64) for name in COLUMNS if name.startswith("client_order_id")}
        return Kept(found.sequence, found.n_market_events, json.loads(found.switches), own)

    def equity(self, since: int | None) -> EquityCurve:
        """The samples after a time, or all that are kept."""
        return EquityCurve(**(self._recent.newest() if since is None else self._recent.since(since)))

    def write(self) -> None:
        """Put on disk what is not there yet."""
        self._write_at = time.monotonic() + _WRITE_S
        with self._lock:
            rows, self._unwritten = self._unwritten, []
            own, self._own = self._own, []
            noted, self._noted = self._noted, None
        if not rows and noted is None:
            return
        with self._engine.begin() as connection:
            bulk_insert(connection, _samples, tuple(_SAMPLE), rows)
            if own:
                blob = np.concatenate(own, axis=1).astype("<i8").tobytes()
                connection.execute(sa.insert(_own).values(columns=blob))
            if noted is not None:
                connection.execute(sa.delete(_through))
                facts = {"id": 1, "sequence": noted[0], "n_market_events": noted[1]}
                connection.execute(
                    sa.insert(_through).values(**facts, switches=json.dumps(dict(self.switches)))
                )

    def close(self) -> None:
        """Write, and let go."""
        self.write()
        self._engine.dispose()
