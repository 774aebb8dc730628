"""What runs in a worker process: read the bars once, then trial after trial until nobody asks any more."""

from __future__ import annotations

import os
import pickle
import queue
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection

from omni_lab.simulator.clusters.parcel import sendable
from omni_lab.simulator.research.shared_bars import read_shared
from omni_lab.simulator.research.trial import Evaluator, Outcome, Task

START = """
import sys
from multiprocessing.connection import Connection
pipe = Connection(int(sys.argv[1]))
sys.path[:] = pipe.recv()
from omni_lab.simulator.research.worker import serve
serve(pipe, int(sys.argv[2]))
"""
"""What a fresh interpreter is told to do. It does not import the main module of its parent: a script needs no
guard around what starts a search, and a notebook has no file to import."""


def serve(pipe: Connection, descriptor: int) -> None:
    """Answer tasks that come through the pipe with outcomes, until its other end is closed."""
    setup = pipe.recv_bytes()
    tasks: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(pipe, tasks), daemon=True).start()
    evaluate: Callable[[Task], Outcome]
    try:
        work, layout = pickle.loads(setup)
        evaluate = Evaluator(read_shared(descriptor, layout), work)
    except Exception as error:  # noqa: BLE001 - what stands in the way is told as the outcome of every trial
        unusable = Outcome(error=error)
        evaluate = lambda task: unusable  # noqa: E731 - one name for both
    while True:
        pipe.send_bytes(packed(_attempt(evaluate, tasks.get())))


def _attempt(evaluate: Callable[[Task], Outcome], sent: bytes) -> Outcome:
    try:
        task = pickle.loads(sent)
    except Exception as error:  # noqa: BLE001 - parameters may be of any class
        return Outcome(error=error)
    return evaluate(task)


def _listen(pipe: Connection, tasks: queue.SimpleQueue[bytes]) -> None:
    """Pass tasks on. When nobody is at the other end, end the process, whatever it is in the middle of."""
    while True:
        try:
            tasks.put(pipe.recv_bytes())
        except (EOFError, OSError):
            os._exit(0)


def packed(outcome: Outcome) -> bytes:
    """An outcome as bytes; an error that cannot be sent is told in words."""
    if outcome.error is not None:
        outcome = Outcome(error=sendable(outcome.error))
    return pickle.dumps(outcome, protocol=pickle.HIGHEST_PROTOCOL)
