"""Limit and market orders and what they can say, as scripts: ``docs/matching.md``, sections 2 to 5."""

from tests.execution.conftest import Play


def test_orders_trade_by_price_and_then_by_time(play: Play) -> None:
    play("""
        sell 5 @102         | 1 accepted
        sell 5 @101         | 2 accepted
        sell 5 @101         | 3 accepted
        buy 12 @102         | 4 accepted; 4 takes 5@101 from 2; 4 takes 5@101 from 3; 4 takes 2@102 from 1
        buy 3 @101          | 5 accepted
        sell 9 @101         | 6 accepted; 6 takes 3@101 from 5
        buy 1 @101          | 7 accepted; 7 takes 1@101 from 6
    """)


def test_what_a_limit_order_cannot_trade_rests(play: Play) -> None:
    script = play("""
        buy 3 @100          | 1 accepted
        sell 5 @99          | 2 accepted; 2 takes 3@100 from 1
    """)
    book = script.oms.book("X")
    assert (book.best_bid, book.best_ask, book.last) == (None, 99, 100)
    assert book.depth().ask_qty.tolist() == [2]


def test_what_a_market_order_cannot_trade_is_canceled_whatever_its_time_in_force(play: Play) -> None:
    play("""
        buy 3 @100          | 1 accepted
        sell 5              | 2 accepted; 2 takes 3@100 from 1; 2 canceled 2 NO_LIQUIDITY
        sell 5              | 3 accepted; 3 canceled 5 NO_LIQUIDITY
        sell 5 ioc          | 4 accepted; 4 canceled 5 NO_LIQUIDITY
    """)


def test_what_an_ioc_order_cannot_trade_is_canceled(play: Play) -> None:
    play("""
        buy 3 @100          | 1 accepted
        buy 3 @98           | 2 accepted
        sell 5 @99 ioc      | 3 accepted; 3 takes 3@100 from 1; 3 canceled 2 IOC
    """)


def test_a_fok_order_trades_all_or_nothing(play: Play) -> None:
    play("""
        buy 3 @100          | 1 accepted
        buy 3 @99           | 2 accepted
        sell 6 @100 fok     | 3 accepted; 3 canceled 6 FOK
        sell 6 @99 fok      | 4 accepted; 4 takes 3@100 from 1; 4 takes 3@99 from 2
        sell 1 fok          | 5 accepted; 5 canceled 1 FOK
    """)


def test_hidden_orders_trade_behind_displayed_ones_of_their_price(play: Play) -> None:
    script = play("""
        buy 3 @100 hidden   | 1 accepted
        buy 3 @100          | 2 accepted
        buy 3 @100 hidden   | 3 accepted
        buy 3 @99           | 4 accepted
    """)
    assert script.oms.book("X").depth().bid_qty.tolist() == [3, 3]
    script.run("""
        sell 10 @99         | 5 accepted; 5 takes 3@100 from 2; 5 takes 3@100 from 1; 5 takes 3@100 from 3;
                            | 5 takes 1@99 from 4
    """)


def test_an_iceberg_shows_a_slice_and_queues_again_with_the_next(play: Play) -> None:
    script = play("""
        sell 7 @100 shows=3 | 1 accepted
        sell 2 @100         | 2 accepted
    """)
    assert script.oms.book("X").depth().ask_qty.tolist() == [5]
    script.run("""
        buy 1 @100          | 3 accepted; 3 takes 1@100 from 1
        buy 3 @100          | 4 accepted; 4 takes 2@100 from 1; 1 shows 3@100; 4 takes 1@100 from 2
        buy 6 @100          | 5 accepted; 5 takes 1@100 from 2; 5 takes 3@100 from 1; 1 shows 1@100;
                            | 5 takes 1@100 from 1
        buy 1 @100          | 6 accepted
    """)


def test_a_fok_order_counts_what_icebergs_do_not_show(play: Play) -> None:
    play("""
        sell 7 @100 shows=3 | 1 accepted
        buy 8 @100 fok      | 2 accepted; 2 canceled 8 FOK
        buy 7 @100 fok      | 3 accepted; 3 takes 3@100 from 1; 1 shows 3@100; 3 takes 3@100 from 1;
                            | 1 shows 1@100; 3 takes 1@100 from 1
    """)


def test_post_only_never_takes_a_price_that_somebody_offers(play: Play) -> None:
    play("""
        sell 5 @101            | 1 accepted
        buy 5 @101 post-only   | 2 rejected POST_ONLY_WOULD_TAKE
        buy 5 @103 slide       | 3 accepted; 3 moves to 100
        buy 5 @100 slide       | 4 accepted
        sell 1 @100 post-only  | 5 rejected POST_ONLY_WOULD_TAKE
        sell 1 @99 slide       | 6 accepted; 6 moves to 101
        sell 1 @102 post-only  | 7 accepted
    """)


def test_post_only_respects_hidden_orders_too(play: Play) -> None:
    play("""
        sell 5 @101 hidden     | 1 accepted
        buy 5 @102 post-only   | 2 rejected POST_ONLY_WOULD_TAKE
        buy 5 @102 slide       | 3 accepted; 3 moves to 100
    """)


def test_a_slide_below_the_lowest_price_is_refused(play: Play) -> None:
    play("""
        sell 5 @1              | 1 accepted
        buy 5 @1 slide         | 2 rejected POST_ONLY_WOULD_TAKE
    """)


def test_an_order_with_a_minimum_trades_that_much_at_once_or_waits(play: Play) -> None:
    script = play("""
        sell 2 @100              | 1 accepted
        buy 5 @100 at-least=3    | 2 accepted
    """)
    assert script.oms.order(2).place == "CONDITIONAL"
    assert script.oms.book("X").best_bid is None
    script.run("""
        sell 1 @100              | 3 accepted; 2 takes 2@100 from 1; 2 takes 1@100 from 3
        sell 1 @100              | 4 accepted
        sell 1 @100              | 5 accepted; 2 takes 1@100 from 4; 2 takes 1@100 from 5
    """)


def test_a_minimum_larger_than_what_is_left_is_what_is_left(play: Play) -> None:
    play("""
        sell 4 @100              | 1 accepted
        buy 5 @100 at-least=4    | 2 accepted; 2 takes 4@100 from 1
        sell 1 @100              | 3 accepted; 3 takes 1@100 from 2
    """)


def test_a_market_or_ioc_order_that_cannot_have_its_minimum_is_canceled(play: Play) -> None:
    play("""
        sell 2 @100                  | 1 accepted
        buy 5 at-least=3             | 2 accepted; 2 canceled 5 MIN_QTY
        buy 5 @100 ioc at-least=3    | 3 accepted; 3 canceled 5 MIN_QTY
        buy 5 @100 ioc at-least=2    | 4 accepted; 4 takes 2@100 from 1; 4 canceled 3 IOC
    """)


def test_all_or_none_waits_until_all_of_it_can_trade(play: Play) -> None:
    play("""
        buy 5 @100 all-or-none   | 1 accepted
        sell 4 @100              | 2 accepted
        sell 2 @101              | 3 accepted
        sell 1 @99               | 4 accepted; 1 takes 1@99 from 4; 1 takes 4@100 from 2
    """)


def test_a_conditional_maker_that_asks_too_much_is_passed_over(play: Play) -> None:
    play("""
        buy 5 @101 all-or-none   | 1 accepted
        buy 5 @100               | 2 accepted
        sell 3 @100              | 3 accepted; 3 takes 3@100 from 2
        sell 5 @100              | 4 accepted; 4 takes 5@101 from 1
    """)


def test_a_conditional_maker_stands_behind_the_others_of_its_price(play: Play) -> None:
    play("""
        buy 2 @100 all-or-none   | 1 accepted
        buy 2 @100 hidden        | 2 accepted
        buy 2 @100               | 3 accepted
        sell 6 @100              | 4 accepted; 4 takes 2@100 from 3; 4 takes 2@100 from 2;
                                 | 4 takes 2@100 from 1
    """)


def test_conditional_orders_settle_buys_first_then_price_then_time(play: Play) -> None:
    play("""
        buy 6 @100 all-or-none   | 1 accepted
        buy 6 @101 all-or-none   | 2 accepted
        buy 6 @101 all-or-none   | 3 accepted
        sell 4 @100              | 4 accepted
        sell 2 @100              | 5 accepted; 2 takes 4@100 from 4; 2 takes 2@100 from 5
    """)


def test_a_conditional_order_keeps_its_place_when_something_is_left(play: Play) -> None:
    play("""
        buy 9 @100 at-least=4    | 1 accepted
        buy 9 @100 at-least=4    | 2 accepted
        sell 4 @100              | 3 accepted; 3 takes 4@100 from 1
        sell 4 @100              | 4 accepted; 4 takes 4@100 from 1
    """)


def test_two_conditional_orders_meet(play: Play) -> None:
    play("""
        buy 5 @100 all-or-none   | 1 accepted
        sell 5 @100 all-or-none  | 2 accepted; 2 takes 5@100 from 1
        buy 4 @100 all-or-none   | 3 accepted
        sell 6 @100 at-least=5   | 4 accepted
        cancel 3                 | 3 canceled 4 REQUESTED
    """)


def test_a_canceled_order_is_gone_and_another_cancel_is_too_late(play: Play) -> None:
    play("""
        buy 3 @100      | 1 accepted
        cancel 1        | 1 canceled 3 REQUESTED
        cancel 1        | 1 not canceled TOO_LATE
        cancel 7        | 7 not canceled UNKNOWN_ORDER
        cancel 0        | 0 not canceled UNKNOWN_ORDER
        sell 3 @100     | 2 accepted
    """)


def test_a_mass_cancel_takes_what_it_names_by_ascending_id(play: Play) -> None:
    play("""
        buy 1 @90                  | 1 accepted
        b: buy 2 @91               | 2 accepted
        sell 3 @110                | 3 accepted
        sell Y 4 @110              | 4 accepted
        buy 5 stop=120             | 5 accepted
        mass cancel account=b      | 2 canceled 2 MASS_CANCEL
        mass cancel symbol=Y       | 4 canceled 4 MASS_CANCEL
        mass cancel side=buy       | 1 canceled 1 MASS_CANCEL; 5 canceled 5 MASS_CANCEL
        mass cancel                | 3 canceled 3 MASS_CANCEL
        mass cancel                |
    """)


def test_an_order_expires_when_the_clock_reaches_its_time(play: Play) -> None:
    play("""
        advance 10             |
        buy 1 @100 until=20    | 1 accepted
        buy 2 @100 until=15    | 2 accepted
        buy 3 stop=120 until=15 | 3 accepted
        advance 14             |
        advance 30             | 2 expired 2; 3 expired 3; 1 expired 1
        advance 5              |
    """)


def test_what_expires_is_gone_before_the_command_acts(play: Play) -> None:
    play("""
        buy 1 @100 until=20    | 1 accepted
        sell 1 @100 ts=20      | 1 expired 1; 2 accepted
    """)


def test_an_earlier_time_is_the_time_it_is_already(play: Play) -> None:
    script = play("advance 50")
    script.run("buy 1 @100 ts=7")
    assert script.oms.clock == 50
    script.run("buy 1 @100 until=50 ts=7 | 2 rejected INVALID_EXPIRY")


def test_instruments_do_not_meet(play: Play) -> None:
    play("""
        buy X 1 @100    | 1 accepted
        sell Y 1 @100   | 2 accepted
    """)
