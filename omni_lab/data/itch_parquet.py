"""Messages of a capture as Parquet: a file for each type, written a batch at a time."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from omni_lab.data.books import Table
from omni_lab.data.itch_messages import MESSAGES
from omni_lab.data.moments import EASTERN, midnight_ns
from omni_lab.errors import SourceError

_PARTIAL = ".partial"
_ROW_GROUP = 1 << 18


def write_parquet(
    batches: Iterable[dict[str, Table]],
    folder: Path,
    *,
    source: str,
    date: dt.date | None = None,
    compression: str = "lz4",
) -> dict[str, int]:
    """Write a Parquet file for each message type, in the memory of a batch.

    A file bears its name only when the whole capture is written; what was there before under that name is
    replaced then.

    Parameters
    ----------
    batches : iterable
        As :meth:`omni_lab.data.itch.ItchFile.column_batches` gives them.
    folder : Path
        Where to; it is made if need be. Files are named after the type, as ``A_add_order.parquet``.
    source : str
        Name of the capture, for the files' metadata.
    date : date, optional
        Day of the capture; the metadata then says ``midnight_ns``, to which ``timestamp`` counts.
    compression : str
        Of Parquet: ``lz4``, the fastest to write; ``snappy``, ``zstd``, ``none``.

    Returns
    -------
    dict of str to int
        Messages written of each type.

    Raises
    ------
    SourceError
        If the folder cannot be made or written to.
    """
    files = _Files(folder, source, date, compression)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for batch in batches:
            for kind, columns in batch.items():
                files.add(kind, columns)
        return files.finish()
    except OSError as error:
        raise SourceError(
            "the messages cannot be written",
            found=str(error),
            where=str(folder),
            hint="Choose another folder.",
        ) from error
    finally:
        files.discard()


class _Files:
    """The files on their way; rows wait for a whole row group, as small ones are slow to write."""

    def __init__(self, folder: Path, source: str, date: dt.date | None, compression: str) -> None:
        self._folder = folder
        self._compression = compression
        self._metadata = {
            "source": source,
            "timestamp": "nanoseconds since midnight in New York",
            "price_unit": "1/10000 USD",
        }
        if date:
            self._metadata |= {"date": date.isoformat(), "midnight_ns": str(midnight_ns(date, EASTERN))}
        self._waiting: dict[str, list[Table]] = {}
        self._writers: dict[str, Any] = {}
        self._counts: Counter[str] = Counter()

    def add(self, kind: str, columns: Table) -> None:
        """More messages of a type."""
        waiting = self._waiting.setdefault(kind, [])
        waiting.append(columns)
        self._counts[kind] += len(columns["timestamp"])
        if sum(len(part["timestamp"]) for part in waiting) >= _ROW_GROUP:
            self._write(kind)

    def finish(self) -> dict[str, int]:
        """Write what waits, and give the files their names; how many messages each holds."""
        for kind in self._waiting:
            self._write(kind)
        for writer in self._writers.values():
            writer.close()
        while self._writers:
            kind, _ = self._writers.popitem()
            self._partial(kind).replace(self._folder / file_name(kind))
        return dict(self._counts)

    def discard(self) -> None:
        """Leave nothing half-written behind."""
        for kind, writer in self._writers.items():
            with suppress(OSError):
                writer.close()
            self._partial(kind).unlink(missing_ok=True)

    def _write(self, kind: str) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        waiting, self._waiting[kind] = self._waiting[kind], []
        if not waiting:
            return
        arrays = {name: _arrow(np.concatenate([part[name] for part in waiting])) for name in waiting[0]}
        table = pa.table(arrays).replace_schema_metadata(self._metadata)
        if kind not in self._writers:
            self._writers[kind] = parquet.ParquetWriter(
                self._partial(kind),
                table.schema,
                compression=self._compression,
                use_dictionary=[name for name, array in arrays.items() if pa.types.is_dictionary(array.type)],
                write_statistics=["timestamp", "stock_locate"],
            )
        self._writers[kind].write_table(table)

    def _partial(self, kind: str) -> Path:
        return self._folder / (file_name(kind) + _PARTIAL)


def file_name(kind: str) -> str:
    """Name of the file of a message type: ``A_add_order.parquet``."""
    words = re.sub(r"(?<!^)(?=[A-Z])", "_", MESSAGES[kind].__name__).lower()
    return f"{kind}_{words}.parquet"


def _arrow(values: Any) -> Any:
    """An Arrow array; text without its padding, each different one stored once."""
    import pyarrow as pa

    width = values.dtype.itemsize
    if values.dtype.kind != "S" and values.dtype != np.uint8:
        return pa.array(values)
    # Hashing numbers is several times faster than hashing text.
    coded = pa.array(values.view(f"u{width}")).dictionary_encode()
    different = coded.dictionary.to_numpy().view(f"S{width}")
    words = [word.decode("latin-1").rstrip() for word in different.tolist()]
    return pa.DictionaryArray.from_arrays(coded.indices, pa.array(words, pa.string()))
