"""Execution in a browser: a parent is worked, seen against its schedule, paused, given up, and measured."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from omni_lab.config import Settings
from omni_lab.errors import ConfigError, DataError
from omni_lab.execution.algorithms import ParentOrder
from omni_lab.system import LOCAL, Person, Role, SystemConfig
from omni_lab.system.services import Services, open_services
from omni_lab.system.system import TradingSystem
from omni_lab.ui.dashboard.components.executions import (
    ExecutionState,
    child_rows,
    cost_parts,
    parent_rows,
)
from omni_lab.ui.dashboard.components.parent_form import read_parent, told_plan
from tests.ui.browser import Page
from tests.ui.dashboard.hands import choose, until_text, write
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

SECOND = 1_000_000_000


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """A paper system of two instruments."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("execution"))
    with open_services(SystemConfig(name="execution", symbols=("AAPL", "MSFT")), settings) as opened:
        opened.system.ready(10.0)
        yield opened


@pytest.fixture
def system(services: Services) -> TradingSystem:
    return services.system


def said(**fields: str) -> dict[str, str]:
    return {"symbol": "AAPL", "side": "buy", "qty": "300", "minutes": "1", "algorithm": "twap"} | fields


def test_without_parents_the_next_step_is_named(page: Page, served: Served) -> None:
    go(page, served, "execution")
    page.wait(script("said('.empty', 'No parent order was worked yet.')") + " !== undefined")
    page.wait(script("said('.empty', 'omni run execution')") + " !== undefined")


def test_fields_are_a_parent_or_a_sentence(system: TradingSystem) -> None:
    order, algorithm = read_parent(system, said(limit="50.5"))
    assert (order.qty, order.limit, algorithm) == (300.0, 50.5, "twap")
    assert order.end is not None
    assert 55 * SECOND < order.end - system.status().ts <= 60 * SECOND
    assert read_parent(system, said(algorithm="pov", rate="5"))[1] == {
        "name": "pov",
        "rate": 0.05,
        "cap": 0.2,
    }
    with pytest.raises(ConfigError, match="minutes"):
        read_parent(system, said(minutes=""))
    with pytest.raises(DataError, match="positive number, not -1"):
        read_parent(system, said(qty="-1"))
    assert told_plan(system, said()).startswith("BUY 300 AAPL by TWAP within 1 min, about ")
    assert told_plan(system, said(symbol="XYZ")) != told_plan(system, said())


def test_a_parent_is_worked_and_its_numbers_are_those_of_the_desk(
    page: Page, served: Served, system: TradingSystem
) -> None:
    go(page, served, "execution")
    page.wait(
        script(
            "said('.toolbar button', 'Work an order') && !said('.toolbar button', 'Work an order').disabled"
        )
    )
    click(page, ".toolbar button", "Work an order")
    page.wait(script("Boolean(one('dialog[open] [name=qty]'))"))
    write(page, "dialog[open] [name=qty]", "")
    until_text(page, "dialog[open] .blocked", "Still to be filled in: qty")
    write(page, "dialog[open] [name=qty]", "300")
    choose(page, "dialog[open] [name=algorithm]", "pov")
    write(page, "dialog[open] [name=minutes]", "0.5")
    until_text(page, "dialog[open] .blocked", "BUY 300 AAPL by POV within 0.5 min")
    choose(page, "dialog[open] [name=algorithm]", "twap")
    write(page, "dialog[open] [name=minutes]", "0.08")
    click(page, "dialog[open] button", "Work it")
    wait(lambda: len(system.parents().parents["parent"]) == 1)
    wait(lambda: system.parents().parents["state"][0] == "FILLED")
    row = wait(lambda: next((each for each in rows_of(page, "Parent orders") if each[4] == "filled"), None))
    assert row[:8] == ["0", "AAPL", "▲ buy", "twap", "filled", "300", "300", "100%"]
    view = system.parents()
    mine = [
        each for each in system.fills(most=10_000) if each.order_id in set(view.children["order_id"].tolist())
    ]
    average = sum(each.qty * each.price for each in mine) / 300.0
    assert row[10] == f"{average:,.4f}"
    slippage = (average - view.parents["arrival"][0]) / view.parents["arrival"][0] * 1e4
    assert abs(float(row[11].replace("−", "-").replace("+", "")) - slippage) < 0.06
    children = wait(lambda: len(found := rows_of(page, "Children")) == len(view.children["qty"]) and found)
    assert sum(float(each[3]) for each in children) == 300.0
    page.wait(script("box('Progress against schedule').querySelector('svg')") + " !== null")


def test_parts_of_the_cost_add_up_to_what_was_paid(system: TradingSystem) -> None:
    end = system.status().ts + 3 * SECOND
    number = system.work(
        ParentOrder(symbol="MSFT", side="sell", qty=200, end=end),
        {"name": "twap", "slices": 2, "tactic": "cross"},
        who=LOCAL,
    )
    wait(lambda: system.parents().parents["state"][number] == "FILLED")
    seen = ExecutionState(system).read()
    parts = cost_parts(seen, number)
    assert parts is not None
    assert seen.costs is not None
    fills, decision = seen.view.fills, float(seen.costs.parents["decision"][number])
    mine = fills["parent"] == number
    paid = float(((decision - fills["price"][mine]) * fills["qty"][mine]).sum())
    assert sum(parts.values()) == pytest.approx(paid / (decision * 200.0) * 1e4, abs=1e-6)
    assert {row["parent"] for row in parent_rows(seen)} >= {str(number)}
    assert sum(row["filled_qty"] for row in child_rows(seen, number)) == 200.0
    assert np.all(np.diff(seen.view.schedules[number]["filled"]) >= 0.0)


def test_a_parent_is_paused_and_given_up_from_its_row(
    page: Page, served: Served, system: TradingSystem
) -> None:
    end = system.status().ts + 600 * SECOND
    number = system.work(ParentOrder(symbol="AAPL", side="buy", qty=5_000, end=end), "twap", who=LOCAL)
    go(page, served, "execution")
    for label, state in (("Pause", "paused"), ("Resume", "working"), ("Cancel", "canceled")):
        page.wait(
            script(f"(b => b && !b.hidden && !b.disabled)(one('button[aria-label=\"{label} {number}\"]'))")
        )
        page.click(script(f"one('button[aria-label=\"{label} {number}\"]')"))
        wait(lambda state=state: str(system.parents().parents["state"][number]).lower() == state)  # type: ignore[misc]
    wait(
        lambda: any(row[0] == str(number) and row[4] == "canceled" for row in rows_of(page, "Parent orders"))
    )


def test_who_may_not_trade_works_nothing(page: Page, served: Served) -> None:
    served.person = Person("eve", Role.VIEWER)
    go(page, served, "execution")
    page.wait(script("said('.toolbar button', 'Work an order').disabled"))
    assert (
        page.value(script("said('.toolbar button', 'Work an order').title"))
        == "The role viewer may not trade."
    )


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_it_reads_well(page: Page, served: Served, artefacts: Path, theme: str) -> None:
    go(page, served, "execution", theme=theme, height=1500)
    wait(lambda: rows_of(page, "Parent orders"))
    click(page, "section[aria-label='Parent orders'] tbody tr td", "MSFT")
    page.wait(script("all('section.box svg').length >= 2"))
    picture(page, artefacts, f"execution-{theme}")
    assert accessibility(page) == []
    assert complaints(page) == []
    assert {host.split(":")[0] for host in page.hosts} == {"127.0.0.1"}
