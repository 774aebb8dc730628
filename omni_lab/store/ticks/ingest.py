"""From feeds to the store: tables of columns, batch by batch, in memory that does not grow with the day.

Batches have names that follow from where they come from, so an ingest that was interrupted is simply
repeated: what was stored is not stored again.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from omni_lab.errors import DataError
from omni_lab.store.ticks.incoming import Symbols
from omni_lab.store.ticks.reports import FeedReport
from omni_lab.store.ticks.store import DuckDBTickStore

if TYPE_CHECKING:
    from omni_lab.data.books import BookTables

FEED_TABLES: Final[Mapping[str, str]] = {
    "bbo": "quote",
    "depth": "depth",
    "trades": "trade",
    "auctions": "auction",
    "status": "status",
    "breaks": "break",
    "events": "event",
}
"""Tables of the store by the names that docs/feeds.md gives to what feeds and books make."""

_PATIENCE_S = 2.0

Columns = Mapping[str, Any]


def ingest_tables(
    store: DuckDBTickStore,
    batches: Iterable[BookTables | Mapping[str, Columns]],
    *,
    source: str,
    symbols: Symbols | None = None,
    session: str | dt.date | None = None,
    tick_size: float | str | None = None,
    lot_size: float | str | None = None,
    rows_per_batch: int = 1_000_000,
    compact: bool = True,
    progress: bool = True,
) -> FeedReport:
    """Store tables that come in batches.

    Parameters
    ----------
    store : DuckDBTickStore
        Where to.
    batches : iterable of BookTables, or of mappings
        :class:`omni_lab.data.books.MarketReplay` is one. A mapping has columns for each table, by its name
        here or in docs/feeds.md: ``bbo``, ``depth``, ``trades``, ``auctions``, ``status``, ``breaks``,
        ``events``.
    source : str
        A name for exactly this input; batches stored under it before are left out.
    symbols : mapping or sequence, optional
        Symbol of each instrument number; by default what the batches say.
    session : str or date, optional
        The day that the rows belong to; by default what the batches say, else that of their times in UTC.
    tick_size, lot_size : float or str, optional
        Units; by default what the batches say.
    rows_per_batch : int
        So many rows of a table are collected before they are stored, at least.
    compact : bool
        Merge the files of each table in the end.
    progress : bool
        Whether to show progress when it takes more than two seconds.

    Returns
    -------
    FeedReport
        How much was stored.

    Raises
    ------
    SchemaError, ShapeError, DataError
        If a batch cannot be stored, or ``source`` was used for another input. What came before it is stored.
    """
    began = time.monotonic()
    ingest = _Ingest(store, source, rows_per_batch, symbols, session, (tick_size, lot_size))
    shown = _Shown(source, wanted=progress)
    try:
        for batch in batches:
            shown.add(ingest.take(batch))
        ingest.flush()
    finally:
        shown.close()
    if compact:
        for table in ingest.stored:
            store.compact(table)
    return FeedReport(
        source=source,
        n_rows=dict(ingest.stored),
        n_repeated=dict(ingest.repeated),
        elapsed_s=time.monotonic() - began,
    )


def ingest_itch(
    store: DuckDBTickStore,
    path: str | os.PathLike[str],
    symbols: str | Iterable[str] | None = None,
    *,
    date: dt.date | str | None = None,
    lenient: bool = False,
    events: bool = False,
    progress: bool = True,
    rows_per_batch: int = 1_000_000,
    **options: Any,
) -> FeedReport:
    """Store a capture of ITCH 5.0: quotes, trades, auctions, states and depth, or its events.

    Parameters
    ----------
    store : DuckDBTickStore
        Where to.
    path : path-like
        The capture; see :class:`omni_lab.data.itch.ItchFile`.
    symbols : str or iterable of str, optional
        Instruments; all by default.
    date : date or str, optional
        Day of the capture, where its name does not say it.
    lenient : bool
        Skip and count what is wrong, instead of raising at the first of it.
    events : bool
        Store the events themselves, from which any book can be made again, instead of what the books give.
    progress : bool
        Whether to show progress when it takes more than two seconds.
    rows_per_batch : int
        As for :func:`ingest_tables`.
    **options
        ``levels``, ``every``, ``at``, ``bbo``, ``trades``, ``notes``: see
        :func:`omni_lab.data.books.open_books`.

    Raises
    ------
    SourceError, UnknownSymbolError, CodecError
        If there is no such file or symbol, or the bytes are not what they should be; what came before is
        stored.
    """
    from omni_lab.data.itch import ItchFile

    file = ItchFile(Path(path), date=date, lenient=lenient)
    names = None if symbols is None else [symbols] if isinstance(symbols, str) else list(symbols)
    asked = repr(
        (
            file.path.stat().st_size,
            str(file.date),
            names,
            lenient,
            events,
            rows_per_batch,
            sorted(options.items()),
        )
    )
    source = f"{file.path.name}:{hashlib.sha256(asked.encode()).hexdigest()[:12]}"
    batches: Iterable[Any]
    if events:
        if options:
            raise DataError("events have no such option", found=sorted(options), where="ingest_itch")
        batches = ({"events": each.columns()} for each in file.event_batches(names, progress=progress))
    else:
        batches = file.replay(names, progress=progress, **options)
    return ingest_tables(
        store,
        batches,
        source=source,
        symbols=file.symbols(),
        session=file.date,
        tick_size=file.info.tick_size,
        lot_size=file.info.lot_size,
        rows_per_batch=rows_per_batch,
        progress=False,
    )


@dataclass(slots=True)
class _Ingest:
    """Rows that were collected and not stored yet."""

    store: DuckDBTickStore
    source: str
    rows_per_batch: int
    symbols: Symbols | None
    session: str | dt.date | None
    units: tuple[float | str | None, float | str | None]
    waiting: dict[str, list[Columns]] = field(default_factory=dict)
    n_batches: dict[str, int] = field(default_factory=dict)
    stored: dict[str, int] = field(default_factory=dict)
    repeated: dict[str, int] = field(default_factory=dict)

    def take(self, batch: BookTables | Mapping[str, Columns]) -> int:
        """Collect a batch, and store what has become enough; how many rows it has."""
        info = None if isinstance(batch, Mapping) else batch.info
        if info is not None:
            self.symbols = info.symbols if self.symbols is None else self.symbols
            self.session = info.date if self.session is None else self.session
            if self.units == (None, None):
                self.units = info.tick_size, info.lot_size
        n_rows = 0
        for name, columns in (batch if isinstance(batch, Mapping) else batch.columns).items():
            if len(columns["ts"]):
                table = FEED_TABLES.get(name, name)
                self.waiting.setdefault(table, []).append(columns)
                n_rows += len(columns["ts"])
                if sum(len(each["ts"]) for each in self.waiting[table]) >= self.rows_per_batch:
                    self._store(table)
        return n_rows

    def flush(self) -> None:
        """Store what is left."""
        for table in list(self.waiting):
            self._store(table)

    def _store(self, table: str) -> None:
        parts = self.waiting.pop(table)
        number = self.n_batches.get(table, 0)
        self.n_batches[table] = number + 1
        columns = {name: np.concatenate([np.asarray(part[name]) for part in parts]) for name in parts[0]}
        report = self.store.append(
            table,
            columns,
            symbols=self.symbols,
            batch=f"{self.source}:{number}",
            session=self.session,
            tick_size=self.units[0],
            lot_size=self.units[1],
        )
        counted = self.repeated if report.repeated else self.stored
        counted[table] = counted.get(table, 0) + len(columns["ts"])


class _Shown:
    """Rows so far, on a bar that stays away from what is quick."""

    def __init__(self, label: str, *, wanted: bool) -> None:
        self._bar: Any = None
        if wanted:
            # Even a disabled bar takes a lock that forked processes share.
            from tqdm.auto import tqdm

            self._bar = tqdm(desc=label, unit="row", unit_scale=True, delay=_PATIENCE_S)

    def add(self, n_rows: int) -> None:
        if self._bar is not None:
            self._bar.update(n_rows)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
