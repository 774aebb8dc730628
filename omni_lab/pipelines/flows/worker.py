"""The process that runs steps, one after another, each in a kernel of its own.

    python -m omni_lab.pipelines.flows.worker [KERNEL_POOL]

Tasks come as lines of JSON, answers go back likewise. SIGINT and SIGTERM interrupt the step that is running,
SIGALRM says that it took too long; when its input ends, it interrupts what it runs and ends too. ``places``
has the other end.
"""

import json
import os
import queue
import signal
import sys
import threading
from importlib import import_module
from types import FrameType
from typing import NoReturn

from omni_lab.pipelines.catalog import import_nbformat
from omni_lab.pipelines.flows.task import StepAnswer, StepTask, run_task
from omni_lab.pipelines.recording import RunTimeout
from omni_lab.pipelines.registry import INTERRUPTED


def main() -> None:
    """Run what is asked until nobody asks any more."""
    # Whatever prints here must not get between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    signal.signal(signal.SIGALRM, _over_time)
    import_nbformat()
    from omni_lab.pipelines.kernel_pool import KernelPool

    tasks: queue.SimpleQueue[StepTask | None] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(tasks,), daemon=True).start()
    with KernelPool(sys.argv[1] if len(sys.argv) > 1 else ""):
        _import_ahead()
        while (task := tasks.get()) is not None:
            try:
                answer = run_task(task)
            except KeyboardInterrupt as stop:
                # It came before the run had begun, or when it had ended.
                answer = StepAnswer(step=task.step, status=INTERRUPTED, problem=str(stop))
            try:
                answers.write(json.dumps(_told(answer)) + "\n")
                answers.flush()
            except BrokenPipeError:
                return  # nobody is there to hear it, and the registry knows


def _import_ahead() -> None:
    """Import while nothing is asked yet what every step needs."""
    for name in ("omni_lab.pipelines.kernel", "nbconvert", "sqlalchemy"):
        import_module(name)


def _read(tasks: "queue.SimpleQueue[StepTask | None]") -> None:
    for line in sys.stdin:
        tasks.put(StepTask(**json.loads(line)))
    tasks.put(None)
    # Whoever asked is gone: what still runs is nobody's.
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)


def _over_time(signum: int, frame: FrameType | None) -> NoReturn:
    raise RunTimeout("the step took too long")


def _told(answer: StepAnswer) -> dict[str, object]:
    return {name: getattr(answer, name) for name in StepAnswer.__dataclass_fields__}


if __name__ == "__main__":
    main()
