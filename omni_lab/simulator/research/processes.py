"""Trials in worker processes, which survive a worker's death.

Each worker is a fresh interpreter with a pipe of its own, so it is known which trial a dead worker was at.
The strategy travels once, by value where it was defined in a notebook; the bars do not travel at all.
"""

from __future__ import annotations

import logging
import multiprocessing
import pickle
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, cast

import cloudpickle

from omni_lab.data.bars import Bars
from omni_lab.errors import ConfigError, TrialError
from omni_lab.simulator.research.shared_bars import SharedBars
from omni_lab.simulator.research.trial import Outcome, Task, Work
from omni_lab.simulator.research.worker import START

if TYPE_CHECKING:
    from multiprocessing.connection import _ConnectionBase

logger = logging.getLogger(__name__)

_MOST_ATTEMPTS = 2


class Processes:
    """Trials in processes of their own.

    A worker that dies is replaced and the trial it was at is run once more; when that one kills its worker as
    well, the trial has failed and all others go on.

    Raises
    ------
    ConfigError
        If the strategy cannot be sent to another process.
    """

    def __init__(self, bars: Bars, work: Work, n_workers: int) -> None:
        self._bars = SharedBars(bars)
        try:
            self._setup = packed_setup(work, self._bars)
        except ConfigError:
            self._bars.close()
            raise
        self._n_workers = n_workers
        self._workers: list[_Worker] = []

    def outcomes(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, Outcome]]:
        """Each task with what came of it, as they end."""
        waiting = deque((task, 1) for task in tasks)
        while len(self._workers) < min(self._n_workers, len(waiting)):
            self._workers.append(_Worker(self._setup, self._bars.descriptor))
        idle, busy = list(self._workers), dict[_Worker, tuple[Task, int]]()
        while waiting or busy:
            while waiting and idle:
                worker = idle.pop()
                busy[worker] = waiting.popleft()
                worker.send(busy[worker][0])
            for worker in _ready(list(busy)):
                outcome, (task, attempt) = worker.answer(), busy.pop(worker)
                if outcome is not None:
                    idle.append(worker)
                    yield task, outcome
                    continue
                idle.append(self._replaced(worker))
                logger.warning(
                    "a worker %s at trial %d, attempt %d of %d",
                    worker.ended(),
                    task.number + 1,
                    attempt,
                    _MOST_ATTEMPTS,
                )
                if attempt < _MOST_ATTEMPTS:
                    waiting.appendleft((task, attempt + 1))
                else:
                    yield task, Outcome(error=_died(worker))

    def close(self) -> None:
        """End the workers, whatever they are at."""
        for worker in self._workers:
            worker.kill()
        self._workers.clear()
        self._bars.close()

    def _replaced(self, worker: _Worker) -> _Worker:
        worker.kill()
        fresh = _Worker(self._setup, self._bars.descriptor)
        self._workers[self._workers.index(worker)] = fresh
        return fresh


def packed_setup(work: Work, bars: SharedBars) -> bytes:
    """What a worker is told first, as bytes; what was defined in a notebook goes by value."""
    try:
        return cast(bytes, cloudpickle.dumps((work, bars.layout), protocol=pickle.HIGHEST_PROTOCOL))
    except Exception as error:
        raise ConfigError(
            f"the strategy cannot be sent to another process: {error}",
            where="executor='processes'",
            hint="Use executor='threads', or keep files, locks and connections out of it.",
        ) from error


class _Worker:
    """One process and our end of its pipe."""

    def __init__(self, setup: bytes, descriptor: int) -> None:
        self.pipe, theirs = multiprocessing.Pipe()
        command = [sys.executable, "-c", START, str(theirs.fileno()), str(descriptor)]
        # A session of its own keeps the terminal's Ctrl-C from it: its parent hears that, and ends it.
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            pass_fds=(theirs.fileno(), descriptor),
            start_new_session=True,
        )
        theirs.close()
        self._setup: bytes | None = setup

    def send(self, task: Task) -> None:
        """Ask for a trial. If the worker is dead already, that is seen when its answer is waited for."""
        try:
            if self._setup is not None:
                self.pipe.send(sys.path)
                self.pipe.send_bytes(self._setup)
                self._setup = None
            self.pipe.send_bytes(cloudpickle.dumps(task, protocol=pickle.HIGHEST_PROTOCOL))
        except (BrokenPipeError, ConnectionResetError):
            logger.debug("worker %d was dead before it was asked", self.process.pid)

    def answer(self) -> Outcome | None:
        """What came of the trial; None if the worker died."""
        try:
            return cast(Outcome, pickle.loads(self.pipe.recv_bytes()))
        except (EOFError, ConnectionResetError):
            return None

    def ended(self) -> str:
        """How it ended, in words."""
        code = self.process.wait()
        if code >= 0:
            return f"ended with exit code {code}"
        return f"was killed by {signal.Signals(-code).name}"

    def kill(self) -> None:
        """End it now, unless it has ended."""
        self.pipe.close()
        self.process.kill()
        self.process.wait()


def _ready(workers: list[_Worker]) -> list[_Worker]:
    by_pipe: dict[_ConnectionBase, _Worker] = {worker.pipe: worker for worker in workers}
    return [by_pipe[cast("_ConnectionBase", pipe)] for pipe in wait(list(by_pipe))]


def _died(worker: _Worker) -> TrialError:
    return TrialError(
        f"the worker {worker.ended()}, twice",
        hint="Out of memory, or native code that crashed; run this set alone with executor='serial'.",
    )
