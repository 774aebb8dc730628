"""What earlier processes did for a flow, as the registry has it."""

from omni_lab.pipelines.flows.engine import CACHED, SUCCEEDED
from omni_lab.pipelines.flows.flow import Flow
from omni_lab.pipelines.flows.spec import flow_of
from omni_lab.pipelines.folder import read_json
from omni_lab.pipelines.registry import SUCCEEDED as RUN_SUCCEEDED
from omni_lab.pipelines.registry import RunRecord, RunRegistry

FLOW_FILE = "flow.json"
"""Where each step of a flow stands; in the folder of its run."""


def run_of_attempt(registry: RunRegistry, flow_id: str, step: str, attempt: int) -> RunRecord | None:
    """The run of an attempt of a step; None if it was not begun."""
    for record in registry.list(parent=flow_id):
        if (record.origin.step, record.origin.attempt) == (step, attempt):
            return record
    return None


def kept_runs(registry: RunRegistry, record: RunRecord) -> dict[str, str]:
    """Runs, by step, that a flow came to before it ended, and that need not be made again.

    Parameters
    ----------
    registry : RunRegistry
        Settled.
    record : RunRecord
        Of the flow.
    """
    flow: Flow = flow_of(record.content.get("flow") or {})
    found = {name: str(state["run_id"]) for name, state in step_states(record).items() if _is_good(state)}
    # A kill may come between the end of a step and the line that says so.
    for each in registry.list(parent=record.run_id, status=RUN_SUCCEEDED):
        if each.origin.step:
            found.setdefault(each.origin.step, each.run_id)
    known = {step.name for step in flow.steps}
    return {
        name: run_id
        for name, run_id in found.items()
        if name in known and registry.find(run_id).folder.run_file.is_file()
    }


def step_states(record: RunRecord) -> dict[str, dict[str, object]]:
    """Where each step of a flow's run stands; empty before the first has begun."""
    steps = record.content.get("steps")
    if steps is None:
        try:
            steps = read_json(record.folder.path / FLOW_FILE).get("steps")
        except (OSError, ValueError):
            steps = None
    return dict(steps or {})


def _is_good(state: dict[str, object]) -> bool:
    return state.get("state") in (SUCCEEDED, CACHED) and bool(state.get("run_id"))
