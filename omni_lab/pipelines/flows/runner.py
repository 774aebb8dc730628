"""Run a flow: drive the machine of its states, begin and stop its steps, and keep a record of it all.

The flow is a run of kind ``flow``, whose folder holds no notebook but ``flow.json``: where each step stands.
Every attempt of a step is a run of its own, with the flow as its parent.
"""

import logging
import os
import queue
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from omni_lab.config import Settings
from omni_lab.errors import ConfigError
from omni_lab.pipelines.environment import surroundings
from omni_lab.pipelines.flows.checks import settled
from omni_lab.pipelines.flows.engine import FAILED as STEP_FAILED
from omni_lab.pipelines.flows.engine import Begin, Cancelled, Course, Event, Stop, Tick
from omni_lab.pipelines.flows.flow import Flow
from omni_lab.pipelines.flows.kept import FLOW_FILE, kept_runs
from omni_lab.pipelines.flows.news import News, reporter
from omni_lab.pipelines.flows.places import Place, is_cluster, open_place
from omni_lab.pipelines.flows.reading import load_flow
from omni_lab.pipelines.flows.spec import flow_of, spec_of, states_of
from omni_lab.pipelines.flows.steps import Steps
from omni_lab.pipelines.folder import write_json
from omni_lab.pipelines.recording import Recording
from omni_lab.pipelines.registry import FAILED, RUNNING, SUCCEEDED, Origin, RunRecord, RunRegistry
from omni_lab.pipelines.registry.records import origin_facts

logger = logging.getLogger(__name__)


_LONGEST_WAIT_S = 1.0
_CANCEL = "cancel"


def run_flow(
    flow: str | Path | Flow,
    *,
    assignments: Sequence[str] = (),
    values: Mapping[str, Any] | None = None,
    workers: int | None = None,
    cluster: str | None = None,
    fresh: bool = False,
    origin: Origin | None = None,
    progress: bool | News = True,
    runs_dir: Path | None = None,
    registry: RunRegistry | None = None,
) -> RunRecord:
    """Run a flow to its end.

    Parameters
    ----------
    flow : str, Path or Flow
        Name of a flow, a path, or the flow itself.
    assignments : sequence of str, optional
        Parameters of the flow, ``"name=value"`` as typed.
    values : mapping, optional
        Parameters of the flow; they win.
    workers : int, optional
        How many steps may run at once; as many as there are cores by default.
    cluster : str, optional
        Where steps run; see ``docs/clusters.md``. What the settings say by default.
    fresh : bool
        Whether to run also steps whose question was answered before.
    origin : Origin, optional
        Why it is run.
    progress : bool or callable
        Show which steps run where standard error is a terminal; or what to call with each change.
    runs_dir : Path, optional
        Parent of all folders; the project's by default.
    registry : RunRegistry, optional
        Where it is written down; the project's by default.

    Returns
    -------
    RunRecord
        Of the flow. ``status`` says whether it succeeded, failed or was interrupted; ``content["steps"]``
        what became of each step, and by which run.

    Raises
    ------
    ConfigError, DataError
        If the flow is refused; nothing has been begun then.
    AlreadyBegun
        If a run with the key of the origin was begun before.
    """
    read = flow if isinstance(flow, Flow) else load_flow(flow)
    ready, _ = settled(read, assignments=assignments, values=values)
    with _opened(registry) as kept:
        running = _Running(ready, kept, origin or Origin(), runs_dir, fresh=fresh)
        return running.to_the_end(workers, cluster, progress)


def resume_flow(
    run: str,
    *,
    workers: int | None = None,
    cluster: str | None = None,
    progress: bool | News = True,
    registry: RunRegistry | None = None,
) -> RunRecord:
    """Go on with a flow that failed, was interrupted or was killed; steps that succeeded stay as they are.

    The flow goes on as a run of its own, with the values it was begun with.

    Parameters
    ----------
    run : str
        Beginning of the id of the flow's run, its tag, or ``"last"``.
    workers, cluster, progress, registry
        See :func:`run_flow`.

    Raises
    ------
    ConfigError
        If the run is no flow, still runs, or has succeeded.
    """
    with _opened(registry) as opened:
        opened.settle()
        record = opened.find(run)
        if record.kind != "flow":
            raise ConfigError("this run is no flow", found=record.run_id, where="omni flow resume")
        if record.status in (RUNNING, SUCCEEDED):
            why = "still runs" if record.status == RUNNING else "has succeeded: nothing is left to do"
            raise ConfigError(f"the flow {why}", found=record.run_id, where="omni flow resume")
        flow = flow_of(record.content.get("flow") or {})
        origin = Origin(trigger=record.origin.trigger, name=record.origin.name)
        running = _Running(
            flow,
            opened,
            origin,
            record.folder.path.parent,
            fresh=bool(record.content.get("fresh")),
            kept=kept_runs(opened, record),
            resumes=record.run_id,
        )
        return running.to_the_end(workers, cluster, progress)


@contextmanager
def _opened(registry: RunRegistry | None) -> Iterator[RunRegistry]:
    if registry is not None:
        yield registry
        return
    with RunRegistry() as made:
        yield made


class _Running:
    """One run of a flow."""

    def __init__(
        self,
        flow: Flow,
        registry: RunRegistry,
        origin: Origin,
        runs_dir: Path | None,
        *,
        fresh: bool,
        kept: Mapping[str, str] | None = None,
        resumes: str | None = None,
    ) -> None:
        self._flow, self._registry, self._kept = flow, registry, dict(kept or {})
        self._wake: queue.SimpleQueue[object] = queue.SimpleQueue()
        spec = spec_of(flow)
        facts = {
            "kind": "flow",
            "pipeline": flow.name,
            **origin_facts(origin),
            "parameters": dict(flow.parameters),
            "flow": spec,
            "fresh": fresh,
            "resumes": resumes,
            **surroundings(Path.cwd()),
        }
        self._recording = Recording.begin(registry, facts, {"flow": spec}, runs_dir=runs_dir)
        self._steps = Steps(flow, self._recording, fresh=fresh)
        self._cancels = 0

    def to_the_end(self, workers: int | None, cluster: str | None, progress: bool | News) -> RunRecord:
        cluster = cluster or Settings.from_env().cluster
        self._steps.keeps_time = is_cluster(cluster)
        count = max(1, min(workers or os.cpu_count() or 1, len(self._flow.steps)))
        self._course = Course(self._flow, count, time.monotonic(), self._kept)
        try:
            with ExitStack() as stack:
                stack.enter_context(self._told_to_end())
                stack.enter_context(self._recording.beating())
                self._news = stack.enter_context(reporter(progress))
                opened = open_place(cluster, count, len(self._flow.steps), self._wake)
                self._place: Place = stack.enter_context(opened)
                self._drive()
        except BaseException as error:
            # Not a step's fault: the record must not stay at "running", and the cause must be seen.
            self._close(FAILED, {"type": type(error).__name__, "message": str(error), "cell": None})
            raise
        return self._close(self._course.status, self._error())

    def _drive(self) -> None:
        self._handle(Tick())
        while not self._course.is_over:
            try:
                for event in self._wait():
                    self._handle(event)
            except KeyboardInterrupt:
                # Outside the main thread this is how the heartbeat passes on that somebody cancels.
                self._handle(Cancelled())

    def _wait(self) -> Iterator[Event]:
        due = [each for each in (self._course.due_s, self._place.due_s()) if each is not None]
        wait_s = min([_LONGEST_WAIT_S, *(each - time.monotonic() for each in due)])
        try:
            said = self._wake.get(timeout=max(wait_s, 0.001))
        except queue.Empty:
            said = None
        if said == _CANCEL:
            self._cancels += 1
            if self._cancels > 1:
                self._place.hurry()
            yield Cancelled()
        for answer in self._place.ended():
            yield self._steps.event_of(answer, self._course.steps[answer.step])
        yield Tick()

    def _handle(self, event: Event) -> None:
        waiting = [event]
        before = states_of(self._course)
        while waiting:
            for action in self._course.handle(waiting.pop(0), time.monotonic()):
                match action:
                    case Begin(step, attempt):
                        runs = {name: state.run_id for name, state in self._course.steps.items()}
                        begun = self._steps.prepared(step, attempt, runs)
                        if isinstance(begun, Event):
                            waiting.append(begun)
                        else:
                            self._place.begin(begun)
                    case Stop(step, why):
                        self._place.stop(step, why)
        after = states_of(self._course)
        if after != before or isinstance(event, Tick):
            self._tell(before, after)

    def _tell(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        changed = [name for name in after if after[name] != before[name]]
        for name in changed:
            self._news(name, self._course.steps[name])
        if changed:
            write_json(self._recording.folder.path / FLOW_FILE, {"steps": after})

    def _error(self) -> dict[str, Any] | None:
        course = self._course
        if course.status == SUCCEEDED:
            return None
        failed = [f"{n}: {s.problem}" for n, s in course.steps.items() if s.state == STEP_FAILED]
        message = "; ".join(failed) or course.problem or "somebody stopped a step"
        kind = "StepFailed" if course.status == FAILED else "KeyboardInterrupt"
        return {"type": kind, "message": message, "cell": None}

    def _close(self, status: str, error: Mapping[str, Any] | None) -> RunRecord:
        states = states_of(self._course)
        counts: dict[str, int] = {}
        for state in states.values():
            counts[state["state"]] = counts.get(state["state"], 0) + 1
        headline = {name.capitalize(): str(count) for name, count in counts.items()}
        write_json(self._recording.folder.path / FLOW_FILE, {"steps": states})
        return self._recording.close(status, error, facts={"steps": states, "headline": headline})

    @contextmanager
    def _told_to_end(self) -> Iterator[None]:
        """Have Ctrl-C and SIGTERM cancel the flow rather than tear it apart."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def cancel(signum: int, frame: FrameType | None) -> None:
            self._wake.put(_CANCEL)

        numbers = (signal.SIGINT, signal.SIGTERM)
        before = [signal.signal(number, cancel) for number in numbers]
        try:
            yield
        finally:
            for number, handler in zip(numbers, before, strict=True):
                signal.signal(number, handler)
