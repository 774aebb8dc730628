"""Costs of schedules against published numbers, closed forms and optimisers; round trips that must cost."""

import numpy as np
import pytest
from scipy.integrate import dblquad
from scipy.optimize import minimize

from omni_lab.errors import ConfigError, ModelError, ShapeError
from omni_lab.models import (
    AlmgrenChriss,
    Decay,
    ExponentialDecay,
    PowerDecay,
    linear_cost,
    linear_impact,
    optimal_trades,
    rates_cost,
    square_root_cost,
    square_root_impact,
    trades_cost,
)
from omni_lab.typing import FloatArray

# Almgren and Chriss (2000), table 1: a million shares in five days.
PAPER = AlmgrenChriss(sigma=0.95, permanent=2.5e-7, temporary=2.5e-6, half_spread=0.0625, step=1.0)
SHARES, DAYS, AVERSION = 1e6, 5, 1e-6

DECAYS: list[Decay] = [ExponentialDecay(0.7), PowerDecay(0.4, 0.5), PowerDecay(0.6, 0.01)]


# --- one order ----------------------------------------------------------------------------------------------


def test_impact_of_one_order_by_hand() -> None:
    np.testing.assert_allclose(linear_impact([100.0, -50.0], slope=0.02), [2.0, -1.0])
    np.testing.assert_allclose(linear_cost([100.0, -50.0], slope=0.02), [100.0, 25.0])
    # 1% of the volume at 2 of volatility: a tenth of it.
    np.testing.assert_allclose(square_root_impact([1e4, -1e4], sigma=2.0, volume=1e6), [0.2, -0.2])


def test_the_square_root_costs_the_integral_of_its_impact() -> None:
    q = np.linspace(0.0, 1e4, 200_001)
    path = square_root_impact(q, sigma=2.0, volume=1e6, coefficient=0.8)
    expected = np.trapezoid(path, q)
    assert square_root_cost(-1e4, sigma=2.0, volume=1e6, coefficient=0.8) == pytest.approx(expected, rel=1e-6)


# --- Almgren and Chriss -------------------------------------------------------------------------------------


def test_urgency_is_that_of_the_paper() -> None:
    # "κ ≈ 0.61/day", a half-life of 1.6 days.
    assert PAPER.urgency(AVERSION) == pytest.approx(0.61, abs=0.005)
    assert 1.0 / PAPER.urgency(AVERSION) == pytest.approx(1.6, abs=0.05)


def test_cost_and_variance_by_walking_through_the_trades() -> None:
    trades = np.array([4e5, -1e5, 3e5, 4e5])
    price, cash, left, variance = 0.0, 0.0, trades.sum(), 0.0
    for n in trades:
        # Sold at the price before its own permanent impact, less half a spread and temporary impact.
        cash += n * (price - PAPER.temporary * n) - PAPER.half_spread * abs(n)
        price -= PAPER.permanent * n
        left -= n
        variance += PAPER.sigma**2 * left**2
    assert PAPER.expected_cost(trades) == pytest.approx(-cash)
    assert PAPER.variance(trades) == pytest.approx(variance)


@pytest.mark.parametrize("step", [1.0, 0.25])
@pytest.mark.parametrize("aversion", [1e-7, 1e-6, 1e-5])
def test_closed_forms_are_the_sums_over_the_optimal_trades(step: float, aversion: float) -> None:
    market = AlmgrenChriss(sigma=0.95, permanent=2.5e-7, temporary=2.5e-6, half_spread=0.0625, step=step)
    trades = market.optimal_trades(SHARES, 20, aversion)
    assert trades.sum() == pytest.approx(SHARES)
    assert market.optimal_cost(SHARES, 20, aversion) == pytest.approx(market.expected_cost(trades), rel=1e-12)
    assert market.optimal_variance(SHARES, 20, aversion) == pytest.approx(market.variance(trades), rel=1e-9)


def test_no_other_trades_do_better() -> None:
    def objective(first: FloatArray) -> float:
        trades = np.append(first, 1.0 - first.sum()) * SHARES
        return PAPER.expected_cost(trades) + AVERSION * PAPER.variance(trades)

    found = minimize(objective, np.full(DAYS - 1, 1.0 / DAYS), method="BFGS", options={"gtol": 1e-3}).x
    np.testing.assert_allclose(PAPER.optimal_trades(SHARES, DAYS, AVERSION)[:-1] / SHARES, found, atol=1e-5)


def test_without_aversion_trades_are_even() -> None:
    np.testing.assert_allclose(PAPER.optimal_trades(SHARES, DAYS, 0.0), SHARES / DAYS)
    even = PAPER.expected_cost(np.full(DAYS, SHARES / DAYS))
    assert PAPER.optimal_cost(SHARES, DAYS, 0.0) == pytest.approx(even)
    assert PAPER.optimal_trades(SHARES, DAYS, 1e3)[0] == pytest.approx(SHARES)  # and at once with very much


def test_round_trips_cost_money_with_linear_impact() -> None:
    rng = np.random.default_rng(1)
    free = AlmgrenChriss(sigma=1.0, permanent=1.0, temporary=0.501, step=1.0)
    for _ in range(200):
        trades = rng.standard_normal(8)
        assert free.expected_cost(trades - trades.mean()) > 0.0


def test_a_market_in_which_splitting_gains_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="outweighs"):
        AlmgrenChriss(sigma=1.0, permanent=1.0, temporary=0.5)


# --- impact that fades --------------------------------------------------------------------------------------


@pytest.mark.parametrize("decay", [*DECAYS, PowerDecay(0.3)])
def test_double_integrals_are_those_of_quadrature(decay: Decay) -> None:
    # From above the singular diagonal, so that the plain rule can follow.
    whole = float(decay.twice_integrated(np.array(3.0)))
    part = dblquad(lambda s, t: float(decay(np.array(s))), 0.0, 3.0, 0.0, lambda t: t)[0]
    assert whole == pytest.approx(part, rel=1e-6)


@pytest.mark.parametrize("decay", DECAYS)
def test_cost_by_walking_through_the_trades(decay: Decay) -> None:
    times, trades = np.array([0.0, 0.4, 1.5, 2.0]), np.array([3.0, -1.0, 2.0, 0.5])
    cost = 0.0
    for i, n in enumerate(trades):
        moved = sum(0.2 * trades[j] * float(decay(np.array(times[i] - times[j]))) for j in range(i))
        cost += n * (moved + 0.2 * n * float(decay(np.array(0.0))) / 2.0)
    assert trades_cost(times, trades, decay, slope=0.2) == pytest.approx(cost)


def test_many_small_trades_are_a_rate() -> None:
    decay = ExponentialDecay(0.7)
    edges, rates = np.array([0.0, 1.0, 1.5, 3.0]), np.array([2.0, -1.0, 0.5])
    times = (np.arange(3_000) + 0.5) / 1_000.0
    small = rates[np.searchsorted(edges, times) - 1] / 1_000.0
    assert rates_cost(edges, rates, decay) == pytest.approx(trades_cost(times, small, decay), rel=1e-3)


def test_optimal_trades_in_a_book_that_refills_have_a_closed_form() -> None:
    # Alfonsi, Fruth and Schied (2008): the same at both ends, a constant part of it between.
    n, rho, step = 11, 0.7, 0.3
    kept = np.exp(-rho * step)
    ends = 100.0 / (2.0 + (n - 2) * (1.0 - kept))
    expected = np.full(n, ends * (1.0 - kept))
    expected[[0, -1]] = ends
    np.testing.assert_allclose(optimal_trades(np.arange(n) * step, 100.0, ExponentialDecay(rho)), expected)
    # Obizhaeva and Wang's limit of many trades: X / (ρT + 2) at both ends.
    many = optimal_trades(np.linspace(0.0, 3.0, 1_001), 100.0, ExponentialDecay(rho))
    assert many[0] == pytest.approx(100.0 / (rho * 3.0 + 2.0), rel=2e-3)


@pytest.mark.parametrize("decay", DECAYS)
def test_no_other_trades_cost_less(decay: Decay) -> None:
    rng = np.random.default_rng(2)
    times = np.array([0.0, 0.3, 1.0, 1.2, 2.5])
    best = optimal_trades(times, 10.0, decay)
    assert best.sum() == pytest.approx(10.0)
    assert (best > 0).all()
    for _ in range(50):
        away = rng.standard_normal(5)
        assert trades_cost(times, best + away - away.mean(), decay) > trades_cost(times, best, decay)


@pytest.mark.parametrize("decay", [*DECAYS, PowerDecay(0.2)])
def test_no_round_trip_gains_with_linear_impact(decay: Decay) -> None:
    rng = np.random.default_rng(3)
    for _ in range(100):
        edges = np.concatenate(([0.0], np.cumsum(rng.exponential(1.0, 6))))
        rates = rng.standard_normal(6)
        rates[-1] = -(rates[:-1] @ np.diff(edges)[:-1]) / np.diff(edges)[-1]
        assert rates_cost(edges, rates, decay) > 0.0


def cheapest_round_trip(decay: Decay, power: float) -> float:
    """Buy at one rate, sell as much at another: the least cost over many pairs of rates."""

    def cost(ratio: float) -> float:
        edges = np.array([0.0, 1.0, 1.0 + ratio])
        return rates_cost(
            edges, np.array([1.0, -1.0 / ratio]), decay, impact=lambda v: np.sign(v) * np.abs(v) ** power
        )

    return min(cost(ratio) for ratio in np.geomspace(1e-4, 1e4, 200))


def test_what_gatheral_says_of_round_trips() -> None:
    # Exponential decay allows linear impact only...
    assert cheapest_round_trip(ExponentialDecay(1.0), 1.0) > 0.0
    assert cheapest_round_trip(ExponentialDecay(1.0), 0.5) < -1e-3
    # ...and the square root needs a decay with an exponent of at least a half.
    assert cheapest_round_trip(PowerDecay(0.3), 0.5) < -1e-3
    assert cheapest_round_trip(PowerDecay(0.5), 0.5) > 0.0
    assert cheapest_round_trip(PowerDecay(0.6), 0.6) > 0.0


def test_what_has_no_cost_is_refused() -> None:
    with pytest.raises(ModelError, match="infinite"):
        trades_cost([0.0, 1.0], [1.0, -1.0], PowerDecay(0.5))
    with pytest.raises(ConfigError, match="exponent"):
        PowerDecay(1.0)
    with pytest.raises(ShapeError, match="interval has a rate"):
        rates_cost([0.0, 1.0], [1.0, 2.0], ExponentialDecay(1.0))
    with pytest.raises(ConfigError, match="volume"):
        square_root_impact(1.0, sigma=1.0, volume=0.0)
