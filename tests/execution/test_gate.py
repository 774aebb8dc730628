"""The checks of the risk gate below, at and above their limits, and its registers: oms.md, section 4."""

from typing import Any

import pytest

from omni_lab.errors import ConfigError
from omni_lab.execution import Limits, ReferenceOMS
from omni_lab.execution.registers import account_address
from tests.execution.conftest import AnyOMS, Play
from tests.execution.script import Script, config

SECOND = 1_000_000_000
MAX64 = 2**63 - 1


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
    # Bought at 100 and sold at 98: 2 a lot.
    script = play(
        """
        b: sell 5 @100          | 1 accepted
        buy 5 @100              | 2 accepted; 2 takes 5@100 from 1
        b: buy 5 @98            | 3 accepted
        buy 3 @90               | 4 accepted
        sell 4                  | 5 accepted; 5 takes 4@98 from 3
        buy 3 @90               | 6 accepted
        sell 1                  | 7 accepted; 7 takes 1@98 from 3
        buy 3 @90               | 8 rejected DAILY_LOSS
        replace 4 qty=2         | 4 replaced 2@90
        replace 4 qty=3         | 4 not replaced DAILY_LOSS
        cancel 6                | 6 canceled 3 REQUESTED
        """,
        **limited(max_daily_loss=10),
    )
    assert register(script, "REALISED") == 2**64 - 10 * 10**18
    script.oms.new_day("a")
    assert register(script, "REALISED") == register(script, "REALISED_HIGH") == 0
    script.oms.events()
    script.run("buy 3 @90 | 9 accepted")


def test_the_checks_are_made_in_their_order(oms_class: type[ReferenceOMS]) -> None:
    limits = Limits(
        max_position=5,
        max_order_qty=5,
        collar_bps=100,
        max_notional=1_000,
        order_rate=1,
        max_daily_loss=0,
    )
    script = Script(oms_class(config(limits=limits, reference_prices={"X": 100})))
    # Every order breaks all the rules from one on; the last two break only what has no number.
    script.run("""
        kill a                    | 0x1000 = 1
        buy 999 @500              | 1 rejected KILL_SWITCH
        rearm a                   | 0x1000 = 0
        buy 999 @500              | 2 rejected POSITION_LIMIT
    """)
    script.oms.set_limits("a", Limits(**_without(limits, "max_position")))
    script.oms.events()
    script.run("buy 999 @500      | 3 rejected ORDER_SIZE")
    script.run("""
        buy 5 @500                | 4 rejected PRICE_COLLAR
        buy 5 @101                | 5 rejected DAILY_LOSS
        buy 5 @101                | 6 rejected ORDER_RATE
    """)
    script.oms.set_limits("a", Limits(**_without(limits, "max_position", "max_order_qty")))
    script.oms.events()
    script.run("""
        buy 10 @101               | 7 rejected NOTIONAL
        buy 9 @101                | 8 rejected ORDER_RATE
    """)


def _without(limits: Limits, *names: str) -> dict[str, Any]:
    return {name: getattr(limits, name) for name in limits.__slots__ if name not in names}


def test_a_token_stays_taken_when_a_later_check_fails(play: Play) -> None:
    script = play(
        "buy 1 @100 | 1 rejected DAILY_LOSS", **limited(order_rate=1, order_burst=2, max_daily_loss=0)
    )
    assert register(script, "ORDER_TOKENS") == SECOND


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
    assert [oms.read_register(address) for address in (0x28, 0x30, 0x38, 0x50)] == [34, 6, 3, 3]
    assert [register(script, word) for word in ("CHECKED", "REFUSED")] == [5, 3]
    assert [register(script, word, 1) for word in ("CHECKED", "REFUSED")] == [1, 0]
    assert [oms.read_register(0x10000000 + 0x20 * 3 + offset) for offset in (0, 8, 16)] == [0, 9, 0]


def test_the_reasons_around_a_kill_are_read_from_the_table_that_they_belong_to(
    oms_class: type[AnyOMS],
) -> None:
    oms = oms_class(config())
    killed = oms.submit("X", "BUY", 10, 100, client_order_id="mine")
    oms.kill("a")
    refused = oms.submit("X", "BUY", 10, 100)
    oms.cancel(killed)
    oms.submit("X", "BUY", 10, 100, client_order_id="mine")
    events = oms.events()
    # To cancel, 8 is KILL_SWITCH; to refuse, it would be INVALID_DISPLAY_QTY.
    assert events.columns["reason"].tolist() == [0, 0, 8, 32, 13, 8]
    assert [(event.kind, event.order_id, event.reason) for event in events] == [
        ("ACCEPTED", killed, None),
        ("REGISTER_WRITTEN", 0, None),
        ("CANCELED", killed, "KILL_SWITCH"),
        ("REJECTED", refused, "KILL_SWITCH"),
        ("CANCEL_REJECTED", killed, "TOO_LATE"),
        ("STATUS", killed, "KILL_SWITCH"),
    ]
    assert [oms.order(number).reason for number in (killed, refused)] == ["KILL_SWITCH", "KILL_SWITCH"]


def test_the_kill_switch_of_an_account_cancels_its_orders_and_refuses_new_ones(play: Play) -> None:
    play("""
        buy 1 @100              | 1 accepted
        b: buy 2 @100           | 2 accepted
        sell Y 3 @100           | 3 accepted
        kill a                  | 0x1000 = 1; 1 canceled 1 KILL_SWITCH; 3 canceled 3 KILL_SWITCH
        buy 1 @100              | 4 rejected KILL_SWITCH
        b: buy 1 @100           | 5 accepted
        replace 2 qty=1         | 2 replaced 1@100
        kill                    | 0x20 = 1; 2 canceled 1 KILL_SWITCH; 5 canceled 1 KILL_SWITCH
        kill                    | 0x20 = 1
        rearm a                 | 0x1000 = 0
        buy 1 @100              | 6 rejected KILL_SWITCH
        cancel 2                | 2 not canceled TOO_LATE
        rearm                   | 0x20 = 0
        buy 1 @100              | 7 accepted
    """)


def test_what_the_device_says_about_itself(oms_class: type[ReferenceOMS]) -> None:
    oms = oms_class(config(reference_prices={"Y": 70}))
    assert [oms.read_register(address) for address in (0x00, 0x08, 0x10, 0x18)] == [
        int.from_bytes(b"OMNRISK", "little"),
        1,
        3,
        3,
    ]
    assert [oms.read_register(0x100000 + 0x20 + offset) for offset in (0, 8, 16, 24)] == [70, 10**18, 0, 0]
    assert [oms.read_register(0x1000 + offset) for offset in (0x00, 0x08, 0x20, 0x28, 0x38, 0x60, 0xA0)] == [
        *(0, MAX64, 2**64 - 1, MAX64, 1, SECOND, 0)
    ]
    columns = oms.registers()
    assert columns["name"][columns["address"] == 0x1100 + 0x10].tolist() == ["b.MAX_ORDER_QTY"]


@pytest.mark.parametrize("address", [0x80, 0x1004, 0x1300, 0x100060, 0x10000120, 2**63])
def test_there_is_no_register_elsewhere(oms_class: type[ReferenceOMS], address: int) -> None:
    oms = oms_class(config())
    with pytest.raises(ConfigError, match="no register"):
        oms.read_register(address)
    with pytest.raises(ConfigError, match="no register"):
        oms.write_register(address, 0)


@pytest.mark.parametrize("address", [0x00, 0x28, 0x30, 0x1060, 0x1088, 0x1090, 0x10A0, 0x100000, 0x10000000])
def test_most_registers_cannot_be_written(oms_class: type[ReferenceOMS], address: int) -> None:
    oms = oms_class(config())
    with pytest.raises(ConfigError, match="cannot be written"):
        oms.write_register(address, 0)


@pytest.mark.parametrize(
    ("offset", "good", "bad"),
    [
        (0x00, [0, 1], [2, 2**64 - 1]),
        (0x08, [0, MAX64], [MAX64 + 1, 2**64 - 1]),
        (0x10, [0, MAX64], [MAX64 + 1]),
        (0x18, [0, MAX64], [MAX64 + 1]),
        (0x20, [0, 2**64 - 1], []),
        (0x28, [0, MAX64], [MAX64 + 1]),
        (0x30, [1, SECOND, MAX64], [0, SECOND + 1, MAX64 - 1, 2**64 - 1]),
        (0x38, [1, SECOND], [0, SECOND + 1, MAX64]),
        (0x40, [1, SECOND, MAX64], [0, SECOND + 1]),
        (0x48, [1, SECOND], [0, SECOND + 1]),
        (0x50, [0, 2**64 - 1], []),
        (0x58, [0, MAX64], [MAX64 + 1]),
        (0x80, [0], [1]),
    ],
)
def test_a_register_takes_what_fits_it(
    oms_class: type[ReferenceOMS], offset: int, good: list[int], bad: list[int]
) -> None:
    oms = oms_class(config())
    for value in good:
        oms.write_register(0x1100 + offset, value)
        assert oms.read_register(0x1100 + offset) == value
    before, n_frames = oms.state(), oms.sequence
    for value in bad:
        with pytest.raises(ConfigError):
            oms.write_register(0x1100 + offset, value)
    assert (oms.state(), oms.sequence) == (before, n_frames)


@pytest.mark.parametrize(("rate", "burst", "tokens"), [(0x30, 0x38, 0x60), (0x40, 0x48, 0x70)])
def test_writing_a_rate_or_a_burst_fills_the_tokens(
    oms_class: type[ReferenceOMS], rate: int, burst: int, tokens: int
) -> None:
    oms = oms_class(config())
    oms.write_register(0x1000 + burst, 3)
    assert oms.read_register(0x1000 + tokens) == 3 * SECOND
    oms.write_register(0x1000 + rate, 1)
    number = oms.submit("X", "BUY", 1, 100)
    oms.cancel(number)
    assert oms.read_register(0x1000 + tokens) == 2 * SECOND
    oms.write_register(0x1000 + rate, 2)
    assert oms.read_register(0x1000 + tokens) == 3 * SECOND


def test_a_mark_of_no_price_changes_nothing(oms_class: type[ReferenceOMS]) -> None:
    oms = oms_class(config(reference_prices={"X": 100}))
    events = oms.apply({"kind": 7, "price": [0, -5, 2**50 + 1, 2**50]})
    assert events["price"].tolist() == [2**50]
    assert oms.read_register(0x100000) == 2**50
