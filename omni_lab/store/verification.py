"""Whether the files of a store still hold what was put there."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from omni_lab.errors import DataError
from omni_lab.store import durable, sql
from omni_lab.store import partition as disk
from omni_lab.store.partition import Partition
from omni_lab.store.reports import Problem, VerifyReport

_ATTEMPTS = 5


def verify_bars(bars_dir: Path) -> VerifyReport:
    """Compare every partition's bytes and values with its manifest."""
    findings = [_verify(directory) for directory in disk.partition_dirs(bars_dir)]
    partitions = [finding.partition for finding in findings if finding.partition]
    return VerifyReport(
        n_partitions=len(partitions),
        n_rows=sum(partition.n_rows for partition in partitions),
        problems=tuple(finding.problem for finding in findings if finding.problem),
        leftovers=tuple(path for finding in findings for path in finding.leftovers),
    )


@dataclass(frozen=True, slots=True)
class _Finding:
    partition: Partition | None
    problem: Problem | None = None
    leftovers: tuple[Path, ...] = ()


def _verify(directory: Path) -> _Finding:
    finding = _verify_once(directory)
    for _ in range(_ATTEMPTS):
        # A writer may have replaced the file between the two looks; damage stays.
        if finding.problem is None:
            break
        again = _verify_once(directory)
        if again == finding:
            break
        finding = again
    return finding


def _verify_once(directory: Path) -> _Finding:
    try:
        partition = disk.read_manifest(directory)
    except DataError as error:
        return _Finding(None, Problem(path=directory / disk.MANIFEST, what=error.what))
    leftovers = tuple(disk.leftovers(directory, partition))
    if partition is None:
        return _Finding(None, None, leftovers)
    path = directory / partition.file
    what = _what_is_wrong(directory, path, partition)
    return _Finding(partition, Problem(path=path, what=what) if what else None, leftovers)


def _what_is_wrong(directory: Path, path: Path, partition: Partition) -> str | None:
    import duckdb

    if directory != disk.partition_dir(directory.parents[1], partition.source, partition.symbol):
        return f"the manifest is that of {partition.name}"
    try:
        n_bytes = path.stat().st_size
        if n_bytes != partition.file_bytes:
            return f"the file has {n_bytes:,} bytes instead of {partition.file_bytes:,}"
        if durable.hash_file(path) != partition.file_sha256:
            return "the file's bytes have changed"
        with closing(sql.cursor()) as cursor:
            columns = sql.select_bars(cursor, [str(path)], [partition.symbol], None, None)
    except FileNotFoundError:
        return "the file is missing"
    except (OSError, duckdb.Error) as error:
        return f"the file cannot be read: {error}"
    if len(columns["ts_ns"]) != partition.n_rows:
        return f"the file has {len(columns['ts_ns']):,} bars instead of {partition.n_rows:,}"
    if not np.array_equal(columns["ts_ns"][[0, -1]], [partition.first_ns, partition.last_ns]):
        return "the first or last bar is not at the stated time"
    if disk.hash_columns(columns, prices_adjusted=partition.prices_adjusted) != partition.content_sha256:
        return "the values are not those that were stored"
    return None
