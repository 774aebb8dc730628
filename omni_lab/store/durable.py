"""Files that survive a crash, and the lock that makes a writer the only one.

A file is written under a temporary name, synced and renamed, so that its name means the whole file or what it
meant before. What a store keeps in its files, and how, is said elsewhere.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import numpy as np

from omni_lab.errors import DataError

TEMPORARY: Final = ".tmp-"
LOCK: Final = ".writer.lock"

RETIRED_FOR_S: Final = 60.0
"""How long a replaced file stays for readers who are about to open it."""

_POLL_S = 0.02


def temporary_path(directory: Path, suffix: str) -> Path:
    """A name in this directory that readers ignore."""
    return directory / f"{TEMPORARY}{os.getpid()}{suffix}"


def publish(temporary: Path, final: Path) -> None:
    """Give a written file its name: after a crash it means the whole file, or what it meant before."""
    sync(temporary)
    temporary.replace(final)
    sync(final.parent)


def sync(path: Path) -> None:
    """Wait until a file's bytes or a directory's entries are on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_dirs(directory: Path) -> None:
    """Create a directory and its parents, each synced into the one above it."""
    absent = [path for path in (directory, *directory.parents) if not path.exists()]
    directory.mkdir(parents=True, exist_ok=True)
    for path in reversed(absent):
        sync(path.parent)


def retire(path: Path) -> None:
    """Note that a file has just been replaced. Readers who saw its manifest may still be about to open it."""
    with suppress(FileNotFoundError):
        os.utime(path)


def hash_file(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def writer_lock(directory: Path, *, timeout_s: float) -> Iterator[None]:
    """Be the one writer of a store. The lock ends with the process that holds it, however it ends.

    Raises
    ------
    DataError
        If another writer holds it for longer than ``timeout_s``.
    """
    make_dirs(directory)
    path = directory / LOCK
    with path.open("a+", encoding="ascii") as file:
        deadline = time.monotonic() + timeout_s
        while not try_lock(file.fileno()):
            if time.monotonic() > deadline:
                file.seek(0)
                raise DataError(
                    "another process is writing to the store",
                    found=f"process {file.read().strip() or 'unknown'}",
                    where=str(path),
                    hint=f"It held the lock for {timeout_s:g} s; try again when it is done.",
                )
            time.sleep(_POLL_S)
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def unwritable(directory: Path, error: Exception) -> DataError:
    """The error for what the operating system said to a writer."""
    return DataError(
        "the store cannot be written",
        found=str(error),
        where=str(directory),
        hint="Check the directory's permissions and the free space. What was stored before is untouched.",
    )


def iso(ts_ns: int) -> str:
    """A time as ISO 8601 in UTC, without the zeros of a fraction that is not there."""
    seconds, _, fraction = str(np.datetime64(int(ts_ns), "ns")).partition(".")
    fraction = fraction.rstrip("0")
    return f"{seconds}.{fraction}Z" if fraction else f"{seconds}Z"


if sys.platform == "win32":

    def try_lock(descriptor: int) -> bool:
        """Take the exclusive lock of an open file, if nobody holds it; False where somebody does."""
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:

    def try_lock(descriptor: int) -> bool:
        """Take the exclusive lock of an open file, if nobody holds it; False where somebody does."""
        import fcntl

        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
