"""Order-flow features against numbers worked out by hand, and against statsmodels where it has the same."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_lab.errors import ConfigError, ShapeError
from omni_lab.features import (
    effective_spread,
    fit_linear_impact,
    grid_times,
    last_before,
    microprice,
    mid_price,
    order_flow_imbalance,
    queue_imbalance,
    quoted_spread,
    sum_between,
    time_weighted_mean,
)

NAN = float("nan")


def test_the_microprice_leans_to_the_side_that_is_nearly_used_up() -> None:
    prices = microprice(
        [10.0, 10.0, 10.0, NAN], [300, 100, 0, 0], [10.02, 10.02, 10.02, 10.02], [100, 100, 5, 5]
    )
    np.testing.assert_allclose(prices[:3], [10.015, 10.01, 10.0])
    assert np.isnan(prices[3])


def test_spread_and_middle() -> None:
    np.testing.assert_allclose(quoted_spread([99.5, NAN], [100.5, 101.0]), [1.0, NAN])
    np.testing.assert_allclose(quoted_spread([99.5], [100.5], bps=True), [100.0])
    np.testing.assert_allclose(mid_price([99.5], [100.5]), [100.0])


def test_queue_imbalance_is_one_where_only_bids_are() -> None:
    np.testing.assert_allclose(queue_imbalance([5, 0, 30, 0], [0, 5, 10, 0]), [1.0, -1.0, 0.5, NAN])


@pytest.mark.parametrize(
    ("before", "after", "flow"),
    [
        ((10.0, 100, 11.0, 100), (10.0, 150, 11.0, 100), 50),  # a bid comes
        ((10.0, 100, 11.0, 100), (10.0, 60, 11.0, 100), -40),  # a bid is canceled or hit
        ((10.0, 100, 11.0, 100), (10.0, 100, 11.0, 70), 30),  # an ask is taken
        ((10.0, 100, 11.0, 100), (10.5, 20, 11.0, 100), 20),  # a better bid: all of it is new
        ((10.0, 100, 11.0, 100), (9.5, 300, 11.0, 100), -100),  # the bid is gone: all of it is lost
        ((10.0, 100, 11.0, 100), (10.0, 100, 10.5, 40), -40),  # a better ask
        ((10.0, 100, 11.0, 100), (10.0, 100, 12.0, 500), 100),  # the ask is gone
        ((10.0, 100, 11.0, 100), (NAN, 0, 11.0, 100), -100),  # no bid is left
        ((NAN, 0, 11.0, 100), (10.0, 70, 11.0, 100), 70),  # the first bid
    ],
)
def test_each_change_of_the_best_prices_adds_what_the_paper_says(
    before: tuple[float, ...], after: tuple[float, ...], flow: float
) -> None:
    columns = np.array([before, after], dtype=np.float64).T
    np.testing.assert_allclose(order_flow_imbalance(*columns), [0.0, flow])


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(1, 50)), min_size=1, max_size=40))
def test_at_constant_prices_the_flow_is_the_change_of_the_sizes(sizes: list[tuple[int, int]]) -> None:
    bids, asks = np.array(sizes, dtype=np.float64).T
    flow = order_flow_imbalance(np.full(len(bids), 10.0), bids, np.full(len(asks), 11.0), asks)
    assert flow.sum() == pytest.approx((bids[-1] - bids[0]) - (asks[-1] - asks[0]))


def test_a_taker_who_pays_the_ask_pays_the_quoted_spread() -> None:
    paid = effective_spread([10.02, 10.0, 10.01], [10.01, 10.01, 10.01], [1, 2, 0])
    np.testing.assert_allclose(paid, [0.02, 0.02, NAN])


def test_a_value_counts_for_as_long_as_it_holds() -> None:
    ts = np.array([0, 10, 40])
    assert time_weighted_mean(ts, [1.0, 2.0, 5.0], 50) == pytest.approx((10 + 60 + 50) / 50)
    assert time_weighted_mean(ts, [1.0, NAN, 5.0], 50) == pytest.approx((10 + 50) / 20)
    assert np.isnan(time_weighted_mean(np.array([], dtype=np.int64), [], 5))


def test_an_interval_holds_its_right_edge_and_not_its_left_one() -> None:
    edges = grid_times(5, 20, 10)
    assert edges.tolist() == [0, 10, 20]
    ts = np.array([5, 10, 10, 11, 20])
    np.testing.assert_allclose(sum_between(ts, [1, 2, 4, 8, 16], edges), [7.0, 24.0])
    np.testing.assert_allclose(last_before(ts, [1, 2, 4, 8, 16], edges), [NAN, 4.0, 16.0])


def test_a_grid_reaches_over_both_ends() -> None:
    assert grid_times(10, 10, 10).tolist() == [0, 10]
    assert grid_times(11, 30, 10).tolist() == [10, 20, 30]
    with pytest.raises(ConfigError, match="step"):
        grid_times(0, 5, 0)


def test_the_line_is_that_of_statsmodels_with_white_errors() -> None:
    sm = pytest.importorskip("statsmodels.api")
    rng = np.random.default_rng(5)
    flow = rng.normal(size=400) * 100
    change = 0.02 + 0.003 * flow + rng.normal(size=400) * (0.05 + 0.001 * np.abs(flow))
    ours = fit_linear_impact(flow, change)
    theirs = sm.OLS(change, sm.add_constant(flow)).fit(cov_type="HC0")
    assert (ours.intercept, ours.slope) == pytest.approx(tuple(theirs.params), rel=1e-9)
    assert ours.r_squared == pytest.approx(theirs.rsquared, rel=1e-9)
    assert ours.t_statistic == pytest.approx(theirs.tvalues[1], rel=1e-9)


def test_no_line_without_variance() -> None:
    assert np.isnan(fit_linear_impact([1.0, 1.0, 1.0], [1.0, 2.0, 3.0]).slope)
    assert fit_linear_impact([1.0, NAN], [1.0, 2.0]).n == 1


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(ShapeError, match="equally long"):
        mid_price([1.0], [1.0, 2.0])
    with pytest.raises(ConfigError, match="do not fall"):
        sum_between(np.array([2, 1]), [1.0, 1.0], np.array([0, 5]))
