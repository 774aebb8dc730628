"""Folders without a row are taken in, whatever state they are in, and never twice."""

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from omni_lab.pipelines import find_run, list_runs
from omni_lab.pipelines.registry import RunRegistry
from tests.pipelines.registry.made import NO_PROCESS, adopt_all, begin, end, facts, start


@pytest.fixture
def registry(database_of_either_kind: str) -> Iterator[RunRegistry]:
    with RunRegistry(database_of_either_kind) as made:
        yield made


def leave(runs: Path, number: int, **content: Any) -> Path:
    folder = Path(facts(runs, number)["folder"])
    record = {k: v for k, v in facts(runs, number).items() if k != "folder"}
    record |= {"status": "succeeded", "host": socket.gethostname(), "pid": os.getpid(), "duration_s": 2.5}
    (folder / "run.json").write_text(json.dumps({**record, **content}))
    return folder


def test_a_folder_is_taken_in_with_what_it_holds(registry: RunRegistry, tmp_path: Path) -> None:
    folder = leave(tmp_path, 1, seed=7, headline={"A": "1"})
    (folder / "metrics.json").write_text('{"sharpe": 0.5}')
    (folder / "table.csv").write_text("x")
    begin(registry, tmp_path, 2)
    assert [registry.adopt(tmp_path), registry.adopt(tmp_path), registry.adopt(tmp_path / "nowhere")] == [
        1,
        0,
        0,
    ]
    found = registry.find(folder.name)
    assert (found.status, found.duration_s, found.content["seed"]) == ("succeeded", 2.5, 7)
    assert dict(found.metrics) == {"sharpe": 0.5}
    assert [each.name for each in registry.artifacts(folder.name)] == ["metrics.json", "table.csv"]
    assert registry.events(folder.name)[0].why == "taken in from its folder"


def test_what_was_going_is_lost_when_its_process_is_gone(registry: RunRegistry, tmp_path: Path) -> None:
    leave(tmp_path, 1, status="running", pid=NO_PROCESS)
    leave(tmp_path, 2, status="running", pid=os.getpid())
    assert registry.adopt(tmp_path) == 2
    assert [run.status for run in registry.list()] == ["running", "lost"]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"status": "succeeded"}', '{"status": 1, "pipeline": [], "started": 0}']
)
def test_a_damaged_record_is_taken_in_as_lost(registry: RunRegistry, tmp_path: Path, text: str) -> None:
    folder = leave(tmp_path, 1)
    (folder / "run.json").write_text(text)
    assert registry.adopt(tmp_path) == 1
    found = registry.find("last")
    assert (found.status, found.run_id, found.pipeline) == ("lost", folder.name, "toy")
    assert "run.json" in found.problem
    assert (folder / "run.json").read_text() == text, "evidence is left as it is"


def test_fields_of_other_kinds_do_not_hide_a_run(registry: RunRegistry, tmp_path: Path) -> None:
    wrong = {
        "pid": "seven",
        "attempt": [1],
        "duration_s": "long",
        "n_trials": 2**90,
        "error": "bad",
        "trigger": "moon",
    }
    leave(tmp_path, 1, **wrong, git="none", tags=3, versions=None, kind=4)
    assert registry.adopt(tmp_path) == 1
    assert registry.list()[0].origin.trigger == "hand"


def test_a_folder_that_is_being_made_is_left_alone(registry: RunRegistry, tmp_path: Path) -> None:
    young, old = (Path(facts(tmp_path, number)["folder"]) for number in (1, 2))
    os.utime(old, (0, 0))
    (tmp_path / "notes").mkdir()
    (tmp_path / ".hidden").mkdir()
    assert registry.adopt(tmp_path) == 1
    assert registry.find("last").run_id == old.name
    begin(registry, tmp_path, 1)
    assert registry.find(young.name).status == "running"


def test_a_key_that_another_run_has_is_left_out(registry: RunRegistry, tmp_path: Path) -> None:
    begin(registry, tmp_path, 1, key="k")
    folder = leave(tmp_path, 2, key="k")
    assert registry.adopt(tmp_path) == 1
    assert registry.find(folder.name).origin.key is None


def test_many_processes_take_a_folder_in_once(database_of_either_kind: str, tmp_path: Path) -> None:
    for number in range(20):
        leave(tmp_path, number)
    end([start(adopt_all, database_of_either_kind, str(tmp_path)) for _ in range(3)])
    with RunRegistry(database_of_either_kind) as registry:
        assert [len(registry.events(run.run_id)) for run in registry.list()] == [1] * 20


def test_asking_makes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMNI_LAB_HOME", str(tmp_path / "home"))
    assert list_runs() == []
    assert not (tmp_path / "home").exists()
    folder = leave(tmp_path / "home" / "runs", 1)
    assert find_run("last").run_id == folder.name
    assert (tmp_path / "home" / "registry.sqlite").is_file()
