"""Capacity under the square-root law, where it can be solved by hand."""

import math
from typing import Any

import numpy as np
import pytest

from omni_lab.errors import ConfigError, ShapeError
from omni_lab.portfolio.capacity import capacity

N = 1000
RETURNS = 0.001 + 0.01 * np.where(np.arange(N) % 2, 1.0, -1.0)


def every_day(**changed: Any) -> Any:
    """One fill a day: a tenth of the money, one millionth of the volume, volatility of 2%."""
    fills = {
        "step": np.arange(N),
        "weight": np.full(N, 0.1),
        "participation": np.full(N, 1e-6),
        "sigma": np.full(N, 0.02),
    }
    return capacity(RETURNS, 252, **{"initial_capital": 1e5, **fills, **changed})


def test_a_cost_that_is_the_same_every_day_is_solved_by_hand() -> None:
    found = every_day()
    # Each day costs 0.1 × 0.02 × √1e-6 = 2e-6 of the money, times the root of the size.
    assert found.zero_return == pytest.approx(1e5 * (0.001 / 2e-6) ** 2)
    # What is the same every day leaves the scatter as it is: half of the mean is half of the ratio.
    assert found.sharpe_half == pytest.approx(1e5 * (0.0005 / 2e-6) ** 2)
    assert found.participation == pytest.approx(1e5 * 0.1 / 1e-6)
    assert found.binding == found.sharpe_half
    assert found.sharpe == pytest.approx(0.001 / RETURNS.std(ddof=1) * math.sqrt(252))
    assert found.unknown == 0.0


def test_the_curves_pass_through_both_sizes() -> None:
    found = every_day()
    at = np.interp(np.log([found.sharpe_half, found.zero_return]), np.log(found.sizes), found.sharpe_by_size)
    assert at == pytest.approx([found.sharpe / 2, 0.0], abs=0.02)
    assert np.interp(found.zero_return, found.sizes, found.return_by_size) == pytest.approx(0.0, abs=2e-3)


def test_more_impact_leaves_less_and_costs_that_come_with_gains_are_borne_longer() -> None:
    assert every_day(impact=2.0).sharpe_half == pytest.approx(every_day().sharpe_half / 4)
    # Trading only on the days that gain narrows the scatter as size grows.
    half = np.arange(1, N, 2)
    gains = capacity(
        RETURNS,
        252,
        initial_capital=1e5,
        step=half,
        weight=np.full(N // 2, 0.2),
        participation=np.full(N // 2, 1e-6),
        sigma=np.full(N // 2, 0.02),
    )
    assert gains.zero_return == pytest.approx(every_day().zero_return)
    assert gains.sharpe_half > every_day().sharpe_half


def test_the_limit_binds_the_largest_fills() -> None:
    shares = np.full(N, 1e-6)
    shares[:20] = 1e-3
    assert every_day(participation=shares).participation == pytest.approx(1e5 * 0.1 / 1e-3)
    assert every_day(participation=shares, quantile=0.5).participation == pytest.approx(1e5 * 0.1 / 1e-6)


def test_fills_without_volume_are_left_out_and_told() -> None:
    shares = np.full(N, 1e-6)
    shares[: N // 4] = np.nan
    found = every_day(participation=shares)
    assert found.unknown == pytest.approx(0.25)
    assert found.zero_return == pytest.approx(1e5 * (0.001 / 1.5e-6) ** 2)


def test_what_loses_anyway_or_never_trades_has_no_capacity() -> None:
    losing = every_day(riskless=0.01)
    assert math.isnan(losing.sharpe_half)
    assert math.isnan(losing.zero_return)
    empty = np.empty(0)
    idle = every_day(step=empty, weight=empty, participation=empty, sigma=empty)
    assert math.isnan(idle.sharpe_half)
    assert math.isnan(idle.binding)


@pytest.mark.parametrize("wrong", [{"impact": 0.0}, {"limit": -0.1}, {"quantile": 1.5}])
def test_impossible_assumptions_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="positive number"):
        every_day(**wrong)


def test_columns_of_fills_must_agree() -> None:
    with pytest.raises(ShapeError, match="equally long"):
        every_day(sigma=np.ones(3))
