"""System: how long commands take, how fast messages come, the journal, the streams and who looks at them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from omni_lab.figures import latency_figure, words
from omni_lab.messaging.alerts import Delivery
from omni_lab.messaging.bus import Bus
from omni_lab.system.people import Action
from omni_lab.system.views import JournalState
from omni_lab.typing import AnyArray
from omni_lab.ui.dashboard.components import (
    Chart,
    Column,
    Line,
    Live,
    Picture,
    Table,
    Tile,
    Tiles,
    columns,
    rows,
)
from omni_lab.ui.dashboard.components.buttons import Button, Buttons
from omni_lab.ui.dashboard.page import Page
from omni_lab.ui.dashboard.session import Session
from omni_lab.ui.dashboard.shell import OPEN

_TILES = (
    Tile(key="rate", label="Market events a second", kind="int"),
    Tile(key="events", label="Market events", kind="int"),
    Tile(key="orders", label="Own orders", kind="int"),
    Tile(key="frames", label="Frames in the journal", kind="int"),
    Tile(key="screens", label="Screens open", kind="int"),
)
_STREAMS = (
    Column(key="topic", label="Stream"),
    Column(key="sequence", label="Changes", kind="int"),
    Column(key="rate", label="A second", kind="number", decimals=1),
    Column(key="epoch", label="Epoch"),
)
_LOOK_S, _DRAW_S = 1.0, 5.0
_KEPT = 900


class SystemPage:
    """The parts of the page, and what fills them.

    Parameters
    ----------
    session : Session
    """

    def __init__(self, session: Session) -> None:
        self.session, self.services = session, session.services
        self.tiles = Tiles(*_TILES)
        nothing = ("Nothing was measured yet.", "Commands are timed as they come.")
        self.latency = Live("latency", {"title": "Latency of commands", "empty": list(nothing)})
        self.histograms = Picture("How long commands took", session, height=300)
        self.rates = Chart(
            "Market events a second",
            Line(label="events/s"),
            kind="int",
            windows=("1m", "5m", "15m"),
            height=200,
        )
        self.journal = Live("facts", {"title": "Journal", "empty": ["Nothing is known yet.", ""]})
        self.verify = Buttons("Journal", Button(name="hash", label="Hash of the state", press=self._hash))
        self.channels = Buttons(
            "Alert channels", Button(name="test", label="Test alert channels", press=self._test)
        )
        self.streams = Table("Streams", _STREAMS, key="topic", session=session, filters=False, downloads=())
        self._ts: list[int] = []
        self._rates: list[float] = []
        self._counted: tuple[float, dict[str, int]] = (time.monotonic(), {})
        self._hashed: str | None = None
        self._n_drawn = -1

    def begin(self) -> None:
        """Fill the parts while the page is shown."""
        self.session.every(_LOOK_S, self._look)
        self.session.every(_DRAW_S, self._draw)
        self.channels.dress({"test": self._why_untested()})

    async def _look(self) -> None:
        system = self.services.system
        journal = await self.session.background(system.journal)
        stages = await self.session.background(system.latency)
        status = self.session.status
        self.tiles.show(system_tiles(status, journal, n_screens=len(OPEN)))
        self.latency.show({"stages": stage_rows(stages)})
        self.journal.show({"facts": journal_rows(journal, self._hashed)})
        now, before = time.monotonic(), self._counted
        self._counted = (now, counts_of(self.services.bus))
        self.streams.fill(stream_rows(self.services.bus, before, now))
        if "market_rate" in status and (not self._ts or status["wall_ts"] > self._ts[-1]):
            self._ts = [*self._ts, status["wall_ts"]][-_KEPT:]
            self._rates = [*self._rates, status["market_rate"]][-_KEPT:]
        self.rates.extend(np.array(self._ts, np.int64), np.array(self._rates))

    async def _draw(self) -> None:
        stages = await self.session.background(self.services.system.latency_histograms)
        n_measured = sum(int(counts.sum()) for _, counts in stages.values())
        if n_measured != self._n_drawn:
            self._n_drawn = n_measured
            self.histograms.draw(lambda theme: latency_figure(stages, theme=theme), ("latency", n_measured))

    def _why_untested(self) -> str | None:
        if (why_not := self.session.why_not(Action.ADMINISTER)) is not None:
            return why_not
        return (
            None if self.services.notifier is not None else "No channels are configured (data/alerts.yaml)."
        )

    def _test(self) -> None:
        self.session.start(self._try_channels())

    async def _try_channels(self) -> None:
        watch = self.services.watch
        assert watch is not None, "a button that cannot be pressed was pressed"
        self.channels.dress({"test": "They are being tested."}, said="…")
        try:
            found = await self.session.background(watch.test, who=self.session.person)
        finally:
            self.channels.dress({"test": self._why_untested()})
        self.channels.dress(said=deliveries_text(found))

    def _hash(self) -> None:
        self.session.start(self._verify())

    async def _verify(self) -> None:
        self.verify.dress({"hash": "It is being computed."}, said="…")
        found = await self.session.background(self.services.system.journal, hashed=True)
        self._hashed = found.state_hash
        self.verify.dress(said=f"at frame {words.number(found.sequence, 0)}")
        self.journal.show({"facts": journal_rows(found, self._hashed)})


def deliveries_text(deliveries: Iterable[Delivery]) -> str:
    """What came of a test of the channels, as one line."""
    said = (
        f"{each.channel}: {each.outcome}{f' ({each.detail})' if each.detail else ''}" for each in deliveries
    )
    return "; ".join(said)


def system_tiles(
    status: Mapping[str, Any], journal: JournalState, *, n_screens: int
) -> dict[str, dict[str, Any]]:
    """The numbers above the page."""
    age = status.get("feed_age_s")
    return {
        "rate": {"value": status.get("market_rate"), "note": status.get("source", "")},
        "events": {
            "value": status.get("n_market_events"),
            "note": "" if age is None else f"last one {words.number(age, 1)} s ago",
        },
        "orders": {
            "value": status.get("n_orders"),
            "note": words.count(status.get("n_fills", 0), "fill"),
        },
        "frames": {"value": journal.sequence, "note": f"{words.number(journal.n_bytes / 2**20, 1)} MiB"},
        "screens": {"value": n_screens, "note": "of the dashboard"},
    }


def stage_rows(stages: Mapping[str, AnyArray]) -> list[dict[str, Any]]:
    """Stages that were measured, from ``system.latency()``; durations in nanoseconds."""
    if not len(stages.get("stage", ())):
        return []
    names = {
        "name": "stage",
        "count": "count",
        "p50": "p50_ns",
        "p99": "p99_ns",
        "p999": "p999_ns",
        "most": "max_ns",
    }
    table = zip(*(stages[column].tolist() for column in names.values()), strict=True)
    return [dict(zip(names, row, strict=True)) for row in table]


def journal_rows(journal: JournalState, state_hash: str | None) -> list[dict[str, Any]]:
    """What is known of the journal, as a list of facts draws it."""
    kept = journal.directory is not None
    told = [
        ("Kept", "good" if kept else "warn", "yes" if kept else "no", journal.directory or "in memory alone"),
        ("Frames", "info", words.number(journal.sequence, 0), f"{words.number(journal.n_bytes, 0)} bytes"),
        ("Durability", "info", journal.durability, "when a command counts as written"),
        ("Recovered", "info", words.number(journal.recovered_frames, 0), "frames read again at the start"),
    ]
    if state_hash is not None:
        told.append(("State", "good", "SHA-256", state_hash))
    return [
        {"key": label, "label": label, "tone": tone, "word": word, "text": text}
        for label, tone, word, text in told
    ]


def counts_of(bus: Bus) -> dict[str, int]:
    """Number of the last change of each stream."""
    return {topic: stream.sequence for topic in bus.topics if (stream := bus.find(topic)) is not None}


def stream_rows(bus: Bus, before: tuple[float, Mapping[str, int]], now: float) -> list[dict[str, Any]]:
    """Streams of a bus, and how many changes a second they had since they were counted.

    Parameters
    ----------
    bus : Bus
    before : (float, mapping)
        When they were counted, in seconds, and what `counts_of` was then.
    now : float
        Seconds.
    """
    then, counted = before
    found = []
    for topic, sequence in counts_of(bus).items():
        stream = bus.find(topic)
        seconds = now - then
        rate = (sequence - counted[topic]) / seconds if topic in counted and seconds > 0 else None
        epoch = stream.epoch[:12] if stream is not None else ""
        found.append({"topic": topic, "sequence": sequence, "rate": rate, "epoch": epoch})
    return found


def view(session: Session) -> Any:
    """What is shown."""
    page = SystemPage(session)
    page.begin()
    return rows(
        page.tiles,
        columns(page.histograms, page.latency, widths=(1, 1), least=400),
        columns(page.rates, rows(page.journal, page.verify, page.channels), widths=(1, 1), least=300),
        page.streams,
    )


PAGE = Page(title="System", key="s", slug="system", view=view)
