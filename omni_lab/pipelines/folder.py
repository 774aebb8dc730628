"""The directory of one run: its name, its files, and writing them so that a reader never sees half of one."""

import hashlib
import json
import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from omni_lab.config import HOME_VARIABLE
from omni_lab.errors import ConfigError

RUN_FILE = "run.json"
METRICS_FILE = "metrics.json"
ARTIFACTS_FILE = "artifacts.json"
NOTEBOOK_FILE = "notebook.ipynb"
REPORT_FILE = "report.html"
REGISTRY_FILE = "registry.json"  # what the registry has beside the folder, in an exported run
PARTIAL_NOTEBOOK_FILE = "notebook.running.ipynb"
FIGURES_DIR = "figures"

RESERVED = frozenset(
    {RUN_FILE, METRICS_FILE, ARTIFACTS_FILE, NOTEBOOK_FILE, PARTIAL_NOTEBOOK_FILE, REPORT_FILE}
    | {REGISTRY_FILE, FIGURES_DIR}
)
"""Names that a notebook may not give its own files."""


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Paths of one run.

    Attributes
    ----------
    path : Path
        Its directory; the name is the run id.
    """

    path: Path

    @property
    def run_id(self) -> str:
        """Name of the run: time, pipeline and a short hash of what it was asked to do."""
        return self.path.name

    @property
    def run_file(self) -> Path:
        """What was run, on what, and how it ended."""
        return self.path / RUN_FILE

    @property
    def metrics_file(self) -> Path:
        """A flat object of numbers."""
        return self.path / METRICS_FILE

    @property
    def artifacts_file(self) -> Path:
        """Headline, warnings, conclusions, data fingerprint: what was recorded beside the metrics."""
        return self.path / ARTIFACTS_FILE

    @property
    def notebook_file(self) -> Path:
        """The executed notebook, from its first to its last cell or to the one that failed."""
        return self.path / NOTEBOOK_FILE

    @property
    def partial_notebook_file(self) -> Path:
        """The notebook while it runs; renamed when the run ends, however it ends."""
        return self.path / PARTIAL_NOTEBOOK_FILE

    @property
    def report_file(self) -> Path:
        """The report, one self-contained page."""
        return self.path / REPORT_FILE


def create_run_folder(
    runs_dir: Path,
    pipeline: str,
    started: datetime,
    request: Mapping[str, Any],
    *,
    strategy: str = "",
    claim: Callable[[RunFolder], bool] = lambda folder: True,
) -> RunFolder:
    """Make the directory of a new run; two runs never get the same one.

    Parameters
    ----------
    runs_dir : Path
        Parent of all runs; made if absent.
    pipeline : str
        Name of the pipeline.
    started : datetime
        Start of the run, UTC. It leads the run id, so that ids sort by time.
    request : mapping
        Everything that decides the result; its hash ends the run id, so that equal requests show.
    strategy : str, optional
        Name and hash of the strategy, which stand before it.
    claim : callable, optional
        Whether nobody has a run of this name elsewhere, asked while the directory is empty; it is removed if
        somebody has, or if asking raises.

    Raises
    ------
    ConfigError
        If the directory cannot be made.
    """
    try:
        runs_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"the directory of runs cannot be made: {error.strerror}",
            where=str(runs_dir),
            hint=f"Set {HOME_VARIABLE} to a directory you may write to.",
        ) from error
    digest = hashlib.sha256(dump_json(request).encode()).hexdigest()[:8]
    stem = f"{started:%Y%m%d-%H%M%S}-{re.sub(r'[^A-Za-z0-9_.]+', '-', pipeline)}-"
    stem += f"{strategy}-{digest}" if strategy else digest
    attempt = 1
    while True:
        path = runs_dir / (stem if attempt == 1 else f"{stem}-{attempt}")
        attempt += 1
        try:
            path.mkdir()
        except FileExistsError:
            continue
        kept = False
        try:
            kept = claim(RunFolder(path))
        finally:
            if not kept:
                path.rmdir()
        if kept:
            return RunFolder(path)


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all: a reader sees the old text or the new, never a part."""
    temporary = path.with_name(f".{path.name}.{uuid4().hex[:8]}.tmp")
    try:
        # Half a surrogate pair, which an error's text may hold, is written as JSON would escape it.
        with temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file atomically; numbers that JSON cannot hold (NaN, infinities) become null."""
    write_text(path, dump_json(content, indent=1) + "\n")


def dump_json(content: Any, *, indent: int | None = None) -> str:
    """Canonical JSON: sorted keys, no NaN, NumPy scalars as plain numbers."""
    return json.dumps(
        _plain(content), indent=indent, sort_keys=indent is None, ensure_ascii=False, allow_nan=False
    )


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises
    ------
    ValueError
        If the file is not JSON, or is not an object.
    OSError
        If it cannot be read.
    """
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise ValueError(f"{path.name} holds {type(content).__name__}, not an object")
    return content


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, str | bool | int) or value is None:
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):  # NumPy arrays and scalars
        return _plain(value.tolist())
    return str(value)
