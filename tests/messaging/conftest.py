"""A server that takes alerts, and notifiers whose clock and patience a test holds."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from omni_lab.messaging.alerts import Notifier, read_alert_settings
from tests.messaging.sinks import HttpSink, http_sink

MONDAY_NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@dataclass
class Desk:
    """A file of channels, and a clock."""

    directory: Path
    now: datetime = MONDAY_NOON
    waits: list[float] = field(default_factory=list)

    def write(self, text: str) -> Path:
        path = self.directory / "alerts.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    def notifier(self, text: str) -> Notifier:
        """A new one, as after a restart: all it can know is in the files."""
        settings = read_alert_settings(self.write(text))
        state = self.directory / "alerts.sqlite"
        return Notifier(settings, state, clock=lambda: self.now, wait=self.waits.append)

    def later(self, **passed: float) -> None:
        self.now += timedelta(**passed)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return Desk(tmp_path)


@pytest.fixture
def sink() -> Iterator[HttpSink]:
    with http_sink() as serving:
        yield serving


@pytest.fixture
def silent() -> Iterator[HttpSink]:
    """A server that takes a request and never answers."""
    with http_sink() as serving:
        serving.hang = threading.Event()
        try:
            yield serving
        finally:
            serving.hang.set()
