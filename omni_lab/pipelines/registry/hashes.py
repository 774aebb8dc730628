"""What a question is: hashes of the code, of what is installed, of the lake, and of all that decides a run.

Equal questions have equal hashes on any machine: no path and no time is part of one.
"""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from omni_lab.errors import DataError
from omni_lab.pipelines.folder import dump_json
from omni_lab.store.durable import hash_file
from omni_lab.store.partition import partition_dirs, read_manifest

_PACKAGE = Path(__file__).resolve().parents[2]
_NATIVE_SOURCES = (".rs", ".toml", ".lock")
_BUILT = (".so", ".pyd", ".dylib")
_IGNORED = frozenset({"__pycache__", "target"})
_INSTALLED = frozenset({"site-packages", "dist-packages"})

_codes: dict[Path, tuple[str, str]] = {}


def code_sha256(package: Path = _PACKAGE) -> str:
    """Hash of the sources of the package and of its native module, or of the built module without sources.

    Parameters
    ----------
    package : Path
        Its directory; this one's by default.
    """
    native = package.parent / "native"
    if not (native / "Cargo.toml").is_file():
        native = package / "no sources"
    sources = sorted(_files(package, native))
    # Looked at again in every run: a process may live longer than the code on disk that its kernels import.
    seen = hashlib.sha256()
    for name, path in sources:
        found = path.stat()
        seen.update(f"{name} {found.st_size} {found.st_mtime_ns}\n".encode())
    state = seen.hexdigest()
    if _codes.get(package, ("", ""))[0] != state:
        _codes[package] = state, _hash_of(f"{name} {hash_file(path)}" for name, path in sources)
    return _codes[package][1]


def _files(package: Path, native: Path) -> Iterator[tuple[str, Path]]:
    for top, suffixes in ((package, None), (native, _NATIVE_SOURCES)):
        for directory, inner, names in os.walk(top):
            inner[:] = [name for name in inner if name not in _IGNORED and not name.startswith(".")]
            for name in names:
                path = Path(directory, name)
                if suffixes is None:
                    wanted = path.suffix != ".pyc" and (path.suffix not in _BUILT or not native.is_dir())
                else:
                    wanted = path.suffix in suffixes
                if wanted and not name.startswith("."):
                    yield f"{top.name}/{path.relative_to(top).as_posix()}", path


def lock_sha256(paths: Sequence[str] | None = None) -> str:
    """Hash of the names and versions of what is installed, and of Python's.

    Parameters
    ----------
    paths : sequence of str, optional
        Where to look; ``sys.path`` by default. Directories that a package brings and puts there when it is
        imported, as Ray does, hold nothing that was installed.
    """
    found = {f"python {platform.python_version()}"}
    for path in sys.path if paths is None else paths:
        directory = Path(path or ".")
        if not directory.is_dir() or not _INSTALLED.isdisjoint(directory.parent.parts):
            continue
        for info in (*directory.glob("*.dist-info"), *directory.glob("*.egg-info")):
            name, _, version = info.stem.partition("-")
            if version and name.lower() != _PACKAGE.name:
                found.add(f"{name.lower().replace('_', '-')} {version.partition('-py')[0]}")
    return _hash_of(sorted(found))


def lake_sha256(lake_dir: Path) -> str:
    """Hash of what the lake holds, bars and ticks; equal for equal content, wherever it lies.

    A partition that is damaged is told by that: what reads it will say so.
    """
    from omni_lab.store.ticks.log import read_state

    told = []
    for directory in partition_dirs(lake_dir / "bars"):
        try:
            manifest = read_manifest(directory)
        except DataError as error:
            told.append(f"bars {directory.parent.name}/{directory.name} damaged {type(error).__name__}")
            continue
        if manifest is not None:
            told.append(f"bars {manifest.name} {manifest.content_sha256} {manifest.prices_adjusted}")
    ticks = lake_dir / "ticks"
    for directory in sorted(ticks.iterdir()) if ticks.is_dir() else ():
        try:
            state = read_state(directory) if directory.is_dir() else None
        except (DataError, KeyError, ValueError) as error:
            told.append(f"ticks {directory.name} damaged {type(error).__name__}")
            continue
        if state is not None:
            told += [
                f"ticks {directory.name} {each.sha256} {state.hidden.get(each.name, ())}"
                for each in state.in_order
            ]
    return _hash_of(told)


def content_sha256(path: Path) -> str | None:
    """Hash of a file, or of the files of a directory with their names; None if it is not there."""
    if path.is_dir():
        inside = sorted(each for each in path.rglob("*") if each.is_file())
        return _hash_of(f"{each.relative_to(path).as_posix()} {hash_file(each)}" for each in inside)
    return hash_file(path) if path.is_file() else None


def question_sha256(
    *,
    pipeline: str,
    notebook: str,
    parameters: Mapping[str, Any],
    state: Mapping[str, str],
    upstream: Mapping[str, str],
) -> str:
    """Fingerprint of a question.

    Parameters
    ----------
    pipeline : str
    notebook : str
        Hash of the notebook.
    parameters : mapping
        Effective values; of a file, the hash of its content.
    state : mapping of str to str
        Hashes of the shared state that it reads.
    upstream : mapping of str to str
        Fingerprints of what was made upstream, by step.
    """
    question = {
        "pipeline": pipeline,
        "notebook": notebook,
        "parameters": parameters,
        "code": code_sha256(),
        "lock": lock_sha256(),
        "state": state,
        "upstream": upstream,
    }
    return hashlib.sha256(dump_json(question).encode("utf-8", "backslashreplace")).hexdigest()


def _hash_of(lines: Iterable[str]) -> str:
    hashed = hashlib.sha256()
    for line in lines:
        hashed.update(line.encode("utf-8", "backslashreplace") + b"\n")
    return hashed.hexdigest()
