"""Runs as the database has them, put together with what their folders hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from omni_lab.errors import ConfigError
from omni_lab.pipelines.folder import RunFolder
from omni_lab.pipelines.registry import tables as t
from omni_lab.pipelines.registry.records import SUCCEEDED, Artifact, RunEvent, RunRecord, iso, record_of
from omni_lab.store.database import sa

_AT_ONCE = 500
_SHOWN = 100

_newest_first = (t.runs.c.started.desc(), t.runs.c.run_id.desc())


def find(connection: sa.Connection, run: str) -> RunRecord:
    """One run; see `RunRegistry.find`."""
    ids = _named(connection, run)
    if len(ids) != 1:
        raise _no_such(connection, run, ids)
    return records(connection, sa.select(t.runs).where(t.runs.c.run_id == ids[0]))[0]


def choose(
    connection: sa.Connection,
    asked: Mapping[str, str | None],
    *,
    tag: str | None = None,
    since: str | date | datetime | None = None,
    before: str | None = None,
    limit: int | None = None,
) -> list[RunRecord]:
    """Runs, the newest first; see `RunRegistry.list`."""
    c = t.runs.c
    chosen = sa.select(t.runs).where(
        *(c[name] == value for name, value in asked.items() if value is not None)
    )
    if since is not None:
        chosen = chosen.where(c.started >= iso(_moment(since)))
    if before is not None:
        started = connection.execute(sa.select(c.started).where(c.run_id == before)).scalar()
        if started is None:
            raise ConfigError("no run has this id", found=before, where="before")
        chosen = chosen.where(sa.or_(c.started < started, sa.and_(c.started == started, c.run_id < before)))
    if tag is not None:
        chosen = chosen.where(c.run_id.in_(sa.select(t.run_tags.c.run_id).where(t.run_tags.c.tag == tag)))
    return records(connection, chosen.order_by(*_newest_first).limit(limit))


def answers(connection: sa.Connection, fingerprint: str) -> Iterator[RunRecord]:
    """Runs that succeeded with this question and have their folder, the newest first."""
    c = t.runs.c
    good = (c.fingerprint == fingerprint, c.status == SUCCEEDED, c.removed.is_(None))
    ids = connection.execute(sa.select(c.run_id).where(*good).order_by(*_newest_first)).scalars().all()
    for run_id in ids:
        yield records(connection, sa.select(t.runs).where(c.run_id == run_id))[0]


def records(connection: sa.Connection, chosen: sa.Select[Any]) -> list[RunRecord]:
    """The records of rows."""
    rows = connection.execute(chosen).mappings().all()
    ids = [row["run_id"] for row in rows]
    tags: dict[str, list[str]] = {}
    for run_id, tag in _of_runs(connection, t.run_tags, "tag", ids):
        tags.setdefault(run_id, []).append(tag)
    without_folder = [row["run_id"] for row in rows if not Path(row["folder"]).is_dir()]
    metrics: dict[str, dict[str, float | None]] = {}
    for run_id, name, value in _of_runs(connection, t.run_metrics, "name value", without_folder):
        metrics.setdefault(run_id, {})[name] = value
    return [
        record_of(
            t.record_of_row(dict(row)),
            RunFolder(Path(row["folder"])),
            tags=tuple(sorted(tags.get(row["run_id"], ()))),
            metrics=metrics.get(row["run_id"]),
            settled=True,
        )
        for row in rows
    ]


def artifacts(connection: sa.Connection, run_id: str) -> list[Artifact]:
    """The files of a run, by path."""
    table = t.run_artifacts
    rows = connection.execute(sa.select(table).where(table.c.run_id == run_id).order_by(table.c.path))
    return [
        Artifact(name=row.name, kind=row.kind, path=row.path, size=row.size, sha256=row.sha256)
        for row in rows
    ]


def events(connection: sa.Connection, run_id: str) -> list[RunEvent]:
    """What happened to a run, in order."""
    table = t.run_events
    rows = connection.execute(sa.select(table).where(table.c.run_id == run_id).order_by(table.c.n))
    return [RunEvent(at=datetime.fromisoformat(row.at), status=row.status, why=row.why) for row in rows]


def _of_runs(
    connection: sa.Connection, table: sa.Table, names: str, ids: Sequence[str]
) -> Iterator[tuple[Any, ...]]:
    columns = [table.c[name] for name in ("run_id", *names.split())]
    for start in range(0, len(ids), _AT_ONCE):
        chosen = sa.select(*columns).where(table.c.run_id.in_(ids[start : start + _AT_ONCE]))
        yield from map(tuple, connection.execute(chosen))


def _named(connection: sa.Connection, run: str) -> list[str]:
    """Ids of the runs that a name may mean."""
    c, tags = t.runs.c, t.run_tags.c
    if run == "last":
        return list(connection.execute(sa.select(c.run_id).order_by(*_newest_first).limit(1)).scalars())
    # A whole id may also be the beginning of another: the second run within a second ends in "-2".
    for meant in (
        sa.select(c.run_id).where(c.run_id == run),
        sa.select(c.run_id).where(sa.func.substr(c.run_id, 1, len(run)) == run),
        sa.select(tags.run_id).where(tags.tag == run),
    ):
        if run and (found := list(connection.execute(meant).scalars())):
            return sorted(found, reverse=True)
    return []


def _no_such(connection: sa.Connection, run: str, ids: Sequence[str]) -> ConfigError:
    where = connection.engine.url.render_as_string()
    chosen = sa.select(t.runs.c.run_id).order_by(*_newest_first).limit(_SHOWN)
    known = list(connection.execute(chosen).scalars())
    if not known:
        return ConfigError("there are no runs yet", where=where, hint="Make one: omni run backtest.")
    if ids:
        meant = "begin with this id" if ids[0].startswith(run) else "have this tag"
        return ConfigError(f"{len(ids)} runs {meant}", found=run, expected=ids, where=where)
    return ConfigError("no run has this id", found=run, expected=known, where=where)


def _moment(since: str | date | datetime) -> datetime:
    try:
        moment = datetime.fromisoformat(since if isinstance(since, str) else since.isoformat())
    except ValueError as error:
        raise ConfigError(
            "this is no day or time", found=since, expected="a day such as 2026-05-01", where="since"
        ) from error
    return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
