"""The capacity of a backtest: what its fills were of the volume, and how restless their markets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab.errors import DataError
from omni_lab.portfolio.capacity import Capacity
from omni_lab.portfolio.capacity import capacity as at_every_size
from omni_lab.portfolio.performance import per_step_rate
from omni_lab.simulator.marks import last_known
from omni_lab.typing import FloatArray

if TYPE_CHECKING:
    from omni_lab.simulator.results import BacktestResults
    from omni_lab.simulator.run import Run

_VOLATILITY_STEPS = 21


def capacity(
    results: BacktestResults, run: Run, *, impact: float, limit: float, quantile: float, volume: Any
) -> Capacity:
    """See :meth:`BacktestResults.capacity`."""
    bars, fills = results.bars, results.fills
    traded = bars.volume() if volume is None else volume
    if traded is None:
        raise DataError(
            "capacity needs volumes, and these bars have none",
            found=f"bars of {results.listed_symbols}",
            expected="bars with volume, or volume=…",
            where="capacity",
            hint="Pass volume=1e6 for a million a bar, or an array of shape (n_times, n_symbols).",
        )
    volumes = np.broadcast_to(np.asarray(traded, dtype=np.float64), (bars.n_times, bars.n_symbols))
    steps, codes = run.fills["step"], run.fills["symbol"]
    with np.errstate(divide="ignore", invalid="ignore"):
        participation = fills["qty"] / volumes[steps, codes]
    return at_every_size(
        results.returns,
        results["periods_per_year"],
        initial_capital=results.config.initial_capital,
        step=steps,
        weight=fills["notional"] / results.equity[steps],
        participation=np.where(np.isfinite(participation), participation, np.nan),
        sigma=volatility(bars.close())[steps, codes],
        riskless=per_step_rate(results.config.risk_free_rate, results["periods_per_year"]),
        impact=impact,
        limit=limit,
        quantile=quantile,
    )


def volatility(close: FloatArray, window: int = _VOLATILITY_STEPS) -> FloatArray:
    """Standard deviation of the last returns before each step, of each column; per step.

    The first steps take that of the first window, so that no fill is without one; NaN where there are fewer
    than two returns.
    """
    prices = last_known(close)
    moves = np.zeros_like(prices)
    moves[1:] = np.nan_to_num(prices[1:] / prices[:-1] - 1.0)
    n = len(moves)
    if n < 3:
        return np.full_like(prices, np.nan)
    window = min(window, n - 2)
    # Running sums: windows of a million steps would not fit the memory of a small machine.
    total, square = (np.cumsum(power, axis=0) for power in (moves, moves * moves))
    mean = (total[window:] - total[:-window]) / window
    spread = np.sqrt(np.maximum((square[window:] - square[:-window]) / window - mean * mean, 0.0))
    before = np.minimum(np.maximum(np.arange(n) - window - 1, 0), len(spread) - 1)
    return np.asarray(spread[before])
