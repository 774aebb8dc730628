"""Overview in a browser: what it shows is what the system says."""

from __future__ import annotations

from pathlib import Path

import pytest

from omni_lab.system import LOCAL, Ticket
from omni_lab.system.people import Person, Role
from omni_lab.ui.dashboard.summaries import account_tiles, alert_rows, health_rows
from tests.ui.browser import Page
from tests.ui.dashboard.served import Served, accessibility, complaints, go, picture, says, script, wait

TILE = "one('section.tile[aria-label=\"{}\"] .value').textContent"


def money(value: float, decimals: int = 0) -> str:
    return f"{value:,.{decimals}f}".replace("-", "−")


def test_the_numbers_are_those_of_the_account(page: Page, served: Served) -> None:
    system = served.services.system
    wait(lambda: system.book("AAPL").best_ask)
    order = system.submit(Ticket(symbol="AAPL", side="BUY", qty=300), who=LOCAL)
    assert order.state == "FILLED"
    go(page, served, "overview")
    page.wait(script(TILE.format("Open positions") + " === '1'"))

    def agrees() -> bool:
        shown = [
            page.value(script(TILE.format(name))) for name in ("Equity", "Gross exposure", "Net exposure")
        ]
        now = system.account()
        return bool(shown == [money(now.equity, 2), money(now.gross), money(now.net)])

    wait(agrees)
    assert system.account().gross > 0
    says(page, "section.box[aria-label=Health] li", "2 fills" if system.status().n_fills == 2 else "fill")
    page.wait(script("box('Equity').querySelector('canvas').getAttribute('aria-label').includes('Equity, ')"))


@pytest.mark.parametrize("width", [1440, 1024, 390])
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_it_is_good_to_look_at(page: Page, served: Served, artefacts: Path, theme: str, width: int) -> None:
    go(page, served, "overview", theme=theme, width=width, height=900)
    says(page, "section.box[aria-label=Health] li", "Journal")
    page.wait(script("!all('.skeleton').some(e => e.getBoundingClientRect().width)"))
    assert page.value("document.documentElement.scrollWidth") <= width
    assert accessibility(page) == []
    assert complaints(page) == []
    picture(page, artefacts, f"overview-{theme}-{width}")


def test_an_alert_is_acknowledged_by_who_may(page: Page, served: Served) -> None:
    services = served.services
    assert services.watch is not None
    services.system.kill(who=LOCAL, why="a drill")
    try:
        served.person = Person("vera", Role.VIEWER)
        go(page, served, "overview")
        page.wait(script("box('Alerts').querySelector('li button')?.disabled"))
        assert "viewer" in page.value(script("box('Alerts').querySelector('li button').title"))
        served.person = Person("tess", Role.TRADER)
        go(page, served, "overview")
        says(page, "#omni-mode", "HALTED")
        page.click(script("box('Alerts').querySelector('li button:not(:disabled)')"))
        says(page, "section.box[aria-label=Alerts] li", "seen by tess")
        assert [each["acknowledged_by"] for each in services.watch.open().values()] == ["tess"]
    finally:
        services.system.reset(who=LOCAL, why="the drill is over")


def test_tiles_say_what_a_number_is_of() -> None:
    account = {
        "equity": 1_010_000.0,
        "capital": 1e6,
        "pnl_day": -5_000.0,
        "gross": 505_000.0,
        "net": -101_000.0,
    }
    told = account_tiles(account | {"positions": {"A": {"qty": 5.0}, "B": {"qty": 0.0}}}, 2)
    assert told["equity"]["note"] == "+1.00% since the start"
    assert told["pnl_day"]["note"] == "−0.50% of capital"
    assert told["gross"]["note"] == "50.00% of equity"
    assert told["net"]["note"] == "−10.00% of equity"
    assert told["open"] == {"value": 1, "note": "2 open orders"}
    assert account_tiles({}, 0)["gross"] == {"value": None, "note": ""}


def test_unseen_and_severe_alerts_come_first() -> None:
    alerts = {
        "seen": {
            "severity": "critical",
            "text": "s",
            "ts": 9,
            "acknowledged": True,
            "acknowledged_by": "ann",
        },
        "old": {"severity": "warning", "text": "o", "ts": 1, "acknowledged": False},
        "new": {"severity": "warning", "text": "n", "ts": 2, "acknowledged": False},
        "bad": {"severity": "critical", "text": "b", "ts": 0, "acknowledged": False},
    }
    rows = alert_rows(alerts, None)
    assert [row["key"] for row in rows] == ["bad", "new", "old", "seen"]
    assert [row["by"] for row in rows] == [None, None, None, "ann"]


def test_a_stale_market_is_bad_health_until_it_has_ended() -> None:
    def market(**status: object) -> str:
        return str(health_rows(status, None, told=False)[0]["word"])

    assert market(state="RUNNING", feed_age_s=0.1) == "fresh"
    assert market(state="RUNNING", feed_age_s=2.1) == "stale"
    assert market(state="FINISHED", feed_age_s=99.0) == "fresh"
    assert market(state="RUNNING") == "silent"
