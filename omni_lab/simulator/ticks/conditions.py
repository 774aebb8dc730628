"""Where conditions hold, for whole panels of bars."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from omni_lab.data.bars import Bars
from omni_lab.strategies.indicators import Condition
from omni_lab.typing import FloatArray

Known = tuple[NDArray[np.bool_], NDArray[np.bool_]]
"""Where something is true, and where it is known at all."""


def holds_at(bars: Bars, condition: Condition) -> NDArray[np.bool_]:
    """Cells of a panel at which a condition is true, shape (n_times, n_symbols)."""
    true, known = _evaluated(bars, condition.spelled)
    return true & known


def _evaluated(bars: Bars, spelled: Any) -> Known:
    name = spelled[0]
    if name == "not":
        return _not(_evaluated(bars, spelled[1]))
    if name in ("and", "or"):
        a, b = (_evaluated(bars, each) for each in spelled[1:])
        return _both(a, b) if name == "and" else _not(_both(_not(a), _not(b)))
    left, right = (_operand(bars, each) for each in spelled[1:])
    with np.errstate(invalid="ignore"):
        now = left > right if name.endswith("above") else left < right
    compared = now, ~(np.isnan(left) | np.isnan(right))
    return (
        compared if name in ("above", "below") else _both(compared, _not(_at_the_bar_before(bars, compared)))
    )


def _not(fact: Known) -> Known:
    return ~fact[0], fact[1]


def _both(a: Known, b: Known) -> Known:
    """Whether both hold: false as soon as one is, whatever the other (Kleene's logic)."""
    known = (a[1] & b[1]) | (a[1] & ~a[0]) | (b[1] & ~b[0])
    return a[0] & b[0] & a[1] & b[1], known


def _operand(bars: Bars, spelled: Any) -> FloatArray:
    if isinstance(spelled, float):
        return np.full((bars.n_times, bars.n_symbols), spelled)
    return bars.native.indicator(*spelled)


def _at_the_bar_before(bars: Bars, fact: Known) -> Known:
    present = ~np.isnan(bars.close())
    true, known = np.zeros_like(fact[0]), np.zeros_like(fact[1])
    for column in range(bars.n_symbols):
        rows = np.flatnonzero(present[:, column])
        true[rows[1:], column] = fact[0][rows[:-1], column]
        known[rows[1:], column] = fact[1][rows[:-1], column]
    return true, known
