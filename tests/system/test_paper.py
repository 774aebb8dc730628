"""A paper market: orders of people against it, and what is told of them."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from omni_lab.errors import ConfigError, DataError, ForbiddenError, SourceError, StateError
from omni_lab.execution.limits import Limits
from omni_lab.messaging.bus import Message, fold
from omni_lab.system import LOCAL, Person, Role, Ticket, TradingSystem
from omni_lab.system.engine import DAY_NS
from tests.system.systems import running, served


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TradingSystem]:
    with running(tmp_path_factory.mktemp("paper")) as system:
        yield system


def test_a_market_order_becomes_a_position(system: TradingSystem) -> None:
    symbol = system.status().symbols[0]
    before = len(system.fills())
    order = system.submit(Ticket(symbol=symbol, side="BUY", qty=100), who=LOCAL)
    assert order.state == "FILLED"
    fills = system.fills(after=before)
    assert sum(each.qty for each in fills) == 100
    assert {each.order_id for each in fills} == {order.order_id}
    (position,) = [each for each in system.account().positions if each.symbol == symbol]
    assert position.qty == 100


def test_who_may_not_trade_is_refused(system: TradingSystem) -> None:
    ticket = Ticket(symbol=system.status().symbols[0], side="BUY", qty=1)
    with pytest.raises(ForbiddenError, match="trade"):
        system.submit(ticket, who=Person("eve", Role.VIEWER))
    with pytest.raises(ForbiddenError, match="reset"):
        system.reset(who=Person("tom", Role.TRADER), why="because")


def test_an_order_of_the_street_is_none_of_ours(system: TradingSystem) -> None:
    with pytest.raises(SourceError, match="no such order"):
        system.cancel(1, who=LOCAL)


def test_profit_is_what_the_fills_say(system: TradingSystem) -> None:
    symbol = system.status().symbols[1]
    for side, qty in (("BUY", 300), ("SELL", 100), ("SELL", 400), ("BUY", 150)):
        assert system.submit(Ticket(symbol=symbol, side=side, qty=qty), who=LOCAL).state == "FILLED"
    held, paid, realised, spent = 0, Decimal(0), Decimal(0), Decimal(0)
    for fill in [each for each in system.fills(most=10**6) if each.symbol == symbol]:
        lots, price = round(fill.qty), Decimal(str(fill.price))
        signed = lots if fill.side == "BUY" else -lots
        spent += signed * price
        closing = min(lots, abs(held)) if held * signed < 0 else 0
        if closing:
            # What is closed leaves at the average price that was paid for all.
            out = paid * closing / abs(held)
            realised += closing * price - out if held > 0 else out - closing * price
            paid -= out
        paid += (lots - closing) * price
        held += signed
    (position,) = [each for each in system.account().positions if each.symbol == symbol]
    assert position.qty == held == -50
    assert position.realised == pytest.approx(float(realised), abs=1e-9)
    assert position.average_price == pytest.approx(float(paid / abs(held)), abs=1e-9)
    account = system.account()
    others = sum(
        (Decimal(str(fill.price)) * round(fill.qty if fill.side == "BUY" else -fill.qty))
        for fill in system.fills(most=10**6)
        if fill.symbol != symbol
    )
    assert account.cash == pytest.approx(1_000_000 - float(spent + others), abs=1e-6)
    assert account.equity == pytest.approx(account.cash + account.net, abs=1e-6)
    assert account.equity - account.capital == pytest.approx(account.realised + account.unrealised, abs=1e-6)


def test_orders_of_ours_stand_in_the_book_and_are_filled_by_the_market(system: TradingSystem) -> None:
    symbol = system.status().symbols[0]
    bid, _, ask, _ = system.book(symbol).best()
    order = system.submit(Ticket(symbol=symbol, side="BUY", qty=100, price=round(bid - 1, 2)), who=LOCAL)
    assert [each.order_id for each in system.own_orders(symbol)] == [order.order_id]
    assert system.orders(live=True)[0].order_id == order.order_id
    changed = system.replace(order.order_id, who=LOCAL, qty=50, price=round(bid - 0.5, 2))
    assert (changed.state, changed.qty, changed.price) == ("REPLACED", 50, round(bid - 0.5, 2))
    # A better price than everybody's: whoever sells next sells to us.
    if round(bid + 0.01, 2) < ask:
        assert system.replace(order.order_id, who=LOCAL, price=round(bid + 0.01, 2)).price
    assert system.cancel(order.order_id, who=LOCAL).state in ("CANCELED", "FILLED")
    with pytest.raises(StateError, match="not canceled"):
        system.cancel(order.order_id, who=LOCAL)
    refused = system.preview(Ticket(symbol=symbol, side="BUY", qty=1))
    assert refused.refused is None


def test_a_client_order_id_is_one_order(system: TradingSystem) -> None:
    symbol = system.status().symbols[0]
    ticket = Ticket(symbol=symbol, side="BUY", qty=1, price=1.0, client_order_id="mine-1")
    first, again = (system.submit(ticket, who=LOCAL) for _ in range(2))
    assert first.order_id == again.order_id
    with pytest.raises(DataError, match="another order"):
        system.submit(replace(ticket, qty=2), who=LOCAL)
    with pytest.raises(DataError, match="strategies"):
        system.submit(replace(ticket, client_order_id="strat-1"), who=LOCAL)
    with pytest.raises(DataError, match="grid"):
        system.submit(replace(ticket, price=1.005, client_order_id=None), who=LOCAL)
    assert system.cancel_all(who=LOCAL) >= 1


def test_limits_hold_and_may_be_changed(system: TradingSystem) -> None:
    symbol = system.status().symbols[0]
    large = Ticket(symbol=symbol, side="BUY", qty=1_000, price=1.0)
    system.set_limits(Limits(max_order_qty=500), who=LOCAL)
    assert system.limits() == Limits(max_order_qty=500)
    assert system.preview(large).refused == "ORDER_SIZE"
    order = system.submit(large, who=LOCAL)
    assert (order.state, order.reason) == ("REJECTED", "ORDER_SIZE")
    with pytest.raises(ForbiddenError):
        system.set_limits(Limits(), who=Person("tom", Role.TRADER))
    system.set_limits(Limits(), who=LOCAL)
    assert system.limits() == Limits()


def test_the_switch_of_the_account_and_who_may_take_it_back(system: TradingSystem) -> None:
    symbol = system.status().symbols[0]
    far = Ticket(symbol=symbol, side="BUY", qty=1, price=1.0)
    order = system.submit(far, who=LOCAL)
    system.kill(who=Person("tom", Role.TRADER), why="odd fills")
    assert system.status().state == "HALTED"
    assert system.order(order.order_id).state == "CANCELED"
    assert system.submit(far, who=LOCAL).reason == "KILL_SWITCH"
    assert system.headroom().switched_off == ("desk",)
    with pytest.raises(ConfigError, match="why"):
        system.reset(who=LOCAL, why=" ")
    system.reset(who=Person("rita", Role.RISK), why="explained")
    assert system.status().state == "RUNNING"


def test_streams_say_what_is(tmp_path: Path) -> None:
    with running(tmp_path) as system:
        symbol = system.status().symbols[0]
        readers = {topic: system.bus.stream(topic).follow() for topic in system.bus.topics}
        heard: dict[str, list[Message]] = {topic: reader.take() for topic, reader in readers.items()}
        bid = system.book(symbol).best()[0]
        for qty, price in ((100, None), (200, round(bid - 1, 2)), (300, round(bid - 2, 2))):
            system.submit(Ticket(symbol=symbol, side="BUY", qty=qty, price=price), who=LOCAL)
        time.sleep(0.3)
    for topic, reader in readers.items():
        heard[topic] += reader.take(10**6)
        numbers = [message.sequence for message in heard[topic][1:]]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        stream = system.bus.stream(topic)
        assert fold(heard[topic]) == stream.snapshot().patch, topic
        json.dumps(stream.snapshot().patch, allow_nan=False)
    told = {topic: fold(messages) for topic, messages in heard.items()}
    assert set(told["orders"]["orders"]) == {str(each.order_id) for each in system.own_orders()}
    assert told["account"]["positions"][symbol]["qty"] == 100
    assert told["account"]["equity"] == pytest.approx(system.account().equity)
    depth = system.book(symbol).depth(10)
    for side, prices, quantities in (
        ("bids", depth.bid_price, depth.bid_qty),
        ("asks", depth.ask_price, depth.ask_qty),
    ):
        levels = {float(text): said for text, said in told[f"market.{symbol}"][side].items()}
        assert levels == dict(zip(prices.tolist(), quantities.tolist(), strict=True))
    assert told["system"]["state"] == system.status().state == "STOPPED"
    kinds = [event["kind"] for message in heard["orders"] for event in message.events]
    assert kinds.count("ACCEPTED") == 3
    assert len(system.equity().ts) >= 1


def test_a_day_of_the_account_begins_at_midnight(system: TradingSystem) -> None:
    engine = system._here().engine
    heard = system.bus.stream("system").follow()
    heard.take()

    def yesterday() -> None:
        engine.clock -= DAY_NS

    system._here().ask(yesterday)
    until = time.monotonic() + 10
    lines: list[str] = []
    while time.monotonic() < until and "a new day" not in lines:
        heard.wait(1.0)
        lines += [event["text"] for message in heard.take() for event in message.events]
    assert "a new day" in lines
    assert abs(system.account().pnl_day) < 1_000


def test_services_wire_everything(tmp_path_factory: pytest.TempPathFactory) -> None:
    with served(tmp_path_factory.mktemp("served")) as services:
        assert services.system.bus is services.bus
        assert "orders" in services.bus.topics
        reader = services.bus.stream("orders").follow()
        state = fold(reader.take())
        assert state == {"orders": {}}
    with pytest.raises(StateError):
        services.system.submit(Ticket(symbol="AAA", side="BUY", qty=1), who=LOCAL)
