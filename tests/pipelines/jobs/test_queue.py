"""What becomes of jobs without a process: asked twice, canceled, listed, told as a stream."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from omni_lab.errors import ConfigError, SourceError, StateError
from omni_lab.messaging.bus import Bus
from omni_lab.messaging.bus.stream import fold
from omni_lab.pipelines.jobs import CANCELED, FAILED, LOST, QUEUED, RUNNING, JobQueue, claims
from omni_lab.pipelines.jobs.store import Claim, JobStore
from omni_lab.pipelines.jobs.tables import TOLD
from omni_lab.pipelines.registry import RunRegistry

pytestmark = pytest.mark.usefixtures("toy")


@pytest.fixture
def queue(database: str) -> JobQueue:  # type: ignore[misc]
    made = JobQueue(database, bus=Bus())
    yield made
    made.close()


def test_the_same_key_of_a_person_is_the_same_job(queue: JobQueue) -> None:
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(queue.submit, "toy", {"lookback": 3}, who="ada", key="k") for _ in range(16)]
    assert len({each.result().id for each in asked}) == 1
    assert queue.submit("toy", {"lookback": 3}, who="bob", key="k").id != asked[0].result().id
    with pytest.raises(StateError, match="this key was used for something else"):
        queue.submit("toy", {"lookback": 4}, who="ada", key="k")
    assert len(queue.list()) == 2


@pytest.mark.parametrize(
    ("pipeline", "parameters", "why"),
    [
        ("nothing", {}, "unknown pipeline"),
        ("toy", {"lookback": "many"}, "another type"),
        ("toy", {"look": 1}, "look"),
        ("../pipelines/toy", {}, "known by the name"),
        ("toy.ipynb", {}, "known by the name"),
        ("flow:../x", {}, "known by the name"),
        ("flow:none", {}, "flow"),
    ],
)
def test_what_cannot_run_is_refused_and_leaves_nothing(
    file: str, pipeline: str, parameters: dict[str, object], why: str
) -> None:
    queue = JobQueue(file)
    with pytest.raises(ConfigError, match=why):
        queue.submit(pipeline, parameters, who="ada")
    assert queue.list() == []
    queue.close()


def test_jobs_are_listed_newest_first_in_pages(queue: JobQueue) -> None:
    made = [queue.submit("toy", {"seed": n}, who="ada") for n in range(5)]
    first = queue.list(most=2)
    rest = queue.list(before=first[-1].id)
    assert [each.id for each in first + rest] == [each.id for each in reversed(made)]
    assert [each.parameters for each in first] == [{"seed": 4}, {"seed": 3}]
    queue.cancel(made[0].id)
    assert [each.id for each in queue.list(state=CANCELED)] == [made[0].id]
    assert queue.list(pipeline="other") == []
    assert (queue.counts()[QUEUED], queue.counts()[CANCELED], queue.counts()[RUNNING]) == (4, 1, 0)
    with pytest.raises(SourceError, match="no job of this id"):
        queue.get("x")
    with pytest.raises(ConfigError, match="no job is in this state"):
        queue.list(state="asleep")


def test_a_job_is_claimed_once_and_handed_over_once(queue: JobQueue, database: str) -> None:
    with RunRegistry(database) as registry:
        store = JobStore(registry)
        ids = {queue.submit("toy", who="ada").id for _ in range(12)}
        with ThreadPoolExecutor(4) as pool:
            asked = [pool.submit(claims.take, store, 9) for _ in range(16)]
        taken = [each.result() for each in asked]
        held = [each for each in taken if each is not None]
        assert len(held) == len({each.job_id for each in held}) == 9, "no more than there are workers"
        assert {each.job_id for each in held} <= ids
        with ThreadPoolExecutor(4) as pool:
            begun = [each.result() for each in [pool.submit(store.hand_over, held[0]) for _ in range(8)]]
        assert sum(each is not None for each in begun) == 1
        assert store.hand_over(Claim(held[1].job_id, "guessed", 1)) is None


def test_a_cancel_and_a_beginning_at_once_agree(queue: JobQueue, database: str) -> None:
    with RunRegistry(database) as registry:
        store = JobStore(registry)
        for _ in range(10):
            job = queue.submit("toy", who="ada")
            claim = claims.take(store, 99)
            assert claim is not None
            with ThreadPoolExecutor(2) as pool:
                canceled, begun = pool.submit(queue.cancel, job.id), pool.submit(store.hand_over, claim)
            if begun.result() is None:
                assert canceled.result().state == CANCELED
            else:
                assert not store.should_go_on(claim)
                claims.end(store, claim, "interrupted before it began")
            assert queue.get(job.id).state == CANCELED
            assert queue.cancel(job.id).state == CANCELED, "it stays as it is"


def test_what_is_told_comes_to_what_is_kept_and_is_told_again_with_the_same_numbers(
    queue: JobQueue, database: str
) -> None:
    job = queue.submit("toy", {"lookback": 2}, who="ada", key="k")
    reader = queue.bus.stream(f"jobs.{job.id}").follow(after=0)
    with RunRegistry(database) as registry:
        store = JobStore(registry)
        claim = claims.take(store, 1)
        assert claim is not None
        store.hand_over(claim)
        store.advance(claim, {"progress": 0.5, "text": "cell 2 of 4", "run_id": "r"})
        claims.end(store, claim, "the kernel died")
    told = queue.stream(job.id)
    queue._streams.refresh()
    messages = reader.take()
    assert [each.sequence for each in messages] == [1, 2, 3, 4]
    assert [each.events[0]["kind"] for each in messages] == [QUEUED, RUNNING, "PROGRESS", FAILED]
    kept = queue.get(job.id)
    assert (kept.state, kept.text) == (FAILED, "the kernel died")
    fields = {name: getattr(kept, name) for name in TOLD}
    assert fold(messages) == {name: value for name, value in fields.items() if value is not None}
    later = JobQueue(database)
    again = later.stream(job.id)
    assert again.epoch == told.epoch
    assert [(m.sequence, m.ts, m.patch, m.events) for m in again.follow(after=2).take()] == [
        (m.sequence, m.ts, m.patch, m.events) for m in messages[2:]
    ]
    later.close()


def test_a_job_whose_process_is_gone_is_begun_once_more_and_then_lost(queue: JobQueue, database: str) -> None:
    job = queue.submit("toy", who="ada")
    with RunRegistry(database) as registry:
        store = JobStore(registry)
        for attempt in (1, 2):
            assert die_holding(database) == 0
            claims.settle(store)
            kept = queue.get(job.id)
            assert (kept.state, kept.attempt) == ((QUEUED, 2) if attempt == 1 else (LOST, 2))
        assert claims.take(store, 1) is None


def die_holding(database: str) -> int:
    """A process that begins the job that waits, and is gone."""
    pid = os.fork()
    if not pid:
        code = 1
        try:
            with RunRegistry(database) as registry:
                store = JobStore(registry)
                claim = claims.take(store, 1)
                code = 0 if claim is not None and store.hand_over(claim) is not None else 1
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_process_that_never_begins_is_tried_a_few_times(file: str) -> None:
    def start(claim: Claim, target: str) -> int:
        raise OSError("no more processes")

    with JobQueue(file, start=start) as queue:
        job = queue.submit("toy", who="ada")
        queue._wake.set()
        from tests.pipelines.jobs.conftest import ended

        found = ended(queue, job)
    assert found.state == FAILED
    assert found.text == "it could not be begun: no more processes"
    assert found.attempt == 1


def test_parameters_keep_what_json_can_say(file: str, project: Path) -> None:
    queue = JobQueue(file)
    asked = {"weights": [0.25, 0.75], "stop_loss": None, "symbol": "A\u00e9\U0001f600"}
    job = queue.submit("toy", asked, who="ada")
    assert queue.get(job.id).parameters == asked
    assert json.dumps(dict(queue.stream(job.id).snapshot().patch))
    queue.close()
