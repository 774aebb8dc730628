"""Runs the trials of a search: looks into the journal first, then chooses where the others run."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Literal, Self, get_args

from omni_lab.data.bars import Bars
from omni_lab.errors import ConfigError
from omni_lab.progress import Report
from omni_lab.simulator.research.executors import Executor, ExecutorName, Serial, Threads, usable_cores
from omni_lab.simulator.research.identity import Identity, canonical
from omni_lab.simulator.research.search import positive
from omni_lab.simulator.research.trial import Evaluator, Outcome, Task, Work
from omni_lab.simulator.research.trial_journal import TrialJournal

Errors = Literal["raise", "record"]

_PROBE_S = 0.25
_START_S = 1.0
_HAS_PROCESSES = os.name == "posix"


class Runner:
    """Runs tasks, in batches or all at once.

    Parameters
    ----------
    bars : Bars
        All bars of the search.
    work : Work
        What its trials have in common.
    workers : int, optional
        How many at the same time; as many as this process may use cores by default.
    executor : {"auto", "serial", "threads", "processes"}
        Where. ``"auto"`` runs the first trials here, and the others in processes if what is left would take
        longer than starting those.
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
        executor: ExecutorName = "auto",
        errors: Errors = "raise",
        journal: str | os.PathLike[str] | None = None,
        report: Report | None = None,
        n_trials: int = 0,
    ) -> None:
        for value, known, where in ((executor, ExecutorName, "executor"), (errors, Errors, "errors")):
            if value not in get_args(known):
                raise ConfigError("unknown choice", found=value, expected=get_args(known), where=where)
        if executor == "processes" and not _HAS_PROCESSES:
            raise ConfigError("worker processes need POSIX", found=os.name, hint="Use executor='threads'.")
        self._bars, self._work = bars, work
        self._workers = usable_cores() if workers is None else positive(workers, "workers")
        self._wanted, self._errors = executor, errors
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

    def run(self, tasks: Sequence[Task], keep: Callable[[Task, Outcome], None]) -> None:
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
        if self._executor is None and self._wanted == "auto" and self._workers > 1:
            left = self._probe(left, keep)
        if self._executor is None:
            self._executor = self._started("serial" if self._wanted == "auto" else self._wanted)
        for task, outcome in self._executor.outcomes(left):
            self._write(task, outcome)
            self._done(task, outcome, keep)

    def _probe(self, tasks: list[Task], keep: Callable[[Task, Outcome], None]) -> list[Task]:
        """Run the first tasks here until it is known how long one takes; choose, and return those left."""
        begun, n_run = time.perf_counter(), 0
        while n_run < len(tasks) and time.perf_counter() - begun < _PROBE_S:
            task = tasks[n_run]
            outcome = self._evaluate(task)
            self._write(task, outcome)
            self._done(task, outcome, keep)
            n_run += 1
        left = tasks[n_run:]
        mean_s = (time.perf_counter() - begun) / n_run
        # The trials that later batches will bring count as well.
        n_left = max(len(left), self._n_trials - self._n_done)
        if left and mean_s * n_left * (1.0 - 1.0 / self._workers) > _START_S:
            self._executor = self._started("processes" if _HAS_PROCESSES else "threads", or_threads=True)
        return left

    def _started(self, name: str, *, or_threads: bool = False) -> Executor:
        if name == "serial" or (self._workers == 1 and name == "threads"):
            return Serial(self._evaluate)
        if name == "threads":
            return Threads(self._evaluate, self._workers)
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

    def _done(self, task: Task, outcome: Outcome, keep: Callable[[Task, Outcome], None]) -> None:
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
