"""Reading a table as it was after one of its commits: rows by symbol and time, the last ones before one."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from omni_lab.errors import UnknownSymbolError
from omni_lab.store.ticks.files import (
    ROWS_PER_GROUP,
    FileEntry,
    FileIndex,
    Span,
    read_columns,
    read_index,
)
from omni_lab.store.ticks.log import State, merged_spans
from omni_lab.store.ticks.rows import Rows, empty_rows, merged, reordered
from omni_lab.store.ticks.schema import Column, Table
from omni_lab.typing import AnyArray, IntArray

FIRST_NS: Final = -(2**63)
LAST_NS: Final = 2**63 - 1
_TS = Column("ts")
_CACHED_INDEXES = 256


class Indexes:
    """Indexes of files that were read lately; their names never change their meaning."""

    def __init__(self) -> None:
        self._by_path: dict[Path, FileIndex] = {}

    def of(self, path: Path, entry: FileEntry) -> FileIndex:
        """The index of a file."""
        found = self._by_path.get(path)
        if found is None:
            found = read_index(path, entry)
            while len(self._by_path) >= _CACHED_INDEXES:
                self._by_path.pop(next(iter(self._by_path)), None)
            self._by_path[path] = found
        return found


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A table after one of its commits.

    Attributes
    ----------
    directory : Path
        Of the table.
    state : State
        What its log states.
    indexes : Indexes
        Shared by all snapshots of a store.
    """

    directory: Path
    state: State
    indexes: Indexes = field(default_factory=Indexes)

    @property
    def table(self) -> Table:
        """Schema and units."""
        return self.state.table

    def require(self, symbols: Sequence[str]) -> None:
        """Nothing, if every symbol has had rows here.

        Raises
        ------
        UnknownSymbolError
            Naming the closest symbols otherwise.
        """
        for symbol in symbols:
            if symbol not in self.state.symbols:
                raise UnknownSymbolError(
                    f"the table {self.table.name!r} has no such symbol",
                    found=symbol,
                    expected=sorted(self.state.symbols) or None,
                    hint=None if self.state.symbols else "The table is empty.",
                )

    def rows(
        self,
        symbols: Sequence[str] | None = None,
        first_ns: int = FIRST_NS,
        last_ns: int = LAST_NS,
        columns: Sequence[str] | None = None,
        session: str | None = None,
    ) -> Rows:
        """Rows of some symbols in a range of time, both ends included.

        Parameters
        ----------
        symbols : sequence of str, optional
            In the order wanted; all that have rows, in alphabetical order, by default.
        first_ns, last_ns : int
            The range.
        columns : sequence of str, optional
            Besides ``ts``; all by default.
        session : str, optional
            Only rows of this day.
        """
        schema = self.table.schema
        wanted = (
            schema.columns if columns is None else tuple(schema[name] for name in columns if name != "ts")
        )
        parts = [
            self.located(entry, symbols, first_ns, last_ns, wanted)[0]
            for entry in self.state.in_order
            if entry.may_hold(symbols, first_ns, last_ns) and session in (None, entry.session)
        ]
        parts = [part for part in parts if len(part)]
        found = merged(parts) if parts else empty_rows(schema, [column.name for column in wanted])
        return found.without_empty() if symbols is None else reordered(found, symbols)

    def located(
        self,
        entry: FileEntry,
        symbols: Sequence[str] | None,
        first_ns: int,
        last_ns: int,
        columns: Sequence[Column],
    ) -> tuple[Rows, IntArray | None]:
        """Rows in one file, and their numbers in it; None for all of them."""
        path, index = self.directory / entry.name, self.index(entry)
        names, spans, lengths = self._candidates(entry, index, symbols, first_ns, last_ns)
        joined = merged_spans(spans)
        read = read_columns(path, index, joined, (_TS, *columns), entry.version)
        rows = Rows(tuple(names), np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64), read)
        numbers = None if joined == ((0, entry.n_rows),) else row_numbers(joined)
        if first_ns > entry.first_ns or last_ns < entry.last_ns:
            keep = (rows.ts >= first_ns) & (rows.ts <= last_ns)
            if not keep.all():
                rows = rows.take(keep)
                numbers = np.flatnonzero(keep) if numbers is None else numbers[keep]
        return rows.without_empty(), numbers

    def latest(
        self,
        symbols: Sequence[str],
        at_ns: int,
        *,
        strict: bool = False,
        columns: Sequence[str] | None = None,
    ) -> Rows:
        """The last row of each symbol at or before a time; before it, if ``strict``.

        Of several rows at that time it is the one that was stored last. Symbols without any have empty runs.
        """
        last_ns = at_ns - 1 if strict else at_ns
        schema = self.table.schema
        wanted = (
            schema.columns if columns is None else tuple(schema[name] for name in columns if name != "ts")
        )
        best: dict[str, tuple[int, int]] = {}  # time and order
        where: dict[str, tuple[FileEntry, int]] = {}
        files = [entry for entry in self.state.in_order if entry.may_hold(symbols, FIRST_NS, last_ns)]
        for entry in sorted(files, key=lambda entry: min(entry.last_ns, last_ns), reverse=True):
            pending = [each for each in symbols if each not in best or best[each][0] <= entry.last_ns]
            for symbol, ts, row in self._last_rows(entry, pending, last_ns):
                if (ts, entry.order) > best.get(symbol, (FIRST_NS, -1)):
                    best[symbol], where[symbol] = (ts, entry.order), (entry, row)
        parts = []
        for name in dict.fromkeys(entry.name for entry, _ in where.values()):
            entry = self.state.files[name]
            own = sorted((row, symbol) for symbol, (found, row) in where.items() if found is entry)
            spans = merged_spans((row, row + 1) for row, _ in own)
            read = read_columns(
                self.directory / name, self.index(entry), spans, (_TS, *wanted), entry.version
            )
            parts.append(Rows(tuple(symbol for _, symbol in own), np.arange(len(own) + 1), read))
        found = merged(parts) if parts else empty_rows(schema, [column.name for column in wanted])
        return reordered(found, symbols)

    def index(self, entry: FileEntry) -> FileIndex:
        """The index of a file."""
        return self.indexes.of(self.directory / entry.name, entry)

    def _candidates(
        self,
        entry: FileEntry,
        index: FileIndex,
        symbols: Sequence[str] | None,
        first_ns: int,
        last_ns: int,
    ) -> tuple[list[str], list[Span], list[int]]:
        """Symbols that may have rows in the range, the spans to read, and how many rows each has in them."""
        hidden = self.state.hidden.get(entry.name, ())
        if symbols is None and not hidden and first_ns <= entry.first_ns and entry.last_ns <= last_ns:
            return list(index.positions), [(0, entry.n_rows)], np.diff(index.starts).tolist()
        names, spans, lengths = [], [], []
        # The order of the file, so that its rows are one pass.
        for name in index.positions if symbols is None else sorted({*symbols} & index.positions.keys()):
            i = index.positions[name]
            if index.first_ns[i] > last_ns or index.last_ns[i] < first_ns:
                continue
            span = int(index.starts[i]), int(index.starts[i + 1])
            if index.first_ns[i] < first_ns or index.last_ns[i] > last_ns:
                span = _trimmed(index, span, first_ns, last_ns)
            own = list(visible(span, hidden))
            names.append(name)
            spans += own
            lengths.append(sum(stop - start for start, stop in own))
        return names, spans, lengths

    def _last_rows(
        self, entry: FileEntry, symbols: Sequence[str], last_ns: int
    ) -> Iterator[tuple[str, int, int]]:
        """Symbol, time and row of the last visible row of each in a file."""
        index, hidden = self.index(entry), self.state.hidden.get(entry.name, ())
        for symbol in sorted({*symbols} & index.positions.keys()):
            i = index.positions[symbol]
            if index.first_ns[i] > last_ns:
                continue
            start, stop = int(index.starts[i]), int(index.starts[i + 1])
            if index.last_ns[i] > last_ns or hidden:
                spans = merged_spans(visible(_trimmed(index, (start, stop), FIRST_NS, last_ns), hidden))
                ts = read_columns(self.directory / entry.name, index, spans, (_TS,), entry.version)["ts"]
                n_before = int(np.searchsorted(ts, last_ns, side="right"))
                if n_before:
                    yield symbol, int(ts[n_before - 1]), int(row_numbers(spans)[n_before - 1])
            else:
                yield symbol, int(index.last_ns[i]), stop - 1


def visible(span: Span, hidden: Sequence[Span]) -> Iterator[Span]:
    """What is left of a span without the hidden rows."""
    start, stop = span
    for hidden_start, hidden_stop in hidden[max(bisect_left(hidden, (start, start)) - 1, 0) :]:
        if hidden_start >= stop:
            break
        if hidden_stop <= start:
            continue
        if hidden_start > start:
            yield start, hidden_start
        start = hidden_stop
    if start < stop:
        yield start, stop


def row_numbers(spans: Sequence[Span]) -> IntArray:
    """The rows in some spans."""
    parts = [np.arange(start, stop) for start, stop in spans]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)


def spans_of(rows: AnyArray) -> tuple[Span, ...]:
    """Increasing row numbers as spans."""
    if not len(rows):
        return ()
    breaks = np.flatnonzero(np.diff(rows) != 1)
    starts, stops = rows[np.concatenate([[0], breaks + 1])], rows[np.concatenate([breaks, [-1]])] + 1
    return tuple(zip(starts.tolist(), stops.tolist(), strict=True))


def _trimmed(index: FileIndex, span: Span, first_ns: int, last_ns: int) -> Span:
    """The span of a symbol without row groups that are its own and wholly out of the range."""
    start, stop = span
    # Whole groups of this symbol; their times do not fall.
    groups = slice(-(-start // ROWS_PER_GROUP), stop // ROWS_PER_GROUP)
    if groups.start < groups.stop:
        n_early = int((index.group_last_ns[groups] < first_ns).sum())
        n_late = int((index.group_first_ns[groups] > last_ns).sum())
        start = max(start, (groups.start + n_early) * ROWS_PER_GROUP if n_early else start)
        stop = min(stop, (groups.stop - n_late) * ROWS_PER_GROUP if n_late else stop)
    return start, stop
