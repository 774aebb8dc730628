"""Servers and jobs that are killed at random moments while people ask and cancel: no job twice, none lost."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from omni_lab.messaging.bus.stream import merge_patch
from omni_lab.pipelines.jobs import CANCELED, FAILED, LOST, SUCCEEDED, Job, JobQueue
from omni_lab.pipelines.jobs.job import ENDED
from omni_lab.pipelines.jobs.store import JobStore
from omni_lab.pipelines.registry import RunRegistry
from tests.lengths import LONG
from tests.pipelines.jobs.conftest import eventually
from tests.pipelines.schedules.nursery import read_log

ROOT = Path(__file__).parents[3]
KILLS = 100 if LONG else 10

Start = Callable[..., int]


@pytest.fixture
def start(database: str, project: Path, toy: Path) -> Iterator[Start]:
    """Starts a server of jobs; its process id."""
    if not Path("/proc/self/stat").exists():
        pytest.skip("processes are told apart by /proc")
    pids: list[int] = []
    command = [sys.executable, "-m", "tests.pipelines.jobs.nursery"]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as nursery:

        def start(**order: Any) -> int:
            assert nursery.stdin is not None
            assert nursery.stdout is not None
            nursery.stdin.write(json.dumps({"workers": 3, "longest_s": 0.3, "deaths": 0.0} | order) + "\n")
            nursery.stdin.flush()
            pids.append(int(nursery.stdout.readline()))
            return pids[-1]

        try:
            yield start
        finally:
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def test_servers_and_jobs_that_are_killed_at_random_lose_nothing_and_repeat_nothing(
    start: Start, database: str, project: Path
) -> None:
    dice, canceled = random.Random(11), set[str]()
    asked: list[Job] = []
    queue = JobQueue(database)
    for _ in range(KILLS):
        pids = [start(deaths=0.06, seed=dice.random()) for _ in range(2)]
        asked += [queue.submit("toy", {"seed": len(asked) + n}, who="ada") for n in range(3)]
        time.sleep(dice.uniform(0.05, 0.6))
        if dice.random() < 0.5:
            canceled.add(queue.cancel(dice.choice(asked).id).id)
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    dies = queue.submit("toy", {"reverse": True}, who="ada")
    asked.append(dies)
    for number in range(2):
        start(deaths=0.0, seed=number)
    eventually(lambda: all(queue.get(job.id).state in ENDED for job in asked))
    assert (queue.get(dies.id).state, queue.get(dies.id).attempt) == (SUCCEEDED, 2)
    check(database, asked, canceled, read_log(project))
    queue.close()


def check(database: str, asked: list[Job], canceled: set[str], log: list[dict[str, Any]]) -> None:
    """What must hold whoever was killed: jobs, runs, events and what was really done are the same."""
    begun = Counter(line["key"] for line in log if line["what"] == "begin")
    done = {line["key"] for line in log if line["what"] == SUCCEEDED.lower()}
    assert set(begun.values()) <= {1}, "no attempt was made twice"
    with RunRegistry(database) as registry:
        store = JobStore(registry)
        runs = {run.origin.key: run for run in registry.list()}
        jobs = [store.get(job.id) for job in asked]
        assert store.counts() == Counter(job.state for job in jobs)
        for job in jobs:
            keys = [f"job:{job.id}:{attempt}" for attempt in (1, 2)]
            told = list(store.events(job.id))
            kinds = [each.event["kind"] for each in told]
            assert job.attempt == 1 + kinds.count(LOST) - (job.state == LOST), kinds
            assert job.state != FAILED
            assert job.state != CANCELED or job.id in canceled
            if job.state == SUCCEEDED:
                assert [key in done for key in keys].count(True) == 1, "what was done is not done again"
                assert job.run_id == runs[keys[job.attempt - 1]].run_id
            assert keys[1] not in begun or LOST in kinds
            check_events(told, job)
    states = Counter(job.state for job in jobs)
    assert states[SUCCEEDED] > len(jobs) / 3, states


def check_events(told: list[Any], job: Job) -> None:
    """Numbers have no gap, and the events come to what the row says."""
    assert [each.sequence for each in told] == [*range(1, len(told) + 1)]
    state: dict[str, Any] = {}
    for each in told:
        merge_patch(state, each.patch)
    fields = {name: getattr(job, name) for name in job.__dataclass_fields__}
    assert state == {name: value for name, value in fields.items() if value is not None}
