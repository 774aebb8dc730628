"""Where steps run: processes of this machine, or a cluster; to the flow both are the same.

A place begins attempts, stops them, and says how each of them ended. ``worker`` is the process at the other
end.
"""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Protocol

from omni_lab.pipelines.flows.engine import TIMEOUT
from omni_lab.pipelines.flows.task import StepAnswer, StepTask
from omni_lab.pipelines.kernel_pool import KernelPool
from omni_lab.pipelines.registry import INTERRUPTED, LOST

GRACE_S = 10.0
"""Seconds that a step has to end after it was told to, before it is killed."""

_WORKER = "omni_lab.pipelines.flows.worker"


class Place(Protocol):
    """Where steps run."""

    def begin(self, task: StepTask) -> None:
        """Begin an attempt of a step."""

    def stop(self, step: str, why: str) -> None:
        """Tell a step to end, because of ``"timeout"`` or ``"cancel"``; kill it if it does not."""

    def hurry(self) -> None:
        """Give what was told to stop no more time."""

    def ended(self) -> list[StepAnswer]:
        """Attempts that have ended since this was asked last; whoever did not end in time is killed."""

    def due_s(self) -> float | None:
        """Time, of the monotonic clock, at which it wants to be asked again; None when only ends matter."""

    def close(self) -> None:
        """End everything."""


@dataclass(slots=True)
class _Worker:
    process: subprocess.Popen[bytes]
    listener: threading.Thread | None = None
    task: StepTask | None = None
    stopping: str = ""
    kill_at_s: float | None = None


@dataclass(slots=True)
class Processes:
    """Worker processes of this machine, which are used again unless a step was stopped in them.

    Parameters
    ----------
    warm : bool
        Whether kernels come from a pool, which is started with the first step; they are cold until then.
    wake : SimpleQueue
        Told when something has ended.
    grace_s : float
        Seconds between the word to end and the kill.
    """

    warm: bool = True
    wake: "queue.SimpleQueue[object]" = field(default_factory=queue.SimpleQueue)
    grace_s: float = GRACE_S
    _pool: KernelPool | None = field(default=None, init=False)
    _idle: list[_Worker] = field(default_factory=list, init=False)
    _busy: dict[str, _Worker] = field(default_factory=dict, init=False)
    _said: "queue.SimpleQueue[tuple[_Worker, StepAnswer | None]]" = field(
        default_factory=queue.SimpleQueue, init=False
    )

    def begin(self, task: StepTask) -> None:
        """Begin an attempt of a step."""
        worker = self._idle.pop() if self._idle else self._start()
        worker.task = task
        self._busy[task.step] = worker
        assert worker.process.stdin is not None
        # If it has died, its output has ended too, and that is what is told.
        with suppress(BrokenPipeError):
            worker.process.stdin.write(json.dumps(task.to_dict()).encode() + b"\n")
            worker.process.stdin.flush()

    def stop(self, step: str, why: str) -> None:
        """Tell a step to end; it is killed if it has not done so within the grace."""
        worker = self._busy.get(step)
        if worker is None or worker.stopping:
            return
        worker.stopping, worker.kill_at_s = why, time.monotonic() + self.grace_s
        with suppress(ProcessLookupError):
            worker.process.send_signal(signal.SIGALRM if why == TIMEOUT else signal.SIGINT)

    def hurry(self) -> None:
        """Give what was told to stop no more time."""
        for worker in self._busy.values():
            worker.kill_at_s = time.monotonic() if worker.stopping else None

    def ended(self) -> list[StepAnswer]:
        """Attempts that have ended since this was asked last; whoever did not end in time is killed."""
        now = time.monotonic()
        for worker in self._busy.values():
            if worker.kill_at_s is not None and now >= worker.kill_at_s:
                worker.kill_at_s = None
                _kill(worker.process)
        answers: list[StepAnswer] = []
        while True:
            try:
                worker, answer = self._said.get_nowait()
            except queue.Empty:
                return answers
            found = self._taken(worker, answer)
            if found is not None:
                answers.append(found)

    def due_s(self) -> float | None:
        """Time, of the monotonic clock, of the next kill; None when there is none to come."""
        times = [w.kill_at_s for w in self._busy.values() if w.kill_at_s is not None]
        return min(times, default=None)

    def close(self) -> None:
        """End all workers; a step that still runs is killed."""
        for worker in self._busy.values():
            _kill(worker.process)
        for worker in [*self._idle, *self._busy.values()]:
            _end(worker)
        self._idle.clear()
        self._busy.clear()
        if self._pool is not None:
            self._pool.close()

    def _start(self) -> _Worker:
        if self.warm and self._pool is None:
            self._pool = KernelPool()
        # -P: the folder somebody works in is no place to import from.
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", _WORKER, *([self._pool.address] if self._pool else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        worker = _Worker(process)
        worker.listener = threading.Thread(target=self._listen, args=(worker,), daemon=True)
        worker.listener.start()
        return worker

    def _listen(self, worker: _Worker) -> None:
        assert worker.process.stdout is not None
        with suppress(ValueError):  # closed while it was read
            for line in worker.process.stdout:
                self._say(worker, StepAnswer(**json.loads(line)))
        self._say(worker, None)

    def _say(self, worker: _Worker, answer: StepAnswer | None) -> None:
        self._said.put((worker, answer))
        self.wake.put(None)

    def _taken(self, worker: _Worker, answer: StepAnswer | None) -> StepAnswer | None:
        task, worker.task = worker.task, None
        if task is None:
            if answer is None and worker in self._idle:
                self._idle.remove(worker)
                _end(worker)
            return None
        del self._busy[task.step]
        if answer is not None and not worker.stopping:
            self._idle.append(worker)
            return answer
        # Its end may still hold a signal that was meant for this step.
        _kill(worker.process)
        _end(worker)
        if answer is not None:
            return answer
        code = worker.process.returncode
        how = f"by signal {-code}" if code < 0 else f"with code {code}"
        status = INTERRUPTED if worker.stopping else LOST
        return StepAnswer(step=task.step, status=status, problem=f"the process of the step ended {how}")


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def _end(worker: _Worker) -> None:
    process = worker.process
    assert process.stdin is not None
    assert process.stdout is not None
    assert worker.listener is not None
    with suppress(BrokenPipeError):
        process.stdin.close()
    try:
        process.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        _kill(process)
        process.wait()
    worker.listener.join()
    process.stdout.close()


@contextmanager
def open_place(cluster: str | None, count: int, wake: "queue.SimpleQueue[object]") -> Iterator[Place]:
    """Where the steps of a flow run, ended on leaving.

    Parameters
    ----------
    cluster : str or None
        ``"processes"`` by default.
    count : int
        How many steps may run at once.
    wake : SimpleQueue
        Told when a step has ended.
    """
    place = Processes(warm=count > 1, wake=wake)
    try:
        yield place
    finally:
        place.close()
