"""A project with a small pipeline, and queues on a database of either kind."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from omni_lab.config import REGISTRY_VARIABLE
from omni_lab.pipelines.jobs import Job, JobQueue
from omni_lab.pipelines.jobs.job import ENDED
from tests.pipelines.conftest import WriteNotebook, project, write_notebook

__all__ = ["project", "write_notebook"]

PATIENCE_S = 90.0


def eventually(found: Callable[[], object]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not found():
        assert time.monotonic() < until
        time.sleep(0.02)


def ended(queue: JobQueue, job: Job) -> Job:
    """The job, once it has ended."""
    eventually(lambda: queue.get(job.id).state in ENDED)
    return queue.get(job.id)


@pytest.fixture
def toy(write_notebook: WriteNotebook) -> Path:
    """A pipeline that sleeps for as many seconds as ``lookback`` says."""
    return write_notebook("toy", "import time\ntime.sleep(lookback)", "x = 1")


@pytest.fixture
def database(database_of_either_kind: str, project: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The database of this project, and of the processes that a test starts."""
    monkeypatch.setenv(REGISTRY_VARIABLE, database_of_either_kind)
    return database_of_either_kind


@pytest.fixture
def file(project: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A file of SQLite, for what takes no notice of the kind."""
    path = str(project / "omni.sqlite")
    monkeypatch.setenv(REGISTRY_VARIABLE, path)
    return path
