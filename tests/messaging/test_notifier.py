"""Who is told what, and when: repeats, quiet hours, severities, restarts, and several processes."""

import os
import threading
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from omni_lab.errors import ConfigError
from omni_lab.messaging.alerts import Alert, Notifier, QuietHours, read_alert_settings
from tests.messaging.conftest import Desk
from tests.messaging.sinks import HttpSink

FAILED = Alert("error", "nightly failed", key="nightly")
QUIET = "quiet: {from: 22:00, to: 07:00, tz: Europe/London}\n"


def titles(sink: HttpSink) -> list[str]:
    return [request.json["text"].split(" ", 1)[1] for request in sink.received]


def channels(sink: HttpSink, before: str = "", more: str = "") -> str:
    return before + f"channels:\n  desk: {{kind: slack, url: '{sink.url}/x'{more}}}\n"


def outcomes(notifier: Notifier, alert: Alert = FAILED) -> list[str]:
    return [delivery.outcome for delivery in notifier.send(alert)]


def test_a_repeat_is_told_once_and_counted_when_the_time_ends(desk: Desk, sink: HttpSink) -> None:
    text = channels(sink, "repeat_after: 10min\n")
    assert outcomes(desk.notifier(text)) == ["told"]
    for _ in range(3):
        desk.later(minutes=2)
        # A new notifier each time: what it knows survived a restart.
        assert outcomes(desk.notifier(text)) == ["repeated"]
    assert desk.notifier(text).tell_due() == []
    desk.later(minutes=10)
    (due,) = desk.notifier(text).tell_due()
    assert due.outcome == "told"
    assert desk.notifier(text).tell_due() == []
    assert titles(sink) == ["nightly failed", "nightly failed (and 2 more times)"]


def test_an_alert_that_never_ends_is_told_once_in_each_stretch(desk: Desk, sink: HttpSink) -> None:
    text = channels(sink, "repeat_after: 10min\n")
    notifier = desk.notifier(text)
    for _ in range(31):
        notifier.send(FAILED)
        notifier.tell_due()
        desk.later(minutes=1)
    assert len(sink.received) == 4
    assert titles(sink)[1:] == ["nightly failed (and 9 more times)"] * 3


def test_other_keys_are_other_alerts(desk: Desk, sink: HttpSink) -> None:
    notifier = desk.notifier(channels(sink))
    assert outcomes(notifier) == ["told"]
    assert outcomes(notifier, Alert("error", "nightly failed", key="weekly")) == ["told"]
    assert outcomes(notifier, Alert("error", "nightly failed")) == ["told"]
    assert outcomes(notifier, Alert("error", "nightly  failed\n")) == ["repeated"], "without a key, the title"


def test_an_alert_that_did_not_arrive_is_no_reason_to_keep_the_next_one_back(
    desk: Desk, sink: HttpSink
) -> None:
    notifier = desk.notifier(channels(sink))
    sink.answers = [(403, "")]
    assert outcomes(notifier) == ["failed"]
    assert outcomes(notifier) == ["told"]


def test_a_resolution_lets_the_next_alert_through(desk: Desk, sink: HttpSink) -> None:
    notifier = desk.notifier(channels(sink))
    outcomes(notifier)
    assert outcomes(notifier, Alert("error", "nightly ran", key="nightly", resolved=True)) == ["told"]
    assert outcomes(notifier) == ["told"]
    assert titles(sink) == ["nightly failed", "Resolved: nightly ran", "nightly failed"]


def test_a_channel_is_told_from_its_severity_on(desk: Desk, sink: HttpSink) -> None:
    notifier = desk.notifier(channels(sink, more=", at_least: error"))
    found = [outcomes(notifier, Alert(s, s))[0] for s in ("info", "warning", "error", "critical")]
    assert found == ["below", "below", "told", "told"]


def test_during_quiet_hours_only_critical_passes_and_the_rest_is_told_when_they_end(
    desk: Desk, sink: HttpSink
) -> None:
    text = channels(sink, QUIET)
    desk.now = datetime(2026, 1, 5, 23, tzinfo=UTC)
    assert outcomes(desk.notifier(text)) == ["held"]
    assert outcomes(desk.notifier(text)) == ["held"]
    assert outcomes(desk.notifier(text), Alert("critical", "limit breached")) == ["told"]
    desk.later(hours=7, minutes=59)
    assert desk.notifier(text).tell_due() == []
    assert desk.notifier(text).waiting() == {"desk": 1}
    desk.later(minutes=1)
    assert [each.outcome for each in desk.notifier(text).tell_due()] == ["told"]
    assert titles(sink) == ["limit breached", "nightly failed (and 1 more time)"]
    assert outcomes(desk.notifier(text)) == ["repeated"], "it has just been told"
    assert desk.notifier(text).waiting() == {}


def test_what_was_held_is_told_with_the_next_alert_too(desk: Desk, sink: HttpSink) -> None:
    text = channels(sink, QUIET)
    desk.now = datetime(2026, 1, 5, 23, tzinfo=UTC)
    outcomes(desk.notifier(text))
    desk.later(hours=10)
    assert outcomes(desk.notifier(text), Alert("info", "good morning")) == ["told"]
    assert titles(sink) == ["good morning", "nightly failed"]


def test_what_ends_before_anybody_was_told_is_not_told(desk: Desk, sink: HttpSink) -> None:
    text = channels(sink, QUIET)
    desk.now = datetime(2026, 1, 5, 23, tzinfo=UTC)
    outcomes(desk.notifier(text))
    assert outcomes(desk.notifier(text), Alert("error", "ran", key="nightly", resolved=True)) == ["repeated"]
    desk.later(hours=10)
    assert desk.notifier(text).tell_due() == []
    assert sink.received == []


def test_what_was_due_and_failed_is_told_later(desk: Desk, sink: HttpSink) -> None:
    text = channels(sink, QUIET)
    desk.now = datetime(2026, 1, 5, 23, tzinfo=UTC)
    outcomes(desk.notifier(text))
    desk.later(hours=10)
    sink.answers = [(403, "")]
    assert [each.outcome for each in desk.notifier(text).tell_due()] == ["failed"]
    assert [each.outcome for each in desk.notifier(text).tell_due()] == ["told"]
    assert titles(sink)[-1] == "nightly failed"


@pytest.mark.parametrize(
    ("utc", "quiet"),
    [
        ("2026-01-05T21:59:59", False),
        ("2026-01-05T22:00:00", True),
        ("2026-01-06T06:59:59", True),
        ("2026-01-06T07:00:00", False),
        # Summer time: the wall clock of London is an hour ahead.
        ("2026-07-05T20:59:59", False),
        ("2026-07-05T21:00:00", True),
        ("2026-07-06T06:00:00", False),
        # The nights in which the clock changes: 01:00 UTC on 29 March and on 25 October 2026.
        ("2026-03-29T05:59:59", True),
        ("2026-03-29T06:00:00", False),
        ("2026-10-25T06:59:59", True),
        ("2026-10-25T07:00:00", False),
    ],
)
def test_quiet_hours_go_over_midnight_by_the_wall_clock(utc: str, quiet: bool) -> None:
    hours = QuietHours(time(22), time(7), ZoneInfo("Europe/London"))
    assert hours.covers(datetime.fromisoformat(utc).replace(tzinfo=UTC)) is quiet


def test_an_hour_that_comes_twice_is_quiet_twice() -> None:
    hours = QuietHours(time(1), time(2), ZoneInfo("Europe/London"))
    start = datetime(2026, 10, 24, 23, 30, tzinfo=UTC)
    assert [hours.covers(start + timedelta(hours=n)) for n in range(4)] == [False, True, True, False]


def test_a_memory_that_cannot_be_used_keeps_nothing_back(desk: Desk, sink: HttpSink) -> None:
    (desk.directory / "alerts.sqlite").mkdir()
    text = channels(sink, QUIET)
    assert outcomes(desk.notifier(text)) == ["told"]
    desk.now = datetime(2026, 1, 5, 23, tzinfo=UTC)
    assert outcomes(desk.notifier(text)) == ["told"], "what cannot be kept is told, whatever the hour"


def test_a_damaged_memory_keeps_nothing_back(desk: Desk, sink: HttpSink) -> None:
    (desk.directory / "alerts.sqlite").write_bytes(b"not a database" * 100)
    assert outcomes(desk.notifier(channels(sink))) == ["told"]


def test_senders_at_the_same_time_tell_an_alert_once(desk: Desk, sink: HttpSink) -> None:
    text = channels(sink)
    notifiers = [desk.notifier(text) for _ in range(8)]
    found: list[str] = []
    threads = [threading.Thread(target=lambda n=n: found.extend(outcomes(n))) for n in notifiers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == ["repeated"] * 7 + ["told"]
    assert len(sink.received) == 1


def test_a_clock_that_was_set_back_does_not_silence(desk: Desk, sink: HttpSink) -> None:
    text = channels(sink)
    outcomes(desk.notifier(text))
    desk.later(days=-30)
    assert outcomes(desk.notifier(text)) == ["told"]


def test_without_a_file_nobody_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMNI_LAB_ALERTS", str(tmp_path / "none.yaml"))
    assert Notifier.from_file().send(FAILED) == []
    with pytest.raises(ConfigError, match="no file of alert channels"):
        Notifier.from_file(tmp_path / "none.yaml")


def test_everything_that_is_wrong_in_the_file_is_told_at_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NOT_SET", raising=False)
    monkeypatch.setenv("BAD_URL", "ftp://s3cret.example")
    path = desk.write(
        "repeat_after: soon\n"
        "quiet: {from: 25:00, to: 07:00, tz: Mars/Base}\n"
        "colour: red\n"
        "channels:\n"
        "  a: {kind: slak, url: 'https://example.org'}\n"
        "  b:\n"
        "    kind: slack\n"
        "    url: ${NOT_SET}\n"
        "    at_least: loud\n"
        "  c:\n"
        "    kind: webhook\n"
        "    url: ${BAD_URL}\n"
        "    secret: pl41n\n"
        "    urll: x\n"
        "  d: {kind: pagerduty}\n"
        "  e: {kind: email, host: h, port: 99999, from: me, to: [], user: u, security: none}\n"
        "  f: [1, 2]\n"
        "  a: {kind: slack, url: 'https://example.org'}\n"
    )
    with pytest.raises(ConfigError) as caught:
        read_alert_settings(path)
    text = str(caught.value)
    for line, what in [
        (1, "repeat_after: 'soon' is no length of time"),
        (2, "quiet.from: '25:00' is no time"),
        (3, "colour: there is no such field"),
        (5, "channels.a.kind: 'slak' is none of slack"),
        (8, "channels.b.url: NOT_SET is not set in the environment"),
        (9, "channels.b.at_least: 'loud' is none of info"),
        (12, "channels.c.url: this is no address"),
        (13, "channels.c.secret: a secret is named"),
        (14, "channels.c.urll: there is no such field. Did you mean url?"),
        (15, "channels.d.routing_key: it is missing"),
        (16, "channels.e.port: '99999' is no whole number"),
        (16, "channels.e.from: 'me' is no address"),
        (16, "channels.e.to: it is empty"),
        (16, "channels.e.user: user and password go together"),
        (16, "channels.e.security: a password does not travel"),
        (17, "channels.f: expected names with values"),
        (18, "channels.a: it is there twice"),
    ]:
        assert f"line {line}: {what}" in text, (what, text)
    assert "s3cret" not in text
    assert "pl41n" not in text


@pytest.mark.parametrize("text", ["channels: [", "\tx", "channels: {a: &a {kind: *a}}", "- 1", "", "a: b: c"])
def test_what_is_no_file_of_channels_is_refused_in_a_sentence(desk: Desk, text: str) -> None:
    with pytest.raises(ConfigError, match=r"alerts\.yaml"):
        read_alert_settings(desk.write(text))


def test_bytes_that_are_no_text_are_refused(desk: Desk) -> None:
    (desk.directory / "alerts.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_alert_settings(desk.directory / "alerts.yaml")


def test_the_state_lies_beside_the_file_and_names_no_secret(
    desk: Desk, sink: HttpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "T0K3N")
    path = desk.write(f"channels:\n  desk: {{kind: slack, url: '{sink.url}/${{TOKEN}}'}}\n")
    Notifier.from_file(path).send(FAILED)
    assert sorted(os.listdir(desk.directory)) == ["alerts.sqlite", "alerts.yaml"]
    assert b"T0K3N" not in (desk.directory / "alerts.sqlite").read_bytes()
