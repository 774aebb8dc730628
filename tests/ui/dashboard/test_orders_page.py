"""Orders in a browser: from a ticket to the book, a fill, a position and a profit; who may what, and when."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from omni_lab.config import Settings
from omni_lab.execution.limits import Limits
from omni_lab.system import LOCAL, Person, Role, SystemConfig, Ticket
from omni_lab.system.services import Services, open_services
from omni_lab.system.system import TradingSystem
from tests.ui.browser import Page
from tests.ui.dashboard.hands import choose, enter, press, until_text, write
from tests.ui.dashboard.served import (
    Served,
    accessibility,
    click,
    complaints,
    go,
    picture,
    rows_of,
    script,
    wait,
)

LIMITS = Limits(max_position=1_000, max_order_qty=600, max_notional=50_000.0, max_leverage=2.0)
VERDICT, OUTCOME, SEND = ".ticket .verdict", ".ticket .outcome", ".ticket button.main"


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """A paper system whose account has limits."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("orders"))
    config = SystemConfig(
        name="orders", symbols=("AAPL", "MSFT"), limits=LIMITS, soft_limits=Limits(max_position=500)
    )
    with open_services(config, settings) as opened:
        opened.system.ready(10.0)
        yield opened


@pytest.fixture
def system(services: Services) -> Iterator[TradingSystem]:
    """The system, without open orders before and after."""
    services.system.cancel_all(who=LOCAL)
    yield services.system
    services.system.cancel_all(who=LOCAL)


def ticket(page: Page, **fields: str) -> None:
    """Write a ticket."""
    for name in ("symbol", "type"):
        if name in fields:
            choose(page, f".ticket [name={name}]", fields.pop(name))
    if "side" in fields:
        page.click(script(f"one('.ticket [name=side][value={fields.pop('side')}]')"))
    for name, value in fields.items():
        write(page, f".ticket [name={name}]", value)


def position(system: TradingSystem, symbol: str) -> float:
    return sum(each.qty for each in system.account().positions if each.symbol == symbol)


def test_a_page_without_orders_names_the_next_step(page: Page, served: Served, system: TradingSystem) -> None:
    go(page, served, "orders")
    page.wait(script("said('.empty', 'No order is open.')") + " !== undefined")
    assert page.value(script("said('.empty', 'No order is open.').textContent")).endswith("start a strategy.")
    assert page.value(script("said('button', 'Cancel all').disabled"))
    assert page.value(script("said('button', 'Cancel all').title")) == "No order is open."


def test_from_the_keyboard_to_a_fill_a_position_and_a_profit(
    page: Page, served: Served, system: TradingSystem
) -> None:
    go(page, served, "orders")
    before, held = len(system.fills(most=10_000)), position(system, "AAPL")
    page.wait(script("one('.ticket [name=symbol]').options.length > 1"))
    ticket(page, symbol="AAPL", type="market", qty="200")
    until_text(page, VERDICT, "The gate would let this pass")
    enter(page)
    until_text(page, OUTCOME, "Filled: BUY 200 AAPL at ")
    fills = system.fills(most=10_000)[before:]
    assert sum(each.qty for each in fills) == 200.0
    assert position(system, "AAPL") == held + 200.0
    rows = wait(lambda: (found := rows_of(page, "Fills")) and len(found) >= before + len(fills) and found)
    shown = [[row[0], row[2], row[3], row[4], row[5], row[6]] for row in rows[: len(fills)]]
    assert shown == [
        [str(each.number), str(each.order_id), "AAPL", "▲ buy", f"{each.qty:,.0f}", f"{each.price:,.2f}"]
        for each in reversed(fills)
    ]
    go(page, served, "risk")
    row = wait(lambda: next((each for each in rows_of(page, "Positions") if each[0] == "AAPL"), None))
    account = system.account()
    (known,) = [each for each in account.positions if each.symbol == "AAPL"]
    assert row[1] == f"{known.qty:,.0f}"
    assert row[2] == f"{known.average_price:,.4f}"

    def agrees() -> bool:
        seen = {each[0]: each for each in rows_of(page, "Profit by symbol and part")}
        told = [float(cell.replace("−", "-").replace(",", "")) for cell in seen["All"][1:5]]
        now = system.account()
        return abs(told[3] - (now.realised + now.unrealised)) < 0.005 and abs(sum(told[:3]) - told[3]) < 0.021

    wait(agrees)


def test_the_preview_says_what_the_gate_then_does(page: Page, served: Served, system: TradingSystem) -> None:
    go(page, served, "orders")
    page.wait(script("one('.ticket [name=symbol]').options.length > 1"))
    n_orders = system.status().n_orders
    ticket(page, symbol="MSFT", side="BUY", qty="700", price="1")
    until_text(page, VERDICT, "The gate would refuse this")
    told = until_text(page, ".ticket .sentences", "ORDER_SIZE")
    assert told == " ".join(system.preview(Ticket(symbol="MSFT", side="BUY", qty=700, price=1.0)).sentences)
    assert system.status().n_orders == n_orders
    enter(page)
    assert "ORDER_SIZE: the order is of 700 lots" in until_text(page, OUTCOME, "Refused: BUY 700 MSFT at 1.")
    wait(lambda: any(row[-2:] == ["rejected", "order size"] for row in rows_of(page, "Ended orders")))
    ticket(page, qty="none")
    until_text(page, VERDICT, "Cannot be sent")
    assert page.value(script("one('.ticket [name=qty]').getAttribute('aria-invalid')")) == "true"


def test_sent_twice_it_is_one_order(page: Page, served: Served, system: TradingSystem) -> None:
    go(page, served, "orders")
    page.wait(script("one('.ticket [name=symbol]').options.length > 1"))
    ticket(page, symbol="AAPL", qty="10", price="1")
    until_text(page, VERDICT, "pass")
    n_orders = system.status().n_orders
    # The button is off while it is sent; a form that is submitted all the same carries the same name.
    page.value(script("(f => { f.requestSubmit(); f.requestSubmit(); })(one('.ticket form'))"))
    until_text(page, OUTCOME, "Accepted: BUY 10 AAPL at 1 waits in the book.")
    assert system.status().n_orders == n_orders + 1
    (order,) = system.own_orders()
    system.cancel(order.order_id, who=LOCAL)
    until_text(page, OUTCOME, "Canceled: BUY 10 AAPL at 1.")


def test_an_order_is_replaced_and_canceled_after_a_question(
    page: Page, served: Served, system: TradingSystem, artefacts: Path
) -> None:
    order = system.submit(Ticket(symbol="AAPL", side="BUY", qty=100, price=1.0), who=LOCAL)
    other = system.submit(Ticket(symbol="MSFT", side="BUY", qty=50, price=1.0), who=LOCAL)
    go(page, served, "orders")
    wait(lambda: len(rows_of(page, "Open orders")) == 2)
    page.click(script(f"one('button[aria-label=\"Replace {order.order_id}\"]')"))
    page.wait(script("Boolean(one('dialog[open] [name=qty]'))"))
    write(page, "dialog[open] [name=qty]", "-3")
    enter(page)
    until_text(page, "dialog[open] .blocked", "positive number")
    write(page, "dialog[open] [name=qty]", "80")
    write(page, "dialog[open] [name=price]", "1.5")
    picture(page, artefacts, "replace")
    enter(page)
    wait(lambda: (now := system.order(order.order_id)).qty == 80.0 and now.price == 1.5)
    page.wait(script("!one('dialog[open]')"))
    page.click(script(f"one('button[aria-label=\"Cancel {order.order_id}\"]')"))
    page.wait(script("Boolean(one('dialog[open]'))"))
    press(page, "Escape")
    page.wait(script("!one('dialog[open]')"))
    assert system.own_orders("AAPL")[0].order_id == order.order_id
    page.click(script(f"one('button[aria-label=\"Cancel {order.order_id}\"]')"))
    page.wait(script("Boolean(one('dialog[open]'))"))
    click(page, "dialog[open] button", "Cancel order")
    wait(lambda: system.order(order.order_id).state == "CANCELED")
    wait(lambda: len(rows_of(page, "Open orders")) == 1)
    page.wait(script("!one('dialog[open]')"))
    click(page, "button", "Cancel all 1")
    page.wait(script("Boolean(one('dialog[open]'))"))
    click(page, "dialog[open] button.danger", "Cancel all")
    wait(lambda: system.order(other.order_id).state == "CANCELED")


def test_the_table_filters_sorts_and_is_kept(page: Page, served: Served, system: TradingSystem) -> None:
    for symbol, qty in (("AAPL", 30), ("MSFT", 10), ("AAPL", 20)):
        system.submit(Ticket(symbol=symbol, side="BUY", qty=qty, price=1.0), who=LOCAL)
    go(page, served, "orders")
    wait(lambda: len(rows_of(page, "Open orders")) == 3)
    write(page, "section[aria-label='Open orders'] input[aria-label='Filter Symbol']", "aapl")
    wait(lambda: [row[2] for row in rows_of(page, "Open orders")] == ["AAPL", "AAPL"])
    click(page, "section[aria-label='Open orders'] th button", "Quantity")
    wait(lambda: [row[5] for row in rows_of(page, "Open orders")] == ["20", "30"])


@pytest.mark.parametrize("role", ["viewer", "risk"])
def test_who_may_not_trade_sees_why(page: Page, served: Served, system: TradingSystem, role: str) -> None:
    system.submit(Ticket(symbol="AAPL", side="BUY", qty=10, price=1.0), who=LOCAL)
    served.person = Person("eve", Role(role))
    go(page, served, "orders")
    wait(lambda: len(rows_of(page, "Open orders")) == 1)
    assert until_text(page, ".ticket .blocked", "may not") == f"The role {role} may not trade."
    off: Any = page.value(
        script(
            "all('.ticket button.main, button[aria-label^=Replace], button[aria-label^=\"Cancel \"]')"
            ".map(b => b.disabled)"
        )
    )
    assert off == [True] * 3


def test_a_halt_blocks_the_ticket_and_still_lets_cancel(
    page: Page, served: Served, system: TradingSystem
) -> None:
    go(page, served, "orders")
    page.wait(script("one('.ticket button.main') && !one('.ticket button.main').disabled"))
    system.kill(who=LOCAL, why="a test")
    try:
        until_text(page, ".ticket .blocked", "halted")
        assert page.value(script("one('.ticket button.main').disabled"))
    finally:
        system.reset(who=LOCAL, why="the test is over")
    page.wait(script("!one('.ticket button.main').disabled"))
    page.value("dispatchEvent(new CustomEvent('omni-lost', {detail: true}))")
    until_text(page, ".ticket .blocked", "The connection is lost")
    assert page.value(script("one('.ticket button.main').disabled"))


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_it_reads_well(
    page: Page, served: Served, system: TradingSystem, artefacts: Path, theme: str
) -> None:
    best = system.book("AAPL").best_bid or 1.0
    system.submit(Ticket(symbol="AAPL", side="BUY", qty=100, price=round(best - 0.05, 2)), who=LOCAL)
    go(page, served, "orders", theme=theme)
    page.wait(script("one('.ticket [name=symbol]').options.length > 1"))
    ticket(page, symbol="AAPL", side="SELL", qty="450", price="22.9")
    until_text(page, VERDICT, "gate")
    wait(lambda: len(rows_of(page, "Open orders")) == 1)
    picture(page, artefacts, f"orders-{theme}")
    assert accessibility(page) == []
    assert complaints(page) == []
    assert {host.split(":")[0] for host in page.hosts} == {"127.0.0.1"}
    if theme == "light":
        return
    # Nothing is cut off at the side of the smallest screen that this page is for.
    go(page, served, "orders", theme=theme, width=1024, height=768)
    page.wait(script("Boolean(box('Open orders'))"))
    assert page.value("document.documentElement.scrollWidth") <= 1024
    picture(page, artefacts, f"orders-1024-{theme}")


def test_downloads_have_all_that_is_shown(system: TradingSystem) -> None:
    from omni_lab.ui.dashboard.components.blotter import FILL_COLUMNS, fill_row
    from omni_lab.ui.dashboard.components.table import Table

    system.submit(Ticket(symbol="AAPL", side="BUY", qty=10), who=LOCAL)
    table = Table("Fills", FILL_COLUMNS, key="number", session=None)  # type: ignore[arg-type]
    fills = system.fills(most=10_000)
    table.rows = [fill_row(each) for each in fills]
    for kind, read in (("csv", pd.read_csv), ("parquet", pd.read_parquet)):
        frame = read(io.BytesIO(table.file(kind)))
        assert frame["qty"].tolist() == [each.qty for each in fills]
        assert pd.to_datetime(frame["ts"]).astype("int64").tolist() == [each.ts for each in fills]
