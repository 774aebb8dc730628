"""NumPy alone: what the arithmetic costs where nothing is an order.

The answers of these formulas are what the engines are compared with: no rounding to lots or ticks, no ledger,
no metrics.
"""

from __future__ import annotations

import numpy as np

import market as mk
from engines import Setup
from market import FloatArray, Market

NEEDS = ("numpy",)


def arrays(m: Market) -> Setup:
    return lambda: lambda: final_equity(m.open, m.close, m.targets)


def arrays_with_signals(m: Market) -> Setup:
    return lambda: lambda: final_equity(m.open, m.close, mk.crossover(m.close))


def sweep(m: Market) -> Setup:
    def work() -> float:
        means = {n: mk.mean(m.close, n) for n in {*mk.SWEEP_FAST, *mk.SWEEP_SLOW}}
        total = 0.0
        for fast, slow in mk.GRID:
            targets = np.where(means[fast] - means[slow] > mk.MARGIN, mk.QUANTITY, 0.0)
            total += final_equity(m.open, m.close, targets)
        return total

    return lambda: work


def rebalance(m: Market) -> Setup:
    def work() -> float:
        """Fractions of shares, sized at the close of the decision, filled at the next open."""
        cash, equity, held = mk.PORTFOLIO_CAPITAL, mk.PORTFOLIO_CAPITAL, np.zeros(m.close.shape[1])
        for t in range(1, len(m.close)):
            if not np.isnan(m.targets[t - 1, 0]):
                wanted = m.targets[t - 1] * equity / m.close[t - 1]
                value = (wanted - held) * m.open[t]
                cash -= value.sum() + mk.FEE_RATE * np.abs(value).sum()
                held = wanted
            equity = cash + held @ m.close[t]
        return float(equity)

    return lambda: work


def final_equity(opens: FloatArray, close: FloatArray, targets: FloatArray) -> float:
    """Cash and shares at the last close, each change of the target traded at the next open."""
    traded = np.diff(targets[:-1], prepend=0.0)
    value = traded * opens[1:]
    equity = mk.CAPITAL - np.cumsum(value + mk.FEE_RATE * np.abs(value)) + targets[:-1] * close[1:]
    return float(equity[-1])
