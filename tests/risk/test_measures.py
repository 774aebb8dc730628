"""Drawdowns and liquidity: numbers by hand, skfolio's measures, closed forms."""

import math

import numpy as np
import pytest

from omni_lab.errors import ConfigError, DataError, ShapeError
from omni_lab.portfolio import performance
from omni_lab.risk import (
    days_to_liquidate,
    drawdown_measures,
    liquidation_schedule,
    liquidation_var,
    normal_components,
    spread_cost,
)
from omni_lab.typing import FloatArray


def equity(n: int = 1000) -> FloatArray:
    return np.asarray(100.0 * np.cumprod(1.0 + 0.01 * np.random.default_rng(2).standard_t(5, n) + 0.0005))


def test_drawdowns_by_hand() -> None:
    found = drawdown_measures(
        [110.0, 99.0, 88.0, 110.0, 120.0, 108.0], 100.0, periods_per_year=6, confidence=0.7
    )
    assert found.max_drawdown == pytest.approx(0.2)
    assert found.average_drawdown == pytest.approx((0.2 + 0.1) / 2)
    assert found.pain_index == pytest.approx((0.1 + 0.2 + 0.1) / 6)
    assert found.ulcer_index == pytest.approx(math.sqrt((0.01 + 0.04 + 0.01) / 6))
    assert found.cdar == pytest.approx((0.2 + 0.8 * 0.1) / 1.8)  # the worst 1.8 of six
    assert found.time_under_water == pytest.approx(0.5)
    assert (found.longest, found.n_falls) == (3, 2)
    assert found.annual_return == pytest.approx(0.08)
    assert found.calmar_ratio == pytest.approx(0.4)
    assert found.pain_ratio == pytest.approx(0.08 / found.pain_index)
    assert found.martin_ratio == pytest.approx(0.08 / found.ulcer_index)


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.999])
def test_drawdowns_are_those_of_skfolio(confidence: float) -> None:
    from skfolio import measures

    curve = equity()
    found = drawdown_measures(curve, 100.0, periods_per_year=252, confidence=confidence)
    drops = -performance.drawdown(curve, 100.0)
    assert found.max_drawdown == pytest.approx(float(measures.max_drawdown(-drops)))
    assert found.pain_index == pytest.approx(float(measures.average_drawdown(-drops)))
    assert found.ulcer_index == pytest.approx(float(measures.ulcer_index(-drops)))
    assert found.cdar == pytest.approx(float(measures.cdar(-drops, beta=confidence)))


def test_drawdowns_are_those_of_the_performance_report() -> None:
    curve = equity()
    found = drawdown_measures(curve, 100.0, periods_per_year=252)
    assert found.calmar_ratio == pytest.approx(performance.calmar_ratio(curve, 100.0, 252))
    assert found.max_drawdown == pytest.approx(-performance.max_drawdown(curve, 100.0))
    assert found.time_under_water == pytest.approx(performance.time_under_water(curve, 100.0))
    assert found.longest == performance.max_drawdown_length(curve, 100.0)


def test_a_curve_that_never_falls_has_no_ratio() -> None:
    found = drawdown_measures([101.0, 102.0, 103.0], 100.0, periods_per_year=252)
    assert (found.max_drawdown, found.average_drawdown, found.cdar, found.n_falls) == (0.0, 0.0, 0.0, 0)
    assert math.isnan(found.calmar_ratio)
    assert drawdown_measures([50.0, -1.0], 100.0, periods_per_year=1).annual_return == -1.0


def test_odd_curves_are_refused() -> None:
    with pytest.raises(ShapeError):
        drawdown_measures([], 100.0, periods_per_year=252)
    with pytest.raises(DataError):
        drawdown_measures([1.0, math.nan], 1.0, periods_per_year=252)
    with pytest.raises(ConfigError, match="capital"):
        drawdown_measures([1.0], 0.0, periods_per_year=252)
    with pytest.raises(ConfigError, match="periods_per_year"):
        drawdown_measures([1.0], 1.0, periods_per_year=0.0)


# --- liquidity ------------------------------------------------------------------------------------


def test_the_spread_by_hand() -> None:
    cost = spread_cost([1e6, -2e6], [0.001, 0.002], [0.0002, 0.001], multiplier=3.0)
    assert cost == pytest.approx([0.5e6 * 0.0016, 1e6 * 0.005])


def test_days_at_a_part_of_the_volume() -> None:
    days = days_to_liquidate([1000.0, -500.0, 10.0, 0.0], [2000.0, 1e6, 0.0, 0.0], 0.1)
    assert days.tolist() == [5.0, 0.005, math.inf, 0.0]


def test_a_schedule_sells_equal_parts() -> None:
    held = liquidation_schedule([4.0, 1.2, 0.0])
    assert held[:, 0] == pytest.approx([1.0, 0.75, 0.5, 0.25])
    assert held[:, 1] == pytest.approx([1.0, 0.5, 0.0, 0.0])
    assert held[:, 2].tolist() == [0.0] * 4


@pytest.mark.parametrize("days", [1, 2, 10, 250])
def test_one_position_sold_off_is_jorions_formula(days: int) -> None:
    alone = normal_components([1e6], [[4e-4]])
    var, es = liquidation_var([1e6], [[4e-4]], [float(days)])
    factor = math.sqrt((days + 1) * (2 * days + 1) / (6 * days))
    assert var == pytest.approx(factor * alone.var.total)
    assert es == pytest.approx(factor * alone.es.total)


def test_a_hedge_that_is_gone_sooner_leaves_the_rest_alone() -> None:
    covariance = np.array([[4e-4, 3.8e-4], [3.8e-4, 4e-4]])
    together, _ = liquidation_var([1e6, -1e6], covariance, [10.0, 10.0])
    apart, _ = liquidation_var([1e6, -1e6], covariance, [10.0, 1.0])
    assert apart > 2.0 * together
    held = np.array([[1.0, 1.0], [0.5, 0.0]]) * [1e6, -1e6]
    days = math.sqrt(sum(row @ covariance @ row for row in held))
    assert liquidation_var([1e6, -1e6], covariance, [2.0, 1.0])[0] == pytest.approx(2.3263478740 * days)


def test_odd_positions_are_refused() -> None:
    with pytest.raises(DataError, match="cannot be sold"):
        liquidation_var([1.0], [[1.0]], [math.inf])
    with pytest.raises(ConfigError, match="participation"):
        days_to_liquidate([1.0], [1.0], 1.5)
    with pytest.raises(DataError, match="negative"):
        days_to_liquidate([1.0], [-1.0])
    with pytest.raises(DataError, match="negative"):
        spread_cost([1.0], [-0.1], [0.1])
    with pytest.raises(ConfigError, match="multiplier"):
        spread_cost([1.0], [0.1], [0.1], multiplier=-1.0)
    with pytest.raises(ShapeError, match="so many days"):
        liquidation_var([1.0, 1.0], np.eye(2), [1.0])
