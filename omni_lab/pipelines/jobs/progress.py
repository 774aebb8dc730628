"""How far a run is: the cells of a pipeline, the steps of a flow."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from omni_lab.pipelines.flows.engine import RETRYING, RUNNING, WAITING
from omni_lab.pipelines.flows.kept import step_states

if TYPE_CHECKING:
    from omni_lab.pipelines.registry import RunRecord, RunRegistry

FLOW_KIND = "flow"
"""Kind of the run of a flow."""
_AHEAD = frozenset({WAITING, RUNNING, RETRYING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """How far it is.

    Attributes
    ----------
    subject : str
        What runs.
    done, total : int
        Cells or steps; no total means that it is just starting.
    noun : str
        What is counted.
    place : str
        What it is at: the heading above the cell, or the names of the steps.
    elapsed_s : float
        Since it was asked for.
    """

    subject: str
    done: int = 0
    total: int = 0
    noun: str = "cell"
    place: str = ""
    elapsed_s: float = 0.0

    @property
    def share(self) -> float | None:
        """From 0 to 1; None while it is just starting."""
        return self.done / self.total if self.total else None

    def __str__(self) -> str:
        counted = f"{self.noun} {min(self.done + 1, self.total)} of {self.total}" if self.total else "begins"
        return f"{counted}: {self.place}" if self.place else counted

    def after(self, seconds: float) -> Self:
        """The same, so many seconds after it was asked for."""
        return replace(self, elapsed_s=seconds)


def run_of_key(registry: RunRegistry, key: str) -> RunRecord | None:
    """The run that was begun with a key; None before it was."""
    from omni_lab.pipelines.registry import queries
    from omni_lab.pipelines.registry.tables import runs
    from omni_lab.store.database import reading, sa

    with reading(registry.engine) as connection:
        found = queries.records(connection, sa.select(runs).where(runs.c.key == key))
    return found[0] if found else None


def advance_of(record: RunRecord, last: Advance) -> Advance:
    """How far a run is.

    Parameters
    ----------
    record : RunRecord
        It.
    last : Advance
        What was known before; it stays where nothing new can be read.
    """
    if record.kind == FLOW_KIND:
        return _of_flow(record, last)
    try:
        notebook = json.loads(record.folder.partial_notebook_file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        # Not written yet, just renamed, or half of it.
        return last
    return _of_cells(notebook["cells"], last)


def _of_cells(cells: list[dict[str, Any]], last: Advance) -> Advance:
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    done = sum(_status(cell) == "completed" for cell in code)
    heading = place = ""
    for cell in cells:
        if cell["cell_type"] == "markdown":
            titles = [line for line in "".join(cell["source"]).splitlines() if line.startswith("#")]
            heading = titles[-1].lstrip("# ") if titles else heading
        elif _status(cell) != "completed":
            place = heading
            break
    return replace(last, done=done, total=len(code), place=place)


def _status(cell: dict[str, Any]) -> str:
    return str(cell["metadata"].get("papermill", {}).get("status", ""))


def _of_flow(record: RunRecord, last: Advance) -> Advance:
    states = {name: str(step["state"]) for name, step in step_states(record).items()}
    going = [name for name, state in states.items() if state == RUNNING]
    done = sum(state not in _AHEAD for state in states.values())
    return replace(last, done=done, total=len(states), noun="step", place=", ".join(going))
