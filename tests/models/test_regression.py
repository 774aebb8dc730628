"""Least squares and the filter: against statsmodels, closed forms, and the joint distribution written out."""

import numpy as np
import pytest
from statsmodels.regression.linear_model import OLS
from statsmodels.regression.rolling import RollingOLS
from statsmodels.tools import add_constant

from omni_lab.errors import ConfigError, ModelError, ShapeError
from omni_lab.models.kalman import KalmanRegression, kalman_regression
from omni_lab.models.regression import fit_line, rolling_ols
from omni_lab.typing import FloatArray


def sample(n_times: int, n_regressors: int, *, seed: int = 0) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    x = np.cumsum(rng.standard_normal((n_times, n_regressors)), axis=0) + 50.0
    return 3.0 + x @ np.arange(1.0, n_regressors + 1) + rng.standard_normal(n_times), x


# ---- Least squares -----------------------------------------------------------------------------


@pytest.mark.parametrize("n_regressors", [1, 3])
def test_a_line_is_that_of_statsmodels(n_regressors: int) -> None:
    y, x = sample(60, n_regressors)
    theirs = OLS(y, add_constant(x)).fit()
    ours = fit_line(y, x)
    assert [ours.intercept, *ours.slopes] == pytest.approx(theirs.params.tolist(), rel=1e-9)
    assert ours.residuals == pytest.approx(theirs.resid, abs=1e-9)
    assert ours.scale == pytest.approx(np.std(theirs.resid, ddof=1))


@pytest.mark.parametrize("n_regressors", [1, 2])
def test_rolling_lines_are_those_of_statsmodels(n_regressors: int) -> None:
    y, x = sample(120, n_regressors)
    intercept, slopes = rolling_ols(y, x, 20)
    theirs = RollingOLS(y, add_constant(x), window=20).fit().params
    assert np.column_stack([intercept, slopes]) == pytest.approx(theirs, rel=1e-6, nan_ok=True)
    assert np.isnan(intercept[:19]).all()
    assert not np.isnan(intercept[19:]).any()


def test_a_window_that_determines_no_line_has_none() -> None:
    y, x = sample(30, 1)
    x[5:10] = 7.0
    y[20] = np.nan
    intercept, _ = rolling_ols(y, x, 5)
    assert np.flatnonzero(np.isnan(intercept)).tolist() == [0, 1, 2, 3, 9, 20, 21, 22, 23, 24]
    assert np.isnan(rolling_ols(y[:3], x[:3], 5)[0]).all()


def test_what_is_no_regression_is_refused() -> None:
    y, x = sample(30, 2)
    with pytest.raises(ShapeError, match="differ in length"):
        fit_line(y, x[1:])
    with pytest.raises(ModelError, match="too few rows"):
        fit_line(y[:3], x[:3])
    with pytest.raises(ModelError, match="do not determine a line"):
        fit_line(y, np.column_stack([x[:, 0], 2 * x[:, 0]]))
    with pytest.raises(ConfigError, match="too short"):
        rolling_ols(y, x, 3)


# ---- The filter --------------------------------------------------------------------------------


def posterior(y: FloatArray, x: FloatArray, q: float, prior: float) -> tuple[FloatArray, FloatArray]:
    """Mean and covariance of the last coefficients, by conditioning one large normal distribution."""
    n_times, k = x.shape
    among = np.minimum.outer(np.arange(n_times), np.arange(n_times))
    states = np.kron(prior + q * among, np.eye(k))
    observe = np.zeros((n_times, n_times * k))
    for t in range(n_times):
        observe[t, t * k : (t + 1) * k] = x[t]
    seen = observe @ states @ observe.T + np.eye(n_times)
    gain = np.linalg.solve(seen, observe @ states).T
    return (gain @ y)[-k:], (states - gain @ observe @ states)[-k:, -k:]


@pytest.mark.parametrize("q", [0.0, 1e-3, 0.5])
def test_the_filter_is_the_conditional_distribution(q: float) -> None:
    y, x = sample(25, 2, seed=1)
    x = np.column_stack([np.ones(25), x - 50.0])
    for n_times in (1, 2, 10, 25):
        model = KalmanRegression(3, state_ratio=q, prior_ratio=4.0)
        for value, row in zip(y[:n_times], x[:n_times], strict=True):
            model.update(value, row)
        mean, covariance = posterior(y[:n_times], x[:n_times], q, 4.0)
        assert model.coefficients == pytest.approx(mean, rel=1e-8, abs=1e-10)
        assert model.covariance == pytest.approx(covariance, rel=1e-7, abs=1e-10)


def test_still_coefficients_are_least_squares_so_far() -> None:
    y, x = sample(80, 1, seed=2)
    x = np.column_stack([np.ones(80), x - 50.0])
    path = kalman_regression(y, x, state_ratio=0.0, prior_ratio=1e9)
    for step in (9, 40, 79):
        assert path.coefficients[step] == pytest.approx(
            OLS(y[: step + 1], x[: step + 1]).fit().params, rel=1e-5
        )
    # Recursive residuals have the variance of the noise (Brown, Durbin and Evans, 1975).
    assert path.noise == pytest.approx(OLS(y, x).fit().scale, rel=1e-5)


def test_it_follows_a_coefficient_that_moves() -> None:
    rng = np.random.default_rng(3)
    x = np.column_stack([np.ones(600), rng.standard_normal(600)])
    beta = np.where(np.arange(600) < 300, 1.0, 2.0)
    y = beta * x[:, 1] + 0.1 * rng.standard_normal(600)
    path = kalman_regression(y, x, state_ratio=1e-2)
    assert path.coefficients[[299, 599], 1] == pytest.approx([1.0, 2.0], abs=0.1)
    # It knows only what it has seen.
    assert kalman_regression(y[:400], x[:400], state_ratio=1e-2).coefficients.tolist() == (
        path.coefficients[:400].tolist()
    )


def test_what_is_no_filter_is_refused() -> None:
    with pytest.raises(ConfigError, match="not negative"):
        KalmanRegression(2, state_ratio=-1.0)
    with pytest.raises(ConfigError, match="has a coefficient"):
        KalmanRegression(0)
    with pytest.raises(ShapeError, match="differ in length"):
        kalman_regression([1.0], np.ones((2, 1)))
