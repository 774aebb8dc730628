"""``omni scheduler`` and ``omni schedule`` as a person starts them, with notebooks that really run."""

import datetime as dt
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from omni_lab.cli import app
from omni_lab.config import HOME_VARIABLE, REGISTRY_VARIABLE
from omni_lab.pipelines.registry import RunRegistry
from omni_lab.pipelines.schedules import Claim, Claims, Schedule, ScheduleStore
from omni_lab.pipelines.schedules.claims import MOST_FAILURES
from omni_lab.pipelines.schedules.daemon import Child, Scheduler
from tests.pipelines.conftest import WriteNotebook

ROOT = Path(__file__).parents[3]
PATIENCE_S = 120
RECORDING = """
from omni_lab.pipelines import RunContext
RunContext(run_dir).record(metrics={"lookback": lookback}, headline={"Symbol": symbol})
"""
Start = Callable[[], "subprocess.Popen[str]"]


@pytest.fixture
def registry(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunRegistry]:
    monkeypatch.delenv(REGISTRY_VARIABLE, raising=False)
    with RunRegistry() as opened:
        yield opened


@pytest.fixture
def start(project: Path) -> Iterator[Start]:
    """Start ``omni scheduler``; what a test leaves is killed."""
    pytest.importorskip("apscheduler", reason="install the extra 'schedules'")
    made: list[subprocess.Popen[str]] = []

    def scheduler() -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "omni_lab.cli", "scheduler", "--workers", "2"]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        made.append(
            subprocess.Popen(command, cwd=project, env=environment, stderr=subprocess.PIPE, text=True)
        )
        return made[-1]

    yield scheduler
    for process in made:
        process.kill()
        process.communicate()


def half_an_hour_ago(name: str, runs: str = "toy", **facts: Any) -> tuple[Schedule, dt.datetime]:
    """A schedule that was due half an hour ago and will be in half an hour, and when it was added."""
    now = dt.datetime.now(dt.UTC)
    schedule = Schedule(name=name, cron=f"{(now.minute + 30) % 60} * * * *", runs=runs, **facts)
    return schedule, now - dt.timedelta(minutes=50)


def wait_for(what: Callable[[], object], scheduler: "subprocess.Popen[str]") -> None:
    until = time.monotonic() + PATIENCE_S
    while not what():
        assert scheduler.poll() is None, scheduler.communicate()
        assert time.monotonic() < until
        time.sleep(0.05)


def test_two_schedulers_that_are_told_to_end_finish_what_they_run(
    registry: RunRegistry, start: Start, write_notebook: WriteNotebook, project: Path
) -> None:
    write_notebook("toy", RECORDING)
    store = ScheduleStore(registry)
    for number in range(2):
        schedule, added = half_an_hour_ago(f"s{number}", assignments=(f"lookback={number}", "symbol=007"))
        store.add(schedule, now=added)
    both = [start(), start()]
    wait_for(lambda: len(registry.list()) == 2, both[0])
    for process in both:
        process.send_signal(signal.SIGTERM)
    assert [process.wait(PATIENCE_S) for process in both] == [0, 0]
    assert [each.state for each in store.history()] == ["ran"] * 2
    runs = {run.origin.name: run for run in registry.list()}
    assert {name: run.metrics["lookback"] for name, run in runs.items()} == {"s0": 0, "s1": 1}
    assert {run.status for run in runs.values()} == {"succeeded"}
    assert {run.headline["Symbol"] for run in runs.values()} == {"007"}
    assert len(list((project / "home" / "runs").glob("2*"))) == 2


def test_a_second_signal_interrupts_what_runs(
    registry: RunRegistry, start: Start, write_notebook: WriteNotebook, project: Path
) -> None:
    write_notebook("endless", "import pathlib, time\npathlib.Path('started').touch()\ntime.sleep(600)")
    store = ScheduleStore(registry)
    schedule, added = half_an_hour_ago("urgent", "endless")
    store.add(schedule, now=added)
    scheduler = start()
    wait_for((project / "notebooks" / "pipelines" / "started").exists, scheduler)
    scheduler.send_signal(signal.SIGINT)
    scheduler.send_signal(signal.SIGTERM)
    assert scheduler.wait(PATIENCE_S) == 0
    (fired,) = store.history()
    assert (fired.state, fired.reason) == ("ran", "interrupted")
    assert fired.run_id is not None
    assert registry.find(fired.run_id).status == "interrupted"


class Died:
    """A process that ended before it could do anything."""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim

    def poll(self) -> int:
        return -9

    def send_signal(self, number: int) -> None:
        raise AssertionError(number)


@pytest.mark.parametrize("kind", [Died, "missing"])
def test_a_firing_whose_process_always_dies_fails_to_start(
    registry: RunRegistry, write_notebook: WriteNotebook, kind: object
) -> None:
    write_notebook("toy", "x = 1")
    store = ScheduleStore(registry)
    schedule, added = half_an_hour_ago("toy")
    store.add(schedule, now=added)
    tried: list[Claim] = []

    def begin(claim: Claim) -> Child:
        tried.append(claim)
        if kind == "missing":
            raise FileNotFoundError("no such program")
        return Died(claim)

    scheduler = Scheduler(registry, look_every_s=0.01, start=begin)

    def turns() -> None:
        for _ in range(3 * MOST_FAILURES):
            scheduler._turn()

    turns()
    (fired,) = store.history()
    assert (fired.state, len(tried)) == ("failed to start", MOST_FAILURES)
    assert ("no such program" if kind == "missing" else "exit code -9") in fired.reason
    assert len({claim.token for claim in tried}) == MOST_FAILURES
    assert Claims(registry, store).take(9) == []


def test_the_command_line_adds_shows_runs_pauses_and_removes(
    registry: RunRegistry, write_notebook: WriteNotebook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_notebook("toy", RECORDING)

    def omni(*arguments: str, code: int = 0) -> str:
        result = CliRunner().invoke(app, ["schedule", *arguments])
        assert result.exit_code == code, result.output
        return result.output

    assert "There are no schedules" in omni("ls")
    assert "never fires" not in omni(
        *("add", "close", "toy", "--cron", "30 17 * * 1-5", "--tz", "America/New_York"),
        *("--calendar", "XNYS", "--missed-within", "90min", "--set", "lookback=5", "-s", "symbol=A B"),
    )
    assert "Did you mean 'lookback'" in omni(
        "add", "x", "toy", "--cron", "0 0 * * *", "-s", "lokback=5", code=2
    )
    assert "five fields" in omni("add", "x", "toy", "--cron", "0 0 * *", code=2)
    assert "length of time" in omni("add", "x", "toy", "--cron", "0 0 * * *", "--missed-within", "6q", code=2)
    assert "exists" in omni("add", "close", "toy", "--cron", "0 0 * * *", code=2)
    listed = omni("ls").splitlines()
    assert len(listed) == 2
    assert "America/New_York" in listed[1]
    assert "missed_within_s 5400.0" in omni("show", "close")
    assert "has not fired yet" in omni("history", "close")
    assert "nothing is due of close" in omni("run-now", "close", "--due", "auto")
    assert "ran: by hand" in omni("run-now", "close")
    assert "ran: by hand" in omni("history", "close")
    (run,) = registry.list()
    assert (run.status, run.metrics["lookback"], run.headline["Symbol"]) == ("succeeded", 5, "A B")
    omni("pause", "close")
    assert "paused" in omni("ls")
    assert "no schedule that is not paused" in omni("export", "systemd", str(tmp_path / "units"))
    omni("resume", "close")
    assert "close.timer" in omni("export", "systemd", str(tmp_path / "units"), "--env", "A=b c")
    assert 'Environment="A=b c"' in (tmp_path / "units" / "omni-close.service").read_text()
    assert "close.yaml" in omni("export", "kubernetes", str(tmp_path / "jobs"), "--image", "i:1")
    assert yaml.safe_load((tmp_path / "jobs" / "omni-close.yaml").read_text())["kind"] == "CronJob"
    omni("rm", "close")
    assert "no such schedule" in omni("show", "close", code=2)
    assert "ran: by hand" in omni("history", "close")
    assert HOME_VARIABLE in os.environ
