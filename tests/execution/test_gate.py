"""What the checks of the risk gate count, and how they follow each other: gate.md, section 4."""

from typing import Any

from omni_lab.execution import Limits
from omni_lab.execution.registers import account_address
from tests.execution.conftest import AnyOMS, Play
from tests.execution.script import Script, config

SECOND = 1_000_000_000


def limited(**limits: Any) -> dict[str, Any]:
    return {"limits": {"a": Limits(**limits)}}


def register(script: Script, word: str, account: int = 0) -> int:
    return script.oms.read_register(account_address(account, word))


def test_a_position_counts_what_is_held_and_what_is_open(play: Play) -> None:
    play(
        """
        buy 6 @100              | 1 accepted
        buy 5 @100              | 2 rejected POSITION_LIMIT
        buy 4 @100              | 3 accepted
        sell 10 @101            | 4 accepted
        sell 1 @101             | 5 rejected POSITION_LIMIT
        b: sell 6 @100          | 6 accepted; 6 takes 6@100 from 1
        buy 1 @100              | 7 rejected POSITION_LIMIT
        sell 6 @101             | 8 accepted
        cancel 3                | 3 canceled 4 REQUESTED
        buy Y 10 @100           | 9 accepted
        buy 4 @100              | 10 accepted
        """,
        **limited(max_position=10),
    )


def test_an_order_is_too_large_beyond_its_limit(play: Play) -> None:
    play(
        """
        buy 10 @100             | 1 accepted
        buy 11 @100             | 2 rejected ORDER_SIZE
        replace 1 qty=11        | 1 not replaced ORDER_SIZE
        b: buy 11 @100          | 3 accepted
        """,
        **limited(max_order_qty=10),
    )


def test_a_collar_is_measured_from_the_reference_in_basis_points_of_it(play: Play) -> None:
    # 500 bps of 200 are 10.
    play(
        """
        buy 1 @999              | 1 accepted
        cancel 1                | 1 canceled 1 REQUESTED
        mark 200                | mark 200
        buy 1 @190              | 2 accepted
        buy 1 @189              | 3 rejected PRICE_COLLAR
        sell 1 @210             | 4 accepted
        sell 1 @211             | 5 rejected PRICE_COLLAR
        buy 1 stop=211          | 6 rejected PRICE_COLLAR
        buy 1 stop=210 @211     | 7 rejected PRICE_COLLAR
        buy 1                   | 8 accepted; 8 takes 1@210 from 4
        buy 1 @220              | 9 accepted
        buy 1 peg=primary       | 10 accepted; 10 moves to 220
        buy 1 peg=primary @300  | 11 rejected PRICE_COLLAR
        replace 9 qty=1 price=230 | 9 not replaced PRICE_COLLAR
        """,
        **limited(collar_bps=500),
    )


def test_a_notional_is_price_times_quantity_of_what_may_still_trade(play: Play) -> None:
    play(
        """
        buy 10 @100             | 1 accepted
        buy 11 @100             | 2 rejected NOTIONAL
        buy 1001                | 3 accepted; 3 canceled 1001 NO_LIQUIDITY
        mark 10                 | mark 10
        buy 101                 | 4 rejected NOTIONAL
        buy 100                 | 5 accepted; 5 canceled 100 NO_LIQUIDITY
        b: sell 4 @100          | 6 accepted; 6 takes 4@100 from 1
        replace 1 qty=14        | 1 replaced 10@100
        replace 1 qty=15        | 1 not replaced NOTIONAL
        """,
        **limited(max_notional=1_000),
    )


def test_a_rate_refills_with_time_up_to_its_burst(play: Play) -> None:
    script = play(
        f"""
        buy 1 @1 ts={SECOND}               | 1 accepted
        buy 1 @1                           | 2 accepted
        buy 1 @1                           | 3 rejected ORDER_RATE
        buy 1 @1 ts={SECOND * 3 // 2 - 1}  | 4 rejected ORDER_RATE
        buy 1 @1 ts={SECOND * 3 // 2}      | 5 accepted
        replace 1 qty=1                    | 1 not replaced ORDER_RATE
        buy 1 @1 ts={SECOND * 9}           | 6 accepted
        replace 1 qty=1                    | 1 replaced 1@1
        replace 1 qty=1                    | 1 not replaced ORDER_RATE
        """,
        **limited(order_rate=2, order_burst=2),
    )
    assert register(script, "ORDER_TOKENS") == 0
    assert register(script, "ORDER_TS") == 9 * SECOND


def test_cancels_have_a_rate_of_their_own(play: Play) -> None:
    play(
        f"""
        buy 1 @1                     | 1 accepted
        buy 1 @1                     | 2 accepted
        buy 1 @1                     | 3 accepted
        cancel 1                     | 1 canceled 1 REQUESTED
        cancel 2                     | 2 not canceled CANCEL_RATE
        cancel 1                     | 1 not canceled TOO_LATE
        mass cancel account=a        | 2 canceled 1 MASS_CANCEL; 3 canceled 1 MASS_CANCEL
        buy 1 @1 ts={SECOND}         | 4 accepted
        cancel 4                     | 4 canceled 1 REQUESTED
        """,
        **limited(cancel_rate=1),
    )


def test_a_loss_stops_what_adds_and_not_what_reduces(play: Play) -> None:
    # Bought at 100 and sold at 98: 2 a lot, and as much for what is still held.
    script = play(
        """
        b: sell 5 @100          | 1 accepted
        buy 5 @100              | 2 accepted; 2 takes 5@100 from 1
        b: buy 5 @98            | 3 accepted
        buy 3 @90               | 4 accepted
        sell 1                  | 5 accepted; 5 takes 1@98 from 3
        buy 3 @90               | 6 rejected DAILY_LOSS
        sell 3                  | 7 accepted; 7 takes 3@98 from 3
        sell 1                  | 8 accepted; 8 takes 1@98 from 3
        sell 3 @200             | 9 accepted
        sell 1 @200             | 10 rejected DAILY_LOSS
        replace 4 qty=2         | 4 replaced 2@90
        replace 4 qty=3         | 4 replaced 3@90
        replace 4 qty=4         | 4 not replaced DAILY_LOSS
        cancel 4                | 4 canceled 3 REQUESTED
        """,
        **limited(max_daily_loss=10),
    )
    assert register(script, "REALISED") == register(script, "CASH") == 2**64 - 10 * 10**18
    assert register(script, "EQUITY") == 2**64 - 10 * 10**18
    script.oms.new_day("a")
    assert register(script, "REALISED") == register(script, "REALISED_HIGH") == 0
    assert register(script, "DAY_EQUITY") == register(script, "EQUITY") == 2**64 - 10 * 10**18
    script.oms.events()
    script.run("buy 9 @90 | 11 accepted")


def test_a_token_stays_taken_when_a_later_check_fails(play: Play) -> None:
    script = play(
        "buy 1 @100 | 1 rejected DAILY_LOSS", **limited(order_rate=1, order_burst=2, max_daily_loss=0)
    )
    assert register(script, "ORDER_TOKENS") == SECOND


def test_a_token_of_a_parent_stays_taken_when_its_child_has_none(play: Play) -> None:
    limits = {"a": Limits(order_rate=1, order_burst=5), "b": Limits(order_rate=1)}
    script = play(
        """
        b: buy 1 @100           | 1 accepted
        b: buy 1 @100           | 2 rejected ORDER_RATE
        a: buy 1 @100           | 3 accepted
        """,
        limits=limits,
        soft_limits={"b": Limits(order_rate=1, order_burst=2)},
        parents={"b": "a"},
    )
    assert [register(script, "ORDER_TOKENS", account) for account in (0, 1)] == [2 * SECOND, 0]
    # What is refused asks for no token of the rate that warns.
    assert register(script, "WARN_ORDER_TOKENS", 1) == SECOND


def test_what_is_counted(play: Play) -> None:
    script = play(
        """
        buy 1 @100              | 1 accepted
        buy 9 @100              | 2 rejected ORDER_SIZE
        buy 0 @100              | 3 rejected INVALID_QTY
        replace 1 qty=9         | 1 not replaced ORDER_SIZE
        cancel 9                | 9 not canceled UNKNOWN_ORDER
        b: buy 9 @100           | 4 accepted
        cancel 1                | 1 canceled 1 REQUESTED
        buy 8 @100              | 5 rejected ORDER_SIZE
        """,
        **limited(max_order_qty=5),
    )
    oms = script.oms
    # STATUS, WARNING, CHECKED, PASSED, and REFUSED by ORDER_SIZE.
    assert [oms.read_register(each) for each in (0x30, 0x38, 0x40, 0x48, 0x60)] == [34, 0, 6, 3, 3]
    assert [register(script, word) for word in ("CHECKED", "REFUSED")] == [5, 3]
    assert [register(script, word, 1) for word in ("CHECKED", "REFUSED")] == [1, 0]
    assert [oms.read_register(0x10000000 + 0x40 * 3 + offset) for offset in (0, 8, 16)] == [0, 9, 0]


def test_what_is_counted_counts_for_the_lineage(play: Play) -> None:
    script = play(
        """
        b: buy 6 @100           | 1 warned ORDER_SIZE; 1 accepted
        b: buy 11 @100          | 2 rejected ORDER_SIZE
        replace 1 qty=7         | 1 warned ORDER_SIZE; 1 replaced 7@100
        a: buy 7 @100           | 3 accepted
        cancel 1                | 1 canceled 7 REQUESTED
        """,
        limits={"b": Limits(max_order_qty=10)},
        soft_limits={"b": Limits(max_order_qty=5)},
        parents={"b": "a"},
    )
    oms = script.oms
    words = ("CHECKED", "REFUSED", "WARNED")
    assert [[register(script, word, account) for word in words] for account in (0, 1, 2)] == [
        *([5, 1, 2], [4, 1, 2]),
        [0, 0, 0],
    ]
    # Refused and warned of for ORDER_SIZE.
    assert [oms.read_register(0x50 + 8 * 2), oms.read_register(0xB0 + 8 * 2)] == [1, 2]
    assert [oms.read_register(0x30), oms.read_register(0x38)] == [0, 0]
    oms.submit("X", "BUY", 6, 100, account="b")
    assert [oms.read_register(0x30), oms.read_register(0x38)] == [0, 34]


def test_a_warning_says_what_it_is_about(oms_class: type[AnyOMS]) -> None:
    soft = Limits(max_order_qty=5, cancel_rate=1, max_position=20)
    oms = oms_class(config(soft_limits={"a": soft}))
    first = oms.submit("X", "BUY", 6, 100, client_order_id="mine")
    stop = oms.submit("X", "SELL", 7, stop_price=90)
    oms.replace(first, qty=8, price=101)
    oms.cancel(stop)
    oms.cancel(first)
    oms.submit("X", "BUY", 6, 100, post_only=True, ts=10)
    events = [event for event in oms.events() if event.kind == "WARNED"]
    assert [(e.order_id, e.reason, e.price, e.qty, e.leaves, e.state) for e in events] == [
        (first, "ORDER_SIZE", 100.0, 6, 6, "PENDING_NEW"),
        (stop, "ORDER_SIZE", 90.0, 7, 7, "PENDING_NEW"),
        (first, "ORDER_SIZE", 101.0, 8, 6, "NEW"),
        (first, "CANCEL_RATE", None, 8, 8, "REPLACED"),
        (3, "ORDER_SIZE", 100.0, 6, 6, "PENDING_NEW"),
    ]
    assert (events[0].client_order_id, events[0].account, events[0].side) == ("mine", "a", "BUY")
