"""The frame around the pages, in a browser, over a system that runs."""

from __future__ import annotations

import asyncio
import gc
import inspect
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from bokeh.document import Document

from omni_lab.errors import StateError
from omni_lab.messaging.bus import Bus
from omni_lab.system.people import Action, Person, Role
from omni_lab.system.services import Services
from omni_lab.ui.dashboard.pages import find_pages
from omni_lab.ui.dashboard.scope import Scope
from omni_lab.ui.dashboard.session import Session
from omni_lab.ui.dashboard.shell import OPEN, Shell
from tests.lengths import LONG
from tests.ui.browser import Page
from tests.ui.dashboard.served import (
    Served,
    accessibility,
    click,
    complaints,
    go,
    picture,
    says,
    script,
    serve,
    shown,
    wait,
)

ROUNDS = 200 if LONG else 4
FOCUS = "(e => { while (e?.shadowRoot?.activeElement) e = e.shadowRoot.activeElement; return e; })"
FOCUS += "(document.activeElement)"


def shell_of(page: Page) -> Shell:
    """The frame of the session that the browser has open: the newest."""
    shown(page)
    return max(OPEN, key=lambda each: each.opened)


def test_the_status_bar_tells_how_the_system_is(page: Page, served: Served) -> None:
    go(page, served, "overview")
    says(page, "#omni-mode", "PAPER")
    says(page, "#omni-feed", "live")
    says(page, "#omni-latency", "µs")
    assert page.value("document.querySelector('#omni-status').textContent").split()[-2:] == ["local", "admin"]


def test_nobody_else_is_asked(page: Page, served: Served) -> None:
    for slug in ("overview", "market"):
        go(page, served, slug)
    assert {host.split(":")[0] for host in page.hosts} == {"127.0.0.1"}


def test_pages_are_reached_by_keys_and_have_addresses(page: Page, served: Served) -> None:
    go(page, served, "overview")
    page.press("g")
    page.press("m")
    page.wait("location.pathname.endsWith('/market')")
    shown(page)
    assert page.value("document.querySelector('nav a[aria-current]').textContent").startswith("Market")
    assert page.value("document.title") == "Market · OmniLab"
    assert page.value(f"{FOCUS}.id") == "omni-title"
    page.value("history.back()")
    page.wait("location.pathname.endsWith('/overview')")
    shown(page)
    page.press("?")
    page.wait("document.querySelector('#omni-keys').open")
    assert accessibility(page) == []
    page.press("Escape")
    page.wait("!document.querySelector('#omni-keys').open")


def test_styles_are_found_from_every_page(page: Page, served: Served) -> None:
    page.open(served.url)
    page.wait("location.pathname.endsWith('/dashboard') && document.readyState == 'complete'")
    shown(page)
    for slug in ("market", "overview"):
        click(page, f"nav a[data-slug={slug}]")
        page.wait(f"location.pathname.endsWith('/dashboard/{slug}')")
        shown(page)
    assert complaints(page) == []


def test_the_focus_is_seen_and_first_skips_to_the_content(page: Page, served: Served) -> None:
    go(page, served, "overview")
    page.press("Tab")
    assert page.value(f"{FOCUS}.className") == "skip"
    for _ in range(6):
        page.press("Tab")
        assert page.value(f"getComputedStyle({FOCUS}).outlineStyle") != "none"
    page.value("document.querySelector('.skip').focus()")
    page.press("Enter")
    page.wait(f"{FOCUS}.id == 'main'")


def test_the_kill_dialog_is_opened_by_a_key_and_fires_nothing(page: Page, served: Served) -> None:
    go(page, served, "overview")
    page.press("K")
    page.wait(script("all('dialog').some(d => d.open)"))
    for _ in range(12):
        page.press("Tab")
        assert page.value(script(f"Boolean(({FOCUS}).closest('dialog') || ({FOCUS}).matches('body'))"))
    page.press("Escape")
    page.wait(script("!all('dialog').some(d => d.open)"))
    assert served.services.system.status().state == "RUNNING"


def test_theme_and_zone_are_chosen_and_kept(page: Page, served: Served) -> None:
    go(page, served, "overview")
    shell = shell_of(page)
    click(page, "#omni-theme")
    page.wait("document.documentElement.dataset.theme == 'light'")
    wait(lambda: shell.session.theme == "light")
    changed = "s.value = 'exchange'; s.dispatchEvent(new Event('change'));"
    page.value(f"(s => {{ {changed} }})(document.querySelector('#omni-zone'))")
    wait(lambda: shell.session.zone == "America/New_York")
    go(page, served, "overview")
    assert page.value("document.documentElement.dataset.theme") == "light"
    page.wait("document.querySelector('#omni-clock').textContent.match(/E[SD]T|GMT-[45]/)")
    click(page, "#omni-theme")
    page.value("localStorage.clear()")


def hand_made(services: Services, **status: Any) -> Services:
    """The same services on a bus where the streams say what a test wants."""
    bus = Bus()
    told = {
        "state": "RUNNING",
        "mode": "paper",
        "symbols": ["AAPL"],
        "feed_age_s": 0.0,
        "halted": {},
        **status,
    }
    bus.open("system", epoch="1").publish(told)
    return replace(services, bus=bus, watch=None)


def test_a_stale_market_is_covered_and_not_traded_on(page: Page, services: Services, artefacts: Any) -> None:
    silent = hand_made(services, feed_age_s=3.0)
    market = services.bus.stream("market.AAPL").snapshot().patch
    silent.bus.open("market.AAPL", epoch="1").publish(market)
    with serve(silent) as served:
        go(page, served, "market")
        says(page, "#omni-feed", " s")
        page.wait(script("all('.stale').filter(e => e.getBoundingClientRect().width).length >= 2"))
        picture(page, artefacts, "market-stale")
        assert shell_of(page).session.why_not(Action.TRADE) == "The market is stale."


def test_a_halt_is_told_on_every_page(page: Page, services: Services, artefacts: Any) -> None:
    halted = {"account desk": "ann: too much"}
    with serve(hand_made(services, state="HALTED", halted=halted)) as served:
        for slug in ("overview", "market"):
            go(page, served, slug)
            says(page, "#omni-mode", "HALTED")
            says(page, ".banner", "ann: too much")
        picture(page, artefacts, "halted")
        assert accessibility(page) == []


def test_a_page_that_fails_is_a_card_and_the_others_work(
    page: Page, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone() -> None:
        raise StateError("the system has not started", hint="Start it.")

    monkeypatch.setattr(services.system, "status", gone)
    with serve(hand_made(services)) as served:
        go(page, served, "market")
        says(page, ".failed", "Market cannot be shown")
        says(page, ".failed", "Start it.")
        click(page, "nav a", "Overview")
        page.wait("location.pathname.endsWith('/overview')")
        shown(page)
        page.wait(script("Boolean(box('Equity'))"))


def test_a_lost_connection_is_told_and_stops_what_trades(
    page: Page, services: Services, artefacts: Any
) -> None:
    with serve(services) as served:
        go(page, served, "market", symbol="AAPL")
        page.wait(script("box('Ladder').querySelector('tr.bid').dataset.price"))
    says(page, ".banner", "Connection lost")
    says(page, "#omni-mode", "DISCONNECTED")
    assert page.value(script("all('.trades').length > 3 && all('.trades').every(e => e.inert)"))
    picture(page, artefacts, "disconnected")


def over(scope: Scope) -> bool:
    return scope.closed and not scope.n_running


def test_what_a_page_started_ends_with_it(page: Page, served: Served) -> None:
    go(page, served, "overview")
    shell = shell_of(page)
    document = shell.session.document
    counts = []
    for _ in range(ROUNDS):
        for slug in ("market", "overview"):
            before = shell.session.scope
            click(page, f"nav a[data-slug={slug}]")
            page.wait(f"location.pathname.endsWith('/{slug}')")
            shown(page)
            wait(partial(over, before))
        gc.collect()
        counts.append(len(document.models))
    assert counts[-1] == counts[0]
    assert complaints(page) == []


def test_a_session_ends_with_its_tasks(page: Page, services: Services) -> None:
    with serve(services) as served:
        go(page, served, "market")
        shell = shell_of(page)
        page.call("Page.navigate", url="about:blank")
        shell.end()
        wait(lambda: not shell.session.scope.n_running)
    assert shell not in OPEN


def test_a_task_that_ends_before_its_first_step_is_closed() -> None:
    async def begun_and_ended() -> str:
        scope = Scope(Document(), lambda error: pytest.fail(str(error)))
        work = asyncio.sleep(60.0)
        scope.start(work)
        scope.close()
        while scope.n_running:
            await asyncio.sleep(0.0)
        return inspect.getcoroutinestate(work)

    assert asyncio.run(begun_and_ended()) == inspect.CORO_CLOSED


@pytest.mark.parametrize(
    ("role", "status", "why"),
    [
        (Role.VIEWER, {}, "The role viewer may not trade."),
        (Role.TRADER, {}, None),
        (Role.TRADER, {"state": "HALTED"}, "Trading is halted. Reset the kill switch first."),
        (Role.TRADER, {"halted": {"instrument A": "x"}}, None),
        (Role.TRADER, {"halted": {"account desk": "x"}}, "Trading is halted. Reset the kill switch first."),
        (Role.TRADER, {"state": "FAILED"}, "The system is failed."),
        (Role.TRADER, {"feed_age_s": 2.5}, "The market is stale."),
    ],
)
def test_why_somebody_may_not_trade(
    services: Services, role: Role, status: dict[str, Any], why: str | None
) -> None:
    session = Session(services, Person("p", role), None)
    session.status = {"state": "RUNNING", "feed_age_s": 0.1, **status}
    assert session.why_not(Action.TRADE) == why


def test_every_page_has_a_key_and_a_name_of_its_own() -> None:
    pages = find_pages()
    assert len({page.key for page in pages}) == len({page.slug for page in pages}) == len(pages) >= 2
    assert not {page.key for page in pages} & set("g/?K")


def test_frames_are_conflated_and_words_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    from omni_lab.ui.dashboard.components import Live

    sent: list[str] = []
    part = Live("tiles")
    monkeypatch.setattr(part, "_send_msg", sent.append)
    part.show({"n": 1})
    part.tell({"a": 1})
    assert not part.free
    assert sent == []
    part._handle_msg({"ready": True})
    assert [text[2:7] for text in sent] == ['tell"', "frame"]
    for n in (2, 3, 4):
        part.show({"n": n})
    part.tell({"a": 2})
    part.tell({"a": 3})
    assert [text[2:6] for text in sent[2:]] == ["tell", "tell"]
    part._handle_msg({"shown": 1})
    assert sent[-1] == '{"frame": {"n": 4}, "n": 2}'
    part._handle_msg({"shown": 2})
    assert part.free
