"""Falls from a peak: by hand, as laws, and against a plain loop."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from omni_lab.errors import ShapeError
from omni_lab.portfolio import performance as perf
from omni_lab.typing import FloatArray

DAY = 86_400_000_000_000

# Whole numbers, so that peaks are reached again exactly and not but for rounding.
curves = arrays(np.int64, st.integers(1, 60), elements=st.integers(1, 30)).map(lambda a: a.astype(np.float64))


def test_falls_by_hand() -> None:
    #          0    1    2    3    4    5    6    7    8
    equity = [90, 100, 120, 108, 114, 120, 150, 75, 120]
    assert perf.drawdown(equity, 100.0) == pytest.approx([-0.1, 0, 0, -0.1, -0.05, 0, 0, -0.5, -0.2])
    assert perf.top_drawdowns(equity, 100.0) == (
        perf.Drawdown(peak=6, trough=7, end=8, depth=75 / 150 - 1, recovered=False),
        perf.Drawdown(peak=-1, trough=0, end=1, depth=90 / 100 - 1, recovered=True),
        perf.Drawdown(peak=2, trough=3, end=5, depth=108 / 120 - 1, recovered=True),
    )
    assert [fall.length for fall in perf.top_drawdowns(equity, 100.0)] == [2, 2, 3]
    assert perf.max_drawdown(equity, 100.0) == -0.5
    assert perf.max_drawdown_length(equity, 100.0) == 3
    assert perf.time_under_water(equity, 100.0) == 5 / 9


def test_days_are_those_of_the_calendar() -> None:
    equity = [100.0, 90.0, 100.0, 95.0]
    ts = np.array([0, 1, 4, 10]) * DAY
    assert perf.max_drawdown_days(equity, ts, 100.0) == 6.0
    assert perf.max_drawdown_length(equity, 100.0) == 2
    # The time before the first step is not known.
    assert perf.max_drawdown_days([90.0, 100.0], ts[:2], 100.0) == 1.0
    assert perf.max_drawdown_length([90.0, 100.0], 100.0) == 2


def test_rising_and_constant_curves_have_no_falls() -> None:
    for equity in ([100.0, 100.0, 100.0], [101.0, 102.0, 103.0]):
        assert perf.top_drawdowns(equity, 100.0) == ()
        assert perf.max_drawdown(equity, 100.0) == 0.0
        assert perf.max_drawdown_length(equity, 100.0) == 0


def test_falling_from_the_first_step_to_the_last() -> None:
    (fall,) = perf.top_drawdowns([90.0, 80.0, 40.0], 100.0)
    assert fall == perf.Drawdown(peak=-1, trough=2, end=2, depth=-0.6, recovered=False)
    assert fall.length == 3


def test_fewer_are_returned_when_fewer_are_asked_for() -> None:
    equity = [90.0, 100.0, 80.0, 100.0, 70.0]
    assert [fall.depth for fall in perf.top_drawdowns(equity, 100.0, k=2)] == pytest.approx([-0.3, -0.2])
    assert perf.top_drawdowns(equity, 100.0, k=0) == ()


def test_times_must_match_the_equity() -> None:
    with pytest.raises(ShapeError, match="equally long"):
        perf.max_drawdown_days([1.0, 2.0], [0], 1.0)


@given(curves, st.integers(1, 30))
def test_falls_are_those_of_a_plain_loop(equity: FloatArray, capital: int) -> None:
    falls: list[list[float]] = []  # peak step, trough step, end step, depth, recovered
    high, at, open_fall = float(capital), -1, False
    for t, value in enumerate(equity):
        if value >= high:
            if open_fall:
                falls[-1][2], falls[-1][4] = t, True
            high, at, open_fall = value, t, False
            continue
        depth = value / high - 1
        if not open_fall:
            falls.append([at, t, t, depth, False])
            open_fall = True
        if depth < falls[-1][3]:
            falls[-1][1], falls[-1][3] = t, depth
        falls[-1][2] = t
    falls.sort(key=lambda fall: fall[3])
    found = perf.top_drawdowns(equity, capital, k=100)
    assert [[f.peak, f.trough, f.end, f.depth, f.recovered] for f in found] == falls
    assert perf.max_drawdown_length(equity, capital) == max((f[2] - f[0] for f in falls), default=0)


@given(curves, st.integers(1, 30))
def test_a_drawdown_is_never_positive_and_never_below_a_total_loss(equity: FloatArray, capital: int) -> None:
    depths = perf.drawdown(equity, capital)
    assert (depths <= 0.0).all()
    assert (depths > -1.0).all()
    assert perf.max_drawdown(equity, capital) == depths.min()


@given(curves, st.integers(1, 30), st.integers(-3, 6))
def test_the_currency_does_not_matter(equity: FloatArray, capital: int, power: int) -> None:
    scale = 2.0**power
    ts = np.arange(len(equity)) * DAY
    one = perf.summarize(equity, ts, initial_capital=capital)
    other = perf.summarize(equity * scale, ts, initial_capital=capital * scale)
    money = {"initial_capital", "final_equity"}
    for name in one.keys() - money:
        assert np.array_equal(one[name], other[name], equal_nan=True), name


@given(curves, st.integers(1, 30))
def test_returns_lead_back_to_the_equity(equity: FloatArray, capital: int) -> None:
    returns = perf.returns_from_equity(equity, capital)
    assert np.allclose(capital * np.cumprod(1 + returns), equity, rtol=1e-12)


@given(curves)
def test_nan_spreads_without_a_warning(equity: FloatArray) -> None:
    equity[len(equity) // 2] = np.nan
    summary = perf.summarize(equity, np.arange(len(equity)) * DAY, initial_capital=10.0)
    assert np.isnan(summary["sharpe_ratio"])
    assert np.isnan(summary["max_drawdown"])
