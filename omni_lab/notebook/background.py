"""A run in a process of its own, watched from a notebook.

A kernel has an event loop, and a notebook that a thread of it runs could not be interrupted: so the run gets
its own process. It is ended by closing its standard input, which also happens when the kernel dies.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from uuid import uuid4

from omni_lab.errors import PipelineError
from omni_lab.pipelines import RunRecord
from omni_lab.pipelines.jobs.progress import Advance, advance_of, run_of_key
from omni_lab.pipelines.jobs.request import Request
from omni_lab.pipelines.registry import RunRegistry

LOOK_S = 0.5
"""How often one looks after the run."""
_GRACE_S = 30.0


class BackgroundRun:
    """A run that was started.

    Parameters
    ----------
    request : Request
        What to run.
    """

    def __init__(self, request: Request) -> None:
        self.request = request
        self._key = f"notebook-{uuid4().hex}"
        self._started = time.monotonic()
        self._last = Advance(subject=request.subject)
        self._stopping = threading.Lock()
        self._registry = RunRegistry()
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the run
        self._child = subprocess.Popen(
            [sys.executable, "-m", "omni_lab.notebook.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            # An interrupt of the kernel goes to all of its processes; this one hears of it once, from us.
            start_new_session=True,
        )
        assert self._child.stdin is not None
        self._child.stdin.write(json.dumps({**asdict(request), "key": self._key}).encode() + b"\n")
        self._child.stdin.flush()

    def wait(self, seconds: float) -> bool:
        """Wait for the end, at most so long; whether it has come."""
        try:
            self._child.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def advance(self) -> Advance:
        """How far it is."""
        found = self._found()
        if found is not None:
            self._last = advance_of(found, self._last)
        self._last = self._last.after(time.monotonic() - self._started)
        return self._last

    def stop(self) -> None:
        """Interrupt it, and wait until it has written how it ended; an interrupt while waiting kills it."""
        with self._stopping:
            if self._child.stdin is not None and not self._child.stdin.closed:
                self._child.stdin.close()
        try:
            has_ended = self.wait(_GRACE_S)
        except KeyboardInterrupt:
            has_ended = False
        if not has_ended:
            self._child.kill()
            self._child.wait()

    def record(self) -> RunRecord:
        """The record of the run, which has ended.

        Raises
        ------
        PipelineError
            If it ended without one.
        """
        with self._registry, self._said, self._child:
            self._child.wait()
            assert self._child.stdout is not None
            answer = self._child.stdout.read()
            told = json.loads(answer) if answer else {}
            if "run_id" in told:
                return self._registry.find(told["run_id"])
            # Its process is gone, and did not say how it ended.
            self._registry.settle()
            found = self._found()
            if found is None:
                raise PipelineError(told.get("refused") or self._last_words(), where=self.request.subject)
            return found

    def _found(self) -> RunRecord | None:
        return run_of_key(self._registry, self._key)

    def _last_words(self) -> str:
        self._said.seek(0)
        lines = self._said.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "the process of the run ended without a word"


def follow(run: BackgroundRun, show: Callable[[Advance], None]) -> RunRecord:
    """See a run to its end; an interrupt of ours becomes an interrupt of it.

    Parameters
    ----------
    run : BackgroundRun
        It.
    show : callable
        Gets how far it is, whenever one looked.
    """
    try:
        while not run.wait(LOOK_S):
            show(run.advance())
    except KeyboardInterrupt:
        run.stop()
    return run.record()
