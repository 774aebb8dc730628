"""How far a run is: the cells of a pipeline, the steps of a flow."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from omni_lab.pipelines import RunRecord
    from omni_lab.pipelines.registry import RunRegistry

_FLOW_KIND = "flow"
_WAITING = frozenset({"queued", "running"})


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

    def after(self, seconds: float) -> Self:
        """The same, so many seconds after it was asked for."""
        return replace(self, elapsed_s=seconds)


def advance_of(record: RunRecord, registry: RunRegistry, last: Advance) -> Advance:
    """How far a run is.

    Parameters
    ----------
    record : RunRecord
        It.
    registry : RunRegistry
        Where steps of a flow are looked up.
    last : Advance
        What was known before; it stays where nothing new can be read.
    """
    if record.kind == _FLOW_KIND:
        return _of_flow(record, registry, last)
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


def _of_flow(record: RunRecord, registry: RunRegistry, last: Advance) -> Advance:
    steps: dict[str, str] = {}
    # The newest attempt of a step comes first.
    for each in registry.list(parent=record.run_id):
        steps.setdefault(each.origin.step or each.pipeline, each.status)
    going = [step for step, status in steps.items() if status in _WAITING]
    done = len(steps) - len(going)
    total = max(len(record.content.get("steps") or ()), len(steps))
    return replace(last, done=done, total=total, noun="step", place=", ".join(going))
