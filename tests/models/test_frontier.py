"""The frontier against closed forms, against the conditions of an optimum, and against the other models."""

import numpy as np
import pytest
from scipy.optimize import minimize

from omni_lab.errors import ConfigError, ModelError, ShapeError
from omni_lab.models.frontier import Frontier, efficient_frontier
from omni_lab.models.optimise import METHODS, weights_by
from omni_lab.models.weights import maximum_diversification, minimum_variance, risk_parity
from omni_lab.typing import FloatArray


def market(n: int, seed: int) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    loadings = rng.normal(size=(n, 3))
    covariance = loadings @ loadings.T * 0.01 + np.diag(rng.uniform(0.01, 0.05, n))
    return rng.normal(0.05, 0.04, n), covariance


def test_two_assets_come_to_the_textbook() -> None:
    mu, sigma = np.array([0.04, 0.10]), np.array([[0.01, 0.002], [0.002, 0.04]])
    found = efficient_frontier(mu, sigma)
    share = (0.04 - 0.002) / (0.01 + 0.04 - 2 * 0.002)
    np.testing.assert_allclose(found.minimum_variance, [share, 1 - share], rtol=1e-12)
    np.testing.assert_allclose(found.corners[-1], [0.0, 1.0], atol=1e-12)
    np.testing.assert_allclose(found.at([0.07]), [[0.5, 0.5]], rtol=1e-12)


def test_without_limits_the_best_ratio_is_the_tangency_portfolio() -> None:
    mu, sigma = market(6, 3)
    mu = np.abs(mu) + 0.01
    found = efficient_frontier(mu, sigma, lower=-50.0, upper=50.0)
    tangency = np.linalg.solve(sigma, mu - 0.005)
    np.testing.assert_allclose(found.maximum_sharpe(0.005), tangency / tangency.sum(), rtol=1e-8)
    inverse = np.linalg.inv(sigma)
    np.testing.assert_allclose(found.minimum_variance, inverse.sum(axis=0) / inverse.sum(), rtol=1e-8)


@pytest.mark.parametrize("seed", range(12))
def test_every_point_is_feasible_and_no_move_within_the_limits_makes_it_safer(seed: int) -> None:
    n = 4 + 3 * seed
    mu, sigma = market(n, seed)
    low, high = (-0.05, 0.4) if seed % 2 else (0.0, 0.3)
    found = efficient_frontier(mu, sigma, lower=low, upper=high)
    rows = found.points(25)
    np.testing.assert_allclose(rows.sum(axis=1), 1.0, rtol=1e-9)
    assert rows.min() >= low - 1e-12
    assert rows.max() <= high + 1e-12
    assert (np.diff(found.volatility(rows)) > -1e-12).all()
    for weights in rows[1:-1]:
        # A multiplier for the budget and one for the return explain the gradient wherever there is room.
        inside = (weights > low + 1e-7) & (weights < high - 1e-7)
        gradient = sigma @ weights
        sides = np.column_stack([np.ones(n), mu])
        if inside.sum() < 2:
            continue
        price = np.linalg.lstsq(sides[inside], gradient[inside], rcond=None)[0]
        left = gradient - sides @ price
        assert np.abs(left[inside]).max() < 1e-7
        assert left[weights <= low + 1e-7].min(initial=0.0) > -1e-7
        assert left[weights >= high - 1e-7].max(initial=0.0) < 1e-7


def test_the_safest_portfolio_is_that_of_the_other_model() -> None:
    mu, sigma = market(15, 8)
    np.testing.assert_allclose(
        efficient_frontier(mu, sigma).minimum_variance, minimum_variance(sigma), atol=1e-8
    )


def test_a_general_optimiser_finds_nothing_better() -> None:
    mu, sigma = market(8, 21)
    found = efficient_frontier(mu, sigma, lower=0.02, upper=0.35)
    best = found.maximum_sharpe(0.01)

    def loss(weights: FloatArray) -> float:
        return float(-(weights @ mu - 0.01) / np.sqrt(weights @ sigma @ weights))

    other = minimize(
        loss,
        np.full(8, 1 / 8),
        bounds=[(0.02, 0.35)] * 8,
        constraints={"type": "eq", "fun": lambda weights: weights.sum() - 1.0},
        options={"ftol": 1e-14, "maxiter": 500},
    )
    assert loss(best) <= other.fun + 1e-9
    np.testing.assert_allclose(best, other.x, atol=1e-4)


def test_equal_expected_returns_leave_only_the_safest() -> None:
    _, sigma = market(5, 2)
    found = efficient_frontier(np.full(5, 0.03), sigma)
    np.testing.assert_allclose(found.points(3)[0], minimum_variance(sigma), atol=1e-6)


def test_limits_that_leave_one_portfolio_give_it() -> None:
    mu, sigma = market(4, 1)
    found = efficient_frontier(mu, sigma, lower=0.25, upper=0.25)
    np.testing.assert_allclose(found.points(2), 0.25)
    assert isinstance(found, Frontier)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"upper": 0.2}, "no weights within the limits sum to 1"),
        ({"lower": 0.5}, "no weights within the limits sum to 1"),
        ({"lower": 0.5, "upper": 0.4}, "above the upper one"),
        ({"upper": np.nan}, "are numbers"),
    ],
)
def test_limits_that_cannot_be_are_refused(arguments: dict[str, float], problem: str) -> None:
    mu, sigma = market(4, 1)
    with pytest.raises(ModelError, match=problem):
        efficient_frontier(mu, sigma, **arguments)


def test_shapes_and_hopeless_returns_are_refused() -> None:
    mu, sigma = market(4, 1)
    with pytest.raises(ShapeError, match="every asset"):
        efficient_frontier(mu[:3], sigma)
    with pytest.raises(ModelError, match="riskless"):
        efficient_frontier(-np.abs(mu), sigma).maximum_sharpe(0.01)


def test_methods_go_by_their_names() -> None:
    mu, sigma = market(6, 4)
    found = efficient_frontier(mu, sigma)
    by = {name: weights_by(name, found, target=float(mu.mean())) for name in METHODS}
    for weights in by.values():
        assert weights.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(by["risk_parity"], risk_parity(sigma))
    np.testing.assert_allclose(by["maximum_diversification"], maximum_diversification(sigma))
    np.testing.assert_allclose(by["minimum_variance"], minimum_variance(sigma), atol=1e-8)
    assert by["equal_weight"].tolist() == [1 / 6] * 6
    assert by["target_return"] @ mu == pytest.approx(max(mu.mean(), by["minimum_variance"] @ mu))


def test_methods_without_limits_are_refused_beyond_them() -> None:
    mu, sigma = market(6, 4)
    tight = efficient_frontier(mu, sigma, upper=0.17)
    assert weights_by("equal_weight", tight, upper=0.17).max() <= 0.17
    with pytest.raises(ModelError, match="beyond the limits"):
        weights_by("risk_parity", tight, upper=0.17)
    with pytest.raises(ConfigError, match="return to reach"):
        weights_by("target_return", tight)
    with pytest.raises(ConfigError, match="unknown method"):
        weights_by("luck", tight)
