"""Ray as an engine. The only module that imports it.

Ray can be joined once in a process: where somebody has done so, ``"ray"`` uses what is there and leaves it.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

from omni_lab.errors import ConfigError, MissingExtraError, TrialError
from omni_lab.simulator.clusters.cluster import Lost
from omni_lab.simulator.clusters.parcel import Parcel, run_chunk
from omni_lab.simulator.research.executors import usable_cores

try:
    import ray
except ImportError as error:
    raise MissingExtraError("ray", extra="ray", what="a Ray cluster") from error

_START_S = 180
_AGENT_PORTS = ("metrics_agent_port", "dashboard_agent_listen_port", "runtime_env_agent_port")
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

    tells_who = True

    def __init__(self, address: str | None, n_workers: int | None) -> None:
        self.name = "ray" if address is None else f"ray:{address}"
        self._joined_here, self._folder = not ray.is_initialized(), None
        if self._joined_here and address is None:
            self._folder = _start(n_workers or usable_cores())
        elif self._joined_here:
            _join(address)
        if address is None:
            self.name = f"ray:{ray.get_runtime_context().gcs_address}"
        n_cores = int(ray.cluster_resources().get("CPU", 0))
        if not n_cores:
            self.close()
            raise ConfigError(
                "no cores to work with", found=self.name, hint="Add workers to the Ray cluster."
            )
        self.n_at_once = n_workers or n_cores
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
            raise TrialError(f"Ray is gone: {error}", found=self.name) from error
        except Exception as error:
            raise ConfigError(
                f"the workers of Ray cannot run this: {error}",
                found=self.name,
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
    """Start Ray here, quietly, without a word to its makers; the folder that holds its files."""
    from ray._common.usage import usage_lib

    usage_lib.set_usage_stats_enabled_via_env_var(False)
    folder = tempfile.mkdtemp(prefix="omni-ray-")
    try:
        with _own_signals(), _patience(folder):
            ray.init(
                address="local",
                num_cpus=n_cores,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
                _node_ip_address="127.0.0.1",
                _metrics_export_port=_free_ports(1)[0],
                _temp_dir=folder,
                _system_config={
                    "agent_register_timeout_ms": 1000 * _START_S,
                    "worker_register_timeout_seconds": _START_S,
                    "enable_metrics_collection": False,
                },
            )
    except BaseException:
        with _own_signals():
            ray.shutdown()
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder


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


@contextlib.contextmanager
def _patience(folder: str) -> Iterator[None]:
    """Let Ray start on a busy machine.

    It gives its own node a fixed half minute, and the agents of the node half of that to say which ports
    they chose, which they can need to import themselves. So they are told their ports, the one that the node
    would still wait for is said in their stead, and how long to wait is ours to say.
    """
    parameter: Any = ray._private.parameter
    services: Any = ray._private.services
    raylet: Any = ray._raylet
    plain, asked = parameter.RayParams, services.get_node
    ports = dict(zip(_AGENT_PORTS, _free_ports(len(_AGENT_PORTS)), strict=True))
    give_up = time.monotonic() + _START_S

    def get_node(gcs_address: str, node_id: str) -> Any:
        session = str(Path(folder, "session_latest").resolve())
        told = ports["dashboard_agent_listen_port"]
        raylet.persist_port(session, node_id, raylet.DASHBOARD_AGENT_LISTEN_PORT_NAME, told)
        while True:
            try:
                return asked(gcs_address, node_id)
            except RuntimeError:
                if time.monotonic() > give_up:
                    raise
                time.sleep(0.2)

    parameter.RayParams = partial(plain, **ports)
    services.get_node = get_node
    try:
        yield
    finally:
        parameter.RayParams, services.get_node = plain, asked


def _free_ports(n: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(n)]
        for each in sockets:
            each.bind(("", 0))
        return [int(each.getsockname()[1]) for each in sockets]
