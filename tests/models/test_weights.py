"""Weights and covariances: against closed forms, scikit-learn, skfolio, and conditions of optimality."""

from typing import Any

import numpy as np
import pytest
from sklearn.covariance import ledoit_wolf

from omni_lab.data import Bars
from omni_lab.data.sources import get_source
from omni_lab.errors import ConfigError, ModelError, ShapeError
from omni_lab.models.covariance import ledoit_wolf_shrinkage, sample_covariance, shrunk_covariance
from omni_lab.models.cross_section import balanced, cross_sectional_z, tails
from omni_lab.models.weights import maximum_diversification, minimum_variance, risk_contributions, risk_parity
from omni_lab.typing import FloatArray


@pytest.fixture(scope="module")
def returns() -> FloatArray:
    source = get_source("skfolio")
    closes = Bars.from_frame(source.load(source.symbols()[:20])).close()
    return np.asarray(closes[1:] / closes[:-1] - 1.0)


def windows(returns: FloatArray) -> list[FloatArray]:
    return [shrunk_covariance(returns[at : at + 252], 0.05) for at in range(0, 8_000, 400)]


# ---- Covariance --------------------------------------------------------------------------------


@pytest.mark.parametrize("n_times", [15, 60, 1_000])
def test_shrinkage_is_that_of_scikit_learn(returns: FloatArray, n_times: int) -> None:
    theirs, delta = ledoit_wolf(returns[:n_times])
    assert ledoit_wolf_shrinkage(returns[:n_times]) == pytest.approx(delta, rel=1e-9)
    ours = shrunk_covariance(returns[:n_times]) * (n_times - 1) / n_times
    assert ours == pytest.approx(theirs, rel=1e-9)


def test_no_shrinkage_is_the_sample_and_all_of_it_a_multiple_of_the_identity(returns: FloatArray) -> None:
    assert sample_covariance(returns) == pytest.approx(np.cov(returns.T), rel=1e-9)
    assert shrunk_covariance(returns, 0.0) == pytest.approx(np.cov(returns.T), rel=1e-9)
    assert shrunk_covariance(returns, 1) == pytest.approx(np.cov(returns.T).trace() / 20 * np.eye(20))
    wrong: Any
    for wrong in (-0.1, 1.1, "lw", None):
        with pytest.raises(ConfigError, match="unknown shrinkage"):
            shrunk_covariance(returns, wrong)
    with pytest.raises(ShapeError, match="two rows or more"):
        sample_covariance(returns[:1])


# ---- Weights -----------------------------------------------------------------------------------


def test_uncorrelated_assets_have_closed_forms() -> None:
    volatility = np.array([0.1, 0.2, 0.4])
    sigma = np.diag(volatility**2)
    inverse, squared = 1 / volatility, 1 / volatility**2
    assert minimum_variance(sigma) == pytest.approx(squared / squared.sum())
    assert risk_parity(sigma) == pytest.approx(inverse / inverse.sum())
    assert maximum_diversification(sigma) == pytest.approx(inverse / inverse.sum())
    # With budgets b the weights are proportional to √b / σ.
    budgets = np.array([1.0, 4.0, 9.0])
    assert risk_parity(sigma, budgets) == pytest.approx(
        np.sqrt(budgets) * inverse / (np.sqrt(budgets) @ inverse)
    )


def test_two_assets_have_a_closed_form() -> None:
    sigma = np.array([[0.04, 0.01], [0.01, 0.09]])
    assert minimum_variance(sigma) == pytest.approx(np.array([0.08, 0.03]) / 0.11)
    # Their covariance is above the smaller variance: the other one would be sold, if that were allowed.
    assert minimum_variance([[0.04, 0.05], [0.05, 0.09]]).tolist() == [1.0, 0.0]


def test_weights_fulfil_the_conditions_of_their_problem_on_real_returns(returns: FloatArray) -> None:
    for sigma in windows(returns):
        held = minimum_variance(sigma)
        marginal = sigma @ held
        # Every asset held has the same marginal variance, and none outside has a smaller one.
        assert held.sum() == pytest.approx(1.0)
        assert held.min() >= 0
        assert marginal[held > 0] == pytest.approx(held @ marginal, rel=1e-8)
        assert (marginal >= (held @ marginal) * (1 - 1e-8)).all()
        assert risk_contributions(risk_parity(sigma), sigma) == pytest.approx(1 / 20, rel=1e-8)
        budgets = np.arange(1.0, 21.0)
        assert risk_contributions(risk_parity(sigma, budgets), sigma) == pytest.approx(
            budgets / 210, rel=1e-8
        )
        # Every asset held has the same correlation with the whole, and those outside a larger one.
        diverse = maximum_diversification(sigma)
        correlation = sigma @ diverse / np.sqrt(np.diag(sigma) * (diverse @ sigma @ diverse))
        assert correlation[diverse > 0] == pytest.approx(correlation.min(), rel=1e-8)


def test_weights_are_those_of_skfolio(returns: FloatArray) -> None:
    from skfolio.optimization import MaximumDiversification, MeanRisk, RiskBudgeting

    window = returns[-504:, :8]
    sigma = sample_covariance(window)
    for ours, theirs in (
        (minimum_variance, MeanRisk()),
        (risk_parity, RiskBudgeting()),
        (maximum_diversification, MaximumDiversification()),
    ):
        assert ours(sigma) == pytest.approx(theirs.fit(window).weights_, abs=3e-4)


def test_a_matrix_that_is_no_covariance_is_refused() -> None:
    with pytest.raises(ModelError, match="not positive definite"):
        minimum_variance([[1.0, 2.0], [2.0, 1.0]])
    with pytest.raises(ModelError, match="not symmetric"):
        risk_parity([[1.0, 0.5], [0.1, 1.0]])
    with pytest.raises(ShapeError, match="square"):
        maximum_diversification([[1.0, 0.5]])
    with pytest.raises(ShapeError, match="a budget for each"):
        risk_parity(np.eye(2), [1.0])
    with pytest.raises(ModelError, match="is positive"):
        risk_parity(np.eye(2), [1.0, 0.0])


# ---- Across instruments ------------------------------------------------------------------------


def test_z_scores_leave_out_what_is_not_known() -> None:
    assert cross_sectional_z([1.0, 2.0, 3.0, np.nan]).tolist()[:3] == [-1.0, 0.0, 1.0]
    assert np.isnan(cross_sectional_z([1.0, 2.0, 3.0, np.nan])[3])
    assert np.isnan(cross_sectional_z([1.0, np.nan])).all()
    assert cross_sectional_z([2.0, 2.0]).tolist() == [0.0, 0.0]
    assert cross_sectional_z([*[0.0] * 50, 100.0])[-1] == 3.0


def test_tails_are_the_highest_and_the_lowest() -> None:
    assert tails([0.3, 0.1, np.nan, 0.2, 0.0], 0.25).tolist() == [1, 0, 0, 0, -1]
    assert tails([0.3, 0.1, np.nan, 0.2, 0.0], 0.5).tolist() == [1, -1, 0, 1, -1]
    assert tails(np.arange(10.0), 0.3).sum() == 0
    assert tails(np.arange(10.0), 0.3).tolist() == [-1] * 3 + [0] * 4 + [1] * 3
    assert tails([1.0, np.nan], 0.5).tolist() == [0, 0]


def test_balanced_weights_are_half_long_and_half_short() -> None:
    assert balanced([3.0, 1.0, -2.0, np.nan], 1.0).tolist() == [0.375, 0.125, -0.5, 0.0]
    assert balanced([3.0, 1.0, -2.0], 2.0, long_only=True).tolist() == [1.5, 0.5, 0.0]
    assert balanced([1.0, 2.0], 1.0).tolist() == [0.0, 0.0]
    assert balanced([-1.0, -2.0], 1.0, long_only=True).tolist() == [0.0, 0.0]
