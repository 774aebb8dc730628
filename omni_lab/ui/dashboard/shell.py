"""`Shell`: the frame of a session. It opens and leaves pages, keeps the status bar and takes the keys."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any
from weakref import WeakSet

import numpy as np

from omni_lab.errors import OmniError
from omni_lab.ui.dashboard.components.boxes import error_card
from omni_lab.ui.dashboard.components.kill import kill_dialog
from omni_lab.ui.dashboard.components.live import Live
from omni_lab.ui.dashboard.page import Page
from omni_lab.ui.dashboard.scope import Scope
from omni_lab.ui.dashboard.session import STALE_S, Session, fold
from omni_lab.ui.panels import pn

logger = logging.getLogger(__name__)

EXCHANGE_ZONE = "America/New_York"
_STATUS_S = 0.5
_LATENCY_EVERY = 4
_LABELS = {"backtest": "RESEARCH", "replay": "REPLAY", "paper": "PAPER"}
_STOPPED = frozenset({"HALTED", "FAILED", "STOPPED", "RECOVERING"})


OPEN: WeakSet[Shell] = WeakSet()
"""Frames of the sessions that are open in this process."""


class Shell:
    """The frame of a session.

    Parameters
    ----------
    session : Session
    pages : sequence of Page
        Those of the navigation.
    paths : mapping of str to str or None
        Address of each page; None where all share one and the query says which.
    """

    def __init__(self, session: Session, pages: Sequence[Page], paths: Mapping[str, str] | None) -> None:
        self.session = session
        self.pages = {page.slug: page for page in pages}
        self._life = Scope(session.document, session.fail)
        self._place: Any = None
        self._p99_us: float | None = None
        self._n_looks = 0
        self._asked: dict[int, asyncio.Future[bool]] = {}
        options = {
            "page": session.page,
            "paths": dict(paths) if paths else None,
            "exchange_zone": EXCHANGE_ZONE,
            "stale_s": STALE_S,
        }
        hidden = {"width": 0, "height": 0, "margin": 0, "sizing_mode": "fixed"}
        self._bridge = Live("shell", options, heard=self._heard, **hidden)
        self._slot = pn.Column(sizing_mode="stretch_width", margin=0, min_height=1)
        # There from the start: what must open at once does not wait to be made.
        kill = kill_dialog(session)
        self.root = pn.Column(self._slot, kill, self._bridge, sizing_mode="stretch_width", margin=0)
        session.tell = self._bridge.tell
        session.open_kill = kill.open
        session.open_reset = kill.open_reset
        session.confirm_with = self._confirm
        self.opened = 0.0

    def begin(self) -> None:
        """Show the first page; once the browser is there, tell it how things are."""
        self.opened = time.monotonic()
        OPEN.add(self)
        self.open(self.session.page, self.session.query, focus=False)
        pn.state.onload(self._loaded)

    def end(self) -> None:
        """Nothing of it runs any longer."""
        OPEN.discard(self)
        for scope in (self.session.scope, self._life):
            scope.close()

    def open(self, slug: str, query: Mapping[str, str], *, focus: bool = True) -> None:
        """Leave the page that is shown, and show another one."""
        page = self.pages.get(slug)
        if page is None:
            return
        session = self.session
        session.scope.close()
        session.scope = Scope(session.document, session.fail)
        session.param.update(page=slug, query=dict(query))
        try:
            view = page.view(session)
        except OmniError as error:
            view = error_card(f"{page.title} cannot be shown", str(error))
        except Exception as error:
            logger.exception("page %s failed", slug)
            view = error_card(f"{page.title} cannot be shown", f"{type(error).__name__}; the log says more.")
        self._slot[:] = [view]
        self._bridge.tell({"here": slug, "title": page.title, "focus": focus})

    def _loaded(self) -> None:
        self._life.every(_STATUS_S, self._look)

    async def _look(self) -> None:
        services, session = self.session.services, self.session
        if self._place is None and (found := services.bus.find("system")) is not None:
            self._place = found.follow(most_behind=64)
        if self._n_looks % _LATENCY_EVERY == 0:
            self._p99_us = await session.background(self._latency)
        self._n_looks += 1
        if self._place is None:
            state = _plain(asdict(await session.background(services.system.status)))
        else:
            state, events, _ = fold(self._place, session.status)
            for event in events if session.status else ():
                if event.get("level") in ("WARNING", "ERROR"):
                    session.say(event["text"], "bad" if event["level"] == "ERROR" else "warn")
        session.status = state
        shown = state["state"] if state.get("state") in _STOPPED else _LABELS.get(state.get("mode", ""), "")
        # Told also where nothing changed: who hears nothing for a while knows that the connection is lost.
        self._bridge.show({**state, "feed_age_s": session.feed_age_s, "label": shown, "p99_us": self._p99_us})

    def _latency(self) -> float | None:
        """99th percentile of the slowest stage, microseconds."""
        found = np.asarray(self.session.services.system.latency().get("p99_ns", ()), dtype=float)
        return float(found.max()) / 1e3 if found.size and found.max() > 0 else None

    def _heard(self, said: dict[str, Any]) -> None:
        match said:
            case {"go": str(slug), "query": dict(query)}:
                self.open(slug, {str(name): str(value) for name, value in query.items()})
            case {"theme": "dark" | "light" as theme}:
                self.session.theme = theme
            case {"zone": str(zone)}:
                self.session.zone = zone
            case {"kill": True}:
                self.session.open_kill()
            case {"confirmed": int(number), "yes": bool(yes)}:
                asked = self._asked.pop(number, None)
                if asked is not None and not asked.done():
                    asked.set_result(yes)
            case _:
                logger.debug("the browser said something unknown")

    async def _confirm(self, question: dict[str, Any]) -> bool:
        number = max(self._asked, default=0) + 1
        self._asked[number] = asyncio.get_running_loop().create_future()
        self._bridge.tell({"confirm": {**question, "number": number}})
        return await self._asked[number]


def _plain(value: Any) -> Any:
    """As a stream has it: no NaN, no tuples."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value
