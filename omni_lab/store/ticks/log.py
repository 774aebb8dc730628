"""The log of a table: numbered commits, of which each happens as a whole or not at all.

A commit is a JSON file that appears under its name at once. A reader takes the latest checkpoint and the
commits after it, and so sees the table as it was after some commit, whatever a writer is doing. Files that no
commit names do not exist for readers.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from omni_lab.errors import DataError
from omni_lab.store import durable
from omni_lab.store.ticks.files import FileEntry, Span
from omni_lab.store.ticks.schema import GENERIC, Column, Schema, Table, Units, schema_of

logger = logging.getLogger(__name__)

LAYOUT: Final = 1
"""Version of the log and of where files lie; the columns of a table have versions of their own."""

LOG_DIR: Final = "log"
CHECKPOINT_EVERY: Final = 32

_COMMIT, _CHECKPOINT = ".json", ".checkpoint.json"
_ATTEMPTS = 100


@dataclass(frozen=True, slots=True)
class State:
    """A table after one of its commits.

    Attributes
    ----------
    table : Table
        Its schema and units.
    seq : int
        The number of the commit.
    files : dict of str to FileEntry
        By name.
    hidden : dict of str to tuple of Span
        Rows of files that were replaced; sorted, without overlap.
    batches : dict of str to int
        Rows of every batch that was stored under a name.
    symbols : frozenset of str
        Every symbol that ever had a row.
    retired : dict of str to float
        Files that were replaced, and when, in seconds since 1970: readers may still be about to open them.
    """

    table: Table
    seq: int = 0
    files: Mapping[str, FileEntry] = field(default_factory=dict)
    hidden: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)
    batches: Mapping[str, int] = field(default_factory=dict)
    symbols: frozenset[str] = frozenset()
    retired: Mapping[str, float] = field(default_factory=dict)

    @property
    def n_rows(self) -> int:
        """Rows that a reader sees."""
        hidden = sum(stop - start for spans in self.hidden.values() for start, stop in spans)
        return sum(entry.n_rows for entry in self.files.values()) - hidden

    @property
    def in_order(self) -> list[FileEntry]:
        """The files, those of earlier commits first."""
        return sorted(self.files.values(), key=lambda entry: (entry.order, entry.name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """What changes at once.

    Attributes
    ----------
    operation : str
        What the writer was asked to do, for people.
    table : Table, optional
        The schema and units from now on.
    add : tuple of FileEntry
        New files.
    remove : tuple of str
        Names of files that are no more.
    hide : mapping of str to tuple of Span
        All hidden rows of a file from now on.
    symbols : tuple of str
        Symbols that had no row before.
    batch : str, optional
        Name of the batch.
    n_rows : int
        Rows of the batch.
    forget : tuple of str
        Retired files that are gone.
    """

    operation: str
    table: Table | None = None
    add: tuple[FileEntry, ...] = ()
    remove: tuple[str, ...] = ()
    hide: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)
    symbols: tuple[str, ...] = ()
    batch: str | None = None
    n_rows: int = 0
    forget: tuple[str, ...] = ()


def read_state(directory: Path, known: State | None = None) -> State | None:
    """A table as it is now; None if there is none.

    Parameters
    ----------
    directory : Path
        Of the table.
    known : State, optional
        What it was before: only commits after it are read.

    Raises
    ------
    DataError
        If the log is damaged, or was written by a newer version.
    """
    for _ in range(_ATTEMPTS):
        checkpoint, commits = _listed(directory)
        if not commits and checkpoint is None:
            return None
        last = max(commits, default=checkpoint or 0)
        state = known
        if state is None or not (checkpoint or 0) <= state.seq <= last:
            state = None
        try:
            if state is None and checkpoint is not None:
                state = _state_from(
                    _read(directory / LOG_DIR / _name(checkpoint, _CHECKPOINT)), directory.name
                )
            for seq in range(state.seq + 1 if state else 1, last + 1):
                facts = _read(directory / LOG_DIR / _name(seq, _COMMIT))
                state = _applied(state, facts, directory.name)
        except FileNotFoundError as error:
            # A writer may have made a checkpoint and removed what it replaces; a file that is lost stays so.
            if _listed(directory) == (checkpoint, commits):
                raise _damaged(directory / LOG_DIR, f"{Path(error.filename).name} is missing") from error
            continue
        return state
    raise DataError("the table is being written faster than it can be read", where=str(directory))


def write_commit(directory: Path, state: State | None, commit: Commit) -> State:
    """Make a change what readers see, at once or not at all. For the one writer alone.

    Raises
    ------
    OSError
        If the operating system refuses; nothing has changed then.
    """
    log = directory / LOG_DIR
    durable.make_dirs(log)
    seq = state.seq + 1 if state else 1
    facts = {"seq": seq, "at": time.time(), **_commit_facts(commit)}
    after = _applied(state, facts, directory.name)
    _write(log / _name(seq, _COMMIT), facts)
    if seq % CHECKPOINT_EVERY == 0:
        try:
            _checkpoint(log, after)
        except OSError as error:  # The change has happened all the same.
            logger.warning("no checkpoint of %s was made: %s", directory.name, error)
    return after


def _checkpoint(log: Path, state: State) -> None:
    _write(log / _name(state.seq, _CHECKPOINT), _state_facts(state))
    for path in log.iterdir():
        number = path.name.partition(".")[0]
        # The checkpoint before it stays, with what follows it, for readers who have begun with it.
        if number.isdigit() and int(number) < state.seq - CHECKPOINT_EVERY:
            path.unlink(missing_ok=True)


def merged_spans(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Spans sorted, with those that touch put together."""
    out: list[Span] = []
    for start, stop in sorted(spans):
        if out and start <= out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], stop))
        elif stop > start:
            out.append((start, stop))
    return tuple(out)


def _applied(state: State | None, facts: Mapping[str, Any], name: str) -> State:
    """The table after a commit."""
    table = _table_from(facts["table"], name) if facts.get("table") else None
    if state is None:
        if table is None:
            raise _damaged(Path(name), "the first commit does not say what the table is")
        state = State(table)
    add = {each["name"]: FileEntry(**each) for each in facts["add"]}
    gone = set(facts["remove"])
    hide = {file: tuple((a, b) for a, b in spans) for file, spans in facts["hide"].items()}
    retired = {file: at for file, at in state.retired.items() if file not in set(facts["forget"])}
    batch = {facts["batch"]: facts["n_rows"]} if facts["batch"] is not None else {}
    return replace(
        state,
        table=table or state.table,
        seq=facts["seq"],
        files={file: entry for file, entry in state.files.items() if file not in gone} | add,
        hidden={
            file: spans for file, spans in (dict(state.hidden) | hide).items() if file not in gone and spans
        },
        batches=dict(state.batches) | batch if batch else state.batches,
        symbols=state.symbols.union(facts["symbols"]) if facts["symbols"] else state.symbols,
        retired=retired | dict.fromkeys(gone, facts["at"]),
    )


def _commit_facts(commit: Commit) -> dict[str, Any]:
    return {
        "operation": commit.operation,
        "table": _table_facts(commit.table) if commit.table else None,
        "add": [asdict(entry) for entry in commit.add],
        "remove": list(commit.remove),
        "hide": {name: [list(span) for span in spans] for name, spans in commit.hide.items()},
        "symbols": list(commit.symbols),
        "batch": commit.batch,
        "n_rows": commit.n_rows,
        "forget": list(commit.forget),
    }


def _state_facts(state: State) -> dict[str, Any]:
    return {
        "seq": state.seq,
        "table": _table_facts(state.table),
        "files": [asdict(entry) for entry in state.files.values()],
        "hidden": {name: [list(span) for span in spans] for name, spans in state.hidden.items()},
        "batches": dict(state.batches),
        "symbols": sorted(state.symbols),
        "retired": dict(state.retired),
    }


def _state_from(facts: Mapping[str, Any], name: str) -> State:
    return State(
        table=_table_from(facts["table"], name),
        seq=facts["seq"],
        files={each["name"]: FileEntry(**each) for each in facts["files"]},
        hidden={file: tuple((a, b) for a, b in spans) for file, spans in facts["hidden"].items()},
        batches=facts["batches"],
        symbols=frozenset(facts["symbols"]),
        retired=facts["retired"],
    )


def _table_facts(table: Table) -> dict[str, Any]:
    generic = table.schema.columns if table.schema.name == GENERIC else ()
    return {
        "kind": table.schema.name,
        "version": table.stored_version,
        "n_levels": table.schema.n_levels,
        "columns": [asdict(column) for column in generic],
        "units": asdict(table.units),
        "own_units": {symbol: asdict(units) for symbol, units in table.own_units.items()},
    }


def _table_from(facts: Mapping[str, Any], name: str) -> Table:
    columns = tuple(Column(**column) for column in facts["columns"])
    schema: Schema = schema_of(facts["kind"], n_levels=facts["n_levels"], columns=columns)
    if facts["version"] > schema.version:
        raise DataError(
            "the table was written by a newer version of OmniLab",
            found=f"version {facts['version']} of a table of kind {schema.name!r}",
            expected=f"version {schema.version} at most",
            where=f"table {name}",
            hint="Update OmniLab.",
        )
    own = {symbol: Units(**units) for symbol, units in facts["own_units"].items()}
    return Table(name, schema, facts["version"], Units(**facts["units"]), own)


def _listed(directory: Path) -> tuple[int | None, tuple[int, ...]]:
    """The latest checkpoint, and the commits after the one before it."""
    try:
        names = [path.name for path in (directory / LOG_DIR).iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return None, ()
    numbers = {kind: [] for kind in (_COMMIT, _CHECKPOINT)}  # type: dict[str, list[int]]
    for name in names:
        number, dot, kind = name.partition(".")
        if number.isdigit() and dot + kind in numbers:
            numbers[dot + kind].append(int(number))
    return max(numbers[_CHECKPOINT], default=None), tuple(sorted(numbers[_COMMIT]))


def _name(seq: int, kind: str) -> str:
    return f"{seq:012d}{kind}"


def _write(path: Path, facts: Mapping[str, Any]) -> None:
    body = json.dumps({"layout": LAYOUT, **facts})
    sha256 = hashlib.sha256(body.encode()).hexdigest()
    temporary = durable.temporary_path(path.parent, ".json")
    try:
        temporary.write_text(f"{body}\n{sha256}\n", encoding="utf-8")
        durable.publish(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _read(path: Path) -> dict[str, Any]:
    body, _, sha256 = path.read_bytes().partition(b"\n")
    if hashlib.sha256(body).hexdigest().encode() != sha256.strip():
        raise _damaged(path, "another hash than it states")
    facts: dict[str, Any] = json.loads(body)
    if facts["layout"] > LAYOUT:
        raise DataError(
            "the table was written by a newer version of OmniLab",
            found=f"layout {facts['layout']}",
            expected=f"layout {LAYOUT}",
            where=str(path),
            hint="Update OmniLab.",
        )
    return facts


def _damaged(path: Path, what: str) -> DataError:
    return DataError(
        "the log of a table is damaged",
        found=what,
        where=str(path),
        hint="Bring it back from a copy, or ingest the table anew under another name.",
    )
