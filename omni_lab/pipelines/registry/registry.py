"""`RunRegistry`: runs in a database, each change of which is one transaction.

A row is begun, beats while its process lives, and is ended once. What of a run lies in files is its folder's
affair; which rows nobody ends any more is found by `settle`, which folders have no row by `adopt`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

from omni_lab.config import Settings
from omni_lab.errors import ConfigError, PipelineError
from omni_lab.pipelines.folder import RunFolder
from omni_lab.pipelines.registry import queries
from omni_lab.pipelines.registry import tables as t
from omni_lab.pipelines.registry.files import artifacts_of, is_there, metrics_of
from omni_lab.pipelines.registry.processes import this_process
from omni_lab.pipelines.registry.records import (
    FINAL,
    QUEUED,
    RUNNING,
    AlreadyBegun,
    Artifact,
    RunEvent,
    RunRecord,
    iso,
)
from omni_lab.store.database import exc, open_engine, reading, sa

logger = logging.getLogger(__name__)

# `list` is a method below.
Ids: TypeAlias = list[str]
Records: TypeAlias = list[RunRecord]
Artifacts: TypeAlias = list[Artifact]
Events: TypeAlias = list[RunEvent]


class TakenId(ConfigError):  # somebody else was faster
    """Another run, of this machine or another, has this id."""


class RunRegistry:
    """The runs of a project, or of several that share a database.

    Parameters
    ----------
    target : path, URL or Engine, optional
        A file of SQLite, which is made if need be; a URL such as ``postgresql+psycopg://user@host/omni``; or
        an engine, whose pool is then its owner's to close. ``Settings.from_env().registry`` by default.

    Attributes
    ----------
    engine : Engine
        For those who keep more in the same database.

    Raises
    ------
    ConfigError
        If the database cannot be used, or was written by a newer version.
    MissingExtraError
        For PostgreSQL without the extra ``postgresql``.

    Examples
    --------
    >>> with RunRegistry() as registry:  # doctest: +SKIP
    ...     registry.find("last").status
    'succeeded'
    """

    def __init__(self, target: str | Path | sa.Engine | None = None) -> None:
        self._owned = not isinstance(target, sa.Engine)
        self.engine = (
            target if isinstance(target, sa.Engine) else open_engine(target or Settings.from_env().registry)
        )
        try:
            t.prepare(self.engine)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connections, if they are the registry's own."""
        if self._owned:
            self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def begin(self, facts: Mapping[str, Any]) -> None:
        """Write the row of a new run, of this process unless ``facts`` name another.

        Parameters
        ----------
        facts : mapping
            What ``run.json`` says, ``run_id``, ``pipeline`` and ``started`` at least; and ``folder``, the
            path of the run's directory. ``status`` is ``running`` or ``queued``.

        Raises
        ------
        AlreadyBegun
            If another run has the same ``key``.
        TakenId
            If another run has the same id.
        """
        record = t.complete({**this_process(), "status": RUNNING, **facts})
        folder = str(record.pop("folder", None) or Settings.from_env().runs_dir / record["run_id"])
        row = t.row_of(record) | {"folder": folder}
        try:
            with self.engine.begin() as connection:
                connection.execute(t.runs.insert().values(heartbeat=self._clock(), **row))
                self.note(connection, record["run_id"], record["status"], "")
        except exc.IntegrityError as error:
            raise self._refusal(record) from error

    def start(self, run_id: str, facts: Mapping[str, Any] | None = None) -> bool:
        """Let a queued run be running, in this process; False if it is not queued any more."""
        values = {**this_process(), **(facts or {})}
        row = {name: values[name] for name in ("host", "pid", "process", "home", "folder") if name in values}
        change = t.runs.update().where(t.runs.c.run_id == run_id, t.runs.c.status == QUEUED)
        with self.engine.begin() as connection:
            done = connection.execute(change.values(status=RUNNING, heartbeat=self._clock(), **row))
            if done.rowcount:
                self.note(connection, run_id, RUNNING, "")
        return bool(done.rowcount)

    def beat(self, run_id: str) -> None:
        """Say that a run is still going."""
        alive = t.runs.update().where(t.runs.c.run_id == run_id, t.runs.c.status.not_in(FINAL))
        with self.engine.begin() as connection:
            connection.execute(alive.values(heartbeat=self._clock()))

    def finish(
        self,
        run_id: str,
        status: str,
        *,
        error: Mapping[str, Any] | None = None,
        facts: Mapping[str, Any] | None = None,
        metrics: Mapping[str, float | None] | None = None,
        artifacts: Iterable[Artifact] | None = None,
        why: str = "",
    ) -> bool:
        """End a run: status, metrics, artefacts and event in one transaction.

        Parameters
        ----------
        run_id : str
        status : {"succeeded", "failed", "interrupted", "lost"}
        error : mapping, optional
            ``type``, ``message`` and ``cell``.
        facts : mapping, optional
            What ``run.json`` says in the end.
        metrics, artifacts : optional
            As the folder of the run has them, by default.
        why : str
            For the event.

        Returns
        -------
        bool
            Whether this ended it: False if it had ended before, which stays, or there is no such run.
        """
        if status not in FINAL:
            raise ConfigError("no run ends so", found=status, expected=FINAL)
        with reading(self.engine) as connection:
            row = connection.execute(sa.select(t.runs).where(t.runs.c.run_id == run_id)).mappings().first()
        if row is None:
            return False
        folder = RunFolder(Path(row["folder"]))
        record = {
            **t.record_of_row(dict(row)),
            "finished": iso(datetime.now(UTC)),
            **(facts or {}),
            "status": status,
        }
        record |= {"error": dict(error)} if error is not None else {}
        values = t.row_of({name: value for name, value in record.items() if name not in ("run_id", "folder")})
        made = artifacts_of(folder) if artifacts is None else artifacts
        numbers = metrics_of(folder) if metrics is None else metrics
        open_run = (t.runs.c.run_id == run_id, t.runs.c.status.not_in(FINAL))
        with self.engine.begin() as connection:
            if not connection.execute(t.runs.update().where(*open_run).values(**values)).rowcount:
                return False
            self.keep(connection, run_id, numbers, made)
            self.note(
                connection, run_id, status, why or str((record.get("error") or {}).get("message") or "")
            )
        return True

    def find(self, run: str) -> RunRecord:
        """One run by the beginning of its id, a tag that it alone has, or the newest one as ``"last"``.

        Raises
        ------
        ConfigError
            If no run, or more than one, answers to the name.
        """
        with reading(self.engine) as connection:
            return queries.find(connection, run)

    def list(
        self,
        *,
        pipeline: str | None = None,
        kind: str | None = None,
        status: str | None = None,
        tag: str | None = None,
        since: str | date | datetime | None = None,
        parent: str | None = None,
        before: str | None = None,
        limit: int | None = None,
    ) -> Records:
        """Runs, the newest first.

        Parameters
        ----------
        pipeline, kind, status, tag, parent : str, optional
            Only such.
        since : str, date or datetime, optional
            Only runs that began then or later, UTC where it has no zone.
        before : str, optional
            Only those that stand behind the run of this id: the next page of a list.
        limit : int, optional
            How many.

        Raises
        ------
        ConfigError
            If ``since`` is no time, or no run has the id ``before``.
        """
        asked = {"pipeline": pipeline, "kind": kind, "status": status, "parent": parent}
        with reading(self.engine) as connection:
            return queries.choose(connection, asked, tag=tag, since=since, before=before, limit=limit)

    def answered(self, fingerprint: str) -> RunRecord | None:
        """The newest run that succeeded with this question and whose artefacts are all still there."""
        with reading(self.engine) as connection:
            for record in queries.answers(connection, fingerprint):
                made = queries.artifacts(connection, record.run_id)
                if record.folder.path.is_dir() and all(is_there(record.folder, each) for each in made):
                    return record
        return None

    def artifacts(self, run_id: str) -> Artifacts:
        """The files of a run, by path."""
        with reading(self.engine) as connection:
            return queries.artifacts(connection, run_id)

    def events(self, run_id: str) -> Events:
        """What happened to a run, in order."""
        with reading(self.engine) as connection:
            return queries.events(connection, run_id)

    def tag(self, run_id: str, *tags: str) -> None:
        """Give a run tags.

        Raises
        ------
        ConfigError
            If a tag is empty, ``last``, or has spaces or commas.
        """
        for tag in tags:
            if not tag or tag == "last" or not tag.isprintable() or set(tag) & set(" ,"):
                raise ConfigError(
                    "this cannot be a tag", found=tag, expected="a word without spaces or commas, not 'last'"
                )
        insert = t.insert_or_leave(self.engine, t.run_tags)
        with self.engine.begin() as connection:
            for tag in tags:
                connection.execute(insert, {"run_id": run_id, "tag": tag})

    def untag(self, run_id: str, *tags: str) -> None:
        """Take tags from a run; those that it has not are passed over."""
        c = t.run_tags.c
        with self.engine.begin() as connection:
            connection.execute(t.run_tags.delete().where(c.run_id == run_id, c.tag.in_(tags)))

    def ask_to_stop(self, run_id: str) -> None:
        """Ask the process of a run to interrupt it, which it does with its next beat."""
        going = (t.runs.c.run_id == run_id, t.runs.c.status.not_in(FINAL), t.runs.c.stop_asked.is_(None))
        with self.engine.begin() as connection:
            if connection.execute(t.runs.update().where(*going).values(stop_asked=self._clock())).rowcount:
                status = connection.execute(
                    sa.select(t.runs.c.status).where(t.runs.c.run_id == run_id)
                ).scalar()
                self.note(connection, run_id, str(status), "asked to stop")

    def is_asked_to_stop(self, run_id: str) -> bool:
        """Whether somebody asked."""
        with reading(self.engine) as connection:
            chosen = sa.select(t.runs.c.stop_asked).where(t.runs.c.run_id == run_id)
            return connection.execute(chosen).scalar() is not None

    def forget_folder(self, run_id: str) -> None:
        """Note that a run's folder has been removed; its row stays."""
        with self.engine.begin() as connection:
            status = connection.execute(sa.select(t.runs.c.status).where(t.runs.c.run_id == run_id)).scalar()
            removed = t.runs.update().where(t.runs.c.run_id == run_id).values(removed=iso(datetime.now(UTC)))
            connection.execute(removed)
            self.note(connection, run_id, str(status), "its folder was removed")

    def settle(self) -> Ids:
        """End the runs whose process is gone; their ids. See `omni_lab.pipelines.registry.settle`."""
        from omni_lab.pipelines.registry.settle import settle

        return settle(self)

    def adopt(self, runs_dir: Path) -> int:
        """Take in folders that have no row; how many. See `omni_lab.pipelines.registry.adopt`."""
        from omni_lab.pipelines.registry.adopt import adopt

        return adopt(self, runs_dir)

    def now(self, connection: sa.Connection) -> float:
        """Seconds since 1970 by the clock that all who share the database go by."""
        return float(connection.execute(sa.select(self._clock())).scalar_one())

    def _clock(self) -> sa.ColumnElement[float]:
        if self.engine.dialect.name == "postgresql":
            return sa.cast(sa.extract("epoch", sa.func.clock_timestamp()), sa.Double)
        return sa.literal(time.time(), sa.Double)

    @staticmethod
    def note(connection: sa.Connection, run_id: str, status: str, why: str) -> None:
        """Add an event, in somebody's transaction."""
        event = {"run_id": run_id, "at": iso(datetime.now(UTC)), "status": status, "why": t.clean(why)}
        connection.execute(t.run_events.insert(), event)

    def keep(
        self,
        connection: sa.Connection,
        run_id: str,
        metrics: Mapping[str, float | None],
        artifacts: Iterable[Artifact],
    ) -> None:
        """Add numbers and files of a run, in somebody's transaction."""
        numbers = [
            {"run_id": run_id, "name": t.clean(name), "value": value} for name, value in metrics.items()
        ]
        files = [{"run_id": run_id, **asdict(each)} for each in artifacts]
        for table, rows in ((t.run_metrics, numbers), (t.run_artifacts, files)):
            if rows:
                connection.execute(t.insert_or_leave(self.engine, table), rows)

    def _refusal(self, record: Mapping[str, Any]) -> PipelineError | ConfigError:
        key, c = record.get("key"), t.runs.c
        with reading(self.engine) as connection:
            other = connection.execute(sa.select(c.run_id).where(c.key == key)).scalar() if key else None
        if other is not None:
            return AlreadyBegun("a run with this key was begun before", found=key, where=f"run {other}")
        return TakenId("another run has this id", found=record["run_id"])

    def __repr__(self) -> str:
        return f"RunRegistry({self.engine.url.render_as_string()!r})"
