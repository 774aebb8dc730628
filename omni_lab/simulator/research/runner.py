"""Runs the trials of a search: looks into the journal first, then chooses where the others run."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Literal, Self, get_args

from omni_lab.config import CLUSTER_VARIABLE, Settings
from omni_lab.data.bars import Bars
from omni_lab.errors import ConfigError
from omni_lab.progress import Report
from omni_lab.simulator.clusters import CLUSTERS
from omni_lab.simulator.research.executors import (
    HAS_PROCESSES,
    Executor,
    Serial,
    Threads,
    checked_executor,
    usable_cores,
)
from omni_lab.simulator.research.identity import Identity, canonical
from omni_lab.simulator.research.search import positive
from omni_lab.simulator.research.trial import Evaluator, Outcome, Task, Work
from omni_lab.simulator.research.trial_journal import TrialJournal

Errors = Literal["raise", "record"]

Keep = Callable[[Task, Outcome], None]
"""Takes a task and what came of it."""

_PROBE_S = 0.25
_SHORT_S = 0.5
_START_S = 1.0
_CLUSTER_START_S = 2.0
_MUCH_BLOCKED = 0.2


class Runner:
    """Runs tasks, in batches or all at once.

    Parameters
    ----------
    bars : Bars
        All bars of the search.
    work : Work
        What its trials have in common.
    workers : int, optional
        How many at the same time; by default as many as this process may use cores, or as an existing cluster
        has room for.
    executor : str
        Where, one of :data:`EXECUTORS`. ``"auto"`` runs some trials here and some in threads, and makes a
        :func:`choice` for the others; where the settings name a cluster, they go there if they are worth it.
    errors : {"raise", "record"}
        Whether an exception of a trial ends the search, or is kept with its row.
    journal : path-like, optional
        See :class:`TrialJournal`.
    report : Report, optional
        Is told how many trials have ended.

    Raises
    ------
    ConfigError
        If a setting is unknown.
    """

    def __init__(
        self,
        bars: Bars,
        work: Work,
        *,
        workers: int | None = None,
        executor: str = "auto",
        errors: Errors = "raise",
        journal: str | os.PathLike[str] | None = None,
        report: Report | None = None,
        n_trials: int = 0,
    ) -> None:
        if errors not in get_args(Errors):
            raise ConfigError("unknown choice", found=errors, expected=get_args(Errors), where="errors")
        self._wanted, self._set = _wanted(executor)
        self._errors = errors
        self._bars, self._work = bars, work
        self._asked = None if workers is None else positive(workers, "workers")
        self._workers = self._asked or usable_cores()
        self._report, self._n_trials, self._n_done = report, n_trials, 0
        self._evaluate = Evaluator(bars, work)
        self._executor: Executor | None = None
        self._identity = Identity(bars, work) if journal is not None else None
        self._journal = TrialJournal(journal) if journal is not None else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._executor is not None:
            self._executor.close()
        if self._journal is not None:
            self._journal.close()

    def run(self, tasks: Sequence[Task], keep: Keep) -> None:
        """Run tasks and hand each with its outcome to ``keep`` as it ends, in whatever order that is.

        Raises
        ------
        Exception
            What a strategy raised, with a note of the trial, if errors are to be raised.
        """
        left = []
        for task in tasks:
            known = self._known(task)
            if known is None:
                left.append(task)
            else:
                self._done(task, known, keep)
        if not left:
            return
        if self._executor is None and self._wanted == "auto":
            left = self._probe(left, keep)
        if self._executor is None:
            self._executor = self._started("serial" if self._wanted == "auto" else self._wanted)
        self._go(self._executor, left, keep)

    def _go(self, executor: Executor, tasks: Sequence[Task], keep: Keep) -> None:
        for task, outcome in executor.outcomes(tasks):
            self._write(task, outcome)
            self._done(task, outcome, keep)

    def _probe(self, tasks: list[Task], keep: Keep) -> list[Task]:
        """Run the first tasks to learn what they are like; settle on an executor, and return the others."""
        begun, n_run = time.perf_counter(), 0
        while n_run < len(tasks) and time.perf_counter() - begun < _PROBE_S:
            self._go(Serial(self._evaluate), tasks[n_run : n_run + 1], keep)
            n_run += 1
        mean_s = (time.perf_counter() - begun) / n_run
        tasks = tasks[n_run:]
        if self._set is not None:
            if (tasks or self._n_done < self._n_trials) and self._left_s(mean_s, tasks) > _CLUSTER_START_S:
                self._executor = self._started(self._set)
            return tasks
        blocked = 0.0
        if choice(self._workers, self._left_s(mean_s, tasks), self._evaluate.calls_back, 0.0) == "threads":
            # Two rounds in threads tell how much they stand in each other's way.
            threads, n_tried = Threads(self._evaluate, self._workers), 2 * self._workers
            n_tried = max(n_tried, round(_PROBE_S * self._workers / mean_s))
            self._go(threads, tasks[:n_tried], keep)
            tasks, blocked = tasks[n_tried:], threads.blocked
        name = choice(self._workers, self._left_s(mean_s, tasks), self._evaluate.calls_back, blocked)
        if tasks or self._n_done < self._n_trials:
            self._executor = self._started(name, or_threads=True)
        return tasks

    def _left_s(self, mean_s: float, tasks: Sequence[Task]) -> float:
        """Seconds that one core needs for what is left; trials of later batches count as well."""
        return mean_s * max(len(tasks), self._n_trials - self._n_done)

    def _started(self, name: str, *, or_threads: bool = False) -> Executor:
        if name == "serial":
            return Serial(self._evaluate)
        if name == "threads":
            return Threads(self._evaluate, self._workers)
        if name.partition(":")[0] in CLUSTERS:
            from omni_lab.simulator.research.on_cluster import OnCluster

            return OnCluster(self._bars, self._work, name, self._asked)
        from omni_lab.simulator.research.processes import Processes

        try:
            return Processes(self._bars, self._work, self._workers)
        except ConfigError:
            if or_threads:
                return Threads(self._evaluate, self._workers)
            raise

    def _known(self, task: Task) -> Outcome | None:
        if self._journal is None or self._identity is None:
            return None
        return self._journal.find(self._identity.key(task), with_returns=self._work.keep_returns)

    def _write(self, task: Task, outcome: Outcome) -> None:
        if self._journal is not None and self._identity is not None and outcome.error is None:
            self._journal.add(self._identity.key(task), canonical(task.parameters), outcome)

    def _done(self, task: Task, outcome: Outcome, keep: Keep) -> None:
        if outcome.error is not None and self._errors == "raise":
            n_trials = max(self._n_trials, task.number + 1)
            outcome.error.add_note(
                f"raised in trial {task.number + 1} of {n_trials}, parameters {dict(task.parameters)}"
            )
            raise outcome.error
        keep(task, outcome)
        self._n_done += 1
        if self._report is not None:
            self._report(self._n_done)


def _wanted(executor: str) -> tuple[str, str | None]:
    """The executor to use, and the cluster of the settings, if trials may go there."""
    checked_executor(executor, "executor")
    if executor != "auto":
        return executor, None
    setting = checked_executor(Settings.from_env().cluster, CLUSTER_VARIABLE)
    if setting.partition(":")[0] in CLUSTERS:
        return "auto", setting
    return ("auto" if setting == "processes" else setting), None


def choice(n_workers: int, left_s: float, calls_back: bool, blocked: float) -> str:
    """Where trials are best run.

    Parameters
    ----------
    n_workers : int
        How many may run at the same time.
    left_s : float
        Seconds that one core needs for what is left.
    calls_back : bool
        Whether the engine calls Python at every bar, which one thread at a time can do.
    blocked : float
        Share of their time for which threads waited for each other, if that was tried.

    Returns
    -------
    {"serial", "threads", "processes"}
        Nothing is started for half a second of work. Processes start in about a second of work each; they
        must save more than that. All else goes to threads.
    """
    if n_workers == 1 or left_s < _SHORT_S:
        return "serial"
    hindered = 1.0 if calls_back else blocked
    saved_s = left_s * (1.0 - 1.0 / n_workers)
    if hindered > _MUCH_BLOCKED and saved_s > _START_S and HAS_PROCESSES:
        return "processes"
    return "serial" if calls_back else "threads"
