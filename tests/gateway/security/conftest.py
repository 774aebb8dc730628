"""What tests of the door share."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from omni_lab.gateway.security import Security
from tests.gateway.security.door import settings_of, with_people


@pytest.fixture
def security(tmp_path: Path) -> Iterator[Security]:
    """Users of each role, in a file of SQLite."""
    made = with_people(Security(settings_of(tmp_path)))
    yield made
    asyncio.run(made.close())


@pytest.fixture
def either(database_of_either_kind: str, tmp_path: Path) -> Iterator[Security]:
    """The same in SQLite and in PostgreSQL."""
    made = with_people(Security(settings_of(tmp_path, database=database_of_either_kind)))
    yield made
    asyncio.run(made.close())
