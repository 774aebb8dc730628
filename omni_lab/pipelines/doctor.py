"""What is installed and what is missing, and what to type about it."""

import importlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import omni_lab
from omni_lab.config import Settings
from omni_lab.errors import OmniError
from omni_lab.pipelines.catalog import list_pipelines, pipelines_dir
from omni_lab.pipelines.registry import list_runs

OK, MISSING, BROKEN = "ok", "missing", "broken"

_DISTRIBUTION = "omni-lab"
_ENGINE_DOOR = "omni_lab.simulator"
_OLDEST_PYTHON = (3, 11)
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_PROBE_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    subject : str
    state : str
        ``"ok"``; ``"missing"`` for what is optional; ``"broken"`` for what is required.
    detail : str
        What was found.
    hint : str
        What to do about it.
    """

    subject: str
    state: str
    detail: str
    hint: str = ""


def diagnose() -> list[Finding]:
    """Look at everything that a run, a report or a build needs. Changes nothing."""
    return [
        _python(),
        _engine(),
        *_requirements(),
        _pipelines(),
        *_directories(),
        _lake(),
        _runs(),
        _tool("rust", ("cargo",), "Needed only to rebuild the engine; rustup installs it."),
        _tool(
            "browser", _BROWSERS, "Needed only for browser tests and screenshots: apt-get install chromium."
        ),
    ]


def format_findings(findings: Iterable[Finding]) -> str:
    """One line a finding, the hint below it."""
    findings = list(findings)
    width = max(len(finding.subject) for finding in findings)
    marks = {OK: "✓", MISSING: "–", BROKEN: "✕"}
    lines = []
    for finding in findings:
        lines.append(f"{marks[finding.state]} {finding.subject:<{width}}  {finding.detail}")
        if finding.hint:
            lines.append(f"{'':{width + 4}}{finding.hint}")
    return "\n".join(lines)


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < _OLDEST_PYTHON:
        return Finding("python", BROKEN, version, "OmniLab needs Python 3.11 or newer.")
    return Finding("python", OK, f"{version}  {sys.executable}")


def _engine() -> Finding:
    try:
        # At run time, and through the room that owns the door: this must survive the engine's absence.
        importlib.import_module(_ENGINE_DOOR)
        module = sys.modules["omni_lab._native"]
    except ImportError as error:
        return Finding("engine", BROKEN, f"it cannot be imported: {error}", "Build it: make setup.")
    version = getattr(module, "__version__", omni_lab.__version__)
    if version != omni_lab.__version__:
        return Finding(
            "engine",
            BROKEN,
            f"{version}, but the package is {omni_lab.__version__}",
            "Rebuild it: make setup.",
        )
    return Finding("engine", OK, f"{version}  {Path(str(module.__file__)).name}")


def _requirements() -> list[Finding]:
    try:
        requirements = metadata.requires(_DISTRIBUTION) or []
        version = metadata.version(_DISTRIBUTION)
        extras = metadata.metadata(_DISTRIBUTION).get_all("Provides-Extra") or []
    except metadata.PackageNotFoundError:
        return [Finding("package", BROKEN, f"{_DISTRIBUTION} is not installed", "Install it: make setup.")]
    unmet = _unmet(requirements, extra="")
    findings = [
        Finding(
            "package",
            BROKEN,
            f"{_DISTRIBUTION} {version} lacks {', '.join(unmet)}",
            "Install them: make setup.",
        )
        if unmet
        else Finding("package", OK, f"{_DISTRIBUTION} {version}, and all it requires")
    ]
    for extra in sorted(extras):
        lacking = _unmet(requirements, extra=extra)
        findings.append(
            Finding(f"extra {extra}", MISSING, f"lacks {', '.join(lacking)}", _install(lacking))
            if lacking
            else Finding(f"extra {extra}", OK, "installed")
        )
    return findings


def _unmet(requirements: Iterable[str], *, extra: str) -> list[str]:
    """Requirements of an extra (of the package itself for "") that are absent or of another version."""
    from packaging.requirements import Requirement

    unmet = []
    for requirement in map(Requirement, requirements):
        marker = requirement.marker
        is_of_extra = marker is not None and "extra" in str(marker)
        if is_of_extra != bool(extra) or (marker is not None and not marker.evaluate({"extra": extra})):
            continue
        try:
            installed = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            installed = None
        if installed is None or not requirement.specifier.contains(installed, prereleases=True):
            unmet.append(f"{requirement.name}{requirement.specifier}")
    return unmet


def _install(requirements: Iterable[str]) -> str:
    return f"{sys.executable} -m pip install {' '.join(map(repr, requirements))}"


def _pipelines() -> Finding:
    try:
        return Finding("pipelines", OK, f"{', '.join(list_pipelines())}  {pipelines_dir()}")
    except OmniError as error:
        return Finding("pipelines", MISSING, error.what, error.hint or "")


def _directories() -> list[Finding]:
    data_dir = Settings.from_env().data_dir
    findings = []
    for subject, directory in (("data", data_dir), ("temporary", Path(tempfile.gettempdir()))):
        problem = _why_not_writable(directory)
        findings.append(
            Finding(
                subject,
                BROKEN,
                f"{directory}: {problem}",
                "Set OMNI_LAB_HOME to a directory you may write to.",
            )
            if problem
            else Finding(subject, OK, str(directory))
        )
    return findings


def _why_not_writable(directory: Path) -> str:
    """Try it where the directory exists, else in the nearest parent that does; "" if it can be written to."""
    nearest = next(parent for parent in (directory, *directory.parents) if parent.exists())
    try:
        with tempfile.TemporaryFile(dir=nearest):
            return ""
    except OSError as error:
        return f"cannot be written to ({error.strerror})"


def _lake() -> Finding:
    directory = Settings.from_env().lake_dir
    if not directory.is_dir() or not any(directory.iterdir()):
        return Finding(
            "lake", MISSING, "no prices yet", "omni ingest reads those that installed packages carry."
        )
    files = [path for path in directory.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files) / 2**20
    return Finding("lake", OK, f"{len(files)} files, {size:.1f} MiB", "omni store ls lists what it holds.")


def _runs() -> Finding:
    try:
        runs = list_runs()
    except OmniError as error:
        return Finding("runs", BROKEN, str(error), "Set OMNI_LAB_REGISTRY to a database that can be used.")
    if not runs:
        return Finding("runs", MISSING, "none yet", "omni run backtest makes one.")
    states = [run.status for run in runs]
    counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    return Finding("runs", OK, counts)


def _tool(subject: str, commands: Iterable[str], hint: str) -> Finding:
    for command in commands:
        path = shutil.which(command)
        if path is None:
            continue
        try:
            done = subprocess.run(
                [path, "--version"], capture_output=True, text=True, timeout=_PROBE_TIMEOUT_S, check=True
            )
        except (OSError, subprocess.SubprocessError):
            return Finding(subject, MISSING, f"{path} does not run", hint)
        version = re.search(r"\d+\.\d+[\w.]*", done.stdout)
        return Finding(subject, OK, f"{command} {version.group() if version else ''}".rstrip())
    return Finding(subject, MISSING, f"no {' or '.join(commands)} on the PATH", hint)
