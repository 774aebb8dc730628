"""Where things are kept on this machine. The only module that reads the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

HOME_VARIABLE = "OMNI_LAB_HOME"
REAL_DATA_VARIABLE = "OMNI_LAB_TEST_DATA"
COUNT_TRIALS_VARIABLE = "OMNI_LAB_COUNT_TRIALS"
CLUSTER_VARIABLE = "OMNI_LAB_CLUSTER"
REGISTRY_VARIABLE = "OMNI_LAB_REGISTRY"
ALERTS_VARIABLE = "OMNI_LAB_ALERTS"
GATEWAY_VARIABLE = "OMNI_LAB_GATEWAY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Directories that stores and runs are written to.

    Nothing is created by asking: whoever writes makes the directory.

    Attributes
    ----------
    data_dir : Path
        Absolute; the parent of the others.
    count_trials : bool
        Whether backtests are counted in the ledger of trials.
    cluster : str
        Where searches and flows run that are not told: ``processes`` of this machine, or a cluster as
        docs/clusters.md names them.
    registry : str
        The database of runs: a path, or a URL; ``data_dir/registry.sqlite`` by default.
    alerts : Path or None
        Where the channels of alerts are written down, if not in the data directory.
    gateway : str
        The database of users, keys and the audit log: a path, or a URL; ``gateway_dir/gateway.sqlite`` by
        default.
    """

    data_dir: Path
    count_trials: bool = True
    cluster: str = "processes"
    registry: str = ""
    alerts: Path | None = None
    gateway: str = ""

    def __post_init__(self) -> None:
        if not self.registry:
            object.__setattr__(self, "registry", str(self.data_dir / "registry.sqlite"))
        if not self.gateway:
            object.__setattr__(self, "gateway", str(self.gateway_dir / "gateway.sqlite"))

    @property
    def lake_dir(self) -> Path:
        """Tick and bar stores: ``data_dir/lake``."""
        return self.data_dir / "lake"

    @property
    def runs_dir(self) -> Path:
        """Executed notebooks, reports and their metrics, a directory for each run: ``data_dir/runs``."""
        return self.data_dir / "runs"

    @property
    def sweeps_dir(self) -> Path:
        """Journals of parameter searches: ``data_dir/sweeps``."""
        return self.data_dir / "sweeps"

    @property
    def systems_dir(self) -> Path:
        """Journals and records of trading systems, a directory for each: ``data_dir/systems``."""
        return self.data_dir / "systems"

    @property
    def gateway_dir(self) -> Path:
        """Users, keys, secrets and the audit log of the gateway: ``data_dir/gateway``."""
        return self.data_dir / "gateway"

    @property
    def trials_file(self) -> Path:
        """The ledger of trials: ``data_dir/trials.sqlite``."""
        return self.data_dir / "trials.sqlite"

    @property
    def alerts_file(self) -> Path:
        """The channels that alerts go to: ``data_dir/alerts.yaml``, or what ``OMNI_LAB_ALERTS`` names."""
        return self.alerts or self.data_dir / "alerts.yaml"

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, *, cwd: Path | None = None) -> Self:
        """Settings of this process.

        ``OMNI_LAB_HOME`` names the data directory. Without it, it is ``data/`` in the project that holds the
        working directory, so that a notebook and the command line agree; outside any project it is ``data/``
        in the working directory. ``OMNI_LAB_COUNT_TRIALS=0`` leaves the ledger of trials alone.
        ``OMNI_LAB_CLUSTER`` names where searches and flows run.
        ``OMNI_LAB_REGISTRY`` names the database of runs: a path, relative to the working directory, or a URL.
        ``OMNI_LAB_ALERTS`` names the file of alert channels, ``OMNI_LAB_GATEWAY`` the database of users.

        Parameters
        ----------
        environ : mapping of str to str, optional
            The environment to read; this process's by default.
        cwd : Path, optional
            The working directory; this process's by default.
        """
        variables = os.environ if environ is None else environ
        home, counting = variables.get(HOME_VARIABLE, ""), variables.get(COUNT_TRIALS_VARIABLE, "") != "0"
        cluster = variables.get(CLUSTER_VARIABLE, "") or "processes"
        start = (cwd or Path.cwd()).absolute()
        registry, gateway = (
            str(start / Path(named).expanduser()) if named and "://" not in named else named
            for named in (variables.get(REGISTRY_VARIABLE, ""), variables.get(GATEWAY_VARIABLE, ""))
        )
        named = variables.get(ALERTS_VARIABLE, "")
        alerts = start / Path(named).expanduser() if named else None
        data_dir = start / Path(home).expanduser() if home else (_project_above(start) or start) / "data"
        return cls(
            data_dir=data_dir,
            count_trials=counting,
            cluster=cluster,
            registry=registry,
            alerts=alerts,
            gateway=gateway,
        )


def real_data_dir(environ: Mapping[str, str] | None = None) -> Path | None:
    """Directory of real market data that we may use and not ship: ``OMNI_LAB_TEST_DATA``; None without it.

    Parameters
    ----------
    environ : mapping of str to str, optional
        The environment to read; this process's by default.
    """
    named = (os.environ if environ is None else environ).get(REAL_DATA_VARIABLE, "")
    return Path(named).expanduser() if named else None


def secret(name: str, environ: Mapping[str, str] | None = None) -> str | None:
    """Value of a variable that a configuration file names as ``${NAME}``; None where it is unset or empty.

    Parameters
    ----------
    name : str
    environ : mapping of str to str, optional
        The environment to read; this process's by default.
    """
    return (os.environ if environ is None else environ).get(name) or None


def _project_above(start: Path) -> Path | None:
    for directory in (start, *start.parents):
        if (directory / "omni_lab" / "__init__.py").is_file() and (directory / "pyproject.toml").is_file():
            return directory
    return None


def environment_of_process() -> dict[str, str]:
    """The environment of this process, as a copy."""
    return dict(os.environ)


def replace_environment(environment: Mapping[str, str]) -> None:
    """Give this process another environment: for a process that was forked to be somebody else's."""
    os.environ.clear()
    os.environ.update(environment)
