"""What the pages of the desk show and send, against a paper system, without a browser."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from omni_lab.errors import ConfigError, DataError, ForbiddenError
from omni_lab.execution.limits import Limits
from omni_lab.system import LOCAL, Person, Role, Ticket, TradingSystem
from omni_lab.ui.dashboard.components.blotter import Blotter
from omni_lab.ui.dashboard.components.drafts import outcome_of, previewed, read_ticket, sent
from omni_lab.ui.dashboard.components.gauges import headroom_gauges, tone_of
from omni_lab.ui.dashboard.components.holdings import RiskState, share_rows, stress_rows
from omni_lab.ui.dashboard.components.kill import ACCOUNT, consequences, take_back, throw
from omni_lab.ui.dashboard.components.limit_form import limit_fields, limit_rows, read_limits, told_change
from omni_lab.ui.dashboard.components.ticket import new_name
from tests.system.systems import running
from tests.ui.dashboard.served import wait

LIMITS = Limits(max_position=1_000, max_order_qty=600, max_notional=50_000.0, max_leverage=2.0)
TRADER = Person("tom", Role.TRADER)


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TradingSystem]:
    with running(tmp_path_factory.mktemp("desk"), limits=LIMITS) as system:
        yield system


def fields(**told: str) -> dict[str, str]:
    return {"symbol": "AAA", "side": "BUY", "qty": "100", "type": "limit", "price": "1", **told}


# --- the ticket -----------------------------------------------------------------------------------


def test_a_ticket_is_what_its_fields_say() -> None:
    told = fields(qty="1,500", price="10.05", type="stop limit", stop_price="10.1", display_qty="100")
    ticket, problems = read_ticket(told | {"post_only": "", "all_or_none": "yes"}, client_order_id="a")
    assert problems == {}
    terms = {"display_qty": 100.0, "stop_price": 10.1, "all_or_none": True}
    assert ticket == Ticket(
        symbol="AAA", side="BUY", qty=1500.0, price=10.05, client_order_id="a", terms=terms
    )


def test_a_price_of_another_type_is_not_sent() -> None:
    ticket, _ = read_ticket(fields(type="market", price="10.05", stop_price="3"))
    assert ticket == Ticket(symbol="AAA", side="BUY", qty=100.0)


def test_empty_is_missing_and_nonsense_is_named() -> None:
    assert read_ticket(fields(qty="", side="")) == (None, {"qty": "", "side": ""})
    _, problems = read_ticket(fields(qty="-5", price="ten"))
    assert problems == {
        "qty": "Qty must be a positive number, not -5.",
        "price": "Price must be a positive number, not ten.",
    }


def test_the_preview_is_the_gates_decision(system: TradingSystem) -> None:
    for qty, price in (("100", "1"), ("700", "1"), ("100", "600"), ("1100", "100")):
        told = fields(qty=qty, price=price)
        seen = previewed(system, told)
        order = system.submit(read_ticket(told)[0] or pytest.fail("it is a ticket"), who=LOCAL)
        is_refused = order.state == "REJECTED"
        assert (seen["verdict"] == "refuse") == is_refused, seen
        failing = [row for row in seen["checks"] if not row["passes"]]
        assert bool(failing) == is_refused
        if is_refused:
            assert str(order.reason) in " ".join(seen["sentences"])
        else:
            system.cancel_all(who=LOCAL)
    assert previewed(system, fields(qty=""))["verdict"] == "empty"
    assert "grid" in " ".join(previewed(system, fields(price="1.00001"))["sentences"])


def test_an_order_sent_twice_is_one(system: TradingSystem) -> None:
    name = new_name()
    before = system.status().n_orders
    first, second = (sent(system, fields(), name, who=TRADER) for _ in range(2))
    assert first["order_id"] == second["order_id"]
    assert system.status().n_orders == before + 1
    assert (first["tone"], first["text"]) == ("wait", "Accepted: BUY 100 AAA at 1 waits in the book.")
    system.cancel(first["order_id"], who=TRADER)
    assert outcome_of(system.order(first["order_id"]))["text"] == "Canceled: BUY 100 AAA at 1."


def test_a_refusal_says_which_limit_and_what_to_do(system: TradingSystem) -> None:
    told = sent(system, fields(qty="700"), new_name(), who=TRADER)
    assert (told["tone"], told["ended"]) == ("bad", True)
    assert "ORDER_SIZE: the order is of 700 lots" in told["why"]
    viewer = sent(system, fields(), new_name(), who=Person("eve", Role.VIEWER))
    assert (viewer["order_id"], viewer["text"]) == (0, "Not sent.")
    assert "Not allowed to trade" in viewer["why"]


# --- orders, positions, profit --------------------------------------------------------------------


def test_the_blotter_is_what_the_system_says_after_everything_that_happens(system: TradingSystem) -> None:
    blotter = Blotter(system)
    blotter.look()
    order = system.submit(Ticket(symbol="AAB", side="BUY", qty=10, price=1.0), who=LOCAL)
    system.submit(Ticket(symbol="AAB", side="BUY", qty=10), who=LOCAL)
    system.replace(order.order_id, who=LOCAL, qty=5)
    live = wait(lambda: blotter.look() and blotter.rows(live=True))
    assert [(row["order_id"], row["qty"]) for row in live] == [(str(order.order_id), 5.0)]
    assert blotter.changed[order.order_id] > 0
    system.cancel_all(who=LOCAL)
    wait(lambda: blotter.look() and not blotter.rows(live=True))
    known = {str(each.order_id): each.state for each in system.orders()}
    shown = {row["order_id"]: row["state"].replace(" ", "_").upper() for row in blotter.rows(live=False)}
    assert shown == known


def test_from_a_ticket_to_a_profit_that_adds_up(system: TradingSystem) -> None:
    state = RiskState(system)
    for side, qty in (("BUY", "300"), ("SELL", "120"), ("BUY", "40")):
        told = sent(system, fields(side=side, qty=qty, type="market"), new_name(), who=TRADER)
        assert told["tone"] == "good", told
    seen = state.read()
    fills = [each for each in system.fills(most=10_000) if each.symbol == "AAA"]
    signed = [each.qty if each.side == "BUY" else -each.qty for each in fills]
    (row,) = [each for each in seen.positions if each["symbol"] == "AAA"]
    assert row["qty"] == sum(signed)
    cash = -sum(qty * fill.price for qty, fill in zip(signed, fills, strict=True))
    assert row["realised"] + row["unrealised"] == pytest.approx(cash + row["qty"] * row["mark"])
    (mine,) = [each for each in seen.attribution if each["symbol"] == "AAA"]
    assert mine["total"] == pytest.approx(row["realised"] + row["unrealised"], abs=1e-6)
    whole = seen.attribution[-1]
    assert whole["symbol"] == "All"
    assert whole["price_move"] + whole["trading"] + whole["fees"] == pytest.approx(whole["total"], abs=1e-6)
    account = seen.account
    assert whole["total"] == pytest.approx(account.realised + account.unrealised, abs=1e-6)
    # Every one of these orders took, and paid half a spread or more.
    assert whole["trading"] < 0.0


def test_stress_moves_what_is_held_and_too_little_data_is_said(system: TradingSystem) -> None:
    found = RiskState(system).measure()
    held = {each.symbol: each.qty for each in system.account().positions if each.qty}
    assert set(found.symbols) == set(held)
    rows = {row["scenario"]: row["total"] for row in stress_rows(found)}
    assert rows["all −10%"] == pytest.approx(-0.1 * found.values.sum())
    # A second of quotes is no hundred steps of a second.
    assert found.risk is None
    assert found.why.startswith("Too little data: ")
    assert [row["share"] for row in share_rows(found)] == [None] * len(held)


# --- limits and the kill switch -------------------------------------------------------------------


def test_gauges_are_amber_from_eighty_percent_and_red_at_the_limit(system: TradingSystem) -> None:
    assert [tone_of(used) for used in (None, 0.79, 0.8, 0.99, 1.0, 3.0)] == [
        "",
        "",
        "warn",
        "warn",
        "bad",
        "bad",
    ]
    gauges = headroom_gauges(system.headroom(), "desk")
    (position,) = [each for each in gauges if each["label"] == "Position AAA"]
    qty = next(each.qty for each in system.account().positions if each.symbol == "AAA")
    assert position["used"] == pytest.approx(abs(qty) / 1_000)
    assert position["text"] == f"{qty:,.0f} lots of 1,000 lots · {qty / 1_000:.0%}"
    assert [each["used"] for each in gauges] == sorted((each["used"] for each in gauges), reverse=True)


def test_a_profit_is_a_loss_of_nothing(system: TradingSystem) -> None:
    room = system.headroom()
    is_loss = room.columns["check"] == "DAILY_LOSS"
    assert is_loss.any()
    for name, value in (("value", -12.5), ("limit", 500.0)):
        room.columns[name] = np.where(is_loss, value, room.columns[name])
    (loss,) = [each for each in headroom_gauges(room, "desk") if each["label"] == "Loss today"]
    assert (loss["text"].split(" of ")[0], loss["used"]) == ("0.00", 0.0)


def test_limits_are_read_as_they_are_written(system: TradingSystem) -> None:
    limits = Limits(max_position=500, collar_bps=50, max_drawdown=0.125, max_leverage=2.5, order_rate=10)
    written = {each.name: each.value for each in limit_fields(limits)}
    assert written["max_drawdown"] == "12.5"
    assert read_limits(written) == limits
    assert told_change(limits, written) == "Nothing changes."
    changed = told_change(limits, written | {"max_position": "750", "max_drawdown": ""})
    assert changed == "Position: 500 → 750; Drawdown: 12.5% → no limit."
    assert "Position: many is not a positive number" in told_change(limits, {"max_position": "many"})
    assert {row["name"] for row in limit_rows(limits)} >= {"Position", "Drawdown"}


def test_two_steps_and_a_reason_throw_the_switch_and_another_takes_it_back(system: TradingSystem) -> None:
    order = system.submit(Ticket(symbol="AAA", side="BUY", qty=10, price=1.0), who=LOCAL)
    assert consequences(system)[0] == "1 open order would be canceled: AAA 1."
    with pytest.raises(ConfigError, match="not typed"):
        throw(system, ACCOUNT, "a slip", "halt", who=LOCAL)
    with pytest.raises(ConfigError, match="reason"):
        throw(system, ACCOUNT, " a ", "HALT", who=LOCAL)
    assert system.status().state == "RUNNING"
    throw(system, ACCOUNT, "a slip", "HALT", who=TRADER)
    assert system.status().state == "HALTED"
    assert system.order(order.order_id).state == "CANCELED"
    ((scope, why),) = system.status().halted.items()
    assert ("tom" in why, "a slip" in why) == (True, True)
    assert previewed(system, fields())["verdict"] == "refuse"
    with pytest.raises(ForbiddenError):
        take_back(system, scope, "all is well", who=TRADER)
    with pytest.raises(ConfigError, match="reason"):
        take_back(system, scope, "", who=LOCAL)
    take_back(system, scope, "all is well", who=LOCAL)
    assert system.status().state == "RUNNING"
    throw(system, "AAB", "news", "HALT", who=TRADER)
    assert system.status().state == "RUNNING"
    assert previewed(system, fields(symbol="AAB"))["verdict"] == "refuse"
    assert previewed(system, fields())["verdict"] == "pass"
    take_back(system, "instrument AAB", "all is well", who=LOCAL)
    with pytest.raises(ConfigError, match="not one of"):
        take_back(system, "everything", "all is well", who=LOCAL)


def test_nonsense_in_a_replacement_is_refused() -> None:
    from omni_lab.ui.dashboard.components.drafts import positive

    assert positive({"qty": ""}, "qty") is None
    with pytest.raises(DataError, match="positive number, not x"):
        positive({"qty": "x"}, "qty")
