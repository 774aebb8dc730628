"""Rows of runs, on either kind of database: what is begun is kept, ended once, and found again."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from omni_lab.errors import ConfigError
from omni_lab.pipelines.folder import read_json, write_json
from omni_lab.pipelines.registry import AlreadyBegun, Origin, RunRegistry
from omni_lab.pipelines.registry.records import origin_facts
from omni_lab.pipelines.registry.registry import TakenId
from omni_lab.pipelines.registry.tables import complete


@pytest.fixture
def registry(database_of_either_kind: str) -> Iterator[RunRegistry]:
    with RunRegistry(database_of_either_kind) as made:
        yield made


def facts(number: int = 1, *, runs: Path, **more: Any) -> dict[str, Any]:
    run_id = f"20260501-1200{number:02}-toy-aaaaaaaa"
    folder = runs / run_id
    folder.mkdir(parents=True, exist_ok=True)
    told = {
        "run_id": run_id,
        "pipeline": "toy",
        "started": f"2026-05-01T12:00:{number:02}.000+00:00",
        "parameters": {"symbol": "SPX", "weights": [0.5, None], "odd": "\0 \ud800 é"},
        "seed": 2**70,
        **more,
    }
    return {**told, "folder": str(folder)}


def begin(registry: RunRegistry, number: int = 1, *, runs: Path, **more: Any) -> str:
    told = facts(number, runs=runs, **more)
    registry.begin(told)
    return str(told["run_id"])


def test_a_row_says_what_run_json_says(registry: RunRegistry, tmp_path: Path) -> None:
    told = complete(
        facts(runs=tmp_path, status="running", host="h", pid=1, process="p", git={"commit": "c0ffee"})
    )
    folder = Path(told.pop("folder"))
    write_json(folder / "run.json", told)
    registry.begin({**told, "folder": str(folder)})
    assert registry.find("2026").content == read_json(folder / "run.json")


def test_a_final_status_never_changes(registry: RunRegistry, tmp_path: Path) -> None:
    run = begin(registry, runs=tmp_path)
    assert registry.finish(run, "failed", error={"type": "ValueError", "message": "a \0 b \ud800"})
    for status in ("succeeded", "lost", "interrupted", "failed"):
        assert not registry.finish(run, status)
    assert not registry.start(run)
    registry.ask_to_stop(run)
    found = registry.find(run)
    assert (found.status, found.is_final, registry.is_asked_to_stop(run)) == ("failed", True, False)
    assert found.problem.startswith("a ")
    assert [event.status for event in registry.events(run)] == ["running", "failed"]


def test_no_run_ends_as_running_and_none_ends_that_is_not_there(
    registry: RunRegistry, tmp_path: Path
) -> None:
    run = begin(registry, runs=tmp_path)
    with pytest.raises(ConfigError, match="no run ends so"):
        registry.finish(run, "running")
    assert not registry.finish("nobody", "failed")
    assert registry.find(run).status == "running"


def test_a_key_is_used_once(registry: RunRegistry, tmp_path: Path) -> None:
    keyed = origin_facts(Origin(trigger="schedule", name="daily", key="daily@2026-05-01"))
    first = begin(registry, 1, runs=tmp_path, **keyed)
    with pytest.raises(AlreadyBegun, match=first):
        begin(registry, 2, runs=tmp_path, **keyed)
    with pytest.raises(TakenId):
        begin(registry, 1, runs=tmp_path)
    begin(registry, 3, runs=tmp_path)
    begin(registry, 4, runs=tmp_path)
    assert len(registry.list()) == 3, "no key is no key"
    assert registry.find(first).origin == Origin(trigger="schedule", name="daily", key="daily@2026-05-01")
