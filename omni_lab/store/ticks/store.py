"""The embedded tick store: trades, quotes, events, depth, bars and anything else with a symbol and a time.

Layout: ``<path>/ticks/<table>/session=<day>/`` with Parquet files, each of many symbols, and ``log/`` with
the commits that say which files and rows there are. Any number of processes read beside one writer, without a
server and without waiting, and see every change as a whole or not at all.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from omni_lab.data.events import Events
from omni_lab.errors import DataError, SourceError
from omni_lab.store.catalog import listed
from omni_lab.store.ticks import changes
from omni_lab.store.ticks.analysis import TickAnalysis
from omni_lab.store.ticks.incoming import Symbols, columns_of, infer_columns, n_levels_of, prepare
from omni_lab.store.ticks.reader import When, time_range
from omni_lab.store.ticks.reports import WriteReport
from omni_lab.store.ticks.rows import Rows
from omni_lab.store.ticks.schema import DEPTH, GENERIC, KINDS, Column, Table, Units
from omni_lab.store.ticks.writer import Transaction, check_units, new_table, writing

logger = logging.getLogger(__name__)

_Change = Callable[[Transaction, Rows, str | None], tuple[int, int | None]]
"""Puts rows into a table; how many it removed, and how many it stored, if not all."""


class DuckDBTickStore(TickAnalysis):
    """Ticks in Parquet files, read by symbol and time, and through DuckDB.

    Nothing is created until something is written. Prices and quantities are integers; ``floats=True`` turns
    them into currency and shares with the units of their table. Times are int64 nanoseconds, exactly. What is
    read is compared with checksums, so a damaged file is an error and never a wrong price; :meth:`query`
    leaves that to :meth:`verify`.

    Parameters
    ----------
    path : path-like, optional
        The lake; its ticks are in ``path/ticks``. By default the lake of this project
        (:class:`omni_lab.config.Settings`).
    lock_timeout_s : float
        How long to wait for another writer.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None, *, lock_timeout_s: float = 60.0) -> None:
        super().__init__(path)
        self.lock_timeout_s = lock_timeout_s
        self._swept: set[str] = set()

    def create(
        self,
        table: str,
        kind: str | None = None,
        *,
        columns: Sequence[Column] = (),
        n_levels: int = 0,
        tick_size: float | str | None = None,
        lot_size: float | str | None = None,
    ) -> Table:
        """Make a table. Those that are named after their kind need it only for other units than ITCH's.

        Parameters
        ----------
        table : str
            Its name: ``"trade"``, or ``"bar_1min"`` of kind ``"bar"``.
        kind : str, optional
            One of ``"trade"``, ``"quote"``, ``"event"``, ``"depth"``, ``"bar"``, ``"auction"``, ``"status"``,
            and ``"tick"`` for any other columns; the name, by default.
        columns : sequence of Column
            Of a table of kind ``"tick"``.
        n_levels : int
            Of a table of kind ``"depth"``.
        tick_size, lot_size : float or str, optional
            What one unit of a price is worth in currency, and one of a quantity in shares; 0.0001 and 1 by
            default, and 1 and 1 for kind ``"tick"``.

        Raises
        ------
        SchemaError, ConfigError
            If it cannot be so.
        DataError
            If there is such a table that is different.
        """
        wanted = new_table(
            table, kind or table, columns=columns, n_levels=n_levels, tick_size=tick_size, lot_size=lot_size
        )
        with self._changing(table) as change:
            if change.state is None:
                change.define(wanted)
                self._states[table] = change.commit("create")
            else:
                _require_same(change.state.table, wanted)
        return wanted

    def append(
        self,
        table: str,
        data: Any,
        *,
        symbol: str | None = None,
        symbols: Symbols | None = None,
        batch: str | None = None,
        session: str | dt.date | None = None,
        tick_size: float | str | None = None,
        lot_size: float | str | None = None,
    ) -> WriteReport:
        """Add rows. A reader sees all of them or none.

        Rows may come in any order of symbols and times; of the same symbol and time they keep their order,
        and come after those of earlier batches.

        Parameters
        ----------
        table : str
            Which. A table that is named after its kind is made by its first batch, and so is ``"tick"``, with
            the columns of that batch.
        data : mapping of str to ndarray, or frame
            ``ts`` (int64 nanoseconds or datetimes) and the columns of the table; what has a default may be
            left out. Also a pandas, polars or Arrow frame, or :class:`omni_lab.data.Events`.
        symbol : str, optional
            Of every row. Otherwise there is a column ``symbol``, or ``instrument`` with ``symbols``.
        symbols : mapping of int to str, or sequence of str, optional
            Symbol of each number in the column ``instrument``; a number without one is stored as ``#7``.
        batch : str, optional
            A name of this batch. What was stored under the name is not stored again, so that an interrupted
            ingest can simply be repeated.
        session : str or date, optional
            The day that the rows belong to, where it is not that of their times in UTC.
        tick_size, lot_size : float or str, optional
            Units of these rows, where they are not those of the table.

        Raises
        ------
        SchemaError, ShapeError, DataError
            If the rows cannot be stored as they are, the name of the batch was used for other rows, or the
            store cannot be written. Nothing has changed then.
        """
        return self._store(
            "append", table, data, symbol, symbols, batch, session, (tick_size, lot_size), _put
        )

    def replace(
        self,
        table: str,
        data: Any,
        *,
        start: When | None = None,
        end: When | None = None,
        only: str | Iterable[str] | None = None,
        symbol: str | None = None,
        symbols: Symbols | None = None,
        batch: str | None = None,
        session: str | dt.date | None = None,
    ) -> WriteReport:
        """Put rows in the place of all that their symbols have in a range of time, at once.

        Parameters
        ----------
        table, data, symbol, symbols, batch, session
            As for :meth:`append`; the table exists. No rows leave nothing in the range.
        start, end : str, date, datetime, datetime64 or int, optional
            The range, both inclusive. Without, it goes from each symbol's first new row to its last.
        only : str or iterable of str, optional
            The symbols whose rows are replaced; those of the new rows by default.

        Raises
        ------
        SchemaError, ShapeError, DataError
            As for :meth:`append`, and if a new row is not in the range.
        """
        self._table(table)
        first, last = time_range(start, end, self.snapshot(table))

        def apply(change: Transaction, rows: Rows, day: str | None) -> tuple[int, int | None]:
            own = rows.symbols if only is None else listed(only)
            return changes.replace_range(change, rows, own, first, last, session=day), None

        return self._store("replace", table, data, symbol, symbols, batch, session, (None, None), apply)

    def upsert(
        self,
        table: str,
        data: Any,
        *,
        key: str | Sequence[str] = "ts",
        symbol: str | None = None,
        symbols: Symbols | None = None,
        batch: str | None = None,
        session: str | dt.date | None = None,
    ) -> WriteReport:
        """Add rows in the place of those with the same symbol and key, at once; twice is as once.

        Parameters
        ----------
        table, data, symbol, symbols, batch, session
            As for :meth:`append`; the table exists.
        key : str or sequence of str
            Columns that make a row the same: ``"ts"`` for bars, ``("ts", "match_id")`` for trades. Of new
            rows that are the same, the last one counts.

        Raises
        ------
        SchemaError, ShapeError, DataError
            As for :meth:`append`.
        """
        names = listed(key)
        stored = self._table(table)
        for name in names:
            if name != "ts":
                stored.schema[name]

        def apply(change: Transaction, rows: Rows, day: str | None) -> tuple[int, int | None]:
            n_stored, n_replaced = changes.upsert(change, rows, names, session=day)
            return n_replaced, n_stored

        return self._store("upsert", table, data, symbol, symbols, batch, session, (None, None), apply)

    def retain(self, table: str, *, before: When | None = None, days: float | None = None) -> WriteReport:
        """Drop what is old.

        Parameters
        ----------
        table : str
            Which.
        before : str, date, datetime, datetime64 or int, optional
            Rows before this moment go; for a day that is its beginning.
        days : float, optional
            Instead: how many days of 24 hours to keep, up to the last row of the table.

        Raises
        ------
        SourceError
            If there is no such table.
        DataError
            If not exactly one of the two is given.
        """
        if (before is None) == (days is None):
            raise DataError("say what to drop", expected="before=… or days=…", where=f"table {table}")
        self._table(table)
        first, _ = time_range(before, None, self.snapshot(table))
        with self._changing(table) as change:
            last = max((entry.last_ns for entry in change.snapshot.state.files.values()), default=0)
            limit = first if first is not None else last - round((days or 0) * 86_400e9)
            n_removed = changes.drop_before(change, limit)
            if n_removed:
                self._states[table] = change.commit("retain")
        return WriteReport(
            table=table,
            operation="retain",
            n_removed=n_removed,
            seq=self.snapshot(table).state.seq,
            n_files=len(change.add),
        )

    def compact(self, table: str, *, rows_per_file: int = 2_000_000) -> WriteReport:
        """Merge the files of each day, so that a symbol lies in one of them; rows stay as they are.

        Parameters
        ----------
        table : str
            Which.
        rows_per_file : int
            About how many; so many are in memory at a time, or those of one symbol.
        """
        self._table(table)
        with self._changing(table) as change:
            if changes.compact(change, rows_per_file=rows_per_file):
                self._states[table] = change.commit("compact")
        return WriteReport(
            table=table,
            operation="compact",
            n_rows=sum(entry.n_rows for entry in change.add),
            n_files=len(change.add),
            seq=self.snapshot(table).state.seq,
        )

    def _store(
        self,
        operation: str,
        name: str,
        data: Any,
        symbol: str | None,
        symbols: Symbols | None,
        batch: str | None,
        session: str | dt.date | None,
        units: tuple[float | str | None, float | str | None],
        apply: _Change,
    ) -> WriteReport:
        day, where = _day(session), f"batch {batch!r} for {name}" if batch else f"batch for {name}"
        columns = columns_of(data, where)
        if isinstance(data, Events):
            symbols = data.info.symbols if symbols is None else symbols
            units = (data.info.tick_size, data.info.lot_size) if units == (None, None) else units
        state = self.snapshot(name).state if name in self._names() else None
        if state is not None and batch is not None and batch in state.batches:
            return _repeated(state.batches[batch], columns, name, operation, state.seq, batch)
        table = state.table if state is not None else _first_table(name, columns, units, where)
        given = Units.of(*units, table.units) if units != (None, None) else None
        rows = prepare(
            columns,
            table.schema,
            symbol=symbol,
            symbols=symbols,
            units_of=table.units_of if given is None else lambda _: given,
            where=where,
        )
        with self._changing(name) as change:
            if change.state is None:
                change.define(table)
            else:
                _require_same(change.state.table, table)
                if batch is not None and batch in change.state.batches:
                    return _repeated(
                        change.state.batches[batch], columns, name, operation, change.state.seq, batch
                    )
            known = change.state.symbols if change.state else frozenset()
            with_units = check_units(change.current(), rows.symbols, given, known)
            if with_units is not change.current():
                change.define(with_units)
            n_removed, n_stored = apply(change, rows, day)
            if not change.add and not change.hide and not change.remove and change.state is not None:
                return WriteReport(table=name, operation=operation, seq=change.state.seq)
            after = change.commit(operation, batch=batch, n_rows=len(rows))
        self._states[name] = after
        report = WriteReport(
            table=name,
            operation=operation,
            n_rows=len(rows) if n_stored is None else n_stored,
            n_symbols=len(rows.symbols),
            n_removed=n_removed,
            n_files=len(change.add),
            seq=after.seq,
        )
        logger.debug("%s", report)
        return report

    @contextmanager
    def _changing(self, table: str) -> Iterator[Transaction]:
        """Be the writer of a table. At first, and after a failure, what a dead writer left is removed."""
        sweep = table not in self._swept
        self._swept.discard(table)
        with writing(
            self.ticks_dir / table,
            self._states.get(table),
            self._indexes,
            lock_timeout_s=self.lock_timeout_s,
            sweep=sweep,
        ) as change:
            yield change
        self._swept.add(table)


def _put(change: Transaction, rows: Rows, day: str | None) -> tuple[int, int | None]:
    change.put(rows, session=day)
    return 0, None


def _first_table(
    name: str, columns: dict[str, Any], units: tuple[float | str | None, float | str | None], where: str
) -> Table:
    if name not in KINDS:
        raise SourceError(
            "there is no such table",
            found=name,
            expected=KINDS,
            where=where,
            hint=f"Make it first: create({name!r}, kind), with one of these kinds.",
        )
    return new_table(
        name,
        name,
        columns=infer_columns(columns, where) if name == GENERIC else (),
        n_levels=n_levels_of(columns) if name == DEPTH else 0,
        tick_size=units[0],
        lot_size=units[1],
    )


def _require_same(stored: Table, wanted: Table) -> None:
    if stored.schema != wanted.schema or stored.units != wanted.units:
        raise DataError(
            "there is a table of this name that is different",
            found=f"{wanted.schema.name} with {len(wanted.schema.columns)} columns, {wanted.units}",
            expected=f"{stored.schema.name} with {len(stored.schema.columns)} columns, {stored.units}",
            where=f"table {stored.name}",
            hint="Give the other one another name.",
        )


def _repeated(
    stored: int, columns: dict[str, Any], table: str, operation: str, seq: int, batch: str
) -> WriteReport:
    if len(columns.get("ts", ())) != stored:
        raise DataError(
            "the name of the batch was used for other rows",
            found=f"{len(columns.get('ts', ())):,} rows",
            expected=f"{stored:,} rows",
            where=f"batch {batch!r} for {table}",
            hint="A batch that is not the same needs another name.",
        )
    return WriteReport(table=table, operation=operation, seq=seq, repeated=True)


def _day(session: str | dt.date | None) -> str | None:
    if session is None:
        return None
    try:
        day = session if isinstance(session, dt.date) else dt.date.fromisoformat(session)
    except (ValueError, TypeError) as error:
        raise DataError(
            "a session is a day", found=session, expected="a date, or text such as '2019-01-30'"
        ) from error
    return f"{day:%Y-%m-%d}"
