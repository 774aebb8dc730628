"""Positions & risk in a browser: what is held, limits and who changes them, the kill switch in two steps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from omni_lab.config import Settings
from omni_lab.execution.limits import Limits
from omni_lab.strategies import Context, Quote, Strategy
from omni_lab.system import LOCAL, Person, Role, SystemConfig, Ticket
from omni_lab.system.services import Services, open_services
from omni_lab.system.system import TradingSystem
from tests.ui.browser import Page
from tests.ui.dashboard.hands import press, until_text, write
from tests.ui.dashboard.served import (
    Served,
    accessibility,
    click,
    complaints,
    go,
    picture,
    rows_of,
    says,
    script,
    wait,
)

LIMITS = Limits(max_position=1_000, max_order_qty=600, max_notional=50_000.0, max_leverage=2.0)


class Quoter(Strategy):
    """Waits far from the market, so that there is something to cancel and nothing is filled."""

    name = "quoter"

    def on_quote(self, ctx: Context, quote: Quote) -> None:
        if quote.symbol == "AAPL":
            ctx.quote(1.0, None, 10, symbol="AAPL")


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """A paper system with limits, a strategy, and something held in both instruments."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("risk"))
    config = SystemConfig(name="risk", symbols=("AAPL", "MSFT"), limits=LIMITS)
    with open_services(config, settings, strategy=Quoter()) as opened:
        system = opened.system
        system.ready(10.0)
        for symbol, side, qty in (("AAPL", "BUY", 300), ("AAPL", "SELL", 120), ("MSFT", "SELL", 80)):
            system.submit(Ticket(symbol=symbol, side=side, qty=qty), who=LOCAL)
        yield opened


@pytest.fixture
def system(services: Services) -> TradingSystem:
    return services.system


def button(page: Page, label: str) -> tuple[bool, str]:
    """Whether a button is off, and why."""
    found = page.value(script(f"(b => [b.disabled, b.title])(said('.toolbar button', '{label}'))"))
    return bool(found[0]), str(found[1])


def test_the_numbers_are_those_of_the_system(page: Page, served: Served, system: TradingSystem) -> None:
    go(page, served, "risk")
    shown = wait(lambda: {row[0]: row for row in rows_of(page, "Positions")})
    for each in system.account().positions:
        row = shown[each.symbol]
        assert row[1] == f"{each.qty:,.0f}".replace("-", "−")
        assert row[2] == f"{each.average_price:,.4f}"
    gauge = "(g => g && g.textContent)(all('.gauge').find(g => g.textContent.startsWith('Position AAPL')))"
    qty = sum(abs(each.qty) for each in system.account().positions if each.symbol == "AAPL")
    waiting = sum(each.leaves_qty for each in system.own_orders("AAPL"))
    wait(lambda: f"{qty + waiting:,.0f} lots of 1,000 lots" in str(page.value(script(gauge))))
    stress = {row[0]: row[1] for row in wait(lambda: rows_of(page, "Scenarios"))}
    assert set(stress) >= {"all −10%", "all +10%"}

    def agrees() -> bool:
        told = {row[0]: row[1] for row in rows_of(page, "Scenarios")}
        net = system.account().net
        return abs(float(told["all −10%"].replace("−", "-").replace(",", "")) + 0.1 * net) < 0.02

    wait(agrees)
    page.wait(script("said('.tile', 'Too little data') || said('.tile', 'in 1 s')") + " !== undefined")


def test_limits_are_changed_with_before_and_after(page: Page, served: Served, system: TradingSystem) -> None:
    go(page, served, "risk")
    page.wait(script("Boolean(said('.toolbar button', 'Edit limits'))"))
    click(page, ".toolbar button", "Edit limits")
    page.wait(script("Boolean(one('dialog[open] [name=max_position]'))"))
    write(page, "dialog[open] [name=max_position]", "750")
    until_text(page, "dialog[open] .blocked", "Position: 1,000 → 750.")
    write(page, "dialog[open] [name=max_leverage]", "none")
    until_text(page, "dialog[open] .blocked", "Leverage: none is not a positive number.")
    write(page, "dialog[open] [name=max_leverage]", "2")
    click(page, "dialog[open] button", "Set limits")
    wait(lambda: system.limits().max_position == 750.0)
    wait(lambda: ["Position", "750"] in [row[:2] for row in rows_of(page, "Limits in force")])
    system.set_limits(LIMITS, who=LOCAL)


def test_roles_see_what_they_may_and_why_not(page: Page, served: Served) -> None:
    expected = {
        Role.VIEWER: {"Kill switch": "The role viewer may not", "Edit limits": "The role viewer may not"},
        Role.TRADER: {
            "Kill switch": "",
            "Re-arm": "The role trader may not",
            "Edit limits": "The role trader",
        },
        Role.RISK: {"Kill switch": "", "Edit limits": "", "Stop strategy": "The role risk may not"},
    }
    for role, told in expected.items():
        served.person = Person("eve", role)
        go(page, served, "risk")
        page.wait(script("Boolean(said('.toolbar button', 'Edit limits'))"))
        wait(
            lambda told=told: all(  # type: ignore[misc]
                button(page, label)[1].startswith(why) and button(page, label)[0] == bool(why)
                for label, why in told.items()
            )
        )


def test_the_kill_switch_takes_two_steps_and_stops_what_runs(
    page: Page, served: Served, system: TradingSystem, artefacts: Path
) -> None:
    go(page, served, "risk")
    page.wait(script("Boolean(said('.toolbar button', 'Start strategy'))"))
    if system.status().strategy_state != "RUNNING":
        page.wait(script("!said('.toolbar button', 'Start strategy').disabled"))
        click(page, ".toolbar button", "Start strategy")
    wait(lambda: system.status().strategy_state == "RUNNING" and system.own_orders())
    press(page, "K", shift=True)
    page.wait(script("Boolean(one('dialog.kill[open]'))"))
    assert system.status().state == "RUNNING"
    fire = "one('dialog.kill[open] button.danger').disabled"
    assert page.value(script(fire))
    write(page, "dialog.kill[open] [name=reason]", "a test of the switch")
    write(page, "dialog.kill[open] [name=word]", "halt")
    assert page.value(script(fire))
    press(page, "Escape")
    page.wait(script("!one('dialog[open]')"))
    assert system.status().state == "RUNNING"
    click(page, ".toolbar button", "Kill switch")
    page.wait(script("Boolean(one('dialog.kill[open]'))"))
    write(page, "dialog.kill[open] [name=reason]", "a test of the switch")
    write(page, "dialog.kill[open] [name=word]", "HALT")
    assert not page.value(script(fire))
    picture(page, artefacts, "kill")
    click(page, "dialog.kill[open] button", "Halt trading")
    wait(lambda: system.status().state == "HALTED")
    assert system.status().strategy_state == "STOPPED"
    assert system.own_orders() == []
    (told,) = system.status().halted.values()
    assert told.endswith("a test of the switch")
    says(page, ".banner", "Halted: account desk")
    page.wait(script("said('.toolbar button', 'Start strategy').disabled"))
    picture(page, artefacts, "halted")
    assert system.submit(Ticket(symbol="AAPL", side="BUY", qty=10), who=LOCAL).reason == "KILL_SWITCH"
    page.wait(script("!said('.toolbar button', 'Re-arm').disabled"))
    click(page, ".toolbar button", "Re-arm")
    page.wait(script("Boolean(one('dialog.kill[open] [name=reason]'))"))
    assert page.value(script("one('dialog.kill[open] button.main').disabled"))
    write(page, "dialog.kill[open] [name=reason]", "the test is over")
    click(page, "dialog.kill[open] button", "Reset the switch")
    wait(lambda: system.status().state == "RUNNING")
    # Trading may go on; the strategy waits for somebody.
    assert system.status().strategy_state == "STOPPED"
    page.wait(script("!one('.banner')"))


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_it_reads_well(page: Page, served: Served, artefacts: Path, theme: str) -> None:
    go(page, served, "risk", theme=theme, height=1800)
    page.wait(script("all('section.box svg').length >= 2"))
    wait(lambda: rows_of(page, "Scenarios"))
    picture(page, artefacts, f"risk-{theme}")
    assert accessibility(page) == []
    assert complaints(page) == []
    assert {host.split(":")[0] for host in page.hosts} == {"127.0.0.1"}
    if theme == "light":
        return
    go(page, served, "risk", theme=theme, width=1024, height=768)
    page.wait(script("Boolean(box('Positions'))"))
    assert page.value("document.documentElement.scrollWidth") <= 1024
