"""One symbol of one source on disk: a Parquet file of bars, and a manifest that says what it must contain.

The manifest is the truth. A file that no manifest names does not exist for readers, so a writer that dies
half-way leaves the store as it was: files are written under temporary names, synced, renamed, and only then
named by a manifest that is replaced the same way. File names carry their content's hash, so a name never
changes its meaning.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Final
from urllib.parse import quote

import numpy as np

from omni_lab.errors import DataError
from omni_lab.store import durable
from omni_lab.store.durable import hash_file, iso
from omni_lab.typing import AnyArray

SCHEMA_VERSION: Final = 1
MANIFEST: Final = "manifest.json"
VALUE_COLUMNS: Final = ("open", "high", "low", "close", "volume", "adj_close")

_MAX_NAME_BYTES = 200


class DamagedManifestError(DataError):
    """A manifest does not hold what a manifest holds; writing the symbol again mends it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """What is stored of one symbol of one source, as its manifest states it.

    Attributes
    ----------
    source, symbol : str
        Whose bars these are.
    file : str
        Name of the Parquet file, in the manifest's directory.
    n_rows : int
        Number of bars.
    first_ns, last_ns : int
        Closing times of the first and the last bar, nanoseconds since 1970 UTC.
    content_sha256 : str
        Hash of the times and values, however they are encoded.
    file_sha256 : str
        Hash of the file's bytes.
    file_bytes : int
        Length of the file.
    has_ohlc, has_volume, has_adj_close : bool
        Whether every bar has these; every bar has a close.
    prices_adjusted : bool
        Whether closes already include dividends and splits, or there are none.
    repairs : mapping of str to int
        How many bars each repair rule touched before they were stored.
    ingested_at : str
        When, ISO 8601 in UTC.
    schema : int
        Version of this layout.
    """

    source: str
    symbol: str
    file: str
    n_rows: int
    first_ns: int
    last_ns: int
    content_sha256: str
    file_sha256: str
    file_bytes: int
    has_ohlc: bool
    has_volume: bool
    has_adj_close: bool
    prices_adjusted: bool
    repairs: Mapping[str, int]
    ingested_at: str
    schema: int = SCHEMA_VERSION

    @property
    def name(self) -> str:
        """``source:symbol``, which is unique in a store."""
        return f"{self.source}:{self.symbol}"

    @property
    def has_adjusted(self) -> bool:
        """Whether adjusted prices can be read."""
        return self.has_adj_close or self.prices_adjusted

    @property
    def span(self) -> str:
        """First to last bar, for messages."""
        return f"{iso(self.first_ns)} to {iso(self.last_ns)}"


def partition_dir(bars_dir: Path, source: str, symbol: str) -> Path:
    """The directory of a symbol of a source; characters that file systems dislike are percent-encoded."""
    leaf = _leaf(symbol)
    if len(leaf) > _MAX_NAME_BYTES:
        raise DataError("the symbol is too long to be stored", found=symbol, where=f"source {source!r}")
    return bars_dir / f"source={quote(source, safe='')}" / leaf


def partition_dirs(bars_dir: Path, symbol: str | None = None) -> list[Path]:
    """The directories of all partitions, or of one symbol in every source; sorted."""
    leaf = "symbol=*" if symbol is None else _leaf(symbol)
    # Nothing is stored under a name that is too long, and the file system may refuse to look for it.
    return sorted(bars_dir.glob(f"source=*/{leaf}")) if len(leaf) <= _MAX_NAME_BYTES else []


def read_manifest(directory: Path) -> Partition | None:
    """The manifest in a directory; None if there is none.

    Raises
    ------
    DamagedManifestError
        If it does not hold what a manifest holds.
    DataError
        If it cannot be read, or is of a layout this version does not know.
    """
    path = directory / MANIFEST
    try:
        facts = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise DataError("the manifest cannot be read", found=str(error), where=str(path)) from error
    except ValueError as error:
        raise _damaged(path, str(error)) from error
    if isinstance(facts, dict) and isinstance(facts.get("schema"), int) and facts["schema"] > SCHEMA_VERSION:
        raise DataError(
            "the partition was written by a newer version of OmniLab",
            found=f"layout {facts['schema']}",
            expected=f"layout {SCHEMA_VERSION}",
            where=str(path),
            hint="Update OmniLab.",
        )
    names = {field.name for field in fields(Partition)}
    if not isinstance(facts, dict) or not names <= facts.keys():
        raise _damaged(path, "fields are missing")
    return Partition(**{name: facts[name] for name in names})


def write_manifest(directory: Path, partition: Partition) -> None:
    """Make a partition what readers see, at once or not at all."""
    facts = asdict(partition) | {"first": iso(partition.first_ns), "last": iso(partition.last_ns)}
    temporary = durable.temporary_path(directory, ".json")
    temporary.write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    durable.publish(temporary, directory / MANIFEST)


def is_intact(directory: Path, partition: Partition) -> bool:
    """Whether the partition's file is there, byte for byte."""
    path = directory / partition.file
    try:
        return path.stat().st_size == partition.file_bytes and hash_file(path) == partition.file_sha256
    except FileNotFoundError:
        return False


def leftovers(directory: Path, partition: Partition | None) -> list[Path]:
    """Files of a partition that no manifest names: replaced ones, and what a killed writer left."""
    kept = {MANIFEST, partition.file if partition else None}
    return sorted(path for path in directory.iterdir() if path.name not in kept)


def sweep(directory: Path, partition: Partition) -> None:
    """Remove what no reader can want any more. For the one writer alone."""
    latest = time.time() - durable.RETIRED_FOR_S
    for path in leftovers(directory, partition):
        with suppress(FileNotFoundError):
            if path.name.startswith(durable.TEMPORARY) or path.stat().st_mtime <= latest:
                path.unlink()


def hash_columns(columns: Mapping[str, AnyArray], *, prices_adjusted: bool) -> str:
    """SHA-256 of bars, in hex: the same for the same times and values wherever and however they are stored.

    Parameters
    ----------
    columns : mapping of str to ndarray
        ``ts_ns`` and the value columns, with NaN where there is nothing.
    prices_adjusted : bool
        Part of what the numbers mean, and so of the hash.
    """
    digest = hashlib.sha256(f"bars 1 adjusted={int(prices_adjusted)}\n".encode())
    digest.update(np.ascontiguousarray(columns["ts_ns"], dtype="<i8").tobytes())
    for name in VALUE_COLUMNS:
        values = np.asarray(columns[name], dtype="<f8")
        # Every NaN alike, and no negative zero.
        digest.update(np.where(np.isnan(values), np.nan, values + 0.0).astype("<f8").tobytes())
    return digest.hexdigest()


def _leaf(symbol: str) -> str:
    return f"symbol={quote(symbol, safe='')}"


def _damaged(path: Path, what: str) -> DamagedManifestError:
    return DamagedManifestError(
        "the manifest of a partition is damaged",
        found=what,
        where=str(path),
        hint=f"Ingest the symbol again, or delete the directory {path.parent}.",
    )
