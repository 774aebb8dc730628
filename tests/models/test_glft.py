"""Exact quotes against the equation they solve, against chance, and the closed form far from the end."""

import numpy as np
import pytest
from scipy.linalg import eigh_tridiagonal, expm

from omni_lab.errors import ConfigError
from omni_lab.models import Glft, QuotingMarket, simulate_quoting
from omni_lab.typing import FloatArray

BASE = {"A": 0.9, "k": 0.3, "sigma": 0.3, "gamma": 0.01}
XIS = [None, 0.0, 0.2]


def eta(dealer: Glft) -> float:
    """A (1 + ξΔ/k)^−(1 + k/(ξΔ)), written as in the paper."""
    x = (dealer.gamma if dealer.xi is None else dealer.xi) * dealer.lot / dealer.k
    return dealer.A * (1.0 + x) ** -(1.0 + 1.0 / x) if x else dealer.A / float(np.e)


def test_constants_are_those_of_the_paper() -> None:
    # Model A with lots of one is the original: Guéant, Lehalle, Fernandez-Tapia (2013), section 4.
    dealer = Glft(**BASE)
    g, k, s, a = BASE["gamma"], BASE["k"], BASE["sigma"], BASE["A"]
    root = np.sqrt(s * s * g / (2.0 * k * a) * (1.0 + g / k) ** (1.0 + k / g))
    bid, ask = dealer.depths(0.0, np.array([0.0, 1.0, -3.0]))
    np.testing.assert_allclose(
        bid, np.log1p(g / k) / g + (2.0 * np.array([0.0, 1.0, -3.0]) + 1.0) / 2.0 * root
    )
    np.testing.assert_allclose(
        ask, np.log1p(g / k) / g - (2.0 * np.array([0.0, 1.0, -3.0]) - 1.0) / 2.0 * root
    )


def test_no_aversion_to_fills_is_the_limit_of_little() -> None:
    none, little = Glft(**BASE, xi=0.0), Glft(**BASE, xi=1e-7)
    assert none.half_spread == pytest.approx(little.half_spread, rel=1e-6)
    assert none.skew == pytest.approx(little.skew, rel=1e-6)
    assert none.c1 == 1.0 / BASE["k"]


def test_a_lot_of_many_units_is_a_change_of_units() -> None:
    # Ten units a lot with prices for each unit is one unit worth ten times as much.
    tens = Glft(A=0.9, k=0.3, sigma=0.3, gamma=0.01, lot=10.0)
    ones = Glft(A=0.9, k=0.03, sigma=3.0, gamma=0.01)
    assert tens.half_spread * 10.0 == pytest.approx(ones.half_spread)
    assert tens.skew * 100.0 == pytest.approx(ones.skew)
    many = tens.solve(60.0, n_steps=2, most_lots=5)
    few = ones.solve(60.0, n_steps=2, most_lots=5)
    np.testing.assert_allclose(many.value, few.value, rtol=1e-12)
    np.testing.assert_allclose(many.bid_depth[:, :-1] * 10.0, few.bid_depth[:, :-1], rtol=1e-12)


@pytest.mark.parametrize("xi", XIS)
@pytest.mark.parametrize("lot", [1.0, 2.5])
def test_exact_values_are_the_matrix_exponential(xi: float | None, lot: float) -> None:
    dealer = Glft(**BASE, xi=xi, lot=lot)
    solution = dealer.solve(8.0, n_steps=4, most_lots=4)
    n = np.arange(-4.0, 5.0)
    alpha = dealer.k * dealer.gamma * dealer.sigma**2 * lot / 2.0
    matrix = np.diag(alpha * n**2) - eta(dealer) * (np.eye(9, k=1) + np.eye(9, k=-1))
    for step, left in enumerate([8.0, 6.0, 4.0, 2.0, 0.0]):
        value = expm(-matrix * left) @ np.ones(9)
        np.testing.assert_allclose(
            solution.value[step], lot / dealer.k * np.log(value), rtol=1e-10, atol=1e-12
        )


@pytest.mark.parametrize("xi", XIS)
@pytest.mark.parametrize("lot", [1.0, 2.5])
def test_values_and_quotes_solve_the_bellman_equation(xi: float | None, lot: float) -> None:
    # By brute force over depths, and a difference over time: nothing of the derivation is used.
    dealer = Glft(**BASE, xi=xi, lot=lot)
    risk = dealer.gamma if xi is None else xi
    h = 0.01
    solution = dealer.solve(20.0, n_steps=2_000, most_lots=3)
    depth = np.linspace(-5.0, 25.0, 60_001)
    rate = dealer.A * np.exp(-dealer.k * depth)
    before, now, after = solution.value[999], solution.value[1_000], solution.value[1_001]

    def best(gain: float) -> tuple[float, float]:
        earned = lot * depth + gain
        each = rate * (-np.expm1(-risk * earned) / risk if risk else earned)
        return float(each.max()), float(depth[each.argmax()])

    for i, q in enumerate(solution.inventory):
        bid, at_bid = best(now[i + 1] - now[i]) if i < 6 else (0.0, np.inf)
        ask, at_ask = best(now[i - 1] - now[i]) if i > 0 else (0.0, np.inf)
        right = bid + ask - dealer.gamma * dealer.sigma**2 * q**2 / 2.0
        assert (before[i] - after[i]) / (2.0 * h) == pytest.approx(right, rel=1e-5)
        assert solution.bid_depth[1_000, i] == pytest.approx(at_bid, abs=1e-3)
        assert solution.ask_depth[1_000, i] == pytest.approx(at_ask, abs=1e-3)


def test_far_from_the_end_quotes_are_those_of_the_lowest_eigenvector() -> None:
    dealer = Glft(**BASE)
    solution = dealer.solve(3_600.0, n_steps=10, most_lots=30)
    n = np.arange(-30.0, 31.0)
    alpha = dealer.k * dealer.gamma * dealer.sigma**2 / 2.0
    _, lowest = eigh_tridiagonal(alpha * n**2, np.full(60, -eta(dealer)), select="i", select_range=(0, 0))
    f = np.abs(lowest[:, 0])
    near = slice(20, 41)
    bid = dealer.c1 + np.log(f[near] / f[21:42]) / dealer.k
    np.testing.assert_allclose(solution.bid_depth[0, near], bid, rtol=1e-9)


def test_the_closed_form_is_the_limit_of_little_inventory_risk() -> None:
    # It replaces differences by derivatives, which is right when a lot changes little: the error of the skew
    # falls with the square of the risk that a lot brings.
    errors, skews = [], []
    q = np.arange(-5.0, 6.0)
    for sigma in (0.3, 0.15, 0.075):
        dealer = Glft(A=0.9, k=0.3, sigma=sigma, gamma=0.01)
        exact = dealer.solve(40_000.0, n_steps=2, most_lots=60).depths(0.0, q)
        closed = dealer.depths(0.0, q)
        errors.append(float(np.abs(exact[0] - closed[0]).max()))
        skews.append(dealer.skew)
    assert errors[0] < 0.02 * skews[0]
    assert errors[1] < errors[0] / 3.5
    assert errors[2] < errors[1] / 3.5


def test_bids_mirror_asks_and_long_dealers_quote_lower() -> None:
    solution = Glft(**BASE).solve(600.0, n_steps=5, most_lots=6)
    np.testing.assert_allclose(solution.bid_depth, solution.ask_depth[:, ::-1], rtol=1e-9)
    assert (np.diff(solution.bid_depth[0, :-1]) > 0).all()
    assert np.isinf(solution.bid_depth[:, -1]).all()
    assert np.isinf(solution.ask_depth[:, 0]).all()
    # At the end nothing is left to fear.
    np.testing.assert_allclose(solution.bid_depth[-1, :-1], Glft(**BASE).c1, rtol=1e-12)


def test_the_value_is_the_certainty_equivalent_of_quoting_so() -> None:
    dealer = Glft(A=1.0, k=0.5, sigma=0.4, gamma=0.05)
    solution = dealer.solve(20.0, n_steps=2_000, most_lots=6)
    market = QuotingMarket(sigma=0.4, A=1.0, k=0.5, dt=0.01, horizon=20.0)
    runs = simulate_quoting(solution.depths, market, n_paths=4_000, rng=np.random.default_rng(11))
    utility = np.exp(-dealer.gamma * runs.profit)
    error = float(utility.std() / utility.mean()) / len(utility) ** 0.5 / dealer.gamma
    equivalent = -float(np.log(utility.mean())) / dealer.gamma
    # Steps in which nothing or one fill occurs differ from Poisson arrivals by about λ dt, half a percent.
    assert abs(equivalent - solution.value[0, 6]) < 4.0 * error + 0.005 * solution.value[0, 6]
    assert np.abs(runs.inventory).max() <= 6.0


def test_exact_quotes_earn_more_utility_than_others() -> None:
    dealer = Glft(A=1.0, k=0.5, sigma=2.0, gamma=0.05)
    solution = dealer.solve(20.0, n_steps=400, most_lots=6)
    market = QuotingMarket(sigma=2.0, A=1.0, k=0.5, dt=0.05, horizon=20.0)

    def symmetric(time: float, inventory: FloatArray) -> tuple[FloatArray, FloatArray]:
        half = np.full(len(inventory), dealer.half_spread)
        return half, half

    def equivalent(runs: FloatArray) -> float:
        return -float(np.log(np.exp(-dealer.gamma * runs).mean())) / dealer.gamma

    best = simulate_quoting(solution.depths, market, n_paths=4_000, rng=np.random.default_rng(2)).profit
    other = simulate_quoting(symmetric, market, n_paths=4_000, rng=np.random.default_rng(2)).profit
    assert equivalent(best) > equivalent(other) + 1.0


def test_what_cannot_be_solved_is_refused() -> None:
    with pytest.raises(ConfigError, match="xi must not be negative"):
        Glft(**BASE, xi=-0.1)
    with pytest.raises(ConfigError, match="beyond the largest"):
        Glft(**BASE).solve(10.0, n_steps=1, most_lots=3).depths(0.0, np.array([4.0]))
    with pytest.raises(ConfigError, match="beyond floats"):
        Glft(A=0.9, k=0.3, sigma=30.0, gamma=0.1).solve(3_600.0, n_steps=1, most_lots=100)
