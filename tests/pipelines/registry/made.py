"""Runs made up for tests: their facts, and processes that make them."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from omni_lab.config import HOME_VARIABLE
from omni_lab.pipelines.folder import RunFolder
from omni_lab.pipelines.recording import Recording
from omni_lab.pipelines.registry import RunRegistry

NO_PROCESS = 2**22 + 1  # above the largest process id of Linux


def facts(runs: Path, number: int = 1, **more: Any) -> dict[str, Any]:
    """What a run begins with; its folder exists."""
    run_id = f"20260501-1200{number:02}-toy-aaaaaaaa"
    folder = runs / run_id
    folder.mkdir(parents=True, exist_ok=True)
    told = {"run_id": run_id, "pipeline": "toy", "started": f"2026-05-01T12:00:{number:02}.000+00:00"}
    return {**told, "folder": str(folder), **more}


def begin(registry: RunRegistry, runs: Path, number: int = 1, **more: Any) -> RunFolder:
    """A run that is going, by a process of this machine unless told otherwise."""
    told = facts(runs, number, **more)
    registry.begin(told)
    return RunFolder(Path(told["folder"]))


def make_runs(home: str, n: int, size: int = 0) -> None:
    """Make whole runs without a kernel, one after the other."""
    os.environ[HOME_VARIABLE] = home
    with RunRegistry() as registry:
        for number in range(n):
            recording = Recording.begin(registry, {"pipeline": "toy", "seed": number}, {"n": number})
            with recording.beating():
                recording.folder.partial_notebook_file.write_text("{}")
                (recording.folder.path / "table.csv").write_text("x" * size)
            recording.folder.partial_notebook_file.replace(recording.folder.notebook_file)
            recording.close("succeeded")


def open_and_close(target: str) -> None:
    """Open a registry, new or not."""
    RunRegistry(target).close()


def write_rows(target: str, writer: int, n: int) -> None:
    """Begin and end runs that have no folder."""
    with RunRegistry(target) as registry:
        for number in range(n):
            run = f"run-{writer}-{number}"
            started = "2026-05-01T12:00:00.000+00:00"
            registry.begin({"run_id": run, "pipeline": "toy", "started": started, "folder": "nowhere"})
            registry.finish(run, "succeeded", metrics={"number": number}, artifacts=())


def adopt_all(target: str, runs: str) -> None:
    """Take in the folders of a directory."""
    with RunRegistry(target) as registry:
        registry.adopt(Path(runs))


def start(target: Callable[..., None], *arguments: object) -> BaseProcess:
    """Begin a process of its own, which has imported everything already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(target=target, args=arguments)
    process.start()
    return process


def end(processes: Iterable[BaseProcess]) -> None:
    """Wait for processes, all of which end well."""
    waiting = list(processes)
    for process in waiting:
        process.join(300)
    assert [process.exitcode for process in waiting] == [0] * len(waiting)
    for process in waiting:
        process.close()
