"""A flow as plain data, as its record keeps it, and back."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from omni_lab.errors import DataError
from omni_lab.pipelines.flows.engine import Course
from omni_lab.pipelines.flows.flow import Flow, Step

_NOT_KEPT = frozenset({"where", "places"})


def spec_of(flow: Flow) -> dict[str, Any]:
    """A settled flow as plain data."""
    told = {each.name: getattr(flow, each.name) for each in fields(flow) if each.name not in _NOT_KEPT}
    return told | {"steps": [_step_spec(step) for step in flow.steps]}


def flow_of(spec: Mapping[str, Any]) -> Flow:
    """The flow that a record keeps.

    Raises
    ------
    DataError
        If the record does not hold one.
    """
    try:
        steps = tuple(Step(**{**step, "after": tuple(step["after"])}) for step in spec["steps"])
        return Flow(**{**spec, "steps": steps})
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"the record holds no flow that can be run: {error}") from error


def states_of(course: Course) -> dict[str, dict[str, Any]]:
    """Where each step of a course stands, as plain data."""
    return {
        name: {
            "state": state.state,
            "attempt": state.attempt,
            "run_id": state.run_id,
            "problem": state.problem,
        }
        for name, state in course.steps.items()
    }


def _step_spec(step: Step) -> dict[str, Any]:
    told = {each.name: getattr(step, each.name) for each in fields(step) if each.name not in _NOT_KEPT}
    return told | {"after": list(step.after), "values": dict(step.values)}
