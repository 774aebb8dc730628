"""The journal of a run: an append-only file with a frame for everything that happened, in the order it did.

Frame 1 is the manifest, canonical JSON, which also says what the other frames hold. Those have payloads of
one length: the fields of a row, packed, and zeros. Layout and checksums are those of `omni_lab.store.frames`.
Equal runs give equal files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from omni_lab.errors import JournalError, SchemaError
from omni_lab.store.durable import hash_file, make_dirs, publish, temporary_path
from omni_lab.store.frames import (
    FRAME_HEADER,
    SEGMENT_HEADER,
    Bytes,
    check_segment_header,
    flaw_in,
    kinds_of,
    sealed,
    segment_header,
    stored_bytes,
)
from omni_lab.strategies.identity import canonical_json
from omni_lab.typing import AnyArray, IntArray

FORMAT = "omni_lab run 1"
_MANIFEST = 0
_FRAMES_AT_ONCE = 1 << 15


@dataclass(frozen=True, slots=True)
class Happenings:
    """What goes into a journal.

    Attributes
    ----------
    manifest : dict
        Of the run.
    tables : mapping of str to dict of ndarray
        What happened, one row each; the kind of a frame is the place of its table, from 1.
    order : tuple of (ndarray of int, ndarray of int)
        Table (from 0) and row of each frame, in the order in which things happened.
    """

    manifest: dict[str, Any]
    tables: Mapping[str, Mapping[str, AnyArray]]
    order: tuple[IntArray, IntArray]


def in_order(*keys: tuple[AnyArray, ...]) -> tuple[IntArray, IntArray]:
    """Table and row of each frame, by keys: for each table a tuple of columns, the weightiest first."""
    tables = np.concatenate([np.full(len(each[0]), place) for place, each in enumerate(keys)])
    rows = np.concatenate([np.arange(len(each[0])) for each in keys])
    columns = [np.concatenate([each[level] for each in keys]) for level in range(len(keys[0]))]
    sorting = np.lexsort(columns[::-1])
    return tables[sorting], rows[sorting]


def write_journal(what: Happenings, path: str | Path) -> Path:
    """Write a journal; the name means the whole file, or what it meant before.

    Raises
    ------
    JournalError
        If it cannot be written.
    """
    path = Path(path)
    temporary = temporary_path(path.parent, path.suffix)
    try:
        make_dirs(path.parent)
        try:
            with temporary.open("wb") as file:
                file.writelines(_chunks(what))
            publish(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise JournalError("the journal cannot be written", found=str(error), where=str(path)) from error
    return path


def journal_sha256(what: Happenings) -> str:
    """SHA-256 (hex) of the file that `write_journal` would write."""
    digest = hashlib.sha256()
    for chunk in _chunks(what):
        digest.update(chunk)
    return digest.hexdigest()


def open_journal(path: str | Path) -> RunJournal:
    """The journal of a run; its header and manifest are checked, the other frames when they are read.

    Raises
    ------
    JournalError
        If there is no such file, or it is no journal of a run, or damaged, saying at which offset.
    """
    path = Path(path)
    try:
        bytes_: Bytes = np.memmap(path, dtype=np.uint8, mode="r")
    except (OSError, ValueError) as error:
        raise JournalError("the journal cannot be read", found=str(error), where=str(path)) from error
    return RunJournal(path, bytes_)


class RunJournal:
    """A journal of a run on disk.

    Attributes
    ----------
    path : Path
    manifest : dict
        What was run: data, strategy, settings, versions.
    n_frames : int
        Frames, the manifest included.
    """

    def __init__(self, path: Path, content: Bytes) -> None:
        self.path, self._content = path, content
        head = content[:SEGMENT_HEADER].tobytes()
        check_segment_header(head, len(content), str(path))
        size = content[SEGMENT_HEADER:][:4].tobytes()
        length = int.from_bytes(size, "little")
        end = SEGMENT_HEADER + stored_bytes(length)
        if len(size) < 4 or end > len(content):
            self._damaged(SEGMENT_HEADER, 1, "length of the manifest", len(content) - SEGMENT_HEADER, length)
        self._check(content[SEGMENT_HEADER:end][np.newaxis], length, 1, SEGMENT_HEADER)
        about = json.loads(content[SEGMENT_HEADER + FRAME_HEADER :][:length].tobytes())
        if not isinstance(about, dict) or about.get("format") != FORMAT:
            raise JournalError("this journal is of no run", expected=FORMAT, where=str(path))
        self.manifest: dict[str, Any] = about["run"]
        self._layouts = {name: _dtype(fields) for name, fields in about["tables"].items()}
        self._order = list(about["order"])
        self._length, self._begin = int(about["payload_bytes"]), end
        stride = stored_bytes(self._length)
        n_rows, rest = divmod(len(content) - end, stride)
        if rest:
            self._damaged(end + n_rows * stride, n_rows + 2, "bytes of the frame", stride, rest)
        self._frames = content[end:].reshape(n_rows, stride)
        self.n_frames = n_rows + 1

    def verify(self) -> int:
        """Read every frame; how many there are.

        Raises
        ------
        JournalError
            At the first frame that is damaged, with its offset and sequence.
        """
        stride = self._frames.shape[1]
        for first in range(0, len(self._frames), _FRAMES_AT_ONCE):
            some = self._frames[first : first + _FRAMES_AT_ONCE]
            self._check(np.asarray(some), self._length, first + 2, self._begin + first * stride)
        kinds = self._kinds
        strange = np.flatnonzero((kinds < 1) | (kinds > len(self._order)))
        if len(strange):
            row = int(strange[0])
            self._damaged(
                self._begin + row * stride, row + 2, "kind of the frame", len(self._order), int(kinds[row])
            )
        return self.n_frames

    @cached_property
    def sha256(self) -> str:
        """SHA-256 (hex) of the file."""
        return hash_file(self.path)

    @property
    def tables(self) -> tuple[str, ...]:
        """What the frames hold."""
        return tuple(self._order)

    @property
    def counts(self) -> dict[str, int]:
        """How many frames each table has."""
        return {name: int((self._kinds == place + 1).sum()) for place, name in enumerate(self._order)}

    @cached_property
    def frames(self) -> AnyArray:
        """Name of the table of each frame but the manifest, in the order in which things happened."""
        self.verify()
        return np.array(self._order, dtype=np.str_)[self._kinds - 1]

    def table(self, name: str) -> dict[str, AnyArray]:
        """The columns of one table, in the whole units of the engine; every frame is verified first.

        Raises
        ------
        SchemaError
            If there is no such table.
        JournalError
            If the journal is damaged.
        """
        if name not in self._layouts:
            raise SchemaError("the journal has no such table", found=name, expected=self.tables)
        layout = self._layouts[name]
        mine = self.frames == name
        payloads = np.ascontiguousarray(self._frames[mine, FRAME_HEADER : FRAME_HEADER + layout.itemsize])
        rows = payloads.view(layout)[:, 0]
        return {field: np.ascontiguousarray(rows[field]) for field in layout.names or ()}

    def __repr__(self) -> str:
        rows = ", ".join(f"{count:,} {name}" for name, count in self.counts.items())
        return f"RunJournal({self.path.name}: {rows})"

    @property
    def _kinds(self) -> IntArray:
        return kinds_of(self._frames)

    def _check(self, frames: Bytes, length: int, sequence: int, offset: int) -> None:
        flaw = flaw_in(frames, length, sequence)
        if flaw is not None:
            at = offset + flaw.row * frames.shape[1]
            self._damaged(at, sequence + flaw.row, flaw.what, flaw.expected, flaw.found)

    def _damaged(self, offset: int, sequence: int, what: str, expected: int, found: int) -> None:
        raise JournalError(
            "the journal is damaged",
            found=f"{what} {found}",
            expected=str(expected),
            where=f"{self.path}, frame {sequence} at offset {offset}",
            hint="Nothing from this frame on can be trusted; run it again, the manifest says how.",
        )


def _chunks(what: Happenings) -> Iterator[bytes]:
    """The file, piece by piece."""
    layouts = {name: _packed(table) for name, table in what.tables.items()}
    length = max((layout.itemsize for layout in layouts.values()), default=0)
    about = {
        "format": FORMAT,
        "run": what.manifest,
        "payload_bytes": length,
        "order": list(layouts),
        "tables": {name: _fields(layout) for name, layout in layouts.items()},
    }
    manifest = np.frombuffer(canonical_json(about).encode(), np.uint8)[np.newaxis]
    first = sealed(manifest, _MANIFEST, 1).tobytes()
    tables, rows = what.order
    yield segment_header(SEGMENT_HEADER + len(first) + len(rows) * stored_bytes(length))
    yield first
    for begin in range(0, len(rows), _FRAMES_AT_ONCE):
        chosen = slice(begin, begin + _FRAMES_AT_ONCE)
        payloads = np.zeros((len(rows[chosen]), length), dtype=np.uint8)
        for place, (name, layout) in enumerate(layouts.items()):
            mine = np.flatnonzero(tables[chosen] == place)
            packed = np.empty(len(mine), dtype=layout)
            for field in layout.names or ():
                packed[field] = what.tables[name][field][rows[chosen][mine]]
            payloads[mine, : layout.itemsize] = packed.view(np.uint8).reshape(-1, layout.itemsize)
        yield sealed(payloads, tables[chosen] + 1, begin + 2).tobytes()


def _packed(table: Mapping[str, AnyArray]) -> np.dtype[Any]:
    """The layout of a row: its columns one after the other, little-endian, without gaps."""
    return np.dtype([(name, column.dtype.newbyteorder("<")) for name, column in table.items()])


def _fields(layout: np.dtype[Any]) -> list[list[str]]:
    return [[name, layout[name].str] for name in layout.names or ()]


def _dtype(fields: list[list[str]]) -> np.dtype[Any]:
    return np.dtype([(name, kind) for name, kind in fields])
