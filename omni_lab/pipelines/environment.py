"""What a run was made with: versions, platform, commit. Kept with every run, so that it can be made again."""

import logging
import platform
import subprocess
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import omni_lab
from omni_lab.errors import DataError
from omni_lab.pipelines.registry.hashes import code_sha256, lock_sha256

logger = logging.getLogger(__name__)

_PACKAGES = (
    "numpy", "pandas", "polars", "pyarrow", "duckdb", "matplotlib",
    "papermill", "nbclient", "nbconvert", "ipykernel", "skfolio", "arch", "statsmodels",
)  # fmt: skip
_GIT_TIMEOUT_S = 5.0


def surroundings(directory: Path) -> dict[str, Any]:
    """What a record says of code and machine: versions, hashes of code and of what is installed, commit.

    Parameters
    ----------
    directory : Path
        Of the notebook, whose repository is asked.
    """
    return {
        "versions": versions(),
        "code_sha256": code_sha256(),
        "lock_sha256": lock_sha256(),
        "git": git_state(directory),
        "platform": platform.platform(),
    }


def trial_facts(made: Mapping[str, Any]) -> dict[str, Any]:
    """The trial family of a run, and how many trials the ledger has of it on the same data.

    Parameters
    ----------
    made : mapping
        What the notebook recorded: ``trial_family``, or a manifest that names a registered strategy.
    """
    manifest = made.get("manifest")
    manifest = manifest if isinstance(manifest, Mapping) else {}
    data = made.get("data_fingerprint") or (manifest.get("data") or {}).get("fingerprint")
    family = made.get("trial_family") or _family_of(manifest.get("strategy"))
    if not family or not data:
        return {}
    from omni_lab.store.trials import TrialLedger

    try:
        n_trials: int | None = TrialLedger().summary(str(data), str(family)).n_trials
    except DataError as error:
        logger.warning("how many trials there were is not known: %s", error)
        n_trials = None
    return {"trial_family": str(family), "n_trials": n_trials}


def _family_of(strategy: Any) -> str | None:
    from omni_lab.strategies import create, names

    name = strategy.get("name") if isinstance(strategy, Mapping) else None
    if name not in names():
        return None
    from omni_lab.simulator.counting import family_of

    return family_of(create(str(name)))


@cache
def versions() -> dict[str, str]:
    """Versions of Python, of OmniLab and of the installed packages that take part in a run."""
    found = {"python": platform.python_version(), "omni_lab": omni_lab.__version__}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def git_state(directory: Path) -> dict[str, Any] | None:
    """Commit that ``directory`` is at and whether files differ from it; None outside a repository."""
    commit = _git(directory, "rev-parse", "HEAD")
    if not commit:
        return None
    return {"commit": commit, "dirty": bool(_git(directory, "status", "--porcelain", "--untracked-files=no"))}


def _git(directory: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(directory), *arguments],
            capture_output=True,
            text=True,
            timeout=_GIT_TIMEOUT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
