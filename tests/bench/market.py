"""The seeded markets of the benchmark: made once a run and read by every engine, so all see the same numbers.

Prices lie on a grid of one cent. The crossover demands a distance that no rounding of a moving average can
produce, so that engines which sum in different orders still decide alike, and the answers can be compared.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

FAST, SLOW = 20, 100
MARGIN = 1e-5
"""How far the fast mean must be above the slow one; means of cents differ by at least 1e-4 or not at all."""

QUANTITY = 100.0
FEE_RATE = 2e-4
CAPITAL = 100_000.0
Z_DAYS = 21
PORTFOLIO_CAPITAL = 1e8
START_NS = 1_672_531_200 * 10**9  # 2023-01-01
MINUTE_NS = 60 * 10**9
DAY_NS = 1_440 * MINUTE_NS

SWEEP_FAST = tuple(range(5, 45, 2))
SWEEP_SLOW = tuple(range(50, 250, 20))
GRID = tuple((fast, slow) for fast in SWEEP_FAST for slow in SWEEP_SLOW)


@dataclass(frozen=True, slots=True)
class Market:
    """Bars of shape (n_bars,) or (n_days, n_symbols), and the targets decided at each close."""

    ts: npt.NDArray[np.int64]
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    targets: FloatArray


def crossover(close: FloatArray, fast: int = FAST, slow: int = SLOW) -> FloatArray:
    """Shares to hold after each close: QUANTITY while the fast mean is above the slow one, otherwise none."""
    above = mean(close, fast) - mean(close, slow) > MARGIN  # False where either is NaN
    return np.where(above, QUANTITY, 0.0)


def mean(prices: FloatArray, length: int) -> FloatArray:
    """Mean of the last `length` prices; NaN before there are as many."""
    total = np.cumsum(prices)
    out = np.full(len(prices), np.nan)
    out[length - 1 :] = total[length - 1 :]
    out[length:] -= total[:-length]
    out /= length
    return out


def z_score_weights(close: FloatArray, days: int = Z_DAYS) -> FloatArray:
    """Weights against the cross-sectional z-score of the return over `days`; their sizes sum to one."""
    weights = np.full(close.shape, np.nan)
    returns = close[days:] / close[:-days] - 1
    z = (returns - returns.mean(axis=1, keepdims=True)) / returns.std(axis=1, keepdims=True)
    weights[days:] = -z / np.abs(z).sum(axis=1, keepdims=True)
    return weights


def changes(targets: FloatArray) -> FloatArray:
    """The targets where they change, otherwise NaN: for engines that send an order for every number."""
    changed = np.full(targets.shape, np.nan)
    moved = np.concatenate([[targets[0] != 0], targets[1:] != targets[:-1]])
    changed[moved] = targets[moved]
    return changed


def delayed(array: FloatArray) -> FloatArray:
    """Each row one bar later, NaN in the first: a decision at a close carried to the next open."""
    later = np.full(array.shape, np.nan)
    later[1:] = array[:-1]
    return later


def minutes(n_bars: int, seed: int = 1) -> Market:
    """One instrument, one-minute bars from 100, and the targets of the SMA crossover."""
    o, h, low, c = _prices(n_bars, 1, volatility=2e-4, gap=5e-5, seed=seed)
    ts = START_NS + MINUTE_NS * np.arange(n_bars, dtype=np.int64)
    volume = np.random.default_rng(seed + 1).integers(1_000, 100_000, n_bars).astype(np.float64)
    close = c[:, 0]
    return Market(ts, o[:, 0], h[:, 0], low[:, 0], close, volume, crossover(close))


def panel(n_days: int, n_symbols: int, seed: int = 2) -> Market:
    """Daily bars of many instruments, and weights that are rebalanced at every close."""
    o, h, low, c = _prices(n_days, n_symbols, volatility=0.015, gap=0.004, seed=seed)
    ts = START_NS + DAY_NS * np.arange(n_days, dtype=np.int64)
    volume = np.full(c.shape, 1e6)
    return Market(ts, o, h, low, c, volume, z_score_weights(c))


def _prices(
    n_bars: int, n_symbols: int, *, volatility: float, gap: float, seed: int
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, volatility, (n_bars, n_symbols)), axis=0))
    opens = np.vstack([close[:1], close[:-1]]) * np.exp(rng.normal(0, gap, close.shape))
    reach = np.abs(rng.normal(0, volatility / 2, close.shape))
    high, low = np.maximum(opens, close) * (1 + reach), np.minimum(opens, close) * (1 - reach)
    o, h, low, c = (np.ascontiguousarray(np.round(prices, 2)) for prices in (opens, high, low, close))
    return o, h, low, c


def save(market: Market, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in Market.__slots__:
        np.save(folder / f"{name}.npy", getattr(market, name))


def load(folder: Path) -> Market:
    columns: dict[str, Any] = {name: np.load(folder / f"{name}.npy") for name in Market.__slots__}
    return Market(**columns)


if __name__ == "__main__":
    to, shrink = Path(sys.argv[1]), int(sys.argv[2])
    save(minutes(1_000_000 // shrink), to / "minutes")
    save(panel(2_520 // shrink, 500), to / "panel")
    save(minutes(100_000 // shrink, seed=3), to / "sweep")
    save(minutes(2_000, seed=4), to / "small")
