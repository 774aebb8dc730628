"""Each channel says what its receiver expects, to a real server, and tells what came of it."""

import email
import email.policy
import hashlib
import hmac
import logging
from pathlib import Path

import pytest

from omni_lab.messaging.alerts import Alert
from tests.messaging.conftest import Desk
from tests.messaging.sinks import OPENSSL, WHY_NO_TLS, HttpSink, SmtpSink, certificate, smtp_sink

ALERT = Alert("error", "nightly failed", "Cell 4 raised.", "schedule:nightly", {"run": "r1", "host": "a"})


def slack(sink: HttpSink, path: str = "/hook") -> str:
    return f"channels:\n  desk: {{kind: slack, url: '{sink.url}{path}'}}\n"


def mail(sink: SmtpSink, *lines: str) -> str:
    fields = [f"port: {sink.port}", "kind: email", "host: 127.0.0.1", "from: omni@example.org", *lines]
    if not any(line.startswith("to:") for line in lines):
        fields.append("to: desk@example.org")
    return "channels:\n  post:\n" + "".join(f"    {line}\n" for line in fields)


def test_slack_gets_blocks_with_what_people_read_first(desk: Desk, sink: HttpSink) -> None:
    (delivery,) = desk.notifier(slack(sink)).send(ALERT)
    assert (delivery.channel, delivery.outcome, delivery.attempts) == ("desk", "told", 1)
    (request,) = sink.received
    header, section, context = request.json["blocks"]
    assert header["text"] == {"type": "plain_text", "text": "❌ nightly failed", "emoji": True}
    assert section["text"]["text"] == "Cell 4 raised."
    assert "run r1" in context["elements"][0]["text"]
    assert request.json["text"] == "❌ nightly failed"


def test_slack_gets_no_markup_of_ours_and_no_more_than_it_takes(desk: Desk, sink: HttpSink) -> None:
    desk.notifier(slack(sink)).send(Alert("info", "<!channel> " + "&" * 5000, "<b>" + "&" * 9000))
    header, section, _ = sink.received[0].json["blocks"]
    assert len(header["text"]["text"]) <= 150
    text = section["text"]["text"]
    assert len(text) <= 3000
    assert text.startswith("&lt;b&gt;&amp;")
    assert text.endswith("&amp;…"), "no escape is cut in two"


def test_pagerduty_gets_a_trigger_and_then_a_resolution_under_one_key(
    desk: Desk, sink: HttpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PD_KEY", "R0UT1NG")
    notifier = desk.notifier(
        f"channels:\n  on_call: {{kind: pagerduty, routing_key: '${{PD_KEY}}', url: {sink.url}/v2/enqueue}}\n"
    )
    notifier.send(ALERT)
    notifier.send(Alert("error", "nightly failed", key="schedule:nightly", resolved=True))
    trigger, resolution = (request.json for request in sink.received)
    assert (trigger["event_action"], resolution["event_action"]) == ("trigger", "resolve")
    assert trigger["dedup_key"] == resolution["dedup_key"] == "schedule:nightly"
    assert trigger["routing_key"] == "R0UT1NG"
    assert {"summary": "nightly failed", "severity": "error", "source": "a"}.items() <= trigger[
        "payload"
    ].items()
    assert "payload" not in resolution


def test_pagerduty_gets_keys_of_any_length(
    desk: Desk, sink: HttpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PD_KEY", "R0UT1NG")
    text = f"channels:\n  p: {{kind: pagerduty, routing_key: '${{PD_KEY}}', url: {sink.url}}}\n"
    for key in ("a" * 300, "a" * 301):
        desk.notifier(text).send(Alert("error", "t", key=key))
    first, second = (request.json["dedup_key"] for request in sink.received)
    assert first != second
    assert max(len(first), len(second)) <= 255


def test_a_webhook_is_signed_over_time_and_body(
    desk: Desk, sink: HttpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHARED", "s3cret")
    desk.notifier(
        f"channels:\n  hook:\n    kind: webhook\n    url: {sink.url}/in\n    secret: ${{SHARED}}\n"
        "    headers: {X-Team: research}\n"
    ).send(ALERT)
    (request,) = sink.received
    moment = request.headers["X-Omnilab-Timestamp"]
    expected = hmac.new(b"s3cret", moment.encode() + b"." + request.body, hashlib.sha256).hexdigest()
    assert request.headers["X-Omnilab-Signature"] == f"sha256={expected}"
    assert moment == str(int(desk.now.timestamp()))
    assert request.headers["X-Team"] == "research"
    assert request.json["labels"] == {"run": "r1", "host": "a"}
    assert request.json["resolved"] is False


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_server_in_trouble_is_tried_again_with_longer_waits(
    desk: Desk, sink: HttpSink, status: int
) -> None:
    sink.answers = [(status, "busy"), (status, "busy")]
    (delivery,) = desk.notifier(slack(sink)).send(ALERT)
    assert (delivery.outcome, delivery.attempts) == ("told", 3)
    assert desk.waits == [0.5, 1.0]


@pytest.mark.parametrize("status", [400, 403, 404, 410])
def test_a_refusal_is_final(desk: Desk, sink: HttpSink, status: int) -> None:
    sink.answers = [(status, "no_service")]
    (delivery,) = desk.notifier(slack(sink)).send(ALERT)
    assert (delivery.outcome, delivery.attempts) == ("failed", 1)
    assert str(status) in delivery.detail
    assert "no_service" in delivery.detail
    assert len(sink.received) == 1


def test_a_redirection_is_not_followed(desk: Desk, sink: HttpSink) -> None:
    sink.answers = [(307, ""), (302, "")]
    (delivery,) = desk.notifier(slack(sink)).send(ALERT)
    assert delivery.outcome == "failed"
    assert [request.path for request in sink.received] == ["/hook"], "a secret goes where it was sent"


def test_a_channel_that_fails_or_hangs_stops_no_other(desk: Desk, sink: HttpSink, silent: HttpSink) -> None:
    # Nothing listens on port 9 of this machine, the port of "discard".
    text = (
        f"timeout: 0.1s\nchannels:\n  dead: {{kind: slack, url: 'http://127.0.0.1:9/x'}}\n"
        f"  silent: {{kind: slack, url: '{silent.url}/x'}}\n  well: {{kind: slack, url: '{sink.url}/x'}}\n"
    )
    deliveries = desk.notifier(text).send(ALERT)
    assert [(d.channel, d.outcome) for d in deliveries] == [
        ("dead", "failed"),
        ("silent", "failed"),
        ("well", "told"),
    ]
    assert len(silent.received) == 3, "a timeout is tried again"


@pytest.mark.parametrize("status", [403, 500])
def test_no_secret_is_told_logged_or_shown(
    desk: Desk,
    sink: HttpSink,
    status: int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("TOKEN", "T0/K3N?")
    url = f"{sink.url}/T0/K3N?"
    sink.answers = [(status, f"no {url} T0\\/K3N? T0%2FK3N%3F")] * 3
    with caplog.at_level(logging.DEBUG):
        notifier = desk.notifier(slack(sink, "/${TOKEN}"))
        (delivery,) = notifier.send(ALERT)
    assert sink.received[0].path == "/T0/K3N?"
    seen = [repr(delivery), caplog.text, repr(notifier.settings), str(notifier.settings.channels["desk"])]
    assert all("K3N" not in text for text in seen), seen
    assert "${TOKEN}" in notifier.settings.channels["desk"].address


def test_mail_goes_to_all_with_the_facts(desk: Desk) -> None:
    with smtp_sink() as server:
        text = mail(server, "security: none", "to: [desk@example.org, risk@example.org]")
        (delivery,) = desk.notifier(text).send(Alert("error", "é\r\nBcc: x@example.org", "Ünder.", "k"))
    assert delivery.outcome == "told", delivery
    assert [c for c in server.commands if c.startswith("rcpt")] == [
        "rcpt TO:<desk@example.org>",
        "rcpt TO:<risk@example.org>",
    ]
    message = email.message_from_bytes(server.messages[0], policy=email.policy.default)
    assert message["Subject"] == "[error] é Bcc: x@example.org"
    assert "Bcc" not in message
    assert message["To"] == "desk@example.org, risk@example.org"
    assert message.get_content().startswith("Ünder.")


@pytest.mark.skipif(OPENSSL is None, reason=WHY_NO_TLS)
@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_mail_logs_in_over_a_safe_connection(
    desk: Desk, tmp_path: Path, security: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", "pw")
    ca_file, context = certificate(tmp_path)
    login = (f"security: {security}", "user: omni", "password: ${MAIL_PASSWORD}")
    with smtp_sink(context, from_the_start=security == "tls") as server:
        (safe,) = desk.notifier(mail(server, *login, f"ca_file: {ca_file}")).send(ALERT)
        (unknown,) = desk.notifier(mail(server, *login)).send(Alert("error", "another"))
    assert safe.outcome == "told", safe
    assert any(command.startswith("AUTH PLAIN") for command in server.commands)
    assert len(server.messages) == 1
    assert (unknown.outcome, unknown.attempts) == ("failed", 1), "a certificate nobody vouches for"


def test_a_mail_server_without_starttls_gets_no_password(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", "pw")
    with smtp_sink() as server:
        (delivery,) = desk.notifier(mail(server, "user: omni", "password: ${MAIL_PASSWORD}")).send(ALERT)
    assert delivery.outcome == "failed"
    assert "STARTTLS" in delivery.detail
    assert not any(command.startswith("AUTH") for command in server.commands)


@pytest.mark.parametrize(("answer", "attempts"), [("450 later", 3), ("550 nobody here", 1)])
def test_mail_is_tried_again_only_when_the_server_says_later(desk: Desk, answer: str, attempts: int) -> None:
    with smtp_sink() as server:
        server.refuse = {"MAIL": answer}
        (delivery,) = desk.notifier(mail(server, "security: none")).send(ALERT)
    assert (delivery.outcome, delivery.attempts) == ("failed", attempts)
    assert answer[4:] in delivery.detail


def test_text_that_no_encoding_holds_is_told_all_the_same(desk: Desk, sink: HttpSink) -> None:
    with smtp_sink() as server:
        text = slack(sink) + mail(server, "security: none").removeprefix("channels:\n")
        odd = Alert("info", "a\udcff\0b", "\udcff" * 3, labels={"\udcff": "\udcff"})
        deliveries = desk.notifier(text).send(odd)
    assert [each.outcome for each in deliveries] == ["told", "told"], deliveries
