"""Where trials are run: here one after the other or by threads, by processes or on a cluster.

An executor takes tasks and gives back each with its outcome, in the order in which they end. Closing one that
is not done cancels what has not begun.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from omni_lab.errors import ConfigError
from omni_lab.simulator.clusters import CLUSTERS, checked_cluster
from omni_lab.simulator.research.trial import Evaluator, Outcome, Task

EXECUTORS = ("auto", "serial", "threads", "processes", *CLUSTERS)
"""Where trials can run. Behind the name of a cluster may stand an address: ``dask:tcp://host:8786``."""


HAS_PROCESSES = os.name == "posix"


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
        self._clocks: list[_Clock] = []

    @property
    def blocked(self) -> float:
        """Share of their time that the threads waited for each other, as far as the system tells; else 0."""
        spent = [clock.spent() for clock in self._clocks]
        wall = sum(each.wall_s for each in spent)
        return sum(each.blocked_s for each in spent) / wall if wall else 0.0

    def outcomes(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, Outcome]]:
        """Each task with what came of it, as they end."""
        waiting: queue.SimpleQueue[Task] = queue.SimpleQueue()
        done: queue.SimpleQueue[tuple[Task, Outcome]] = queue.SimpleQueue()
        for task in tasks:
            waiting.put(task)

        def serve() -> None:
            clock = _Clock()
            self._clocks.append(clock)
            while not self._stop.is_set():
                try:
                    task = waiting.get_nowait()
                except queue.Empty:
                    return
                outcome = self._evaluate(task)
                clock.read()
                done.put((task, outcome))

        for _ in range(min(self._n_workers, len(tasks))):
            # A trial that is cancelled ends when it ends; the interpreter does not wait for it.
            threading.Thread(target=serve, daemon=True, name="omni-trial").start()
        for _ in tasks:
            yield done.get()

    def close(self) -> None:
        """Begin no other trial."""
        self._stop.set()


class _Spent(NamedTuple):
    wall_s: float
    blocked_s: float


class _Clock:
    """How long a thread lived, and how much of that it neither ran nor waited for a core.

    A busy machine makes threads wait for cores; only the rest of their waiting is for the interpreter lock.
    Linux tells the two apart; elsewhere the clock says nothing. A trial that sleeps or reads files
    counts as blocked, too; processes serve it as well.
    """

    def __init__(self) -> None:
        self._path = f"/proc/self/task/{threading.get_native_id()}/schedstat"
        self._start = self._last = self._now()

    def read(self) -> None:
        """Note how things stand; called by the thread itself."""
        self._last = self._now()

    def spent(self) -> _Spent:
        """Seconds up to the last reading."""
        (wall, used), (wall_before, used_before) = self._last, self._start
        return _Spent(wall - wall_before, max(wall - wall_before - (used - used_before), 0.0))

    def _now(self) -> tuple[float, float]:
        """Seconds of the clock on the wall, and of running and waiting for a core."""
        wall_s = time.perf_counter()
        try:
            with open(self._path, encoding="ascii") as file:
                running_ns, waiting_ns, _ = map(int, file.read().split())
        except OSError:
            return wall_s, wall_s
        return wall_s, (running_ns + waiting_ns) / 1e9


def checked_executor(name: str, where: str) -> str:
    """A name of an executor, as it was given.

    Raises
    ------
    ConfigError
        If nothing goes by that name.
    """
    if str(name).partition(":")[0] not in EXECUTORS:
        raise ConfigError("unknown choice", found=name, expected=EXECUTORS, where=where)
    if name not in EXECUTORS:
        checked_cluster(name, where=where)
    if name == "processes" and not HAS_PROCESSES:
        raise ConfigError("worker processes need POSIX", found=os.name, hint="Use executor='threads'.")
    return name


def usable_cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
