"""Alerts open when something is wrong and end when it is not; people know of them, and channels are told."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from omni_lab.errors import ForbiddenError, SourceError, StateError
from omni_lab.gateway.client import Client
from omni_lab.messaging.alerts import Notifier
from omni_lab.messaging.bus import Bus
from omni_lab.messaging.bus.stream import fold
from omni_lab.pipelines.jobs import FAILED, SUCCEEDED, Job
from omni_lab.pipelines.jobs.store import JobStore
from omni_lab.system import LOCAL, Services
from omni_lab.system.people import Person, Role
from omni_lab.system.watch import Finding, Thresholds, Watch
from omni_lab.system.watch.rules import daily_loss, disk_full, feed_stale, halted, job_failed
from tests.gateway.rest.serving import PASSWORD, Gateway
from tests.messaging.sinks import http_sink, smtp_sink

ADA, EVE = Person("ada", Role.TRADER), Person("eve", Role.VIEWER)
SETTINGS = Thresholds()


class Trouble:
    """A rule that a test holds."""

    def __init__(self) -> None:
        self.found: list[Finding] = []

    def __call__(self, services: Services, thresholds: Thresholds) -> Iterator[Finding]:
        yield from self.found

    def set(self, *severities: str) -> None:
        self.found = [
            Finding(key=f"t{n}", severity=severity, text=f"{n} is {severity}", hint="Look.")
            for n, severity in enumerate(severities)
        ]


def eventually(found: Callable[[], object]) -> None:
    until = time.monotonic() + 30
    while not found():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.fixture
def trouble() -> Trouble:
    return Trouble()


@pytest.fixture
def watch(services: Services, trouble: Trouble) -> Iterator[Watch]:
    """One that looks when it is told to, with a bus of its own."""
    apart = replace(services, bus=Bus(), notifier=None)
    made = Watch(apart, rules={"trouble": trouble}, look_s=3600.0)
    yield made
    for alert in made._open.values():
        made._book.change(alert.n, ended_ts=1)
    made.close()


def test_an_alert_opens_at_once_and_ends_after_three_calm_looks(watch: Watch, trouble: Trouble) -> None:
    reader = watch._stream.follow(after=0)
    trouble.set("warning")
    watch.look()
    assert watch.open()["t0"]["severity"] == "warning"
    trouble.found = [replace(trouble.found[0], text="still")]
    watch.look()
    assert fold(watch._stream.follow(after=0).take())["open"]["t0"]["text"] == "still"
    trouble.set()
    for is_open in (True, True, False):
        watch.look()
        assert ("t0" in watch.open()) is is_open
    messages = reader.take()
    assert [event["kind"] for each in messages for event in each.events] == ["OPENED", "ENDED"]
    assert fold(messages) == {"open": {}}
    newest = watch.history(most=1)[0]
    assert (newest.key, newest.text, newest.hint) == ("t0", "0 is warning", "Look.")
    assert newest.ended_ts > newest.opened_ts > 0


def test_an_acknowledged_alert_stays_so_after_a_restart_until_it_gets_worse(
    watch: Watch, trouble: Trouble, services: Services
) -> None:
    trouble.set("warning")
    watch.look()
    with pytest.raises(ForbiddenError):
        watch.acknowledge("t0", who=EVE)
    with pytest.raises(SourceError, match="no alert of this key"):
        watch.acknowledge("t9", who=ADA)
    assert watch.acknowledge("t0", who=ADA, why="known")["acknowledged_by"] == "ada"
    opened = watch.open()["t0"]["ts"]
    with Watch(replace(services, bus=Bus(), notifier=None), rules={"t": trouble}, look_s=3600.0) as again:
        assert again.open()["t0"] == watch.open()["t0"]
        assert again.open()["t0"]["ts"] == opened
        trouble.set("critical")
        again.look()
        assert again.open()["t0"]["severity"] == "critical"
        assert not again.open()["t0"]["acknowledged"]
    assert (watch.history(most=1)[0].why, watch.history(most=1)[0].severity) == ("known", "critical")


def test_a_rule_that_fails_is_an_alert_and_the_others_go_on(watch: Watch, trouble: Trouble) -> None:
    def broken(services: Services, thresholds: Thresholds) -> Iterator[Finding]:
        raise ZeroDivisionError

    watch._rules = {"broken": broken, "trouble": trouble}
    trouble.set("error")
    watch.look()
    assert set(watch.open()) == {"watch:broken", "t0"}


def test_webhook_and_mail_are_told_once_and_hear_of_the_end(
    services: Services, trouble: Trouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with http_sink() as hook, smtp_sink() as mail:
        file = tmp_path / "alerts.yaml"
        file.write_text(channels(hook.url, mail.port))
        notifier = Notifier.from_file(file)
        told = replace(services, bus=Bus(), notifier=notifier)
        with Watch(told, rules={"trouble": trouble}, look_s=0.05) as watch:
            trouble.set("critical")
            eventually(lambda: hook.received and mail.messages)
            time.sleep(0.3)
            assert len(hook.received) == len(mail.messages) == 1, "one that goes on is told once"
            said = hook.received[0].json
            assert (said["severity"], said["title"], said["resolved"]) == ("critical", "0 is critical", False)
            assert said["labels"]["system"] == "test"
            assert b"0 is critical" in mail.messages[0]
            trouble.set()
            eventually(lambda: len(hook.received) == len(mail.messages) == 2)
            assert hook.received[1].json["resolved"] is True
            watch.mute("t0", 60.0, who=ADA)
            trouble.set("critical")
            eventually(lambda: "t0" in watch.open())
            with pytest.raises(ForbiddenError):
                watch.test(who=ADA)
            assert {each.outcome for each in watch.test(who=LOCAL)} == {"told"}
            assert [each.json["key"] for each in hook.received[2:]] == ["test"], "and not what is muted"
            trouble.set()
            eventually(lambda: not watch.open())


def channels(url: str, port: int) -> str:
    return f"""\
channels:
  hook:
    kind: webhook
    url: {url}/alerts
  desk:
    kind: email
    host: 127.0.0.1
    port: {port}
    security: none
    from: omni@example.org
    to: [desk@example.org]
"""


def texts(found: Iterator[Finding]) -> dict[str, str]:
    return {each.key: each.severity for each in found}


def test_a_kill_switch_a_silent_market_and_a_full_disk_are_found(services: Services) -> None:
    assert texts(halted(services, SETTINGS)) == {}
    services.system.kill(who=LOCAL, why="a test")
    try:
        found = list(halted(services, SETTINGS))
        assert [each.severity for each in found] == ["critical"]
        assert "a test" in found[0].text
    finally:
        services.system.reset(who=LOCAL, why="over")
    assert texts(feed_stale(services, SETTINGS)) == {}
    assert texts(feed_stale(services, replace(SETTINGS, feed_age_s=1e-9))) == {"feed": "error"}
    assert texts(disk_full(services, replace(SETTINGS, disk_share=1.0, disk_bytes=10**15))).keys() == {"disk"}
    assert texts(disk_full(services, replace(SETTINGS, disk_bytes=1))) == {}


@pytest.mark.parametrize(
    ("loss", "severity"), [(7_000, None), (8_000, "warning"), (9_999, "warning"), (10_000, "critical")]
)
def test_a_loss_is_told_from_four_fifths_of_its_limit_on(
    services: Services, monkeypatch: pytest.MonkeyPatch, loss: float, severity: str | None
) -> None:
    real = services.system.headroom()
    columns = {name: column.copy() for name, column in real.columns.items()}
    row = (
        (columns["check"] == "DAILY_LOSS") & (columns["account"] == "desk") & (columns["severity"] == "hard")
    )
    assert row.sum() == 1
    columns["value"][row] = loss
    monkeypatch.setattr(real, "columns", columns)
    monkeypatch.setattr(services.system, "headroom", lambda: real)
    assert texts(daily_loss(services, SETTINGS)) == ({"loss": severity} if severity else {})


def test_a_failed_job_is_spoken_of_until_one_of_its_pipeline_succeeds(services: Services) -> None:
    store = JobStore(services.registry)

    def ended(state: str, number: int, pipeline: str = "nightly") -> None:
        ts = time.time_ns()
        store.add(
            Job(id=f"{pipeline}{number}", pipeline=pipeline, state=state, who="ada", text="no prices",
                created_ts=ts, ended_ts=ts)
        )  # fmt: skip

    ended(SUCCEEDED, 1)
    ended(FAILED, 2)
    ended(FAILED, 3, "other")
    assert texts(job_failed(services, SETTINGS)) == {"job:nightly": "error", "job:other": "error"}
    ended(SUCCEEDED, 4)
    assert texts(job_failed(services, SETTINGS)) == {"job:other": "error"}
    assert texts(job_failed(services, replace(SETTINGS, job_hours=1e-12))) == {}
    ended(SUCCEEDED, 5, "other")


def test_alerts_are_read_and_acknowledged_over_rest(guarded: Gateway, services: Services) -> None:
    def ask(who: str, method: str, path: str, **sent: Any) -> Any:
        return guarded.client.request(method, f"/api/v1/alerts{path}", headers=guarded.headers(who), **sent)

    services.system.kill(who=LOCAL, why="a test")
    try:
        assert services.watch is not None
        services.watch.look()
        shown = ask("viewer", "GET", "").json()
        assert [(each["severity"], each["acknowledged"]) for each in shown["open"]] == [("critical", False)]
        key = shown["open"][0]["key"]
        assert shown["items"][0]["key"] == key
        assert ask("viewer", "POST", f"/{key}/acknowledge", json={}).status_code == 403
        answer = ask("trader", "POST", f"/{key}/acknowledge", json={"why": "known", "mute_s": 5.0})
        assert (answer.status_code, answer.json()["acknowledged_by"]) == (200, "trader")
        assert ask("trader", "POST", "/nothing/acknowledge", json={}).status_code == 404
        assert ask("trader", "POST", "/test").status_code == 403
        assert ask("admin", "POST", "/test").status_code == 409, "there are no channels"
        scraped = guarded.client.get("/metrics", headers=guarded.headers("viewer")).text
        assert 'omni_alerts_open{severity="critical"} 1.0' in scraped
    finally:
        services.system.reset(who=LOCAL, why="over")
    with pytest.raises(StateError, match="there are no channels"):
        services.watch.test(who=LOCAL)


def test_the_stream_of_alerts_tells_of_one_whose_key_has_a_slash(
    guarded: Gateway, services: Services, trouble: Trouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch, key = services.watch, "halted:instrument BTC/USDT"
    assert watch is not None
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(watch, "_rules", {"trouble": trouble})
    with Client(guarded.url, username="trader", password=PASSWORD) as client:
        stream = client.stream("alerts")
        messages = iter(stream)
        next(messages)
        # The watch also looks by itself: what it sees before the first message is no event any more.
        trouble.found = [Finding(key=key, severity="critical", text="a test")]
        watch.look()
        assert client.alerts.acknowledge(key, why="known").acknowledged_by == "trader"
        with pytest.raises(SourceError, match="no alert"):
            client.alerts.acknowledge("halted:instrument BTC")
        trouble.set()
        for _ in range(3):
            watch.look()
        kinds = []
        while "ENDED" not in kinds:
            kinds += [event["kind"] for event in next(messages).events if event["key"] == key]
    assert kinds == ["OPENED", "ACKNOWLEDGED", "ENDED"]
    assert key not in stream.state["open"]
