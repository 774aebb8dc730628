"""Strategies of the engine's own against their twins in Python, and against an array where there is one."""

from typing import Any

import numpy as np
import pytest

from omni_lab.errors import ConfigError
from omni_lab.simulator import EventSimulator, indicator_values
from omni_lab.strategies import (
    SmaCrossConfig,
    SmaCrossStrategy,
    Strategy,
    ZScoreReversionConfig,
    ZScoreReversionStrategy,
)
from omni_lab.strategies.indicators import zscore
from tests.simulator.market import flat_bars, hold, random_bars

BARS = random_bars(1_500, 3, missing=0.1)


@pytest.mark.parametrize("direction", ["long_short", "long_only"])
@pytest.mark.parametrize("fill", ["next_open", "this_close"])
@pytest.mark.parametrize(
    ("name", "twin", "params"),
    [
        ("sma_cross", SmaCrossStrategy, {"fast": 5, "slow": 20}),
        ("sma_cross", SmaCrossStrategy, {"fast": 1, "slow": 2, "position_size": 0.3}),
        ("zscore_reversion", ZScoreReversionStrategy, {"window": 20}),
        ("zscore_reversion", ZScoreReversionStrategy, {"window": 5, "entry": 1.0, "exit": -0.5}),
    ],
)
def test_the_engine_s_strategies_do_what_their_twins_do(
    name: str, twin: Any, params: dict[str, Any], direction: str, fill: str
) -> None:
    settings = {**params, "direction": direction}
    sim = EventSimulator({"fill": fill, "commission_rate": 2e-4, "slippage_bps": 1.0})
    native = sim.run_backtest(name, BARS, params=settings)
    plain = sim.run_backtest(twin(settings), BARS)
    assert native.events_sha256 == plain.events_sha256
    assert native.parameters == plain.parameters
    assert native.strategy == name
    assert native["n_trades"] > 30
    assert (native.positions < 0).any() == (direction == "long_short")


def test_models_and_limits_apply_to_them_too() -> None:
    sim = EventSimulator({"financing": {"borrow_rate": 0.1}, "limits": {"max_order_qty": 400}})
    native = sim.run_backtest("sma_cross", BARS, params={"fast": 5, "slow": 20})
    plain = sim.run_backtest(SmaCrossStrategy({"fast": 5, "slow": 20}), BARS)
    assert native.events_sha256 == plain.events_sha256
    assert native.gate == plain.gate
    assert native.gate["ORDER_SIZE"] > 0


def test_a_crossover_holds_with_the_fast_average() -> None:
    sim = EventSimulator({"fill": "this_close", "max_leverage": None})
    bars = flat_bars(10, 10, 12, 14, 13, 9, 9, 9)
    found = sim.run_backtest("sma_cross", bars, params={"fast": 1, "slow": 2})
    assert np.sign(found.positions[:, 0]).tolist() == [0, 0, 1, 1, -1, -1, -1, -1]


def test_a_reversion_enters_far_out_and_leaves_near() -> None:
    bars = random_bars(3_000)
    z = indicator_values(bars, zscore(20))[:, 0]
    found = EventSimulator({"fill": "this_close", "max_leverage": None}).run_backtest(
        "zscore_reversion", bars
    )
    held = np.sign(found.positions[:, 0])
    aim = 0
    for step, score in enumerate(z):
        if score <= -2.0:
            aim = 1
        elif score >= 2.0:
            aim = -1
        elif (aim > 0 and score >= -0.5) or (aim < 0 and score <= 0.5):
            aim = 0
        assert held[step] == aim, step


@pytest.mark.parametrize(
    ("config", "settings", "words"),
    [
        (SmaCrossConfig, {"fast": 20, "slow": 20}, "fast must be smaller"),
        (SmaCrossConfig, {"fast": 0}, "fast must be a whole number"),
        (SmaCrossConfig, {"position_size": 0}, "position_size"),
        (ZScoreReversionConfig, {"window": 1}, "window must be"),
        (ZScoreReversionConfig, {"entry": 0.5}, "exit must be a number below entry"),
        (ZScoreReversionConfig, {"direction": "up"}, "direction must be one of"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(config: Any, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        config(**settings)


def test_names_and_settings_are_checked_before_anything_runs() -> None:
    sim = EventSimulator()
    with pytest.raises(ConfigError, match="Did you mean 'sma_cross'"):
        sim.run_backtest("sma_crossing", BARS)
    with pytest.raises(ConfigError, match="unknown setting"):
        sim.run_backtest("sma_cross", BARS, params={"quick": 5})
    given: list[Strategy | Any] = [SmaCrossStrategy(), hold]
    for strategy in given:
        with pytest.raises(ConfigError, match="given by name"):
            sim.run_backtest(strategy, BARS, params={"fast": 5})


def test_an_interrupted_run_keeps_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    from omni_lab.progress import Progress

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Progress, "_report", interrupt)
    monkeypatch.setattr(Progress, "__enter__", lambda self: interrupt)
    bars = random_bars(100)
    runs: list[Any] = [
        lambda: EventSimulator().run_backtest("sma_cross", bars),
        lambda: EventSimulator().run_backtest(hold, bars),
    ]
    for run in runs:
        with pytest.raises(KeyboardInterrupt) as raised:
            run()
        assert len(vars(raised.value)["results"].equity) == 100
