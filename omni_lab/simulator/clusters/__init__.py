"""Many tasks on more machines than this one: a Dask cluster or Ray, behind one interface.

:func:`open_cluster` starts a small cluster here, or goes to one that exists. What a search does with it is in
``research``; what a flow does, in the room of pipelines. docs/clusters.md says how to bring a cluster.
"""

from __future__ import annotations

from omni_lab.errors import ConfigError
from omni_lab.simulator.clusters.cluster import Cluster, Shared, WorkerLost

__all__ = ["CLUSTERS", "Cluster", "Shared", "WorkerLost", "checked_cluster", "open_cluster"]

CLUSTERS = ("dask", "ray")
"""Engines by the names that settings and arguments give them."""


def checked_cluster(name: str, *, where: str | None = None) -> tuple[str, str | None]:
    """The engine and the address in the name of a cluster.

    Parameters
    ----------
    name : str
        ``"dask"`` or ``"ray"`` for one that is started here, or with an address behind a colon.
    where : str, optional
        What to call the place in an error.

    Raises
    ------
    ConfigError
        If it is no such name.
    """
    engine, colon, address = name.partition(":")
    if engine not in CLUSTERS or (colon and not address):
        raise ConfigError(
            "this names no cluster",
            found=name,
            expected="dask, dask:tcp://HOST:8786, ray, ray:auto or ray:ray://HOST:10001",
            where=where,
        )
    return engine, address or None


def open_cluster(name: str, n_workers: int | None = None) -> Cluster:
    """A cluster by its name, ready to be given tasks. Close it, or use it as a context manager.

    Parameters
    ----------
    name : str
        As :func:`checked_cluster` takes it. A cluster without an address is started on this machine, with
        processes for workers, and ended by ``close``; one that exists is left as it is.
    n_workers : int, optional
        Tasks at the same time. By default as many as this process may use cores, or as the existing cluster
        has.

    Raises
    ------
    ConfigError
        If the name is none, or nothing answers at the address.
    MissingExtraError
        If the engine is not installed.
    """
    engine, address = checked_cluster(name)
    if engine == "dask":
        from omni_lab.simulator.clusters.on_dask import Dask

        return Cluster(Dask(address, n_workers))
    from omni_lab.simulator.clusters.on_ray import Ray

    return Cluster(Ray(address, n_workers))
