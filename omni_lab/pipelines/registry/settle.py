"""Runs that nobody ends any more: their process is gone, or, on another machine, has not been heard of.

What ``run.json`` says is believed first: a process that was killed after it had written how its run ended did
not lose it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from omni_lab.pipelines.folder import RunFolder, read_json, write_json
from omni_lab.pipelines.registry import tables as t
from omni_lab.pipelines.registry.processes import is_gone
from omni_lab.pipelines.registry.records import FINAL, GONE, LOST
from omni_lab.store.database import reading, sa

if TYPE_CHECKING:
    from omni_lab.pipelines.registry.registry import RunRegistry

logger = logging.getLogger(__name__)

SILENCE_S: Final = 60.0
"""How long a run of a machine that we cannot look into may be silent."""


def settle(registry: RunRegistry) -> list[str]:
    """End the runs whose process is gone; their ids."""
    with reading(registry.engine) as connection:
        going = sa.select(t.runs).where(t.runs.c.status.not_in(FINAL))
        rows = [dict(row) for row in connection.execute(going).mappings()]
        now = registry.now(connection) if rows else 0.0
    gone = [(row, why) for row in rows if (why := _why_lost(row, now))]
    return [row["run_id"] for row, why in gone if _end(registry, row, why)]


def _why_lost(row: Mapping[str, Any], now: float) -> str:
    """Why a run goes no more; empty if it may still go."""
    found = is_gone(row)
    if found is None and row["heartbeat"] is not None:
        silent_s = now - row["heartbeat"]
        return f"its process has been silent for {silent_s:.0f} s" if silent_s > SILENCE_S else ""
    return GONE if found else ""


def _end(registry: RunRegistry, row: Mapping[str, Any], why: str) -> bool:
    said = ended_as(RunFolder(Path(row["folder"])), row["run_id"])
    if said is not None:
        return registry.finish(row["run_id"], said["status"], facts=said, why="taken from its run.json")
    error = {"type": "Lost", "message": why, "cell": None}
    lost = registry.finish(row["run_id"], LOST, error=error, why=why)
    if lost:
        _write_down(RunFolder(Path(row["folder"])), error)
    return lost


def ended_as(folder: RunFolder, run_id: str) -> dict[str, Any] | None:
    """What ``run.json`` says of a run that has ended; None if it does not."""
    try:
        said = read_json(folder.run_file)
    except (OSError, ValueError):
        return None
    return said if said.get("status") in FINAL and said.get("run_id") == run_id else None


def _write_down(folder: RunFolder, error: Mapping[str, Any]) -> None:
    """Let the folder say the same, for a reader without the database."""
    try:
        said = read_json(folder.run_file)
        if said.get("status") not in FINAL:
            write_json(folder.run_file, {**said, "status": LOST, "error": dict(error)})
    except (OSError, ValueError) as problem:
        logger.debug("the folder of %s keeps its record: %s", folder.run_id, problem)
