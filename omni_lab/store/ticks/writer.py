"""Changing a table: every change is new files and one commit, by one writer at a time.

Interrupted or killed at any point, a table is as it was before the change or as it is after it. What a killed
writer left is removed by the next one.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from omni_lab.errors import DataError, SchemaError
from omni_lab.store import durable
from omni_lab.store.ticks.files import FileEntry, Span, write_file
from omni_lab.store.ticks.log import Commit, State, merged_spans, read_state, write_commit
from omni_lab.store.ticks.rows import Rows
from omni_lab.store.ticks.schema import KINDS, Column, Table, Units, default_units, schema_of
from omni_lab.store.ticks.snapshot import Indexes, Snapshot, spans_of
from omni_lab.typing import AnyArray

_DAY_NS = 86_400_000_000_000
_TABLE_NAME = re.compile(r"[a-z][a-z0-9_]*")
# Beyond that many runs of hidden rows it is cheaper to write the file again than to skip them at each read.
_MOST_HIDDEN_SPANS = 4_096


@dataclass(slots=True)
class Transaction:
    """What a writer has prepared, until it is committed.

    Attributes
    ----------
    directory : Path
        Of the table.
    state : State, optional
        The table as it is; None before its first commit.
    indexes : Indexes
        Of its files.
    add, remove, hide, table, symbols
        What the commit will say.
    """

    directory: Path
    state: State | None
    indexes: Indexes
    table: Table | None = None
    add: list[FileEntry] = field(default_factory=list)
    remove: list[str] = field(default_factory=list)
    hide: dict[str, tuple[Span, ...]] = field(default_factory=dict)
    symbols: list[str] = field(default_factory=list)

    @property
    def snapshot(self) -> Snapshot:
        """The table as it is."""
        assert self.state is not None
        return Snapshot(self.directory, self.state, self.indexes)

    @property
    def seq(self) -> int:
        """The number that the commit will have."""
        return self.state.seq + 1 if self.state else 1

    def define(self, table: Table) -> Table:
        """Say what the table is from now on."""
        self.table = replace(table, stored_version=table.schema.version)
        return self.table

    def current(self) -> Table:
        """What the table is; one of an older version is of the newest after the commit."""
        table = self.table or (self.state.table if self.state else None)
        assert table is not None
        return self.define(table) if table.stored_version < table.schema.version else table

    def put(self, rows: Rows, *, session: str | None = None, order: int | None = None) -> None:
        """Add rows, a file for each day; ``session`` is the day of them all."""
        schema = self.current().schema
        known = self.state.symbols if self.state else frozenset()
        for day, own in by_session(rows, session):
            name = f"session={day}/{self.seq:012d}-{len(self.add)}.parquet"
            # A file of a killed writer may have the name, and none that a reader could want.
            entry = write_file(
                self.directory,
                name,
                own,
                schema,
                session=day,
                order=self.seq if order is None else order,
            )
            self.add.append(entry)
        self.symbols += [symbol for symbol in rows.symbols if symbol not in known]

    def hide_rows(self, entry: FileEntry, rows: AnyArray) -> None:
        """Take rows out of a file, by their numbers: skip them, or write the file again without them."""
        if not len(rows):
            return
        assert self.state is not None
        spans = merged_spans([*self.state.hidden.get(entry.name, ()), *spans_of(rows)])
        if len(spans) <= _MOST_HIDDEN_SPANS and spans != ((0, entry.n_rows),):
            self.hide[entry.name] = spans
            return
        self.remove.append(entry.name)
        if spans != ((0, entry.n_rows),):
            hidden = replace(self.state, hidden={**self.state.hidden, entry.name: spans})
            snapshot = replace(self.snapshot, state=hidden)
            rest, _ = snapshot.located(
                entry, None, entry.first_ns, entry.last_ns, self.current().schema.columns
            )
            self.put(rest, session=entry.session, order=entry.order)

    def commit(self, operation: str, *, batch: str | None = None, n_rows: int = 0) -> State:
        """Make it what readers see."""
        return write_commit(
            self.directory,
            self.state,
            Commit(
                operation=operation,
                table=self.table,
                add=tuple(self.add),
                remove=tuple(self.remove),
                hide=self.hide,
                symbols=tuple(dict.fromkeys(self.symbols)),
                batch=batch,
                n_rows=n_rows,
                forget=tuple(_expired(self.directory, self.state)),
            ),
        )


@contextmanager
def writing(
    directory: Path, known: State | None, indexes: Indexes, *, lock_timeout_s: float, sweep: bool
) -> Iterator[Transaction]:
    """Be the one writer of a table for a change; what it was before need not be read again.

    Raises
    ------
    DataError
        If another writer does not finish in time, or the directory cannot be written.
    """
    try:
        with durable.writer_lock(directory, timeout_s=lock_timeout_s):
            state = read_state(directory, known)
            if sweep:
                remove_orphans(directory, state)
            yield Transaction(directory, state, indexes)
    except OSError as error:
        raise durable.unwritable(directory, error) from error


def new_table(
    name: str,
    kind: str,
    *,
    columns: Sequence[Column] = (),
    n_levels: int = 0,
    tick_size: float | str | None = None,
    lot_size: float | str | None = None,
) -> Table:
    """A table that does not exist yet.

    Raises
    ------
    SchemaError, ConfigError
        If its name, kind, columns or units cannot be.
    """
    if not _TABLE_NAME.fullmatch(name):
        raise SchemaError(
            "a table cannot have this name",
            found=name,
            expected="small letters, digits and '_', beginning with a letter",
        )
    if name in KINDS and name != kind:
        raise SchemaError("the name belongs to another kind of table", found=name, expected=f"kind {name!r}")
    schema = schema_of(kind, n_levels=n_levels, columns=tuple(columns))
    units = Units.of(tick_size, lot_size, default_units(kind))
    return Table(name, schema, schema.version, units)


def check_units(table: Table, symbols: Sequence[str], units: Units | None, known: frozenset[str]) -> Table:
    """The table with the units of a batch, which for a symbol cannot change.

    Raises
    ------
    DataError
        If a symbol is stored with other units.
    """
    if units is None:
        return table
    own = dict(table.own_units)
    for symbol in symbols:
        stored = table.units_of(symbol)
        if stored == units:
            continue
        if symbol in known:
            raise DataError(
                f"{symbol} is stored with other units",
                found=f"tick_size {units.tick_size}, lot_size {units.lot_size}",
                expected=f"tick_size {stored.tick_size}, lot_size {stored.lot_size}",
                where=f"table {table.name}",
                hint="Prices and quantities as floats are turned into the units of the table.",
            )
        own[symbol] = units
    return replace(table, own_units=own) if own != table.own_units else table


def by_session(rows: Rows, session: str | None) -> Iterator[tuple[str, Rows]]:
    """Rows by the day that they belong to: the given one, or that of their time in UTC."""
    if not len(rows):
        return
    if session is not None:
        yield session, rows.without_empty()
        return
    days = rows.ts // _DAY_NS
    if (days == days[0]).all():
        yield str(np.datetime64(int(days[0]), "D")), rows.without_empty()
        return
    for day in np.unique(days):
        yield str(np.datetime64(int(day), "D")), rows.take(days == day).without_empty()


def remove_orphans(directory: Path, state: State | None) -> None:
    """Remove what killed writers left. Files that were replaced have their time."""
    for path in leftovers(directory, state):
        if state is None or path.relative_to(directory).as_posix() not in state.retired:
            path.unlink(missing_ok=True)


def leftovers(directory: Path, state: State | None) -> list[Path]:
    """Files of a table that its log does not name."""
    named = state.files if state else {}
    found = [*directory.glob("session=*/*"), *directory.glob(f"log/{durable.TEMPORARY}*")]
    return sorted(path for path in found if path.relative_to(directory).as_posix() not in named)


def _expired(directory: Path, state: State | None) -> Iterator[str]:
    """Remove files that were replaced so long ago that nobody is about to open them; their names."""
    for name, at in (state.retired if state else {}).items():
        if at + durable.RETIRED_FOR_S <= time.time():
            (directory / name).unlink(missing_ok=True)
            yield name
