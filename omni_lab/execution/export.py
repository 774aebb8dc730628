"""A journal carried out again from front to back: its state at a frame, or its columns in a file.

Long work shows how far it is, and can be interrupted; a file is written whole or not at all.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from omni_lab.errors import ConfigError, DataError
from omni_lab.execution.journal import journal_at
from omni_lab.execution.replay import Replay
from omni_lab.progress import Progress
from omni_lab.typing import AnyArray

_WHAT = ("events", "commands")
_CHUNK = 1 << 15

Columns = Mapping[str, AnyArray]
Write = Callable[[Columns], None]


def replay_to(path: str | Path, sequence: int | None = None, *, progress: bool = True) -> Replay:
    """A journal, shown after a frame that every frame before was carried out again for.

    Parameters
    ----------
    path : path
        Directory of the journal.
    sequence : int, optional
        The frame; the last by default.
    progress : bool
        Whether to show a bar if it takes longer than two seconds.

    Raises
    ------
    JournalError
        If there is no journal, or no such frame in it.
    """
    replay = Replay(path)
    last = replay.last if sequence is None else sequence
    if not replay.first <= last <= replay.last:
        replay.seek(last)  # says why not
    start = replay.sequence
    with Progress(last - start, "replay", progress, unit="frames") as report:
        while replay.sequence < last:
            replay.advance(min(_CHUNK, last - replay.sequence))
            report(replay.sequence - start)
    return replay


def export_journal(
    path: str | Path,
    output: str | Path,
    *,
    what: str = "events",
    file_format: str | None = None,
    progress: bool = True,
) -> int:
    """Write the commands of a journal, or what came of them, as columns of whole numbers (and a few texts).

    Columns are those of ``docs/oms.md``, section 6, for events, and for commands those that `OMS.apply`
    takes; ``seq`` is the frame.

    Parameters
    ----------
    path : path
        Directory of the journal.
    output : path
        The file; its ending tells the format where none is given.
    what : {"events", "commands"}
        Which of the two.
    file_format : {"csv", "parquet", "jsonl"}, optional
        How it is written.
    progress : bool
        Whether to show a bar if it takes longer than two seconds.

    Returns
    -------
    int
        Rows written.

    Raises
    ------
    JournalError
        If there is no journal, or it is damaged.
    ConfigError, DataError
        If the format is unknown, or the file cannot be written.
    """
    if what not in _WHAT:
        raise ConfigError("a journal holds commands, and events come of them", found=what, expected=_WHAT)
    output = Path(output)
    file_format = _format_of(output, file_format)
    replay = Replay(journal_at(path))
    n_rows = 0
    with (
        _whole_file(output) as temporary,
        _WRITERS[file_format](temporary) as write,
        Progress(replay.last - replay.first, "export", progress, unit="frames") as report,
    ):
        for commands, events in _chunks(replay):
            chosen = events if what == "events" else commands
            write(chosen)
            n_rows += len(chosen["seq"])
            report(replay.sequence - replay.first)
    return n_rows


def _chunks(replay: Replay) -> Iterator[tuple[Columns, Columns]]:
    """Columns of commands and events, a chunk of frames at a time; at least one chunk, which may be empty."""
    replay.seek(replay.first)
    while True:
        commands, events = replay.read(_CHUNK)
        yield commands, events
        if len(commands["seq"]) < _CHUNK:
            return


def _format_of(output: Path, file_format: str | None) -> str:
    name = output.suffix.removeprefix(".").lower() if file_format is None else file_format
    if name not in _WRITERS:
        raise ConfigError("unknown format of a file", found=name, expected=list(_WRITERS))
    return name


@contextmanager
def _whole_file(output: Path) -> Iterator[Path]:
    """A file beside the output that takes its place once everything is in it."""
    temporary = output.with_name(f".{output.name}.{uuid4().hex[:8]}.tmp")
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(output)
    except OSError as error:
        raise DataError(
            f"the file cannot be written: {error.strerror or error}", where=str(output)
        ) from error
    finally:
        if temporary.exists():  # to unlink what lies below a file is an error of its own
            temporary.unlink()


@contextmanager
def _csv(path: Path) -> Iterator[Write]:
    from pyarrow import csv

    with _arrow(lambda schema: csv.CSVWriter(path, schema)) as write:
        yield write


@contextmanager
def _parquet(path: Path) -> Iterator[Write]:
    from pyarrow import parquet

    with _arrow(lambda schema: parquet.ParquetWriter(path, schema)) as write:
        yield write


@contextmanager
def _arrow(open_writer: Callable[[Any], Any]) -> Iterator[Write]:
    """Writes tables of Arrow; the first one tells the writer its schema."""
    import pyarrow as pa

    writers: list[Any] = []

    def write(columns: Columns) -> None:
        # From their buffers: asked to look at an array, Arrow would import pandas first.
        arrays = [
            pa.array(column.tolist(), pa.string())
            if column.dtype == object
            else pa.Array.from_buffers(
                pa.from_numpy_dtype(column.dtype), len(column), [None, pa.py_buffer(column)]
            )
            for column in columns.values()
        ]
        table = pa.Table.from_arrays(arrays, names=list(columns))
        if not writers:
            writers.append(open_writer(table.schema))
        writers[0].write_table(table)

    try:
        yield write
    finally:
        for writer in writers:
            writer.close()


@contextmanager
def _jsonl(path: Path) -> Iterator[Write]:
    with path.open("w", encoding="utf-8", newline="\n") as file:

        def write(columns: Columns) -> None:
            names = list(columns)
            for row in zip(*(column.tolist() for column in columns.values()), strict=True):
                file.write(json.dumps(dict(zip(names, row, strict=True))) + "\n")

        yield write


_WRITERS: Mapping[str, Callable[[Path], AbstractContextManager[Write]]] = {
    "csv": _csv,
    "parquet": _parquet,
    "jsonl": _jsonl,
}
