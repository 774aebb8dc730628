"""Which server starts a job, and what becomes of a job whose process is gone.

A job runs once for each attempt: it is claimed and handed over in one transaction each, and the registry
takes the key of an attempt once. What the registry says of the run decides how the job ended.
"""

from __future__ import annotations

import json
import socket
import time
from typing import Any
from uuid import uuid4

from omni_lab.pipelines.jobs.job import CANCELED, FAILED, LOST, QUEUED, RUNNING, SUCCEEDED
from omni_lab.pipelines.jobs.store import Claim, JobStore, tell
from omni_lab.pipelines.jobs.tables import jobs
from omni_lab.pipelines.registry.processes import is_gone, this_process
from omni_lab.pipelines.registry.records import FAILED as RUN_FAILED
from omni_lab.pipelines.registry.records import FINAL, INTERRUPTED
from omni_lab.pipelines.registry.records import SUCCEEDED as RUN_SUCCEEDED
from omni_lab.pipelines.registry.settle import SILENCE_S
from omni_lab.pipelines.registry.tables import runs
from omni_lab.store.database import reading, sa

MOST_ATTEMPTS = 2
MOST_FAILURES = 5
"""So many holders may end before the job begins; then it has failed."""
GRACE_S = 30.0
"""How long a job that is asked to end has for it."""


def take(store: JobStore, n_workers: int) -> Claim | None:
    """Claim the oldest job that waits, if less than ``n_workers`` are going on this machine."""
    if not any(row.state == QUEUED and row.token is None for row in store.unended()):
        return None
    host = socket.gethostname()
    held = sa.select(sa.func.count()).where(
        jobs.c.host == host, jobs.c.token.is_not(None), jobs.c.state.in_([QUEUED, RUNNING])
    )
    waiting = sa.select(jobs).where(jobs.c.state == QUEUED, jobs.c.token.is_(None))
    with store.change() as connection:
        row = connection.execute(waiting.order_by(jobs.c.created_ts, jobs.c.id).limit(1)).first()
        if row is None or connection.execute(held).scalar_one() >= n_workers:
            return None
        claim = Claim(row.id, uuid4().hex, row.attempt)
        holder = {"token": claim.token, "heartbeat": store.registry.now(connection), **this_process()}
        connection.execute(jobs.update().where(jobs.c.id == row.id).values(**holder))
    return claim


def end(store: JobStore, claim: Claim, problem: str = "") -> None:
    """End a running job, as its holder.

    Parameters
    ----------
    store : JobStore
    claim : Claim
    problem : str
        Why there is no run, if there is none.
    """
    with store.change() as connection:
        row = _same(connection, claim.job_id, claim.token)
        if row is not None and row.state == RUNNING:
            _end(connection, row, _run(connection, row), problem or "it ended without a run")


def give_back(store: JobStore, claim: Claim, problem: str) -> None:
    """Let a claimed job wait again, because its process did not come to begin it."""
    with store.change() as connection:
        row = _same(connection, claim.job_id, claim.token)
        if row is not None and row.state == QUEUED:
            _wait_again(connection, row, problem)


def settle(store: JobStore) -> None:
    """Decide about the jobs whose holders are gone."""
    rows = [row for row in store.unended() if row.token is not None]
    if not rows:
        return
    with reading(store.registry.engine) as connection:
        clock = store.registry.now(connection)
    gone = [row for row in rows if _is_gone(row, clock)]
    if gone:
        store.registry.settle()
    for before in gone:
        with store.change() as connection:
            row = _same(connection, before.id, before.token)
            # Handed over in between: its holder is another one.
            if row is None or (row.pid, row.process) != (before.pid, before.process):
                continue
            if row.state == QUEUED:
                _wait_again(connection, row, "whoever was to begin it was gone")
                continue
            run = _run(connection, row)
            if run is None or run.status in FINAL:
                _end(connection, row, run, "")


def overdue(store: JobStore) -> list[Any]:
    """Rows of the jobs of this machine that were asked to end long ago."""
    rows = [row for row in store.unended() if row.cancel_asked is not None]
    if not rows:
        return []
    with reading(store.registry.engine) as connection:
        clock = store.registry.now(connection)
    host = socket.gethostname()
    return [row for row in rows if row.host == host and clock - row.cancel_asked > GRACE_S]


def _end(connection: sa.Connection, row: Any, run: Any, problem: str) -> None:
    """Write how a running job ended: by its run, else by what is known of its process."""
    status = None if run is None else run.status
    if status is not None and status not in FINAL:
        return  # the registry could not be told; the job is settled when its process is gone
    facts: dict[str, Any] = {"ended_ts": time.time_ns(), "run_id": None if run is None else run.run_id}
    if status == RUN_SUCCEEDED:
        facts |= {"state": SUCCEEDED, "progress": 1.0, "text": "succeeded"}
    elif status == RUN_FAILED:
        facts |= {"state": FAILED, "text": _message(run.error)}
    elif status == INTERRUPTED or row.cancel_asked is not None:
        facts |= {"state": CANCELED, "text": "interrupted" if row.cancel_asked is None else "canceled"}
    elif status is None and problem:
        facts |= {"state": FAILED, "text": problem}
    elif row.attempt < MOST_ATTEMPTS:
        again = {
            "state": QUEUED,
            "attempt": row.attempt + 1,
            "started_ts": 0,
            "run_id": None,
            "progress": None,
        }
        text = "its process was lost; it is begun once more"
        tell(connection, row.id, LOST, again | {"text": text}, token=None)
        return
    else:
        facts |= {"state": LOST, "text": "its process was lost again"}
    tell(connection, row.id, facts["state"], facts, token=None)


def _message(error: str | None) -> str:
    """Why a run failed, from the column of its row."""
    return str((json.loads(error or "{}") or {}).get("message") or "failed")


def _wait_again(connection: sa.Connection, row: Any, problem: str) -> None:
    failures = row.failures + 1
    if failures < MOST_FAILURES:
        values = {"token": None, "failures": failures}
        connection.execute(jobs.update().where(jobs.c.id == row.id).values(**values))
        return
    facts = {"state": FAILED, "text": f"it could not be begun: {problem}", "ended_ts": time.time_ns()}
    tell(connection, row.id, FAILED, facts, token=None, failures=failures)


def _same(connection: sa.Connection, job_id: str, token: str) -> Any:
    return connection.execute(sa.select(jobs).where(jobs.c.id == job_id, jobs.c.token == token)).first()


def _run(connection: sa.Connection, row: Any) -> Any:
    """Run of this attempt, as far as it was begun."""
    key = Claim(row.id, "", row.attempt).key
    chosen = sa.select(runs.c.run_id, runs.c.status, runs.c.error).where(runs.c.key == key)
    return connection.execute(chosen).first()


def _is_gone(row: Any, clock: float) -> bool:
    gone = is_gone({"host": row.host, "pid": row.pid, "process": row.process})
    return bool(clock - row.heartbeat > SILENCE_S) if gone is None else gone
