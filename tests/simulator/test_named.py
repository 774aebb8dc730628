"""A strategy by name and parameters, wherever one may be handed in, does what the strategy itself does."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omni_lab import strategies
from omni_lab.data import ItchFile, synthetic_itch
from omni_lab.errors import ConfigError, DataError
from omni_lab.simulator import CombinatorialPurged, EventSimulator, WalkForward
from omni_lab.simulator.counting import family_of
from omni_lab.simulator.named import NamedFamily, family_given
from omni_lab.strategies import MarketMakingStrategy, MomentumStrategy, SmaCrossStrategy, Strategy
from tests.simulator.market import random_bars
from tests.simulator.ticks.markets import busy

BARS = random_bars(300, seed=3)
MOMENTUM = {"lookback_period": [5, 20], "entry_threshold": [0.5, 1.0]}
CROSS = {"fast": [3, 5], "slow": [10, 30]}
SIM = EventSimulator(count_trials=False)


@pytest.mark.parametrize(
    ("name", "kind", "grid"),
    [("momentum", MomentumStrategy, MOMENTUM), ("sma_cross", SmaCrossStrategy, CROSS)],
)
@pytest.mark.parametrize("executor", ["serial", "threads", "processes"])
def test_a_sweep_by_name_is_that_of_the_class(name: str, kind: Any, grid: Any, executor: Any) -> None:
    by_name = SIM.sweep(BARS, name, grid, executor=executor, workers=2, progress=False)
    by_class = SIM.sweep(BARS, kind, grid, executor="serial", progress=False)
    assert by_name.parameters == by_class.parameters
    assert by_name.n_failed == 0
    for metric, column in by_class.metrics.items():
        np.testing.assert_array_equal(by_name.metrics[metric], column)


def test_searches_by_name_are_those_of_the_class() -> None:
    split = WalkForward(train=80, test=40)
    ours = SIM.walk_forward(BARS, "sma_cross", CROSS, split, progress=False)
    theirs = SIM.walk_forward(BARS, SmaCrossStrategy, CROSS, split, progress=False)
    np.testing.assert_array_equal(ours.returns, theirs.returns)
    folds = CombinatorialPurged(n_groups=4, n_test_groups=2)
    named, classed = (
        SIM.cross_validate(BARS, each, MOMENTUM, folds, progress=False)
        for each in ("momentum", MomentumStrategy)
    )
    assert repr(named) == repr(classed)


def test_trials_by_name_are_tries_at_the_same_thing() -> None:
    assert family_of(family_given("momentum")) == family_of(MomentumStrategy)
    # What runs in the engine alone is counted as single runs of it are.
    assert family_of(family_given("sma_cross")) == SIM.run_backtest("sma_cross", BARS).family == "sma_cross"
    assert family_given(SmaCrossStrategy) is SmaCrossStrategy


def test_a_journal_knows_names_apart(tmp_path: Any) -> None:
    journal = tmp_path / "trials"
    first = SIM.sweep(BARS, "sma_cross", CROSS, journal=journal, progress=False)
    again = SIM.sweep(BARS, "sma_cross", CROSS, journal=journal, progress=False)
    np.testing.assert_array_equal(first.metrics["final_equity"], again.metrics["final_equity"])
    grid = {"window": [10, 20]}
    other = SIM.sweep(BARS, "zscore_reversion", grid, journal=journal, progress=False)
    alone = [SIM.run_backtest("zscore_reversion", BARS, params={"window": n}) for n in (10, 20)]
    assert other.metrics["final_equity"].tolist() == [each.final_equity for each in alone]


def test_a_class_registered_by_somebody_is_made_from_its_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strategies.registry, "_registered", dict(strategies.registry._registered))

    @strategies.register("always_this_much")
    class Always(Strategy):
        def __init__(self, given: Any = None) -> None:
            self.weight = (given or {}).get("weight", 1.0)

        def signals(self, bars: Any) -> Any:
            return np.full((bars.n_times, bars.n_symbols), self.weight)

    swept = SIM.sweep(BARS, "always_this_much", {"weight": [0.0, 0.5]}, progress=False)
    assert swept.metrics["n_fills"].tolist()[0] == 0 < swept.metrics["n_fills"][1]


@pytest.mark.parametrize("name", ["momentum", "sma_cross", "zscore_reversion"])
def test_the_guard_examines_what_a_name_runs(name: str) -> None:
    report = SIM.check_lookahead(name, BARS, progress=False)
    itself = SIM.check_lookahead(strategies.create(name), BARS, progress=False)
    assert report
    assert (report.n_decisions, report.n_runs) == (itself.n_decisions, itself.n_runs)
    assert report.n_decisions > 0


def test_faces_are_compared_by_name() -> None:
    assert SIM.check_agreement("momentum", BARS, params={"lookback_period": 10}).n_decisions == 10
    with pytest.raises(ConfigError, match="two faces"):
        SIM.check_agreement("sma_cross", BARS)


@pytest.mark.parametrize(
    "call",
    [
        lambda **of: SIM.run_backtest(of.pop("strategy"), BARS, **of),
        lambda **of: SIM.check_lookahead(of.pop("strategy"), BARS, **of),
        lambda **of: SIM.check_lookahead(of.pop("strategy"), busy(100), **of),
        lambda **of: SIM.check_agreement(of.pop("strategy"), BARS, **of),
        lambda **of: SIM.run_ticks(of.pop("strategy"), busy(100), **of),
    ],
    ids=["run_backtest", "check_lookahead", "check_lookahead on ticks", "check_agreement", "run_ticks"],
)
def test_names_and_settings_that_do_not_exist_are_refused(call: Any) -> None:
    with pytest.raises(ConfigError, match=r"unknown strategy.*momentun"):
        call(strategy="momentun")
    with pytest.raises(ConfigError, match=r"unknown setting.*lookbak"):
        call(strategy="momentum", params={"lookbak": 3})
    with pytest.raises(ConfigError, match="params are settings of a strategy given by name"):
        call(strategy=MomentumStrategy(), params={"lookback_period": 3})


def test_a_search_refuses_names_that_do_not_exist() -> None:
    with pytest.raises(ConfigError, match=r"unknown strategy.*momentun"):
        SIM.sweep(BARS, "momentun", MOMENTUM)
    with pytest.raises(ConfigError, match="unknown setting"):
        SIM.sweep(BARS, "sma_cross", {"quick": [1]}, progress=False)
    assert isinstance(family_given("momentum"), NamedFamily)


# --- the guard on ticks ---------------------------------------------------------------------------


MARKET = busy(3_000)
QUOTES = {"rule": "fixed", "half_spread": 0.5, "interval_s": 0.05}


class Peeking(Strategy):
    """Buys before trades, of which it knows from a copy of the market."""

    def __init__(self, market: Any, ahead: int) -> None:
        self.market, self.ahead = market, ahead

    def on_trade(self, ctx: Any, trade: Any) -> None:
        now = int(np.searchsorted(self.market.ts, ctx.ts, side="right")) - 1
        if self.market.kind[min(now + self.ahead, len(self.market) - 1)] == 6:
            ctx.buy(1)


class Dice(Strategy):
    """Decides by what nobody can repeat."""

    rng = np.random.default_rng()

    def on_trade(self, ctx: Any, trade: Any) -> None:
        if self.rng.random() < 0.5:
            ctx.buy(1)

    def __deepcopy__(self, memo: Any) -> Any:
        return self


def test_the_first_request_that_saw_the_future_is_named() -> None:
    report = SIM.check_lookahead(Peeking(MARKET, 1), MARKET, progress=False)
    assert report.leak is not None
    assert report.captured
    with pytest.raises(DataError, match="looks ahead"):
        report.raise_if_failed()
    assert report.leak.cut <= report.leak.step + 1


def test_a_copy_of_the_market_is_no_look_ahead_if_only_its_past_is_read() -> None:
    report = SIM.check_lookahead(Peeking(MARKET, 0), MARKET, progress=False)
    assert report.passed, str(report)
    assert report.captured
    assert report.n_decisions > 50


def test_a_strategy_without_data_of_its_own_passes_under_any_latency() -> None:
    for settings in ({}, {"feed_delay_ns": 0}, {"latency": {"entry_ns": 10**7, "response_ns": 10**7}}):
        sim = EventSimulator(tick_config=settings, count_trials=False)
        report = sim.check_lookahead(MarketMakingStrategy(QUOTES), MARKET, max_cuts=40, progress=False)
        assert report.passed, str(report)
        assert (report.n_cuts, report.n_runs, report.n_failed) == (40, 42, 0)


def test_named_orders_and_exact_queues_are_examined_too(tmp_path: Path) -> None:
    synthetic_itch(tmp_path / "day.itch", messages=20_000, symbols=2, seed=4, progress=False)
    market = ItchFile(tmp_path / "day.itch")
    settings = {**QUOTES, "interval_s": 60.0}
    report = SIM.check_lookahead(MarketMakingStrategy(settings), market, max_cuts=10, progress=False)
    assert report.passed, str(report)
    assert report.n_failed == 0
    assert report.n_decisions > 100
    one = market.events().of(next(iter(market.events().symbols.values())))
    by_name = SIM.check_lookahead("market_making", one, params=settings, max_cuts=5, progress=False)
    assert by_name.passed, str(by_name)


def test_what_decides_by_dice_on_ticks_is_called_so() -> None:
    report = SIM.check_lookahead(Dice(), MARKET, progress=False)
    assert not report.deterministic
    assert "decides differently on the same data" in str(report)


def test_ticks_that_cannot_be_examined_are_refused() -> None:
    with pytest.raises(DataError, match="there is no future to change"):
        SIM.check_lookahead("market_making", MARKET[:1])
    with pytest.raises(ConfigError, match="max_cuts"):
        SIM.check_lookahead("market_making", MARKET, max_cuts=0)
    with pytest.raises(ConfigError, match="only a Strategy with callbacks"):
        SIM.check_lookahead(lambda bars: bars, MARKET)
