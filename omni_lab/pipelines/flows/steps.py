"""Attempts of steps, seen from the flow: what one is asked, whether it need run, and how it ended."""

from collections.abc import Mapping
from typing import Any

from omni_lab.errors import ConfigError, OmniError
from omni_lab.pipelines.flows.cache import result_fingerprint
from omni_lab.pipelines.flows.engine import (
    TIMEOUT,
    Answered,
    Event,
    Failed,
    Interrupted,
    StepState,
    Succeeded,
)
from omni_lab.pipelines.flows.flow import Flow, Step
from omni_lab.pipelines.flows.kept import run_of_attempt
from omni_lab.pipelines.flows.references import (
    ARTIFACTS,
    RUN_DIR,
    RUN_ID,
    ParameterReference,
    Reference,
    StepReference,
    resolved,
    step_references,
)
from omni_lab.pipelines.flows.task import StepAnswer, StepTask
from omni_lab.pipelines.folder import write_json
from omni_lab.pipelines.recording import Recording
from omni_lab.pipelines.registry import FAILED, INTERRUPTED, LOST, SUCCEEDED, Origin, RunRecord, RunRegistry
from omni_lab.pipelines.registry.settle import ended_as
from omni_lab.pipelines.runner import prepare_run

Runs = Mapping[str, str | None]


class Steps:
    """The attempts of one run of a flow.

    Parameters
    ----------
    flow : Flow
    recording : Recording
        Of the flow's run.
    fresh : bool
        Whether a question that was answered before is asked again.
    """

    def __init__(self, flow: Flow, recording: Recording, *, fresh: bool) -> None:
        self._flow, self._fresh = flow, fresh
        self._registry, self._flow_id = recording.registry, recording.folder.run_id
        self._runs_dir = recording.folder.path.parent
        self._results: dict[str, str] = {}

    def prepared(self, name: str, attempt: int, runs: Runs) -> StepTask | Event:
        """What an attempt has to do; or how it ends without being begun.

        Parameters
        ----------
        name : str
            Of the step.
        attempt : int
        runs : mapping of str to str
            Runs of the steps upstream.
        """
        step = self._flow[name]
        try:
            values = {
                key: resolved(value, lambda each: self._found(each, runs), where=step.place_of(key))
                for key, value in step.values.items()
            }
            request = prepare_run(step.pipeline, values=values)
            named = {key: value for key, value in step.values.items() if _names_a_run(value)}
            upstream = {each: self._result_of(str(runs[each])) for each in step.upstream}
            if step.cache and not self._fresh and not request.writes:
                answer = self._registry.answered(request.fingerprint(upstream, named))
                if answer is not None:
                    return Answered(name, answer.run_id)
        except OmniError as problem:
            return Failed(name, None, str(problem), is_final=True)
        origin = Origin(
            trigger="flow",
            name=self._flow.name,
            key=f"{self._flow_id}/{name}/{attempt}",
            parent=self._flow_id,
            step=name,
            attempt=attempt,
            upstream=upstream,
            named=named,
        )
        return StepTask(
            step=name,
            pipeline=step.pipeline,
            values=values,
            origin={each: getattr(origin, each) for each in Origin.__dataclass_fields__},
            runs_dir=str(self._runs_dir),
            registry=_address(self._registry),
        )

    def event_of(self, answer: StepAnswer, state: StepState) -> Event:
        """What an answer of the place means for the flow; a run that a kill left open is closed first."""
        step = self._flow[answer.step]
        if answer.status == SUCCEEDED and answer.run_id:
            return Succeeded(step.name, answer.run_id)
        run_id = answer.run_id
        if run_id is None and not answer.is_final:
            run_id = self._closed(step, state)
        if answer.status == INTERRUPTED or (answer.status == LOST and state.stopping):
            return Interrupted(step.name, run_id)
        record = self._registry.find(run_id) if run_id else None
        if record is not None and record.status == SUCCEEDED:
            return Succeeded(step.name, record.run_id)  # it ended just before its process did
        return Failed(step.name, run_id, answer.problem, answer.is_final)

    def _closed(self, step: Step, state: StepState) -> str | None:
        """The run of an attempt whose process is gone; it is final now."""
        record = run_of_attempt(self._registry, self._flow_id, step.name, state.attempt)
        if record is None:
            return None
        if not record.is_final and ended_as(record.folder, record.run_id) is None and state.stopping:
            status, error = _ended_by_us(step, state.stopping)
            if record.folder.run_file.is_file():
                write_json(record.folder.run_file, {**record.content, "status": status, "error": error})
            self._registry.finish(record.run_id, status, error=error)
        self._registry.settle()
        return record.run_id

    def _found(self, reference: Reference, runs: Runs) -> Any:
        if isinstance(reference, ParameterReference):
            return self._flow.parameters[reference.name]
        record = self._registry.find(str(runs[reference.step]))
        if reference.what == RUN_ID:
            return record.run_id
        if reference.what == RUN_DIR:
            return str(record.folder.path)
        return (
            self._artifact(record, reference) if reference.what == ARTIFACTS else _metric(record, reference)
        )

    def _artifact(self, record: RunRecord, reference: StepReference) -> Any:
        """Path of a file that a run left; else what it recorded under the name."""
        files = {each.path: each for each in self._registry.artifacts(record.run_id)}
        named = [each for each in files.values() if reference.name in (each.path, each.name)]
        if named:
            return str(record.folder.path / named[0].path)
        if reference.name in record.artifacts:
            return record.artifacts[reference.name]
        raise ConfigError(
            f"{reference.text} is not among what the run left",
            found=reference.name,
            expected=[*files, *record.artifacts],
            where=record.run_id,
        )

    def _result_of(self, run_id: str) -> str:
        if run_id not in self._results:
            self._results[run_id] = result_fingerprint(self._registry.artifacts(run_id))
        return self._results[run_id]


def _metric(record: RunRecord, reference: StepReference) -> float:
    value = record.metrics.get(reference.name)
    if value is None:
        raise ConfigError(
            f"{reference.text} is no number that the run recorded",
            found=reference.name,
            expected=[name for name, each in record.metrics.items() if each is not None],
            where=record.run_id,
        )
    return value


def _names_a_run(value: Any) -> bool:
    return any(reference.is_of_the_run for reference in step_references(value))


def _ended_by_us(step: Step, why: str) -> tuple[str, dict[str, Any]]:
    if why == TIMEOUT:
        message = f"the step {step.name} took too long, and did not end when it was told to"
        return FAILED, {"type": "Timeout", "message": message, "cell": None}
    return INTERRUPTED, {"type": "KeyboardInterrupt", "message": "cancelled", "cell": None}


def _address(registry: RunRegistry) -> str:
    """For another process, with the password."""
    return registry.engine.url.render_as_string(hide_password=False)
