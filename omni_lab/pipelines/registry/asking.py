"""The runs of this project, for whoever asks: what lies unsettled is settled first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

from omni_lab.config import Settings
from omni_lab.errors import ConfigError
from omni_lab.pipelines.registry.adopt import folders
from omni_lab.pipelines.registry.records import RunRecord, read_run
from omni_lab.pipelines.registry.registry import RunRegistry

_NEVER = datetime.min.replace(tzinfo=UTC)


def list_runs(
    runs_dir: Path | None = None,
    *,
    pipeline: str | None = None,
    kind: str | None = None,
    status: str | None = None,
    tag: str | None = None,
    since: str | date | datetime | None = None,
    limit: int | None = None,
) -> list[RunRecord]:
    """All runs, the newest first.

    Parameters
    ----------
    runs_dir : Path, optional
        Read the folders in this directory, without the registry. A directory that does not exist has no runs.
    pipeline, kind, status, tag, since, limit : optional
        See `RunRegistry.list`; with ``runs_dir`` only ``pipeline``.
    """
    if runs_dir is not None:
        found = [read_run(path) for path in _run_paths(runs_dir)]
        found.sort(key=lambda record: (record.started or _NEVER, record.run_id), reverse=True)
        return [record for record in found if pipeline in (None, record.pipeline)][:limit]
    with registry_of_project() as registry:
        if registry is None:
            return []
        return registry.list(pipeline=pipeline, kind=kind, status=status, tag=tag, since=since, limit=limit)


def find_run(run: str, runs_dir: Path | None = None) -> RunRecord:
    """One run by the beginning of its id, by a tag that it alone has, or the newest one as ``"last"``.

    Parameters
    ----------
    run : str
    runs_dir : Path, optional
        Look among the folders in this directory, without the registry.

    Raises
    ------
    ConfigError
        If no run, or more than one, answers to the name.
    """
    if runs_dir is not None:
        return _find_folder(run, runs_dir)
    with registry_of_project() as registry:
        if registry is None:
            raise none_yet(Settings.from_env().runs_dir)
        return registry.find(run)


@contextmanager
def registry_of_project() -> Iterator[RunRegistry | None]:
    """The registry, settled, with all folders taken in; None before the first run: asking makes nothing."""
    settings = Settings.from_env()
    if (
        "://" not in settings.registry
        and not Path(settings.registry).exists()
        and not folders(settings.runs_dir)
    ):
        yield None
        return
    with RunRegistry(settings.registry) as registry:
        registry.settle()
        registry.adopt(settings.runs_dir)
        yield registry


def _find_folder(run: str, directory: Path) -> RunRecord:
    if run == "last" and (records := list_runs(directory)):
        return records[0]
    names = sorted((path.name for path in _run_paths(directory)), reverse=True)
    if not names:
        raise none_yet(directory)
    matches = [run] if run in names else [name for name in names if name.startswith(run)]
    if len(matches) != 1:
        raise ConfigError(
            f"{len(matches)} runs begin with this id" if matches else "no run has this id",
            found=run,
            expected=matches or names,
            where=str(directory),
        )
    return read_run(directory / matches[0])


def _run_paths(directory: Path) -> list[Path]:
    if not directory.is_dir():
        return []
    return [path for path in directory.iterdir() if path.is_dir() and not path.name.startswith(".")]


def none_yet(directory: Path) -> ConfigError:
    """What to say where there has not been a run."""
    return ConfigError("there are no runs yet", where=str(directory), hint="Make one: omni run backtest.")
