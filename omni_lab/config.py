"""Where things are kept on this machine. The only module that reads the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

HOME_VARIABLE = "OMNI_LAB_HOME"
REAL_DATA_VARIABLE = "OMNI_LAB_TEST_DATA"
COUNT_TRIALS_VARIABLE = "OMNI_LAB_COUNT_TRIALS"
REGISTRY_VARIABLE = "OMNI_LAB_REGISTRY"


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
    registry : str
        The database of runs: a path, or a URL; ``data_dir/registry.sqlite`` by default.
    """

    data_dir: Path
    count_trials: bool = True
    registry: str = ""

    def __post_init__(self) -> None:
        if not self.registry:
            object.__setattr__(self, "registry", str(self.data_dir / "registry.sqlite"))

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
    def trials_file(self) -> Path:
        """The ledger of trials: ``data_dir/trials.sqlite``."""
        return self.data_dir / "trials.sqlite"

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, *, cwd: Path | None = None) -> Self:
        """Settings of this process.

        ``OMNI_LAB_HOME`` names the data directory. Without it, it is ``data/`` in the project that holds the
        working directory, so that a notebook and the command line agree; outside any project it is ``data/``
        in the working directory. ``OMNI_LAB_COUNT_TRIALS=0`` leaves the ledger of trials alone.
        ``OMNI_LAB_REGISTRY`` names the database of runs: a path, relative to the working directory, or a URL.

        Parameters
        ----------
        environ : mapping of str to str, optional
            The environment to read; this process's by default.
        cwd : Path, optional
            The working directory; this process's by default.
        """
        variables = os.environ if environ is None else environ
        home, counting = variables.get(HOME_VARIABLE, ""), variables.get(COUNT_TRIALS_VARIABLE, "") != "0"
        start = (cwd or Path.cwd()).absolute()
        registry = variables.get(REGISTRY_VARIABLE, "")
        if registry and "://" not in registry:
            registry = str(start / Path(registry).expanduser())
        data_dir = start / Path(home).expanduser() if home else (_project_above(start) or start) / "data"
        return cls(data_dir=data_dir, count_trials=counting, registry=registry)


def real_data_dir(environ: Mapping[str, str] | None = None) -> Path | None:
    """Directory of real market data that we may use and not ship: ``OMNI_LAB_TEST_DATA``; None without it.

    Parameters
    ----------
    environ : mapping of str to str, optional
        The environment to read; this process's by default.
    """
    named = (os.environ if environ is None else environ).get(REAL_DATA_VARIABLE, "")
    return Path(named).expanduser() if named else None


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
