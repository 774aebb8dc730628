"""The paper's tables come out again, within the errors of its thousand paths and of ours."""

import functools

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq

from omni_lab.errors import ConfigError
from omni_lab.models import (
    PAPER_MARKET,
    AvellanedaStoikov,
    QuotingMarket,
    indifference_prices,
    indifference_prices_infinite,
    simulate_quoting,
)
from omni_lab.typing import FloatArray

N_PAPER = 1_000
N_OURS = 20_000
N_SIGMA = 4.0

# Avellaneda and Stoikov (2008), section 3.3: gamma, strategy, then mean and deviation of the profit.
PROFITS = [
    (0.1, "inventory", 65.0, 6.6),
    (0.1, "symmetric", 68.4, 12.7),
    (0.01, "inventory", 68.6, 8.7),
    (0.01, "symmetric", 68.8, 12.8),
    (1.0, "inventory", 31.4, 5.0),
    (1.0, "symmetric", 44.0, 11.0),
]
# The same for the final inventory, gamma = 0.1.
INVENTORIES = [("inventory", 0.08, 2.9), ("symmetric", 0.26, 8.4)]


def model(gamma: float) -> AvellanedaStoikov:
    return AvellanedaStoikov(gamma=gamma, sigma=PAPER_MARKET.sigma, k=PAPER_MARKET.k)


@functools.cache
def summary(gamma: float, strategy: str, n_paths: int = N_OURS) -> dict[str, float]:
    dealer = model(gamma)
    rule = dealer.depths if strategy == "inventory" else dealer.symmetric(PAPER_MARKET.dt)
    return simulate_quoting(
        rule, PAPER_MARKET, n_paths=n_paths, rng=np.random.default_rng(20080401)
    ).summary()


@pytest.mark.parametrize(("gamma", "strategy", "mean", "sd"), PROFITS)
def test_profits_are_those_of_the_paper(gamma: float, strategy: str, mean: float, sd: float) -> None:
    ours = summary(gamma, strategy)
    both = (1.0 + N_OURS / N_PAPER) ** 0.5  # their errors are ours, times the root of the ratio of paths
    rounding = 0.05
    assert abs(ours["profit"] - mean) < N_SIGMA * both * ours["profit_error"] + rounding
    assert abs(ours["profit_sd"] - sd) < N_SIGMA * both * ours["profit_sd_error"] + rounding


@pytest.mark.parametrize(("strategy", "mean", "sd"), INVENTORIES)
def test_final_inventories_are_those_of_the_paper(strategy: str, mean: float, sd: float) -> None:
    ours = summary(0.1, strategy)
    error = sd * (1.0 / N_PAPER + 1.0 / N_OURS) ** 0.5
    assert abs(ours["inventory"] - mean) < N_SIGMA * error + 0.005
    assert abs(ours["inventory_sd"] - sd) < N_SIGMA * error / 2.0**0.5 + 0.05


def test_the_average_spread_is_that_of_the_paper() -> None:
    assert model(0.1).average_spread(0.005) == pytest.approx(1.49, abs=0.005)
    # The mean of T − t over the two hundred times is (T + dt) / 2.
    expected = 4.0 * (1.0 + 0.005) / 2.0 * 0.1 + 20.0 * np.log(1.0 + 0.1 / 1.5)
    assert model(0.1).average_spread(0.005) == pytest.approx(expected, rel=1e-12)


def test_the_paper_lets_quotes_cross_the_middle() -> None:
    dealer = model(1.0)

    def kept_apart(time: float, inventory: FloatArray) -> tuple[FloatArray, FloatArray]:
        bid, ask = dealer.depths(time, inventory)
        return np.maximum(bid, 0.0), np.maximum(ask, 0.0)

    other = simulate_quoting(kept_apart, PAPER_MARKET, n_paths=4_000, rng=np.random.default_rng(1)).summary()
    assert other["profit"] - 31.4 > 20.0 * 5.0 / N_PAPER**0.5


def test_the_symmetric_strategy_has_the_moments_of_its_closed_form() -> None:
    market, half = PAPER_MARKET, model(0.1).average_spread(PAPER_MARKET.dt) / 2.0
    p, n = market.A * np.exp(-market.k * half) * market.dt, market.n_steps
    step_variance = 2.0 * p * (1.0 - p)
    # Spread earned, and a walk held through by a walk.
    variance = n * step_variance * half**2 + market.sigma**2 * market.dt * step_variance * n * (n + 1) / 2.0
    ours = summary(0.1, "symmetric")
    assert abs(ours["profit"] - 2.0 * n * p * half) < N_SIGMA * ours["profit_error"]
    assert abs(ours["profit_sd"] - variance**0.5) < N_SIGMA * ours["profit_sd_error"]
    assert (
        abs(ours["inventory_sd"] - (n * step_variance) ** 0.5)
        < N_SIGMA * ours["inventory_sd"] / (2.0 * N_OURS) ** 0.5
    )


@pytest.mark.parametrize("gamma", [0.1, 1.0])
def test_the_inventory_strategy_agrees_with_its_markov_chain(gamma: float) -> None:
    # The inventory is a chain on its own: probabilities step by step, without chance.
    q = np.arange(-40.0, 41.0)
    at, profit, market, dealer = np.where(q == 0.0, 1.0, 0.0), 0.0, PAPER_MARKET, model(gamma)
    for step in range(market.n_steps):
        lean = gamma * market.sigma**2 * (1.0 - step * market.dt) * q
        half = dealer.average_spread(market.dt) / 2.0 + gamma * market.sigma**2 / 2.0 * (
            1.0 - step * market.dt - (1.0 + market.dt) / 2.0
        )
        bid, ask = half + lean, half - lean
        buys = np.minimum(market.A * market.dt * np.exp(-market.k * bid), 1.0)
        sells = np.minimum(market.A * market.dt * np.exp(-market.k * ask), 1.0)
        profit += float(at @ (buys * bid + sells * ask))
        up, down = at * buys * (1.0 - sells), at * sells * (1.0 - buys)
        at = at - up - down + np.roll(up, 1) + np.roll(down, -1)
    ours = summary(gamma, "inventory")
    assert abs(ours["profit"] - profit) < N_SIGMA * ours["profit_error"]
    spread = float(np.sqrt(at @ q**2))
    assert abs(ours["inventory_sd"] - spread) < N_SIGMA * spread / (2.0 * N_OURS) ** 0.5


def test_a_rule_without_quotes_earns_what_the_price_does() -> None:
    market = QuotingMarket(sigma=2.0, A=140.0, k=1.5, dt=0.01)
    never = simulate_quoting(
        lambda time, held: (np.full(len(held), np.inf), np.full(len(held), np.inf)),
        market,
        n_paths=500,
        rng=np.random.default_rng(3),
        inventory=2.0,
    )
    assert not never.n_bought.any()
    assert not never.n_sold.any()
    assert (never.inventory == 2.0).all()
    assert never.profit[0] == pytest.approx(2.0 * (never.first.mid[-1] - 100.0))
    assert never.profit.std() == pytest.approx(4.0, rel=0.15)


def test_the_first_path_adds_up() -> None:
    runs = simulate_quoting(model(0.1).depths, PAPER_MARKET, n_paths=3, rng=np.random.default_rng(5))
    path = runs.first
    assert path.inventory[-1] == runs.inventory[0] == runs.n_bought[0] - runs.n_sold[0]
    assert np.abs(np.diff(path.inventory)).max() <= 1.0
    spread = model(0.1).spread(path.time[:-1])
    np.testing.assert_allclose(path.ask - path.bid, spread, rtol=1e-9)
    centre = (path.ask + path.bid) / 2.0
    reservation = [
        float(model(0.1).reservation_price(mid, held, time))
        for mid, held, time in zip(path.mid, path.inventory, path.time, strict=True)
    ]
    np.testing.assert_allclose(centre, reservation[:-1], rtol=1e-12)


# --- indifference -------------------------------------------------------------------------------------------


def test_reservation_price_lies_half_way_between_the_prices_of_indifference() -> None:
    dealer = model(0.3)
    bid, ask = indifference_prices(100.0, 4.0, gamma=0.3, sigma=2.0, time_left=0.25)
    assert (bid + ask) / 2.0 == pytest.approx(dealer.reservation_price(100.0, 4.0, 0.75))
    assert ask - bid == pytest.approx(0.3 * 4.0 * 0.25)


@pytest.mark.parametrize("q", [-3.0, 0.0, 2.0])
def test_a_frozen_dealer_is_indifferent_at_the_price(q: float) -> None:
    gamma, sigma, left = 0.2, 1.5, 0.7

    def utility(cash: float, held: float) -> float:
        # Mean of −exp(−γ (x + q S)) over a normal price.
        width = sigma * left**0.5

        def weighted(z: float) -> float:
            return float(-np.exp(-gamma * (cash + held * (100.0 + width * z)) - z * z / 2.0))

        return float(quad(weighted, -12.0, 12.0)[0])

    bid, ask = indifference_prices(100.0, q, gamma=gamma, sigma=sigma, time_left=left)
    fair = -q * 100.0  # keeps exponents small
    assert utility(fair - float(bid), q + 1.0) == pytest.approx(utility(fair, q), rel=1e-9)
    assert utility(fair + float(ask), q - 1.0) == pytest.approx(utility(fair, q), rel=1e-9)


@pytest.mark.parametrize("q", [-2.0, 0.0, 1.0, 2.0])
def test_a_dealer_without_horizon_is_indifferent_at_the_price(q: float) -> None:
    gamma, sigma, most = 0.2, 1.5, 4.0
    omega = gamma**2 * sigma**2 * (most + 1.0) ** 2 / 2.0

    def utility(paid: float, held: float) -> float:
        # Discounted over all time; the price has moved with variance σ²t by then.
        def flow(t: float) -> float:
            return float(-np.exp(gamma * paid - omega * t + (gamma * held * sigma) ** 2 * t / 2.0))

        return float(quad(flow, 0.0, np.inf)[0])

    bid, ask = indifference_prices_infinite(0.0, q, gamma=gamma, sigma=sigma, most_inventory=most)
    found = brentq(lambda price: utility(price, q + 1.0) - utility(0.0, q), -20.0, 20.0)
    assert float(bid) == pytest.approx(found, abs=1e-6)
    found = brentq(lambda price: utility(-price, q - 1.0) - utility(0.0, q), -20.0, 20.0)
    assert float(ask) == pytest.approx(found, abs=1e-6)


def test_nothing_is_bought_beyond_the_largest_position() -> None:
    bid, ask = indifference_prices_infinite(100.0, [4.0, -4.0], gamma=0.1, sigma=2.0, most_inventory=4.0)
    assert bid[0] == -np.inf
    assert ask[1] == np.inf
    with pytest.raises(ConfigError, match="beyond the largest"):
        indifference_prices_infinite(100.0, 5.0, gamma=0.1, sigma=2.0, most_inventory=4.0)


@pytest.mark.parametrize("wrong", [{"gamma": 0.0}, {"sigma": -1.0}, {"k": float("nan")}, {"horizon": 0.0}])
def test_parameters_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="must be above 0"):
        AvellanedaStoikov(**{"gamma": 0.1, "sigma": 2.0, "k": 1.5, **wrong})


def test_a_market_without_a_step_is_refused() -> None:
    with pytest.raises(ConfigError, match="no step"):
        QuotingMarket(sigma=2.0, A=140.0, k=1.5, dt=3.0)
    with pytest.raises(ConfigError, match="paths"):
        simulate_quoting(model(0.1).depths, PAPER_MARKET, n_paths=0, rng=np.random.default_rng(1))
