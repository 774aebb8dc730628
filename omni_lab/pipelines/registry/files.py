"""The files of a run as its row tells them: which there are, how long, with which hash; and its numbers."""

import math
from pathlib import Path

from omni_lab.pipelines.folder import (
    ARTIFACTS_FILE,
    FIGURES_DIR,
    METRICS_FILE,
    NOTEBOOK_FILE,
    PARTIAL_NOTEBOOK_FILE,
    REGISTRY_FILE,
    REPORT_FILE,
    RUN_FILE,
    RunFolder,
    read_json,
)
from omni_lab.pipelines.registry.records import Artifact
from omni_lab.store.durable import hash_file

_KINDS = {
    ARTIFACTS_FILE: "record",
    METRICS_FILE: "metrics",
    NOTEBOOK_FILE: "notebook",
    REPORT_FILE: "report",
}


def artifacts_of(folder: RunFolder) -> list[Artifact]:
    """Every file of a run but ``run.json`` and those that are only half written."""
    if not folder.path.is_dir():
        return []
    paths = (path for path in sorted(folder.path.rglob("*")) if path.is_file() and not path.is_symlink())
    found = ((path, path.relative_to(folder.path)) for path in paths)
    return [
        Artifact(
            name=inside.name,
            kind=_kind(inside),
            path=inside.as_posix(),
            size=path.stat().st_size,
            sha256=hash_file(path),
        )
        for path, inside in found
        if not any(part.startswith(".") for part in inside.parts)
        and inside.as_posix() not in (RUN_FILE, PARTIAL_NOTEBOOK_FILE, REGISTRY_FILE)
    ]


def is_there(folder: RunFolder, artifact: Artifact) -> bool:
    """Whether a file still is what it was."""
    path = folder.path / artifact.path
    try:
        return path.stat().st_size == artifact.size and hash_file(path) == artifact.sha256
    except OSError:
        return False


def metrics_of(folder: RunFolder) -> dict[str, float | None]:
    """The numbers that a run recorded, None where one is not finite; none at all if the file is damaged."""
    try:
        recorded = read_json(folder.metrics_file)
    except (OSError, ValueError):
        return {}
    return {
        name: float(value) if value is not None and math.isfinite(value) else None
        for name, value in recorded.items()
        if value is None or isinstance(value, int | float)
    }


def _kind(inside: Path) -> str:
    if inside.parts[0] == FIGURES_DIR:
        return "figure"
    return _KINDS.get(inside.as_posix(), "file")
