"""OmniLab, the default settings with a fee: from NumPy arrays, and from bars that are already loaded."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import market as mk
from engines import Setup
from market import FloatArray, Market
from omni_lab.data import Bars
from omni_lab.domain import Instrument
from omni_lab.simulator import EventSimulator, SimulationConfig
from omni_lab.strategies import Bar, Context, Strategy

NEEDS = ("omni-lab", "numpy")
CONFIG = SimulationConfig(initial_capital=mk.CAPITAL, commission_rate=mk.FEE_RATE)


class Crossover(Strategy):
    def on_start(self, ctx: Context) -> None:
        self.fast, self.slow = ctx.sma(mk.FAST), ctx.sma(mk.SLOW)
        self.invested = False

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        above = self.fast.value - self.slow.value > mk.MARGIN
        if above is not self.invested:
            self.invested = above
            if above:
                ctx.buy(mk.QUANTITY)
            else:
                ctx.sell(mk.QUANTITY)


class Cases:
    """The cases, with the bars made while the clock runs, or before."""

    def __init__(self, *, loaded: bool) -> None:
        self.loaded = loaded

    def arrays(self, m: Market) -> Setup:
        bars = self._bars_of(m)
        return lambda: lambda: final_equity(bars(), m.targets)

    def arrays_with_signals(self, m: Market) -> Setup:
        bars = self._bars_of(m)
        return lambda: lambda: final_equity(bars(), mk.crossover(m.close))

    def callback(self, m: Market) -> Setup:
        bars = self._bars_of(m)

        def work() -> float:
            results = EventSimulator(CONFIG).run_backtest(Crossover(), bars(), progress=False)
            return float(results.equity[-1])

        return lambda: work

    def rebalance(self, m: Market) -> Setup:
        instruments = [Instrument(f"S{s}", lot_size=1e-6) for s in range(m.close.shape[1])]
        bars = self._bars_of(m, instruments)
        config = SimulationConfig(
            initial_capital=mk.PORTFOLIO_CAPITAL, commission_rate=mk.FEE_RATE, max_leverage=None
        )

        def work() -> float:
            results = EventSimulator(config).run_targets(bars(), m.targets, kind="weight", progress=False)
            return float(results.equity[-1])

        return lambda: work

    def sweep(self, m: Market) -> Setup:
        bars = self._bars_of(m)
        grid = [{"fast": fast, "slow": slow} for fast, slow in mk.GRID]

        def work() -> float:
            mean_of = {n: mk.mean(m.close, n) for n in (*mk.SWEEP_FAST, *mk.SWEEP_SLOW)}

            def signals(_: Bars, fast: int, slow: int) -> FloatArray:
                return np.where(mean_of[fast] - mean_of[slow] > mk.MARGIN, mk.QUANTITY, 0.0)

            results = EventSimulator(CONFIG).sweep(bars(), signals, grid, progress=False, kind="quantity")
            return float(results.metrics["final_equity"].sum())

        return lambda: work

    def _bars_of(self, m: Market, instruments: list[Instrument] | None = None) -> Callable[[], Bars]:
        def make() -> Bars:
            return Bars.from_arrays(
                m.ts,
                m.open,
                m.high,
                m.low,
                m.close,
                m.volume,
                instruments=instruments or [Instrument("SYNTH")],
            )

        bars = make() if self.loaded else None
        return lambda: make() if bars is None else bars


from_arrays, loaded = Cases(loaded=False), Cases(loaded=True)


def final_equity(bars: Bars, targets: FloatArray) -> float:
    results = EventSimulator(CONFIG).run_targets(bars, targets, progress=False)
    return float(results.equity[-1])
