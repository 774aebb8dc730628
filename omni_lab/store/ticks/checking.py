"""Whether the files of a tick store still hold what was put there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from omni_lab.errors import DataError
from omni_lab.store import durable
from omni_lab.store.reports import Problem, VerifyReport
from omni_lab.store.ticks.files import FileEntry, read_index
from omni_lab.store.ticks.log import LOG_DIR, State, read_state
from omni_lab.store.ticks.writer import leftovers


def verify_ticks(directories: Mapping[str, Path]) -> VerifyReport:
    """Compare every file with the hashes in the log of its table, and every log with its own.

    Parameters
    ----------
    directories : mapping of str to Path
        Of the tables.
    """
    problems: list[Problem] = []
    left: list[Path] = []
    n_files = n_rows = 0
    for directory in directories.values():
        try:
            state = read_state(directory)
        except DataError as error:
            path = Path(error.where) if error.where else directory / LOG_DIR
            problems.append(Problem(path=path, what=f"{error.what}: {error.found}"))
            continue
        if state is None:
            continue
        n_files += len(state.files)
        n_rows += state.n_rows
        left += leftovers(directory, state)
        problems += _problems(directory, state)
    return VerifyReport(
        n_partitions=n_files, n_rows=n_rows, problems=tuple(problems), leftovers=tuple(left), unit="rows"
    )


def _problems(directory: Path, state: State) -> Iterator[Problem]:
    for entry in state.files.values():
        what = _what_is_wrong(directory / entry.name, entry)
        # A writer may have replaced the file meanwhile; damage stays.
        if what:
            now = read_state(directory)
            if now is not None and entry.name in now.files:
                yield Problem(path=directory / entry.name, what=what)


def _what_is_wrong(path: Path, entry: FileEntry) -> str | None:
    try:
        n_bytes = path.stat().st_size
        if n_bytes != entry.n_bytes:
            return f"the file has {n_bytes:,} bytes instead of {entry.n_bytes:,}"
        if durable.hash_file(path) != entry.sha256:
            return "the file's bytes have changed"
        index = read_index(path, entry)
    except FileNotFoundError:
        return "the file is missing"
    except (OSError, DataError) as error:
        return f"the file cannot be read: {error}"
    if int(index.starts[-1]) != entry.n_rows or index.metadata.num_rows != entry.n_rows:
        return f"the file has {index.metadata.num_rows:,} rows instead of {entry.n_rows:,}"
    return None
