"""How much was traded and held, and what the closed trades came to."""

import math

import numpy as np

from omni_lab.portfolio import _checks as check
from omni_lab.typing import ArrayLike, BoolArray

# Long arrays are worked through in blocks: fresh memory for a million floats costs more than the arithmetic.
_BLOCK = 8192


def turnover(traded_notional: float, equity: ArrayLike, periods_per_year: float) -> float:
    """Notional traded per year over the mean equity.

    Buys and sells both count: to buy with the whole equity and to sell again, once a year, is a turnover of
    two. NaN without steps, or where the mean equity is not positive.
    """
    values = check.floats(equity, "equity")
    mean = float(values.mean()) if len(values) else math.nan
    return traded_notional / mean * periods_per_year / len(values) if mean > 0.0 else math.nan


def exposure(gross_exposure: ArrayLike) -> float:
    """Fraction of the steps that end with a position; NaN without steps."""
    return _fraction(check.floats(gross_exposure, "gross_exposure") != 0.0)


def mean_leverage(gross_exposure: ArrayLike, equity: ArrayLike) -> float:
    """Mean of ``gross exposure / equity`` over the steps with a positive equity; NaN without any."""
    gross, values = check.floats(gross_exposure, "gross_exposure"), check.floats(equity, "equity")
    check.same_length(gross_exposure=gross, equity=values)
    total, n_solvent = 0.0, 0
    for start in range(0, len(values), _BLOCK):
        position, account = gross[start : start + _BLOCK], values[start : start + _BLOCK]
        solvent = ~(account <= 0.0)
        if not solvent.all():
            position, account = position[solvent], account[solvent]
        total += float((position / account).sum())
        n_solvent += len(account)
    return total / n_solvent if n_solvent else math.nan


def hit_rate(trade_pnl: ArrayLike) -> float:
    """Fraction of the closed trades that made money, NaN without trades; to come out even is not a hit."""
    return _fraction(check.floats(trade_pnl, "trade_pnl") > 0.0)


def profit_factor(trade_pnl: ArrayLike) -> float:
    """Money won in winning trades over money lost in losing ones.

    Infinite when trades won and none lost, NaN when none did either.
    """
    pnl = check.floats(trade_pnl, "trade_pnl")
    won, lost = float(pnl[pnl > 0.0].sum()), -float(pnl[pnl < 0.0].sum())
    if lost > 0.0:
        return won / lost
    return math.inf if won > 0.0 else math.nan


def _fraction(mask: BoolArray) -> float:
    return int(np.count_nonzero(mask)) / len(mask) if len(mask) else math.nan
