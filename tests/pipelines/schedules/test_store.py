"""Every moment that is due is decided about once, and run by one, in either kind of database."""

import datetime as dt
import itertools
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from omni_lab.errors import ConfigError, PipelineError
from omni_lab.pipelines.registry import AlreadyBegun, RunRegistry
from omni_lab.pipelines.registry.records import Origin, origin_facts
from omni_lab.pipelines.schedules import Claim, Claims, Schedule, ScheduleStore, fire, fire_by_hand, fire_due
from omni_lab.pipelines.schedules.claims import MOST_FAILURES
from omni_lab.pipelines.schedules.tables import firings, stamp
from tests.messaging.sinks import http_sink
from tests.pipelines.schedules.conftest import NOON, after

NUMBERS = itertools.count()


def schedule(name: str = "hourly", **facts: Any) -> Schedule:
    return Schedule(**{"name": name, "cron": "0 * * * *", "runs": "toy"} | facts)


def told(store: ScheduleStore, name: str | None = None) -> list[str]:
    """The history, the oldest first: ``"13:00 waiting"``."""
    found = reversed(store.history(name))
    return [f"{each.due:%H:%M} {each.state}" + (f": {each.reason}" if each.reason else "") for each in found]


def short_run(schedule: Schedule, origin: Origin, registry: RunRegistry) -> None:
    """A run with its row and no notebook."""
    run = f"run-{next(NUMBERS)}"
    registry.begin({"run_id": run, "pipeline": schedule.runs, "started": stamp(NOON), **origin_facts(origin)})
    registry.finish(run, "succeeded")


@pytest.fixture
def claims(registry: RunRegistry, store: ScheduleStore) -> Claims:
    return Claims(registry, store)


@pytest.mark.usefixtures("toy")
def test_a_schedule_is_kept_until_it_is_removed(registry: RunRegistry, store: ScheduleStore) -> None:
    made = schedule(tz="Europe/Paris", assignments=("symbol=007",), missed="all", calendar="XPAR")
    store.add(made, now=NOON)
    store.add(schedule("another"), now=NOON)
    again = ScheduleStore(registry)
    assert again.list() == [schedule("another"), made]
    assert again.next_due("another", NOON) == after(hours=1)
    again.remove("another", now=NOON)
    assert [each.name for each in store.list()] == ["hourly"]
    with pytest.raises(ConfigError, match=r"no such schedule.*'anoter'.*'hourly'"):
        store.get("anoter")


@pytest.mark.usefixtures("toy")
def test_a_schedule_that_is_changed_keeps_its_past_and_fires_at_its_new_hours(store: ScheduleStore) -> None:
    store.add(schedule(), now=NOON)
    store.update(schedule(cron="30 * * * *", assignments=("symbol=X",)), now=after(hours=1, minutes=10))
    assert store.get("hourly").assignments == ("symbol=X",)
    store.see_due(after(hours=1, minutes=40))
    assert told(store) == ["13:00 waiting", "13:30 skipped: overlap: the run before it was not over"]
    store.update(schedule(paused=True), now=after(hours=1, minutes=41))
    assert told(store)[0] == "13:00 skipped: paused"
    for wrong in (schedule("other"), schedule(assignments=("sybol=X",))):
        with pytest.raises(ConfigError, match=r"no such schedule|Did you mean 'symbol'"):
            store.update(wrong, now=NOON)
    assert store.list() == [schedule(paused=True)]


@pytest.mark.usefixtures("toy")
@pytest.mark.parametrize(
    ("facts", "fragment"),
    [
        ({"runs": "tou"}, "Did you mean 'toy'"),
        ({"assignments": ("sybol=X",)}, "Did you mean 'symbol'"),
        ({"assignments": ("lookback=x",)}, "lookback"),
        ({"parameter_file": "nope"}, "nope"),
        ({"name": "taken"}, "exists"),
    ],
)
def test_what_could_not_run_is_not_added(store: ScheduleStore, facts: dict[str, Any], fragment: str) -> None:
    store.add(schedule("taken"), now=NOON)
    with pytest.raises(ConfigError, match=fragment):
        store.add(schedule(**facts), now=NOON)
    assert [each.name for each in store.list()] == ["taken"]


@pytest.mark.usefixtures("toy")
def test_a_flow_is_checked_before_it_is_kept(store: ScheduleStore, project: Path) -> None:
    flow = project / "notebooks" / "pipelines" / "flows" / "daily.yaml"
    flow.parent.mkdir()
    flow.write_text("parameters: {days: 3}\nsteps:\n  one: {pipeline: toy, set: {lookback: '${days}'}}\n")
    store.add(schedule(runs="flow:daily", assignments=("days=5",)), now=NOON)
    assert store.get("hourly").flow == "daily"
    refused: list[tuple[dict[str, Any], str]] = [
        ({"runs": "flow:dayly"}, "Did you mean 'daily'"),
        ({"runs": "flow:daily", "assignments": ("day=5",)}, "Did you mean 'days'"),
        ({"runs": "flow:daily", "assignments": ("days=x",)}, "days"),
        ({"runs": "flow:daily", "parameter_file": "some"}, "no parameter set"),
    ]
    for facts, fragment in refused:
        with pytest.raises(ConfigError, match=fragment):
            store.add(schedule("other", **facts), now=NOON)


@pytest.mark.usefixtures("toy")
def test_what_was_due_is_seen_once(store: ScheduleStore) -> None:
    store.add(schedule(missed="all"), now=NOON)
    store.see_due(after(minutes=59))
    assert told(store) == []
    for moment in (after(hours=2), after(hours=2), after(hours=1), after(hours=3, minutes=1)):
        store.see_due(moment)
    skipped = "skipped: overlap: the run before it was not over"
    assert told(store) == ["13:00 waiting", f"14:00 {skipped}", f"15:00 {skipped}"]


@pytest.mark.usefixtures("toy")
def test_what_is_due_while_paused_is_skipped_and_told(store: ScheduleStore) -> None:
    store.add(schedule(), now=NOON)
    store.see_due(after(hours=1))
    store.pause("hourly", now=after(hours=1, minutes=30))
    assert store.next_due("hourly", after(hours=1)) is None
    assert store.get("hourly").paused
    store.resume("hourly", now=after(hours=2, minutes=30))
    store.see_due(after(hours=3))
    assert told(store) == ["13:00 skipped: paused", "14:00 skipped: paused", "15:00 waiting"]


@pytest.mark.usefixtures("toy")
def test_history_outlives_a_schedule(store: ScheduleStore, claims: Claims) -> None:
    store.add(schedule(), now=NOON)
    store.see_due(after(hours=1))
    store.remove("hourly", now=after(hours=1))
    assert told(store, "hourly") == ["13:00 skipped: removed"]
    assert claims.take(9) == []
    store.add(schedule(), now=after(hours=1, minutes=1))
    store.see_due(after(hours=2))
    assert told(store, "hourly")[1:] == ["14:00 waiting"]


@pytest.mark.usefixtures("toy")
def test_after_years_of_absence_the_last_thousand_are_told(store: ScheduleStore) -> None:
    store.add(schedule(), now=NOON)
    store.see_due(after(days=700))
    found = store.history("hourly")
    assert len(found) == 1000
    assert found[0].state == "waiting"
    assert found[-1].reason == "missed: too long ago, and so were those before it"


@pytest.mark.usefixtures("toy")
def test_one_of_a_schedule_and_so_many_of_a_machine_are_claimed(store: ScheduleStore, claims: Claims) -> None:
    for name in ("a", "b", "c"):
        store.add(schedule(name, missed="all", overlap="wait"), now=NOON)
    store.see_due(after(hours=2))
    assert len(store.history()) == 6
    first = claims.take(2)
    assert [(each.schedule, each.due[11:16]) for each in first] == [("a", "13:00"), ("b", "13:00")]
    assert claims.take(2) == []
    assert [(each.schedule, each.due[11:16]) for each in claims.take(9)] == [("c", "13:00")]
    assert claims.take(9) == []


@pytest.mark.usefixtures("toy")
def test_many_who_claim_at_once_get_each_firing_once(registry: RunRegistry, store: ScheduleStore) -> None:
    names = [f"s{number:02}" for number in range(40)]
    for name in names:
        store.add(schedule(name), now=NOON)

    def take(_: int) -> list[Claim]:
        mine = ScheduleStore(registry)
        mine.see_due(after(hours=1))
        found: list[Claim] = []
        while claimed := Claims(registry, mine).take(len(found) + 10_000):
            found += claimed
        return found

    with ThreadPoolExecutor(4) as pool:
        taken = [claim.schedule for found in pool.map(take, range(4)) for claim in found]
    assert sorted(taken) == names
    assert len(store.history()) == 40


@pytest.mark.usefixtures("toy")
def test_a_firing_that_ran_names_its_run(registry: RunRegistry, store: ScheduleStore, claims: Claims) -> None:
    store.add(schedule(), now=NOON)
    store.see_due(after(hours=1))
    (claim,) = claims.take(1)
    ended = fire(registry, claim, run=short_run)
    assert ended is not None
    assert (ended.state, ended.reason, ended.is_well) == ("ran", "", True)
    assert ended.run_id is not None
    origin = registry.find(ended.run_id).origin
    assert (origin.trigger, origin.name, origin.key) == ("schedule", "hourly", claim.key)
    assert store.history()[0] == ended


@pytest.mark.usefixtures("toy")
def test_a_claim_that_another_took_over_is_no_longer_valid(
    registry: RunRegistry, store: ScheduleStore, claims: Claims
) -> None:
    store.add(schedule(), now=NOON)
    store.see_due(after(hours=1))
    (claim,) = claims.take(1)
    stolen = Claim(claim.schedule, claim.due, "another")
    assert fire(registry, stolen, run=short_run) is None
    assert claims.end(stolen, now=NOON) is None
    assert fire(registry, claim, run=short_run) is not None
    assert fire(registry, claim, run=short_run) is None, "it has ended"
    assert len(registry.list()) == 1


@pytest.mark.usefixtures("toy")
def test_the_registry_refuses_a_second_run_of_a_firing(registry: RunRegistry, store: ScheduleStore) -> None:
    origin = Origin(trigger="schedule", name="hourly", key="schedule:hourly@x")
    short_run(schedule(), origin, registry)
    with pytest.raises(AlreadyBegun):
        short_run(schedule(), origin, registry)


def held_by_a_dead_process(registry: RunRegistry) -> None:
    """Let claims be those of a process that was there and is not any more."""
    code = "import json; from omni_lab.pipelines.registry.processes import this_process"
    code += "; print(json.dumps(this_process()))"
    answer = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    held = firings.update().where(firings.c.state == "claimed")
    with registry.engine.begin() as connection:
        connection.execute(held.values(json.loads(answer.stdout)))


@pytest.mark.usefixtures("toy")
def test_a_claim_whose_holder_is_gone_waits_again(
    registry: RunRegistry, store: ScheduleStore, claims: Claims
) -> None:
    store.add(schedule(), now=NOON)
    store.see_due(after(hours=1))
    for attempt in range(MOST_FAILURES):
        (claim,) = claims.take(1)
        assert claims.settle(now=NOON) == [], "its holder is this process"
        held_by_a_dead_process(registry)
        (settled,) = claims.settle(now=NOON)
        assert settled.state == ("failed to start" if attempt == MOST_FAILURES - 1 else "waiting")
        assert fire(registry, claim, run=short_run) is None, "whoever comes late must not run it"
    assert claims.take(1) == []
    assert told(store) == ["13:00 failed to start: whoever was to run it was gone before the run began"]


@pytest.mark.usefixtures("toy")
def test_a_holder_elsewhere_is_gone_when_it_is_silent(
    registry: RunRegistry, store: ScheduleStore, claims: Claims
) -> None:
    store.add(schedule(), now=NOON)
    store.see_due(after(hours=1))
    (claim,) = claims.take(1)
    values = {"host": "elsewhere", "pid": os.getpid()}
    with registry.engine.begin() as connection:
        connection.execute(firings.update().values(values | {"heartbeat": registry.now(connection) - 50}))
    assert claims.settle(now=NOON) == []
    with registry.engine.begin() as connection:
        connection.execute(firings.update().values(values | {"heartbeat": registry.now(connection) - 70}))
    claims.beat([claim])
    assert claims.settle(now=NOON) == [], "it has been heard of"
    with registry.engine.begin() as connection:
        connection.execute(firings.update().values(values | {"heartbeat": registry.now(connection) - 70}))
    assert [each.state for each in claims.settle(now=NOON)] == ["waiting"]


@pytest.mark.usefixtures("toy")
def test_a_run_whose_process_was_killed_ends_its_firing(
    registry: RunRegistry, store: ScheduleStore, claims: Claims
) -> None:
    store.add(schedule(), now=NOON)
    store.see_due(after(hours=1))
    (claim,) = claims.take(1)
    gone = {"host": os.uname().nodename, "pid": 2**22 + 1, "process": ""}
    origin = Origin(trigger="schedule", name="hourly", key=claim.key)
    registry.begin({"run_id": "r", "pipeline": "toy", "started": stamp(NOON), **origin_facts(origin), **gone})
    (settled,) = claims.settle(now=NOON)
    assert (settled.state, settled.reason, settled.run_id, settled.is_well) == ("ran", "lost", "r", False)


@pytest.mark.usefixtures("toy")
def test_what_a_run_refuses_fails_to_start(
    registry: RunRegistry, store: ScheduleStore, claims: Claims, toy: Path
) -> None:
    store.add(schedule(), now=NOON)
    store.see_due(after(hours=1))
    toy.unlink()
    (claim,) = claims.take(1)
    ended = fire(registry, claim)
    assert ended is not None
    assert ended.state == "failed to start"
    assert "unknown pipeline" in ended.reason
    assert registry.list() == []


def failing_run(schedule: Schedule, origin: Origin, registry: RunRegistry) -> None:
    facts = {"run_id": "bad", "pipeline": schedule.runs, "started": stamp(NOON)}
    registry.begin(facts | origin_facts(origin))
    registry.finish("bad", "failed", error={"type": "X", "message": "it broke", "cell": None})


@pytest.mark.usefixtures("toy")
def test_a_run_that_fails_is_told_to_the_alert_channels(
    registry: RunRegistry, store: ScheduleStore, claims: Claims, project: Path
) -> None:
    store.add(schedule("good"), now=NOON)
    store.add(schedule("poor"), now=NOON)
    store.see_due(after(hours=1))
    good, poor = claims.take(2)
    with http_sink() as sink:
        (project / "home").mkdir(exist_ok=True)
        (project / "home" / "alerts.yaml").write_text(
            f"channels:\n  hook:\n    kind: webhook\n    url: {sink.url}/in\n"
        )
        fire(registry, good, run=short_run)
        ended = fire(registry, poor, run=failing_run)
    assert ended is not None
    assert (ended.state, ended.reason) == ("ran", "failed")
    (told,) = sink.received
    assert "schedule poor: ran failed" in told.body.decode()
    assert "omni runs show bad" in told.body.decode()


@pytest.mark.usefixtures("toy")
def test_a_file_of_channels_that_cannot_be_read_stops_nothing(
    registry: RunRegistry, store: ScheduleStore, claims: Claims, project: Path
) -> None:
    store.add(schedule(), now=NOON)
    store.see_due(after(hours=1))
    (project / "home").mkdir(exist_ok=True)
    (project / "home" / "alerts.yaml").write_text("channels: [")
    (claim,) = claims.take(1)
    ended = fire(registry, claim, run=failing_run)
    assert ended is not None
    assert ended.reason == "failed"


@pytest.mark.usefixtures("toy")
def test_by_hand_it_runs_beside_its_hours_but_not_beside_itself(
    registry: RunRegistry, store: ScheduleStore, claims: Claims
) -> None:
    store.add(schedule(), now=NOON)
    ended = fire_by_hand(registry, "hourly", run=short_run)
    assert (ended.state, ended.reason, ended.is_well) == ("ran", "by hand", True)
    claims.take_by_hand("hourly", now=NOON)
    with pytest.raises(PipelineError, match="is going"):
        fire_by_hand(registry, "hourly", run=short_run)
    with pytest.raises(ConfigError, match="no such schedule"):
        fire_by_hand(registry, "nope", run=short_run)


@pytest.mark.usefixtures("toy")
def test_a_timer_runs_what_is_due_and_nothing_else(registry: RunRegistry, store: ScheduleStore) -> None:
    now = dt.datetime.now(dt.UTC)
    minutely = schedule("minutely", cron="* * * * *", missed="all", overlap="wait")
    store.add(minutely, now=now - dt.timedelta(minutes=3, seconds=5))
    store.add(schedule("never", cron="0 0 29 2 *"), now=now)
    assert fire_due(registry, "never", run=short_run) == []
    ran = fire_due(registry, "minutely", run=short_run)
    assert len(ran) >= 3
    assert [*reversed(ran)] == [*store.history("minutely")]
    assert {each.state for each in ran} == {"ran"}
    assert len(registry.list()) == len(ran)
