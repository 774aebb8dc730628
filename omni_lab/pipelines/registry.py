"""The runs that were made, read from the directories they left."""

import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from omni_lab.config import Settings
from omni_lab.errors import ConfigError
from omni_lab.pipelines.folder import RunFolder, read_json

RUNNING = "running"
SUCCEEDED = "succeeded"
FAILED = "failed"
INTERRUPTED = "interrupted"
LOST = "lost"
UNREADABLE = "unreadable"

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One run, as far as it can be known.

    Attributes
    ----------
    run_id, pipeline : str
    status : str
        ``running``, ``succeeded``, ``failed``, ``interrupted``; ``lost`` when the process that ran it is gone
        without having said how it ended; ``unreadable`` when its record is missing or damaged.
    folder : RunFolder
    started : datetime or None
        UTC.
    duration_s : float or None
        So far, for a run that is going.
    content : mapping
        ``run.json``; empty when unreadable.
    metrics, artifacts : mapping
        What the notebook recorded; empty when it recorded nothing.
    problem : str
        Why the record is unreadable or the run lost, else the error that ended it.
    """

    run_id: str
    pipeline: str
    status: str
    folder: RunFolder
    started: datetime | None = None
    duration_s: float | None = None
    content: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    artifacts: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""

    @property
    def identity(self) -> Mapping[str, str]:
        """What it ran, by name: ``strategy`` with its hash, and ``backtest``, equal for equal backtests."""
        strategy, manifest = self.content.get("strategy"), self.artifacts.get("manifest")
        told = {"strategy": f"{strategy['name']}, {strategy['sha256']}"} if isinstance(strategy, dict) else {}
        found = manifest.get("run_id") if isinstance(manifest, dict) else None
        return {**told, **({"backtest": str(found)} if found else {})}

    @property
    def headline(self) -> Mapping[str, str]:
        """The few results its notebook put first, formatted, by label."""
        return dict(self.artifacts.get("headline") or {})


def list_runs(runs_dir: Path | None = None, *, pipeline: str | None = None) -> list[RunRecord]:
    """All runs, the newest first.

    Parameters
    ----------
    runs_dir : Path, optional
        Where to look; the project's runs by default. A directory that does not exist has no runs.
    pipeline : str, optional
        Only this pipeline's.
    """
    records = [read_run(path) for path in _run_paths(runs_dir or Settings.from_env().runs_dir)]
    records.sort(key=lambda record: (record.started or _NEVER, record.run_id), reverse=True)
    return [record for record in records if pipeline in (None, record.pipeline)]


def find_run(run: str, runs_dir: Path | None = None) -> RunRecord:
    """One run by the beginning of its id, or the newest one as ``"last"``.

    Raises
    ------
    ConfigError
        If no run, or more than one, answers to the name.
    """
    directory = runs_dir or Settings.from_env().runs_dir
    if run == "last" and (records := list_runs(directory)):
        return records[0]
    names = sorted((path.name for path in _run_paths(directory)), reverse=True)
    if not names:
        raise ConfigError("there are no runs yet", where=str(directory), hint="Make one: omni run backtest.")
    # A whole id may also be the beginning of another: the second run within a second ends in "-2".
    matches = [run] if run in names else [name for name in names if name.startswith(run)]
    if len(matches) != 1:
        raise ConfigError(
            f"{len(matches)} runs begin with this id" if matches else "no run has this id",
            found=run,
            expected=matches or names,
            where=str(directory),
        )
    return read_run(directory / matches[0])


def read_run(path: Path) -> RunRecord:
    """Record of the run in a directory; never raises for what the directory holds."""
    folder = RunFolder(path)
    try:
        content = read_json(folder.run_file)
        status, pipeline = str(content["status"]), str(content["pipeline"])
        started = datetime.fromisoformat(content["started"])
        started = started.replace(tzinfo=started.tzinfo or UTC)
    except FileNotFoundError:
        return _unreadable(folder, "run.json is missing: the run is just starting, or was cut off as it did")
    except (OSError, ValueError, KeyError, TypeError) as error:
        return _unreadable(folder, f"run.json cannot be read: {type(error).__name__}: {error}")
    problem = str((content.get("error") or {}).get("message") or "")
    duration = content.get("duration_s")
    if status == RUNNING:
        duration = (datetime.now(UTC) - started).total_seconds()
        if not _is_alive(content):
            status, duration, problem = (
                LOST,
                None,
                "its process is gone without having said how the run ended",
            )
    return RunRecord(
        run_id=folder.run_id,
        pipeline=pipeline,
        status=status,
        folder=folder,
        started=started,
        duration_s=duration if isinstance(duration, int | float) else None,
        content=content,
        metrics=_optional(folder.metrics_file),
        artifacts=_optional(folder.artifacts_file),
        problem=problem,
    )


def _run_paths(directory: Path) -> list[Path]:
    if not directory.is_dir():
        return []
    return [path for path in directory.iterdir() if path.is_dir() and not path.name.startswith(".")]


def _unreadable(folder: RunFolder, problem: str) -> RunRecord:
    # The id still says when it started and what was run.
    parts = folder.run_id.split("-")
    # Before the last hash may stand a strategy and its own.
    n_last = 3 if len(parts) > 5 and re.fullmatch("[0-9a-f]{8}|unhashed", parts[-2]) else 1
    pipeline = "-".join(parts[2:-n_last]) if len(parts) > 3 else "?"
    try:
        started = datetime.strptime("-".join(parts[:2]), "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        started = None
    return RunRecord(
        run_id=folder.run_id,
        pipeline=pipeline,
        status=UNREADABLE,
        folder=folder,
        started=started,
        problem=problem,
    )


def _optional(path: Path) -> Mapping[str, Any]:
    try:
        return read_json(path)
    except (OSError, ValueError):
        return {}


def _is_alive(content: Mapping[str, Any]) -> bool:
    """Whether the process that wrote the record still runs; yes when that cannot be told from here."""
    pid = content.get("pid")
    if content.get("host") != socket.gethostname() or not isinstance(pid, int):
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
