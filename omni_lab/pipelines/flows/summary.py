"""Flows as text for a terminal: a table of all, the steps of one, where each step of a run stands."""

from omni_lab.pipelines.flows.flow import Flow, Step
from omni_lab.pipelines.flows.kept import step_states
from omni_lab.pipelines.flows.reading import list_flows, load_flow
from omni_lab.pipelines.registry import RunRecord
from omni_lab.pipelines.summary import format_duration, format_table


def format_flows() -> str:
    """Table of the flows there are: name, steps, parameters, what each is for."""
    rows = [("FLOW", "STEPS", "PARAMETERS", "ABOUT")]
    for name in list_flows():
        flow = load_flow(name)
        rows.append((name, str(len(flow.steps)), ", ".join(flow.parameters) or "–", flow.about))
    return format_table(rows) if len(rows) > 1 else "There are no flows yet: see docs/pipelines.md."


def format_flow(flow: Flow) -> str:
    """One screen about a flow: its parameters, and its steps with what they wait for."""
    lines = [f"{flow.name}  {flow.about}".rstrip(), ""]
    if flow.parameters:
        parameters = [
            ("PARAMETER", "DEFAULT"),
            *((name, str(each)) for name, each in flow.parameters.items()),
        ]
        lines += [format_table(parameters), ""]
    rows = [("STEP", "PIPELINE", "AFTER", "SET")]
    for step in flow.steps:
        given = ", ".join(f"{name}={value}" for name, value in step.values.items())
        more = " ".join(filter(None, (f"params {step.params}" if step.params else "", given, _rules(step))))
        rows.append((step.name, step.pipeline, ", ".join(step.upstream) or "–", more))
    return "\n".join([*lines, format_table(rows)])


def format_flow_run(record: RunRecord) -> str:
    """One screen about a run of a flow: how it stands, and each of its steps with its run."""
    lines = [
        f"{record.pipeline}  {record.status}  {format_duration(record.duration_s)}",
        f"run {record.run_id}",
    ]
    resumes = record.content.get("resumes")
    lines += [f"goes on with {resumes}"] if resumes else []
    rows: list[tuple[str, ...]] = [("STEP", "STATE", "ATTEMPT", "RUN", "")]
    for name, state in step_states(record).items():
        shown = (name, state["state"], state["attempt"] or "–", state["run_id"] or "–", state["problem"])
        rows.append(tuple(str(each) for each in shown))
    lines += ["", format_table(rows)] if len(rows) > 1 else []
    lines += ["", record.problem] if record.problem and len(rows) == 1 else []
    return "\n".join(lines)


def _rules(step: Step) -> str:
    rules = [f"retries {step.retries}"] if step.retries else []
    rules += [f"timeout {format_duration(step.timeout_s)}"] if step.timeout_s else []
    rules += [] if step.cache else ["not cached"]
    return ", ".join(rules)
