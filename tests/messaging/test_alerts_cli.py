"""``omni alerts``: who is there, whether they can be reached, and an alert from a script."""

import pytest
from typer.testing import CliRunner

from omni_lab.cli import app
from tests.messaging.conftest import Desk
from tests.messaging.sinks import HttpSink


@pytest.fixture
def channels(desk: Desk, sink: HttpSink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "T0K3N")
    text = f"channels:\n  desk: {{kind: slack, url: '{sink.url}/${{TOKEN}}', at_least: error}}\n"
    monkeypatch.setenv("OMNI_LAB_ALERTS", str(desk.write(text)))


@pytest.mark.usefixtures("channels")
def test_ls_shows_where_alerts_go_and_no_secret() -> None:
    done = CliRunner().invoke(app, ["alerts", "ls"])
    assert done.exit_code == 0
    assert "slack" in done.output
    assert "${TOKEN}" in done.output
    assert "T0K3N" not in done.output


@pytest.mark.usefixtures("channels")
def test_test_reaches_every_channel_and_fails_when_one_cannot_be(sink: HttpSink) -> None:
    assert CliRunner().invoke(app, ["alerts", "test"]).exit_code == 0
    sink.answers = [(404, "no_team T0K3N")]
    done = CliRunner().invoke(app, ["alerts", "test"])
    assert done.exit_code == 1
    assert "404" in done.output
    assert "T0K3N" not in done.output


@pytest.mark.usefixtures("channels")
def test_send_tells_an_alert_once(sink: HttpSink) -> None:
    command = ["alerts", "send", "disk full", "-s", "critical", "-l", "host=a", "--key", "disk"]
    assert "told" in CliRunner().invoke(app, command).output
    assert "repeated" in CliRunner().invoke(app, command).output
    assert len(sink.received) == 1


@pytest.mark.usefixtures("channels")
@pytest.mark.parametrize("wrong", [["-s", "loud"], ["-l", "nothing"]])
def test_what_cannot_be_sent_is_refused(wrong: list[str], sink: HttpSink) -> None:
    done = CliRunner().invoke(app, ["alerts", "send", "t", *wrong])
    assert done.exit_code == 2
    assert sink.received == []


def test_without_a_file_it_says_where_to_write_one(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMNI_LAB_ALERTS", str(desk.directory / "none.yaml"))
    done = CliRunner().invoke(app, ["alerts", "ls"])
    assert "none.yaml" in done.output.replace("\n", "")
