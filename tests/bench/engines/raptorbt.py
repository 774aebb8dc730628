"""raptorbt: entry and exit arrays, and its Strategy class, both executed at the next bar's open.

It sizes by a fraction of equity and reinvests, so its final equity is not that of a hundred shares; the
formula for its own sizing stands at the end, and its answers are held against that.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import raptorbt

import market as mk
from engines import Setup
from market import FloatArray, Market

BoolArray = npt.NDArray[np.bool_]
NEEDS = ("raptorbt",)
NOTES = dict.fromkeys(("arrays", "arrays_with_signals", "callback", "sweep"), "reinvests all equity")


def arrays(m: Market) -> Setup:
    entries, exits = crossings(m.targets > 0)
    return lambda: lambda: float(run(m, entries, exits).equity_curve()[-1])


def arrays_with_signals(m: Market) -> Setup:
    def work() -> float:
        above = raptorbt.sma(m.close, mk.FAST) - raptorbt.sma(m.close, mk.SLOW) > mk.MARGIN
        return float(run(m, *crossings(above)).equity_curve()[-1])

    return lambda: work


class Crossover(raptorbt.Strategy):
    def on_start(self, ctx: Any) -> None:
        self.fast = raptorbt.sma(ctx.close, mk.FAST)
        self.slow = raptorbt.sma(ctx.close, mk.SLOW)
        self.invested = False

    def on_bar(self, ctx: Any) -> None:
        i = ctx.idx
        above = self.fast[i] - self.slow[i] > mk.MARGIN
        if above and not self.invested:
            self.enter()
            self.invested = True
        elif not above and self.invested:
            self.close_position()
            self.invested = False


def callback(m: Market) -> Setup:
    def work() -> float:
        columns = (m.ts, m.open, m.high, m.low, m.close, m.volume)
        result = raptorbt.run_strategy_backtest(Crossover(), *columns, symbol="X", config=config())
        return float(result.equity_curve()[-1])

    return lambda: work


def sweep(m: Market) -> Setup:
    def work() -> float:
        mean_of = {n: raptorbt.sma(m.close, n) for n in (*mk.SWEEP_FAST, *mk.SWEEP_SLOW)}
        items = [
            raptorbt.BatchSingleItem(f"{fast}/{slow}", *crossings(mean_of[fast] - mean_of[slow] > mk.MARGIN))
            for fast, slow in mk.GRID
        ]
        columns = (m.ts, m.open, m.high, m.low, m.close, m.volume)
        results = raptorbt.batch_single_backtest(*columns, items, config())
        return sum(float(result.equity_curve()[-1]) for _, result in results)

    return lambda: work


def config() -> raptorbt.BacktestConfig:
    return raptorbt.BacktestConfig(
        initial_capital=mk.CAPITAL, fees=mk.FEE_RATE, slippage=0.0, fill_timing="next_bar_open"
    )


def run(m: Market, entries: BoolArray, exits: BoolArray) -> raptorbt.BacktestResult:
    columns = (m.ts, m.open, m.high, m.low, m.close, m.volume)
    return raptorbt.run_single_backtest(*columns, entries, exits, 1, 1.0, "X", config())


def crossings(above: BoolArray) -> tuple[BoolArray, BoolArray]:
    """Where the signal turns on, and where it turns off."""
    before = np.concatenate([[False], above[:-1]])
    return above & ~before, before & ~above


def expected_arrays(m: Market) -> float:
    return reinvested(m.open, m.close, m.targets > 0)


expected_arrays_with_signals = expected_callback = expected_arrays


def expected_sweep(m: Market) -> float:
    return sum(reinvested(m.open, m.close, mk.crossover(m.close, *pair) > 0) for pair in mk.GRID)


def reinvested(opens: FloatArray, close: FloatArray, above: BoolArray) -> float:
    """All cash less the fee buys at the next open; the part of a fee on the fee stays as cash."""
    cash, shares = mk.CAPITAL, 0.0
    for t in np.flatnonzero(np.diff(above[:-1], prepend=False)).tolist():
        price = opens[t + 1]
        if above[t]:
            shares = cash * (1 - mk.FEE_RATE) / price
            cash -= shares * price * (1 + mk.FEE_RATE)
        else:
            cash += shares * price * (1 - mk.FEE_RATE)
            shares = 0.0
    return float(cash + shares * close[-1])
