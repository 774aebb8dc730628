"""What a known law of arrivals leaves behind is found again, as precisely as the errors claim."""

from collections.abc import Callable

import numpy as np
import pytest

from omni_lab.errors import ConfigError, DataError, ModelError, ShapeError
from omni_lab.models import (
    FillIntensity,
    count_reaching,
    depths_reached,
    fit_intensity_intervals,
    fit_intensity_mle,
    fit_intensity_regression,
    taker_depths,
)
from omni_lab.typing import FloatArray

A, K, SECONDS = 2.0, 0.4, 3_600.0
LEVELS = np.arange(1.0, 9.0)
NS = 1_000_000_000


def arrivals(rng: np.random.Generator, *, grid: bool = False) -> tuple[FloatArray, FloatArray]:
    """Times in seconds, and how deep each reached: a Poisson process, thinned exponentially by depth."""
    n = rng.poisson(A * SECONDS)
    ts, depth = np.sort(rng.uniform(0.0, SECONDS, n)), rng.exponential(1.0 / K, n)
    return ts, np.floor(depth) if grid else depth


def by_regression(rng: np.random.Generator) -> FillIntensity:
    return fit_intensity_regression(arrivals(rng)[1], SECONDS, LEVELS)


def by_likelihood(rng: np.random.Generator) -> FillIntensity:
    return fit_intensity_mle(arrivals(rng)[1], SECONDS, least=1.0)


def on_a_grid(rng: np.random.Generator) -> FillIntensity:
    return fit_intensity_mle(arrivals(rng, grid=True)[1], SECONDS, least=1.0, step=1.0)


def by_intervals(rng: np.random.Generator) -> FillIntensity:
    ts, depth = arrivals(rng)
    deepest = np.full(int(SECONDS), -np.inf)
    np.maximum.at(deepest, ts.astype(np.int64), depth)
    return fit_intensity_intervals(deepest, 1.0, LEVELS)


FITS = [by_regression, by_likelihood, on_a_grid, by_intervals]


@pytest.mark.parametrize("fit", FITS)
def test_estimates_scatter_around_the_truth_as_their_errors_say(
    fit: Callable[[np.random.Generator], FillIntensity],
) -> None:
    # Two hundred hours: deviations in units of their errors have mean 0 and variance 1.
    rng = np.random.default_rng(1)
    fits = [fit(rng) for _ in range(200)]
    of_k = np.array([(each.k - K) / each.k_error for each in fits])
    of_a = np.array([np.log(each.A / A) / each.log_A_error for each in fits])
    for scores in (of_k, of_a):
        assert abs(scores.mean()) < 4.0 / 200**0.5 + 0.05  # a ratio has a small bias of its own
        assert abs(scores.std() - 1.0) < 4.0 / 400**0.5
    assert np.mean(of_k * of_a) == pytest.approx(np.mean([each.correlation for each in fits]), abs=0.3)


def test_likelihood_is_more_precise_than_a_line_and_both_agree() -> None:
    _, depth = arrivals(np.random.default_rng(2))
    line, likely = (
        fit_intensity_regression(depth, SECONDS, LEVELS),
        fit_intensity_mle(depth, SECONDS, least=1.0),
    )
    assert likely.k_error < line.k_error
    assert abs(likely.k - line.k) < 4.0 * line.k_error


def test_the_rate_and_its_error_at_a_depth() -> None:
    fit = FillIntensity(A=2.0, k=0.5, log_A_error=0.3, k_error=0.1, correlation=0.9, n=10)
    np.testing.assert_allclose(fit.rate([0.0, 2.0]), [2.0, 2.0 / np.e])
    # var(ln A − 2k) = 0.09 + 4 · 0.01 − 4 · 0.9 · 0.03
    np.testing.assert_allclose(fit.rate_error([0.0, 2.0]), [0.3, 0.022**0.5])


def test_a_geometric_likelihood_by_hand() -> None:
    # Depths 1, 1, 2, 4 beyond 1 are 0, 0, 1, 3: mean 1, so half of them go a step further each time.
    fit = fit_intensity_mle([0.0, 1.0, 1.0, 2.0, 4.0], 8.0, least=1.0, step=1.0)
    assert fit.k == pytest.approx(np.log(2.0))
    assert fit.rate(1.0) == pytest.approx(4.0 / 8.0)
    assert fit.n == 4


def test_half_ticks_are_a_change_of_units() -> None:
    depth = np.array([1.0, 1.0, 2.0, 4.0, 3.0, 1.0])
    whole = fit_intensity_mle(depth, 8.0, least=1.0, step=1.0)
    halves = fit_intensity_mle(depth / 2.0, 8.0, least=0.5, step=0.5)
    assert halves.k == pytest.approx(2.0 * whole.k)
    assert halves.k_error == pytest.approx(2.0 * whole.k_error)
    assert halves.rate(0.0) == pytest.approx(whole.rate(0.0))
    assert halves.log_A_error == pytest.approx(whole.log_A_error)


def test_intervals_of_two_levels_have_a_closed_form() -> None:
    # 100 intervals; 40 reach the first level and 10 the second: two equations in two unknowns.
    depth = np.concatenate((np.full(60, -np.inf), np.full(30, 1.5), np.full(10, 2.5)))
    fit = fit_intensity_intervals(depth, 2.0, [1.0, 2.0])
    np.testing.assert_allclose(fit.rate([1.0, 2.0]), -np.log([0.6, 0.9]) / 2.0)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: fit_intensity_mle([1.0, 1.0], 5.0, least=1.0), ModelError, "no depth beyond"),
        (lambda: fit_intensity_mle([], 5.0, least=1.0), ModelError, "no depth beyond"),
        (lambda: fit_intensity_mle([1.0, 2.0], 0.0, least=1.0), ConfigError, "seconds"),
        (lambda: fit_intensity_regression([1.0, 1.0], 5.0, [1.0, 2.0]), ModelError, "two levels"),
        (lambda: fit_intensity_regression([1.0, 1.0], 5.0, [2.0, 1.0]), DataError, "out of order"),
        (lambda: fit_intensity_intervals([5.0, 5.0], 1.0, [1.0, 2.0]), ModelError, "too much alike"),
        (lambda: fit_intensity_intervals([-np.inf], 1.0, [1.0, 2.0]), ModelError, "too much alike"),
    ],
)
def test_what_tells_nothing_is_refused(
    call: Callable[[], object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        call()


# --- arrivals -----------------------------------------------------------------------------------------------


def test_prints_of_one_taker_are_one_arrival() -> None:
    ts, depth = taker_depths(
        [10, 10, 10, 20, 30, 30, 40, 50],
        [101, 102, 104, 97, 101, 99, 100, 103],
        [100.5, 101.5, 101.5, 100, 100, 100, np.nan, 100],
        [1, 1, 1, 2, 1, 2, 1, 0],
    )
    # Up to 104 from 100.5; down to 97 from 100; a buyer and a seller at one time; NaN and 0 are left out.
    assert ts.tolist() == [10, 20, 30, 30]
    assert depth.tolist() == [3.5, 3.0, 1.0, 1.0]


def test_depths_are_counted_from_the_middle_at_the_beginning_of_an_interval() -> None:
    bid, ask = depths_reached(
        [5, 10, 11, 15, 20, 35], [102, 99, 103, 98, 101, 90], [0, 10, 20, 30], [100.5, 101.0, 100.0]
    )
    # (0, 10]: 102 and 99; (10, 20]: 103, 98 and 101; (20, 30]: nothing; 35 is beyond.
    assert bid.tolist() == [1.5, 3.0, -np.inf]
    assert ask.tolist() == [1.5, 2.0, -np.inf]


def test_an_interval_without_a_middle_is_unknown() -> None:
    bid, _ = depths_reached([5], [102], [0, 10, 20], [np.nan, 100.0])
    assert np.isnan(bid[0])
    assert bid[1] == -np.inf


def test_counts_are_those_of_a_loop() -> None:
    depth = np.array([0.5, 1.0, 1.0, 3.0, np.nan, -2.0])
    expected = [sum(each >= level for each in depth) for level in (0.0, 1.0, 2.0, 4.0)]
    assert count_reaching(depth, [0.0, 1.0, 2.0, 4.0]).tolist() == expected


def test_nothing_gives_nothing() -> None:
    ts, depth = taker_depths([], [], [], [])
    assert len(ts) == len(depth) == 0


def test_columns_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ShapeError):
        taker_depths([1, 2], [1.0], [1.0], [1])
    with pytest.raises(DataError, match="out of order"):
        taker_depths([2, 1], [1.0, 1.0], [1.0, 1.0], [1, 1])
    with pytest.raises(ShapeError, match="interval has a middle"):
        depths_reached([1], [1.0], [0, 1], [1.0, 2.0])
    with pytest.raises(DataError, match="out of order"):
        depths_reached([1], [1.0], [1, 0], [1.0])
