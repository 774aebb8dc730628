"""Schedulers that share a registry, are killed at any moment and started anew: no firing twice, none lost."""

import datetime as dt
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from omni_lab.pipelines.registry import RunRegistry
from omni_lab.pipelines.schedules import Claims, Schedule, ScheduleStore, fire
from omni_lab.pipelines.schedules.cron import due_between
from omni_lab.pipelines.schedules.daemon import Clock
from omni_lab.pipelines.schedules.tables import key_of, moment_of, schedules, stamp
from omni_lab.store.database import reading, sa
from tests.pipelines.schedules.conftest import NOON
from tests.pipelines.schedules.nursery import ShortRun, read_log

ROOT = Path(__file__).parents[3]
SPEED = 60.0  # a minute of the schedules' clock is a second
PATIENCE_S = 120


class Nursery:
    """Starts schedulers on a clock that is common to them, and ends them."""

    def __init__(self, process: subprocess.Popen[str], **order: Any) -> None:
        self.clock = Clock(shows=NOON, at=dt.datetime.now(dt.UTC), speed=SPEED)
        self._process = process
        self._order = order | {"shows": stamp(NOON), "at": stamp(self.clock.at), "speed": SPEED}
        self.pids: list[int] = []

    def start(self, **order: Any) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(self._order | order) + "\n")
        self._process.stdin.flush()
        self.pids.append(int(self._process.stdout.readline()))
        return self.pids[-1]

    def end(self, pid: int, number: int = signal.SIGTERM) -> None:
        with suppress(ProcessLookupError):  # it may have been killed before
            os.kill(pid, number)
        self.pids.remove(pid)
        until = time.monotonic() + PATIENCE_S
        while is_there(pid):
            assert time.monotonic() < until, "the scheduler does not end"
            time.sleep(0.01)


def is_there(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def nursery(registry: RunRegistry, project: Path) -> Iterator[Nursery]:
    pytest.importorskip("apscheduler", reason="install the extra 'schedules'")
    if not Path("/proc/self/stat").exists():
        pytest.skip("processes are told apart by /proc")
    command = [sys.executable, "-m", "tests.pipelines.schedules.nursery"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=project, env=environment
    ) as process:
        made = Nursery(process, workers=4, longest_s=0.1, deaths=0.0, seed=0)
        try:
            yield made
        finally:
            for pid in [*made.pids]:
                made.end(pid, signal.SIGKILL)


def wait_until_settled(store: ScheduleStore, n_firings: int) -> None:
    until = time.monotonic() + PATIENCE_S
    while True:
        found = store.history()
        if len(found) >= n_firings and not {"waiting", "claimed"} & {each.state for each in found}:
            return
        assert time.monotonic() < until, f"{len(found)} firings: {Counter(each.state for each in found)}"
        time.sleep(0.05)


def check_runs(registry: RunRegistry, store: ScheduleStore, directory: Path) -> None:
    """What must hold whoever was killed: firings, runs and what was really done are the same."""
    keys = {key_of(each.schedule, stamp(each.due)): each for each in store.history()}
    ran = {key for key, each in keys.items() if each.state == "ran"}
    runs = {run.origin.key: run for run in registry.list()}
    assert len(runs) == len(registry.list()), "a key has one run"
    assert runs.keys() == ran
    assert {runs[key].run_id for key in ran} == {keys[key].run_id for key in ran}
    assert {run.status for run in runs.values()} <= {"succeeded", "lost"}
    log = read_log(directory)
    begun = Counter(line["key"] for line in log if line["what"] == "begin")
    assert set(begun.values()) <= {1}, "nothing was done twice"
    assert begun.keys() <= ran, "what was done has a run"
    ended = {line["key"] for line in log if line["what"] == "end"}
    assert {key for key in ran if runs[key].status == "succeeded"} <= ended
    for each in keys.values():
        assert each.reason or each.state == "ran", each


def check_no_overlap(store: ScheduleStore, directory: Path) -> None:
    """Two runs of one schedule are never going at once."""
    log = read_log(directory)
    ends = {line["key"]: line["at"] for line in log if line["what"] == "end"}
    for schedule in store.list():
        name = key_of(schedule.name, "")
        begins = sorted(
            (line["at"], line["key"])
            for line in log
            if line["what"] == "begin" and line["key"].startswith(name)
        )
        for (_, before), (at, _) in pairwise(begins):
            assert ends.get(before, at) <= at, f"{before} was going"


def check_nothing_was_missed(registry: RunRegistry, store: ScheduleStore) -> None:
    """Each moment that was due has its row."""
    with reading(registry.engine) as connection:
        rows = {row.name: row for row in connection.execute(sa.select(schedules))}
    for schedule in store.list():
        row = rows[schedule.name]
        expected = due_between(
            schedule.hours, schedule.zone, moment_of(row.added), moment_of(row.seen_until), most=10**6
        )
        assert [each.due for each in reversed(store.history(schedule.name))] == expected


@pytest.mark.usefixtures("toy")
def test_fifty_schedules_of_one_moment_run_once_under_two_schedulers(
    registry: RunRegistry, store: ScheduleStore, nursery: Nursery, project: Path
) -> None:
    for number in range(50):
        store.add(Schedule(name=f"s{number:02}", cron="2 12 * * *", runs="toy"), now=NOON)
    both = [nursery.start(), nursery.start()]
    wait_until_settled(store, 50)
    for pid in both:
        nursery.end(pid)
    check_runs(registry, store, project)
    assert Counter(each.state for each in store.history()) == {"ran": 50}
    assert {each.due for each in store.history()} == {NOON + dt.timedelta(minutes=2)}
    assert most_at_once(read_log(project)) <= 4, "two schedulers of one machine share its workers"


def most_at_once(log: list[dict[str, Any]]) -> int:
    going, most = 0, 0
    for line in sorted(log, key=lambda each: each["at"]):
        going += 1 if line["what"] == "begin" else -1
        most = max(most, going)
    return most


KILLS = {"sqlite": 25, "postgresql": 15}


@pytest.mark.usefixtures("toy")
def test_a_scheduler_that_is_killed_at_random_loses_nothing_and_repeats_nothing(
    registry: RunRegistry, store: ScheduleStore, nursery: Nursery, project: Path
) -> None:
    rules = [("last", "skip"), ("all", "wait"), ("all", "skip"), ("none", "wait")]
    for missed, overlap in rules:
        made = Schedule(
            name=f"{missed}-{overlap}", cron="* * * * *", runs="toy", missed=missed, overlap=overlap
        )
        store.add(made, now=nursery.clock.now())
    dice = random.Random(7)
    for number in range(KILLS[registry.engine.dialect.name]):
        pid = nursery.start(longest_s=0.4, deaths=0.08, seed=dice.random())
        time.sleep(dice.uniform(0.05, 0.9))
        nursery.end(pid, signal.SIGKILL)
        if number % 8 == 7:
            time.sleep(4 * 60 / SPEED)  # down for so long that moments are missed
    claims = Claims(registry, store)
    store.see_due(nursery.clock.now())
    until = time.monotonic() + PATIENCE_S
    while {each.state for each in store.history()} & {"waiting", "claimed"}:
        assert time.monotonic() < until
        claims.settle(now=nursery.clock.now())
        for claim in claims.take(99):
            fire(registry, claim, run=ShortRun(0.0, 0.0))
    check_runs(registry, store, project)
    check_no_overlap(store, project)
    check_nothing_was_missed(registry, store)
    reasons = Counter(each.reason.split(":")[0] for each in store.history())
    assert reasons["missed"], "the scheduler was down at times"
    assert reasons[""] > 5, "and ran well at others"
