"""A project with tiny pipelines for flows: they add numbers, count how often they ran, wait, and fail."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from omni_lab.config import HOME_VARIABLE
from omni_lab.pipelines.registry import FINAL, RunRegistry
from tests.pipelines.conftest import WriteNotebook

PARAMETERS = """\
value: float = 1.0  # what is added
run: str | None = None  # id of a run upstream
given: float = 0.0  # a number of a run upstream
pause: float = 0.0  # s
run_dir: str | None = None  # set by the runner
"""

ADD = """
import time
from omni_lab.pipelines import RunContext
time.sleep(pause)
RunContext(run_dir).record(metrics={"sum": value + given})
"""

PATIENCE_S = 60.0


@pytest.fixture(scope="session")
def bytecode(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Folder for the bytecode of all child interpreters: none compiles what another one has."""
    return str(tmp_path_factory.mktemp("bytecode"))


@pytest.fixture
def flows(
    project: Path, write_notebook: WriteNotebook, monkeypatch: pytest.MonkeyPatch, bytecode: str
) -> Iterator[Path]:
    """The project with the pipeline ``add``; afterwards nothing of it may still run."""
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", bytecode)
    write_notebook("add", ADD, parameters=PARAMETERS)
    (project / "notebooks" / "pipelines" / "flows").mkdir()
    yield project
    left = {pid: command_of(pid) for pid in processes_of(project)}
    for pid in left:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert not left, "the test left processes behind"


def processes_of(project: Path) -> list[int]:
    """Processes, but for this one, whose data directory is the project's."""
    mark, found = f"{HOME_VARIABLE}={project / 'home'}".encode(), []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with suppress(OSError):
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
    return found


def kernels_of(project: Path) -> list[int]:
    """Kernels among them: forked by a pool, or started cold."""
    mine = processes_of(project)
    return [
        pid
        for pid in mine
        if "ipykernel_launcher" in command_of(pid)
        or ("kernel_server" in command_of(pid) and "kernel_server" in command_of(parent_of(pid)))
    ]


def command_of(pid: int) -> str:
    """Command line of a process; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def parent_of(pid: int) -> int:
    """Parent of a process; 0 when it is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def wait_until(is_so: Callable[[], object], what: str) -> None:
    """Wait for something that comes, on however slow a machine."""
    until = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < until, f"never came: {what}"
        time.sleep(0.02)


def assert_consistent(project: Path) -> None:
    """Nothing of the project runs, every row is final, and rows and folders say the same."""
    wait_until(lambda: not processes_of(project), "the end of all processes")
    with RunRegistry() as registry:
        registry.settle()
        registry.adopt(project / "home" / "runs")
        records = {record.run_id: record for record in registry.list()}
        for record in records.values():
            assert record.status in FINAL, record
            assert registry.events(record.run_id)[-1].status == record.status
            if record.folder.run_file.exists():
                assert record.content["status"] == record.status
        folders = {path.name: path for path in (project / "home" / "runs").glob("[!.]*")}
    assert {name for name, path in folders.items() if (path / "run.json").exists()} <= set(records)
