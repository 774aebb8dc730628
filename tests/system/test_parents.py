"""Parents worked in a paper system: every lot accounted for, pauses, a kill switch, a restart."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from omni_lab.errors import ConfigError, ForbiddenError, StateError
from omni_lab.execution.algorithms import ParentOrder
from omni_lab.system import LOCAL, Person, Role, TradingSystem
from tests.system.systems import running

SECOND = 1_000_000_000
_PATIENCE_S = 20.0


@pytest.fixture
def system(tmp_path: Path) -> Iterator[TradingSystem]:
    with running(tmp_path) as system:
        yield system


def until(
    system: TradingSystem, happened: Callable[[dict[str, Any]], bool], number: int = 0
) -> dict[str, Any]:
    """The row of a parent, once something is so."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        columns = system.parents().parents
        row = {name: column[number] for name, column in columns.items()}
        if happened(row):
            return row
        assert time.monotonic() < deadline, row
        time.sleep(0.05)


def order(system: TradingSystem, qty: float, seconds: float = 60.0) -> ParentOrder:
    return ParentOrder(symbol="AAA", side="buy", qty=qty, end=system.status().ts + round(seconds * SECOND))


def test_a_parent_is_filled_lot_by_lot_and_the_account_holds_it(system: TradingSystem) -> None:
    number = system.work(order(system, 300, 3.0), {"name": "twap", "slices": 3, "tactic": "cross"}, who=LOCAL)
    row = until(system, lambda row: row["state"] == "FILLED", number)
    assert row["filled_qty"] == 300.0
    view, fills = system.parents(), system.fills(most=10_000)
    assert set(view.children["order_id"].tolist()) == {each.order_id for each in fills}
    assert view.fills["qty"].sum() == sum(each.qty for each in fills) == 300.0
    ((symbol, qty),) = [(each.symbol, each.qty) for each in system.account().positions]
    assert (symbol, qty) == ("AAA", 300.0)
    looks = view.schedules[number]
    assert looks["due"].tolist() == sorted(looks["due"].tolist())
    assert looks["filled"].tolist() == sorted(looks["filled"].tolist())
    assert (looks["filled"] + looks["open"] <= 300.0).all()


def test_a_pause_withdraws_and_a_cancel_ends(system: TradingSystem) -> None:
    system.work(order(system, 1_000), {"name": "twap", "slices": 200, "tactic": "join"}, who=LOCAL)
    until(system, lambda row: row["n_children"] > 0)
    system.change_parent(0, "pause", who=LOCAL)
    assert system.own_orders() == []
    system.change_parent(0, "resume", who=LOCAL)
    system.change_parent(0, "cancel", who=LOCAL)
    row = until(system, lambda row: row["state"] == "CANCELED")
    assert row["filled_qty"] == sum(each.qty for each in system.fills(most=10_000))
    with pytest.raises(ConfigError, match="state"):
        system.change_parent(0, "resume", who=LOCAL)


def test_a_kill_switch_gives_parents_up_and_takes_no_new_ones(system: TradingSystem) -> None:
    system.work(order(system, 1_000), "twap", who=LOCAL)
    until(system, lambda row: row["state"] == "WORKING")
    system.kill(who=LOCAL, why="a test")
    assert until(system, lambda row: row["state"] == "CANCELED")
    assert system.own_orders() == []
    with pytest.raises(StateError, match="kill switch"):
        system.work(order(system, 100), "twap", who=LOCAL)


def test_who_may_not_and_what_cannot_are_refused(system: TradingSystem) -> None:
    with pytest.raises(ForbiddenError):
        system.work(order(system, 100), "twap", who=Person("eve", Role.VIEWER))
    with pytest.raises(ConfigError, match="algorithm"):
        system.work(order(system, 100), "magic", who=LOCAL)
    past = ParentOrder(symbol="AAA", side="buy", qty=100, end=SECOND)
    with pytest.raises(ConfigError, match="past"):
        system.work(past, "twap", who=LOCAL)
    with pytest.raises(ConfigError, match="no such parent"):
        system.change_parent(7, "pause", who=LOCAL)


def test_after_a_restart_parents_wait_for_somebody(tmp_path: Path) -> None:
    with running(tmp_path) as system:
        system.work(order(system, 1_000), {"name": "twap", "slices": 100, "tactic": "cross"}, who=LOCAL)
        until(system, lambda row: row["filled_qty"] > 0)
    filled = sum(each.qty for each in system.fills(most=10_000))
    with running(tmp_path) as system:
        row = until(system, lambda row: row["state"] == "PAUSED")
        assert row["filled_qty"] == filled == sum(each.qty for each in system.fills(most=10_000))
        assert system.own_orders() == []
        system.change_parent(0, "resume", who=LOCAL)
        until(system, lambda row: row["filled_qty"] > filled)
