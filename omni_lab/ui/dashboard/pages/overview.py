"""Overview: what the account is worth, what it risks, what runs, what is wrong and how the system is."""

from __future__ import annotations

from typing import Any

from omni_lab.errors import OmniError
from omni_lab.messaging.bus import Subscription
from omni_lab.pipelines.jobs import QUEUED, RUNNING, Job
from omni_lab.system.people import Action
from omni_lab.ui.dashboard.components import Chart, Gauges, Line, Live, Tile, Tiles, columns, rows
from omni_lab.ui.dashboard.components.gauges import headroom_gauges
from omni_lab.ui.dashboard.page import Page
from omni_lab.ui.dashboard.session import Session, fold
from omni_lab.ui.dashboard.summaries import account_tiles, alert_rows, health_rows, job_rows

_TILES = (
    Tile(key="equity", label="Equity", kind="number"),
    Tile(key="pnl_day", label="PnL today", kind="pnl"),
    Tile(key="gross", label="Gross exposure", kind="money"),
    Tile(key="net", label="Net exposure", kind="money"),
    Tile(key="open", label="Open positions", kind="int"),
)
_ACCOUNT_S, _EQUITY_S, _RISK_S, _JOBS_S, _HEALTH_S = 0.25, 1.0, 1.0, 2.0, 2.0
_MOST_GAUGES = 6


class Overview:
    """The parts of the page, and what fills them.

    Parameters
    ----------
    session : Session
    """

    def __init__(self, session: Session) -> None:
        self.session, self.services = session, session.services
        self.tiles = Tiles(*_TILES)
        self.equity = Chart(
            "Equity",
            Line(label="Equity", colour="accent", drawdown=True),
            kind="number",
            height=270,
            empty=("No sample of the account yet.", "The first one comes within a second."),
        )
        self.limits = Gauges(
            "Limits most used",
            empty=("The account has no limits.", "Set some on Positions & risk (g r)."),
        )
        self.alerts = Live(
            "alerts",
            {"title": "Alerts", "empty": ["Nothing is wrong.", "Alerts appear here as they open."]},
            heard=self._heard,
        )
        self.jobs = Live(
            "jobs", {"title": "Running jobs", "empty": ["No job runs.", "Start one on Backtests (g t)."]}
        )
        self.health = Live("facts", {"title": "Health", "empty": ["Nothing is known yet.", ""]})

    def begin(self) -> None:
        """Fill the parts while the page is shown."""
        session = self.session
        place: dict[str, Subscription] = {}
        account: dict[str, Any] = {}
        orders: dict[str, Any] = {}

        def look() -> None:
            nonlocal account, orders
            for topic in ("account", "orders"):
                if topic not in place and (stream := self.services.bus.find(topic)) is not None:
                    place[topic] = stream.follow(most_behind=64)
            if "account" not in place or not self.tiles.free:
                return
            account, _, news = fold(place["account"], account)
            if "orders" in place:
                orders, _, moved = fold(place["orders"], orders)
                news = news or moved
            if news:
                self.tiles.show(account_tiles(account, len(orders.get("orders", {}))))

        session.every(_ACCOUNT_S, look)
        session.every(_EQUITY_S, self._grow)
        session.every(_RISK_S, self._measure)
        session.every(_JOBS_S, self._list_jobs)
        session.every(_HEALTH_S, self._check)
        session.follow("alerts", self._alert, seconds=0.5)
        if self.services.bus.find("alerts") is None:
            self.alerts.show({"alerts": []})

    def _grow(self) -> None:
        if self.equity.free:
            found = self.services.system.equity(since=self.equity.since)
            self.equity.extend(found.ts, found.equity)

    async def _measure(self) -> None:
        system = self.services.system
        room = await self.session.background(system.headroom)
        account = str(self.session.status.get("account", "desk"))
        self.limits.show({"gauges": headroom_gauges(room, account, most=_MOST_GAUGES)})

    async def _list_jobs(self) -> None:
        self.jobs.show({"jobs": job_rows(await self.session.background(self._unfinished))})

    def _unfinished(self) -> list[Job]:
        jobs = self.services.jobs
        return [*jobs.list(state=RUNNING, most=8), *jobs.list(state=QUEUED, most=4)]

    async def _check(self) -> None:
        journal = await self.session.background(self.services.system.journal)
        told = self.services.notifier is not None
        self.health.show({"facts": health_rows(self.session.status, journal, told=told)})

    def _alert(self, state: dict[str, Any], _: list[Any]) -> None:
        why_not = self.session.why_not(Action.READ)
        if not self.session.person.may(Action.TRADE):
            why_not = f"The role {self.session.person.role.value} may not acknowledge."
        self.alerts.show({"alerts": alert_rows(state.get("open", {}), why_not)})

    def _heard(self, said: dict[str, Any]) -> None:
        if isinstance(key := said.get("acknowledge"), str):
            self.session.start(self._acknowledge(key))

    async def _acknowledge(self, key: str) -> None:
        watch = self.services.watch
        if watch is None:
            self.session.say("Nobody watches this system: there is nothing to acknowledge.", "warn")
            return
        try:
            await self.session.background(watch.acknowledge, key, who=self.session.person)
        except OmniError as error:
            self.session.fail(error)


def view(session: Session) -> Any:
    """What is shown."""
    overview = Overview(session)
    overview.begin()
    return rows(
        overview.tiles,
        columns(overview.equity, overview.limits, widths=(2, 1), least=300),
        columns(overview.alerts, overview.jobs, overview.health, least=300),
    )


PAGE = Page(title="Overview", key="o", slug="overview", view=view)
