"""Stops of all kinds, as scripts: ``docs/matching.md``, section 6."""

from tests.execution.conftest import Play

# The last price is 100, nothing rests.
AT_100 = """
    sell 1 @100
    buy 1 @100
"""


def test_a_buy_stop_is_elected_when_the_last_price_reaches_it(play: Play) -> None:
    play(AT_100).run("""
        buy 5 stop=102       | 3 accepted
        sell 9 @101          | 4 accepted
        sell 9 @102          | 5 accepted
        buy 9 @101           | 6 accepted; 6 takes 9@101 from 4
        buy 1 @102           | 7 accepted; 7 takes 1@102 from 5; 3 triggered 102; 3 takes 5@102 from 5
    """)


def test_a_sell_stop_is_elected_at_once_if_the_price_is_already_there(play: Play) -> None:
    play(AT_100).run("""
        sell 5 stop=100      | 3 accepted; 3 triggered 100; 3 canceled 5 NO_LIQUIDITY
        sell 5 stop=99       | 4 accepted
    """)


def test_a_stop_waits_as_long_as_nothing_was_traded(play: Play) -> None:
    play("""
        buy 1 stop=1         | 1 accepted
        sell 1 stop=1000     | 2 accepted
    """)


def test_a_stop_can_watch_the_best_bid_and_ask_instead(play: Play) -> None:
    play(AT_100).run("""
        buy 5 stop=105 on-bbo         | 3 accepted
        sell 5 stop=95 on-bbo         | 4 accepted
        sell 2 @105 hidden            | 5 accepted
        buy 2 @95                     | 6 accepted; 4 triggered 95; 4 takes 2@95 from 6;
                                      | 4 canceled 3 NO_LIQUIDITY
        sell 2 @106                   | 7 accepted; 3 triggered 105; 3 takes 2@105 from 5;
                                      | 3 takes 2@106 from 7; 3 canceled 1 NO_LIQUIDITY
    """)


def test_an_elected_stop_limit_order_is_a_limit_order(play: Play) -> None:
    script = play(AT_100).run("""
        buy 5 stop=100 @103 shows=2   | 3 accepted; 3 triggered 100
        sell 1 @103                   | 4 accepted; 4 takes 1@103 from 3
        replace 3 qty=5 stop_price=99 | 3 not replaced INVALID_STOP_PRICE
        replace 3 qty=6 price=104     | 3 replaced 5@104
    """)
    order = script.oms.order(3)
    assert (order.order_type, order.stop_price, order.working_price) == ("LIMIT", None, 104)
    assert script.oms.book("X").depth().bid_qty.tolist() == [2]


def test_triggered_stops_go_one_by_one_buys_first_and_the_nearest_first(play: Play) -> None:
    play("""
        buy 1 stop=100       | 1 accepted
        sell 1 stop=101      | 2 accepted
        buy 1 stop=99        | 3 accepted
        sell 1 stop=103      | 4 accepted
        buy 1 stop=99        | 5 accepted
        sell 1 @100          | 6 accepted
        buy 1 @100           | 7 accepted; 7 takes 1@100 from 6; 3 triggered 99; 3 canceled 1 NO_LIQUIDITY;
                             | 5 triggered 99; 5 canceled 1 NO_LIQUIDITY; 1 triggered 100;
                             | 1 canceled 1 NO_LIQUIDITY; 4 triggered 103; 4 canceled 1 NO_LIQUIDITY;
                             | 2 triggered 101; 2 canceled 1 NO_LIQUIDITY
    """)


def test_one_stop_can_elect_the_next(play: Play) -> None:
    play(AT_100).run("""
        buy 1 stop=101       | 3 accepted
        buy 1 stop=102       | 4 accepted
        sell 2 @101          | 5 accepted
        sell 1 @102          | 6 accepted
        sell 1 @103          | 7 accepted
        buy 1 @101           | 8 accepted; 8 takes 1@101 from 5; 3 triggered 101; 3 takes 1@101 from 5
        buy 1 @102           | 9 accepted; 9 takes 1@102 from 6; 4 triggered 102; 4 takes 1@103 from 7
    """)


def test_a_trailing_stop_follows_the_last_price_and_never_back(play: Play) -> None:
    script = play(AT_100).run("sell 2 trail=3 | 3 accepted")
    assert script.oms.order(3).stop_price == 97
    script.run("""
        sell 1 @105          | 4 accepted
        buy 1 @105           | 5 accepted; 5 takes 1@105 from 4
        sell 1 @103          | 6 accepted
        buy 1 @103           | 7 accepted; 7 takes 1@103 from 6
    """)
    assert script.oms.order(3).stop_price == 102
    script.run("""
        sell 1 @102          | 8 accepted
        buy 1 @102           | 9 accepted; 9 takes 1@102 from 8; 3 triggered 102;
                             | 3 canceled 2 NO_LIQUIDITY
    """)


def test_a_trailing_buy_follows_downwards(play: Play) -> None:
    script = play(AT_100).run("""
        buy 2 trail=3        | 3 accepted
        sell 1 @95           | 4 accepted
        buy 1 @95            | 5 accepted; 5 takes 1@95 from 4
    """)
    assert script.oms.order(3).stop_price == 98


def test_a_distance_in_basis_points_is_rounded_down_to_ticks_but_not_to_none(play: Play) -> None:
    script = play(AT_100).run("""
        sell 1 trail_bps=250   | 3 accepted
        sell 1 trail_bps=1     | 4 accepted
        buy 1 trail_bps=9999   | 5 accepted
    """)
    assert [script.oms.order(number).stop_price for number in (3, 4, 5)] == [98, 99, 199]


def test_a_trailing_stop_has_no_stop_price_before_there_is_a_reference(play: Play) -> None:
    script = play("""
        sell 1 trail=3 on-bbo     | 1 accepted
        buy 1 trail=3             | 2 accepted
        sell 1 @100               | 3 accepted
    """)
    assert [script.oms.order(number).stop_price for number in (1, 2)] == [None, None]
    script.run("buy 1 @90 | 4 accepted")
    assert script.oms.order(1).stop_price == 87


def test_a_trailing_sell_stops_at_the_lowest_price(play: Play) -> None:
    script = play(AT_100).run("sell 1 trail=500 | 3 accepted")
    assert script.oms.order(3).stop_price == 1


def test_stops_wait_for_continuous_trading(play: Play) -> None:
    play(AT_100).run("""
        phase HALTED         | X HALTED; Y HALTED; Z HALTED
        phase PRE_OPEN       | X PRE_OPEN; Y PRE_OPEN; Z PRE_OPEN
        sell 5 stop=100      | 3 accepted
        phase CONTINUOUS symbol=X | X CONTINUOUS; 3 triggered 100; 3 canceled 5 NO_LIQUIDITY
    """)
