"""What is settled before a flow runs: its parameters, and the values of each step against its pipeline.

Everything that is wrong is told at once, with its line. What comes out is a flow whose steps hold every value
of their parameters; only what a run upstream will say is left to be filled in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from omni_lab.errors import ConfigError, OmniError
from omni_lab.pipelines.catalog import find_parameter_file, find_pipeline, read_notebook
from omni_lab.pipelines.flows.flow import Flow, Step, raise_all
from omni_lab.pipelines.flows.references import (
    METRICS,
    RUN_DIR,
    RUN_ID,
    Lookup,
    ParameterReference,
    Reference,
    StepReference,
    escaped,
    only_reference,
    resolved,
    step_references,
)
from omni_lab.pipelines.form import form_of_notebook
from omni_lab.pipelines.parameter import PATH, Parameter
from omni_lab.pipelines.parameters import RUN_DIR_PARAMETER, parameter_values, read_parameters
from omni_lab.pipelines.runner import prepare_run

_TEXT_KINDS = ("str", PATH)
_NUMBER_KINDS = ("int", "float")


def flow_parameters(flow: Flow) -> dict[str, Parameter]:
    """The flow's own parameters, with the types that their defaults have."""
    return {name: _typed_by_default(name, default) for name, default in flow.parameters.items()}


def settled(
    flow: Flow, *, assignments: Sequence[str] = (), values: Mapping[str, Any] | None = None
) -> tuple[Flow, dict[str, Any]]:
    """A flow as it will be run, and the effective values of its own parameters.

    Parameters
    ----------
    flow : Flow
    assignments : sequence of str, optional
        Parameters of the flow, ``"name=value"`` as typed.
    values : mapping, optional
        Parameters of the flow; they win.

    Returns
    -------
    Flow
        Its steps hold every value of their parameters, also those of defaults and named sets.
    dict
        Of the flow's parameters.

    Raises
    ------
    ConfigError
        With every problem found: unknown or ill-typed parameters of the flow or of a step, values out of
        range, pipelines and parameter sets that are not there.
    """
    effective = parameter_values(flow_parameters(flow), assignments=assignments, values=values)
    problems: list[OmniError] = []
    steps = []
    for step in flow.steps:
        try:
            steps.append(_settled_step(step, effective))
        except OmniError as problem:
            problems.append(problem)
    raise_all(problems, f"the flow {flow.name!r} cannot be run")
    return replace(flow, steps=tuple(steps), parameters=effective), effective


def _settled_step(step: Step, parameters: Mapping[str, Any]) -> Step:
    where = step.where or f"step {step.name!r}"
    with _Placed(where):
        notebook = find_pipeline(step.pipeline)
        known = read_parameters(read_notebook(notebook), where=notebook.name)
        described = form_of_notebook(notebook, known)
        known |= described.parameters if described is not None else {}
        file = find_parameter_file(step.params, notebook) if step.params else None
    fixed, late = _divided(step, parameters, known)
    with _Placed(where):
        if late:
            # What a rule would say of them is known only when they are: the run is prepared again then.
            effective = parameter_values(known, file=file, values=fixed)
            effective.pop(RUN_DIR_PARAMETER, None)
        else:
            effective = dict(prepare_run(step.pipeline, parameter_file=step.params, values=fixed).settings)
    path = str(notebook) if step.pipeline.endswith(".ipynb") else step.pipeline
    return replace(step, pipeline=path, params=None, values={**escaped(effective), **late})


def _divided(
    step: Step, parameters: Mapping[str, Any], known: Mapping[str, Parameter]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Values that are known now, and those that a run upstream will say; each is held against its type."""
    fixed: dict[str, Any] = {}
    late: dict[str, Any] = {}
    problems: list[OmniError] = []
    for name, value in step.values.items():
        place = step.place_of(name)
        try:
            is_late = any(True for _ in step_references(value))
            given = resolved(value, _known_now(parameters, is_late), where=place)
            if is_late:
                _refuse_late(known, name, given, place)
                late[name] = given
            else:
                with _Placed(place):
                    fixed[name] = parameter_values(known, values={name: given})[name]
        except OmniError as problem:
            problems.append(problem)
    raise_all(problems, f"the step {step.name!r} cannot be run")
    return fixed, late


def _known_now(parameters: Mapping[str, Any], is_late: bool) -> Lookup:
    def lookup(reference: Reference) -> Any:
        if isinstance(reference, ParameterReference):
            value = parameters[reference.name]
            # What is filled in later is read for references once more.
            return escaped(value) if is_late else value
        return reference.text

    return lookup


def _refuse_late(known: Mapping[str, Parameter], name: str, value: Any, where: str) -> None:
    """Refuse a reference to a run whose type can be seen not to fit."""
    allowed = [each for each in known if each != RUN_DIR_PARAMETER]
    if name not in allowed:
        raise ConfigError("unknown parameter", found=name, expected=allowed, where=where)
    parameter = known[name]
    reference = only_reference(value)
    if not isinstance(reference, StepReference) or reference.what not in (RUN_ID, RUN_DIR, METRICS):
        return
    kinds = _NUMBER_KINDS if reference.what == METRICS else _TEXT_KINDS
    if parameter.is_list or parameter.kind not in kinds:
        raise ConfigError(
            f"the parameter {name!r} has another type than {reference.text}",
            found="a number" if reference.what == METRICS else "text",
            expected=parameter.type_name,
            where=where,
        )


class _Placed:
    """Says of errors raised inside where in the flow they come from."""

    def __init__(self, where: str) -> None:
        self._where = where

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OmniError):
            inside = error.where if error.where not in (None, "values") else None
            what = error.what or str(error)
            if inside and inside != self._where:
                what = f"{what} (in {inside})" if error.what else what
            raise ConfigError(
                what, found=error.found, expected=error.expected, where=self._where, hint=error.hint
            ) from error


def _typed_by_default(name: str, default: Any) -> Parameter:
    match default:
        case None:
            return Parameter(name=name, kind="str", is_optional=True)
        case list() | tuple():
            kind = _kind_of(default[0]) if default else "str"
            return Parameter(name=name, kind=kind, is_list=True, default=list(default))
        case _:
            return Parameter(name=name, kind=_kind_of(default), default=default)


def _kind_of(value: Any) -> str:
    if isinstance(value, Mapping):
        return "dict"
    return type(value).__name__ if isinstance(value, bool | int | float) else "str"
