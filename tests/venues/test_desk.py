"""OUCH orders: what becomes of each message, in the terms of the specification's table of an order's life."""

from typing import Any

import pytest

from omni_lab.domain import CancelReason, RejectReason, SelfTrade, TimeInForce
from omni_lab.errors import CodecError
from omni_lab.execution import OMS, Limits
from omni_lab.venues import Market, User, codes
from tests.venues.desk import NOON, SECOND, USERS, Desk, config, words


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_an_order_is_accepted_as_it_was_entered(desk: Desk) -> None:
    (accepted,) = desk.enter("alice", firm="ABCD", capacity="?", display="A")
    assert (accepted.name, accepted.order_token, accepted.order_reference_number) == ("accepted", "T1", 1)
    assert (accepted.shares, accepted.price, accepted.stock, accepted.time_in_force) == (
        100,
        100_000,
        "X",
        99_998,
    )
    assert (accepted.firm, accepted.capacity, accepted.display, accepted.order_state) == (
        "ABCD",
        "O",
        "A",
        "L",
    )
    assert accepted.timestamp == 12 * 3_600 * SECOND


def test_both_sides_of_a_trade_are_told_with_one_match_number(desk: Desk) -> None:
    desk.enter("alice")
    told = desk.enter("bob", order_token="S", buy_sell_indicator="T", price=99_000, shares=30)
    fields = ("executed_shares", "execution_price", "liquidity_flag", "match_number")
    assert words(told[1:], *fields) == [("executed", 30, 100_000, "R", 1)]
    assert words(desk.answers("alice"), *fields) == [("executed", 30, 100_000, "A", 1)]


@pytest.mark.parametrize(
    ("maker", "flag"),
    [({}, "A"), ({"display": "N"}, "J"), ({"display": "P"}, "W"), ({"minimum_quantity": 10}, "J")],
)
def test_what_a_maker_gave_has_its_letter(desk: Desk, maker: dict[str, Any], flag: str) -> None:
    desk.enter("alice", **maker)
    desk.enter("bob", order_token="S", buy_sell_indicator="S", shares=30)
    assert desk.answers("alice")[0].liquidity_flag == flag


def test_a_midpoint_peg_trades_in_the_middle(desk: Desk) -> None:
    desk.enter("alice", price=99_000)
    desk.enter("alice", order_token="S", buy_sell_indicator="S", price=101_000)
    assert words(desk.enter("alice", order_token="M", display="M", price=101_000)) == [("accepted",)]
    desk.answers("alice")
    told = desk.enter("bob", order_token="B", buy_sell_indicator="S", price=99_500)
    assert words(told[1:], "execution_price") == [("executed", 100_000)]
    assert words(desk.answers("alice"), "order_token", "liquidity_flag") == [("executed", "M", "k")]


def test_a_token_is_one_order_however_often_it_is_sent(desk: Desk) -> None:
    assert words(desk.enter("alice")) == [("accepted",)]
    assert desk.enter("alice") == []
    assert desk.enter("alice", shares=7, stock="?") == []
    assert words(desk.enter("alice", order_token="BAD", stock="?"), "reason") == [("rejected", "S")]
    assert desk.enter("alice", order_token="BAD") == [], "a refused token is used, too"
    assert words(desk.enter("bob")) == [("accepted",)], "another account has tokens of its own"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"stock": "NOPE"}, "S"),
        ({"price": 100_050}, "X"),
        ({"price": 0}, "X"),
        ({"price": 0x7FFF_FFFF}, "X"),
        ({"price": 2_000_000_000}, "X"),
        ({"shares": 0}, "Z"),
        ({"shares": 1_000_000}, "Z"),
        ({"stock": "Y", "shares": 15}, "Z"),
        ({"minimum_quantity": 101}, "N"),
        ({"minimum_quantity": 10, "cross_type": "O"}, "N"),
        ({"display": "W"}, "D"),
        ({"display": "?"}, "D"),
        ({"cross_type": "R"}, "R"),
        ({"time_in_force": 99_997}, "O"),
        ({"time_in_force": 100_000}, "O"),
        ({"buy_sell_indicator": "?"}, "O"),
        ({"order_token": "A B"}, "O"),
        ({"order_token": ""}, "O"),
        ({"display": "P", "minimum_quantity": 10}, "c"),
        ({"cross_type": "O"}, "M"),
    ],
)
def test_what_cannot_be_is_refused_with_its_letter(desk: Desk, fields: dict[str, Any], reason: str) -> None:
    assert words(desk.enter("alice", **fields), "reason") == [("rejected", reason)]
    desk.feed()
    assert not desk.book.orders


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(max_order_qty=50), "m"),
        (Limits(max_position=50), "v"),
        (Limits(max_notional=10), "n"),
        (Limits(collar_bps=1), "e"),
        (Limits(order_rate=1), "x"),
    ],
)
def test_the_risk_gate_refuses_with_a_small_letter(limits: Limits, reason: str) -> None:
    desk = Desk(OMS(config(instruments=["X"], limits=limits, reference_prices={"X": 20.0})))
    if reason == "x":
        assert words(desk.enter("alice", order_token="FIRST")) == [("accepted",)]
    assert words(desk.enter("alice"), "reason") == [("rejected", reason)]


def test_a_halted_or_closed_market_refuses() -> None:
    for phase, reason in (("halted", "H"), ("closed", "C")):
        desk = Desk(OMS(config(initial_phase=phase)))
        assert words(desk.enter("alice"), "reason") == [("rejected", reason)]


def test_every_reason_has_a_letter() -> None:
    assert set(codes.REJECTS) == set(RejectReason)
    assert set(codes.CANCELS) == set(CancelReason)
    assert all(len(letter) == 1 for letter in (*codes.REJECTS.values(), *codes.CANCELS.values()))


def test_times_in_force_are_what_they_say(desk: Desk) -> None:
    assert [codes.time_in_force(seconds) for seconds in (0, 1, 99_995)] == [
        TimeInForce.IOC,
        TimeInForce.GTD,
        TimeInForce.GTD,
    ]
    assert {codes.time_in_force(seconds) for seconds in (99_996, 99_998, 99_999)} == {TimeInForce.DAY}
    assert words(desk.enter("alice", time_in_force=0), "decrement_shares", "reason") == [
        ("accepted",),
        ("canceled", 100, "I"),
    ]
    desk.enter("alice", order_token="GTD", time_in_force=60)
    desk.enter("alice", order_token="DAY")
    desk.now = NOON + 59 * SECOND
    desk.market.on_time()
    assert desk.answers("alice") == []
    desk.now += SECOND
    desk.market.on_time()
    assert words(desk.answers("alice"), "order_token", "reason") == [("canceled", "GTD", "T")]
    desk.market.end_day()
    assert words(desk.answers("alice"), "order_token", "reason", "event_code") == [
        ("canceled", "DAY", "E"),
        ("system_event", "E"),
    ]


def test_a_cancel_states_the_new_total_and_keeps_the_place(desk: Desk) -> None:
    desk.enter("alice")
    desk.enter("bob", order_token="BEHIND")
    desk.enter("bob", order_token="S", buy_sell_indicator="S", shares=20)
    desk.answers("alice")
    fields = ("decrement_shares", "reason")
    assert words(desk.send("alice", "cancel_order", order_token="T1", shares=50), *fields) == [
        ("canceled", 50, "U")
    ]
    assert desk.send("alice", "cancel_order", order_token="T1", shares=50) == [], "it has that total already"
    assert desk.send("alice", "cancel_order", order_token="T1", shares=70) == [], "and cannot grow"
    desk.enter("bob", order_token="S2", buy_sell_indicator="S", shares=10)
    assert words(desk.answers("alice"), "executed_shares") == [("executed", 10)], "it is first in its queue"
    assert words(desk.send("alice", "cancel_order", order_token="T1", shares=30), *fields) == [
        ("canceled", 20, "U")
    ]
    for token in ("T1", "NOBODY", "S"):
        assert desk.send("alice", "cancel_order", order_token=token, shares=0) == []


def test_a_good_replace_has_a_new_number_and_what_is_open(desk: Desk) -> None:
    desk.enter("alice")
    desk.enter("bob", order_token="S", buy_sell_indicator="S", shares=30)
    desk.answers("alice")
    (replaced,) = desk.send("alice", "replace_order", shares=80, price=99_000, display="N")
    assert (replaced.name, replaced.replacement_order_token, replaced.previous_order_token) == (
        "replaced",
        "T2",
        "T1",
    )
    assert (replaced.shares, replaced.price, replaced.display, replaced.order_reference_number) == (
        50,
        99_000,
        "N",
        3,
    )
    assert desk.send("alice", "cancel_order", order_token="T1", shares=0) == []
    assert words(desk.send("alice", "cancel_order", order_token="T2", shares=0)) == [("canceled",)]


def test_a_replace_of_nothing_or_by_a_used_token_is_silent_and_uses_no_token(desk: Desk) -> None:
    assert desk.send("alice", "replace_order") == []
    desk.enter("alice", order_token="T2")
    desk.enter("alice")
    assert desk.send("alice", "replace_order") == []
    assert words(desk.send("alice", "replace_order", replacement_order_token="T3")) == [("replaced",)]


@pytest.mark.parametrize("fields", [{"price": 99_999}, {"shares": 0}, {"price": 90_000, "display": "?"}])
def test_a_replace_with_impossible_details_cancels_and_its_token_stays_free(
    desk: Desk, fields: dict[str, Any]
) -> None:
    desk.enter("alice")
    told = desk.send("alice", "replace_order", **fields)
    assert words(told, "order_token", "decrement_shares", "reason") == [("canceled", "T1", 100, "U")]
    assert words(desk.enter("alice", order_token="T2")) == [("accepted",)]


def test_a_replace_that_the_gate_refuses_cancels_and_its_token_stays_free() -> None:
    desk = Desk(OMS(config(instruments=["X"], limits=Limits(max_order_qty=100))))
    desk.enter("alice")
    told = desk.send("alice", "replace_order", shares=200)
    assert words(told, "order_token", "decrement_shares", "reason") == [("canceled", "T1", 100, "U")]
    desk.feed()
    assert not desk.book.orders
    assert words(desk.enter("alice", order_token="T2"), "order_token") == [("accepted", "T2")]


def test_a_replace_that_cannot_cancel_now_leaves_the_order() -> None:
    desk = Desk(OMS(config(limits=Limits(cancel_rate=1))))
    desk.enter("alice")
    desk.enter("alice", order_token="GONE")
    desk.send("alice", "cancel_order", order_token="GONE", shares=0)
    assert words(desk.send("alice", "replace_order"), "order_token", "reason") == [("rejected", "T2", "x")]
    desk.now += SECOND
    assert words(desk.send("alice", "cancel_order", order_token="T1", shares=0)) == [("canceled",)]


def test_a_modify_changes_the_kind_of_sale_and_the_total(desk: Desk) -> None:
    desk.enter("alice", buy_sell_indicator="S")
    fields = ("buy_sell_indicator", "shares")
    modify: dict[str, Any] = {"order_token": "T1", "buy_sell_indicator": "T", "shares": 100}
    assert words(desk.send("alice", "modify_order", **modify), *fields) == [("order_modified", "T", 100)]
    modify |= {"shares": 60}
    assert words(desk.send("alice", "modify_order", **modify), *fields) == [("order_modified", "T", 60)]
    modify |= {"buy_sell_indicator": "B"}
    assert desk.send("alice", "modify_order", **modify) == [], "a sale does not become a purchase"


def test_a_post_only_order_that_would_take_slides_and_is_told_so(desk: Desk) -> None:
    desk.enter("bob", order_token="S", buy_sell_indicator="S")
    told = desk.enter("alice", display="P", price=101_000)
    assert words(told, "price") == [("accepted", 101_000), ("order_priority_update", 99_900)]


def test_orders_of_one_account_do_not_meet_if_they_must_not() -> None:
    decrement = User(name="alice", password="x", account="a", self_trade=SelfTrade.DECREMENT)
    newest = User(name="bob", password="x", account="b", self_trade=SelfTrade.CANCEL_NEWEST)
    desk = Desk(users=[decrement, newest])
    for user in ("alice", "bob"):
        desk.enter(user, shares=30, price=100_000 if user == "alice" else 90_000)
    told = desk.enter("alice", order_token="S", buy_sell_indicator="S", shares=50)
    fields = ("order_token", "decrement_shares")
    assert words(told, *fields) == [("accepted", "S"), ("aiq_canceled", "T1", 30), ("aiq_canceled", "S", 30)]
    told = desk.enter("bob", order_token="S", buy_sell_indicator="S", price=90_000)
    assert words(told, "decrement_shares", "reason") == [("accepted",), ("canceled", 100, "Q")]


def test_what_a_supervisor_does_is_told(desk: Desk) -> None:
    desk.enter("alice")
    desk.oms.replace(1, qty=60)
    desk.market.publish()
    assert words(desk.answers("alice"), "decrement_shares", "reason") == [("canceled", 40, "S")]
    desk.oms.replace(1, price=9.0)
    desk.market.publish()
    assert words(desk.answers("alice"), "price") == [("order_priority_update", 90_000)]
    desk.oms.kill("a", who="ann", why="a test")
    desk.market.publish()
    assert words(desk.answers("alice"), "decrement_shares", "reason") == [("canceled", 60, "S")]
    assert words(desk.enter("alice", order_token="T2"), "reason") == [("rejected", "L")]


def test_a_recovered_system_still_knows_every_token(tmp_path: Any) -> None:
    with OMS(config(journal=tmp_path / "journal")) as oms:
        before = Desk(oms)
        before.enter("alice")
        before.enter("alice", order_token="DONE", time_in_force=0)
    with OMS.recover(tmp_path / "journal") as oms:
        desk = Desk(oms)
        assert desk.enter("alice") == []
        assert desk.enter("alice", order_token="DONE") == []
        told = desk.send("alice", "cancel_order", order_token="T1", shares=40)
        assert words(told, "decrement_shares") == [("canceled", 60)]
        desk.feed()
        assert desk.book.orders[1]["shares"] == 40


def test_messages_that_are_none_are_counted_or_refused(desk: Desk) -> None:
    desk.market.handle("ALICE", b"?")
    assert desk.market.unknown == 1
    with pytest.raises(CodecError, match="at least 19 bytes"):
        desk.market.handle("alice", b"X")


def test_a_market_says_what_is_wrong_with_its_users() -> None:
    with pytest.raises(ValueError, match="no such account"):
        Market(OMS(config()), [User(name="u", password="p", account="c")])
    with pytest.raises(ValueError, match="one name"):
        Market(OMS(config()), [*USERS, User(name="ALICE", password="p", account="a")])
    with pytest.raises(ValueError, match=r"name must be .*; password must be"):
        User(name="toolongname", password="")
    assert "secret1" not in repr(USERS)
