"""By what a run is known: the same for the same strategy, data and settings, and another for any other."""

import functools
import subprocess
import sys
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from omni_lab.errors import ConfigError
from omni_lab.execution import Limits
from omni_lab.simulator import EventSimulator, MeasuredLatency, SimulationConfig, TickSimulator
from omni_lab.strategies import MarketMakingStrategy, MomentumStrategy, Strategy, strategy_hash
from omni_lab.strategies.identity import canonical_json, label, run_id
from tests.simulator.market import random_bars
from tests.simulator.ticks.markets import busy

BARS = random_bars(120, seed=5)
PARAMS = {"lookback_period": 10}


def of_bars(strategy: Any = "momentum", bars: Any = BARS, params: Any = None, **settings: Any) -> str:
    sim = EventSimulator(SimulationConfig(**settings), count_trials=False)
    params = PARAMS if strategy == "momentum" and params is None else params
    return sim.run_backtest(strategy, bars, params=params).run_id


def test_it_begins_with_the_strategy_and_its_hash() -> None:
    name, own, everything = of_bars().split("-")
    strategy = MomentumStrategy(PARAMS)
    assert name == "MomentumStrategy"
    assert own == strategy_hash(strategy.name, strategy.parameters)[:8]
    assert len(everything) == 8


def test_equal_runs_have_one_in_any_process() -> None:
    code = "from tests.simulator.test_run_identity import of_bars; print(of_bars())"
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert of_bars() == of_bars(MomentumStrategy(PARAMS)) == told.stdout.strip()


def test_another_strategy_other_data_or_settings_have_another() -> None:
    limits = Limits(max_order_qty=50)
    others = [
        of_bars(params={"lookback_period": 11}),
        of_bars("sma_cross", params={"fast": 2, "slow": 9}),
        of_bars(bars=random_bars(120, seed=6)),
        of_bars(commission_rate=0.0001),
        of_bars(limits=limits),
        of_bars(seed=8),
    ]
    assert len({of_bars(), *others}) == 7
    # What is not about the strategy leaves its part as it is.
    assert {each.rsplit("-", 1)[0] for each in (of_bars(), *others[2:])} == {of_bars().rsplit("-", 1)[0]}


def test_it_stands_in_the_manifest_and_the_journal(tmp_path: Any) -> None:
    from omni_lab.simulator import open_journal

    results = EventSimulator(count_trials=False).run_backtest("momentum", BARS, params=PARAMS)
    assert results.manifest["run_id"] == results.run_id
    assert open_journal(results.write_journal(tmp_path / "run")).manifest["run_id"] == results.run_id


def weights(bars: Any, size: float) -> Any:
    return np.full((bars.n_times, 1), size)


class Silent(Strategy):
    """Says nothing of its size."""

    def __init__(self, qty: float) -> None:
        self.qty = qty

    def on_bar(self, ctx: Any, bar: Any) -> None:
        ctx.target(self.qty)


def test_where_parameters_say_nothing_what_happened_does() -> None:
    """Functions, arrays and strategies that hide their numbers are not taken for each other."""
    sized = [of_bars(functools.partial(weights, size=size)) for size in (0.2, 0.2, 0.4)]
    assert sized[0] == sized[1] != sized[2]
    silent = [of_bars(Silent(qty)) for qty in (1.0, 1.0, 2.0)]
    assert silent[0] == silent[1] != silent[2]
    sim = EventSimulator(count_trials=False)
    held = [sim.run_targets(BARS, weights(BARS, qty)).run_id for qty in (1.0, 1.0, 2.0)]
    assert held[0] == held[1] != held[2]
    assert held[0].startswith("targets-")


def test_a_strategy_that_cannot_be_hashed_says_so() -> None:
    class Odd(Strategy):
        parameters = {"what": object()}  # noqa: RUF012

        def on_bar(self, ctx: Any, bar: Any) -> None:
            ctx.target(1)

    assert of_bars(Odd()).startswith("Odd-unhashed-")
    assert label({"name": " two words/", "sha256": "0123456789"}) == "two-words-01234567"


def test_replays_have_one_too() -> None:
    def quoted(market: Any = None, params: Any = None, **settings: Any) -> str:
        sim = EventSimulator(tick_config=settings, count_trials=False)
        rule = {"rule": "fixed", "interval_s": 0.1, **(params or {})}
        return sim.run_ticks("market_making", market or busy(500), params=rule, progress=False).run_id

    sent = np.array([0, 10**9], dtype=np.int64)
    latencies = [MeasuredLatency(sent=sent, arrived=sent + n, answered=sent + 2 * n) for n in (1_000, 2_000)]
    found = [
        quoted(),
        quoted(market=busy(500, seed=2)),
        quoted(params={"half_spread": 2.0}),
        quoted(queue="power"),
        quoted(limits=Limits(max_notional=Decimal("0.1"))),
        *(quoted(latency=each) for each in latencies),
    ]
    assert len(set(found)) == 7
    assert quoted() == found[0]
    assert found[0].startswith(f"MarketMakingStrategy-{strategy_hash(*_made({'rule': 'fixed'}))[:8]}-")
    # Orders sent by hand are known by what came of them.
    by_hand = []
    for qty in (1, 1, 2):
        sim = TickSimulator(busy(500), {})
        sim.elapse("500ms")
        sim.submit("buy", qty)
        sim.elapse("200ms")
        by_hand.append(sim.results().run_id)
    assert by_hand[0] == by_hand[1] != by_hand[2]


def _made(settings: Any) -> tuple[str, dict[str, Any]]:
    strategy = MarketMakingStrategy({"interval_s": 0.1, **settings})
    return strategy.name, strategy.parameters


def test_decimals_have_one_text() -> None:
    assert canonical_json([Decimal("0.5"), Decimal("2.0")]) == "[0.5,2]"
    assert canonical_json(Decimal("0.1")) == '"0.1"'
    with pytest.raises(ConfigError):
        run_id({"name": "x", "sha256": None}, data=object())
