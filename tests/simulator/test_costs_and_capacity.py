"""What other costs and more money would have made of a run: against running it so, and by hand."""

import math

import numpy as np
import pytest

from omni_lab.errors import ConfigError, DataError
from omni_lab.simulator import BacktestResults, EventSimulator, SimulationConfig
from omni_lab.simulator.capacity import volatility
from tests.simulator.market import flat_bars, random_bars

BARS = random_bars(300, seed=2)
TARGETS = 100.0 * np.sign(np.sin(np.arange(300) / 5.0))


def run(config: SimulationConfig) -> BacktestResults:
    return EventSimulator(config, count_trials=False).run_targets(BARS, TARGETS)


@pytest.mark.parametrize(
    "config",
    [
        SimulationConfig(commission_rate=0.0005, commission_per_share=0.01),
        SimulationConfig(slippage_ticks=2, commission_rate=0.0002, risk_free_rate=0.03),
    ],
)
def test_charging_the_fills_anew_is_running_anew_where_the_orders_are_the_same(
    config: SimulationConfig,
) -> None:
    results = run(config)
    kept = results.cost_sensitivity((0, 0.5, 1, 2, 4))
    again = results.cost_sensitivity((0, 0.5, 1, 2, 4), rerun=run)
    # Slippage is in the price, and the rate is charged on it: of the second order, and the only difference.
    assert kept.total_return == pytest.approx(again.total_return, abs=2e-6)
    assert kept.sharpe_ratio == pytest.approx(again.sharpe_ratio, abs=2e-4)
    assert kept.costs_paid == pytest.approx(again.costs_paid, rel=1e-3)
    assert (kept.rerun, again.rerun) == (False, True)
    assert kept.total_return[2] == pytest.approx(results["total_return"], rel=1e-12)
    assert kept.sharpe_ratio[2] == pytest.approx(results["sharpe_ratio"], rel=1e-12)
    assert kept.unit_bps == pytest.approx(1e4 * results["costs_paid"] / results.fills["notional"].sum())


def test_sizes_relative_to_equity_are_kept_where_targets_are_weights() -> None:
    def weights(config: SimulationConfig) -> BacktestResults:
        moved = np.where(np.arange(300) % 5, np.nan, TARGETS / 100.0)
        return EventSimulator(config, count_trials=False).run_targets(BARS, moved, kind="weight")

    # With this much money, rounding to whole shares is nothing.
    results = weights(SimulationConfig(commission_rate=0.001, initial_capital=1e9, max_leverage=None))
    kept = results.cost_sensitivity((0, 1, 3, 10))
    again = results.cost_sensitivity((0, 1, 3, 10), rerun=weights)
    # What an order costs is gone before the next close, where its weight is measured: of the second order.
    assert kept.total_return == pytest.approx(again.total_return, rel=0.015)
    assert kept.sharpe_ratio == pytest.approx(again.sharpe_ratio, rel=0.015)
    other = results.cost_sensitivity((0, 1, 3, 10), sizing="quantity")
    assert abs(other.total_return[3] - again.total_return[3]) > 0.01


def test_a_break_even_of_weights_is_found_where_it_is() -> None:
    rises = random_bars(300, seed=2)
    results = EventSimulator(SimulationConfig(slippage_bps=3, max_leverage=None)).run_targets(
        rises, np.sign(np.diff(rises.close()[:, 0], append=0.0)), kind="weight"
    )
    even = results.cost_sensitivity().break_even
    assert even > 1
    assert results.cost_sensitivity((even,)).total_return[0] == pytest.approx(0.0, abs=1e-9)
    with pytest.raises(ConfigError, match="unknown sizing"):
        results.cost_sensitivity(sizing="lots")


def test_at_the_break_even_nothing_is_left() -> None:
    bars = flat_bars(100, 100, 110, 110)
    results = EventSimulator(SimulationConfig(commission_per_share=0.5)).run_targets(bars, [10, 10, 0, 0])
    curve = results.cost_sensitivity()
    # Ten shares gain 100; they cost 5 to buy and 5 to sell.
    assert curve.break_even == pytest.approx(10.0)
    assert curve.break_even_bps == pytest.approx(1e4 * 100 / 2100)
    assert results.cost_sensitivity((curve.break_even,)).total_return[0] == pytest.approx(0.0, abs=1e-12)
    assert "10.0 times" in repr(curve)
    assert "bps" in curve._repr_html_()
    assert curve.to_frame()["bps"].tolist() == pytest.approx((curve.multiples * curve.unit_bps).tolist())
    assert curve.plot().alt.startswith("It breaks even at 476.2 bps")


def test_free_trading_is_charged_in_basis_points() -> None:
    results = run(SimulationConfig())
    curve = results.cost_sensitivity((0, 2))
    assert (curve.assumed, curve.unit_bps) == (False, 1.0)
    assert curve.costs_paid == pytest.approx([0.0, 2e-4 * results.fills["notional"].sum()])
    with pytest.raises(ConfigError, match="no costs to multiply"):
        results.cost_sensitivity(rerun=run)
    idle = EventSimulator().run_targets(BARS, np.zeros(300)).cost_sensitivity()
    assert math.isnan(idle.break_even)


@pytest.mark.parametrize("multiples", [(), (-1.0,), (math.nan,)])
def test_costs_that_cannot_be_are_refused(multiples: tuple[float, ...]) -> None:
    with pytest.raises(ConfigError, match="cannot be multiplied"):
        run(SimulationConfig()).cost_sensitivity(multiples)


def test_volatility_knows_only_the_past() -> None:
    close = BARS.close()
    returns = close[1:, 0] / close[:-1, 0] - 1.0
    found = volatility(close)
    for step in (22, 100, 299):
        assert found[step, 0] == pytest.approx(returns[step - 22 : step - 1].std())
    changed = close.copy()
    changed[150:] *= 1.5
    assert volatility(changed)[:151] == pytest.approx(found[:151])


def test_capacity_is_made_of_volume_and_volatility() -> None:
    bars = random_bars(300, seed=2)
    weights = np.where(np.arange(300) % 2, 0.5, 0.0)[:, None]
    results = EventSimulator().run_targets(bars, weights, kind="weight")
    found = results.capacity(impact=0.5, limit=0.2, quantile=1.0)
    volume, fills = bars.volume(), results.fills
    assert volume is not None
    steps = np.searchsorted(results.ts, fills["ts"])
    shares = fills["qty"] / volume[steps, 0]
    assert found.participation == pytest.approx(1e5 * 0.2 / shares.max())
    drag = np.bincount(
        steps,
        weights=fills["notional"]
        / results.equity[steps]
        * 0.5
        * volatility(bars.close())[steps, 0]
        * np.sqrt(shares),
        minlength=300,
    )
    net = results.returns - drag
    at_one = float(np.interp(1e5, found.sizes, found.sharpe_by_size))
    assert at_one == pytest.approx(
        net.mean() / net.std(ddof=1) * math.sqrt(found_per_year(results)), rel=1e-9
    )
    assert found.plot().alt


def found_per_year(results: BacktestResults) -> float:
    return results["periods_per_year"]


def test_bars_without_volume_need_it_told() -> None:
    bars = flat_bars(*np.linspace(100, 130, 50))
    results = EventSimulator().run_targets(bars, np.where(np.arange(50) % 3, 10.0, 0.0))
    with pytest.raises(DataError, match="have none"):
        results.capacity()
    small, large = results.capacity(volume=1e4), results.capacity(volume=1e6)
    assert large.participation == pytest.approx(100 * small.participation)
    assert large.zero_return == pytest.approx(100 * small.zero_return)
