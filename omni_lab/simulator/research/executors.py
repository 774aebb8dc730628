"""Where trials are run: one after the other, by threads, or by processes (see ``processes.py``).

An executor takes tasks and gives back each with its outcome, in the order in which they end. Closing one that
is not done cancels what has not begun.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Iterator, Sequence
from typing import Literal, Protocol

from omni_lab.simulator.research.trial import Evaluator, Outcome, Task

ExecutorName = Literal["auto", "serial", "threads", "processes"]


class Executor(Protocol):
    """Runs tasks."""

    def outcomes(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, Outcome]]:
        """Each task with what came of it, as they end."""

    def close(self) -> None:
        """Let go of threads and processes."""


class Serial:
    """One trial after the other, here."""

    def __init__(self, evaluate: Evaluator) -> None:
        self._evaluate = evaluate

    def outcomes(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, Outcome]]:
        """Each task with what came of it."""
        for task in tasks:
            yield task, self._evaluate(task)

    def close(self) -> None:
        """Nothing to let go of."""


class Threads:
    """Trials in threads of this process, which share the bars as they are.

    The engine runs without the interpreter lock, and so do most loops of NumPy; what a strategy does in
    Python itself is done by one thread at a time.
    """

    def __init__(self, evaluate: Evaluator, n_workers: int) -> None:
        self._evaluate = evaluate
        self._n_workers = n_workers
        self._stop = threading.Event()

    def outcomes(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, Outcome]]:
        """Each task with what came of it, as they end."""
        waiting: queue.SimpleQueue[Task] = queue.SimpleQueue()
        done: queue.SimpleQueue[tuple[Task, Outcome]] = queue.SimpleQueue()
        for task in tasks:
            waiting.put(task)

        def serve() -> None:
            while not self._stop.is_set():
                try:
                    task = waiting.get_nowait()
                except queue.Empty:
                    return
                done.put((task, self._evaluate(task)))

        for _ in range(min(self._n_workers, len(tasks))):
            # A trial that is cancelled ends when it ends; the interpreter does not wait for it.
            threading.Thread(target=serve, daemon=True, name="omni-trial").start()
        for _ in tasks:
            yield done.get()

    def close(self) -> None:
        """Begin no other trial."""
        self._stop.set()


def usable_cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
