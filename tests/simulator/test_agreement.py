"""Two faces of one strategy: equal where they are, and the first difference where they are not."""

from typing import Any

import numpy as np
import pytest

from omni_lab.data import Bars
from omni_lab.data.sources import get_source
from omni_lab.errors import ConfigError, DataError
from omni_lab.simulator import EventSimulator
from omni_lab.strategies import Bar, Context, MomentumStrategy, Strategy
from omni_lab.typing import FloatArray
from tests.simulator.market import START_NS, random_bars


class Alternating(Strategy):
    """Long on even steps, flat on odd ones; ``wrong`` is a step at which the signals forget to leave."""

    def __init__(self, wrong: int | None = None) -> None:
        self.wrong = wrong

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        ctx.target_weight(0.4 if bar.index % 2 == 0 else 0.0)

    def signals(self, bars: Bars) -> FloatArray:
        targets = np.where(np.arange(bars.n_times)[:, np.newaxis] % 2 == 0, 0.4, 0.0)
        targets = np.repeat(targets, bars.n_symbols, axis=1)
        if self.wrong is not None:
            targets[self.wrong, 1] = np.nan
        return targets


class OnlySignals(Strategy):
    """Half long from the first rise on."""

    def signals(self, bars: Bars) -> FloatArray:
        risen = np.maximum.accumulate(np.diff(bars.close(), axis=0, prepend=np.inf) > 0, axis=0)
        return np.where(risen, 0.5, np.nan)


class Cheat(Strategy):
    def signals(self, bars: Bars) -> FloatArray:
        close = bars.close()
        return np.sign(np.vstack([np.diff(close, axis=0), np.zeros((1, bars.n_symbols))]))


def test_equal_faces_are_equal() -> None:
    report = EventSimulator().check_agreement(Alternating(), random_bars(50, 2))
    assert report
    assert report.n_decisions > 90
    assert str(report).startswith("Callbacks and signals of Alternating are equal: ")
    report.raise_if_failed()


def test_the_first_difference_is_named_with_both_decisions() -> None:
    bars = random_bars(50, 2)
    report = EventSimulator().check_agreement(Alternating(wrong=7), bars)
    assert not report
    found = report.difference
    assert found is not None
    assert (found.step, found.symbol, found.ts) == (7, "S1", START_NS + 7 * 86_400 * 10**9)
    assert found.callbacks.startswith("SELL ")
    assert found.signals == "nothing"
    with pytest.raises(DataError, match=r"At step 7 .* on S1 the callbacks decide SELL .* nothing"):
        report.raise_if_failed()


def test_one_face_cannot_be_compared() -> None:
    subject: Any
    for subject in (OnlySignals(), Cheat, lambda bars: bars.close(), 3):
        with pytest.raises(ConfigError, match="only what has two faces"):
            EventSimulator().check_agreement(subject, random_bars(5))


def test_signals_alone_are_run() -> None:
    bars = random_bars(60, 2)
    sim = EventSimulator()
    results = sim.run_backtest(OnlySignals(), bars)
    assert results.strategy == "OnlySignals"
    expected = sim.run_targets(bars, OnlySignals().signals(bars), kind="weight")
    assert results.events_sha256 == expected.events_sha256
    assert results["n_fills"] > 0


def test_the_guard_looks_at_signals_too() -> None:
    bars = random_bars(60, 2)
    assert EventSimulator().check_lookahead(OnlySignals(), bars, progress=False)
    report = EventSimulator().check_lookahead(Cheat(), bars, progress=False)
    assert report.leak is not None
    assert "Cheat looks ahead" in str(report)


@pytest.mark.parametrize("lookback", [2, 20, 250])
@pytest.mark.parametrize("direction", ["long_short", "long_only"])
def test_momentum_agrees_with_itself_on_real_bars(lookback: int, direction: str) -> None:
    bars = Bars.from_frame(get_source("arch").load(["SPX"]))
    strategy = MomentumStrategy(
        {"lookback_period": lookback, "direction": direction, "entry_threshold": 1.0, "exit_threshold": -0.5}
    )
    report = EventSimulator().check_agreement(strategy, bars, progress=False)
    report.raise_if_failed()
    assert report.n_decisions >= 4


def test_momentum_agrees_with_itself_on_many_shares_and_missing_bars() -> None:
    rich = {"fill": "next_close", "initial_capital": 1e9, "max_leverage": None}
    shares = Bars.from_frame(get_source("skfolio").load())
    for bars in (shares, random_bars(400, 5, missing=0.3)):
        strategy = MomentumStrategy({"lookback_period": 20, "entry_threshold": 1.0, "position_size": 0.1})
        EventSimulator(rich).check_agreement(strategy, bars, progress=False).raise_if_failed()


def test_a_stop_has_no_vectorised_form() -> None:
    with pytest.raises(ConfigError, match="targets cannot hold a stop order"):
        MomentumStrategy({"stop_loss": 0.1}).signals(random_bars(40))
