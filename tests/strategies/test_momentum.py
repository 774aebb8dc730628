"""Momentum: its score against a plain computation, and its decisions at bars that can be checked by hand.

With a lookback of two bars the score is ``(r1 + r2) / |r1 − r2|``: two rises of 1% and 2% make about 3, a
rise and a fall of the same size nothing.
"""

import csv
import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omni_lab.data import Bars, synthetic_bars
from omni_lab.simulator import BacktestResults, EventSimulator, SimulationConfig
from omni_lab.strategies import Bar, Context, MomentumStrategy, Strategy, strategy_hash
from omni_lab.typing import FloatArray
from tests.simulator.market import Row, bars_of, days, executed, flat_bars, random_bars

# Up 1% and 2%: enters at the open of bar 3.
RISING = (100.0, 101.0, 103.02)
FALLING = (100.0, 99.0, 97.02)


def run(bars: Bars, *, settings: dict[str, Any] | None = None, **config: Any) -> BacktestResults:
    strategy = MomentumStrategy({"lookback_period": 2, **config})
    return EventSimulator(SimulationConfig(**(settings or {}))).run_backtest(strategy, bars)


def from_open(*closes: float) -> Bars:
    """Bars that open at the close before them."""
    rows: list[Row] = []
    for before, close in zip((closes[0], *closes), closes, strict=False):
        rows.append((before, max(before, close), min(before, close), close))
    return bars_of(*rows)


class Scores(Strategy):
    def __init__(self, lookback: int) -> None:
        self.lookback = lookback
        self.seen: dict[str, list[float]] = {}

    def on_start(self, ctx: Context) -> None:
        self.score = ctx.momentum_z(self.lookback)

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        self.seen.setdefault(bar.symbol, []).append(self.score.value)


def scores(bars: Bars, lookback: int) -> dict[str, list[float]]:
    strategy = Scores(lookback)
    EventSimulator({"fill": "next_close"}).run_backtest(strategy, bars)
    return strategy.seen


def plain_scores(closes: FloatArray, lookback: int) -> FloatArray:
    found = np.full(len(closes), np.nan)
    returns = np.diff(np.log(closes))
    for bar in range(lookback, len(closes)):
        window = returns[bar - lookback : bar]
        found[bar] = window.sum() / (window.std(ddof=1) * np.sqrt(lookback))
    return found


# ---- The score ---------------------------------------------------------------------------------


@pytest.mark.parametrize("lookback", [2, 20, 250])
def test_the_score_is_that_of_a_plain_computation(lookback: int) -> None:
    bars = synthetic_bars()
    expected = plain_scores(bars.close()[:, 0], lookback)
    assert scores(bars, lookback)["SYNTH"] == pytest.approx(
        expected.tolist(), rel=1e-7, abs=1e-9, nan_ok=True
    )


def test_the_score_is_right_on_real_prices(test_data: Path) -> None:
    with gzip.open(test_data / "prices_daily/arch/sp500.csv.gz", "rt") as file:
        closes = np.array([float(row["Close"]) for row in csv.DictReader(file)])
    assert len(closes) > 5_000
    found = scores(Bars.from_closes(days(len(closes)), closes, symbol="SPX"), 21)["SPX"]
    assert found == pytest.approx(plain_scores(closes, 21).tolist(), rel=1e-8, abs=1e-9, nan_ok=True)


def test_each_instrument_has_a_score_of_its_own_over_its_own_bars() -> None:
    bars = random_bars(80, 3, missing=0.2)
    found = scores(bars, 5)
    for column, symbol in enumerate(bars.symbols):
        closes = bars.close()[:, column]
        expected = plain_scores(closes[~np.isnan(closes)], 5)
        assert found[symbol] == pytest.approx(expected.tolist(), rel=1e-9, abs=1e-9, nan_ok=True)


def test_a_price_that_does_not_move_scores_zero() -> None:
    found = scores(flat_bars(*[100.0] * 5), 3)["X"]
    assert found == pytest.approx([np.nan, np.nan, np.nan, 0.0, 0.0], nan_ok=True)


def test_a_rise_without_any_variation_has_no_score_and_causes_no_order() -> None:
    bars = flat_bars(*(100.0 * 2.0 ** np.arange(6)))
    assert np.isnan(scores(bars, 3)["X"]).all()
    assert run(bars)["n_orders"] == 0


# ---- Entry and exit ----------------------------------------------------------------------------


def test_it_buys_at_the_open_after_the_score_reached_the_threshold() -> None:
    results = run(flat_bars(*RISING, 104.0, 105.0), position_size=0.5)
    # Half of 100,000 at the close of 103.02 is 485 shares.
    assert executed(results) == [(3, "BUY", 485.0, 104.0)]


def test_it_sells_short_on_the_way_down_unless_it_may_not() -> None:
    bars = flat_bars(*FALLING, 96.0, 95.0)
    assert executed(run(bars, position_size=0.5)) == [(3, "SELL", 515.0, 96.0)]
    assert executed(run(bars, direction="long_only")) == []


def test_a_threshold_that_is_not_reached_does_nothing() -> None:
    # The score at the third bar is (0.00995 + 0.01980) / 0.00985 = 3.02.
    bars = flat_bars(*RISING, 103.1, 103.2)
    assert len(run(bars, entry_threshold=3.0).fills) == 1
    assert len(run(bars, entry_threshold=3.04).fills) == 0


def test_it_leaves_when_the_score_falls_to_the_exit() -> None:
    # Bar 4: up 1.9% and down 2.9%, a score of -0.2.
    bars = flat_bars(*RISING, 105.0, 102.0, 102.5, 102.0)
    assert executed(run(bars, position_size=0.5)) == [(3, "BUY", 485.0, 105.0), (5, "SELL", 485.0, 102.5)]
    assert executed(run(bars, position_size=0.5, exit_threshold=-1.0)) == [(3, "BUY", 485.0, 105.0)]


def test_it_reverses_at_once_when_the_opposite_threshold_is_reached() -> None:
    # Bar 5: down 1.9% and 3.9%, a score of -2.9.
    bars = flat_bars(*RISING, 105.0, 103.0, 99.0, 98.0)
    results = run(bars, position_size=0.5, exit_threshold=-1.0)
    assert [(step, side) for step, side, *_ in executed(results)] == [(3, "BUY"), (6, "SELL")]
    assert results.positions[-1, 0] < 0
    assert results.trades["side"].tolist() == ["LONG"]
    closed = run(bars, position_size=0.5, exit_threshold=-1.0, direction="long_only")
    assert closed.positions[-1, 0] == 0.0


def test_every_instrument_gets_its_own_fraction() -> None:
    one = np.array([*RISING, 104.0, 105.0])
    other = np.array([*FALLING, 96.0, 95.0])
    prices = np.column_stack([one, other])
    bars = Bars.from_arrays(days(5), prices, prices, prices, prices, symbols=["A", "B"])
    results = run(bars, position_size=0.25)
    assert results.positions[-1].tolist() == [242.0, -257.0]  # 25,000 / 103.02 and / 97.02
    assert results.counts["reduced"] == 0


# ---- Stop loss ---------------------------------------------------------------------------------


def test_a_stop_rests_at_the_entry_price_less_the_fraction() -> None:
    # Bought at 104; the stop at 4% below is 99.84, and bar 4 trades through it.
    rows = [(close, close, close, close) for close in (*RISING, 104.0)]
    bars = bars_of(*rows, (103.0, 103.5, 99.0, 102.9), (103.0, 103.0, 103.0, 103.0))
    results = run(bars, stop_loss=0.04, position_size=0.5)
    assert executed(results) == [(3, "BUY", 485.0, 104.0), (4, "SELL", 485.0, 99.84)]
    assert results.orders["type"].tolist() == ["MARKET", "STOP"]
    assert results.fills["time"].tolist() == ["OPEN", "INSIDE"]


def test_a_stop_protects_from_the_moment_of_the_entry() -> None:
    rows = [(close, close, close, close) for close in RISING]
    bars = bars_of(*rows, (104.0, 105.0, 90.0, 104.0), (104.0, 104.0, 104.0, 104.0))
    assert executed(run(bars, stop_loss=0.05, position_size=0.5)) == [
        (3, "BUY", 485.0, 104.0),
        (3, "SELL", 485.0, 98.8),
    ]


def test_a_stop_of_a_short_lies_above() -> None:
    rows = [(close, close, close, close) for close in (*FALLING, 96.0)]
    bars = bars_of(*rows, (96.5, 99.0, 96.0, 96.2))
    assert executed(run(bars, stop_loss=0.02, position_size=0.5))[-1] == (4, "BUY", 515.0, 97.92)


def test_an_open_beyond_the_stop_fills_at_the_open() -> None:
    bars = flat_bars(*RISING, 104.0, 90.0, 90.0)
    assert executed(run(bars, stop_loss=0.04, position_size=0.5))[-1] == (4, "SELL", 485.0, 90.0)


def test_an_exit_takes_its_stop_along() -> None:
    bars = flat_bars(*RISING, 105.0, 102.0, 102.5, 80.0)
    results = run(bars, stop_loss=0.10, position_size=0.5)
    assert results.orders["status"].tolist() == ["FILLED", "CANCELED", "FILLED"]
    assert results.positions[-1, 0] == 0.0


def test_after_a_stop_it_stays_out_until_the_score_has_left_the_zone() -> None:
    # Closes rise 1% and 2% by turns: a score near 3 at every close. The low of bar 4 takes the position out.
    closes = [100.0]
    for bar in range(9):
        closes.append(round(closes[-1] * (1.01 if bar % 2 == 0 else 1.02), 2))
    rows: list[Row] = [(close, close, close, close) for close in closes]
    stopped = [*rows]
    stopped[4] = (closes[4], closes[4], closes[4] * 0.9, closes[4])
    assert len(run(bars_of(*rows), stop_loss=0.05).fills) == 1
    assert [side for _, side, *_ in executed(run(bars_of(*stopped), stop_loss=0.05))] == ["BUY", "SELL"]
    # A bar that falls by as much as the one before rose takes the score to zero; then the zone is open again.
    back = closes[-2]
    again = [
        *stopped,
        (back,) * 4,
        *((round(back * factor, 2),) * 4 for factor in (1.01, 1.0302, 1.04, 1.05)),
    ]
    sides = [side for _, side, *_ in executed(run(bars_of(*again), stop_loss=0.05))]
    assert sides == ["BUY", "SELL", "BUY"]


def test_a_partial_exit_is_not_sold_a_second_time_by_the_stop() -> None:
    # 485 bought at once; the exit at the open of bar 5 is cut by the volume, then the bar falls to the stop.
    rows = [(close, close, close, close) for close in (*RISING, 105.0, 102.0)]
    bars = bars_of(*rows, (101.0, 101.0, 80.0, 101.0), *[(101.0,) * 4] * 3, volume=[10_000] * 5 + [100] * 4)
    results = run(bars, stop_loss=0.1, position_size=0.5, settings={"volume_limit": 1.0})
    assert results.positions[:, 0].tolist() == [0, 0, 0, 485, 485, 385, 285, 185, 85]


def test_a_reversal_that_is_refused_does_not_leave_the_position_without_a_stop() -> None:
    # Short 515; prices then jump, so that a full reversal is beyond the account, and is refused whole.
    rows = [(close, close, close, close) for close in (*FALLING, 96.0, 96.96, 98.9)]
    bars = bars_of(*rows, (140.0,) * 4, (120.0,) * 4, (118.0,) * 4, (119.0, 160.0, 119.0, 119.0))
    results = run(
        bars,
        stop_loss=0.6,
        position_size=1.0,
        exit_threshold=-5.0,
        settings={"on_insufficient_cash": "reject"},
    )
    assert results.counts["insufficient_cash"] > 0
    assert results.orders["type"].tolist()[-1] == "STOP"
    assert results.positions[-1, 0] == 0.0


def test_the_settings_stand_in_the_manifest() -> None:
    results = run(flat_bars(*RISING, 104.0), stop_loss=0.05)
    assert results.manifest["strategy"] == {
        "name": "MomentumStrategy",
        "parameters": {
            "lookback_period": 2,
            "entry_threshold": 2.0,
            "exit_threshold": 0.0,
            "stop_loss": 0.05,
            "direction": "long_short",
            "position_size": 1.0,
        },
        "sha256": strategy_hash("MomentumStrategy", results.parameters),
    }
