"""Rows of runs, on either kind of database: what is begun is kept, ended once, and found again."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from omni_lab.errors import ConfigError
from omni_lab.pipelines.folder import read_json, write_json
from omni_lab.pipelines.registry import AlreadyBegun, Origin, RunRegistry
from omni_lab.pipelines.registry import tables as t
from omni_lab.pipelines.registry.records import origin_facts
from omni_lab.pipelines.registry.registry import TakenId
from omni_lab.pipelines.registry.tables import complete
from omni_lab.store.database import open_engine, sa
from tests.pipelines.registry.made import begin, facts


@pytest.fixture
def registry(database_of_either_kind: str) -> Iterator[RunRegistry]:
    with RunRegistry(database_of_either_kind) as made:
        yield made


def test_a_row_says_what_run_json_says(registry: RunRegistry, tmp_path: Path) -> None:
    odd = {"symbol": "SPX", "weights": [0.5, None], "odd": "\0 \ud800 é"}
    told = complete(
        facts(tmp_path, status="running", host="h", pid=1, process="p", seed=2**70, parameters=odd)
        | {"git": {"commit": "c0ffee", "dirty": False}, "versions": {"python": "3"}, "platform": "x"}
    )
    folder = Path(told.pop("folder"))
    write_json(folder / "run.json", told)
    registry.begin({**told, "folder": str(folder)})
    assert registry.find("2026").content == read_json(folder / "run.json")
    assert registry.find("2026").content["parameters"] == odd


def test_a_final_status_never_changes(registry: RunRegistry, tmp_path: Path) -> None:
    run = begin(registry, tmp_path).run_id
    assert registry.finish(run, "failed", error={"type": "ValueError", "message": "a \0 b \ud800"})
    for status in ("succeeded", "lost", "interrupted", "failed"):
        assert not registry.finish(run, status)
    assert not registry.start(run)
    registry.ask_to_stop(run)
    registry.beat(run)
    found = registry.find(run)
    assert (found.status, found.is_final, registry.is_asked_to_stop(run)) == ("failed", True, False)
    assert found.problem.startswith("a ")
    assert [event.status for event in registry.events(run)] == ["running", "failed"]


def test_no_run_ends_as_running_and_none_ends_that_is_not_there(
    registry: RunRegistry, tmp_path: Path
) -> None:
    run = begin(registry, tmp_path).run_id
    with pytest.raises(ConfigError, match="no run ends so"):
        registry.finish(run, "running")
    assert not registry.finish("nobody", "failed")
    assert registry.find(run).status == "running"


def test_a_key_is_used_once(registry: RunRegistry, tmp_path: Path) -> None:
    origin = Origin(
        trigger="schedule",
        name="daily",
        key="daily@2026-05-01",
        parent="p",
        step="s",
        attempt=2,
        upstream={"a": "f"},
    )
    first = begin(registry, tmp_path, 1, **origin_facts(origin)).run_id
    with pytest.raises(AlreadyBegun, match=first):
        begin(registry, tmp_path, 2, **origin_facts(origin))
    with pytest.raises(TakenId):
        begin(registry, tmp_path, 1)
    begin(registry, tmp_path, 3)
    begin(registry, tmp_path, 4)
    assert len(registry.list()) == 3, "no key is no key"
    assert registry.find(first).origin == origin


def test_a_queued_run_starts_once(registry: RunRegistry, tmp_path: Path) -> None:
    run = begin(registry, tmp_path, status="queued").run_id
    assert registry.find(run).status == "queued"
    assert [registry.start(run), registry.start(run)] == [True, False]
    assert registry.find(run).status == "running"


def test_a_run_is_asked_to_stop_once(registry: RunRegistry, tmp_path: Path) -> None:
    run = begin(registry, tmp_path).run_id
    assert not registry.is_asked_to_stop(run)
    registry.ask_to_stop(run)
    registry.ask_to_stop(run)
    assert registry.is_asked_to_stop(run)
    assert [event.why for event in registry.events(run)] == ["", "asked to stop"]


def test_runs_are_chosen(registry: RunRegistry, tmp_path: Path) -> None:
    a = begin(registry, tmp_path, 1, kind="flow").run_id
    b = begin(registry, tmp_path, 2, parent=a, pipeline="other").run_id
    c = begin(registry, tmp_path, 3).run_id
    registry.finish(c, "succeeded")
    registry.tag(b, "good", "month-end")
    chosen = {
        "all": registry.list(),
        "pipeline": registry.list(pipeline="other"),
        "kind": registry.list(kind="flow"),
        "status": registry.list(status="succeeded"),
        "tag": registry.list(tag="good"),
        "parent": registry.list(parent=a),
        "since": registry.list(since="2026-05-01T12:00:02"),
        "moment": registry.list(since=datetime(2026, 5, 1, 12, 0, 3, tzinfo=UTC)),
        "day": registry.list(since=date(2026, 5, 2)),
        "limit": registry.list(limit=2),
    }
    assert {name: [run.run_id for run in found] for name, found in chosen.items()} == {
        "all": [c, b, a],
        "pipeline": [b],
        "kind": [a],
        "status": [c],
        "tag": [b],
        "parent": [b],
        "since": [c, b],
        "moment": [c],
        "day": [],
        "limit": [c, b],
    }
    assert registry.list(tag="good")[0].tags == ("good", "month-end")
    with pytest.raises(ConfigError, match="no day or time"):
        registry.list(since="yesterday")


def test_a_run_is_found_by_id_beginning_tag_and_as_the_last(registry: RunRegistry, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no runs yet"):
        registry.find("last")
    a, b = (begin(registry, tmp_path, number).run_id for number in (1, 2))
    registry.tag(a, "good", "both")
    registry.tag(b, "both")
    for name in (a, a[:15], "good"):
        assert registry.find(name).run_id == a
    assert registry.find("last").run_id == b
    for name, problem in (
        ("2026", "2 runs begin with this id"),
        ("both", "2 runs have this tag"),
        ("2027", "no run has"),
        ("", "no run has"),
        ("%", "no run has"),
        (f"{a[:-1]}_", "no run has"),
    ):
        with pytest.raises(ConfigError, match=problem):
            registry.find(name)
    registry.untag(a, "good", "never given")
    assert registry.find(a).tags == ("both",)


@pytest.mark.parametrize("tag", ["", "last", "two words", "a,b", "a\nb"])
def test_what_could_not_be_asked_for_is_no_tag(registry: RunRegistry, tmp_path: Path, tag: str) -> None:
    run = begin(registry, tmp_path).run_id
    with pytest.raises(ConfigError, match="cannot be a tag"):
        registry.tag(run, "fine", tag)
    assert registry.find(run).tags == (), "all or none"


def test_files_and_numbers_are_kept_even_when_the_folder_goes(registry: RunRegistry, tmp_path: Path) -> None:
    folder = begin(registry, tmp_path)
    (folder.path / "figures").mkdir()
    (folder.path / "figures" / "equity.png").write_bytes(b"png")
    (folder.path / "quality.csv").write_text("a,b\n")
    (folder.path / ".half-written").write_text("")
    folder.partial_notebook_file.write_text("{}")
    folder.metrics_file.write_text('{"sharpe": 0.5, "n": 3, "none": null, "huge": NaN, "text": "no number"}')
    registry.finish(folder.run_id, "succeeded")
    kept = {each.path: (each.name, each.kind, each.size) for each in registry.artifacts(folder.run_id)}
    assert kept == {
        "figures/equity.png": ("equity.png", "figure", 3),
        "metrics.json": ("metrics.json", "metrics", folder.metrics_file.stat().st_size),
        "quality.csv": ("quality.csv", "file", 4),
    }
    (sha256,) = {each.sha256 for each in registry.artifacts(folder.run_id) if each.kind == "figure"}
    assert sha256 == hashlib.sha256(b"png").hexdigest()
    folder.path.rename(tmp_path / "elsewhere")
    assert registry.find(folder.run_id).metrics == {"sharpe": 0.5, "n": 3.0, "none": None, "huge": None}


def test_a_question_is_answered_while_all_files_are_what_they_were(
    registry: RunRegistry, tmp_path: Path
) -> None:
    old, new, failed = (begin(registry, tmp_path, number, fingerprint="f00d") for number in (1, 2, 3))
    for folder in (old, new, failed):
        (folder.path / "table.csv").write_text("1")
    for folder, status in ((old, "succeeded"), (new, "succeeded"), (failed, "failed")):
        registry.finish(folder.run_id, status)

    def answer() -> str | None:
        found = registry.answered("f00d")
        return found.run_id if found else None

    assert registry.answered("beef") is None
    assert answer() == new.run_id
    (new.path / "table.csv").write_text("2")
    assert answer() == old.run_id, "of the newer one a file has changed"
    registry.forget_folder(old.run_id)
    assert answer() is None
    (new.path / "table.csv").write_text("1")
    assert answer() == new.run_id


def test_a_registry_of_a_newer_version_is_refused_and_left_alone(database_of_either_kind: str) -> None:
    with RunRegistry(database_of_either_kind) as registry, registry.engine.begin() as connection:
        connection.execute(t.facts.update().values(value=str(t.SCHEMA + 1)))
    with pytest.raises(ConfigError, match="newer version"):
        RunRegistry(database_of_either_kind)


def test_what_is_no_registry_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("these are notes, and no database at all\n" * 100)
    (tmp_path / "file").write_text("")
    for target in (
        str(tmp_path / "notes.txt"),
        str(tmp_path / "file" / "registry.sqlite"),
        str(tmp_path),
        "nonsense://x",
        "postgresql+psycopg://omni@127.0.0.1:1/omni",
    ):
        with pytest.raises(ConfigError):
            RunRegistry(target)
    assert (tmp_path / "notes.txt").read_text().startswith("these are notes")


def test_an_engine_is_its_owners(tmp_path: Path) -> None:
    engine = open_engine(tmp_path / "registry.sqlite")
    with RunRegistry(engine):
        pass
    with engine.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(t.runs)).scalar() == 0
    engine.dispose()


def test_no_such_trigger() -> None:
    with pytest.raises(ConfigError, match="trigger"):
        Origin(trigger="moon")
