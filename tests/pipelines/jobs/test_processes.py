"""Jobs in processes of their own: they outlive a server that is killed, and end when they are told to."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from omni_lab.pipelines.jobs import CANCELED, FAILED, QUEUED, RUNNING, SUCCEEDED, Job, JobQueue, claims
from omni_lab.pipelines.jobs.store import JobStore
from omni_lab.pipelines.jobs.worker import log_file
from omni_lab.pipelines.registry import RunRegistry
from tests.pipelines.conftest import WriteNotebook
from tests.pipelines.jobs.conftest import ended, eventually

SERVER = """
import sys, time
from omni_lab.pipelines.jobs import JobQueue
with JobQueue() as queue:
    print("serving", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def queue(file: str, toy: Path) -> JobQueue:  # type: ignore[misc]
    made = JobQueue()
    yield made
    made.close()


def begun(queue: JobQueue, job: Job) -> int:
    """Id of a job's process, once its run has begun."""
    eventually(lambda: queue.get(job.id).run_id)
    return process_of(queue, job)


def process_of(queue: JobQueue, job: Job) -> int:
    return int(next(row.pid for row in queue._store.unended() if row.id == job.id))


def test_a_job_goes_on_when_the_server_is_killed_and_is_found_by_the_next(queue: JobQueue) -> None:
    first = queue.submit("toy", {"lookback": 3}, who="ada")
    second = queue.submit("toy", {"lookback": 0}, who="ada")
    with subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE) as server:
        try:
            worker = begun(queue, first)
        finally:
            server.kill()
    assert os.getsid(worker) == worker, "it has a session of its own"
    queue.start()
    assert process_of(queue, first) == worker
    assert queue.get(second.id).state == QUEUED, "one at a time, also of a server that is gone"
    found = ended(queue, first)
    assert (found.state, found.attempt, found.progress) == (SUCCEEDED, 1, 1.0)
    assert ended(queue, second).state == SUCCEEDED
    with RunRegistry() as registry:
        runs = registry.list()
    assert {(run.run_id, run.status, run.origin.trigger, run.origin.name) for run in runs} == {
        (queue.get(each.id).run_id, "succeeded", "api", "ada") for each in (first, second)
    }
    assert not log_file(first.id).exists()
    told = [event for each in queue.stream(first.id).follow(after=0).take() for event in each.events]
    shares = [event["progress"] for event in told if event["kind"] == "PROGRESS"]
    assert shares == sorted(shares, key=lambda share: share or 0.0)
    assert [event["kind"] for event in told if event["kind"] != "PROGRESS"] == [QUEUED, RUNNING, SUCCEEDED]


def test_a_job_that_is_killed_is_begun_once_more(queue: JobQueue) -> None:
    job = queue.submit("toy", {"lookback": 2}, who="ada")
    with queue:
        os.kill(begun(queue, job), signal.SIGKILL)
        found = ended(queue, job)
        assert (found.state, found.attempt) == (SUCCEEDED, 2)
        with RunRegistry() as registry:
            assert sorted(run.status for run in registry.list()) == ["lost", "succeeded"]


def test_a_job_is_canceled_as_by_ctrl_c(queue: JobQueue) -> None:
    job = queue.submit("toy", {"lookback": 600}, who="ada")
    with queue:
        begun(queue, job)
        assert queue.cancel(job.id).state == RUNNING
        found = ended(queue, job)
        assert (found.state, found.text) == (CANCELED, "canceled")
    with RunRegistry() as registry:
        assert [(run.run_id, run.status) for run in registry.list()] == [(found.run_id, "interrupted")]


def test_a_job_that_does_not_end_when_asked_is_killed(
    queue: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "GRACE_S", 0.5)
    job = queue.submit("toy", {"lookback": 600}, who="ada")
    with queue:
        os.kill(begun(queue, job), signal.SIGSTOP)
        queue.cancel(job.id)
        assert ended(queue, job).state == CANCELED


def test_a_job_that_fails_says_why(queue: JobQueue, write_notebook: WriteNotebook) -> None:
    write_notebook("broken", "raise ValueError('no prices')")
    job = queue.submit("broken", who="ada")
    with queue:
        found = ended(queue, job)
    assert found.state == FAILED
    assert "no prices" in found.text
    assert found.run_id


def test_a_process_that_cannot_begin_leaves_its_words(
    queue: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = queue.submit("toy", who="ada")
    monkeypatch.setenv("PYTHONPATH", str(Path.cwd() / "broken"))
    package = Path.cwd() / "broken" / "omni_lab"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise SystemExit('broken installation')")
    with queue:
        found = ended(queue, job)
    assert found.state == FAILED
    assert found.text.startswith("it could not be begun")
    assert "broken installation" in log_file(job.id).read_text()
    assert JobStore(queue._registry).counts() == {FAILED: 1}
