"""Positions, their cost and their profit, exactly: ``docs/oms.md``, section 5."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_lab.domain import Instrument
from omni_lab.execution import ReferenceOMS
from omni_lab.execution.reference.positions import PositionRecord
from tests.execution.conftest import Play
from tests.execution.script import config

UNIT = 10**18


def test_a_position_is_opened_reduced_turned_and_closed(play: Play) -> None:
    script = play("""
        b: sell 10 @100
        buy 10 @100
        b: buy 4 @103
        sell 4
    """)
    long = script.oms.positions()[0]
    assert (long.account, long.symbol, long.qty, long.average_price) == ("a", "X", 6, 100)
    assert (long.realised, long.unrealised, long.bought, long.sold) == (12, 18, 10, 4)
    script.run("""
        b: buy 10 @99
        sell 10
    """)
    short = script.oms.positions()[0]
    assert (short.qty, short.average_price, short.realised, short.unrealised) == (-4, 99, 12 - 6, 0)
    script.run("""
        b: sell 4 @101
        buy 4
    """)
    flat = script.oms.positions()[0]
    assert (flat.qty, flat.average_price, flat.realised, flat.unrealised) == (0, None, -2, 0)


def test_the_other_account_has_the_other_side(play: Play) -> None:
    mine, theirs = play("b: sell 3 @100\nbuy 3 @100").oms.positions()
    assert (mine.qty, theirs.qty) == (3, -3)
    assert mine.realised + theirs.realised == 0


def test_a_mark_moves_the_unrealised_profit(play: Play) -> None:
    mine, theirs = play("b: sell 3 @100\nbuy 3 @100\nmark 110").oms.positions()
    assert (mine.unrealised, theirs.unrealised) == (30, -30)


def test_money_is_counted_in_the_ticks_and_lots_of_the_instrument(oms_class: type[ReferenceOMS]) -> None:
    coin = Instrument("COIN", tick_size=0.05, lot_size=0.001)
    oms = oms_class(config(instruments=[coin]))
    oms.submit("COIN", "SELL", 0.25, 100.05, account="b")
    oms.submit("COIN", "BUY", 0.25, 100.05)
    oms.mark("COIN", 101.05)
    mine, theirs = oms.positions()
    assert mine.qty == 0.25
    assert mine.average_price == pytest.approx(100.05, abs=1e-9)
    assert math.isclose(mine.unrealised, 0.25)
    assert math.isclose(theirs.unrealised, -0.25)


def test_what_does_not_divide_stays_with_what_is_left() -> None:
    # Three lots cost 10; closing one takes 3 out and leaves 7 for two.
    position = PositionRecord(qty=3, bought=3, cost=10)
    assert position.fill(-1, 5, 1, 1) == 5 - 3
    assert (position.qty, position.cost, position.realised) == (2, 7, 2)


FILLS = st.lists(
    st.tuples(st.sampled_from((1, -1)), st.integers(1, 1_000), st.integers(1, 50)), min_size=1, max_size=40
)


@given(FILLS)
def test_profit_is_cash_plus_what_is_still_held(fills: list[tuple[int, int, int]]) -> None:
    position, cash = PositionRecord(), 0
    for sign, price, qty in fills:
        position.fill(sign, price, qty, UNIT)
        cash -= sign * price * qty * UNIT
        assert position.cost >= 0
        held = position.cost if position.qty > 0 else -position.cost
        assert position.realised == cash + held
        assert position.qty == position.bought - position.sold
    if position.qty == 0:
        assert position.cost == 0
