"""A run's folder and row agree, whatever happens to the process, to the database, or on request."""

import json
import logging
import os
import random
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from omni_lab.config import HOME_VARIABLE
from omni_lab.errors import ConfigError
from omni_lab.pipelines import RunRecord, find_run, list_runs, recording, run_pipeline
from omni_lab.pipelines.folder import RunFolder, read_json
from omni_lab.pipelines.recording import Recording
from omni_lab.pipelines.registry import FINAL, AlreadyBegun, Origin, RunRegistry
from omni_lab.pipelines.registry import tables as t
from omni_lab.pipelines.registry.asking import registry_of_project
from omni_lab.pipelines.registry.files import artifacts_of
from omni_lab.store.database import open_engine, sa
from tests.databases import new_database
from tests.pipelines.conftest import WriteNotebook
from tests.pipelines.registry.made import end, make_runs, start

SLEEPING = "import pathlib, time\npathlib.Path({flag!r}).touch()\ntime.sleep(600)"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    return tmp_path / "home"


def in_agreement(registry: RunRegistry, run: RunRecord) -> None:
    """Row, folder and files tell the same."""
    if (run.folder.path / "run.json").exists():
        said = read_json(run.folder.run_file)
        assert (said["status"], said["run_id"]) == (run.status, run.run_id)
    if run.status == "succeeded":
        assert read_json(run.folder.run_file) == run.content
    assert registry.artifacts(run.run_id) == [
        each for each in artifacts_of(run.folder) if run.status in FINAL
    ]


def test_a_run_leaves_the_same_in_row_and_folder(home: Path) -> None:
    make_runs(str(home), 2)
    with RunRegistry() as registry:
        runs = registry.list()
        assert [run.status for run in runs] == ["succeeded"] * 2
        for run in runs:
            in_agreement(registry, run)
        assert find_run("last") == runs[0]


def test_a_run_without_a_registry_does_not_begin(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMNI_LAB_REGISTRY", "postgresql+psycopg://omni@127.0.0.1:1/omni")
    with pytest.raises(ConfigError, match="registry cannot be used"):
        run_pipeline("backtest")
    assert not home.exists()


def test_a_second_run_with_the_key_leaves_nothing(write_notebook: WriteNotebook, project: Path) -> None:
    write_notebook("toy", "x = 1")
    origin = Origin(trigger="schedule", name="daily", key="daily@1")
    first = run_pipeline("toy", origin=origin, progress=False)
    with pytest.raises(AlreadyBegun, match=first.run_id):
        run_pipeline("toy", origin=origin, progress=False)
    assert [path.name for path in (project / "home" / "runs").iterdir()] == [first.run_id]
    assert (first.origin, [run.run_id for run in list_runs()]) == (origin, [first.run_id])


def test_a_name_that_another_home_has_taken_is_left_to_it(home: Path, tmp_path: Path) -> None:
    with RunRegistry() as registry:
        first = Recording.begin(registry, {"pipeline": "toy"}, {}, runs_dir=tmp_path / "a")
        with registry.engine.begin() as connection:
            # The next name is taken, by a folder that is not in this directory.
            taken = {"run_id": f"{first.folder.run_id}-2"}
            connection.execute(t.runs.update().values(taken))
        other = Recording.begin(registry, {"pipeline": "toy"}, {}, runs_dir=tmp_path / "a")
        assert other.folder.run_id not in (first.folder.run_id, taken["run_id"])
        assert registry.find(other.folder.run_id).folder == other.folder
        assert not (tmp_path / "a" / taken["run_id"]).exists()


def test_a_database_that_goes_away_costs_a_run_nothing(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(recording, "BEAT_S", 0.02)
    database, hidden = home / "registry.sqlite", home / "hidden"
    with RunRegistry() as registry, caplog.at_level(logging.WARNING):
        going = Recording.begin(registry, {"pipeline": "toy"}, {})
        registry.engine.dispose()
        for path in home.glob("registry.sqlite*"):
            path.rename(hidden if path == database else path.with_suffix(".gone"))
        database.mkdir()
        with going.beating():
            time.sleep(0.2)
        ended = going.close("succeeded")
        assert (ended.status, ended.run_id) == ("succeeded", going.folder.run_id)
        assert len([each for each in caplog.records if "does not answer" in each.message]) == 1
    database.rmdir()
    hidden.rename(database)
    with RunRegistry() as registry, registry.engine.begin() as connection:
        assert registry.find("last").status == "running"
        connection.execute(t.runs.update().values(pid=2**22 + 1))
    assert find_run("last").status == "succeeded", "as its folder says"


def test_a_server_that_was_started_again_is_asked_again(home: Path, postgres: str) -> None:
    with RunRegistry(new_database(postgres)) as registry:
        going = Recording.begin(registry, {"pipeline": "toy"}, {})
        other = open_engine(registry.engine.url.render_as_string(hide_password=False))
        with other.begin() as connection:
            end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            connection.execute(sa.text(f"{end} AND datname = current_database()"))
        other.dispose()
        assert going.close("succeeded").status == "succeeded"
        assert registry.find("last").status == "succeeded"


def test_a_run_whose_database_was_emptied_is_taken_in(home: Path) -> None:
    with RunRegistry() as registry:
        going = Recording.begin(registry, {"pipeline": "toy"}, {})
        with registry.engine.begin() as connection:
            connection.execute(t.run_events.delete())
            connection.execute(t.runs.delete())
        assert going.close("succeeded").status == "succeeded"
        assert registry.find("last").status == "succeeded"


def test_a_run_that_was_taken_for_lost_stays_so(home: Path) -> None:
    with RunRegistry() as registry:
        going = Recording.begin(registry, {"pipeline": "toy"}, {})
        registry.finish(
            going.folder.run_id, "lost", error={"type": "Lost", "message": "silent", "cell": None}
        )
        ended = going.close("succeeded")
        assert (ended.status, ended.problem) == ("lost", "silent")
        assert read_json(going.folder.run_file)["status"] == "lost"


def test_a_report_that_fails_does_not_take_the_record_with_it(home: Path) -> None:
    def broken(run: RunRecord) -> None:
        raise OSError("the disk is full")

    with RunRegistry() as registry:
        going = Recording.begin(registry, {"pipeline": "toy"}, {})
        with pytest.raises(OSError, match="disk"):
            going.close("failed", {"type": "X", "message": "y"}, report=broken)
        assert (registry.find("last").status, registry.find("last").problem) == ("failed", "y")


@pytest.mark.parametrize("in_thread", [False, True])
def test_a_run_stops_when_asked(
    write_notebook: WriteNotebook, project: Path, monkeypatch: pytest.MonkeyPatch, in_thread: bool
) -> None:
    monkeypatch.setattr(recording, "BEAT_S", 0.1)
    flag = project / "flag"
    write_notebook("sleeper", SLEEPING.format(flag=str(flag)))

    def ask() -> None:
        while not flag.exists():
            time.sleep(0.02)
        with RunRegistry() as registry:
            registry.ask_to_stop(registry.find("last").run_id)

    ended: list[RunRecord] = []
    run = lambda: ended.append(run_pipeline("sleeper", progress=False))  # noqa: E731
    first, second = (run, ask) if in_thread else (ask, run)
    thread = threading.Thread(target=first)
    thread.start()
    second()
    thread.join(60)
    assert [each.status for each in ended] == ["interrupted"]
    assert find_run("last").status == "interrupted"


def test_a_kill_at_any_moment_leaves_rows_and_folders_in_agreement(home: Path) -> None:
    """Without kernels, so that the kills fall between the steps of the record itself."""
    chance, n_ended = random.Random(7), 0
    with RunRegistry():
        pass
    (home / "runs").mkdir()
    for _ in range(25):
        n_more, n_before = chance.randint(1, 3), len(os.listdir(home / "runs"))
        process = start(make_runs, str(home), 10_000, 200_000)
        while len(os.listdir(home / "runs")) < n_before + n_more:
            assert process.is_alive()
            time.sleep(0.001)
        time.sleep(chance.uniform(0.0, 0.05))
        process.kill()
        process.join()
        process.close()
        n_ended += n_more - 1  # before it begins another
    with registry_of_project() as registry:
        assert registry is not None
        runs = registry.list()
        statuses = [run.status for run in runs]
        assert set(statuses) <= {"succeeded", "lost"}
        assert statuses.count("lost") <= 25
        assert statuses.count("succeeded") >= n_ended
        for run in runs:
            in_agreement(registry, run)
        known = {run.run_id for run in runs}
        for path in (home / "runs").iterdir():
            assert path.name in known or not any(path.iterdir()), "a folder without a row is empty"
        with registry.engine.connect() as connection:
            ends = sa.select(t.run_events.c.run_id).where(t.run_events.c.status.in_(FINAL))
            ended = list(connection.execute(ends).scalars())
            assert sorted(ended) == sorted(known), "each ended once"


def test_a_killed_runner_with_a_kernel_is_lost_or_ended(write_notebook: WriteNotebook, project: Path) -> None:
    write_notebook(
        "toy", "from omni_lab.pipelines import RunContext\nRunContext(run_dir).save('a.csv', 'x' * 1000)"
    )
    code = "from omni_lab.pipelines import run_pipeline; run_pipeline('toy', progress=False)"
    chance = random.Random(7)
    for number in range(3):
        process = os.posix_spawn(sys.executable, [sys.executable, "-c", code], os.environ)
        while len(list_runs()) <= number:
            time.sleep(0.2)
        time.sleep(chance.uniform(0.0, 2.0))
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
    with registry_of_project() as registry:
        assert registry is not None
        assert len(registry.list()) == 3
        for run in registry.list():
            assert run.status in ("lost", "succeeded")
            in_agreement(registry, run)


def test_run_json_is_whole_or_absent_for_a_reader_at_any_time(home: Path) -> None:
    process, seen = start(make_runs, str(home), 40), 0
    while process.is_alive():
        for path in (home / "runs").glob("*"):
            if (text := _read(RunFolder(path).run_file)) is not None:
                assert json.loads(text)["status"] in ("running", "succeeded")
                seen += 1
    end([process])
    assert seen > 40


def _read(path: Path) -> str | None:
    try:
        return path.read_text()
    except FileNotFoundError:
        return None
