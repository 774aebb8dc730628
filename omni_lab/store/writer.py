"""How checked bars become partitions: one writer at a time, each symbol whole or not at all."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from omni_lab.errors import DataError
from omni_lab.store import durable, sql
from omni_lab.store import partition as disk
from omni_lab.store.partition import VALUE_COLUMNS, DamagedManifestError, Partition
from omni_lab.store.reports import Change, IngestReport, SymbolReport
from omni_lab.typing import AnyArray

if TYPE_CHECKING:
    from omni_lab.data.checks import CheckedBars

_PROGRESS_AFTER_S = 1.0


def write_bars(
    bars_dir: Path,
    checked: CheckedBars,
    *,
    source: str,
    prices_adjusted: bool,
    lock_timeout_s: float,
    progress: bool,
) -> IngestReport:
    """Store checked bars, and say what that changed.

    Interrupted at any point, every symbol is stored as before or as given.

    Parameters
    ----------
    bars_dir : Path
        The directory of all partitions.
    checked : CheckedBars
        Bars of any number of symbols.
    source : str
        Whose bars they are.
    prices_adjusted : bool
        Whether closes already include dividends and splits, or there are none.
    lock_timeout_s : float
        How long to wait for another writer.
    progress : bool
        Whether to show progress when it takes more than a second.

    Raises
    ------
    DataError
        If another writer does not finish in time, or the directory cannot be written.
    """
    began = time.monotonic()
    counts = checked.counts()
    blocks = _blocks(checked)
    with _writing(bars_dir), durable.writer_lock(bars_dir, timeout_s=lock_timeout_s):
        symbols = tuple(
            _write_symbol(bars_dir, source, symbol, columns, prices_adjusted, counts.get(symbol, {}))
            for symbol, columns in _shown(blocks.items(), source, progress=progress)
        )
    return IngestReport(
        source=source, symbols=symbols, notes=checked.notes, elapsed_s=time.monotonic() - began
    )


def _write_symbol(
    bars_dir: Path,
    source: str,
    symbol: str,
    columns: Mapping[str, AnyArray],
    prices_adjusted: bool,
    repairs: Mapping[str, int],
) -> SymbolReport:
    directory = disk.partition_dir(bars_dir, source, symbol)
    durable.make_dirs(directory)
    content = disk.hash_columns(columns, prices_adjusted=prices_adjusted)
    before, change = _compare(directory, source, symbol, content)
    ts = columns["ts_ns"]
    if before is not None and change == "unchanged":
        after = before
    else:
        after = _publish(directory, source, symbol, columns, content, prices_adjusted, repairs)
        if before is not None and before.file != after.file:
            durable.retire(directory / before.file)
    disk.sweep(directory, after)
    return SymbolReport(
        symbol=symbol,
        change=change,
        n_rows=len(ts),
        n_rows_before=before.n_rows if before else 0,
        first_ns=int(ts[0]),
        last_ns=int(ts[-1]),
        repairs=repairs,
    )


def _compare(directory: Path, source: str, symbol: str, content: str) -> tuple[Partition | None, Change]:
    """What is stored, and what storing this content is to it."""
    try:
        before = disk.read_manifest(directory)
    except DamagedManifestError:
        return None, "repaired"
    if before is None:
        return None, "added"
    if (before.source, before.symbol) != (source, symbol):
        raise DataError(
            "this file system does not tell two names apart",
            found=f"{source}:{symbol}",
            expected=f"a name unlike {before.name}",
            where=str(directory),
        )
    if before.content_sha256 != content:
        return before, "replaced"
    return before, "unchanged" if disk.is_intact(directory, before) else "repaired"


def _publish(
    directory: Path,
    source: str,
    symbol: str,
    columns: Mapping[str, AnyArray],
    content: str,
    prices_adjusted: bool,
    repairs: Mapping[str, int],
) -> Partition:
    temporary = durable.temporary_path(directory, ".parquet")
    try:
        _write_parquet(temporary, source, symbol, columns)
        file_sha256 = durable.hash_file(temporary)
        has = {name: not np.isnan(columns[name]).any() for name in VALUE_COLUMNS}
        partition = Partition(
            source=source,
            symbol=symbol,
            file=f"bars-{content[:12]}-{file_sha256[:12]}.parquet",
            n_rows=len(columns["ts_ns"]),
            first_ns=int(columns["ts_ns"][0]),
            last_ns=int(columns["ts_ns"][-1]),
            content_sha256=content,
            file_sha256=file_sha256,
            file_bytes=temporary.stat().st_size,
            has_ohlc=has["open"],
            has_volume=has["volume"],
            has_adj_close=has["adj_close"],
            prices_adjusted=prices_adjusted,
            repairs=dict(repairs),
            ingested_at=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        )
        durable.publish(temporary, directory / partition.file)
        disk.write_manifest(directory, partition)
    finally:
        temporary.unlink(missing_ok=True)
    return partition


def _write_parquet(path: Path, source: str, symbol: str, columns: Mapping[str, AnyArray]) -> None:
    with closing(sql.cursor()) as cursor:
        cursor.register("bars", dict(columns))
        cursor.execute(
            f"""
            COPY (
                SELECT {sql.literal(source)} AS source, {sql.literal(symbol)} AS symbol, ts_ns,
                       open, high, low, close, volume, adj_close
                FROM bars ORDER BY ts_ns
            ) TO {sql.literal(str(path))} (FORMAT parquet, COMPRESSION zstd)
            """
        ).fetchall()
        cursor.unregister("bars")


def _shown(
    blocks: Collection[tuple[str, dict[str, AnyArray]]], source: str, *, progress: bool
) -> Iterable[tuple[str, dict[str, AnyArray]]]:
    # Even a disabled bar takes a lock that forked processes share, and one of them may have died holding it.
    if not progress:
        return blocks
    from tqdm.auto import tqdm

    return tqdm(blocks, desc=source, unit="symbol", delay=_PROGRESS_AFTER_S)


def _blocks(checked: CheckedBars) -> dict[str, dict[str, AnyArray]]:
    """Columns of each symbol, in the order of the frame."""
    frame = checked.frame
    ts_ns = frame["ts"].to_numpy(dtype="datetime64[ns]").astype(np.int64)
    values = {name: frame[name].to_numpy(dtype=np.float64) for name in VALUE_COLUMNS}
    blocks: dict[str, dict[str, AnyArray]] = {}
    for symbol, rows in frame.groupby("symbol", sort=False).indices.items():
        own = slice(int(rows[0]), int(rows[-1]) + 1)
        blocks[str(symbol)] = {"ts_ns": ts_ns[own], **{name: column[own] for name, column in values.items()}}
    return blocks


@contextmanager
def _writing(bars_dir: Path) -> Iterator[None]:
    import duckdb

    try:
        yield
    except (OSError, duckdb.Error) as error:
        raise durable.unwritable(bars_dir, error) from error
