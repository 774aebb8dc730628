"""Market in a browser: the ladder is the book, the tape is the tape, and a click fills the ticket."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from omni_lab.config import Settings
from omni_lab.messaging.bus import Bus
from omni_lab.system import LOCAL, SystemConfig, Ticket, open_services
from omni_lab.ui.dashboard.market_feed import MarketFeed, book_of
from tests.system.days import made_up_day, written_day
from tests.ui.browser import Page
from tests.ui.dashboard.served import (
    Served,
    accessibility,
    complaints,
    go,
    picture,
    says,
    script,
    serve,
    wait,
)

LEVELS = """[...box('Ladder').querySelectorAll('tr.{}')].filter(r => r.style.visibility != 'hidden')
    .map(r => [Number(r.dataset.price), Number(r.dataset.qty)])"""


def levels(page: Page, kind: str) -> list[list[float]]:
    found: list[list[float]] = page.value(script(LEVELS.format(kind)))
    return found


def test_the_ladder_is_the_book_and_the_tape_is_the_tape(page: Page, served: Served) -> None:
    system = served.services.system
    go(page, served, "market", symbol="AAPL")
    page.wait(script("box('Ladder').querySelector('tr.bid').dataset.price"))

    def agrees() -> bool:
        before = system.book("AAPL").depth(10)
        asks, bids = levels(page, "offer"), levels(page, "bid")
        prices = [before.bid_price.tolist(), before.ask_price.tolist()]
        sizes = [before.bid_qty.tolist(), before.ask_qty.tolist()]
        return bool(
            [list(each) for each in zip(prices[0], sizes[0], strict=True)] == bids
            and [list(each) for each in zip(prices[1], sizes[1], strict=True)] == asks[::-1]
        )

    wait(agrees)

    def printed() -> bool:
        tape = system.tape("AAPL", most=3)
        cells = page.value(
            script("[...one('table.tape tbody').children].slice(0, 3).map(r => r.children[2].textContent)")
        )
        return bool(len(cells) == 3 and cells == [f"{price:,.2f}" for price in tape.price[::-1].tolist()])

    wait(printed)


def test_own_orders_are_marked_and_own_trades_too(page: Page, served: Served) -> None:
    system = served.services.system
    go(page, served, "market", symbol="AAPL")
    page.wait(script("box('Ladder').querySelector('tr.bid').dataset.price"))
    third = levels(page, "bid")[2][0]
    order = system.submit(Ticket(symbol="AAPL", side="BUY", qty=700, price=third), who=LOCAL)
    page.wait(script("Boolean(said('td.own.on', '700'))"))
    row = page.value(script("Number(said('td.own.on', '700').parentNode.dataset.price)"))
    assert row == third
    system.cancel(order.order_id, who=LOCAL)
    page.wait(script("!one('td.own.on')"))
    system.submit(Ticket(symbol="AAPL", side="SELL", qty=100), who=LOCAL)
    says(page, "table.tape tr.own", "sell")


def test_a_click_on_a_side_fills_the_ticket(page: Page, served: Served) -> None:
    go(page, served, "market", symbol="AAPL")
    page.wait(script("box('Ladder').querySelector('tr.bid').dataset.price"))
    page.click(script("box('Ladder').querySelectorAll('tr.bid')[4].querySelector('td.bid')"))
    price = "all('section.ticket input').map(e => Number(e.value))"
    clicked = "Number(box('Ladder').querySelectorAll('tr.bid')[4].dataset.price)"
    page.wait(script(f"{price}.some(v => Math.abs(v - {clicked}) < 0.05 && v > 0)"))
    assert page.value(script("one('section.ticket').textContent")).count("buy") >= 1


def test_a_symbol_is_found_by_its_first_letters(page: Page, served: Served) -> None:
    go(page, served, "market", symbol="AAPL")
    says(page, ".market .name", "AAPL")
    page.press("/")
    page.write("ms")
    page.press("Enter")
    says(page, ".market .name", "MSFT")
    page.wait("location.search.includes('symbol=MSFT')")
    page.press("/")
    page.write("zz")
    page.press("Enter")
    says(page, "#omni-toasts", "No instrument begins with")
    says(page, ".market .name", "MSFT")


@pytest.mark.parametrize("width", [1440, 1024])
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_it_is_good_to_look_at(page: Page, served: Served, artefacts: Path, theme: str, width: int) -> None:
    go(page, served, "market", theme=theme, width=width, symbol="AAPL")
    page.wait(script("one('table.tape tbody').children.length > 3"))
    assert page.value("document.documentElement.scrollWidth") <= width
    assert accessibility(page) == []
    assert complaints(page) == []
    picture(page, artefacts, f"market-{theme}-{width}")


def book(**levels: Any) -> dict[str, Any]:
    return {
        "bids": {"9.99": 100.0, "9.98": 50.0},
        "asks": {"10.01": 20.0},
        "last": 10.0,
        "phase": "CONTINUOUS",
        **levels,
    }


def test_a_book_is_sorted_and_own_orders_add_up_by_level() -> None:
    own = [
        {"symbol": "A", "side": "BUY", "price": 9.98, "leaves": 10.0},
        {"symbol": "A", "side": "BUY", "price": 9.98, "leaves": 5.0},
        {"symbol": "A", "side": "SELL", "price": 10.05, "leaves": 1.0},
        {"symbol": "B", "side": "BUY", "price": 9.98, "leaves": 99.0},
        {"symbol": "A", "side": "BUY", "leaves": 7.0},
    ]
    orders = {"orders": {str(i): order for i, order in enumerate(own)}}
    shown = book_of(book(bids={"9.98": 50.0, "10.00": 1.0, "9.99": 100.0}), orders, "A")
    assert shown["bids"] == [[10.0, 1.0], [9.99, 100.0], [9.98, 50.0]]
    assert shown["own"] == {"BUY": {"9.98": 15.0}, "SELL": {"10.05": 1.0}}
    assert shown["decimals"] == 2


def test_a_frame_has_only_what_is_new(served: Served) -> None:
    services = served.services
    feed = MarketFeed(services, "AAPL")
    first = wait(feed.frame)
    assert first["reset"]
    assert first["quotes"]["t"] == sorted(first["quotes"]["t"])
    later = [frame for frame in (wait(feed.frame) for _ in range(5)) if frame]
    assert not any(frame["reset"] for frame in later)
    told = [frame["quotes"]["t"] for frame in [first, *later] if frame["quotes"]["t"]]
    assert all(times == sorted(times) for times in told)
    assert all(before[-1] < after[0] for before, after in pairwise(told))
    feed.begin()
    again = wait(feed.frame)
    assert again["reset"]
    assert set(first["quotes"]["t"][-50:]) <= set(again["quotes"]["t"])
    assert time.time() * 1e3 - again["quotes"]["t"][-1] < 60_000


def test_a_replay_has_its_quotes_on_its_own_clock(tmp_path: Path) -> None:
    home, day = tmp_path / "system", str(made_up_day(tmp_path))
    replay = SystemConfig(name="day", mode="replay", market=day, n_symbols=1, home=home, speed=math.inf)
    with open_services(replay, Settings(data_dir=tmp_path)) as services:
        wait(lambda: services.system.status().state == "FINISHED")
        (symbol,) = services.system.status().symbols
        frame = wait(MarketFeed(services, symbol).frame)
        last = float(services.system.quotes(symbol).ts[-1]) / 1e6
        assert frame["quotes"]["t"][-1] == last < time.time() * 1e3 - 86_400_000


def test_a_trade_is_told_once_where_another_of_that_moment_is_only_printed(tmp_path: Path) -> None:
    # The second execution is one of a hidden order: it has no trade in our book, and so no id.
    messages = ["34200.0,1,1,100,1000000,1", "34200.0,1,2,100,1000100,-1"]
    messages += ["34201.5,4,2,10,1000100,-1", "34201.5,5,0,7,1000050,-1"]
    day, home = str(written_day(tmp_path, *messages)), tmp_path / "system"
    replay = SystemConfig(name="day", mode="replay", market=day, home=home, speed=math.inf)
    with open_services(replay, Settings(data_dir=tmp_path)) as services:
        wait(lambda: services.system.status().state == "FINISHED")
        assert services.system.tape("MADE").number.tolist() == [1, 2]
        feed = MarketFeed(services, "MADE")
        told = wait(feed.frame)["trades"]
        assert [trade[1:3] for trade in told] == [[100.01, 10.0], [100.005, 7.0]]
        assert feed.frame() is None


def test_there_is_no_frame_without_a_stream(served: Served) -> None:
    assert MarketFeed(replace(served.services, bus=Bus()), "AAPL").frame() is None


def test_a_replay_has_its_own_clock_and_a_ladder_that_fits_its_prices(browser: Page, tmp_path: Path) -> None:
    day = written_day(tmp_path, "34200.0,1,1,100,10652142500,1", "34200.5,1,2,100,10652145000,-1")
    home = tmp_path / "system"
    replay = SystemConfig(name="day", mode="replay", market=str(day), home=home, speed=math.inf)
    with open_services(replay, Settings(data_dir=tmp_path)) as services, serve(services) as served:
        wait(lambda: services.system.status().state == "FINISHED")
        go(browser, served, "market", symbol="MADE")
        says(browser, "#omni-clock b", "2012-06-21 13:30:00")
        browser.wait(script("box('Ladder').querySelector('tr.bid').dataset.price"))
        cells = script("all('table.ladder td.mid').filter(e => e.textContent)")
        browser.wait(f"{cells}.map(e => e.textContent).join() === '1,065,214.50,1,065,214.25'")
        assert browser.value(f"{cells}.filter(e => e.scrollWidth > e.clientWidth).length") == 0
        browser.call("Page.navigate", url="about:blank")
