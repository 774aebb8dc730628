"""Reading a tick store: rows by symbol and time, what there is, and SQL over it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from omni_lab.config import Settings
from omni_lab.errors import DataError, SourceError
from omni_lab.store.catalog import listed
from omni_lab.store.durable import iso
from omni_lab.store.ranges import DateLike, parse_range
from omni_lab.store.reports import VerifyReport
from omni_lab.store.sql import Parameters
from omni_lab.store.ticks import frames, listing
from omni_lab.store.ticks.checking import verify_ticks
from omni_lab.store.ticks.log import LOG_DIR, State, read_state
from omni_lab.store.ticks.query import query_tables
from omni_lab.store.ticks.rows import Rows
from omni_lab.store.ticks.schema import KINDS, Table
from omni_lab.store.ticks.snapshot import FIRST_NS, LAST_NS, Indexes, Snapshot
from omni_lab.typing import AnyArray

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")

When = DateLike | int
"""A date or a time as people write it, or nanoseconds since 1970 UTC."""

_PATIENCE_S = 10.0


class TickReader:
    """What a tick store answers without changing anything.

    Parameters
    ----------
    path : path-like, optional
        The lake; its ticks are in ``path/ticks``. By default the lake of this project
        (:class:`omni_lab.config.Settings`).
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self.path = Settings.from_env().lake_dir if path is None else Path(path).expanduser().absolute()
        self._indexes = Indexes()
        self._states: dict[str, State] = {}
        if self.path.exists() and not self.path.is_dir():
            raise DataError("a store is a directory, and this is a file", found=str(self.path))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path)!r})"

    @property
    def ticks_dir(self) -> Path:
        """Where the tables are."""
        return self.path / "ticks"

    def read(
        self,
        table: str,
        symbols: str | Iterable[str] | None = None,
        start: When | None = None,
        end: When | None = None,
        *,
        columns: Sequence[str] | None = None,
        floats: bool = False,
        by_time: bool = False,
    ) -> pd.DataFrame:
        """Rows of some symbols in a range of time, as a pandas frame.

        Parameters
        ----------
        table : str
            Which.
        symbols : str or iterable of str, optional
            In the order wanted; all, in alphabetical order, by default.
        start, end : str, date, datetime, datetime64 or int, optional
            Both inclusive. Integers are nanoseconds. Without a zone they are UTC; without a time of day they
            mean the whole day, month or year.
        columns : sequence of str, optional
            Besides ``ts`` and ``symbol``; all by default.
        floats : bool
            Prices in currency and quantities in shares, contracts or coins, instead of integers.
        by_time : bool
            Sorted by time over all symbols; otherwise symbol by symbol.

        Returns
        -------
        DataFrame
            ``ts`` (datetime64[ns, UTC]), ``symbol`` (categorical) and the columns; no rows where none are in
            the range.

        Raises
        ------
        SourceError, UnknownSymbolError
            If there is no such table, or it never had a row of a symbol.
        DataError
            If the range is no range, or a file is damaged.
        """
        return frames.to_pandas(
            self._rows(table, symbols, start, end, columns, floats=floats), by_time=by_time
        )

    def read_arrow(
        self,
        table: str,
        symbols: str | Iterable[str] | None = None,
        start: When | None = None,
        end: When | None = None,
        *,
        columns: Sequence[str] | None = None,
        floats: bool = False,
    ) -> Any:
        """As :meth:`read`, as an Arrow table."""
        return frames.to_arrow(self._rows(table, symbols, start, end, columns, floats=floats))

    def read_polars(
        self,
        table: str,
        symbols: str | Iterable[str] | None = None,
        start: When | None = None,
        end: When | None = None,
        *,
        columns: Sequence[str] | None = None,
        floats: bool = False,
    ) -> Any:
        """As :meth:`read`, as a polars frame."""
        return frames.to_polars(self._rows(table, symbols, start, end, columns, floats=floats))

    def read_columns(
        self,
        table: str,
        symbols: str | Iterable[str] | None = None,
        start: When | None = None,
        end: When | None = None,
        *,
        columns: Sequence[str] | None = None,
        floats: bool = False,
    ) -> dict[str, AnyArray]:
        """As :meth:`read`, as NumPy columns; ``ts`` is int64, depth has shape (n_rows, n_levels)."""
        rows = self._rows(table, symbols, start, end, columns, floats=floats)
        return frames.to_numpy(rows, self._table(table).schema)

    def latest(
        self,
        table: str,
        symbols: str | Iterable[str] | None = None,
        at: When | None = None,
        *,
        strict: bool = False,
        floats: bool = False,
    ) -> pd.DataFrame:
        """The last row of each symbol at or before a moment; before it, if ``strict``.

        Parameters
        ----------
        table, symbols, floats
            As for :meth:`read`. A symbol without such a row is left out.
        at : str, date, datetime, datetime64 or int, optional
            The moment, a day meaning its end; the end of the table by default.
        strict : bool
            Only rows before the moment.
        """
        at_ns = moment(at)

        def read(snapshot: Snapshot) -> Rows:
            rows = snapshot.latest(wanted(snapshot, symbols), at_ns, strict=strict)
            return frames.in_units(rows, snapshot.table) if floats else rows

        return frames.to_pandas(self._undisturbed(table, read))

    def tables(self) -> pd.DataFrame:
        """What is stored, one row for each table.

        Returns
        -------
        DataFrame
            ``table``, ``kind``, ``version``, ``n_rows``, ``n_symbols`` (that ever had rows), ``n_files``,
            ``n_bytes``, ``first`` and ``last`` (UTC; NaT where there are no rows), ``tick_size``,
            ``lot_size``.
        """
        return listing.tables([self.snapshot(name) for name in self._names()])

    def symbols(self, table: str) -> pd.DataFrame:
        """The symbols that have rows in a table.

        Returns
        -------
        DataFrame
            ``symbol``, ``n_rows``, ``first`` and ``last`` (UTC); sorted by symbol.
        """
        return self._undisturbed(table, listing.symbols)

    def query(
        self,
        statement: str,
        parameters: Parameters = (),
        *,
        floats: bool = False,
        views: Mapping[str, str] | None = None,
    ) -> pd.DataFrame:
        """The result of one SELECT in DuckDB's SQL.

        Parameters
        ----------
        statement : str
            Reads the tables by their names: ``symbol``, ``ts`` (TIMESTAMP_NS, in UTC), ``ts_ns`` (BIGINT,
            which is faster to filter by), ``session`` and the columns.
        parameters : sequence or mapping
            Values for ``?`` or ``$name``. A datetime parameter loses its nanoseconds in DuckDB; compare
            ``ts_ns`` where they matter.
        floats : bool
            Prices in currency and quantities in shares, contracts or coins.
        views : mapping of str to str, optional
            More tables: a SELECT by name.

        Returns
        -------
        DataFrame
            Timestamps are UTC.

        Raises
        ------
        DataError
            If it is not one SELECT, or DuckDB rejects it.
        """
        names = self._names()
        return self._patiently(
            lambda: query_tables(
                statement, parameters, names, self.snapshot, floats=floats, views=views or {}
            ),
            self.ticks_dir,
        )

    def verify(self) -> VerifyReport:
        """Whether every file holds the bytes whose hashes the logs state."""
        return verify_ticks({name: self.ticks_dir / name for name in self._names()})

    def snapshot(self, table: str) -> Snapshot:
        """A table as it is now, whatever a writer does later.

        Raises
        ------
        SourceError
            If there is no such table.
        """
        directory = self.ticks_dir / table
        state = read_state(directory, self._states.get(table)) if table.isidentifier() else None
        if state is None:
            raise SourceError(
                "there is no such table",
                found=table,
                expected=self._names(),
                where=str(self.ticks_dir),
                hint="A first append makes it." if table in KINDS else None,
            )
        self._states[table] = state
        return Snapshot(directory, state, self._indexes)

    def _names(self) -> tuple[str, ...]:
        return tuple(sorted(path.parent.name for path in self.ticks_dir.glob(f"*/{LOG_DIR}")))

    def _table(self, table: str) -> Table:
        return self.snapshot(table).table

    def _rows(
        self,
        table: str,
        symbols: str | Iterable[str] | None,
        start: When | None = None,
        end: When | None = None,
        columns: Sequence[str] | None = None,
        *,
        floats: bool = False,
    ) -> Rows:
        def read(snapshot: Snapshot) -> Rows:
            first, last = time_range(start, end, snapshot)
            names = None if symbols is None else wanted(snapshot, symbols)
            rows = snapshot.rows(
                names, FIRST_NS if first is None else first, LAST_NS if last is None else last, columns
            )
            return frames.in_units(rows, snapshot.table) if floats else rows

        return self._undisturbed(table, read)

    def _undisturbed(self, table: str, read: Callable[[Snapshot], T]) -> T:
        """What ``read`` returns of a snapshot, tried again where a file was replaced long ago and went."""
        return self._patiently(lambda: read(self.snapshot(table)), self.ticks_dir / table)

    def _patiently(self, read: Callable[[], T], where: Path) -> T:
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                return read()
            except FileNotFoundError as error:
                used = {name: state.seq for name, state in self._states.items()}
                now = {name: self.snapshot(name).state.seq for name in used}
                # A file that is missing from the newest snapshot is lost.
                if now == used or time.monotonic() > deadline:
                    raise DataError(
                        "a file of the store cannot be read",
                        found=str(error),
                        where=str(where),
                        hint="verify() says which are missing.",
                    ) from error


def wanted(snapshot: Snapshot, symbols: str | Iterable[str] | None) -> list[str]:
    """The symbols asked for, each of which the table knows; all of them by default.

    Raises
    ------
    UnknownSymbolError
        If one was never stored.
    DataError
        If one is asked for twice.
    """
    if symbols is None:
        return sorted(snapshot.state.symbols)
    names = listed(symbols)
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError("a symbol was asked for twice", found=twice, where=f"table {snapshot.table.name}")
    snapshot.require(names)
    return names


def time_range(start: When | None, end: When | None, snapshot: Snapshot) -> tuple[int | None, int | None]:
    """First and last nanosecond of a range, both inclusive; None where it is open."""
    files = snapshot.state.files.values()
    span = (
        f"{iso(min(entry.first_ns for entry in files))} to {iso(max(entry.last_ns for entry in files))}"
        if files
        else "nothing"
    )
    return parse_range(_date(start), _date(end), available=span, where=f"table {snapshot.table.name}")


def moment(at: When | None) -> int:
    """A moment in nanoseconds; the end of a day, and of all time by default."""
    last = parse_range(None, _date(at), available="any", where="at")[1]
    return LAST_NS if last is None else last


def _date(when: When | None) -> DateLike | None:
    return np.datetime64(int(when), "ns") if isinstance(when, int | np.integer) else when
