"""`JobQueue`: requests in a table, and processes that carry them out."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias
from uuid import uuid4

from omni_lab.config import Settings
from omni_lab.errors import ConfigError, OmniError
from omni_lab.messaging.bus import Bus, Stream
from omni_lab.pipelines.jobs import claims
from omni_lab.pipelines.jobs.job import ENDED, QUEUED, RUNNING, Job
from omni_lab.pipelines.jobs.request import request_of
from omni_lab.pipelines.jobs.store import Claim, JobStore
from omni_lab.pipelines.jobs.streams import JobStreams
from omni_lab.pipelines.jobs.worker import start_process
from omni_lab.pipelines.registry import RunRegistry
from omni_lab.pipelines.registry.processes import is_gone
from omni_lab.store.database import exc

logger = logging.getLogger(__name__)

BUSY_LOOK_S, IDLE_LOOK_S = 0.2, 1.0
_BEAT_S = 5.0
_MOST_LISTED = 1000

Jobs: TypeAlias = list[Job]  # `list` is a method below
Start: TypeAlias = Callable[[Claim, str], int]


class JobQueue:
    """Jobs of one database, carried out by this process while it is started.

    Any number of processes may have one on the same database; a job runs once, whoever starts it.

    Parameters
    ----------
    target : str or Path, optional
        The database; that of the registry of runs by default.
    bus : Bus, optional
        Where it publishes ``jobs.ID``; one of its own by default.
    n_workers : int
        How many jobs at once on this machine.
    start : callable, optional
        Starts the process of a claim on a database, and says its id; raises OSError if it cannot.

    Raises
    ------
    ConfigError
        If the database cannot be used.
    """

    def __init__(
        self,
        target: str | Path | None = None,
        *,
        bus: Bus | None = None,
        n_workers: int = 1,
        start: Start = start_process,
    ) -> None:
        if n_workers < 1:
            raise ConfigError(
                "somebody must do the work", found=n_workers, expected="1 or more", where="n_workers"
            )
        self._target = str(target or Settings.from_env().registry)
        self._registry = RunRegistry(self._target)
        self._store = JobStore(self._registry)
        self.bus = bus if bus is not None else Bus()
        self.n_workers = n_workers
        self._streams = JobStreams(self._store, self.bus)
        self._spawn = start
        self._claimed: dict[int, Claim] = {}
        self._wake, self._closed = threading.Event(), threading.Event()
        self._beaten = 0.0
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Find what runs already, then carry out what is queued, in a thread."""
        if self._thread is not None:
            return
        claims.settle(self._store)
        self._streams.refresh()
        self._closed.clear()
        self._thread = threading.Thread(target=self._work, name="omni-jobs", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Start nothing more; jobs that run go on."""
        self._closed.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._streams.close()
        self._registry.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def submit(
        self, pipeline: str, parameters: Mapping[str, Any] | None = None, *, who: str, key: str | None = None
    ) -> Job:
        """Queue a pipeline, whose parameters are checked first; the same key of a person is the same job.

        Parameters
        ----------
        pipeline : str
            Name of a pipeline, or ``flow:NAME``; paths are refused.
        parameters : mapping, optional
            By name; the rest has its defaults.
        who : str
            Who asks.
        key : str, optional
            His idempotency key.

        Raises
        ------
        ConfigError
            As `omni_lab.pipelines.runner.prepare_run`.
        StateError
            If the key was used for something else.
        """
        name = pipeline.removeprefix("flow:")
        if (
            not name
            or "/" in name
            or "\\" in name
            or name.startswith(".")
            or name.endswith((".ipynb", ".yaml"))
        ):
            raise ConfigError("a job is known by the name of its pipeline", found=pipeline, where="pipeline")
        request = request_of(pipeline, parameters or {})
        job = Job(
            id=f"{time.time_ns() // 1_000_000:x}-{uuid4().hex[:12]}",
            pipeline=pipeline,
            parameters=dict(request.values),
            who=who,
            key=key,
            created_ts=time.time_ns(),
            text="waits",
        )
        kept = self._store.add(job)
        self._tell(kept.id)
        return kept

    def get(self, job_id: str) -> Job:
        """A job.

        Raises
        ------
        SourceError
            If there is none of that id.
        """
        return self._store.get(job_id)

    def list(
        self,
        *,
        state: str | None = None,
        pipeline: str | None = None,
        before: str | None = None,
        most: int = 100,
    ) -> Jobs:
        """Jobs, newest first; those older than the one of an id.

        Parameters
        ----------
        state, pipeline : str, optional
            Only such.
        before : str, optional
            Id of a job: only older ones.
        most : int
            At most so many, and at most 1,000.

        Raises
        ------
        ConfigError
            If there is no such state.
        SourceError
            If there is no job ``before``.
        """
        if state is not None and state not in (QUEUED, RUNNING, *ENDED):
            raise ConfigError(
                "no job is in this state", found=state, expected=[QUEUED, RUNNING, *sorted(ENDED)]
            )
        most = min(max(most, 0), _MOST_LISTED)
        return self._store.list(state=state, pipeline=pipeline, before=before, most=most)

    def counts(self) -> dict[str, int]:
        """How many jobs are in each state, also in those that none is in."""
        return dict.fromkeys((QUEUED, RUNNING, *sorted(ENDED)), 0) | self._store.counts()

    def cancel(self, job_id: str) -> Job:
        """Take a job out of the queue, or end its process; what it is then.

        A job that runs is asked to end, and is CANCELED when it has; one that has ended stays as it is.

        Raises
        ------
        SourceError
            If there is none of that id.
        """
        job = self._store.cancel(job_id)
        self._tell(job_id)
        return job

    def stream(self, job_id: str) -> Stream:
        """The stream ``jobs.ID`` of a job, also of one that ended long ago.

        Raises
        ------
        SourceError
            If there is none of that id.
        """
        return self._streams.stream(job_id)

    def _tell(self, job_id: str) -> None:
        self._streams.tell(job_id)
        self._wake.set()

    def _work(self) -> None:
        while not self._closed.is_set():
            self._wake.clear()
            try:
                is_busy = self._turn()
            except (exc.SQLAlchemyError, OmniError) as error:
                # A database that is away for a while comes back; what is queued stays queued.
                logger.warning("the database of jobs cannot be reached: %s", error)
                is_busy = False
            self._wake.wait(BUSY_LOOK_S if is_busy else IDLE_LOOK_S)

    def _turn(self) -> bool:
        """One turn, which may be repeated at any moment by any number of processes; whether there is work."""
        self._reap()
        if time.monotonic() - self._beaten > _BEAT_S:
            self._beaten = time.monotonic()
            self._store.beat([*self._claimed.values()])
        claims.settle(self._store)
        for row in claims.overdue(self._store):
            if is_gone(dict(row._mapping)) is False:
                logger.warning("job %s does not end, and is killed", row.id)
                with suppress(ProcessLookupError):
                    os.kill(row.pid, signal.SIGKILL)
        while not self._closed.is_set() and (claim := claims.take(self._store, self.n_workers)) is not None:
            self._begin(claim)
        self._streams.refresh()
        return any(True for _ in self._store.unended())

    def _begin(self, claim: Claim) -> None:
        try:
            self._claimed[self._spawn(claim, self._target)] = claim
        except OSError as error:
            logger.error("the process of job %s cannot be started: %s", claim.job_id, error)
            claims.give_back(self._store, claim, str(error))
        else:
            logger.info("job %s: started", claim.job_id)

    def _reap(self) -> None:
        """See which of our processes have ended; what one did not begin is begun again."""
        for pid, claim in [*self._claimed.items()]:
            with suppress(ChildProcessError):
                if os.waitpid(pid, os.WNOHANG)[0] == 0:
                    continue
            del self._claimed[pid]
            claims.give_back(self._store, claim, f"its process ended at once; see {claim.job_id}.log")
