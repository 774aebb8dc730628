"""System in a browser: latency, journal and streams as the system tells them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from omni_lab.config import Settings
from omni_lab.messaging.bus import Bus
from omni_lab.system import LOCAL, SystemConfig
from omni_lab.system.people import Person, Role
from omni_lab.system.services import Services, open_services
from omni_lab.ui.dashboard.pages.system import counts_of, stage_rows, stream_rows
from tests.messaging.sinks import HttpSink, http_sink
from tests.ui.browser import Page
from tests.ui.dashboard.served import Served, accessibility, complaints, go, picture, rows_of, script, wait


@pytest.fixture(scope="module")
def hook() -> Iterator[HttpSink]:
    """Where alerts go."""
    with http_sink() as sink:
        yield sink


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory, hook: HttpSink) -> Iterator[Services]:
    """A paper system that has a channel for its alerts."""
    home = tmp_path_factory.mktemp("told")
    (home / "alerts.yaml").write_text(f"channels:\n  hook:\n    kind: webhook\n    url: {hook.url}/in\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("no_proxy", "127.0.0.1")
        with open_services(SystemConfig(name="told", symbols=("AAPL",)), Settings(data_dir=home)) as opened:
            yield opened


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_it_shows_what_the_system_tells(page: Page, served: Served, artefacts: Path, theme: str) -> None:
    services = served.services
    go(page, served, "system", theme=theme)
    wait(lambda: {row[0] for row in rows_of(page, "Streams")} == set(services.bus.topics))
    stages = [each["name"] for each in stage_rows(services.system.latency())]
    page.wait(script(f"box('Latency of commands').querySelectorAll('tbody tr').length == {len(stages)}"))
    page.wait(script("!!box('How long commands took').querySelector('svg')"))
    assert stages == ["journal", "gate", "book", "total"]
    page.click(script("said('button', 'Hash of the state')"))
    page.wait(script("/[0-9a-f]{64}/.test(box('Journal').textContent)"))
    assert page.value("document.documentElement.scrollWidth") <= 1440
    assert accessibility(page) == []
    assert complaints(page) == []
    picture(page, artefacts, f"system-{theme}")


def test_channels_are_tested_by_who_may(page: Page, served: Served, hook: HttpSink) -> None:
    served.person = Person("vera", Role.VIEWER)
    go(page, served, "system")
    page.wait(script("said('button', 'Test alert channels')?.disabled"))
    served.person = LOCAL
    go(page, served, "system")
    before = len(hook.received)
    page.click(script("said('button:not(:disabled)', 'Test alert channels')"))
    page.wait(script("!!said('.toolbar', 'hook: told')"))
    assert len(hook.received) == before + 1
    hook.answers.append((403, "no"))
    page.click(script("said('button:not(:disabled)', 'Test alert channels')"))
    page.wait(script("!!said('.toolbar', 'hook: failed')"))


def test_rates_are_changes_by_seconds() -> None:
    bus = Bus()
    stream = bus.open("a", epoch="e")
    before = (10.0, counts_of(bus))
    for _ in range(6):
        stream.publish({"n": 1})
    bus.open("b", epoch="f")
    assert stream_rows(bus, before, 12.0) == [
        {"topic": "a", "sequence": 6, "rate": 3.0, "epoch": "e"},
        {"topic": "b", "sequence": 0, "rate": None, "epoch": "f"},
    ]


def test_stages_that_were_not_measured_are_no_rows() -> None:
    assert stage_rows({}) == []
    names = ("count", "p50_ns", "p99_ns", "p999_ns", "max_ns")
    columns = {name: np.array([i]) for i, name in enumerate(names)}
    told = stage_rows({"stage": np.array(["gate"]), **columns})
    assert told == [{"name": "gate", "count": 0, "p50": 1, "p99": 2, "p999": 3, "most": 4}]
