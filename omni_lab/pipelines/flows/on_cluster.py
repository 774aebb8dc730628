"""Steps on a Dask or Ray cluster: a task of the cluster is one attempt, in a process of its own over there.

All machines share the registry and the runs' folders, which are where the flow says. A step is told to end
through the registry, so that it takes a heartbeat to hear of it; it keeps its own time.
"""

import queue
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from omni_lab.errors import OmniError
from omni_lab.pipelines.flows.engine import CANCEL
from omni_lab.pipelines.flows.kept import run_of_attempt
from omni_lab.pipelines.flows.places import Processes
from omni_lab.pipelines.flows.task import StepAnswer, StepTask, told
from omni_lab.pipelines.registry import LOST, RunRegistry
from omni_lab.simulator.clusters import open_cluster

_LOOK_S = 0.2


class OnCluster:
    """A place on a cluster; see :class:`~omni_lab.pipelines.flows.places.Place`.

    Parameters
    ----------
    name : str
        Of the cluster, as :func:`~omni_lab.simulator.clusters.open_cluster` takes it.
    count : int
        How many steps run at once.
    wake : SimpleQueue
        Told when a step has ended.
    """

    def __init__(self, name: str, count: int, wake: "queue.SimpleQueue[object]") -> None:
        self._cluster = open_cluster(name, count)
        self._wake = wake
        self._said: queue.SimpleQueue[StepAnswer] = queue.SimpleQueue()
        self._tasks: dict[str, StepTask] = {}
        self._cancelled: set[str] = set()

    def begin(self, task: StepTask) -> None:
        """Send an attempt of a step to the cluster."""
        self._tasks[task.step] = task
        threading.Thread(target=self._run, args=(task,), daemon=True).start()

    def stop(self, step: str, why: str) -> None:
        """Have the registry tell a step to end; one that took too long knows by itself."""
        if why == CANCEL:
            self._cancelled.add(step)
        self._ask_to_stop()

    def hurry(self) -> None:
        """Nothing: a cluster has its own pace."""

    def ended(self) -> list[StepAnswer]:
        """Attempts that have ended since this was asked last."""
        self._ask_to_stop()
        answers: list[StepAnswer] = []
        with suppress(queue.Empty):
            while True:
                answers.append(self._said.get_nowait())
                self._tasks.pop(answers[-1].step, None)
                self._cancelled.discard(answers[-1].step)
        return answers

    def due_s(self) -> float | None:
        """Soon, while something is to be told to end."""
        return time.monotonic() + _LOOK_S if self._cancelled else None

    def close(self) -> None:
        """End a cluster that was started for this; let go of one that was not."""
        self._cluster.close()

    def _ask_to_stop(self) -> None:
        """A step that has not begun its run yet is asked again later."""
        for step in sorted(self._cancelled):
            task = self._tasks[step]
            with RunRegistry(task.registry) as registry:
                origin = task.origin
                run = run_of_attempt(registry, str(origin["parent"]), step, int(origin["attempt"]))
                if run is not None:
                    registry.ask_to_stop(run.run_id)
                    self._cancelled.discard(step)

    def _run(self, task: StepTask) -> None:
        try:
            ((_, answer),) = self._cluster.map(run_step_there, [task.to_dict()])
            if isinstance(answer, Exception):
                raise answer
            said = StepAnswer(**answer)
        except (OmniError, OSError, ValueError) as error:
            said = StepAnswer(step=task.step, status=LOST, problem=f"{type(error).__name__}: {error}")
        self._said.put(said)
        self._wake.put(None)


def run_step_there(task: Mapping[str, Any]) -> dict[str, Any]:
    """Run an attempt of a step on a machine of the cluster, in a process that ends with it."""
    place = Processes(warm=False)
    try:
        place.begin(StepTask(**task))
        while not (answers := place.ended()):
            with suppress(queue.Empty):
                place.wake.get(timeout=1.0)
    finally:
        place.close()
    (answer,) = answers
    return told(answer)
