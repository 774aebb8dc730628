"""A run whose process is gone is ended by whoever looks, as its folder says or as lost."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from omni_lab.pipelines.folder import read_json, write_json
from omni_lab.pipelines.registry import RunRegistry
from omni_lab.pipelines.registry import tables as t
from omni_lab.pipelines.registry.processes import is_gone, this_process
from tests.pipelines.registry.made import NO_PROCESS, begin


@pytest.fixture
def registry(database_of_either_kind: str) -> Iterator[RunRegistry]:
    with RunRegistry(database_of_either_kind) as made:
        yield made


def silent_for(registry: RunRegistry, run_id: str, seconds: float) -> None:
    change = t.runs.update().where(t.runs.c.run_id == run_id).values(heartbeat=t.runs.c.heartbeat - seconds)
    with registry.engine.begin() as connection:
        connection.execute(change)


def test_only_runs_without_a_process_are_settled(registry: RunRegistry, tmp_path: Path) -> None:
    here = this_process()
    begin(registry, tmp_path, 1)
    begin(registry, tmp_path, 2, **here | {"pid": NO_PROCESS})
    # The id of the process was given to another one since.
    begin(registry, tmp_path, 3, **here | {"process": here["process"] + "1"})
    begin(registry, tmp_path, 4, status="queued", **here | {"pid": NO_PROCESS})
    lost = registry.settle()
    assert sorted(run[13:15] for run in lost) == ["02", "03", "04"]
    assert registry.settle() == []
    assert {run.run_id[13:15]: run.status for run in registry.list()} == {
        "01": "running",
        "02": "lost",
        "03": "lost",
        "04": "lost",
    }
    assert "gone" in registry.find(lost[0]).problem
    assert [event.status for event in registry.events(lost[0])][-1] == "lost"


def test_a_run_of_another_machine_is_lost_when_it_is_silent(registry: RunRegistry, tmp_path: Path) -> None:
    elsewhere = begin(registry, tmp_path, 1, host="elsewhere", pid=1, process="x").run_id
    silent = begin(registry, tmp_path, 2, host="elsewhere", pid=1, process="x").run_id
    # Before this machine was started again.
    before = begin(registry, tmp_path, 3, process="00000000/1/55").run_id
    silent_for(registry, elsewhere, 50)
    silent_for(registry, silent, 70)
    silent_for(registry, before, 70)
    assert sorted(registry.settle()) == [silent, before]
    registry.beat(elsewhere)
    silent_for(registry, elsewhere, 50)
    assert registry.settle() == [], "it was heard of again"


def test_run_json_is_believed_first(registry: RunRegistry, tmp_path: Path) -> None:
    gone = this_process() | {"pid": NO_PROCESS}
    said = begin(registry, tmp_path, 1, **gone)
    ended = {"status": "succeeded", "duration_s": 2.5, "finished": "2026-05-01T12:00:03.500+00:00"}
    write_json(said.run_file, {"run_id": said.run_id, "pipeline": "toy", **ended, "headline": {"A": "1"}})
    write_json(said.metrics_file, {"sharpe": 1.0})
    going, damaged, copied = (begin(registry, tmp_path, number, **gone) for number in (2, 3, 4))
    write_json(going.run_file, {"run_id": going.run_id, "pipeline": "toy", "status": "running"})
    damaged.run_file.write_text('{"status": "succee')
    write_json(copied.run_file, {"run_id": "another", "pipeline": "toy", "status": "succeeded"})
    registry.settle()
    assert [run.status for run in registry.list()] == ["lost", "lost", "lost", "succeeded"]
    found = registry.find(said.run_id)
    assert (found.duration_s, dict(found.headline), dict(found.metrics)) == (2.5, {"A": "1"}, {"sharpe": 1.0})
    assert len(registry.artifacts(said.run_id)) == 1
    assert read_json(going.run_file)["status"] == "lost", "the folder says the same"
    assert damaged.run_file.read_text() == '{"status": "succee'


def test_a_process_that_died_but_was_not_waited_for_is_gone() -> None:
    code = (
        "import json; from omni_lab.pipelines.registry.processes import this_process\n"
        "print(json.dumps(this_process()))"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        told = json.loads(child.stdout.readline())
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, and still a zombie
        assert is_gone(told) is True
    assert is_gone(this_process()) is False


@pytest.mark.parametrize("pid", [None, "7", 0, -1, 2**80, True])
def test_a_strange_process_id_is_no_reason_to_fail(pid: object) -> None:
    assert is_gone({"host": socket.gethostname(), "pid": pid, "process": ""}) in (None, False)
