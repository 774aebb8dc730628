"""Pegged orders, as scripts: ``docs/matching.md``, section 6."""

import pytest

from tests.execution.conftest import Play

# 98 bid, 103 offered.
QUOTED = """
    buy 10 @98
    sell 10 @103
"""


@pytest.mark.parametrize(
    ("order", "price"),
    [
        ("buy 1 peg=primary", 98),
        ("buy 1 peg=primary peg_offset=1", 99),
        ("buy 1 peg=primary peg_offset=-2", 96),
        ("buy 1 peg=mid", 100),  # (98 + 103) / 2 = 100.5, rounded away from the other side
        ("buy 1 peg=market peg_offset=-1", 102),
        ("buy 1 peg=mid @99", 99),  # made no worse than the cap
        ("sell 1 peg=primary", 103),
        ("sell 1 peg=primary peg_offset=-1", 102),
        ("sell 1 peg=mid", 101),
        ("sell 1 peg=market peg_offset=1", 99),
        ("sell 1 peg=mid @102", 102),
    ],
)
def test_a_pegged_order_stands_where_its_peg_says(play: Play, order: str, price: int) -> None:
    script = play(QUOTED).run(f"{order} | 3 accepted; 3 moves to {price}")
    assert (script.oms.order(3).working_price, script.oms.order(3).place) == (price, "HIDDEN")


def test_a_pegged_order_is_parked_while_its_price_would_be_none(play: Play) -> None:
    script = play("""
        buy 1 peg=primary                | 1 accepted
        buy 1 peg=mid                    | 2 accepted
        buy 1 @98                        | 3 accepted; 1 moves to 98
        buy 1 peg=primary peg_offset=-98 | 4 accepted
        sell 1 @101                      | 5 accepted; 2 moves to 99
        cancel 5                         | 5 canceled 1 REQUESTED; 2 parked
        cancel 3                         | 3 canceled 1 REQUESTED; 1 parked
    """)
    assert [script.oms.order(number).place for number in (1, 2, 4)] == ["PARKED"] * 3


def test_hidden_orders_move_nobody(play: Play) -> None:
    play(QUOTED).run("""
        buy 1 peg=primary        | 3 accepted; 3 moves to 98
        buy 1 @100 hidden        | 4 accepted
        buy 1 @99                | 5 accepted; 3 moves to 99
    """)


def test_a_pegged_order_takes_what_it_reaches(play: Play) -> None:
    play(QUOTED).run("""
        buy 15 peg=market        | 3 accepted; 3 moves to 103; 3 takes 10@103 from 2; 3 parked
        sell 20 @105             | 4 accepted; 3 moves to 105; 3 takes 5@105 from 4
    """)


def test_pegged_orders_move_in_the_order_of_their_ids_and_meet_each_other(play: Play) -> None:
    play(QUOTED).run("""
        buy 5 peg=mid            | 3 accepted; 3 moves to 100
        sell 5 peg=mid           | 4 accepted; 4 moves to 101
        sell 1 @102              | 5 accepted; 4 moves to 100; 4 takes 5@100 from 3
    """)


def test_a_pegged_order_whose_price_stays_keeps_its_place(play: Play) -> None:
    play(QUOTED).run("""
        buy 1 peg=primary        | 3 accepted; 3 moves to 98
        buy 1 peg=primary @98    | 4 accepted; 4 moves to 98
        buy 1 @99                | 5 accepted; 3 moves to 99
        cancel 5                 | 5 canceled 1 REQUESTED; 3 moves to 98
        sell 11 @98              | 6 accepted; 6 takes 10@98 from 1; 6 takes 1@98 from 4; 3 parked
    """)


def test_pegged_orders_are_parked_when_continuous_trading_ends(play: Play) -> None:
    play(QUOTED).run("""
        sell 1 peg=primary           | 3 accepted; 3 moves to 103
        buy 1 peg=primary            | 4 accepted; 4 moves to 98
        phase HALTED symbol=X        | X HALTED; 3 parked; 4 parked
        phase CONTINUOUS symbol=X    | X CONTINUOUS; 3 moves to 103; 4 moves to 98
    """)


def test_a_pegged_order_sees_the_book_after_the_command_and_not_inside_it(play: Play) -> None:
    play(QUOTED).run("""
        buy 1 peg=primary        | 3 accepted; 3 moves to 98
        sell 15 @97              | 4 accepted; 4 takes 10@98 from 1; 4 takes 1@98 from 3
    """)
