"""A project with a small pipeline, a registry of either kind, and time that stands where a test puts it."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from omni_lab.config import REGISTRY_VARIABLE
from omni_lab.pipelines.registry import RunRegistry
from omni_lab.pipelines.schedules import ScheduleStore
from tests.pipelines.conftest import WriteNotebook, project, write_notebook

__all__ = ["project", "write_notebook"]

NOON = dt.datetime(2026, 7, 1, 12, 0, tzinfo=dt.UTC)


def after(**span: float) -> dt.datetime:
    """A moment some time after noon."""
    return NOON + dt.timedelta(**span)


@pytest.fixture
def toy(write_notebook: WriteNotebook) -> Path:
    """A pipeline that takes parameters and does nothing with them."""
    return write_notebook("toy", "x = 1")


@pytest.fixture
def registry(
    database_of_either_kind: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RunRegistry]:
    """The registry of this project, and of the processes that a test starts."""
    monkeypatch.setenv(REGISTRY_VARIABLE, database_of_either_kind)
    with RunRegistry() as opened:
        yield opened


@pytest.fixture
def store(registry: RunRegistry) -> ScheduleStore:
    return ScheduleStore(registry)
