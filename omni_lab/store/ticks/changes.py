"""Changes of rows that are stored already: replace a range, upsert by key, drop what is old, compact."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np

from omni_lab.errors import DataError
from omni_lab.store.durable import iso
from omni_lab.store.ticks.files import FileEntry
from omni_lab.store.ticks.rows import Rows, merged
from omni_lab.store.ticks.schema import Column
from omni_lab.store.ticks.snapshot import FIRST_NS, LAST_NS, Snapshot
from omni_lab.store.ticks.writer import Transaction
from omni_lab.typing import IntArray


def replace_range(
    change: Transaction,
    rows: Rows,
    symbols: Sequence[str],
    first_ns: int | None,
    last_ns: int | None,
    *,
    session: str | None,
) -> int:
    """Put rows in the place of what these symbols have in a range; how many were there.

    Without bounds, the range of each symbol is from its first new row to its last.

    Raises
    ------
    DataError
        If new rows lie outside the range, or are of another symbol.
    """
    strangers = [symbol for symbol in rows.symbols if symbol not in set(symbols)]
    if strangers:
        raise DataError("a new row is of none of the symbols", found=strangers[0], expected=tuple(symbols))
    outside = (rows.ts < (FIRST_NS if first_ns is None else first_ns)) | (
        rows.ts > (LAST_NS if last_ns is None else last_ns)
    )
    if outside.any():
        raise DataError(
            "a new row lies outside the range",
            found=iso(int(rows.ts[int(outside.argmax())])),
            expected=f"{'any time' if first_ns is None else iso(first_ns)} to "
            f"{'any time' if last_ns is None else iso(last_ns)}",
        )
    own = {symbol: rows.ts[run] for symbol, run in rows.runs()}
    bounds = {
        symbol: (
            (int(own[symbol][0]) if symbol in own else LAST_NS) if first_ns is None else first_ns,
            (int(own[symbol][-1]) if symbol in own else FIRST_NS) if last_ns is None else last_ns,
        )
        for symbol in symbols
    }
    n_removed = 0
    for entry, found, numbers in _touched(change.snapshot, bounds, ()):
        low = np.array([bounds[symbol][0] for symbol in found.symbols])
        high = np.array([bounds[symbol][1] for symbol in found.symbols])
        inside = (found.ts >= low[found.codes]) & (found.ts <= high[found.codes])
        change.hide_rows(entry, numbers[inside])
        n_removed += int(inside.sum())
    change.put(rows, session=session)
    return n_removed


def upsert(change: Transaction, rows: Rows, key: Sequence[str], *, session: str | None) -> tuple[int, int]:
    """Add rows in the place of those with the same symbol and key; how many were stored, and replaced."""
    schema = change.current().schema
    columns = tuple(schema[name] for name in key if name != "ts")
    [new] = _key_ids([rows], key)
    # Of new rows with the same key the last one counts.
    last = np.zeros(len(rows), dtype=bool)
    last[len(rows) - 1 - np.unique(new[::-1], return_index=True)[1]] = True
    bounds = {
        symbol: (int(rows.ts[run][0]), int(rows.ts[run][-1])) if "ts" in key else (FIRST_NS, LAST_NS)
        for symbol, run in rows.runs()
    }
    n_replaced = 0
    for entry, found, numbers in _touched(change.snapshot, bounds, columns):
        stored, wanted = _key_ids([found, rows], key)
        same = np.isin(stored, wanted)
        change.hide_rows(entry, numbers[same])
        n_replaced += int(same.sum())
    change.put(rows.take(last), session=session)
    return int(last.sum()), n_replaced


def drop_before(change: Transaction, before_ns: int) -> int:
    """Remove all rows before a time; how many."""
    dropped = 0
    for entry in change.snapshot.state.in_order:
        if entry.first_ns >= before_ns:
            continue
        found, numbers = change.snapshot.located(entry, None, FIRST_NS, before_ns - 1, ())
        change.hide_rows(entry, np.arange(entry.n_rows) if numbers is None else numbers)
        dropped += len(found)
    return dropped


def compact(change: Transaction, *, rows_per_file: int) -> int:
    """Write days anew whose files overlap, are of an old version or have hidden rows; how many files went.

    Of a day's new files each holds symbols of its own, so that a symbol is read from one of them. No more
    rows than ``rows_per_file``, or those of one symbol, are in memory at a time.
    """
    snapshot = change.snapshot
    version = change.current().schema.version
    n_files = 0
    for session in sorted({entry.session for entry in snapshot.state.files.values()}):
        entries = [entry for entry in snapshot.state.in_order if entry.session == session]
        if _is_compact(snapshot, entries, version, rows_per_file):
            continue
        order = max(entry.order for entry in entries)
        for symbols in _portions(snapshot, entries, rows_per_file):
            parts = [
                snapshot.located(entry, symbols, FIRST_NS, LAST_NS, change.current().schema.columns)[0]
                for entry in entries
                if entry.may_hold(symbols, FIRST_NS, LAST_NS)
            ]
            parts = [part for part in parts if len(part)]
            if parts:
                change.put(merged(parts), session=session, order=order)
        change.remove += [entry.name for entry in entries]
        n_files += len(entries)
    return n_files


def _touched(
    snapshot: Snapshot, bounds: Mapping[str, tuple[int, int]], columns: Sequence[Column]
) -> Iterator[tuple[FileEntry, Rows, IntArray]]:
    """Files with rows of these symbols in their ranges; the rows in the widest range, and their numbers."""
    if not bounds:
        return
    symbols = sorted(bounds)
    first_ns = min(low for low, _ in bounds.values())
    last_ns = max(high for _, high in bounds.values())
    for entry in snapshot.state.in_order:
        if entry.may_hold(symbols, first_ns, last_ns):
            found, numbers = snapshot.located(entry, symbols, first_ns, last_ns, columns)
            if len(found):
                yield entry, found, np.arange(entry.n_rows) if numbers is None else numbers


def _key_ids(parts: Sequence[Rows], key: Sequence[str]) -> list[IntArray]:
    """A number for each row of each part, the same for rows with the same symbol and key."""
    names = {symbol: i for i, symbol in enumerate(dict.fromkeys(s for part in parts for s in part.symbols))}
    codes = [
        np.array([names[symbol] for symbol in part.symbols], dtype=np.int64)[part.codes] for part in parts
    ]
    ids = np.concatenate(codes)
    for name in key:
        values, inverse = np.unique(
            np.concatenate([part.columns[name] for part in parts]), return_inverse=True
        )
        # Dense again after each column, so that the product stays small.
        ids = np.unique(ids * len(values) + inverse, return_inverse=True)[1]
    return np.split(ids, np.cumsum([len(part) for part in parts])[:-1])


def _is_compact(snapshot: Snapshot, entries: Sequence[FileEntry], version: int, rows_per_file: int) -> bool:
    # Of two neighbours that compacting makes, one at least is more than half full.
    few = len(entries) <= 1 + 2 * sum(entry.n_rows for entry in entries) // rows_per_file
    by_symbol = sorted(entries, key=lambda entry: entry.first_symbol)
    apart = all(a.last_symbol < b.first_symbol for a, b in pairwise(by_symbol))
    whole = all(entry.version == version and entry.name not in snapshot.state.hidden for entry in entries)
    return few and apart and whole


def _portions(snapshot: Snapshot, entries: Sequence[FileEntry], rows_per_file: int) -> Iterator[list[str]]:
    """Symbols in alphabetical order, in runs that together have about so many rows."""
    counts: dict[str, int] = {}
    for entry in entries:
        index = snapshot.index(entry)
        for symbol, n_rows in zip(index.positions, np.diff(index.starts).tolist(), strict=True):
            counts[symbol] = counts.get(symbol, 0) + n_rows
    portion: list[str] = []
    n_rows = 0
    for symbol in sorted(counts):
        if portion and n_rows + counts[symbol] > rows_per_file:
            yield portion
            portion, n_rows = [], 0
        portion.append(symbol)
        n_rows += counts[symbol]
    if portion:
        yield portion
