"""What a run was made with: versions, platform, commit. Kept with every run, so that it can be made again."""

import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import omni_lab

_PACKAGES = (
    "numpy", "pandas", "polars", "pyarrow", "duckdb", "matplotlib",
    "papermill", "nbclient", "nbconvert", "ipykernel", "skfolio", "arch", "statsmodels",
)  # fmt: skip
_GIT_TIMEOUT_S = 5.0


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
