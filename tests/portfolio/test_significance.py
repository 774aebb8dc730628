"""The probabilistic and the deflated Sharpe ratio, against the examples of the papers and against chance."""

import math

import numpy as np
import pytest

from omni_lab.errors import ConfigError
from omni_lab.portfolio.significance import (
    deflated_sharpe,
    effective_trials,
    expected_max_sharpe,
    min_track_record_length,
    probabilistic_sharpe,
    sharpe_error,
)


def test_the_hedge_fund_of_the_paper() -> None:
    # Bailey and López de Prado, 2012, section 3: two years of monthly returns with a Sharpe ratio of 0.458.
    assert probabilistic_sharpe(0.458, 24) == pytest.approx(0.982, abs=5e-4)
    assert probabilistic_sharpe(0.458, 24, skew=-2.448, kurtosis=10.164) == pytest.approx(0.913, abs=5e-4)


@pytest.mark.parametrize(
    ("periods", "skew", "kurtosis", "years"),
    [(252, 0.0, 3.0, 2.73), (52, 0.0, 3.0, 2.83), (12, 0.0, 3.0, 3.24), (12, -0.72, 5.78, 4.99)],
)
def test_the_track_records_of_the_paper(periods: int, skew: float, kurtosis: float, years: float) -> None:
    # The same paper, section 4: an annual ratio of 2 told from 1 with 95% confidence.
    root = math.sqrt(periods)
    length = min_track_record_length(2 / root, benchmark=1 / root, skew=skew, kurtosis=kurtosis)
    assert length / periods == pytest.approx(years, abs=0.006)


def test_the_deflated_ratio_of_the_paper() -> None:
    # Bailey and López de Prado, 2014, "A numerical example": 2.5 a year over 1,250 days of which 250 make a
    # year, the best of 100 trials whose annual ratios have a variance of one half.
    sharpe, variance = 2.5 / math.sqrt(250), 0.5 / 250
    assert expected_max_sharpe(100, variance) == pytest.approx(0.1132, abs=5e-5)
    shape = {"skew": -3.0, "kurtosis": 10.0}
    deflated = deflated_sharpe(sharpe, 1250, n_trials=100, variance=variance, **shape)
    assert deflated == pytest.approx(0.9004, abs=5e-5)
    assert deflated_sharpe(sharpe, 1250, n_trials=46, variance=variance, **shape) == pytest.approx(
        0.9505, abs=5e-5
    )
    # With normal returns as many as 88 trials would have left it above 0.95.
    assert [deflated_sharpe(sharpe, 1250, n_trials=n, variance=variance) > 0.95 for n in (88, 89)] == [
        True,
        False,
    ]


def test_the_annual_ratio_by_mistake_would_be_certain() -> None:
    # Why the docstrings are loud: the same example with annual numbers loses every doubt.
    assert probabilistic_sharpe(2.5, 1250, benchmark=0.1132, skew=-3.0, kurtosis=10.0) > 1 - 1e-12


def test_the_error_is_the_scatter_of_estimates() -> None:
    rng = np.random.default_rng(1)
    samples = 0.1 + rng.exponential(1.0, (20_000, 250)) - 1.0
    ratios = samples.mean(axis=1) / samples.std(axis=1, ddof=1)
    # An exponential distribution has skewness 2 and kurtosis 9.
    assert sharpe_error(0.1, 250, skew=2.0, kurtosis=9.0) == pytest.approx(ratios.std(), rel=0.03)


@pytest.mark.parametrize("n_trials", [10, 100, 1000])
def test_the_best_of_worthless_trials_is_as_good_as_said(n_trials: int) -> None:
    rng = np.random.default_rng(2)
    best = rng.normal(0.0, 0.05, (4000, n_trials)).max(axis=1).mean()
    # The formula is an approximation; at ten trials it is 2% too high.
    assert expected_max_sharpe(n_trials, 0.05**2) == pytest.approx(best, rel=0.03)


def test_one_trial_is_not_deflated_and_many_are_more_than_few() -> None:
    assert expected_max_sharpe(1, 0.01) == 0.0
    assert deflated_sharpe(0.1, 500, n_trials=1, variance=0.01) == probabilistic_sharpe(0.1, 500)
    bars = [expected_max_sharpe(n, 0.01) for n in (1, 1.2, 2, 10, 1e6, 1e300)]
    assert bars == sorted(bars)
    assert math.isfinite(bars[-1])


def test_copies_of_one_trial_count_once_and_strangers_in_full() -> None:
    rng = np.random.default_rng(3)
    alone = rng.standard_normal((5000, 1))
    assert effective_trials(np.repeat(alone, 50, axis=1) * np.arange(1, 51)) == pytest.approx(1.0)
    assert effective_trials(rng.standard_normal((5000, 50))) == pytest.approx(50.0, rel=0.02)
    # Half of the variance is common: correlation one half.
    halves = alone + rng.standard_normal((5000, 50))
    assert effective_trials(halves) == pytest.approx(0.5 + 0.5 * 50, rel=0.05)
    halves[:, 7], halves[3, 8] = 0.0, np.nan
    assert effective_trials(halves) == pytest.approx(0.5 + 0.5 * 48, rel=0.05)
    assert effective_trials(np.zeros((10, 4))) == 1.0


def test_a_ratio_below_its_benchmark_needs_forever() -> None:
    assert min_track_record_length(0.1, benchmark=0.1) == math.inf
    assert min_track_record_length(-0.1) == math.inf


def test_the_length_is_where_the_probability_is_reached() -> None:
    length = min_track_record_length(0.08, benchmark=0.02, skew=-0.5, kurtosis=6.0, confidence=0.9)
    around = [
        probabilistic_sharpe(0.08, n, benchmark=0.02, skew=-0.5, kurtosis=6.0)
        for n in (math.floor(length), math.ceil(length))
    ]
    assert around[0] < 0.9 <= around[1]


def test_what_is_not_known_stays_unknown() -> None:
    nan = math.nan
    assert math.isnan(sharpe_error(0.1, 1))
    assert math.isnan(probabilistic_sharpe(nan, 100))
    assert math.isnan(probabilistic_sharpe(0.1, 100, benchmark=nan))
    assert math.isnan(min_track_record_length(0.1, skew=nan))
    assert math.isnan(deflated_sharpe(0.1, 100, n_trials=10, variance=nan))
    # No distribution has a skewness of 5 and a kurtosis of 3.
    assert math.isnan(sharpe_error(1.0, 100, skew=5.0, kurtosis=3.0))


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (lambda: expected_max_sharpe(0, 0.1), "no best of no trials"),
        (lambda: expected_max_sharpe(5, -0.1), "not negative"),
        (lambda: min_track_record_length(0.1, confidence=95), "not a confidence"),
    ],
)
def test_what_cannot_be_is_refused(call: "object", complaint: str) -> None:
    assert callable(call)
    with pytest.raises(ConfigError, match=complaint):
        call()
