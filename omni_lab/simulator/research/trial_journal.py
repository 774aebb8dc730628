"""A file of finished trials, from which a search that was cut short goes on.

One line a trial, added when it ends and never changed: a checksum, then JSON with the trial's key (see
``identity.py``), its figures and, if kept, its returns. A process that is killed while it writes leaves at
most a torn last line, which is cut off by whoever opens the file next.
"""

from __future__ import annotations

import base64
import json
import os
import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from omni_lab.config import Settings
from omni_lab.errors import JournalError
from omni_lab.simulator.research.trial import METRICS, Outcome
from omni_lab.store.durable import make_dirs, try_lock
from omni_lab.typing import FloatArray

_NAME = re.compile(r"[\w.-]+")
_HEAD = {"journal": "omni_lab sweep", "form": 1}


class TrialJournal:
    """Finished trials by key, kept in a file.

    Parameters
    ----------
    path : str or Path
        The file, which is made if there is none. A bare name without a suffix means that file under
        ``OMNI_LAB_HOME/sweeps``.

    Raises
    ------
    JournalError
        If the file is in use, is no such journal, or is damaged before its last line.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = journal_path(path)
        make_dirs(self.path.parent)
        try:
            self._file = self.path.open("a+b", buffering=0)
        except OSError as error:
            raise JournalError("the journal cannot be written", found=str(error), where=str(path)) from error
        try:
            if not try_lock(self._file.fileno()):
                raise JournalError(
                    "another search is writing to this journal",
                    where=self.path.name,
                    hint="Wait for it, or give this search a journal of its own.",
                )
            self._places = self._read()
        except BaseException:
            self._file.close()
            raise

    def find(self, key: str, *, with_returns: bool) -> Outcome | None:
        """The outcome of a trial; None if it is not here, or without the returns that are asked for."""
        if key not in self._places:
            return None
        start, length = self._places[key]
        line = os.pread(self._file.fileno(), length, start)
        entry = _parsed(line)
        assert entry is not None
        returns = _returns(entry.get("returns"))
        if with_returns and returns is None:
            return None
        row = tuple(float.fromhex(entry["metrics"][name]) for name in METRICS)
        return Outcome(row=row, returns=returns if with_returns else None)

    def add(self, key: str, parameters: str, outcome: Outcome) -> None:
        """Write down a trial that ended well.

        Raises
        ------
        JournalError
            If the file cannot be written.
        """
        assert outcome.row is not None
        entry: dict[str, Any] = {
            "key": key,
            "parameters": parameters,
            "metrics": {name: float(value).hex() for name, value in zip(METRICS, outcome.row, strict=True)},
        }
        if outcome.returns is not None:
            packed = zlib.compress(outcome.returns.astype("<f8").tobytes(), 1)
            entry["returns"] = base64.b64encode(packed).decode()
        self._places[key] = self._append(entry)

    def close(self) -> None:
        """Put everything on disk and let go of the file."""
        if not self._file.closed:
            os.fsync(self._file.fileno())
            self._file.close()

    def __len__(self) -> int:
        return len(self._places)

    def _append(self, entry: dict[str, Any]) -> tuple[int, int]:
        line = _line(entry)
        start = os.lseek(self._file.fileno(), 0, os.SEEK_END)
        try:
            written = self._file.write(line)
        except OSError as error:
            written, cause = 0, str(error)
        else:
            cause = "the disk is full"
        if written != len(line):
            os.ftruncate(self._file.fileno(), start)
            raise JournalError("the journal cannot be written", found=cause, where=self.path.name)
        return start, len(line)

    def _read(self) -> dict[str, tuple[int, int]]:
        """Where each trial's line lies; a torn last line is cut off."""
        self._file.seek(0)
        content = self._file.readall() or b""
        places: dict[str, tuple[int, int]] = {}
        start = 0
        for number, line in enumerate(content.splitlines(keepends=True), 1):
            entry = _parsed(line) if line.endswith(b"\n") else None
            if entry is None or (number == 1 and entry != _HEAD):
                whole = start + len(line) < len(content) or (number == 1 and line.endswith(b"\n"))
                if whole or (number == 1 and not _line(_HEAD).startswith(line)):
                    raise _damaged(self.path, number, line)
                os.ftruncate(self._file.fileno(), start)
                break
            if number > 1:
                places[entry["key"]] = (start, len(line))
            start += len(line)
        if start == 0:
            self._append(_HEAD)
        return places


def journal_path(given: str | os.PathLike[str]) -> Path:
    """Where a journal lies: a bare name means a file under ``OMNI_LAB_HOME/sweeps``."""
    path = Path(given)
    if isinstance(given, str) and _NAME.fullmatch(given) and not path.suffix:
        return Settings.from_env().sweeps_dir / f"{given}.jsonl"
    return path


def _line(entry: dict[str, Any]) -> bytes:
    body = json.dumps(entry, ensure_ascii=False).encode()
    return b"%08x %s\n" % (zlib.crc32(body), body)


def _parsed(line: bytes) -> dict[str, Any] | None:
    """What a line says; None if it is not whole."""
    checksum, _, body = line.rstrip(b"\n").partition(b" ")
    if checksum != b"%08x" % zlib.crc32(body):
        return None
    entry: dict[str, Any] = json.loads(body)
    return entry


def _returns(packed: str | None) -> FloatArray | None:
    if packed is None:
        return None
    return np.frombuffer(zlib.decompress(base64.b64decode(packed)), dtype="<f8").astype(np.float64)


def _damaged(path: Path, number: int, line: bytes) -> JournalError:
    if number == 1:
        return JournalError(
            "this file is no journal of a sweep",
            found=line[:40].decode(errors="replace"),
            where=path.name,
            hint="Name another file; this one was left as it is.",
        )
    return JournalError(
        "a line of the journal is damaged",
        found=line[:40].decode(errors="replace"),
        where=f"{path.name}, line {number}",
        hint="Only a last line can be torn by a crash. Remove this line to have its trial run again.",
    )
