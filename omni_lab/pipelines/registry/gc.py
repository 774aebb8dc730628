"""Removing the folders of old runs. The rows stay, with what they say of metrics and files."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from omni_lab.data.moments import span_ns
from omni_lab.errors import ConfigError, DataError
from omni_lab.pipelines.registry.records import RunRecord

if TYPE_CHECKING:
    from omni_lab.pipelines.registry.registry import RunRegistry

_TRASH = ".removed-"


@dataclass(frozen=True, slots=True)
class OldRun:
    """A run whose folder may go.

    Attributes
    ----------
    run : RunRecord
    size : int
        Bytes of its folder.
    """

    run: RunRecord
    size: int


def old_runs(
    registry: RunRegistry, older_than: str, *, keep_tagged: bool = True, now: datetime | None = None
) -> list[OldRun]:
    """Runs of this machine that ended, began so long ago, and still have a folder; the oldest first.

    Parameters
    ----------
    registry : RunRegistry
    older_than : str
        Such as ``30d``, ``12h`` or ``4w``.
    keep_tagged : bool
        Whether runs with a tag are left out.
    now : datetime, optional
        The clock's time by default.

    Raises
    ------
    ConfigError
        If the age is none.
    """
    until = (now or datetime.now(UTC)) - age(older_than)
    found = [
        run
        for run in registry.list()
        if run.is_final
        and run.started is not None
        and run.started <= until
        and run.host in ("", socket.gethostname())
        and not (keep_tagged and run.tags)
        # Only what is a run's: the name of its row, and no link to elsewhere.
        and run.folder.path.name == run.run_id
        and run.folder.path.is_dir()
        and not run.folder.path.is_symlink()
    ]
    return [OldRun(run, _size(run.folder.path)) for run in reversed(found)]


def collect(registry: RunRegistry, old: Iterable[OldRun]) -> None:
    """Remove the folders. Whatever it is killed at, the next time goes on with it."""
    parents = set()
    for each in old:
        path = each.run.folder.path
        parents.add(path.parent)
        registry.forget_folder(each.run.run_id)
        # No reader sees a folder that is half removed.
        path.rename(path.with_name(_TRASH + path.name))
    for parent in parents:
        for trash in parent.glob(f"{_TRASH}*"):
            shutil.rmtree(trash, ignore_errors=True)


def age(text: str) -> timedelta:
    """A time span such as ``30d``.

    Raises
    ------
    ConfigError
        If it is none.
    """
    try:
        return timedelta(seconds=span_ns(text) / 1e9)
    except DataError as error:
        raise ConfigError("this is no age", found=text, expected="such as 12h, 30d or 4w") from error


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
