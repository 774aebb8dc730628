"""Processes that share a registry lose nothing, on one machine and with homes of their own."""

import subprocess
import sys
from pathlib import Path

import pytest

from omni_lab.config import HOME_VARIABLE
from omni_lab.pipelines import RunRegistry, run_pipeline
from omni_lab.pipelines.registry import tables as t
from omni_lab.store.database import sa
from tests.databases import new_database
from tests.pipelines.conftest import WriteNotebook
from tests.pipelines.registry.made import end, open_and_close, start, write_rows

RUNNING = """
import sys
from omni_lab.pipelines import run_pipeline
for number in range(int(sys.argv[1])):
    assert run_pipeline("toy", assignments=[f"seed={number}"], progress=False).status == "succeeded"
"""


def test_many_open_a_new_registry_at_once(database_of_either_kind: str) -> None:
    end([start(open_and_close, database_of_either_kind) for _ in range(8)])
    with RunRegistry(database_of_either_kind) as registry:
        assert registry.list() == []


def test_four_writers_of_a_file_lose_nothing(tmp_path: Path) -> None:
    database = str(tmp_path / "registry.sqlite")
    end([start(write_rows, database, writer, 500) for writer in range(4)])
    with RunRegistry(database) as registry, registry.engine.connect() as connection:
        runs = list(
            connection.execute(sa.select(t.runs.c.run_id).where(t.runs.c.status == "succeeded")).scalars()
        )
        assert sorted(runs) == sorted(
            f"run-{writer}-{number}" for writer in range(4) for number in range(500)
        )
        for table, each in ((t.run_events, 2), (t.run_metrics, 1)):
            assert connection.execute(sa.select(sa.func.count()).select_from(table)).scalar() == 2000 * each


def test_two_homes_share_one_registry(
    postgres: str, write_notebook: WriteNotebook, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_notebook(
        "toy", "from omni_lab.pipelines import RunContext\nRunContext(run_dir).save('a.csv', str(seed))"
    )
    monkeypatch.setenv("OMNI_LAB_REGISTRY", new_database(postgres))
    processes = []
    for home in ("one", "two"):
        monkeypatch.setenv(HOME_VARIABLE, str(project / home))
        processes.append(subprocess.Popen([sys.executable, "-c", RUNNING, "2"], cwd=project))
    assert [process.wait(300) for process in processes] == [0, 0]
    with RunRegistry() as registry:
        runs = registry.list(status="succeeded")
        assert len(runs) == 4
        assert {Path(str(run.content["home"])).name for run in runs} == {"one", "two"}
        for run in runs:
            assert registry.artifacts(run.run_id)
            assert run.folder.path.parent.parent.name == Path(str(run.content["home"])).name
        # Equal questions, asked in two homes, have equal fingerprints, and each answers the other's.
        assert len({run.fingerprint for run in runs}) == 2
        answered = registry.answered(str(runs[-1].fingerprint))
        assert answered is not None
        assert answered.fingerprint == runs[-1].fingerprint


def test_a_registry_may_be_handed_in(write_notebook: WriteNotebook, tmp_path: Path, project: Path) -> None:
    write_notebook("toy", "x = 1")
    with RunRegistry(tmp_path / "own.sqlite") as registry:
        run = run_pipeline("toy", registry=registry, progress=False)
        assert registry.find("last") == run
    assert not (project / "home" / "registry.sqlite").exists()
