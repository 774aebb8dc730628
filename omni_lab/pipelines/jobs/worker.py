"""A job's own process: ``python -m omni_lab.pipelines.jobs.worker``, told on standard input what to do.

It belongs to nobody: it lives in a session of its own, goes on when the server that started it is gone, and
says in the database how far it is and how it ended. Asked to end, it interrupts itself as Ctrl-C would.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from omni_lab.config import REGISTRY_VARIABLE, Settings, environment_of_process
from omni_lab.errors import OmniError
from omni_lab.pipelines.jobs import claims
from omni_lab.pipelines.jobs.progress import Advance, advance_of, run_of_key
from omni_lab.pipelines.jobs.request import Request, make_run
from omni_lab.pipelines.jobs.store import Claim, JobStore
from omni_lab.pipelines.registry import Origin, RunRegistry
from omni_lab.store.database import exc

logger = logging.getLogger(__name__)

LOOK_S = 0.5
"""How often it looks how far it is, and whether it should end."""
BEAT_S = 5.0

Run = Callable[[Request, Origin, RunRegistry], object]


def log_file(job_id: str) -> Path:
    """Where the process of a job writes what nobody else hears; removed if the job succeeds."""
    return Settings.from_env().data_dir / "jobs" / f"{job_id}.log"


def start_process(claim: Claim, target: str) -> int:
    """Start the process of a claimed job; its id.

    Raises
    ------
    OSError
        If it cannot be started.
    """
    log = log_file(claim.job_id)
    log.parent.mkdir(parents=True, exist_ok=True)
    order = json.dumps({"job_id": claim.job_id, "token": claim.token, "attempt": claim.attempt})
    theirs, ours = os.pipe()
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        # Not `subprocess`: nobody holds this process, and nobody need outlive it.
        pid = os.posix_spawn(
            sys.executable,
            [sys.executable, "-m", __name__],
            environment_of_process() | {REGISTRY_VARIABLE: target},
            file_actions=[
                (os.POSIX_SPAWN_DUP2, theirs, 0),
                (os.POSIX_SPAWN_OPEN, 1, str(log), flags, 0o600),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,
        )
        os.write(ours, order.encode() + b"\n")
    finally:
        os.close(theirs)
        os.close(ours)
    return pid


def carry_out(registry: RunRegistry, claim: Claim, *, run: Run = make_run) -> None:
    """Carry out a claimed job in this process, and write how it ended.

    Parameters
    ----------
    registry : RunRegistry
    claim : Claim
    run : callable, optional
        What makes the run of a request.
    """
    store = JobStore(registry)
    job = store.hand_over(claim)
    if job is None:
        logger.info("job %s is another process's by now", claim.job_id)
        return
    problem = ""
    watch = _Watch(store, claim, job.pipeline)
    try:
        with watch:
            origin = Origin(trigger="api", name=job.who, key=claim.key)
            run(Request(subject=job.pipeline, values=job.parameters), origin, registry)
    except OmniError as error:
        problem = str(error)
    except KeyboardInterrupt:
        problem = "interrupted before it began"
    except BaseException as error:
        claims.end(store, claim, f"{type(error).__name__}: {error}")
        raise
    claims.end(store, claim, problem)


class _Watch:
    """While its body runs: says how far it is, that it is there, and interrupts it when it is to end."""

    def __init__(self, store: JobStore, claim: Claim, subject: str) -> None:
        self._store, self._claim = store, claim
        self._last = Advance(subject=subject)
        self._told: dict[str, Any] = {}
        self._over = threading.Event()
        self._runner = threading.current_thread()
        self._thread = threading.Thread(target=self._watch, name="omni-job", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        has_asked, beaten = False, time.monotonic()
        while not self._over.wait(LOOK_S):
            try:
                goes_on = self._look()
                if time.monotonic() - beaten > BEAT_S:
                    beaten = time.monotonic()
                    self._store.beat([self._claim])
            except (exc.SQLAlchemyError, OmniError, OSError) as error:
                # A database that is away for a while comes back; the run does not wait for it.
                logger.warning("the database of jobs does not answer: %s", error)
                continue
            if not goes_on and not has_asked and not self._over.is_set():
                has_asked = True
                signal.pthread_kill(self._runner.ident or 0, signal.SIGINT)

    def _look(self) -> bool:
        """Tell what is new; whether to go on."""
        found = run_of_key(self._store.registry, self._claim.key)
        if found is not None:
            self._last = advance_of(found, self._last)
            facts = {"progress": self._last.share, "text": str(self._last), "run_id": found.run_id}
            if facts != self._told and not found.is_final:
                self._told = facts
                self._store.advance(self._claim, facts)
        return self._store.should_go_on(self._claim)


def main() -> None:
    """Carry out the job that standard input names."""
    for number in (signal.SIGINT, signal.SIGTERM):
        # They may be ignored by whoever started the server.
        signal.signal(number, signal.default_int_handler)
    line = sys.stdin.readline()
    if not line:
        return  # whoever was to say what to do is gone
    claim = Claim(**json.loads(line))
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    with RunRegistry() as registry:
        carry_out(registry, claim)
        if JobStore(registry).get(claim.job_id).state == "SUCCEEDED":
            log_file(claim.job_id).unlink(missing_ok=True)


if __name__ == "__main__":
    main()
