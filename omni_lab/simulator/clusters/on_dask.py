"""Dask as an engine, and the process that holds a Dask cluster of our own. The only module that imports it.

The cluster lives in a process beside this one, in a session of its own: a script needs no guard around what
starts it, Ctrl-C reaches it only through us, and it ends with us, however we end.
"""

from __future__ import annotations

import itertools
import logging
import multiprocessing
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid
import warnings
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any, cast

from omni_lab.errors import ConfigError, MissingExtraError, TrialError
from omni_lab.simulator.clusters.cluster import Lost
from omni_lab.simulator.clusters.parcel import Parcel, run_chunk
from omni_lab.simulator.research.executors import usable_cores

try:
    import distributed
except ImportError as error:
    raise MissingExtraError("distributed", extra="dask", what="a Dask cluster") from error

_START_S = 120
_CONNECT_S = 15
_WORKERS_S = 60

START = """
import sys
from multiprocessing.connection import Connection
pipe = Connection(int(sys.argv[1]))
sys.path[:] = pipe.recv()
from omni_lab.simulator.clusters.on_dask import hold_cluster
hold_cluster(pipe)
"""


class Dask:
    """Tasks on a Dask cluster.

    Parameters
    ----------
    address : str, optional
        Of the scheduler, ``tcp://host:8786``; without it a cluster is started here.
    n_workers : int, optional
        Tasks at the same time.

    Raises
    ------
    ConfigError
        If no scheduler answers, or it has no workers.
    """

    tells_who = False

    def __init__(self, address: str | None, n_workers: int | None) -> None:
        self._own = _OwnCluster(n_workers or usable_cores()) if address is None else None
        where = self._own.address if self._own is not None else str(address)
        self.name = f"dask:{where}"
        try:
            self._client = distributed.Client(where, timeout=_CONNECT_S, set_as_default=False)
            self._client.wait_for_workers(1, timeout=_WORKERS_S)
        except (OSError, ValueError, TimeoutError) as error:
            self.close()
            raise ConfigError(
                f"no Dask cluster to work with: {error}",
                found=self.name,
                hint="Give the scheduler's address, and see that it has workers.",
            ) from error
        except BaseException:
            self.close()
            raise
        self.n_at_once = n_workers or sum(self._client.nthreads().values())
        self._names = (f"omni-{uuid.uuid4().hex}-{number}" for number in itertools.count())
        self._ended: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def put(self, parcel: Parcel) -> Any:
        """Make a parcel the result of a task: workers pass it on, and it comes back if all who had it died.

        What is scattered instead is gone with its last worker, and so is the reason why its tasks ended.
        """
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Sending large graph")
            return self._client.submit(_as_it_is, parcel, key=next(self._names), pure=False)

    def is_there(self, handle: Any) -> bool:
        """Whether it is on its way at least."""
        return cast(str, handle.status) in ("pending", "finished")

    def submit(self, handle: Any, tasks: Sequence[bytes]) -> Any:
        """A future of the answer."""
        future = self._client.submit(run_chunk, handle, tasks, key=next(self._names), pure=False)
        future.add_done_callback(self._ended.put)
        return future

    def wait(self, tickets: Sequence[Any]) -> list[Any]:
        """Those that have ended, one at least; what was cancelled meanwhile is passed over."""
        known, ended = set(tickets), list[Any]()
        while not ended:
            ended = [self._ended.get()]
            while not self._ended.empty():
                ended.append(self._ended.get())
            ended = [each for each in ended if each in known]
        return ended

    def answer(self, ticket: Any) -> bytes | Lost:
        """The answer, or why there is none."""
        if self._client.status not in ("running", "connecting"):
            raise TrialError("the Dask scheduler is gone", found=self.name)
        try:
            return cast(bytes, ticket.result())
        except distributed.KilledWorker as error:
            return Lost(1 + error.allowed_failures)
        except distributed.CancelledError:
            return Lost(0)
        except Exception as error:
            raise ConfigError(
                f"the workers of the Dask cluster cannot run this: {error}",
                found=self.name,
                hint="They need the same environment as this process, omni_lab included.",
            ) from error

    def cancel(self, tickets: Sequence[Any]) -> None:
        """Take back what has not begun."""
        if tickets and self._own is None and self._client.status == "running":
            self._client.cancel(list(tickets), force=True)

    def close(self) -> None:
        """End the cluster if it is ours, whatever it is at."""
        client = getattr(self, "_client", None)
        if client is not None:
            client.close(timeout=2)
        if self._own is not None:
            self._own.end()


def _as_it_is(parcel: Parcel) -> Parcel:
    return parcel


class _OwnCluster:
    """The process that holds our cluster, and our end of its pipe."""

    def __init__(self, n_workers: int) -> None:
        self._pipe, theirs = multiprocessing.Pipe()
        self._folder = tempfile.mkdtemp(prefix="omni-dask-")
        self._process = subprocess.Popen(
            [sys.executable, "-c", START, str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            pass_fds=(theirs.fileno(),),
            start_new_session=True,
        )
        theirs.close()
        try:
            self._pipe.send(sys.path)
            self._pipe.send((n_workers, self._folder))
            if not self._pipe.poll(_START_S):
                raise TrialError("a local Dask cluster did not start", found=f"nothing after {_START_S} s")
            self.address = cast(str, self._pipe.recv())
        except BaseException as error:
            self.end()
            if isinstance(error, EOFError | BrokenPipeError | ConnectionResetError):
                raise TrialError("a local Dask cluster did not start, see what it wrote") from error
            raise

    def end(self) -> None:
        """Kill the scheduler and all workers."""
        self._pipe.close()
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


def hold_cluster(pipe: Connection) -> None:
    """In a process of its own: start a cluster, say its address, and end with whoever asked for it.

    A worker has one thread, so that what strategies do in Python goes on at the same time; one that dies is
    replaced. A death comes home at once: who is to be run again is decided there.
    """
    n_workers, folder = pipe.recv()
    cluster = distributed.LocalCluster(
        n_workers=n_workers,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        silence_logs=logging.CRITICAL,
        local_directory=folder,
        scheduler_kwargs={"allowed_failures": 0, "dashboard": False},
    )
    pipe.send(cluster.scheduler_address)
    try:
        pipe.recv()
    except (EOFError, OSError):
        shutil.rmtree(folder, ignore_errors=True)
        os.killpg(0, signal.SIGKILL)
