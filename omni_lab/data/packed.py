"""Files of other people's feeds: found, not empty, and unpacked on the way."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from omni_lab.errors import CodecError, SourceError


@contextmanager
def unpacked(path: Path, what: str, *, member: str = "") -> Iterator[IO[bytes]]:
    """A file as a stream of bytes, whatever it is packed in: nothing, gzip or a zip archive.

    Parameters
    ----------
    path : Path
    what : str
        What the file is, for errors: ``"LOBSTER file"``.
    member : str
        Part of the name of the file to take from an archive that holds several.

    Raises
    ------
    SourceError
        If there is no such file, it is a directory, it is empty, or an archive does not hold one file of that
        name.
    CodecError
        If it ends before its compression says, is damaged, or is a 7z archive; also while it is read within
        the context.
    """
    magic = _magic(path, what)
    if magic == b"7z\xbc\xaf":
        raise CodecError(f"the {what} is a 7z archive", found=path.name, hint="Unpack it first.")
    try:
        if magic == b"PK\x03\x04":
            with zipfile.ZipFile(path) as archive, archive.open(_only(archive, what, member)) as file:
                yield file
        elif magic[:2] == b"\x1f\x8b":
            with gzip.open(path, "rb") as file:
                yield file  # type: ignore[misc] # a GzipFile reads like the others
        else:
            with path.open("rb") as file:
                yield file
    except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile) as error:
        raise CodecError(
            f"the {what} ends before its compression says, or is damaged",
            found=str(error),
            where=path.name,
            hint="Fetch it again.",
        ) from error


def archive_members(path: Path) -> list[str]:
    """Names of the CSV files in a zip archive; none when it is no archive."""
    if not path.is_file() or not zipfile.is_zipfile(path):
        return []
    with zipfile.ZipFile(path) as archive:
        return [name for name in archive.namelist() if name.lower().endswith(".csv")]


def _magic(path: Path, what: str) -> bytes:
    if path.is_dir():
        raise SourceError(f"a {what} is a file", found=f"the directory {path}")
    if not path.is_file():
        raise SourceError(f"there is no such {what}", found=str(path), hint="Check the path.")
    with path.open("rb") as file:
        magic = file.read(4)
    if not magic:
        raise SourceError(f"the {what} is empty", found=str(path), hint="Fetch it again.")
    return magic


def _only(archive: zipfile.ZipFile, what: str, member: str) -> str:
    names = archive.namelist()
    wanted = [name for name in names if member in name] or names
    if len(wanted) != 1:
        raise SourceError(f"an archive must hold one {what}", found=names, where=str(archive.filename))
    return wanted[0]
