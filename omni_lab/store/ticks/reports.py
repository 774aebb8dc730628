"""What a tick store says after it wrote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteReport:
    """What a change did to a table.

    Attributes
    ----------
    table : str
        Which.
    operation : str
        What was asked for.
    n_rows, n_symbols : int
        Rows that were written, and symbols that a batch had.
    n_removed : int
        Rows that were replaced or dropped.
    n_files : int
        Files that were written.
    seq : int
        The commit after which the table is so; 0 for a table that is not there.
    repeated : bool
        Whether the batch was stored before, and nothing was done.
    """

    table: str
    operation: str
    n_rows: int = 0
    n_symbols: int = 0
    n_removed: int = 0
    n_files: int = 0
    seq: int = 0
    repeated: bool = False

    def __str__(self) -> str:
        if self.repeated:
            return f"{self.table}: {self.operation}: the batch is stored already"
        symbols = f" of {self.n_symbols:,} symbols" if self.n_symbols else ""
        removed = f", {self.n_removed:,} removed" if self.n_removed else ""
        rows = f"{self.n_rows:,} rows{symbols}{removed}"
        return f"{self.table}: {self.operation}: {rows}, {self.n_files:,} files"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedReport:
    """What ingesting a feed did.

    Attributes
    ----------
    source : str
        The name of the input.
    n_rows : mapping of str to int
        Rows that were stored, by table.
    n_repeated : mapping of str to int
        Rows that were stored by an earlier ingest of the same input, by table.
    elapsed_s : float
        How long it took.
    """

    source: str
    n_rows: Mapping[str, int]
    n_repeated: Mapping[str, int]
    elapsed_s: float = 0.0

    def __str__(self) -> str:
        lines = [f"{self.source}: {sum(self.n_rows.values()):,} rows in {self.elapsed_s:.1f} s"]
        lines += [f"  {table}: {n_rows:,} rows" for table, n_rows in self.n_rows.items()]
        lines += [
            f"  {table}: {n_rows:,} rows were stored before" for table, n_rows in self.n_repeated.items()
        ]
        return "\n".join(lines)
