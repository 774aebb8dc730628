"""Paths, likelihood and fits against closed forms, a plain double loop, and each other."""

import itertools

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import kstest

from omni_lab.errors import ConfigError, DataError, ModelError
from omni_lab.models import Hawkes, fit_hawkes, hawkes_log_likelihood, simulate_hawkes
from omni_lab.models.hawkes_fit import _row_likelihood
from omni_lab.typing import FloatArray

ONE = Hawkes(0.5, 0.6, 2.0)
TWO = Hawkes([0.5, 0.3], [[0.4, 0.2], [0.1, 0.5]], [[2.0, 5.0], [1.0, 3.0]])


def plain_intensity(model: Hawkes, t: float, arrivals: list[FloatArray]) -> FloatArray:
    """The definition, term by term."""
    rates = model.baseline.copy()
    for i in range(model.n_kinds):
        for j, of in enumerate(arrivals):
            beta = model.decay[i, j]
            rates[i] += sum(model.branching[i, j] * beta * np.exp(-beta * (t - s)) for s in of if s < t)
    return rates


def test_arrivals_are_as_frequent_as_the_closed_form_says() -> None:
    seconds = 20_000.0
    arrivals = simulate_hawkes(TWO, seconds, rng=np.random.default_rng(1))
    # (1 − 0.4)(1 − 0.5) − 0.2 · 0.1 = 0.28; the inverse by hand.
    expected = np.array([0.5 * 0.5 + 0.2 * 0.3, 0.1 * 0.5 + 0.6 * 0.3]) / 0.28
    np.testing.assert_allclose(TWO.mean_intensity(), expected)
    errors = np.sqrt(np.diag(TWO.count_covariance_rate()) / seconds)
    assert (np.abs([len(of) / seconds for of in arrivals] - expected) < 4.0 * errors).all()


def test_counts_vary_as_the_closed_form_says() -> None:
    arrivals = simulate_hawkes(ONE, 40_000.0, rng=np.random.default_rng(2))[0]
    for window in (0.5, 4.0, 40.0):
        counts = np.histogram(arrivals, np.arange(0.0, 40_000.0 + window / 2.0, window))[0]
        fourth = ((counts - counts.mean()) ** 4).mean() - counts.var() ** 2
        # Neighbouring windows go together, which widens the error; five of them are more than enough.
        assert abs(counts.var() - ONE.count_variance(window)) < 5.0 * (fourth / len(counts)) ** 0.5
        assert counts.var() > 1.3 * counts.mean()


def test_autocovariance_of_counts() -> None:
    arrivals = simulate_hawkes(ONE, 40_000.0, rng=np.random.default_rng(3))[0]
    bins = 0.25
    counts = np.histogram(arrivals, np.arange(0.0, 40_000.0 + bins / 2.0, bins))[0]
    away = counts - counts.mean()
    for lag in (1, 2, 4, 8):
        products = away[lag:] * away[:-lag]
        # The covariance of two bins is the triangle-weighted integral of the density over their distances.
        expected = quad(
            lambda u, lag=lag: (bins - abs(u)) * float(ONE.autocovariance(lag * bins + u)), -bins, bins
        )[0]
        blocks = np.array_split(products, 100)
        error = np.std([block.mean() for block in blocks]) / 10.0
        assert abs(products.mean() - expected) < 4.0 * error


def test_variance_and_covariance_rate_agree_for_long_windows() -> None:
    assert ONE.count_variance(1e6) / 1e6 == pytest.approx(float(ONE.count_covariance_rate()[0, 0]), rel=1e-5)
    # Λ / (1 − n)² with Λ = μ / (1 − n).
    assert float(ONE.count_covariance_rate()[0, 0]) == pytest.approx(0.5 / 0.4**3)


def test_covariances_of_a_cause_and_its_effect_by_hand() -> None:
    # Kind 0 is Poisson with rate 2, and each of its arrivals brings a Poisson number of kind 1 with mean 0.5,
    # beside 3 a second that come alone.
    one_way = Hawkes([2.0, 3.0], [[0.0, 0.0], [0.5, 0.0]], 1.0)
    own = 3.0 + 2.0 * (0.5 + 0.5**2)
    np.testing.assert_allclose(one_way.count_covariance_rate(), [[2.0, 1.0], [1.0, own]])
    np.testing.assert_allclose(one_way.mean_intensity(), [2.0, 4.0])


def test_without_branching_it_is_poisson() -> None:
    poisson = Hawkes(3.0, 0.0, 1.0)
    assert poisson.count_variance(7.0) == pytest.approx(21.0)
    arrivals = simulate_hawkes(poisson, 1_000.0, rng=np.random.default_rng(4))[0]
    assert kstest(np.diff(arrivals), "expon", args=(0.0, 1.0 / 3.0)).pvalue > 0.001


def test_intensity_is_that_of_the_definition() -> None:
    arrivals = [np.array([0.5, 0.9, 2.0]), np.array([0.9, 1.5])]
    at = np.array([0.0, 0.5, 0.7, 0.9, 1.6, 2.0, 5.0])
    slow = np.column_stack([plain_intensity(TWO, t, arrivals) for t in at])
    np.testing.assert_allclose(TWO.intensity(at, arrivals), slow, rtol=1e-12)


def test_compensator_is_the_integral_of_the_intensity() -> None:
    arrivals = [np.array([0.5, 0.9, 2.0]), np.array([0.9, 1.5])]
    knots = [0.0, 0.5, 0.9, 1.5, 2.0, 3.0]
    for kind in (0, 1):
        whole = sum(
            quad(lambda t, kind=kind: plain_intensity(TWO, t, arrivals)[kind], a, b)[0]
            for a, b in itertools.pairwise(knots)
        )
        assert TWO.compensator([3.0], kind, arrivals)[0] == pytest.approx(whole, rel=1e-9)


def test_likelihood_is_that_of_the_definition() -> None:
    arrivals = [np.array([0.5, 0.9, 2.0]), np.array([0.9, 1.5])]
    logs = sum(np.log(plain_intensity(TWO, t, arrivals)[i]) for i in (0, 1) for t in arrivals[i])
    integrals = sum(float(TWO.compensator([3.0], i, arrivals)[0]) for i in (0, 1))
    assert hawkes_log_likelihood(TWO, arrivals, 3.0) == pytest.approx(logs - integrals, rel=1e-12)


def test_the_slope_of_the_likelihood_is_its_difference_quotient() -> None:
    arrivals = simulate_hawkes(TWO, 200.0, rng=np.random.default_rng(5))
    theta = np.array([0.4, 0.3, 0.25, 1.5, 4.0])
    _, slope = _row_likelihood(theta, 0, arrivals, 200.0)
    for i in range(5):
        step = np.zeros(5)
        step[i] = 1e-6
        up, down = (_row_likelihood(theta + s * step, 0, arrivals, 200.0)[0] for s in (1.0, -1.0))
        assert slope[i] == pytest.approx((up - down) / 2e-6, rel=1e-5, abs=1e-4)


def test_a_fit_finds_the_parameters_within_its_errors() -> None:
    seconds = 4_000.0
    arrivals = simulate_hawkes(TWO, seconds, rng=np.random.default_rng(6))
    fit = fit_hawkes(arrivals, seconds)
    assert fit.n == sum(map(len, arrivals))
    for name in ("baseline", "branching", "decay"):
        errors = getattr(fit, f"{name}_error")
        assert np.isfinite(errors).all()
        assert (np.abs(getattr(fit.model, name) - getattr(TWO, name)) < 4.0 * errors).all()
    # Twice the gain over the truth is about χ² with ten degrees of freedom: above 29.6 once in a thousand.
    gain = fit.log_likelihood - hawkes_log_likelihood(TWO, arrivals, seconds)
    assert 0.0 <= 2.0 * gain < 29.6
    for residuals in fit.model.residuals(arrivals):
        assert kstest(residuals, "expon").pvalue > 0.001


def test_errors_of_a_fit_are_the_scatter_of_fits() -> None:
    rng = np.random.default_rng(7)
    fits = [fit_hawkes(simulate_hawkes(ONE, 400.0, rng=rng), 400.0) for _ in range(25)]
    for name in ("baseline", "branching", "decay"):
        scores = [
            ((getattr(fit.model, name) - getattr(ONE, name)) / getattr(fit, f"{name}_error")).item()
            for fit in fits
        ]
        assert abs(np.mean(scores)) < 4.0 / 25**0.5
        assert 0.6 < np.std(scores) < 1.5


def test_residuals_tell_a_wrong_model() -> None:
    arrivals = simulate_hawkes(ONE, 4_000.0, rng=np.random.default_rng(8))
    poisson = Hawkes(len(arrivals[0]) / 4_000.0, 0.0, 1.0)
    assert kstest(ONE.residuals(arrivals)[0], "expon").pvalue > 0.001
    assert kstest(poisson.residuals(arrivals)[0], "expon").pvalue < 1e-9


def test_the_same_seed_gives_the_same_path() -> None:
    first, again, other = (simulate_hawkes(TWO, 50.0, rng=np.random.default_rng(s)) for s in (9, 9, 10))
    for of, same in zip(first, again, strict=True):
        np.testing.assert_array_equal(of, same)
        assert (np.diff(of) > 0).all()
    assert len(first[0]) != len(other[0]) or (first[0] != other[0]).any()


def test_a_process_that_grows_without_end_is_told() -> None:
    wild = Hawkes(1.0, 1.2, 1.0)
    assert wild.branching_ratio == pytest.approx(1.2)
    assert not wild.is_stationary
    with pytest.raises(ModelError, match="not stationary"):
        wild.mean_intensity()
    with pytest.raises(ModelError, match="too many arrivals"):
        simulate_hawkes(wild, 1_000.0, rng=np.random.default_rng(11), most=2_000)


def test_stability_is_told_by_the_largest_eigenvalue() -> None:
    # Each kind causes 0.9 of the other and none of its own: eigenvalues ± 0.9.
    crossed = Hawkes([1.0, 1.0], [[0.0, 0.9], [0.9, 0.0]], 1.0)
    assert crossed.branching_ratio == pytest.approx(0.9)
    np.testing.assert_allclose(crossed.mean_intensity(), [10.0, 10.0])


def test_what_makes_no_process_is_refused() -> None:
    with pytest.raises(ConfigError, match="fit together"):
        Hawkes([1.0, 1.0], [[0.1]], 1.0)
    with pytest.raises(ConfigError, match="branching out of range"):
        Hawkes(1.0, -0.1, 1.0)
    with pytest.raises(ConfigError, match="decay out of range"):
        Hawkes(1.0, 0.1, 0.0)
    with pytest.raises(ConfigError, match="column of arrivals"):
        ONE.residuals(np.array([1.0, 2.0]))  # type: ignore[arg-type]  # a column in place of a list of them
    with pytest.raises(DataError, match="out of order"):
        ONE.residuals([[2.0, 1.0]])
    with pytest.raises(DataError, match="outside"):
        hawkes_log_likelihood(ONE, [[1.0, 3.0]], 2.0)
    with pytest.raises(ModelError, match="too few"):
        fit_hawkes([[1.0, 2.0]], 3.0)
    with pytest.raises(ModelError, match="one kind only"):
        TWO.count_variance(1.0)


def test_a_fit_of_independent_arrivals_finds_next_to_no_branching() -> None:
    rng = np.random.default_rng(12)
    arrivals = np.sort(rng.uniform(0.0, 1_000.0, 2_000))
    fit = fit_hawkes([arrivals], 1_000.0)
    assert fit.model.branching_ratio < 0.15
    poisson = hawkes_log_likelihood(Hawkes(2.0, 0.0, 1.0), [arrivals], 1_000.0)
    # Two parameters more, of which one means nothing: 15 is far in the tail.
    assert 0.0 <= 2.0 * (fit.log_likelihood - poisson) < 15.0


def test_arrivals_at_one_time_do_not_excite_each_other() -> None:
    arrivals = [np.array([1.0, 1.0, 2.0])]
    np.testing.assert_allclose(
        ONE.intensity([1.0, 2.0], arrivals)[0], [0.5, 0.5 + 2.0 * 0.6 * 2.0 * np.exp(-2.0)]
    )
