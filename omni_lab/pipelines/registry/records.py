"""What is known of a run, and how it is read from the folder it left. Nothing here needs a database."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from omni_lab.errors import ConfigError, PipelineError
from omni_lab.pipelines.folder import RunFolder, read_json
from omni_lab.pipelines.registry.processes import is_gone

QUEUED = "queued"
RUNNING = "running"
SUCCEEDED = "succeeded"
FAILED = "failed"
INTERRUPTED = "interrupted"
LOST = "lost"
UNREADABLE = "unreadable"

FINAL = (SUCCEEDED, FAILED, INTERRUPTED, LOST)
"""What a run never leaves."""

TRIGGERS = ("hand", "flow", "schedule", "jupyter", "api")
GONE = "its process is gone without having said how the run ended"


class AlreadyBegun(PipelineError):  # a finding, of which only some are errors
    """A run with this key was begun before, here or elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Why a run is made, and what it belongs to.

    Attributes
    ----------
    trigger : str
        ``hand``, ``flow``, ``schedule``, ``jupyter`` or ``api``.
    name : str
        Of the schedule or the flow.
    key : str or None
        Unique over all runs: a second run with the same key is refused.
    parent : str or None
        Id of the run that this is a step of.
    step : str or None
        Its name there.
    attempt : int
        From 1.
    upstream : mapping of str to str
        Fingerprints of what was made upstream, by step: part of the question.
    named : mapping of str to object
        Parameters that name runs upstream, as the flow writes them: so they stand in the question.
    """

    trigger: str = "hand"
    name: str = ""
    key: str | None = None
    parent: str | None = None
    step: str | None = None
    attempt: int = 1
    upstream: Mapping[str, str] = field(default_factory=dict)
    named: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.trigger not in TRIGGERS:
            raise ConfigError("no such trigger of a run", found=self.trigger, expected=TRIGGERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A file that a run left.

    Attributes
    ----------
    name : str
        Of the file.
    kind : str
        ``notebook``, ``report``, ``metrics``, ``record``, ``figure`` or ``file``.
    path : str
        Below the folder of the run, with slashes.
    size : int
        Bytes.
    sha256 : str
        Of its bytes.
    """

    name: str
    kind: str
    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEvent:
    """A change of a run's status, or what else happened to it.

    Attributes
    ----------
    at : datetime
        UTC.
    status : str
        The status since then.
    why : str
    """

    at: datetime
    status: str
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One run, as far as it can be known.

    Attributes
    ----------
    run_id, pipeline : str
    status : str
        ``queued``, ``running``, ``succeeded``, ``failed``, ``interrupted``; ``lost`` when the process that
        ran it is gone without having said how it ended; ``unreadable`` when its record is missing or damaged.
    folder : RunFolder
        On the machine that ran it.
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
    tags : tuple of str
        Known to the registry only.
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
    tags: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """``pipeline`` or ``flow``."""
        return str(self.content.get("kind") or "pipeline")

    @property
    def origin(self) -> Origin:
        """Why it was made."""
        told = {name: self.content[name] for name in _ORIGIN if self.content.get(name) is not None}
        origin = {_ORIGIN[name]: value for name, value in told.items()}
        return Origin(
            **origin | {"trigger": origin["trigger"] if origin.get("trigger") in TRIGGERS else "hand"}
        )

    @property
    def fingerprint(self) -> str | None:
        """Of the question; equal for equal questions on any machine."""
        found = self.content.get("fingerprint")
        return None if found is None else str(found)

    @property
    def host(self) -> str:
        """The machine that ran it."""
        return str(self.content.get("host") or "")

    @property
    def is_final(self) -> bool:
        """Whether it has ended, one way or another."""
        return self.status in FINAL

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
        return dict(self.artifacts.get("headline") or self.content.get("headline") or {})


_ORIGIN = {"trigger": "trigger", "trigger_name": "name", "key": "key", "parent": "parent", "step": "step"} | {
    name: name for name in ("attempt", "upstream", "named")
}


def origin_facts(origin: Origin) -> dict[str, Any]:
    """An origin as a record states it."""
    return {name: getattr(origin, attribute) for name, attribute in _ORIGIN.items()} | {
        "upstream": dict(origin.upstream),
        "named": dict(origin.named),
    }


def iso(moment: datetime) -> str:
    """A time in UTC as records state it: text that sorts."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


def read_run(path: Path) -> RunRecord:
    """Record of the run in a directory; never raises for what the directory holds."""
    folder = RunFolder(path)
    try:
        return record_of(read_json(folder.run_file), folder)
    except FileNotFoundError:
        return _unreadable(folder, "run.json is missing: the run is just starting, or was cut off as it did")
    except (OSError, ValueError, KeyError, TypeError) as error:
        return _unreadable(folder, f"run.json cannot be read: {type(error).__name__}: {error}")


def record_of(
    content: Mapping[str, Any],
    folder: RunFolder,
    *,
    tags: tuple[str, ...] = (),
    metrics: Mapping[str, float | None] | None = None,
    settled: bool = False,
) -> RunRecord:
    """The record of a run from what its ``run.json`` or its row says, and from its folder.

    Parameters
    ----------
    content : mapping
    folder : RunFolder
    tags : tuple of str
    metrics : mapping, optional
        Where the folder has none.
    settled : bool
        Whether ``running`` is to be believed, without a look for the process.

    Raises
    ------
    KeyError, TypeError, ValueError
        If status, pipeline or start are missing or are not that.
    """
    status, pipeline = str(content["status"]), str(content["pipeline"])
    started = datetime.fromisoformat(content["started"])
    started = started.replace(tzinfo=started.tzinfo or UTC)
    error = content.get("error")
    problem = str((error if isinstance(error, Mapping) else {}).get("message") or "")
    duration = content.get("duration_s")
    if status == RUNNING:
        duration = max((datetime.now(UTC) - started).total_seconds(), 0.0)
        if not settled and is_gone(content):
            status, duration, problem = LOST, None, GONE
    return RunRecord(
        run_id=str(content["run_id"]) if settled else folder.run_id,
        pipeline=pipeline,
        status=status,
        folder=folder,
        started=started,
        duration_s=duration if isinstance(duration, int | float) else None,
        content=content,
        metrics=_optional(folder.metrics_file) or metrics or {},
        artifacts=_optional(folder.artifacts_file),
        problem=problem,
        tags=tags,
    )


def _unreadable(folder: RunFolder, problem: str) -> RunRecord:
    pipeline, started = told_by_id(folder.run_id)
    return RunRecord(
        run_id=folder.run_id,
        pipeline=pipeline,
        status=UNREADABLE,
        folder=folder,
        started=started,
        problem=problem,
    )


def told_by_id(run_id: str) -> tuple[str, datetime | None]:
    """What was run and when, as far as the id says."""
    parts = run_id.split("-")
    # Before the last hash may stand a strategy and its own.
    n_last = 3 if len(parts) > 5 and re.fullmatch("[0-9a-f]{8}|unhashed", parts[-2]) else 1
    pipeline = "-".join(parts[2:-n_last]) if len(parts) > 3 else "?"
    try:
        started = datetime.strptime("-".join(parts[:2]), "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        started = None
    return pipeline, started


def _optional(path: Path) -> Mapping[str, Any]:
    try:
        return read_json(path)
    except (OSError, ValueError):
        return {}
