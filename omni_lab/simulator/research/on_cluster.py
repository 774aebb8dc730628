"""Trials on a Dask cluster or on Ray: bars and strategy travel once to a worker, trials a few at a time."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from typing import Any

from omni_lab.data.bars import Bars
from omni_lab.simulator.clusters import Cluster, open_cluster
from omni_lab.simulator.clusters.parcel import sendable
from omni_lab.simulator.research.trial import Evaluator, Outcome, Task, Work


class OnCluster:
    """Trials wherever a cluster's workers are.

    Parameters
    ----------
    bars : Bars
        All of the search.
    work : Work
        What its trials have in common.
    cluster : str
        As :func:`open_cluster` takes it.
    n_workers : int, optional
        Trials at the same time; as many as the cluster has room for by default.

    Raises
    ------
    ConfigError
        If the strategy cannot be sent to another process, or there is no such cluster.
    """

    def __init__(self, bars: Bars, work: Work, cluster: str, n_workers: int | None) -> None:
        self._cluster: Cluster = open_cluster(cluster, n_workers)
        self._going: Generator[tuple[int, Any], None, None] | None = None
        try:
            self._trial = self._cluster.share(_Trial(bars, work))
        except BaseException:
            self._cluster.close()
            raise

    def outcomes(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, Outcome]]:
        """Each task with what came of it, as they end."""
        self._going = self._cluster.map(self._trial, tasks)
        for place, outcome in self._going:
            yield tasks[place], Outcome(error=outcome) if isinstance(outcome, Exception) else outcome

    def close(self) -> None:
        """Run no more of them, and end a cluster that was started here."""
        if self._going is not None:
            self._going.close()
        self._cluster.close()


class _Trial:
    """A trial by its task. A worker that opens it makes its engine's panel of the bars, once."""

    def __init__(self, bars: Bars, work: Work) -> None:
        self._bars, self._work = bars, work
        self._evaluate: Evaluator | None = None

    def __call__(self, task: Task) -> Outcome:
        if self._evaluate is None:
            self._evaluate = Evaluator(self._bars, self._work)
        outcome = self._evaluate(task)
        return outcome if outcome.error is None else replace(outcome, error=sendable(outcome.error))
