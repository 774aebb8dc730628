"""Ticket, book, fill, position, profit: over REST, against the system itself and a calculation by hand."""

import math
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from omni_lab.errors import ForbiddenError
from omni_lab.system import LOCAL, Ticket
from omni_lab.system.people import Person, Role
from tests.gateway.rest.conftest import House
from tests.gateway.rest.serving import Gateway

API = "/api/v1"
PATIENCE_S = 20.0


def soon(found: Callable[[], Any]) -> Any:
    """What is found in the end."""
    until = time.monotonic() + PATIENCE_S
    while not (value := found()):
        assert time.monotonic() < until
        time.sleep(0.02)
    return value


def get(gateway: Gateway, path: str, **query: Any) -> Any:
    answer = gateway.client.get(API + path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def post(gateway: Gateway, path: str, status: int, *, key: str | None = None, **body: Any) -> Any:
    headers = {} if key is None else {"Idempotency-Key": key}
    answer = gateway.client.post(API + path, json=body, headers=headers)
    assert answer.status_code == status, answer.text
    return answer.json()


def test_a_ticket_becomes_fills_a_position_and_a_profit(gateway: Gateway, symbol: str) -> None:
    before = {each["symbol"]: each for each in get(gateway, "/portfolio")["positions"]}.get(symbol)
    held, n_fills = (before or {}).get("qty", 0.0), len(gateway.services.system.fills(most=10**6))
    bought = post(gateway, "/orders", 201, symbol=symbol, side="BUY", qty=300)
    sold = post(gateway, "/orders", 201, symbol=symbol, side="SELL", qty=100)
    assert {bought["state"], sold["state"]} == {"FILLED"}
    fills = get(gateway, "/orders/fills", cursor=str(n_fills), limit=1000)["items"]
    ours = [each for each in fills if each["order_id"] in (bought["order_id"], sold["order_id"])]
    assert sum(each["qty"] for each in ours if each["side"] == "BUY") == 300.0
    paid = sum(each["qty"] * each["price"] for each in ours if each["order_id"] == bought["order_id"])
    assert bought["average_price"] == pytest.approx(paid / 300.0, rel=1e-12)
    book = gateway.services.system.fills(most=10**6)
    assert [(each["number"], each["price"]) for each in fills] == [
        (each.number, each.price) for each in book[n_fills : n_fills + len(fills)]
    ]
    # By hand: what was sold brought its price less what the average unit had cost.
    account = soon(lambda: _settled(gateway, symbol, held + 200.0))
    position = next(each for each in account["positions"] if each["symbol"] == symbol)
    if before is None:
        got = sum(each["qty"] * each["price"] for each in ours if each["order_id"] == sold["order_id"])
        assert position["average_price"] == pytest.approx(paid / 300.0, rel=1e-12)
        assert position["realised"] == pytest.approx(got - 100.0 * paid / 300.0, abs=1e-9)
    total = account["realised"] + account["unrealised"]
    assert account["equity"] == pytest.approx(account["capital"] + total, abs=1e-6)
    assert math.isclose(account["cash"], account["equity"] - account["net"], abs_tol=1e-6)


def _settled(gateway: Gateway, symbol: str, qty: float) -> Any:
    account = get(gateway, "/portfolio")
    positions = {each["symbol"]: each["qty"] for each in account["positions"]}
    return account if positions.get(symbol) == qty else None


def test_an_order_rests_is_replaced_and_canceled(gateway: Gateway, symbol: str) -> None:
    bid = gateway.services.system.book(symbol).best_bid
    assert bid is not None
    deep = round(bid * 0.5, 2)
    order = post(gateway, "/orders", 201, symbol=symbol, side="BUY", qty=10, price=deep)
    assert order["state"] == "ACCEPTED" or order["leaves_qty"] == 10.0
    path = f"{API}/orders/{order['order_id']}"
    changed = gateway.client.patch(path, json={"qty": 20, "price": deep}).json()
    assert changed["leaves_qty"] == 20.0
    live = get(gateway, "/orders", live=True)["items"]
    assert order["order_id"] in {each["order_id"] for each in live}
    canceled = gateway.client.delete(path)
    assert canceled.json()["state"] == "CANCELED"
    assert gateway.client.delete(path).status_code == 409
    assert gateway.client.get(path).json() == canceled.json()


def test_pages_of_orders_hold_each_order_once(gateway: Gateway, symbol: str) -> None:
    for _ in range(7):
        post(gateway, "/orders", 201, symbol=symbol, side="BUY", qty=1, price=1.0)
    pages: list[int] = []
    cursor = None
    while cursor is not None or not pages:
        found = get(gateway, "/orders", limit=3, **({} if cursor is None else {"cursor": cursor}))
        assert len(found["items"]) <= 3
        pages += [each["order_id"] for each in found["items"]]
        cursor = found["next"]
    assert pages == [each.order_id for each in gateway.services.system.orders(most=10**6)]
    answer = gateway.client.delete(f"{API}/orders", params={"symbol": symbol})
    assert answer.json()["canceled"] >= 7
    assert get(gateway, "/orders", live=True)["items"] == []


def test_the_preview_is_what_the_gate_does(gateway: Gateway, symbol: str) -> None:
    ticket: dict[str, Any] = {"symbol": symbol, "side": "BUY", "qty": 5_000, "price": 1.0}
    gateway.client.put(f"{API}/risk/limits", json={"max_order_qty": 4_000})
    preview = post(gateway, "/orders/preview", 200, **ticket)
    order = post(gateway, "/orders", 201, **ticket)
    assert preview["refused"] == order["reason"] == "ORDER_SIZE"
    assert order["state"] == "REJECTED"
    assert any("4,000" in sentence for sentence in preview["sentences"])
    failing = [check for check in preview["checks"] if not check["passes"]]
    assert [(check["check"], check["value"], check["limit"]) for check in failing] == [
        ("ORDER_SIZE", 5_000.0, 4_000.0)
    ]
    told = get(gateway, "/risk/limits")
    assert told["limits"]["max_order_qty"] == 4_000
    gateway.client.put(f"{API}/risk/limits", json={})
    assert post(gateway, "/orders/preview", 200, **ticket)["refused"] is None


def test_a_kill_refuses_orders_until_somebody_resets_it(gateway: Gateway, symbol: str) -> None:
    killed = post(gateway, "/risk/kill", 200, why="a test of it")
    assert killed["state"] == "HALTED"
    assert get(gateway, "/risk")["halted"] == {"account desk": "local: a test of it"}
    order = post(gateway, "/orders", 201, symbol=symbol, side="BUY", qty=1)
    assert (order["state"], order["reason"]) == ("REJECTED", "KILL_SWITCH")
    assert gateway.client.post(f"{API}/risk/reset", json={"why": " "}).status_code == 422
    assert post(gateway, "/risk/reset", 200, why="the test is over")["state"] == "RUNNING"
    assert post(gateway, "/orders", 201, symbol=symbol, side="BUY", qty=1)["state"] == "FILLED"
    rows = gateway.security.audit.entries(newest_first=True, limit=20)
    assert {"risk.kill", "risk.reset", "orders.submit"} <= {row.action for row in rows}
    gateway.security.audit.verify()


def test_what_is_done_without_a_route_is_written_down_once_too(gateway: Gateway, symbol: str) -> None:
    # As a button of the dashboard does it.
    system, vera = gateway.services.system, Person("vera", Role.VIEWER)
    order = system.submit(Ticket(symbol=symbol, side="BUY", qty=1, price=0.01), who=LOCAL)
    system.cancel(order.order_id, who=LOCAL)
    with pytest.raises(ForbiddenError):
        system.kill(who=vera, why="she may not")
    post(gateway, "/orders", 201, symbol=symbol, side="BUY", qty=1)
    rows = [
        (row.person, row.action, row.outcome)
        for row in gateway.security.audit.entries(newest_first=True, limit=4)
    ]
    assert rows == [
        ("local", "orders.submit", "ok"),
        ("vera", "dashboard.kill", "refused"),
        ("local", "dashboard.cancel", "ok"),
        ("local", "dashboard.submit", "ok"),
    ]


def test_the_same_key_is_the_same_order_whoever_comes_first(gateway: Gateway, symbol: str) -> None:
    n_before = gateway.services.system.status().n_orders
    answers: list[Any] = []

    def send() -> None:
        answers.append(
            gateway.client.post(
                f"{API}/orders",
                json={"symbol": symbol, "side": "BUY", "qty": 1},
                headers={"Idempotency-Key": "race-1"},
            )
        )

    threads = [threading.Thread(target=send) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert {each.status_code for each in answers} == {201}
    assert len({each.json()["order_id"] for each in answers}) == 1
    assert sorted("idempotency-replayed" in each.headers for each in answers) == [False, *[True] * 7]
    assert len({each.headers["location"] for each in answers}) == 1
    assert gateway.services.system.status().n_orders == n_before + 1
    other = post(gateway, "/orders", 409, key="race-1", symbol=symbol, side="BUY", qty=2)
    assert "something else" in other["detail"]


def test_a_key_that_a_dead_process_began_is_carried_out_once(gateway: Gateway, symbol: str) -> None:
    body = {"symbol": symbol, "side": "BUY", "qty": 3}
    first = post(gateway, "/orders", 201, key="killed-1", **body)
    replies = gateway.app.state.replies
    # As a kill between the order and its answer leaves it: the key is there, what it came to is not.
    with replies._engine.begin() as connection:
        gone = '{"host": "", "pid": -1, "process": ""}'
        connection.exec_driver_sql(
            "UPDATE gateway_replies SET status = NULL, begun = 0, process = ? WHERE key = 'killed-1'",
            (gone,),
        )
    n_orders = gateway.services.system.status().n_orders
    again = post(gateway, "/orders", 201, key="killed-1", **body)
    assert again["order_id"] == first["order_id"]
    assert gateway.services.system.status().n_orders == n_orders


def test_two_who_change_one_order_leave_it_as_one_of_them_said(gateway: Gateway, symbol: str) -> None:
    order = post(gateway, "/orders", 201, symbol=symbol, side="BUY", qty=10, price=1.0)
    path = f"{API}/orders/{order['order_id']}"
    codes: list[int] = []

    def change(qty: int) -> None:
        codes.append(gateway.client.patch(path, json={"qty": qty}).status_code)

    def cancel() -> None:
        codes.append(gateway.client.delete(path).status_code)

    threads = [threading.Thread(target=change, args=(20 + n,)) for n in range(4)]
    threads += [threading.Thread(target=cancel) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert set(codes) <= {200, 409}
    end = gateway.client.get(path).json()
    assert end["state"] == "CANCELED"
    assert codes.count(200) >= 1


def test_measures_are_those_of_the_positions(gateway: Gateway, symbol: str, house: House) -> None:
    post(gateway, "/orders", 201, symbol=symbol, side="BUY", qty=50)
    position = soon(lambda: _position(gateway, symbol))
    close = house.bars[house.bars["symbol"] == symbol]["close"].to_numpy()
    returns = close[1:] / close[:-1] - 1.0
    query = {"prices": "lake", "method": "normal", "confidence": 0.95}
    found = get(gateway, "/risk/measures", **query)
    [part] = found["components"]
    assert part["value"] == pytest.approx(position["qty"] * position["average_price"], rel=0.05)
    # 1.6449 standard deviations, less the mean.
    by_hand = part["value"] * (1.6448536269514722 * returns.std(ddof=1) - returns.mean())
    assert found["var"] == pytest.approx(by_hand, rel=1e-9)
    assert found["n_obs"] == len(returns)
    falls = {each["name"]: each["pnl"] for each in found["stress"]}
    assert falls["all -10%"] == pytest.approx(-0.1 * part["value"])
    # Of the running market, once it has run for three seconds; a tail of 1 % takes more.
    query = {"prices": "quotes", "step_s": 0.1, "confidence": 0.95}
    live = soon(lambda: _measured(gateway, query))
    assert live["n_obs"] >= 30
    assert live["es"] >= live["var"]
    few = gateway.client.get(f"{API}/risk/measures", params={"prices": "lake", "confidence": 0.9999})
    assert (few.status_code, few.json()["expected"]) == (422, "at least 10000")


def _position(gateway: Gateway, symbol: str) -> Any:
    positions = get(gateway, "/portfolio")["positions"]
    return next((each for each in positions if each["symbol"] == symbol and each["qty"]), None)


def _measured(gateway: Gateway, query: dict[str, Any]) -> Any:
    answer = gateway.client.get(f"{API}/risk/measures", params=query)
    assert answer.status_code in (200, 422), answer.text
    return answer.json() if answer.status_code == 200 else None
