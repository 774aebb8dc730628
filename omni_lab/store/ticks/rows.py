"""Rows of a table in memory: sorted by symbol, then by time, each symbol a run of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from omni_lab.store.ticks.schema import Schema
from omni_lab.typing import AnyArray, IntArray


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one table.

    Attributes
    ----------
    symbols : tuple of str
        In the order of their rows.
    starts : ndarray of int64, shape (n_symbols + 1,)
        Where the rows of each symbol begin, and where the last ones end.
    columns : dict of str to ndarray, shape (n_rows,)
        ``ts``, which does not fall within a symbol, and the columns of the schema.
    """

    symbols: tuple[str, ...]
    starts: IntArray
    columns: dict[str, AnyArray]

    def __len__(self) -> int:
        return int(self.starts[-1])

    @property
    def ts(self) -> IntArray:
        """Nanoseconds since 1970 UTC, or since midnight where a feed has no date."""
        return self.columns["ts"]

    @property
    def codes(self) -> IntArray:
        """The position of each row's symbol in ``symbols``."""
        return np.repeat(np.arange(len(self.symbols), dtype=np.int64), np.diff(self.starts))

    def runs(self) -> Iterator[tuple[str, slice]]:
        """Each symbol and where its rows are."""
        for i, symbol in enumerate(self.symbols):
            yield symbol, slice(int(self.starts[i]), int(self.starts[i + 1]))

    def of(self, symbol: str) -> dict[str, AnyArray]:
        """The columns of one symbol."""
        i = self.symbols.index(symbol)
        own = slice(int(self.starts[i]), int(self.starts[i + 1]))
        return {name: values[own] for name, values in self.columns.items()}

    def take(self, keep: AnyArray) -> Rows:
        """Some of the rows, by mask. Symbols stay, also where they lose all their rows."""
        counts = np.concatenate([[0], np.cumsum(keep)])
        return Rows(
            self.symbols, counts[self.starts], {name: values[keep] for name, values in self.columns.items()}
        )

    def without_empty(self) -> Rows:
        """The same rows, and only the symbols that have any."""
        has = np.diff(self.starts) > 0
        if has.all():
            return self
        symbols = tuple(symbol for symbol, each in zip(self.symbols, has, strict=True) if each)
        return Rows(symbols, np.concatenate([self.starts[:-1][has], self.starts[-1:]]), self.columns)


def empty_rows(schema: Schema, names: Sequence[str] | None = None) -> Rows:
    """No rows of a table."""
    wanted = schema.names if names is None else names
    columns: dict[str, AnyArray] = {"ts": np.zeros(0, dtype=np.int64)}
    columns |= {name: np.zeros(0, dtype=schema[name].numpy_dtype) for name in wanted if name != "ts"}
    return Rows((), np.zeros(1, dtype=np.int64), columns)


def sorted_rows(names: Sequence[str], codes: AnyArray, columns: Mapping[str, AnyArray]) -> Rows:
    """Rows of several symbols in any order, sorted; rows of the same time keep theirs.

    Parameters
    ----------
    names : sequence of str
        Symbols, each once; those without rows are left out.
    codes : ndarray of int, shape (n_rows,)
        The position of each row's symbol in ``names``.
    columns : mapping of str to ndarray
        ``ts`` and others.
    """
    alphabetical = sorted(range(len(names)), key=names.__getitem__)
    # Radix sort, which NumPy uses for 16 bits, is several times faster than comparisons.
    narrow = np.uint16 if len(names) <= np.iinfo(np.uint16).max else np.uint32
    rank: AnyArray = np.empty(len(names), dtype=narrow)
    rank[alphabetical] = np.arange(len(names), dtype=narrow)
    ranks: AnyArray = rank[codes]
    ts = columns["ts"]
    out: dict[str, AnyArray] = dict(columns)
    ordered = bool((ranks[1:] >= ranks[:-1]).all())
    if not ordered:
        order = np.argsort(ranks, kind="stable")
        ts, ranks = ts[order], ranks[order]
    if ((ts[1:] < ts[:-1]) & (ranks[1:] == ranks[:-1])).any():
        again = np.lexsort((ts, ranks))
        order = again if ordered else order[again]
        ordered = False
    if not ordered:
        out = {name: values[order] for name, values in columns.items()}
    starts = np.searchsorted(ranks, np.arange(len(names) + 1, dtype=np.uint32)).astype(np.int64)
    return Rows(tuple(names[i] for i in alphabetical), starts, out).without_empty()


def merged(parts: Sequence[Rows]) -> Rows:
    """Rows of several batches as one; of the same symbol and time, those of earlier batches come first."""
    if len(parts) == 1:
        return parts[0]
    codes_by_name: dict[str, int] = {}
    for part in parts:
        for symbol in part.symbols:
            codes_by_name.setdefault(symbol, len(codes_by_name))
    codes = [
        np.repeat(
            np.array([codes_by_name[symbol] for symbol in part.symbols], dtype=np.uint32),
            np.diff(part.starts),
        )
        for part in parts
    ]
    columns = {name: np.concatenate([part.columns[name] for part in parts]) for name in parts[0].columns}
    return sorted_rows(list(codes_by_name), np.concatenate(codes), columns)


def reordered(rows: Rows, symbols: Sequence[str]) -> Rows:
    """The rows of these symbols in this order; those without rows have empty runs."""
    if tuple(symbols) == rows.symbols:
        return rows
    at = {symbol: i for i, symbol in enumerate(rows.symbols)}
    spans = [
        (int(rows.starts[at[symbol]]), int(rows.starts[at[symbol] + 1])) if symbol in at else (0, 0)
        for symbol in symbols
    ]
    starts = np.concatenate([[0], np.cumsum([stop - start for start, stop in spans])]).astype(np.int64)
    if [symbol for symbol in symbols if symbol in at] == list(rows.symbols):
        return Rows(tuple(symbols), starts, rows.columns)
    parts = [np.arange(start, stop) for start, stop in spans]
    order = np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)
    return Rows(tuple(symbols), starts, {name: values[order] for name, values in rows.columns.items()})
