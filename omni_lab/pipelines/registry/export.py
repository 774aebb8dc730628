"""A run in one file: its folder, and what the registry has beside it. Unpacked among runs, it is taken in."""

from __future__ import annotations

import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from omni_lab.errors import ConfigError
from omni_lab.pipelines.folder import REGISTRY_FILE, dump_json
from omni_lab.pipelines.registry.records import RunRecord, iso
from omni_lab.store.durable import sync

if TYPE_CHECKING:
    from omni_lab.pipelines.registry.registry import RunRegistry


def export(registry: RunRegistry, run: RunRecord, file: Path, *, replace: bool = False) -> Path:
    """Write a run to a zip file, whole or not at all.

    Parameters
    ----------
    registry : RunRegistry
    run : RunRecord
        That has ended.
    file : Path
    replace : bool
        Whether it may exist.

    Returns
    -------
    Path
        Of the file.

    Raises
    ------
    ConfigError
        If the run has not ended or its folder is not here, or the file exists or cannot be written.
    """
    _check(run, file, replace)
    temporary = file.with_name(f".{file.name}.{uuid4().hex[:8]}.tmp")
    try:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as packed:
            for path in sorted(run.folder.path.rglob("*")):
                inside = path.relative_to(run.folder.path)
                if path.is_file() and not path.is_symlink() and inside.as_posix() != REGISTRY_FILE:
                    packed.write(path, f"{run.run_id}/{inside.as_posix()}")
            packed.writestr(f"{run.run_id}/{REGISTRY_FILE}", _beside(registry, run))
        sync(temporary)
        temporary.replace(file)
    except OSError as error:
        raise ConfigError(f"the file cannot be written: {error.strerror}", where=str(file)) from error
    finally:
        temporary.unlink(missing_ok=True)
    return file


def _check(run: RunRecord, file: Path, replace: bool) -> None:
    if not run.is_final:
        raise ConfigError("the run has not ended yet", found=run.status, where=run.run_id)
    if not run.folder.path.is_dir():
        where = run.host or "the machine that ran it"
        raise ConfigError("the folder of the run is not here", found=str(run.folder.path), where=where)
    if file.suffix != ".zip" or not file.parent.is_dir():
        raise ConfigError(
            "no such file can be made",
            found=str(file),
            expected="a name with .zip in a directory that exists",
        )
    if file.exists() and not replace:
        raise ConfigError("the file exists", found=str(file), hint="--force replaces it.")


def _beside(registry: RunRegistry, run: RunRecord) -> str:
    events = registry.events(run.run_id)
    told = {
        "record": dict(run.content),
        "tags": list(run.tags),
        "artifacts": [asdict(each) for each in registry.artifacts(run.run_id)],
        "events": [{"at": iso(each.at), "status": each.status, "why": each.why} for each in events],
    }
    return dump_json(told, indent=1) + "\n"
