"""Ray as an engine. The only module that imports it.

Ray can be joined once in a process: where somebody has done so, ``"ray"`` uses what is there and leaves it.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator, Sequence
from typing import Any, cast

from omni_lab.errors import ConfigError, MissingExtraError, TrialError
from omni_lab.simulator.clusters.cluster import Lost
from omni_lab.simulator.clusters.parcel import Parcel, run_chunk
from omni_lab.simulator.research.executors import usable_cores

try:
    import ray
except ImportError as error:
    raise MissingExtraError("ray", extra="ray", what="a Ray cluster") from error

_STARTS = 2
_DEATHS = (
    ray.exceptions.WorkerCrashedError,
    ray.exceptions.NodeDiedError,
    ray.exceptions.OutOfMemoryError,
)


class Ray:
    """Tasks on Ray.

    Parameters
    ----------
    address : str, optional
        ``auto``, ``host:6379`` or ``ray://host:10001``; without it Ray is started here.
    n_workers : int, optional
        Tasks at the same time.

    Raises
    ------
    ConfigError
        If no Ray answers there, or it has no cores.
    """

    def __init__(self, address: str | None, n_workers: int | None) -> None:
        self._name = "ray" if address is None else f"ray:{address}"
        self._joined_here, self._folder = not ray.is_initialized(), None
        if self._joined_here and address is None:
            self._folder = _start(n_workers or usable_cores())
        elif self._joined_here:
            _join(address)
        self._n_cores = int(ray.cluster_resources().get("CPU", 0))
        if not self._n_cores:
            self.close()
            raise ConfigError(
                "no cores to work with", found=self._name, hint="Add workers to the Ray cluster."
            )
        self.n_at_once = n_workers or self._n_cores
        # A death comes home at once: who is to be run again is decided there.
        self._run = ray.remote(max_retries=0, num_cpus=1)(run_chunk)

    def put(self, parcel: Parcel) -> Any:
        """Put a parcel into the object store, from which every node copies it once."""
        return ray.put(parcel)

    def is_there(self, handle: Any) -> bool:
        """Always: the store keeps what this process holds a reference to."""
        return True

    def submit(self, handle: Any, tasks: Sequence[bytes]) -> Any:
        """A reference to the answer."""
        return self._run.remote(handle, tasks)

    def wait(self, tickets: Sequence[Any]) -> list[Any]:
        """Those that have ended, one at least."""
        ray.wait(list(tickets), num_returns=1)
        ended, _ = ray.wait(list(tickets), num_returns=len(tickets), timeout=0)
        return cast("list[Any]", ended)

    def answer(self, ticket: Any) -> bytes | Lost:
        """The answer, or why there is none."""
        try:
            return cast(bytes, ray.get(ticket))
        except _DEATHS:
            return Lost(1)
        except ray.exceptions.ObjectLostError:
            return Lost(0)
        except (ray.exceptions.RaySystemError, ConnectionError) as error:
            raise TrialError(f"Ray is gone: {error}", found=self._name) from error
        except Exception as error:
            raise ConfigError(
                f"the workers of Ray cannot run this: {error}",
                found=self._name,
                hint="They need the same environment as this process, omni_lab included.",
            ) from error

    def cancel(self, tickets: Sequence[Any]) -> None:
        """End these, the workers that are at them included."""
        for ticket in tickets:
            with contextlib.suppress(Exception):
                ray.cancel(ticket, force=True)

    def close(self) -> None:
        """End Ray if it was started here, leave it if it was only joined."""
        if self._joined_here:
            with _own_signals():
                ray.shutdown()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def _start(n_cores: int) -> str:
    """Start Ray here, quietly, for this machine only; the folder that holds its files."""
    from ray._common.usage import usage_lib

    usage_lib.set_usage_stats_enabled_via_env_var(False)
    for attempt in range(1, _STARTS + 1):
        folder = tempfile.mkdtemp(prefix="omni-ray-")
        try:
            with _own_signals():
                ray.init(
                    address="local",
                    num_cpus=n_cores,
                    include_dashboard=False,
                    log_to_driver=False,
                    logging_level=logging.ERROR,
                    _node_ip_address="127.0.0.1",
                    _temp_dir=folder,
                )
            return folder
        except BaseException as error:
            with _own_signals():
                ray.shutdown()
            shutil.rmtree(folder, ignore_errors=True)
            # A busy machine may need longer than Ray waits for itself.
            if attempt == _STARTS or not isinstance(error, Exception):
                raise
    raise AssertionError("a start either ends or raises")


def _join(address: str | None) -> None:
    try:
        with _own_signals():
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:
        raise ConfigError(
            f"no Ray to work with: {error}",
            found=f"ray:{address}",
            hint="'ray start --head' begins one; ray:auto finds it on this machine.",
        ) from error


@contextlib.contextmanager
def _own_signals() -> Iterator[None]:
    """Keep this process's answer to SIGTERM, which Ray replaces by its own."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
