"""Small markets whose numbers a reader can check, and a strategy that acts as a test says."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from omni_lab.data import Bars
from omni_lab.domain import Instrument
from omni_lab.simulator import BacktestResults, EventSimulator, SimulationConfig
from omni_lab.strategies import Bar, Context, Fill, Strategy
from omni_lab.typing import FloatArray, IntArray

DAY_NS = 86_400 * 10**9
START_NS = 1_704_067_200 * 10**9  # 2024-01-01

Row = tuple[float, float, float, float]


def days(n: int) -> IntArray:
    """Midnights from 2024-01-01 on."""
    return START_NS + DAY_NS * np.arange(n, dtype=np.int64)


def bars_of(
    *rows: Row, volume: Sequence[float] | None = None, lot_size: float = 1.0, symbol: str = "X"
) -> Bars:
    """Daily bars from rows of open, high, low, close."""
    opens, high, low, close = np.array(rows, dtype=np.float64).T
    instruments = [Instrument(symbol, tick_size=0.01, lot_size=lot_size)]
    return Bars.from_arrays(days(len(rows)), opens, high, low, close, volume, instruments=instruments)


def flat_bars(*closes: float, symbol: str = "X", volume: Sequence[float] | None = None) -> Bars:
    """Daily bars that never move between their open and their close."""
    return bars_of(*((close, close, close, close) for close in closes), symbol=symbol, volume=volume)


def random_bars(n_times: int, n_symbols: int = 1, *, seed: int = 0, missing: float = 0.0) -> Bars:
    """Random walks in cents, with volumes, some bars missing where there are several instruments."""
    rng = np.random.default_rng(seed)
    shape = (n_times, n_symbols)
    close = np.round(100.0 * np.exp(np.cumsum(0.01 * rng.standard_normal(shape), axis=0)), 2)
    opens = np.round(np.vstack([close[:1], close[:-1]]) * np.exp(0.004 * rng.standard_normal(shape)), 2)
    high = np.round(np.maximum(opens, close) * np.exp(0.004 * rng.random(shape)), 2)
    low = np.round(np.minimum(opens, close) * np.exp(-0.004 * rng.random(shape)), 2)
    volume = rng.integers(100, 10_000, shape).astype(np.float64)
    hole = rng.random(shape) < missing
    hole[0, :] = hole[:, 0] = False
    columns = [np.where(hole, np.nan, column) for column in (opens, high, low, close, volume)]
    symbols = [f"S{column}" for column in range(n_symbols)]
    return Bars.from_arrays(days(n_times), *columns, symbols=symbols)


Act = Callable[[Context, Bar], object]


class Script(Strategy):
    """Does at each step what the test says, and remembers its fills."""

    def __init__(self, acts: Mapping[int, Act] | Act) -> None:
        self.acts = acts
        self.fills: list[tuple[int, str, float, float]] = []

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        if not isinstance(self.acts, Mapping):
            self.acts(ctx, bar)
        elif bar.index in self.acts:
            self.acts[bar.index](ctx, bar)

    def on_fill(self, ctx: Context, fill: Fill) -> None:
        self.fills.append((fill.index, fill.side, fill.qty, fill.price))


def run(acts: Mapping[int, Act] | Act, bars: Bars, **settings: Any) -> BacktestResults:
    """Results of a script."""
    return EventSimulator(SimulationConfig(**settings)).run_backtest(Script(acts), bars)


def hold(bars: Bars) -> FloatArray:
    """A vectorised strategy that is always fully invested, in equal parts."""
    return np.full((bars.n_times, bars.n_symbols), 1.0 / bars.n_symbols)


def executed(results: BacktestResults) -> list[tuple[int, str, float, float]]:
    """Step, side, quantity and price of every fill."""
    fills = results.fills
    steps = np.searchsorted(results.ts, fills["ts"])
    columns = (steps, fills["side"], fills["qty"], fills["price"])
    return [(int(s), str(b), float(q), float(p)) for s, b, q, p in zip(*columns, strict=True)]
