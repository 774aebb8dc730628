"""The feed: its book is the system's, it shows nothing hidden, and takes no more than there is."""

from random import Random
from typing import Any

import pytest

from omni_lab.domain import Instrument
from omni_lab.execution import OMS, OMSConfig, ReferenceOMS
from omni_lab.execution.face import OMSFace
from omni_lab.venues import Market, User
from tests.execution import flows
from tests.venues.desk import Desk, config, words
from tests.venues.plain import assert_same

WIRE = [Instrument(name, tick_size=0.01) for name in ("X", "Y", "Z")]


def follows(desk: Desk) -> None:
    desk.feed()
    assert_same(desk.book, desk.oms)


@pytest.mark.parametrize("flow", list(flows.FLOWS))
@pytest.mark.parametrize("batch", [1, 7])
def test_the_book_of_the_feed_is_the_systems_whatever_is_done_to_it(flow: str, batch: int) -> None:
    oms = OMS(OMSConfig(instruments=WIRE, accounts=flows.CONFIG.accounts, reference_prices={"Y": 10.0}))
    desk = Desk(oms)
    for number, frame in enumerate(flows.commands(5, 1_000, flow)):
        oms.execute(*frame)
        if number % batch == 0:
            desk.market.publish()
            follows(desk)
    assert {"add_order", "order_executed", "order_delete"} <= set(desk.book.counts)


@pytest.mark.parametrize("oms_class", [OMS, ReferenceOMS])
def test_the_book_follows_orders_over_ouch(oms_class: type[OMSFace]) -> None:
    desk, random = Desk(oms_class(config())), Random(11)
    tokens: list[str] = []
    for number in range(1_000):
        user = random.choice(["alice", "bob"])
        price = 500 * random.randint(190, 210)
        letter = random.choice("YYYYANPLM")
        facts: dict[str, Any] = {
            "shares": 10 * random.randint(1, 30),
            "price": price,
            "display": letter,
            "time_in_force": random.choice([99_998, 99_998, 0, 50]),
            "minimum_quantity": random.choice([0, 0, 0, 10]),
        }
        token = f"T{number}"
        match random.random():
            case roll if roll < 0.5 or not tokens:
                side, stock = random.choice("BSTE"), random.choice("XY")
                desk.enter(
                    user, order_token=token, buy_sell_indicator=side, stock=stock, firm="ABCD", **facts
                )
                tokens.append(token)
            case roll if roll < 0.7:
                old = random.choice(tokens[-40:])
                desk.send(
                    user, "replace_order", existing_order_token=old, replacement_order_token=token, **facts
                )
                tokens.append(token)
            case roll if roll < 0.9:
                shares = random.choice([0, 0, 10, 50])
                desk.send(user, "cancel_order", order_token=random.choice(tokens[-40:]), shares=shares)
            case _:
                fields: dict[str, Any] = {
                    "buy_sell_indicator": random.choice("BST"),
                    "shares": 10 * random.randint(1, 40),
                }
                desk.send(user, "modify_order", order_token=random.choice(tokens[-40:]), **fields)
        desk.now += random.randint(0, 10**9)
        desk.market.on_time()
        follows(desk)
    seen = desk.book.counts
    expected = {
        "add_order",
        "add_order_mpid",
        "order_executed",
        "order_replace",
        "order_cancel",
        "trade_non_cross",
    }
    assert expected <= set(seen), seen


def test_what_takes_on_arrival_is_shown_only_when_it_rests() -> None:
    desk = Desk()
    desk.enter("alice", shares=30)
    desk.feed()
    desk.enter("bob", order_token="T2", buy_sell_indicator="S", shares=50)
    assert words(desk.feed(), "order_reference_number", "executed_shares", "shares") == [
        ("order_executed", 1, 30),
        ("add_order", 2, 20),
    ]


def test_hidden_orders_do_not_show_and_trades_with_them_name_no_order() -> None:
    desk = Desk()
    desk.feed()
    desk.enter("alice", display="N")
    assert desk.feed() == []
    desk.enter("bob", order_token="T2", buy_sell_indicator="S", shares=40)
    trade = desk.feed()[0]
    assert (trade.name, trade.order_reference_number, trade.buy_sell_indicator) == ("trade_non_cross", 0, "B")
    assert (trade.shares, trade.price, trade.match_number) == (40, 100_000, 1)


def test_an_iceberg_shows_slices_and_a_refresh_goes_to_the_end() -> None:
    desk = Desk()
    desk.oms.submit("X", "SELL", 100, 10.0, account="a", display_qty=30)
    desk.oms.submit("X", "SELL", 20, 10.0, account="a")
    desk.market.publish()
    desk.feed()
    desk.oms.submit("X", "BUY", 35, 10.0, account="b")
    desk.market.publish()
    assert words(desk.feed(), "order_reference_number", "executed_shares", "shares") == [
        ("order_executed", 1, 30),
        ("add_order", 1, 30),
        ("order_executed", 2, 5),
    ]
    assert_same(desk.book, desk.oms)


def test_a_replacement_is_one_message_when_it_rests_and_two_when_it_takes_first() -> None:
    desk = Desk()
    desk.enter("alice")
    desk.enter("bob", order_token="S1", buy_sell_indicator="S", price=101_000, shares=10)
    desk.feed()
    desk.send("alice", "replace_order", price=99_000)
    assert words(desk.feed(), "original_order_reference_number", "new_order_reference_number") == [
        ("order_replace", 1, 3)
    ]
    desk.send(
        "alice", "replace_order", existing_order_token="T2", replacement_order_token="T3", price=101_000
    )
    assert words(desk.feed(), "order_reference_number") == [
        ("order_delete", 3),
        ("order_executed", 2),
        ("add_order", 4),
    ]


def test_an_auction_prints_once_and_takes_off_what_it_filled() -> None:
    desk = Desk(OMS(config(initial_phase="pre_open")))
    desk.enter("alice", price=101_000)
    desk.enter("bob", order_token="T2", buy_sell_indicator="S", price=99_000, shares=60)
    desk.enter("bob", order_token="T3", buy_sell_indicator="S", price=0x7FFF_FFFF, cross_type="O", shares=10)
    states = [message.trading_state for message in desk.feed() if message.name == "stock_trading_action"]
    assert states == ["Q", "Q"]
    desk.market.oms.set_phase("continuous", symbol="X")
    desk.market.publish()
    told = desk.feed()
    cross = next(message for message in told if message.name == "cross_trade")
    assert (cross.shares, cross.cross_type, cross.match_number) == (70, "O", (1 << 62) + 1)
    fills = [message for message in told if message.name == "order_executed_with_price"]
    assert [(fill.executed_shares, fill.printable) for fill in fills] == [(10, "N"), (60, "N"), (60, "N")]
    assert desk.book.volume == 70
    assert_same(desk.book, desk.oms)
    flags = [message.liquidity_flag for message in desk.answers("alice") if message.name == "executed"]
    assert flags == ["O", "O"]


def test_a_halt_and_its_end_are_told() -> None:
    desk = Desk()
    desk.feed()
    for phase in ("halted", "continuous"):
        desk.oms.set_phase(phase, symbol="Y")
    desk.market.publish()
    assert words(desk.feed(), "stock", "trading_state") == [
        ("stock_trading_action", "Y", "H"),
        ("stock_trading_action", "Y", "T"),
    ]


def test_a_day_begins_with_its_instruments_and_ends_with_the_session() -> None:
    oms = OMS(config())
    oms.submit("X", "BUY", 100, 10.0)
    desk = Desk(oms)
    names = words(desk.feed(), "event_code", "stock")
    assert names == [
        ("system_event", "O"),
        ("stock_directory", "X"),
        ("stock_directory", "Y"),
        ("system_event", "S"),
        ("stock_trading_action", "X"),
        ("stock_trading_action", "Y"),
        ("system_event", "Q"),
        ("add_order", "X"),
    ], "what stands from before is in the feed"
    desk.market.end_day()
    assert words(desk.feed(), "event_code")[-6:] == [
        ("stock_trading_action",),
        ("order_delete",),
        ("stock_trading_action",),
        ("system_event", "M"),
        ("system_event", "E"),
        ("system_event", "C"),
    ]
    assert desk.market.feed.log.ended
    assert not desk.book.orders


def test_an_attributed_order_names_its_firm() -> None:
    desk = Desk()
    desk.feed()
    desk.enter("alice", display="A", firm="ABCD")
    assert words(desk.feed(), "attribution") == [("add_order_mpid", "ABCD")]


def test_what_is_too_large_for_the_wire_is_left_out() -> None:
    desk = Desk()
    desk.oms.submit("X", "SELL", 100, 900_000.0, account="a")
    desk.oms.submit("X", "BUY", 100, 900_000.0, account="b")
    desk.oms.submit("X", "SELL", 2**33, 10.0, account="a")
    desk.market.publish()
    follows(desk)
    assert not desk.book.orders
    assert not desk.book.volume


def test_a_broken_trade_reaches_both_sides_and_the_feed() -> None:
    desk = Desk()
    desk.enter("alice")
    desk.enter("bob", order_token="T2", buy_sell_indicator="S")
    desk.answers("alice")
    desk.feed()
    desk.market.break_trade(1, "E")
    for user, token in (("alice", "T1"), ("bob", "T2")):
        assert words(desk.answers(user), "order_token", "match_number", "reason") == [
            ("broken_trade", token, 1, "E")
        ]
    assert words(desk.feed(), "match_number") == [("broken_trade", 1)]
    with pytest.raises(ValueError, match="broken already"):
        desk.market.break_trade(1)
    with pytest.raises(ValueError, match="for this reason"):
        desk.market.break_trade(1, "?")


def test_instruments_that_the_wire_cannot_carry_are_named_all() -> None:
    bad = [
        Instrument("TOOLONGNAME", tick_size=0.01),
        Instrument("T", tick_size=0.00003),
        Instrument("L", tick_size=0.01, lot_size=0.5),
    ]
    with pytest.raises(ValueError, match=r"TOOLONGNAME.*'T'.*'L'"):
        Market(OMS(OMSConfig(instruments=bad)), [User(name="u", password="p")])
