"""What a flow is: pipelines as the steps of a graph, and the rules that such a graph keeps.

Nothing here knows a notebook or a process: ``reading`` makes flows of YAML, ``checks`` holds their parameters
against the pipelines, ``engine`` decides what runs when.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from omni_lab.errors import ConfigError, OmniError
from omni_lab.pipelines.flows.references import StepReference, step_references

CONTINUE = "continue"
STOP = "stop"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A pipeline of a flow, and when and how it is run.

    Attributes
    ----------
    name : str
        Of the step in its flow; letters, digits, ``_`` and ``-``.
    pipeline : str
        Name of a pipeline, or a path to a notebook.
    after : tuple of str
        Steps it waits for, beside those that its values refer to.
    values : mapping of str to object
        Parameters. Text may hold references: ``"${symbol}"``, ``"${backtest.run_id}"``.
    params : str, optional
        Named parameter set, or a path to one; ``values`` win over it.
    retries : int
        How often it is tried again after a failure.
    retry_delay_s : float
        Seconds before the first retry; doubled before each further one.
    timeout_s : float, optional
        Longest that an attempt may take, in seconds.
    cache : bool
        False runs it even where an equal question was answered.
    where : str
        Where it is written, for messages.
    places : mapping of str to str
        Where each of ``values`` is written.
    """

    name: str
    pipeline: str
    after: tuple[str, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    params: str | None = None
    retries: int = 0
    retry_delay_s: float = 1.0
    timeout_s: float | None = None
    cache: bool = True
    where: str = field(default="", compare=False)
    places: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def references(self) -> tuple[StepReference, ...]:
        """What its values ask of other steps."""
        return tuple(step_references(self.values))

    @property
    def upstream(self) -> tuple[str, ...]:
        """Names of the steps it waits for, each once: those it comes after, then those it refers to."""
        return tuple(dict.fromkeys([*self.after, *(each.step for each in self.references)]))

    def place_of(self, name: str) -> str:
        """Where a value of it is written, as far as that is known."""
        return self.places.get(name) or self.where or f"step {self.name!r}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """A graph of pipelines.

    Attributes
    ----------
    name : str
    steps : tuple of Step
        In the order they are written. Where several can run, the earlier one begins first.
    parameters : mapping of str to object
        Defaults of the flow's own parameters; a default also says the type.
    about : str
        What it is for, in a sentence.
    timeout_s : float, optional
        Longest that the whole flow may take, in seconds.
    on_failure : str
        ``"continue"`` lets steps that are not downstream of a failed one finish, ``"stop"`` cancels them.
    where : str
        Where it is written, for messages.

    Raises
    ------
    ConfigError
        With every problem found: names used twice or unknown, circles, references to what is not there,
        numbers out of range.

    Examples
    --------
    >>> flow = Flow(
    ...     name="daily",
    ...     parameters={"symbol": "SPX"},
    ...     steps=(
    ...         Step(name="test", pipeline="backtest", values={"symbol": "${symbol}"}),
    ...         Step(name="risk", pipeline="risk_report", values={"run": "${test.run_id}"}),
    ...     ),
    ... )
    >>> flow["risk"].upstream
    ('test',)
    """

    name: str
    steps: tuple[Step, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    about: str = ""
    timeout_s: float | None = None
    on_failure: str = CONTINUE
    where: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        problems = list(self._problems())
        if not problems:
            problems = list(self._circles())
        raise_all(problems, f"the flow {self.name!r} cannot be run")

    def __getitem__(self, name: str) -> Step:
        """The step of that name; KeyError without it."""
        for step in self.steps:
            if step.name == name:
                return step
        raise KeyError(name)

    def downstream(self, name: str) -> set[str]:
        """Names of all steps that wait for one, through others too."""
        found: set[str] = set()
        waiting = [name]
        while waiting:
            current = waiting.pop()
            new = {step.name for step in self.steps if current in step.upstream} - found
            found |= new
            waiting += new
        return found

    def _problems(self) -> Iterator[ConfigError]:
        if not self.steps:
            yield ConfigError("a flow has at least one step", where=self.where or self.name)
        if self.on_failure not in (CONTINUE, STOP):
            yield ConfigError(
                "unknown policy for failures",
                found=self.on_failure,
                expected=[CONTINUE, STOP],
                where=self.where or self.name,
            )
        if self.timeout_s is not None and not 0 < self.timeout_s < math.inf:
            yield _out_of_range("timeout", self.timeout_s, "seconds above 0", self.where or self.name)
        names = [step.name for step in self.steps]
        for position, step in enumerate(self.steps):
            if step.name in names[:position]:
                yield ConfigError("a step is named twice", found=step.name, where=step.where or self.where)
            yield from _problems_of(step, set(names), self.parameters)

    def _circles(self) -> Iterator[ConfigError]:
        done: set[str] = set()
        while True:
            ready = [s.name for s in self.steps if s.name not in done and done.issuperset(s.upstream)]
            if not ready:
                break
            done.update(ready)
        left = [step for step in self.steps if step.name not in done]
        if left:
            circle = _one_circle({step.name: step.upstream for step in left})
            yield ConfigError(
                f"steps wait for each other in a circle: {' → '.join(circle)}",
                where=self[circle[0]].where or self.where,
            )


def raise_all(problems: "list[ConfigError] | list[OmniError]", what: str) -> None:
    """Raise what was found: one problem as it is, several as one error that lists them."""
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise ConfigError(f"{what}, for {len(problems)} reasons:\n  " + "\n  ".join(map(str, problems)))


def _problems_of(step: Step, names: set[str], parameters: Mapping[str, Any]) -> Iterator[ConfigError]:
    where = step.where or f"step {step.name!r}"
    if not _NAME.fullmatch(step.name):
        yield ConfigError(
            "the name of a step cannot be used",
            found=step.name,
            expected="letters, digits, _ and -",
            where=where,
        )
    if step.retries < 0:
        yield _out_of_range("retries", step.retries, "a whole number from 0", where)
    if not 0 <= step.retry_delay_s < math.inf:
        yield _out_of_range("retry_delay", step.retry_delay_s, "seconds from 0", where)
    if step.timeout_s is not None and not 0 < step.timeout_s < math.inf:
        yield _out_of_range("timeout", step.timeout_s, "seconds above 0", where)
    others = sorted(names - {step.name})
    for each in step.after:
        if each not in names or each == step.name:
            yield ConfigError(
                "a step comes after one that is not there", found=each, expected=others, where=where
            )
    for name, value in step.values.items():
        place = step.place_of(name)
        try:
            found = list(step_references(value, parameters=parameters, where=place))
        except ConfigError as problem:
            yield problem
            continue
        for reference in found:
            if reference.step not in names or reference.step == step.name:
                yield ConfigError(
                    f"{reference.text} refers to a step that is not there",
                    found=reference.step,
                    expected=others,
                    where=place,
                )


def _one_circle(graph: Mapping[str, tuple[str, ...]]) -> list[str]:
    path = [next(iter(graph))]
    while True:
        # Each step that is left waits for another that is left, so this comes round.
        following = next(name for name in graph[path[-1]] if name in graph)
        if following in path:
            return [*path[path.index(following) :], following]
        path.append(following)


def _out_of_range(what: str, found: object, expected: str, where: str) -> ConfigError:
    return ConfigError(f"{what} is out of range", found=found, expected=expected, where=where)
