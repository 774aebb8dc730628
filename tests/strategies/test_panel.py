"""Strategies of several instruments: decisions that can be checked by hand, none of them by the future."""

from typing import Any

import numpy as np
import pytest

from omni_lab import strategies
from omni_lab.data import Bars
from omni_lab.data.sources import get_source
from omni_lab.errors import ConfigError, DataError, ShapeError
from omni_lab.simulator import EventSimulator
from omni_lab.strategies import (
    AllocationStrategy,
    CrossSectionalMomentumStrategy,
    PanelStrategy,
    Strategy,
    registry,
)
from omni_lab.strategies.panel import starts_period
from omni_lab.typing import FloatArray
from tests.simulator.market import days, random_bars
from tests.simulator.ticks.markets import busy

DECEMBER = np.array(["2023-12-28", "2023-12-29", "2024-01-02", "2024-01-03", "2024-01-08", "2024-02-01"])


def panel(*columns: list[float], ts: Any = None) -> Bars:
    closes = np.column_stack([np.asarray(column, dtype=np.float64) for column in columns])
    symbols = list("ABCDEFGH"[: closes.shape[1]])
    return Bars.from_closes(days(len(closes)) if ts is None else ts, closes, symbols=symbols)


def decided(strategy: PanelStrategy, bars: Bars) -> dict[int, list[float]]:
    targets = strategy.signals(bars)
    return {int(step): targets[step].tolist() for step in np.flatnonzero(~np.isnan(targets).all(axis=1))}


@pytest.fixture(scope="module")
def shares() -> Bars:
    """Six shares over three years and a half, from a package that bundles their prices."""
    return Bars.from_frame(get_source("skfolio").load(["BAC", "CVX", "JNJ", "JPM", "KO", "XOM"])).slice(
        7_430, None
    )


# ---- The future is not handed in ---------------------------------------------------------------

SHORT: dict[str, dict[str, Any]] = {
    "allocation": {"estimation_window": 60, "objective": "minimum_variance", "drift_band": 0.02},
    "cross_sectional_momentum": {"lookback_period": 60, "volatility_window": 20, "holding_periods": 2},
    "momentum": {"lookback_period": 60, "entry_threshold": 1.0, "position_size": 0.15},
    "sma_cross": {"fast": 5, "slow": 20, "position_size": 0.15},
    "zscore_reversion": {"window": 20, "entry": 1.5, "position_size": 0.15},
    "statistical_arbitrage": {
        "formation_period": 252,
        "trading_period": 63,
        "correction": "none",
        "significance": 0.2,
        "entry_z": 1.5,
        "break_window": 60,
    },
}

ON_TICKS: dict[str, dict[str, Any]] = {
    "market_making": {"rule": "fixed", "half_spread": 0.5, "skew": 0.02, "interval_s": 0.05, "n_levels": 2},
    "execution": {
        "qty": 3_000.0,
        "duration": "6s",
        "every": "10ms",
        "finish": "200ms",
        "algorithm": {"name": "twap", "slices": 500, "tactic": "cross"},
    },
}


def test_every_registered_strategy_is_looked_at() -> None:
    built_in = {
        name for name in strategies.names() if strategies.create(name).__module__.startswith("omni_lab")
    }
    assert built_in == {*SHORT, *ON_TICKS}


@pytest.mark.parametrize(
    ("name", "more"),
    [
        *((name, {}) for name in SHORT),
        ("cross_sectional_momentum", {"weighting": "tails", "direction": "long_only"}),
        *(("allocation", {"objective": rule}) for rule in ("equal_weight", "risk_parity")),
        ("allocation", {"objective": "maximum_diversification", "rebalance": "weekly", "shrinkage": 0.2}),
        *(("statistical_arbitrage", {"hedge": hedge}) for hedge in ("rolling_ols", "kalman")),
        ("statistical_arbitrage", {"test": "johansen", "basket_size": 3, "significance": 0.1}),
    ],
)
def test_no_strategy_looks_ahead_on_real_prices(shares: Bars, name: str, more: dict[str, Any]) -> None:
    simulator = EventSimulator({"fill": "next_close"})
    report = simulator.check_lookahead(name, shares, params=SHORT[name] | more, max_cuts=4, progress=False)
    report.raise_if_failed()
    assert report.n_decisions > 20
    assert report.n_failed == 0


@pytest.mark.parametrize("name", sorted(ON_TICKS))
@pytest.mark.parametrize("by_name", [True, False], ids=["in the engine", "in Python"])
def test_no_strategy_looks_ahead_on_ticks(name: str, by_name: bool) -> None:
    simulator = EventSimulator(tick_config={"latency": {"entry_ns": 500_000, "response_ns": 100_000}})
    market, settings = busy(4_000), ON_TICKS[name]
    report = (
        simulator.check_lookahead(name, market, params=settings, progress=False)
        if by_name
        else simulator.check_lookahead(strategies.create(name, settings), market, progress=False)
    )
    report.raise_if_failed()
    assert report.n_decisions > 200
    assert (report.n_cuts, report.n_failed) == (20, 0)


@pytest.mark.parametrize("name", sorted([*SHORT, *ON_TICKS]))
def test_a_look_ahead_planted_in_any_strategy_is_found(
    name: str, shares: Bars, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same strategies, but with an eye on the prices to come: the check above is able to fail."""
    kind = type(strategies.create(name))
    if name in ON_TICKS:
        market = busy(4_000)

        class Quoting(kind):  # type: ignore[misc, valid-type]
            prices, ts = market.price.copy(), market.ts.copy()

            def on_timer(self, ctx: Any, timer: Any) -> None:
                later = int(np.searchsorted(self.ts, ctx.ts, side="right"))
                if self.prices[min(later, len(self.prices) - 1)] % 2:
                    super().on_timer(ctx, timer)

        report = EventSimulator().check_lookahead(Quoting(ON_TICKS[name]), market, progress=False)
    else:
        monkeypatch.setattr(registry, "_registered", dict(registry._registered))

        class Peeking(kind):  # type: ignore[misc, valid-type]
            closes = shares.close()[:, 0]

            if kind.on_bar is not Strategy.on_bar:

                def on_bar(self, ctx: Any, bar: Any) -> None:
                    now, ahead = ctx.index, min(ctx.index + 1, len(self.closes) - 1)
                    if self.closes[ahead] > self.closes[now]:
                        super().on_bar(ctx, bar)

            else:

                def signals(self, bars: Bars) -> FloatArray:
                    close = bars.close()
                    return np.where(np.roll(close, -1, axis=0) > close, super().signals(bars), 0.0)

        strategies.register("peeking")(Peeking)
        report = EventSimulator({"fill": "next_close"}).check_lookahead(
            "peeking", shares, params=SHORT[name], max_cuts=8, progress=False
        )
    assert report.leak is not None
    with pytest.raises(DataError, match="looks ahead"):
        report.raise_if_failed()


def test_a_decision_cannot_write_over_the_past_or_the_future() -> None:
    class Vandal(PanelStrategy):
        def begin(self, symbols: Any) -> Any:
            def decide(ts: Any, closes: FloatArray) -> None:
                closes[-1] = 0.0

            return decide

    with pytest.raises(ValueError, match="read-only"):
        EventSimulator({"fill": "next_close"}).run_backtest(Vandal(), panel([1.0, 2.0]))


@pytest.mark.parametrize(
    ("calendar", "starts"),
    [
        ("daily", [1, 2, 3, 4, 5]),
        ("weekly", [2, 4, 5]),
        ("monthly", [2, 5]),
        ("quarterly", [2]),
        ("yearly", [2]),
    ],
)
def test_a_period_starts_at_its_first_close(calendar: Any, starts: list[int]) -> None:
    ts = DECEMBER.astype("datetime64[ns]").view(np.int64)
    assert [step for step in range(6) if starts_period(ts[: step + 1], calendar)] == starts


# ---- Cross-sectional momentum ------------------------------------------------------------------


def test_winners_are_bought_and_losers_sold_without_the_last_month() -> None:
    # Returns from bar 0 to bar 2 are 10%, 0 and −10%; what happens at bar 3 is skipped.
    bars = panel([100, 100, 110, 50, 50], [100, 100, 100, 90, 90], [100, 100, 90, 200, 200])
    settings = {"lookback_period": 2, "skip_period": 1, "rebalance_period": 9}
    strategy = CrossSectionalMomentumStrategy(settings)
    assert decided(strategy, bars) == {3: pytest.approx([0.5, 0.0, -0.5])}
    long_only = CrossSectionalMomentumStrategy({**settings, "direction": "long_only", "gross_exposure": 0.8})
    assert decided(long_only, bars) == {3: pytest.approx([0.8, 0.0, 0.0])}


def test_weights_are_proportional_to_the_distance_from_the_mean() -> None:
    # Returns 30%, 10%, −10%, −30% less their mean of 0: thirds and ones.
    bars = panel([100, 130], [100, 110], [100, 90], [100, 70])
    strategy = CrossSectionalMomentumStrategy({"lookback_period": 1, "skip_period": 0})
    assert decided(strategy, bars) == {1: pytest.approx([0.375, 0.125, -0.125, -0.375])}
    tails = CrossSectionalMomentumStrategy(
        {"lookback_period": 1, "skip_period": 0, "weighting": "tails", "tail_fraction": 0.25}
    )
    assert decided(tails, bars) == {1: [0.5, 0.0, 0.0, -0.5]}


def test_volatile_instruments_get_less() -> None:
    # All four rise or fall by the same over four bars; A and C by turns of ±2%, B and D of ±1%.
    wave = np.array([1.0, -1.0, 1.0, -1.0])
    up, down = (100 * np.cumprod(1 + np.r_[0, level + 0.02 * wave]) for level in (0.01, -0.01))
    calm_up, calm_down = (100 * np.cumprod(1 + np.r_[0, level + 0.01 * wave]) for level in (0.01, -0.01))
    bars = panel(*(list(np.round(each, 6)) for each in (up, calm_up, down, calm_down)))
    settings = {"lookback_period": 4, "skip_period": 0, "weighting": "tails", "tail_fraction": 0.5}
    strategy = CrossSectionalMomentumStrategy({**settings, "volatility_window": 4})
    assert decided(strategy, bars)[4] == pytest.approx([1 / 6, 1 / 3, -1 / 6, -1 / 3], rel=1e-4)


def test_overlapping_portfolios_are_the_mean_of_the_last_decisions() -> None:
    bars = random_bars(60, 5, seed=4)
    settings = {"lookback_period": 10, "skip_period": 2, "rebalance_period": 7}
    one = decided(CrossSectionalMomentumStrategy(settings), bars)
    three = decided(CrossSectionalMomentumStrategy({**settings, "holding_periods": 3}), bars)
    assert list(one) == list(three) == [12, 19, 26, 33, 40, 47, 54]
    rows = np.array(list(one.values()))
    assert three[12] == pytest.approx(rows[0] / 3)
    assert three[40] == pytest.approx(rows[2:5].mean(axis=0))


def test_an_instrument_without_prices_has_no_weight() -> None:
    nan = np.nan
    bars = panel([100, 130, 131], [nan, 110, 110], [100, 90, 90], [100, 70, nan])
    strategy = CrossSectionalMomentumStrategy({"lookback_period": 1, "skip_period": 0, "rebalance_period": 1})
    found = decided(strategy, bars)
    assert found[1][1] == 0.0
    assert found[2][3] == 0.0
    assert np.abs(found[1]).sum() == pytest.approx(1.0)


# ---- Allocation --------------------------------------------------------------------------------


def test_equal_weights_are_taken_at_the_first_close_of_a_month() -> None:
    ts = DECEMBER.astype("datetime64[ns]")
    bars = panel([1, 2, 3, 4, 5, 6], [9, 8, 7, 6, 5, 4], ts=ts)
    strategy = AllocationStrategy(
        {"objective": "equal_weight", "estimation_window": 2, "gross_exposure": 0.9}
    )
    assert decided(strategy, bars) == {2: [0.45, 0.45], 5: [0.45, 0.45]}


def test_within_the_band_nothing_is_traded() -> None:
    # From step 2 on A doubles while B stands: 0.5 drifts to 0.6 at 15, to 2/3 at 20.
    bars = panel([10, 10, 10, 12, 15, 20, 20], [10] * 7)
    settings = {"objective": "equal_weight", "estimation_window": 2, "rebalance": "daily"}
    assert list(decided(AllocationStrategy({**settings, "drift_band": 0.11}), bars)) == [2, 5]
    assert list(decided(AllocationStrategy({**settings, "drift_band": 0.09}), bars)) == [2, 4]
    assert list(decided(AllocationStrategy(settings), bars)) == [2, 3, 4, 5, 6]


def test_weights_are_those_of_the_window_before(shares: Bars) -> None:
    seen: list[FloatArray] = []

    def remember(returns: FloatArray) -> FloatArray:
        seen.append(returns)
        return np.linspace(0.1, 0.2, returns.shape[1])

    strategy = AllocationStrategy({"objective": "custom", "estimation_window": 100}, weights=remember)
    found = decided(strategy, shares)
    assert all(row == pytest.approx(np.linspace(0.1, 0.2, 6)) for row in found.values())
    closes = shares.close()
    for step, returns in zip(found, seen, strict=True):
        expected = closes[step - 99 : step + 1] / closes[step - 100 : step] - 1
        assert returns == pytest.approx(expected, rel=1e-12)
    assert strategy.parameters["weights"].endswith("remember")


def test_an_estimator_of_skfolio_is_fitted_anew_each_time(shares: Bars) -> None:
    from skfolio.optimization import InverseVolatility

    rule = AllocationStrategy(
        {"objective": "custom", "estimation_window": 100, "rebalance": "yearly"}, weights=InverseVolatility()
    )
    closes = shares.close()
    found = decided(rule, shares)
    assert len(found) >= 3
    for step, row in found.items():
        window = closes[step - 100 : step + 1]
        inverse = 1 / np.std(window[1:] / window[:-1] - 1, axis=0, ddof=1)
        assert row == pytest.approx(inverse / inverse.sum(), rel=1e-6)
    assert rule.parameters["weights"].startswith("InverseVolatility(")


def test_what_has_a_gap_in_the_window_is_not_held() -> None:
    prices = random_bars(40, 3).close()
    prices[25, 1] = np.nan
    bars = Bars.from_closes(days(40), prices, symbols=["A", "B", "C"])
    strategy = AllocationStrategy({"estimation_window": 10, "rebalance": "daily", "objective": "risk_parity"})
    found = decided(strategy, bars)
    without_b = [step for step, row in found.items() if row[1] == 0]
    assert without_b == list(range(25, 36))
    assert all(sum(row) == pytest.approx(1.0) for row in found.values())


def test_a_rule_of_one_s_own_must_be_one() -> None:
    wrong: Any
    for wrong in ({"objective": "custom"}, None):
        with pytest.raises(ConfigError, match="go together"):
            AllocationStrategy(wrong, weights=None if wrong else len)
    with pytest.raises(ConfigError, match="cannot be asked for"):
        AllocationStrategy({"objective": "custom"}, weights=3)
    bars = random_bars(40, 3)
    short: dict[str, Any] = {"objective": "custom", "estimation_window": 5, "rebalance": "daily"}
    with pytest.raises(ShapeError, match="a weight is needed for each"):
        AllocationStrategy(short, weights=lambda returns: [1.0]).signals(bars)
    with pytest.raises(ConfigError, match="is no number"):
        AllocationStrategy(short, weights=lambda returns: [1.0, np.nan, 0.0]).signals(bars)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("cross_sectional_momentum", {"lookback_period": 0, "tail_fraction": 0.6, "weighting": "rank"}),
        ("cross_sectional_momentum", {"volatility_window": 1, "holding_periods": 0, "gross_exposure": 0}),
        ("allocation", {"objective": "best", "rebalance": "hourly", "drift_band": 0, "shrinkage": 2}),
        ("statistical_arbitrage", {"formation_period": 10, "basket_size": 1, "candidates": (("A",),)}),
        ("statistical_arbitrage", {"stop_z": 1.0}),
        ("statistical_arbitrage", {"min_half_life": 70.0}),
        ("statistical_arbitrage", {"hedge": "magic", "test": "eyes", "correction": "hope", "break_every": 0}),
    ],
)
def test_settings_that_make_no_sense_are_named_all_at_once(name: str, wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as refused:
        strategies.create(name, wrong)
    assert all(setting in str(refused.value) for setting in wrong)
