"""What happens next in a flow: a machine of states that knows neither processes nor clocks.

It is told what happened and when, and answers what to do. Whoever drives it begins and stops steps, and tells
it how each of them ended.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from omni_lab.pipelines.flows.flow import STOP, Flow, Step

WAITING = "waiting"
RUNNING = "running"
RETRYING = "retrying"
SUCCEEDED = "succeeded"
CACHED = "cached"
FAILED = "failed"
INTERRUPTED = "interrupted"
SKIPPED = "skipped"

TIMEOUT = "timeout"
CANCEL = "cancel"

_GOOD = frozenset({SUCCEEDED, CACHED})
_OVER = frozenset({SUCCEEDED, CACHED, FAILED, INTERRUPTED, SKIPPED})


@dataclass(frozen=True, slots=True)
class Succeeded:
    """An attempt came to its end."""

    step: str
    run_id: str


@dataclass(frozen=True, slots=True)
class Answered:
    """The step need not run: a run that succeeded asked the same."""

    step: str
    run_id: str


@dataclass(frozen=True, slots=True)
class Failed:
    """An attempt failed, its process died, or it could not begin.

    ``is_final`` when trying again cannot help: its parameters are bad.
    """

    step: str
    run_id: str | None
    problem: str
    is_final: bool = False


@dataclass(frozen=True, slots=True)
class Interrupted:
    """An attempt was stopped, by us or by somebody else."""

    step: str
    run_id: str | None


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Somebody wants the flow to end."""

    problem: str = "cancelled"


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""


Event = Succeeded | Answered | Failed | Interrupted | Cancelled | Tick


@dataclass(frozen=True, slots=True)
class Begin:
    """Begin an attempt of a step; the first is 1."""

    step: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Stop:
    """End an attempt that is running, because of ``"timeout"`` or ``"cancel"``."""

    step: str
    why: str


Action = Begin | Stop


@dataclass(slots=True)
class StepState:
    """Where a step stands.

    Attributes
    ----------
    state : str
        ``waiting``, ``running``, ``retrying``, ``succeeded``, ``cached``, ``failed``, ``interrupted`` or
        ``skipped``.
    attempt : int
        The newest attempt; 0 before the first.
    run_id : str or None
        Of that attempt, or of the run that answered in its place.
    problem : str
        Why it failed or was skipped.
    due_s : float or None
        When its attempt is over time, or its retry begins.
    stopping : str
        Why it was told to stop; empty when it was not.
    """

    state: str = WAITING
    attempt: int = 0
    run_id: str | None = None
    problem: str = ""
    due_s: float | None = None
    stopping: str = ""


@dataclass(slots=True)
class Course:
    """The course of one flow.

    Parameters
    ----------
    flow : Flow
    workers : int
        How many steps may run at once.
    started_s : float
        Time of its start, in seconds of the clock that all events are told by.
    kept : mapping of str to str, optional
        Runs, by step, that an earlier course of the flow came to; their steps are not run.
    """

    flow: Flow
    workers: int
    started_s: float
    kept: Mapping[str, str] = field(default_factory=dict)
    steps: dict[str, StepState] = field(init=False)
    problem: str = field(default="", init=False)
    _ending: str = field(default="", init=False)

    def __post_init__(self) -> None:
        self.steps = {
            step.name: StepState(SUCCEEDED, run_id=self.kept[step.name])
            if step.name in self.kept
            else StepState()
            for step in self.flow.steps
        }

    @property
    def is_over(self) -> bool:
        """Whether every step has ended."""
        return all(state.state in _OVER for state in self.steps.values())

    @property
    def status(self) -> str:
        """How the flow ended, or ``running``."""
        if not self.is_over:
            return RUNNING
        states = {state.state for state in self.steps.values()}
        if self._ending == CANCEL:
            return SUCCEEDED if states <= _GOOD else INTERRUPTED
        if FAILED in states or self._ending == TIMEOUT:
            return FAILED
        return SUCCEEDED if states <= _GOOD else INTERRUPTED

    @property
    def due_s(self) -> float | None:
        """When a :class:`Tick` is wanted at the latest; None when only events matter."""
        waiting = {RUNNING, RETRYING} if self._has_room else {RUNNING}
        times = [s.due_s for s in self.steps.values() if s.due_s is not None and s.state in waiting]
        if self.flow.timeout_s is not None and not self._ending:
            times.append(self.started_s + self.flow.timeout_s)
        return min(times, default=None)

    def handle(self, event: Event, now_s: float) -> list[Action]:
        """Take in what happened, and say what to do.

        Parameters
        ----------
        event : Event
        now_s : float
            Time, in seconds; it never goes back.

        Returns
        -------
        list of Action
            In the order they are to be done. Each is said once.
        """
        match event:
            case Succeeded(step, run_id):
                self._close(step, SUCCEEDED, run_id)
            case Answered(step, run_id):
                self._close(step, CACHED, run_id)
            case Failed(step, run_id, problem, is_final):
                self._failed(self.flow[step], run_id, problem, is_final, now_s)
            case Interrupted(step, run_id):
                self._interrupted(self.flow[step], run_id, now_s)
            case Cancelled(problem):
                self._end(CANCEL, problem)
            case Tick():
                pass
        self._look_at_the_clock(now_s)
        return [*self._stops(), *self._begins(now_s)]

    def _failed(self, step: Step, run_id: str | None, problem: str, is_final: bool, now_s: float) -> None:
        state = self.steps[step.name]
        if state.stopping == CANCEL:
            self._close(step.name, INTERRUPTED, run_id, problem)
        elif not is_final and not self._ending and state.attempt <= step.retries:
            state.state, state.run_id, state.problem, state.stopping = RETRYING, run_id, problem, ""
            state.due_s = now_s + step.retry_delay_s * 2 ** (state.attempt - 1)
        else:
            self._close(step.name, FAILED, run_id, problem)
            self._skip(self.flow.downstream(step.name), f"{step.name} failed")
            if self.flow.on_failure == STOP:
                self._end(STOP, f"{step.name} failed")

    def _interrupted(self, step: Step, run_id: str | None, now_s: float) -> None:
        stopping = self.steps[step.name].stopping
        if stopping == TIMEOUT:
            self._failed(step, run_id, self._over_time(step), False, now_s)
        else:
            problem = self.problem if stopping else "somebody stopped it"
            self._close(step.name, INTERRUPTED, run_id, problem)
            self._skip(self.flow.downstream(step.name), f"{step.name} was interrupted")

    def _over_time(self, step: Step) -> str:
        if self._ending == TIMEOUT:
            return f"Timeout: the flow took longer than {self.flow.timeout_s:g} s"
        return f"Timeout: the step took longer than {step.timeout_s:g} s"

    def _close(self, step: str, state: str, run_id: str | None, problem: str = "") -> None:
        found = self.steps[step]
        found.state, found.run_id, found.problem, found.due_s = state, run_id, problem, None

    def _end(self, why: str, problem: str) -> None:
        """Let nothing begin any more, and what runs be stopped."""
        if not self._ending:
            self._ending, self.problem = why, problem
        for name, state in self.steps.items():
            if state.state == RETRYING:
                self._close(name, FAILED, state.run_id, state.problem)
        self._skip(set(self.steps), problem)

    def _skip(self, names: set[str], problem: str) -> None:
        for name in names:
            if self.steps[name].state == WAITING:
                self._close(name, SKIPPED, None, problem)

    def _look_at_the_clock(self, now_s: float) -> None:
        limit = self.flow.timeout_s
        if limit is not None and not self._ending and not self.is_over and now_s >= self.started_s + limit:
            self._end(TIMEOUT, f"Timeout: the flow took longer than {limit:g} s")

    def _stops(self) -> Iterator[Stop]:
        why = {"": "", TIMEOUT: TIMEOUT}.get(self._ending, CANCEL)
        for name, state in self.steps.items():
            if why and state.state == RUNNING and not state.stopping:
                state.stopping, state.due_s = why, None
                yield Stop(name, why)

    def _begins(self, now_s: float) -> Iterator[Action]:
        for name, state in self.steps.items():
            if (
                state.state == RUNNING
                and not state.stopping
                and state.due_s is not None
                and now_s >= state.due_s
            ):
                state.stopping, state.due_s = TIMEOUT, None
                yield Stop(name, TIMEOUT)
        for step in self.flow.steps:
            state = self.steps[step.name]
            if not self._has_room:
                return
            is_due = state.state == RETRYING and state.due_s is not None and now_s >= state.due_s
            if is_due or (state.state == WAITING and self._is_ready(step)):
                state.state, state.attempt, state.stopping, state.problem = RUNNING, state.attempt + 1, "", ""
                state.due_s = None if step.timeout_s is None else now_s + step.timeout_s
                yield Begin(step.name, state.attempt)

    @property
    def _has_room(self) -> bool:
        return sum(each.state == RUNNING for each in self.steps.values()) < self.workers

    def _is_ready(self, step: Step) -> bool:
        return all(self.steps[name].state in _GOOD for name in step.upstream)
