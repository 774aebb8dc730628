"""`JobStore`: what becomes of jobs, each change with its event in one transaction.

Nothing runs here. A job that waits is claimed by a server, handed over to the process that the server starts,
and ended by that process; where a process is gone, `settle` decides by what the registry knows of the run.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

from omni_lab.errors import SourceError, StateError
from omni_lab.pipelines.jobs.job import CANCELED, ENDED, QUEUED, RUNNING, Job
from omni_lab.pipelines.jobs.tables import TOLD, job_events, job_of, jobs, metadata
from omni_lab.pipelines.registry import RunRegistry
from omni_lab.pipelines.registry.processes import this_process
from omni_lab.pipelines.registry.tables import as_json, clean
from omni_lab.store.database import create_tables, exc, reading, sa

_AT_ONCE = 500

Jobs: TypeAlias = list[Job]  # `list` is a method below


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to carry a job out.

    Attributes
    ----------
    job_id : str
    token : str
        Which only the holder knows.
    attempt : int
    """

    job_id: str
    token: str
    attempt: int

    @property
    def key(self) -> str:
        """What its run is known by: the registry takes a key once."""
        return f"job:{self.job_id}:{self.attempt}"


@dataclass(frozen=True, slots=True)
class Happening:
    """One event of a job.

    Attributes
    ----------
    sequence : int
        From 1, without a gap.
    ts : int
        Nanoseconds UTC.
    patch, event : dict
        What of the job changed, and what happened.
    """

    sequence: int
    ts: int
    patch: dict[str, Any]
    event: dict[str, Any]


class JobStore:
    """The jobs of a registry's database.

    Parameters
    ----------
    registry : RunRegistry
    """

    def __init__(self, registry: RunRegistry) -> None:
        self.registry = registry
        create_tables(registry.engine, metadata)

    @contextmanager
    def change(self) -> Iterator[sa.Connection]:
        """A transaction in which nobody else decides about jobs."""
        with self.registry.engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                # SQLite has one writer at a time anyway.
                connection.execute(sa.text(f"LOCK TABLE {jobs.name} IN SHARE ROW EXCLUSIVE MODE"))
            yield connection

    def add(self, job: Job) -> Job:
        """Queue a job; the one that was queued before with the same key of the same person.

        Raises
        ------
        StateError
            If the key was used for something else.
        """
        values = asdict(job) | {"parameters": as_json(job.parameters)}
        try:
            with self.change() as connection:
                connection.execute(jobs.insert().values(sequence=0, failures=0, **values))
                tell(connection, job.id, QUEUED, {**values, "parameters": dict(job.parameters)})
        except exc.IntegrityError:
            same = (jobs.c.who == job.who, jobs.c.key == job.key)
            with reading(self.registry.engine) as connection:
                row = connection.execute(sa.select(jobs).where(*same)).first()
            if row is None:
                raise
            if (row.pipeline, row.parameters) != (job.pipeline, values["parameters"]):
                raise StateError(
                    "this key was used for something else", found=job.key, where=f"job {row.id}"
                ) from None
            return job_of(row)
        return job

    def get(self, job_id: str) -> Job:
        """A job.

        Raises
        ------
        SourceError
            If there is none of that id.
        """
        with reading(self.registry.engine) as connection:
            return job_of(_row(connection, job_id))

    def list(self, *, state: str | None, pipeline: str | None, before: str | None, most: int) -> Jobs:
        """Jobs, newest first; see `JobQueue.list`."""
        chosen = sa.select(jobs).order_by(jobs.c.created_ts.desc(), jobs.c.id.desc()).limit(most)
        if state is not None:
            chosen = chosen.where(jobs.c.state == state)
        if pipeline is not None:
            chosen = chosen.where(jobs.c.pipeline == pipeline)
        with reading(self.registry.engine) as connection:
            if before is not None:
                last = _row(connection, before)
                age = sa.tuple_(jobs.c.created_ts, jobs.c.id)
                chosen = chosen.where(age < sa.tuple_(sa.literal(last.created_ts), sa.literal(last.id)))
            return [job_of(row) for row in connection.execute(chosen)]

    def counts(self) -> dict[str, int]:
        """How many jobs there are in each state that any has."""
        chosen = sa.select(jobs.c.state, sa.func.count()).group_by(jobs.c.state)
        with reading(self.registry.engine) as connection:
            return {row[0]: row[1] for row in connection.execute(chosen)}

    def cancel(self, job_id: str) -> Job:
        """Take a job out of the queue, or ask the process that has it to end; what it is then."""
        with self.change() as connection:
            row = _row(connection, job_id)
            if row.state == QUEUED:
                facts = {"state": CANCELED, "ended_ts": time.time_ns(), "text": "canceled before it began"}
                tell(connection, job_id, CANCELED, facts, token=None)
            elif row.state == RUNNING and row.cancel_asked is None:
                facts = {"text": "asked to end"}
                tell(connection, job_id, "CANCEL", facts, cancel_asked=self.registry.now(connection))
            return job_of(_row(connection, job_id))

    def hand_over(self, claim: Claim) -> Job | None:
        """Make this process the holder of a claimed job, which runs now; None if it is not to be run."""
        with self.change() as connection:
            row = self._held(connection, claim, QUEUED)
            if row is None:
                return None
            facts = {"state": RUNNING, "started_ts": time.time_ns(), "text": "begins"}
            heartbeat = self.registry.now(connection)
            tell(connection, claim.job_id, RUNNING, facts, heartbeat=heartbeat, **this_process())
            return job_of(_row(connection, claim.job_id))

    def advance(self, claim: Claim, facts: dict[str, Any]) -> bool:
        """Write how far a running job is; False if it is not the claim's any more."""
        with self.change() as connection:
            if self._held(connection, claim, RUNNING) is None:
                return False
            tell(connection, claim.job_id, "PROGRESS", facts, heartbeat=self.registry.now(connection))
        return True

    def beat(self, claims: Iterable[Claim]) -> None:
        """Say that the holders of claims are there."""
        tokens = [claim.token for claim in claims]
        if tokens:
            with self.registry.engine.begin() as connection:
                now = self.registry.now(connection)
                connection.execute(jobs.update().where(jobs.c.token.in_(tokens)).values(heartbeat=now))

    def should_go_on(self, claim: Claim) -> bool:
        """Whether a running job is still the claim's, and nobody asked it to end."""
        with reading(self.registry.engine) as connection:
            row = self._held(connection, claim, RUNNING)
        return row is not None and row.cancel_asked is None

    def unended(self) -> Iterable[Any]:
        """Rows of the jobs that have not ended, oldest first."""
        going = sa.select(jobs).where(jobs.c.state.in_([QUEUED, RUNNING]))
        with reading(self.registry.engine) as connection:
            return connection.execute(going.order_by(jobs.c.created_ts, jobs.c.id)).all()

    def sequences(self, ids: Iterable[str]) -> dict[str, int]:
        """Number of the last event of jobs, by id."""
        wanted, found = [*ids], dict[str, int]()
        with reading(self.registry.engine) as connection:
            for start in range(0, len(wanted), _AT_ONCE):
                some = jobs.c.id.in_(wanted[start : start + _AT_ONCE])
                for row in connection.execute(sa.select(jobs.c.id, jobs.c.sequence).where(some)):
                    found[row.id] = row.sequence
        return found

    def events(self, job_id: str, *, after: int = 0) -> Iterable[Happening]:
        """What happened to a job after an event, in order."""
        later = (job_events.c.job_id == job_id, job_events.c.sequence > after)
        chosen = sa.select(job_events).where(*later).order_by(job_events.c.sequence)
        with reading(self.registry.engine) as connection:
            rows = connection.execute(chosen).all()
        return [Happening(row.sequence, row.ts, json.loads(row.patch), json.loads(row.event)) for row in rows]

    def _held(self, connection: sa.Connection, claim: Claim, state: str) -> Any:
        held = (jobs.c.id == claim.job_id, jobs.c.token == claim.token, jobs.c.state == state)
        return connection.execute(sa.select(jobs).where(*held)).first()


def tell(connection: sa.Connection, job_id: str, kind: str, facts: dict[str, Any], **inside: Any) -> None:
    """Change a job and write down what happened, in somebody's transaction.

    Parameters
    ----------
    connection : Connection
    job_id : str
    kind : str
        The new state, ``PROGRESS``, ``CANCEL`` or ``LOST``.
    facts : dict
        What of the job changes.
    **inside
        What else of its row changes.
    """
    facts = {name: clean(value) for name, value in facts.items()}
    row = {name: as_json(value) if name == "parameters" else value for name, value in facts.items()}
    mine = jobs.update().where(jobs.c.id == job_id)
    connection.execute(mine.values(sequence=jobs.c.sequence + 1, **row, **inside))
    now = _row(connection, job_id)
    ts = time.time_ns()
    event = {"kind": kind, "text": now.text, "progress": now.progress, "attempt": now.attempt, "ts": ts}
    written = {"job_id": job_id, "sequence": now.sequence, "ts": ts}
    patch = {name: facts[name] for name in TOLD if name in facts}
    connection.execute(job_events.insert(), written | {"patch": as_json(patch), "event": as_json(event)})


def is_over(job: Job) -> bool:
    """Whether a job has ended."""
    return job.state in ENDED


def _row(connection: sa.Connection, job_id: str) -> Any:
    row = connection.execute(sa.select(jobs).where(jobs.c.id == job_id)).first()
    if row is None:
        raise SourceError("there is no job of this id", found=job_id)
    return row
