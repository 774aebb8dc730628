"""One file of ticks: Parquet, sorted by symbol and time, with an index of where each symbol's rows are.

The index lies in the footer, so that file and index are one thing; reading a symbol touches only its row
groups. Every byte that a read relies on is checked: the footer by its hash in the log, pages by their
checksums.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from omni_lab.errors import DataError
from omni_lab.store import durable
from omni_lab.store.ticks.rows import Rows
from omni_lab.store.ticks.schema import TEXT, Column, Schema
from omni_lab.typing import AnyArray, IntArray

ROWS_PER_GROUP: Final = 32_768
Span = tuple[int, int]
"""First row and the one after the last."""

_INDEX: Final = b"omni_lab.index"
_TS_AT: Final = 1  # position of the column ts
_TAIL_BYTES: Final = 8  # length of the footer, and Parquet's magic


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """A file of a table, as the log states it.

    Attributes
    ----------
    name : str
        Below the directory of the table: ``session=2019-01-30/000000000001-0.parquet``.
    session : str
        The day that its rows belong to.
    order : int
        The commit that brought its rows: of the same time, those of an earlier one come first.
    version : int
        Of the schema that it was written with.
    n_rows, n_symbols, n_bytes : int
        How much it holds.
    first_ns, last_ns : int
        Its earliest and its latest time.
    first_symbol, last_symbol : str
        In alphabetical order.
    sha256, footer_sha256 : str
        Hashes of all bytes, and of the footer alone.
    """

    name: str
    session: str
    order: int
    version: int
    n_rows: int
    n_symbols: int
    n_bytes: int
    first_ns: int
    last_ns: int
    first_symbol: str
    last_symbol: str
    sha256: str
    footer_sha256: str

    def may_hold(self, symbols: Sequence[str] | None, first_ns: int, last_ns: int) -> bool:
        """Whether rows of these symbols and times could be in it."""
        if self.last_ns < first_ns or self.first_ns > last_ns:
            return False
        return symbols is None or any(self.first_symbol <= each <= self.last_symbol for each in symbols)


@dataclass(frozen=True, slots=True)
class FileIndex:
    """Where the rows of each symbol are.

    Attributes
    ----------
    positions : dict of str to int
        Position of each symbol in the arrays; in alphabetical order.
    starts : ndarray of int64, shape (n_symbols + 1,)
        First row of each symbol, and the number of rows.
    first_ns, last_ns : ndarray of int64, shape (n_symbols,)
        First and last time of each symbol.
    group_first_ns, group_last_ns : ndarray of int64, shape (n_groups,)
        Earliest and latest time in each row group.
    metadata : pyarrow.parquet.FileMetaData
        The rest of the footer.
    """

    positions: dict[str, int]
    starts: IntArray
    first_ns: IntArray
    last_ns: IntArray
    group_first_ns: IntArray
    group_last_ns: IntArray
    metadata: Any


def write_file(
    directory: Path, name: str, rows: Rows, schema: Schema, *, session: str, order: int
) -> FileEntry:
    """Write rows, durably, to a file that the log may name afterwards.

    Raises
    ------
    OSError
        If the operating system refuses.
    """
    import pyarrow.parquet as pq

    path = directory / name
    durable.make_dirs(path.parent)
    temporary = durable.temporary_path(path.parent, ".parquet")
    table = _arrow(rows, schema)
    packed = ["ts", *(column.name for column in schema.columns if column.role == "id")]
    bare = {*packed, *(column.name for column in schema.columns if column.numpy_dtype.kind in "fb")}
    try:
        pq.write_table(
            table,
            temporary,
            row_group_size=ROWS_PER_GROUP,
            compression="lz4",
            use_dictionary=[each for each in table.column_names if each not in bare],
            column_encoding=dict.fromkeys(packed, "DELTA_BINARY_PACKED"),
            write_statistics=["symbol", "ts"],
            write_page_checksum=True,
        )
        n_bytes, sha256 = temporary.stat().st_size, durable.hash_file(temporary)
        footer_sha256 = hashlib.sha256(_footer(temporary)).hexdigest()
        durable.publish(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return FileEntry(
        name=name,
        session=session,
        order=order,
        version=schema.version,
        n_rows=len(rows),
        n_symbols=len(rows.symbols),
        n_bytes=n_bytes,
        first_ns=int(rows.ts.min()),
        last_ns=int(rows.ts.max()),
        first_symbol=rows.symbols[0],
        last_symbol=rows.symbols[-1],
        sha256=sha256,
        footer_sha256=footer_sha256,
    )


def read_index(path: Path, entry: FileEntry) -> FileIndex:
    """The index of a file, whose footer must be what was written.

    Raises
    ------
    DataError
        If the file is damaged.
    FileNotFoundError
        If there is none.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if path.stat().st_size != entry.n_bytes:
        raise damaged(path, f"{path.stat().st_size:,} bytes instead of {entry.n_bytes:,}")
    footer = _footer(path)
    if hashlib.sha256(footer).hexdigest() != entry.footer_sha256:
        raise damaged(path, "another footer than was written")
    # The magic number at the beginning is all that Parquet asks for before a footer.
    metadata = pq.read_metadata(pa.BufferReader(b"PAR1" + footer))
    facts = json.loads(zlib.decompress(base64.b64decode(metadata.metadata[_INDEX])))

    def array(name: str) -> IntArray:
        return np.frombuffer(base64.b64decode(facts[name]), dtype="<i8").astype(np.int64)

    positions = {symbol: i for i, symbol in enumerate(facts["symbols"])}
    groups = (metadata.row_group(i).column(_TS_AT).statistics for i in range(metadata.num_row_groups))
    bounds = np.array([(group.min, group.max) for group in groups], dtype=np.int64).reshape(-1, 2)
    times = array("first_ns"), array("last_ns"), bounds[:, 0], bounds[:, 1]
    return FileIndex(positions, array("starts"), *times, metadata)


def read_columns(
    path: Path, index: FileIndex, spans: Sequence[Span], columns: Sequence[Column], version: int
) -> dict[str, AnyArray]:
    """Columns of some rows of a file, in the order of the spans.

    Parameters
    ----------
    path : Path
        The file.
    index : FileIndex
        Its index.
    spans : sequence of (int, int)
        Rows, in increasing order and without overlap.
    columns : sequence of Column
        Which; those that the file's version lacks read as their defaults.
    version : int
        Of the schema that it was written with.

    Raises
    ------
    DataError
        If a page is damaged.
    FileNotFoundError
        If there is no such file.
    """
    n_rows = sum(stop - start for start, stop in spans)
    stored = [column for column in columns if column.since <= version]
    read = _read_stored(path, index, spans, stored) if stored and n_rows else {}
    return {
        column.name: read[column.name] if column.name in read else _absent(column, stored, n_rows)
        for column in columns
    }


def damaged(path: Path, what: str) -> DataError:
    """The error for a file that is not what was written."""
    return DataError(
        "a file of the store is damaged: its bytes are not those that were written",
        found=what,
        where=str(path),
        hint="verify() lists what is damaged; ingest it again into an empty table.",
    )


def _absent(column: Column, stored: Sequence[Column], n_rows: int) -> AnyArray:
    return np.zeros(0, column.numpy_dtype) if column in stored else column.filled(n_rows)


def _read_stored(
    path: Path, index: FileIndex, spans: Sequence[Span], columns: Sequence[Column]
) -> dict[str, AnyArray]:
    import pyarrow.parquet as pq

    first = np.array([start // ROWS_PER_GROUP for start, _ in spans])
    last = np.array([(stop - 1) // ROWS_PER_GROUP for _, stop in spans])
    groups = sorted({group for a, b in zip(first, last, strict=True) for group in range(a, b + 1)})
    # Where the rows of each group begin in what is read.
    begins = {group: i * ROWS_PER_GROUP for i, group in enumerate(groups)}
    try:
        with pq.ParquetFile(path, metadata=index.metadata, page_checksum_verification=True) as file:
            table = file.read_row_groups(
                groups, columns=[column.name for column in columns], use_threads=False
            )
    except FileNotFoundError:
        raise
    except OSError as error:
        raise damaged(path, str(error)) from error
    cuts = [
        slice(begins[a] + start % ROWS_PER_GROUP, begins[a] + start % ROWS_PER_GROUP + stop - start)
        for a, (start, stop) in zip(first.tolist(), spans, strict=True)
    ]
    read = {}
    for column in columns:
        values = table.column(column.name)
        array = values.cast("large_string") if column.dtype == TEXT else values
        whole = array.to_numpy()
        # A copy, because Arrow's memory is read-only and would be kept whole for a few of its rows.
        read[column.name] = np.concatenate([whole[cut] for cut in cuts])
    return read


def _arrow(rows: Rows, schema: Schema) -> Any:
    import pyarrow as pa

    encoded = {
        name: base64.b64encode(values.astype("<i8").tobytes()).decode()
        for name, values in {
            "starts": rows.starts,
            "first_ns": rows.ts[rows.starts[:-1]],
            "last_ns": rows.ts[rows.starts[1:] - 1],
        }.items()
    }
    index = json.dumps({"symbols": rows.symbols, **encoded}).encode()
    symbol = pa.DictionaryArray.from_arrays(
        pa.array(rows.codes.astype(np.int32)), pa.array(rows.symbols, pa.string())
    )
    arrays = {"symbol": symbol, "ts": pa.array(rows.ts)}
    for column in schema.columns:
        text = column.dtype == TEXT
        arrays[column.name] = pa.array(rows.columns[column.name], pa.string() if text else None)
    table = pa.table(arrays)
    return table.replace_schema_metadata({_INDEX: base64.b64encode(zlib.compress(index, 1))})


def _footer(path: Path) -> bytes:
    """Everything after the pages: the footer, its length and the magic number."""
    with path.open("rb") as file:
        file.seek(-_TAIL_BYTES, 2)
        tail = file.read(_TAIL_BYTES)
        length = int.from_bytes(tail[:4], "little")
        if tail[4:] != b"PAR1" or length + _TAIL_BYTES > file.tell():
            raise damaged(path, "no Parquet footer at its end")
        file.seek(-_TAIL_BYTES - length, 2)
        return file.read()
