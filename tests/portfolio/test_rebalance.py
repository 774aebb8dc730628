"""Orders that lead to weights: whole lots, never more than was decided, and nothing forgotten."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_lab.errors import ConfigError, DataError
from omni_lab.portfolio.rebalance import rebalance


def test_orders_are_those_that_one_works_out_by_hand() -> None:
    found = rebalance(
        {"A": 0.5, "B": 0.25},
        {"A": 30.0, "B": 10.0, "C": 50.0},
        {"A": 100.0, "C": 20.0},
        equity=10_000.0,
        lot_size={"A": 10.0, "B": 1.0, "C": 1.0},
        cost_bps=5.0,
    )
    told = [(row["symbol"], row["side"], row["qty"], row["notional"], row["cost"]) for row in found.rows()]
    # A: 5,000 / 30 is 166, in tens 160; B: 250; C has no weight and goes.
    assert told == [
        ("B", "BUY", 250.0, 2_500.0, 1.25),
        ("A", "BUY", 60.0, 1_800.0, 0.9),
        ("C", "SELL", 20.0, 1_000.0, 0.5),
    ]
    assert found.turnover == pytest.approx(0.53)


@given(
    st.lists(st.floats(-1.0, 1.0), min_size=1, max_size=6),
    st.lists(st.integers(-500, 500), min_size=6, max_size=6),
    st.floats(1e3, 1e7),
)
def test_targets_are_whole_lots_and_no_larger_than_decided(
    weights: list[float], held: list[int], equity: float
) -> None:
    names = "UVWXYZ"
    prices = {name: 3.0 + 7.0 * place for place, name in enumerate(names)}
    found = rebalance(
        dict(zip(names, weights, strict=False)),
        prices,
        dict(zip(names, map(float, held), strict=True)),
        equity=equity,
        lot_size=5.0,
    )
    for row in range(len(found.symbols)):
        assert found.target[row] % 5.0 == 0.0
        assert abs(found.weight_after[row]) <= abs(found.weight_aimed[row]) + 1e-9
        assert (
            abs(found.weight_aimed[row] - found.weight_after[row]) * equity <= 5.0 * found.price[row] + 1e-6
        )
        assert found.held[row] + found.change[row] == found.target[row]


def test_small_changes_are_left_but_a_position_is_closed() -> None:
    found = rebalance(
        {"A": 0.5, "B": 0.0},
        {"A": 1.0, "B": 1.0},
        {"A": 495.0, "B": 3.0},
        equity=1_000.0,
        least_notional=10.0,
    )
    assert [(row["symbol"], row["side"], row["qty"]) for row in found.rows()] == [("B", "SELL", 3.0)]


def test_what_cannot_be_worked_out_is_refused() -> None:
    with pytest.raises(DataError, match=r"no price.*'B'"):
        rebalance({"A": 1.0}, {"A": 1.0}, {"B": 3.0}, equity=1.0)
    with pytest.raises(ConfigError, match="positive"):
        rebalance({"A": 1.0}, {"A": 1.0}, {}, equity=0.0)
