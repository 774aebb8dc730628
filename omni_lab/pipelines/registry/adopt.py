"""Folders of runs that have no row: made before there was a registry, or beside one that did not answer."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from omni_lab.config import Settings
from omni_lab.pipelines.folder import RUN_FILE
from omni_lab.pipelines.registry import tables as t
from omni_lab.pipelines.registry.files import artifacts_of, metrics_of
from omni_lab.pipelines.registry.records import FINAL, LOST, RunRecord, iso, read_run, told_by_id
from omni_lab.store.database import exc, reading, sa

if TYPE_CHECKING:
    from omni_lab.pipelines.registry.registry import RunRegistry

logger = logging.getLogger(__name__)

STARTING_S: Final = 60.0
"""How long a folder may be without ``run.json`` before nobody can be about to write it."""


def adopt(registry: RunRegistry, runs_dir: Path) -> int:
    """Take in the folders that have no row; how many."""
    names = folders(runs_dir)
    if not names:
        return 0
    with reading(registry.engine) as connection:
        known = set(connection.execute(sa.select(t.runs.c.run_id)).scalars())
    return sum(adopt_folder(registry, runs_dir / name) for name in names if name not in known)


def folders(runs_dir: Path) -> list[str]:
    """Names of the directories that are runs."""
    if not runs_dir.is_dir():
        return []
    found = [path for path in runs_dir.iterdir() if path.is_dir() and not path.name.startswith(".")]
    return sorted(path.name for path in found if told_by_id(path.name)[1] or (path / RUN_FILE).exists())


def adopt_folder(registry: RunRegistry, path: Path) -> bool:
    """Take one folder in; False if it has a row, or is only just being made."""
    if not (path / RUN_FILE).exists() and _age_s(path) < STARTING_S:
        return False
    record = read_run(path)
    facts = _facts(record)
    row = t.row_of(t.complete(facts)) | {"folder": str(path.absolute())}
    insert = t.insert_or_leave(registry.engine, t.runs).returning(t.runs.c.run_id)
    try:
        with registry.engine.begin() as connection:
            row["heartbeat"] = registry.now(connection)
            done = connection.execute(insert, row).first() is not None
            if not done and row.get("key"):
                # Another run has its key; what this one was made for is no longer known.
                done = connection.execute(insert, {**row, "key": None}).first() is not None
            if done:
                if facts["status"] in FINAL:
                    registry.keep(
                        connection, path.name, metrics_of(record.folder), artifacts_of(record.folder)
                    )
                registry.note(connection, path.name, facts["status"], "taken in from its folder")
    except exc.SQLAlchemyError as error:
        logger.warning("the folder %s cannot be taken in: %s", path, error)
        return False
    return done


def _facts(record: RunRecord) -> dict[str, Any]:
    status = record.status if record.status in (*FINAL, "running") else LOST
    facts: dict[str, Any] = {
        "home": str(Settings.from_env().data_dir),
        **record.content,
        "run_id": record.run_id,
        "pipeline": record.pipeline,
        "status": status,
        "started": iso(record.started or datetime.fromtimestamp(record.folder.path.stat().st_mtime, UTC)),
    }
    if status != record.content.get("status"):
        facts["error"] = {"type": "Lost", "message": record.problem, "cell": None}
    return facts


def _age_s(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return 0.0
