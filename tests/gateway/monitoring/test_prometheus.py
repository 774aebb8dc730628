"""A real Prometheus scrapes a real gateway: rules load, an alert fires and is told, the dashboard draws."""

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from omni_lab.execution.limits import Limits
from omni_lab.gateway.settings import GatewaySettings
from omni_lab.system import LOCAL
from omni_lab.system.people import Action
from tests.gateway.monitoring.prometheus import DEPLOY, Prometheus, alertmanager, program, prometheus
from tests.gateway.monitoring.test_watch import channels
from tests.gateway.rest.serving import Gateway, serving
from tests.messaging.sinks import HttpSink, SmtpSink, http_sink, smtp_sink
from tests.system.systems import served

PATIENCE_S = 60.0
HERE = Path(__file__).parent
# Of Prometheus itself, and series that are there once something has happened.
NOT_OURS = {"up"}


@dataclass
class Watched:
    """A gateway with users, what its own alerts go to, a Prometheus that scrapes it, and what those go to."""

    gateway: Gateway
    hook: HttpSink
    mail: SmtpSink
    prometheus: Prometheus
    pager: HttpSink


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    program("prometheus")
    home = tmp_path_factory.mktemp("house")
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("no_proxy", "127.0.0.1")
        hook, pager = stack.enter_context(http_sink()), stack.enter_context(http_sink())
        mail = stack.enter_context(smtp_sink())
        (home / "alerts.yaml").write_text(channels(hook.url, mail.port))
        limits = Limits(max_order_qty=1_000.0, max_daily_loss=10_000.0)
        services = stack.enter_context(served(home, limits=limits))
        settings = GatewaySettings(port=0, users=True)
        gateway = stack.enter_context(serving(services, tmp_path_factory.mktemp("users"), settings))
        gateway.people()
        key, _ = gateway.security.keys.make("viewer", label="prometheus", scopes=[Action.READ])
        target = gateway.url.removeprefix("http://")
        manager = stack.enter_context(alertmanager(pager.url, tmp_path_factory.mktemp("alertmanager")))
        directory = tmp_path_factory.mktemp("prometheus")
        scraper = stack.enter_context(prometheus(target, directory, key, manager))
        yield Watched(gateway, hook, mail, scraper, pager)


def eventually(found: Callable[[], Any]) -> Any:
    until = time.monotonic() + PATIENCE_S
    while not (value := found()):
        assert time.monotonic() < until
        time.sleep(0.1)
    return value


def expressions(dashboard: dict[str, Any]) -> list[str]:
    """What the dashboard asks, with its variables filled in."""
    asked = [each["expr"] for panel in dashboard["panels"] for each in panel.get("targets", ())]
    asked += [each["expr"] for each in dashboard["annotations"]["list"]]
    return [each.replace("$__rate_interval", "1m").replace("$instance", ".*") for each in asked]


def names(expression: str) -> set[str]:
    """Metrics that an expression names."""
    bare = re.sub(r'"[^"]*"', '""', expression)
    return set(re.findall(r"\b(?:omni|process|python|up)(?:_[a-z0-9_]+)?\b", bare))


def test_the_rules_are_what_promtool_takes_and_do_what_they_should() -> None:
    tool = program("promtool")
    for command in (
        ["check", "rules", str(DEPLOY / "alerts.yml")],
        ["check", "config", str(DEPLOY / "prometheus.yml")],
        ["test", "rules", "alerts_test.yml"],
    ):
        done = subprocess.run([tool, *command], cwd=HERE, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "SUCCESS" in done.stdout


def test_the_alertmanager_takes_its_file() -> None:
    tool = program("amtool", "prometheus-alertmanager")
    command = [tool, "check-config", str(DEPLOY / "alertmanager.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 receivers" in done.stdout


def test_prometheus_scrapes_and_every_metric_of_rules_and_dashboard_is_there(watched: Watched) -> None:
    asked = watched.prometheus
    eventually(lambda: asked.value('up{job="omni_lab"}') == [1.0])
    watched.gateway.client.get("/api/v1/system", headers=watched.gateway.headers("viewer"))
    eventually(lambda: asked.value('omni_http_requests_total{route="/api/v1/system"}'))
    known = set(asked.ask("label/__name__/values")) | NOT_OURS
    dashboard = json.loads((DEPLOY / "grafana.json").read_text())
    rules = yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"][0]["rules"]
    wanted = expressions(dashboard) + [rule["expr"] for rule in rules]
    assert len(wanted) > 40
    seen_once = {"omni_sockets", "omni_socket_messages_total"}
    for expression in wanted:
        found = names(expression)
        assert found, expression
        assert found - seen_once <= known, expression
        asked.ask("query", query=expression)  # Prometheus can read it
    loaded = asked.ask("rules")["groups"][0]["rules"]
    assert {each["name"] for each in loaded} == {rule["alert"] for rule in rules}
    eventually(lambda: all(each["health"] == "ok" for each in asked.ask("rules")["groups"][0]["rules"]))


def test_panels_have_their_places(watched: Watched) -> None:
    dashboard = json.loads((DEPLOY / "grafana.json").read_text())
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(set(places)) == len(places), "none lies over another"
    assert max(x for x, _ in places) < 24
    assert all(panel["title"] for panel in panels)


def test_a_kill_switch_reaches_people_by_the_alertmanager_and_from_here(watched: Watched) -> None:
    asked, system = watched.prometheus, watched.gateway.services.system
    eventually(lambda: asked.value("omni_halted") == [0.0])
    system.kill(who=LOCAL, why="a test of alerts")
    try:
        firing = eventually(
            lambda: [
                each
                for each in asked.ask("alerts")["alerts"]
                if each["state"] == "firing" and each["labels"]["alertname"] == "OmniLabHalted"
            ]
        )
        assert firing[0]["labels"]["severity"] == "critical"
        assert firing[0]["annotations"]["summary"].startswith("1 kill switches of 127.0.0.1:")
        (told,) = eventually(lambda: halts(watched.pager, "firing"))
        assert told["annotations"] == firing[0]["annotations"]
        eventually(lambda: watched.hook.received and watched.mail.messages)
        said = watched.hook.received[0].json
        assert (said["severity"], said["key"]) == ("critical", "test:halted:account desk")
        assert "a test of alerts" in said["title"]
        assert b"a test of alerts" in watched.mail.messages[0]
    finally:
        system.reset(who=LOCAL, why="over")
    eventually(lambda: not [a for a in asked.ask("alerts")["alerts"] if "Halted" in a["labels"]["alertname"]])
    eventually(lambda: [each for each in watched.hook.received if each.json["resolved"]])
    eventually(lambda: halts(watched.pager, "resolved"))


def halts(pager: HttpSink, status: str) -> list[Any]:
    """Alerts of a kill switch that the Alertmanager told of, in the first message that has any."""
    for message in pager.received:
        found = [each for each in message.json["alerts"] if each["labels"]["alertname"] == "OmniLabHalted"]
        if wanted := [each for each in found if each["status"] == status]:
            return wanted
    return []
