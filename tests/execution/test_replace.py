"""Replacing orders, as scripts: ``docs/matching.md``, section 4."""

import pytest

from tests.execution.conftest import Play


def test_less_at_the_same_price_keeps_priority(play: Play) -> None:
    play("""
        buy 5 @100          | 1 accepted
        buy 5 @100          | 2 accepted
        replace 1 qty=3     | 1 replaced 3@100
        replace 1 qty=3     | 1 replaced 3@100
        sell 4 @100         | 3 accepted; 3 takes 3@100 from 1; 3 takes 1@100 from 2
    """)


@pytest.mark.parametrize("change", ["qty=6", "qty=5 price=100"])
def test_more_or_another_price_loses_it(play: Play, change: str) -> None:
    play("buy 5 @99" if "price" in change else "buy 5 @100").run(f"""
        buy 5 @100          | 2 accepted
        replace 1 {change}
        sell 5 @100         | 3 accepted; 3 takes 5@100 from 2
    """)


def test_the_new_quantity_is_the_total_with_what_has_traded(play: Play) -> None:
    play("""
        buy 10 @100         | 1 accepted
        sell 4 @100         | 2 accepted; 2 takes 4@100 from 1
        replace 1 qty=4     | 1 not replaced QTY_BELOW_FILLED
        replace 1 qty=5     | 1 replaced 1@100
        sell 4 @100         | 3 accepted; 3 takes 1@100 from 1
        replace 1 qty=9     | 1 not replaced TOO_LATE
        replace 8 qty=9     | 8 not replaced UNKNOWN_ORDER
    """)


def test_a_better_price_can_take(play: Play) -> None:
    play("""
        sell 3 @102                    | 1 accepted
        buy 5 @100                     | 2 accepted
        replace 2 qty=5 price=102      | 2 replaced 5@102; 2 takes 3@102 from 1
        sell 1 @102                    | 3 accepted; 3 takes 1@102 from 2
    """)


def test_an_iceberg_shows_no_more_than_is_left(play: Play) -> None:
    script = play("""
        buy 10 @100 shows=4            | 1 accepted
        replace 1 qty=3                | 1 replaced 3@100
    """)
    assert script.oms.book("X").depth().bid_qty.tolist() == [3]
    script.run("replace 1 qty=20 | 1 replaced 20@100")
    assert script.oms.book("X").depth().bid_qty.tolist() == [4]


def test_an_iceberg_has_no_more_slices_than_a_new_one_may(play: Play) -> None:
    play("""
        buy 10 @100 shows=2            | 1 accepted
        sell 4 @100                    | 2 accepted; 2 takes 2@100 from 1; 1 shows 2@100;
                                       | 2 takes 2@100 from 1; 1 shows 2@100
        replace 1 qty=131077           | 1 not replaced INVALID_DISPLAY_QTY
        replace 1 qty=131076           | 1 replaced 131072@100
    """)


def test_a_post_only_order_is_still_post_only(play: Play) -> None:
    play("""
        sell 5 @102                        | 1 accepted
        buy 5 @100 post-only               | 2 accepted
        buy 5 @100 slide                   | 3 accepted
        replace 2 qty=5 price=102          | 2 not replaced POST_ONLY_WOULD_TAKE
        replace 2 qty=4                    | 2 replaced 4@100
        replace 3 qty=5 price=105          | 3 replaced 5@101
        buy 1 @1 slide                     | 4 accepted
        replace 1 qty=5 price=1            | 1 replaced 5@1; 1 takes 5@101 from 3
    """)


def test_a_stop_is_replaced_by_its_stop_price(play: Play) -> None:
    script = play("""
        sell 1 @100                          | 1 accepted
        buy 1 @100                           | 2 accepted; 2 takes 1@100 from 1
        buy 5 stop=105                       | 3 accepted
        replace 3 qty=5 price=104            | 3 not replaced INVALID_PRICE
        replace 3 qty=5 stop_price=104       | 3 replaced 5@104
        buy 5 stop=105 @107                  | 4 accepted
        replace 4 qty=7 price=106 stop_price=103 | 4 replaced 7@106
        replace 4 qty=7 stop_price=100       | 4 replaced 7@106; 4 triggered 100
        sell 5 trail=3                       | 5 accepted
        replace 5 qty=9                      | 5 replaced 9@0
        replace 5 qty=9 stop_price=98        | 5 not replaced INVALID_STOP_PRICE
        replace 5 qty=9 price=98             | 5 not replaced INVALID_PRICE
        replace 4 qty=7 stop_price=90        | 4 not replaced INVALID_STOP_PRICE
    """)
    assert script.oms.order(5).stop_price == 97


def test_a_pegged_order_is_replaced_by_its_cap_and_queues_again(play: Play) -> None:
    play("""
        buy 1 @100                    | 1 accepted
        buy 5 peg=primary             | 2 accepted; 2 moves to 100
        replace 2 qty=3               | 2 replaced 3@0
        replace 2 qty=3 price=99      | 2 replaced 3@99; 2 moves to 99
        replace 2 qty=4               | 2 replaced 4@99; 2 moves to 99
    """)


def test_a_conditional_order_that_asks_for_less_may_trade(play: Play) -> None:
    play("""
        sell 3 @100                   | 1 accepted
        buy 5 @100 all-or-none        | 2 accepted
        replace 2 qty=3               | 2 replaced 3@100; 2 takes 3@100 from 1
    """)


def test_the_first_reason_is_the_one_that_is_told(play: Play) -> None:
    play("""
        buy 5 @100                             | 1 accepted
        replace 1 qty=0 price=-1               | 1 not replaced INVALID_QTY
        replace 1 qty=1125899906842625         | 1 not replaced INVALID_QTY
        replace 1 qty=1 price=-1 stop_price=5  | 1 not replaced INVALID_PRICE
        replace 1 qty=1 stop_price=5           | 1 not replaced INVALID_STOP_PRICE
        phase HALTED symbol=X                  | X HALTED
        replace 1 qty=0                        | 1 not replaced HALTED
        phase PRE_OPEN symbol=X                | X PRE_OPEN
        replace 1 qty=6 price=101              | 1 replaced 6@101
        phase CLOSED symbol=X                  | X CLOSED; 1 expired 6
        replace 1 qty=6                        | 1 not replaced TOO_LATE
    """)


def test_nothing_is_replaced_while_the_market_is_closed(play: Play) -> None:
    play("""
        buy 5 @100 gtc                         | 1 accepted
        phase CLOSED symbol=X                  | X CLOSED
        replace 1 qty=6                        | 1 not replaced MARKET_CLOSED
        cancel 1                               | 1 canceled 5 REQUESTED
    """)


def test_a_market_order_that_waits_for_its_auction_has_no_price_to_replace(play: Play) -> None:
    play("""
        buy 5 on-close                         | 1 accepted
        replace 1 qty=5 price=100              | 1 not replaced INVALID_PRICE
        replace 1 qty=6                        | 1 replaced 6@0
    """)
