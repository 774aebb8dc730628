"""Streams of jobs: what the tables say of them, told on a bus with the numbers it has there."""

from __future__ import annotations

import threading
from collections.abc import Collection

from omni_lab.messaging.bus import Bus, Stream
from omni_lab.pipelines.jobs.job import ENDED
from omni_lab.pipelines.jobs.store import JobStore

KEEP = 100_000
"""So many of a job's newest changes are remembered."""
_MOST_ENDED = 256


class JobStreams:
    """Streams ``jobs.ID`` on a bus; whoever changed a job, in this process or another, it is told from here.

    Parameters
    ----------
    store : JobStore
    bus : Bus
    """

    def __init__(self, store: JobStore, bus: Bus) -> None:
        self._store, self._bus = store, bus
        self._open: dict[str, Stream] = {}
        self._ended: dict[str, None] = {}  # in the order in which they were last wanted
        self._lock = threading.Lock()

    def stream(self, job_id: str) -> Stream:
        """The stream of a job, which is opened if need be.

        Raises
        ------
        SourceError
            If there is no such job.
        """
        with self._lock:
            if job_id not in self._open:
                self._store.get(job_id)
                self._follow(job_id)
            if job_id in self._ended:
                self._ended[job_id] = self._ended.pop(job_id)
            return self._open[job_id]

    def tell(self, job_id: str) -> None:
        """Tell what is new of one job."""
        with self._lock:
            self._follow(job_id)

    def refresh(self) -> None:
        """Tell what is new of the jobs that have not ended, or had not when one last looked."""
        with self._lock:
            going = {row.id: row.sequence for row in self._store.unended()}
            just_ended = self._open.keys() - self._ended.keys() - going.keys()
            for job_id, sequence in (going | self._store.sequences(just_ended)).items():
                if job_id not in self._open or self._open[job_id].sequence < sequence:
                    self._follow(job_id)
            self._forget([*self._ended][: max(len(self._ended) - _MOST_ENDED, 0)])

    def close(self) -> None:
        """Take the streams from the bus."""
        with self._lock:
            self._forget([*self._open])

    def _follow(self, job_id: str) -> None:
        stream = self._open.get(job_id)
        if stream is None:
            # Its numbers are those of the table, so they are the same in every process and after a restart.
            stream = self._bus.open(f"jobs.{job_id}", epoch=job_id, keep=KEEP)
            self._open[job_id] = stream
        for each in self._store.events(job_id, after=stream.sequence):
            stream.publish(each.patch, [each.event], ts=each.ts)
            if each.patch.get("state") in ENDED:
                self._ended[job_id] = None

    def _forget(self, ids: Collection[str]) -> None:
        for job_id in ids:
            self._bus.close(self._open.pop(job_id).topic)
            self._ended.pop(job_id, None)
