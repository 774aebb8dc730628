"""Where a profit came from: hand-counted fills, and the law that the parts are the whole."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_lab.errors import DataError, ShapeError
from omni_lab.portfolio.attribution import PARTS, attribute_fills, mid_before


def test_half_the_spread_is_paid_by_the_taker_and_the_price_does_the_rest() -> None:
    # 100 bought at 10.01 while the middle was 10.00, 40 sold at 10.02, the middle, and the mark is 10.05.
    found = attribute_fills(["A", "A"], [100, -40], [10.01, 10.02], [10.00, 10.02], {"A": 10.05}, fees=[1, 2])
    assert found.qty.tolist() == [60.0]
    assert found.trading.tolist() == pytest.approx([-1.0])
    assert found.price_move.tolist() == pytest.approx([100 * 0.05 - 40 * 0.03])
    assert found.fees.tolist() == [-3.0]
    # Cash −1001.00 + 400.80, worth 603.00, fees 3.00.
    assert found.total.tolist() == pytest.approx([-0.2])


def test_what_is_flat_needs_no_mark_and_what_is_held_does() -> None:
    found = attribute_fills(["A", "A", "B"], [5, -5, 1], [10, 11, 7], [math.nan, 11, 7], {})
    assert found.symbols == ("A", "B")
    assert (found.total[0], found.price_move[0], found.trading[0]) == (5.0, 5.0, 0.0)
    assert math.isnan(found.total[1])
    assert math.isnan(found.price_move[1])


FILLS = st.lists(
    st.tuples(
        st.sampled_from("ABC"),
        st.integers(-1_000, 1_000).filter(bool),
        st.integers(1, 10**6),
        st.one_of(st.none(), st.integers(1, 10**6)),
        st.integers(-50, 500),
    ),
    max_size=40,
)


@given(FILLS, st.tuples(*[st.integers(1, 10**6)] * 3))
def test_the_parts_add_up_to_the_profit_of_every_symbol(fills: list[tuple], marks: tuple[int, ...]) -> None:  # type: ignore[type-arg]
    symbols = [each[0] for each in fills]
    qty = np.array([each[1] for each in fills], dtype=np.float64)
    price, fees = (np.array([each[at] / 100 for each in fills]) for at in (2, 4))
    mid = np.array([math.nan if each[3] is None else each[3] / 100 for each in fills])
    at = {name: mark / 100 for name, mark in zip("ABC", marks, strict=True)}
    found = attribute_fills(symbols, qty, price, mid, at, fees=fees)
    # Another way to count: in whole cents of cents, which do not round.
    for row, symbol in enumerate(found.symbols):
        mine = [each for each in fills if each[0] == symbol]
        exact = sum(q * (marks["ABC".index(symbol)] - p) - fee for _, q, p, _, fee in mine)
        size = sum(abs(q) * 10**6 for _, q, *_ in mine) / 100
        assert found.total[row] == pytest.approx(exact / 100, abs=1e-12 * size + 1e-9)
        parts = sum(getattr(found, name)[row] for name in PARTS)
        assert parts == pytest.approx(found.total[row], abs=1e-12 * size + 1e-9)
    assert sum(found.sums[name] for name in PARTS) == pytest.approx(found.sums["total"], abs=1e-2)


def test_the_middle_just_before_a_fill_knows_nothing_of_it() -> None:
    mids = mid_before([5, 10, 11, 30], [10, 20, 25], [1.0, 2.0, math.nan], [3.0, 4.0, 5.0])
    assert mids.tolist() == pytest.approx([math.nan, math.nan, 2.0, 3.0], nan_ok=True)
    assert np.isnan(mid_before([5], [], [], [])).all()


def test_bad_fills_are_refused() -> None:
    with pytest.raises(ShapeError, match="equally long"):
        attribute_fills(["A"], [1, 2], [1, 2], [1, 2], {})
    with pytest.raises(DataError, match="known whole"):
        attribute_fills(["A"], [math.nan], [1], [1], {})
