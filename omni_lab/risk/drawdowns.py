"""Drawdowns: how far an equity curve is below its own peak, for how long, and which falls were the worst.

The peak before the first step is the initial capital. A curve comes in as an array, one value per step. NaN
in the equity makes everything from there on NaN.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from omni_lab.risk import _checks as check
from omni_lab.typing import ArrayLike, FloatArray, IntArray

NS_PER_DAY = 86_400_000_000_000


@dataclass(frozen=True, slots=True)
class Drawdown:
    """One fall of the equity from a peak, and its recovery if there was one.

    Attributes
    ----------
    peak : int
        Last step at the peak; −1 when the peak is the initial capital, before the first step.
    trough : int
        First step at the lowest equity.
    end : int
        First step back at the peak or above it; the last step of the curve when it never came back.
    depth : float
        Equity at the trough relative to the peak, minus one: a negative fraction.
    recovered : bool
        Whether the peak was reached again.
    """

    peak: int
    trough: int
    end: int
    depth: float
    recovered: bool

    @property
    def length(self) -> int:
        """Steps from the peak to the recovery, or to the end of the curve."""
        return self.end - self.peak


def drawdown(equity: ArrayLike, initial_capital: float) -> FloatArray:
    """Equity relative to its running peak, minus one.

    ``equity[t] / max(initial_capital, equity[0], …, equity[t]) − 1``.

    Parameters
    ----------
    equity : array-like of float, shape (n_steps,)
        Equity after each step.
    initial_capital : float
        Equity before the first step, positive.

    Returns
    -------
    ndarray of float64, shape (n_steps,)
        Zero at a peak and negative below it; below −1 where the equity is negative.

    Raises
    ------
    ConfigError
        If the initial capital is not a positive number.
    ShapeError
        If the equity is not one-dimensional.
    """
    values = check.floats(equity, "equity")
    depths = np.maximum.accumulate(values)
    np.maximum(depths, check.capital(initial_capital), out=depths)
    np.divide(values, depths, out=depths)
    depths -= 1.0
    return depths


def max_drawdown(equity: ArrayLike, initial_capital: float) -> float:
    """Worst value of `drawdown`: a negative fraction, 0 if the equity never fell, NaN without steps."""
    depths = drawdown(equity, initial_capital)
    return float(depths.min()) if len(depths) else float("nan")


def max_drawdown_length(equity: ArrayLike, initial_capital: float) -> int:
    """Longest way from a peak to its recovery, or to the end of the curve, in steps.

    The longest fall need not be the deepest. A step down that the next step makes good counts 2: one down,
    one up. 0 if the equity never fell.
    """
    return find_falls(drawdown(equity, initial_capital)).n_steps


def max_drawdown_days(equity: ArrayLike, ts: ArrayLike, initial_capital: float) -> float:
    """Longest way from a peak to its recovery, or to the end of the curve, in days of 24 hours.

    A fall from the initial capital is counted from the first step, the first one whose time is known.
    """
    depths, ns = drawdown(equity, initial_capital), check.times(ts)
    check.same_length(equity=depths, ts=ns)
    return find_falls(depths).n_days(ns)


def time_under_water(equity: ArrayLike, initial_capital: float) -> float:
    """Fraction of the steps that end below an earlier peak; NaN without steps."""
    depths = drawdown(equity, initial_capital)
    return find_falls(depths).n_steps_under_water / len(depths) if len(depths) else float("nan")


def top_drawdowns(equity: ArrayLike, initial_capital: float, k: int = 5) -> tuple[Drawdown, ...]:
    """Deepest falls, the deepest first and the earlier one first among equals.

    A fall runs from a peak to the first step back at it, so falls do not overlap.

    Parameters
    ----------
    equity : array-like of float, shape (n_steps,)
        Equity after each step.
    initial_capital : float
        Equity before the first step, positive.
    k : int, default 5
        How many to return at most.

    Returns
    -------
    tuple of Drawdown
        Fewer than `k` when the equity fell less often.
    """
    depths = drawdown(equity, initial_capital)
    first, end, stop = find_falls(depths)
    if not len(first):
        return ()
    # reduceat runs from one start to the next: what lies between two falls is zero and so never the minimum.
    worst = np.minimum.reduceat(depths, first)
    deepest = np.argsort(worst, kind="stable")[: max(k, 0)]
    return tuple(
        Drawdown(
            peak=int(first[i]) - 1,
            trough=int(first[i] + np.argmin(depths[first[i] : stop[i]])),
            end=int(end[i]),
            depth=float(worst[i]),
            recovered=bool(stop[i] < len(depths)),
        )
        for i in deepest
    )


class Falls(NamedTuple):
    """All falls of a curve, in order; arrays of shape (n_falls,)."""

    first: IntArray  # first step under water
    end: IntArray  # first step back at the peak, or the last step of the curve
    stop: IntArray  # one past the last step under water

    @property
    def n_steps(self) -> int:
        """Length of the longest way from a peak, in steps."""
        return int((self.end - self.first + 1).max(initial=0))

    @property
    def n_steps_under_water(self) -> int:
        """How many steps are below an earlier peak."""
        return int((self.stop - self.first).sum())

    def n_days(self, ts: IntArray) -> float:
        """Length of the longest way from a peak, in days."""
        return float((ts[self.end] - ts[np.maximum(self.first - 1, 0)]).max(initial=0)) / NS_PER_DAY


def find_falls(depths: FloatArray) -> Falls:
    """Falls of a curve whose `drawdown` is known already."""
    under = np.zeros(len(depths) + 2, dtype=np.bool_)
    np.less(depths, 0.0, out=under[1:-1])
    edges = np.flatnonzero(under[1:] != under[:-1])
    first, stop = edges[0::2], edges[1::2]
    return Falls(first, np.minimum(stop, len(depths) - 1), stop)
