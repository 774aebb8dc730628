"""What people call: prices, names and keywords in, events and views out."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from omni_lab.domain import Instrument, OrderType, Side, TradingPhase
from omni_lab.errors import ConfigError, DataError, SchemaError, ShapeError, UnknownSymbolError
from omni_lab.execution import Limits, OMSConfig, ReferenceOMS

COIN = Instrument("COIN", tick_size=0.05, lot_size=0.01)
CONFIG = OMSConfig(instruments=["ABC", COIN], accounts=("main", "hedge"))


@pytest.fixture
def oms(oms_class: type[ReferenceOMS]) -> ReferenceOMS:
    return oms_class(CONFIG)


@pytest.mark.parametrize(
    ("arguments", "order_type"),
    [
        ({}, "MARKET"),
        ({"price": 10.0}, "LIMIT"),
        ({"stop_price": 10.0}, "STOP"),
        ({"stop_price": 10.0, "price": 10.5}, "STOP_LIMIT"),
        ({"trail": 0.5}, "TRAILING_STOP"),
        ({"trail_bps": 50, "trigger": "bbo"}, "TRAILING_STOP"),
        ({"peg": "primary"}, "PEGGED"),
        ({"peg": "MID", "price": 10.0, "peg_offset": -0.02}, "PEGGED"),
        ({"order_type": "limit", "price": 10.0}, "LIMIT"),
        ({"order_type": OrderType.STOP, "stop_price": 10.0}, "STOP"),
    ],
)
def test_the_type_of_an_order_is_what_its_arguments_say(
    oms: ReferenceOMS, arguments: dict[str, Any], order_type: str
) -> None:
    order = oms.order(oms.submit("ABC", "buy", 5, **arguments))
    assert order.order_type == order_type
    assert order.state in ("NEW", "CANCELED")  # a market order finds nobody here


def test_numbers_come_back_as_they_went_in(oms: ReferenceOMS) -> None:
    number = oms.submit("COIN", Side.SELL, 0.3, 100.15, account="hedge", display_qty=0.1, min_qty=None, ts=77)
    order = oms.order(number)
    assert (order.qty, order.leaves_qty, order.price, order.working_price) == (0.3, 0.3, 100.15, 100.15)
    assert (order.account, order.symbol, order.side, order.place) == ("hedge", "COIN", "SELL", "DISPLAYED")
    event = oms.events()[0]
    assert (event.ts, event.kind, event.account, event.symbol, event.side) == (
        77,
        "ACCEPTED",
        "hedge",
        "COIN",
        "SELL",
    )
    assert (event.price, event.qty, event.leaves, event.cum, event.state) == (100.15, 0.3, 0.3, 0.0, "NEW")


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda oms: oms.submit("ABD", "BUY", 1, 10), UnknownSymbolError, "Did you mean 'ABC'"),
        (lambda oms: oms.submit("ABC", "BYE", 1, 10), ConfigError, "unknown Side.*BUY"),
        (lambda oms: oms.submit("ABC", "BUY", 1, 10, account="mian"), ConfigError, "Did you mean 'main'"),
        (lambda oms: oms.submit("ABC", "BUY", 1, 10.005), DataError, r"10\.0 or 10\.01.*in price"),
        (lambda oms: oms.submit("COIN", "BUY", 0.015, 10), DataError, r"0\.01 or 0\.02.*in qty"),
        (lambda oms: oms.submit("ABC", "BUY", float("nan"), 10), DataError, "finite"),
        (lambda oms: oms.submit("ABC", "BUY", 1e30, 10), DataError, "64 bits"),
        (lambda oms: oms.submit("ABC", "BUY", 1, trail=1, trail_bps=5), ConfigError, "not as both"),
        (lambda oms: oms.submit("ABC", "BUY", 1, trail_bps=0.5), DataError, "whole numbers"),
        (
            lambda oms: oms.submit("ABC", "BUY", 1, 10, time_in_force="GTX"),
            ConfigError,
            "unknown TimeInForce",
        ),
        (lambda oms: oms.set_phase("OPEN"), ConfigError, "unknown TradingPhase"),
        (lambda oms: oms.order(1), DataError, "no such order"),
        (lambda oms: oms.book("XYZ"), UnknownSymbolError, "no such instrument"),
        (lambda oms: oms.write_register(0x1008, 2**64), ConfigError, "64 bits"),
    ],
)
def test_what_cannot_be_meant_is_an_error_and_no_command(
    oms: ReferenceOMS, call: Any, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        call(oms)
    assert oms.sequence == 1


def test_what_an_order_comes_to_is_an_event_and_no_error(oms: ReferenceOMS) -> None:
    assert oms.submit("ABC", "BUY", 0, 10.0) == 1
    assert oms.cancel(1) is False
    assert oms.replace(9, qty=1) is False
    assert [event.kind for event in oms.events()] == ["REJECTED", "CANCEL_REJECTED", "REPLACE_REJECTED"]
    assert len(oms.events()) == 0


def test_a_book_is_a_picture_of_the_moment(oms: ReferenceOMS) -> None:
    oms.submit("ABC", "BUY", 5, 10.00)
    oms.submit("ABC", "BUY", 7, 10.00, account="hedge", display_qty=2)
    oms.submit("ABC", "BUY", 9, 10.00, display_qty=0)
    oms.submit("ABC", "BUY", 3, 9.99)
    oms.submit("ABC", "BUY", 4, 10.01, all_or_none=True)
    oms.submit("ABC", "SELL", 8, 10.02)
    book = oms.book("ABC")
    assert (book.best_bid, book.best_ask, book.last, book.phase) == (10.00, 10.02, None, "CONTINUOUS")
    depth = book.depth()
    assert (depth.bid_price.tolist(), depth.bid_qty.tolist()) == ([10.00, 9.99], [7, 3])
    assert (depth.bid_n_orders.tolist(), depth.ask_n_orders.tolist()) == ([2, 1], [1])
    assert book.depth(1).bid_price.tolist() == [10.00]
    bids = book.orders("buy")
    assert bids["order_id"].tolist() == [1, 2, 3, 4]
    assert bids["leaves"].tolist() == [5, 7, 9, 3]
    assert bids["hidden"].tolist() == [False, False, True, False]
    assert [book.queue_ahead(number) for number in (1, 2, 3, 4, 6)] == [0, 5, 7, 0, 0]
    with pytest.raises(DataError, match="no such order"):
        book.queue_ahead(5)
    frame = book.to_frame()
    assert frame["bid_qty"].tolist() == [7, 3]
    assert frame["ask_price"].isna().tolist() == [False, True]
    assert "10 × 10.02" in repr(book)
    oms.submit("ABC", "SELL", 9, 10.00)  # 4 to the all-or-none order, 5 to the first of the queue
    assert book.depth().bid_qty.tolist() == [7, 3]
    assert oms.book("ABC").depth().bid_qty.tolist() == [2, 3]


def test_an_empty_book_has_no_prices(oms: ReferenceOMS) -> None:
    book = oms.book("ABC")
    assert (book.best_bid, book.best_ask) == (None, None)
    assert len(book.to_frame()) == len(book.depth().ask_price) == 0
    assert "none × none" in repr(book)


def test_events_read_as_a_table(oms: ReferenceOMS) -> None:
    oms.submit("ABC", "SELL", 5, 10.00, client_order_id="offer")
    oms.submit("ABC", "BUY", 2, 10.00, account="hedge")
    oms.set_phase(TradingPhase.HALTED, symbol="ABC")
    oms.write_register(0x1200, 1)
    oms.kill(instrument="ABC", who="ann", why="a test")
    log = oms.events()
    frame = log.to_frame()
    assert frame["kind"].tolist() == [event.kind for event in log]
    assert frame["price"].tolist()[:4] == [10.0] * 4
    assert str(frame["ts"].dt.tz) == "UTC"
    assert (log[-4].phase, log[-3].register) == ("HALTED", (0x1200, 1))
    assert (log[-2].kind, log[-2].symbol, log[-2].account, log[-2].switch) == (
        *("KILL_SWITCH", "ABC", None),
        "THROWN",
    )
    assert [event.kind for event in log[2:4]] == ["FILLED", "FILLED"]
    assert log.columns["client_order_id_high"].dtype == np.uint64
    text = repr(log)
    assert "EventLog of 8" in text
    assert "FILLED           #1     ABC SELL 2 @ 10 leaves 3 MAKER" in text
    assert "ABC HALTED" in text
    assert "0x1200 = 1" in text
    assert "KILL_SWITCH             ABC THROWN" in text


def test_orders_and_positions(oms: ReferenceOMS) -> None:
    oms.submit("ABC", "SELL", 5, 10.00)
    oms.submit("ABC", "BUY", 2, 10.00, account="hedge")
    assert oms.orders()["order_id"].tolist() == [1]
    assert oms.orders(live=False)["cum"].tolist() == [2, 2]
    assert oms.order(2).average_price == 10.0
    assert [(each.account, each.qty) for each in oms.positions()] == [("main", -2.0), ("hedge", 2.0)]


def test_limits_are_written_where_they_differ(oms: ReferenceOMS) -> None:
    oms = type(oms)(OMSConfig(instruments=["ABC"]))
    oms.set_limits(None, Limits(max_order_qty=5, max_notional=1e6))
    written = [event.register[0] - 0x1000 for event in oms.events() if event.register]
    assert written == [0x10, 0x20, 0x28]
    oms.set_limits("main", Limits(max_order_qty=5, max_notional=1e6))
    assert len(oms.events()) == 0
    oms.set_limits("main", Limits())
    assert oms.state_hash != type(oms)(OMSConfig(instruments=["ABC"])).state_hash  # frames were counted
    assert oms.read_register(0x1010) == 2**63 - 1


def test_columns_of_commands_act_in_one_go(oms: ReferenceOMS) -> None:
    oms.submit("ABC", "BUY", 1, 9.00)
    events = oms.apply(
        {
            "kind": [1, 1, 2, 6, 5, 7, 8, 4],
            "side": [2, 1, 1, 1, 1, 1, 1, 0],
            "account": [0, 1, 0, 0, 0, 0, 0, -1],
            "instrument": [0, 0, 0, 0, -1, 1, 0, -1],
            "qty": 5,
            "price": [1000, 1001, 0, 0, 0, 77, 0, 0],
            "client_order_id": np.array([2**127 + 65, 0, 0, 0, 0, 0, 0, 0], dtype=object),
            "order_id": [0, 0, 1, 0, 0, 0, 0, 0],
            "ts": [1, 2, 3, 4, 5, 6, 7, 8],
            "phase": 1,
            "address": 0x1010,
            "value": 9,
        }
    )
    assert events["kind"].tolist() == [1, 1, 3, 3, 4, 13, 13, 17, 16]
    assert events["client_order_id"].tolist()[:3] == [65, 0, 65]
    assert events["client_order_id_high"].tolist()[:3] == [2**63, 0, 2**63]
    assert (oms.clock, oms.sequence) == (8, 10)
    assert [event.kind for event in oms.events()] == ["ACCEPTED"]


def test_no_columns_are_no_commands(oms: ReferenceOMS) -> None:
    assert len(oms.apply({})["seq"]) == 0
    assert len(oms.apply({"qty": []})["seq"]) == 0
    assert oms.sequence == 1


@pytest.mark.parametrize(
    ("columns", "error", "said"),
    [
        ({"quantity": [1]}, SchemaError, "unknown column"),
        ({"qty": [1, 2], "price": [1, 2, 3]}, ShapeError, "differ in length"),
        ({"qty": [[1]]}, ShapeError, "one dimension"),
        ({"qty": [1.5]}, SchemaError, "whole numbers"),
        ({"qty": np.array([2**63], dtype=np.uint64)}, DataError, "64 bits.*row 0"),
        ({"order_id": [5, -1]}, DataError, "row 1"),
        ({"client_order_id": [2**128]}, SchemaError, "below 2\\^128"),
        ({"side": [1, 2, 0]}, DataError, "side is no Side.*row 2"),
        ({"kind": [1, 10]}, DataError, "kind is no CommandKind.*row 1"),
        ({"kind": [1, 9]}, DataError, "says who and why.*row 1"),
        ({"time_in_force": 5}, DataError, "TimeInForce"),
        ({"all_or_none": 2}, DataError, "all_or_none"),
        ({"account": -1}, DataError, "account"),
        ({"kind": 5, "instrument": [0, 2]}, DataError, "there are 2.*row 1"),
        ({"kind": 7, "instrument": -1}, DataError, "instrument"),
        ({"kind": [1, 8], "address": 0x110}, DataError, "no register.*row 1"),
        ({"kind": 8, "address": 0x1000, "value": [1, 2]}, DataError, "0 or 1.*row 1"),
        ({"kind": 8, "address": 0x1000, "value": [1, 0]}, DataError, "says who and why.*row 1"),
    ],
)
def test_nothing_acts_before_all_columns_are_checked(
    oms: ReferenceOMS, columns: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        oms.apply(columns)
    assert oms.sequence == 1


WITHOUT_NATIVE = """
import sys, warnings
sys.modules["omni_lab._native"] = None
from omni_lab.execution import OMSConfig, ReferenceOMS
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    from omni_lab.execution import OMS
    from omni_lab.execution import OMS as again
assert OMS is again is ReferenceOMS
oms = OMS(OMSConfig(instruments=["ABC"]))
oms.submit("ABC", "BUY", 1, 10.0)
assert oms.book("ABC").best_bid == 10.0
print([str(each.message)[:28] for each in told])
"""


def test_all_of_it_works_without_the_native_module() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_NATIVE], capture_output=True, text=True, check=True)
    assert done.stdout == "['the native module is missing']\n"
