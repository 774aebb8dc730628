"""How likely it is that the best of many backtests is no better than most: combinatorial cross-validation.

The returns of all trials are cut into blocks of time. Every way to take half of the blocks as a past and the
other half as its future is tried: whoever was best in that past, how did they do in that future?

References
----------
.. [1] Bailey, Borwein, López de Prado and Zhu, "The probability of backtest overfitting", Journal of
   Computational Finance 20(4), 2017.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from omni_lab.errors import ConfigError, DataError, ShapeError
from omni_lab.typing import ArrayLike, BoolArray, FloatArray, IntArray

N_BLOCKS = 16
_MOST_BLOCKS = 20  # 184,756 splits
_CELLS = 2_000_000
_GRID = 400


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Overfitting:
    """What became of the best trial of each past in its future.

    Sharpe ratios are **per period, not annual**.

    Attributes
    ----------
    n_obs, n_trials, n_blocks : int
        Returns used (those before them, which fill no whole block, are left out), trials, blocks of time.
    chosen : ndarray of int64, shape (n_splits,)
        Which trial was best in sample.
    in_sample, out_of_sample : ndarray of float64, shape (n_splits,)
        Its Sharpe ratio in the half it was chosen on, and in the other.
    logits : ndarray of float64, shape (n_splits,)
        ``ln(ω / (1 − ω))`` of its relative rank out of sample, ``ω = rank / (n_trials + 1)``; zero is the
        median, and below it half of the other trials did better.
    pbo : float
        Probability of backtest overfitting: share of logits that are not above zero.
    slope, intercept : float
        Of the line through (in_sample, out_of_sample) by least squares. A slope that is not positive says
        that the better the choice looked, the worse it was.
    r_squared : float
        Of that line.
    probability_of_loss : float
        Share of splits in which the choice had a negative Sharpe ratio out of sample.
    grid : ndarray of float64, shape (n_points,)
        Sharpe ratios at which the two distributions below are told.
    chosen_cdf, any_cdf : ndarray of float64, shape (n_points,)
        Share of splits whose choice, and of all trials in all splits, that did no better out of sample.
    """

    n_obs: int
    n_trials: int
    n_blocks: int
    chosen: IntArray
    in_sample: FloatArray
    out_of_sample: FloatArray
    logits: FloatArray
    pbo: float
    slope: float
    intercept: float
    r_squared: float
    probability_of_loss: float
    grid: FloatArray
    chosen_cdf: FloatArray
    any_cdf: FloatArray

    @property
    def n_splits(self) -> int:
        """Ways to take half of the blocks."""
        return len(self.logits)

    @property
    def dominates_first_order(self) -> bool:
        """Whether choosing the best in sample is better than choosing blindly, for whoever prefers more.

        First-order stochastic dominance: at every level the choice falls short no more often, and at some
        level less often.
        """
        gap = self.any_cdf - self.chosen_cdf
        return bool((gap >= -1e-12).all() and (gap > 1e-12).any())

    @property
    def dominates_second_order(self) -> bool:
        """The same for whoever prefers more and dislikes risk: areas below the two curves, from the left."""
        steps = np.diff(self.grid, append=self.grid[-1:])
        area = np.cumsum((self.any_cdf - self.chosen_cdf) * steps)
        size = float(np.abs(area).max(initial=0.0))
        return bool(size > 0.0 and (area >= -1e-9 * size).all())

    def plot(self, *, periods_per_year: float = 1.0, theme: str = "light") -> Any:
        """Ranks out of sample, and promise against delivery, as a figure; annual with periods_per_year."""
        from omni_lab.figures import overfitting_figure

        told = (self.logits, self.in_sample, self.out_of_sample)
        return overfitting_figure(*told, periods_per_year=periods_per_year, theme=theme)

    def __repr__(self) -> str:
        return (
            f"Overfitting(PBO {self.pbo:.2f} of {self.n_trials} trials in {self.n_splits:,} splits, "
            f"probability of loss {self.probability_of_loss:.2f}, slope {self.slope:.2f})"
        )


def backtest_overfitting(
    returns: ArrayLike, *, n_blocks: int = N_BLOCKS, riskless: float = 0.0
) -> Overfitting:
    """Probability of backtest overfitting, by combinatorially symmetric cross-validation.

    Parameters
    ----------
    returns : array-like of float, shape (n_obs, n_trials)
        Returns per period, one column a trial, all of the same periods.
    n_blocks : int, default 16
        Blocks S of equal length that the periods are cut into: even, at least 2, at most 20. The number of
        splits is S over S / 2: 12,870 for 16. Each block should be long enough for the dependence between
        days to stay within it.
    riskless : float, default 0
        Rate **per period** that Sharpe ratios are measured against.

    Returns
    -------
    Overfitting

    Raises
    ------
    ShapeError
        If the returns are not a table, or one of fewer than two trials or two periods a block.
    DataError
        If a return is not finite. A trial that does not vary in a half has a Sharpe ratio of zero there.
    ConfigError
        If the number of blocks cannot be used.

    Notes
    -----
    Sharpe ratios of a union of blocks follow from the sums and sums of squares of each block, so that a split
    costs a few additions a trial however many periods there are. Ties in rank share their mean.

    References
    ----------
    .. [1] Bailey, Borwein, López de Prado and Zhu, 2017, section 4 (the procedure, steps 1 to 7), section 5
       (overfit statistics).
    """
    table = _checked(returns, n_blocks) - riskless
    length = len(table) // n_blocks
    table = table[len(table) - length * n_blocks :]
    centre = table.mean(axis=0)
    blocks = (table - centre).reshape(n_blocks, length, -1)
    sums, squares = blocks.sum(axis=1), np.einsum("ijk,ijk->ik", blocks, blocks)
    n_half = length * n_blocks // 2
    parts = []
    for past in _halves(n_blocks, table.shape[1]):
        inside = _sharpe(past @ sums, past @ squares, n_half, centre)
        outside = _sharpe(~past @ sums, ~past @ squares, n_half, centre)
        row, best = np.arange(len(past)), inside.argmax(axis=1)
        mark = outside[row, best][:, np.newaxis]
        rank = (outside < mark).sum(axis=1) + 0.5 * ((outside == mark).sum(axis=1) + 1.0)
        parts.append((best, inside[row, best], mark[:, 0], rank, outside.min(), outside.max()))
    best, chosen_in, chosen_out, rank = (np.concatenate([part[i] for part in parts]) for i in range(4))
    grid = np.linspace(min(part[4] for part in parts), max(part[5] for part in parts), _GRID)
    omega = rank / (table.shape[1] + 1.0)
    logits = np.log(omega / (1.0 - omega))
    slope, intercept, r_squared = _line(chosen_in, chosen_out)
    return Overfitting(
        n_obs=len(table),
        n_trials=table.shape[1],
        n_blocks=n_blocks,
        chosen=best.astype(np.int64),
        in_sample=chosen_in,
        out_of_sample=chosen_out,
        logits=logits,
        pbo=float((logits <= 0.0).mean()),
        slope=slope,
        intercept=intercept,
        r_squared=r_squared,
        probability_of_loss=float((chosen_out < 0.0).mean()),
        grid=grid,
        chosen_cdf=np.searchsorted(np.sort(chosen_out), grid, side="right") / len(chosen_out),
        any_cdf=_pooled(sums, squares, n_half, centre, grid),
    )


def _checked(returns: ArrayLike, n_blocks: int) -> FloatArray:
    table = np.asarray(returns, dtype=np.float64)
    if n_blocks % 2 or not 2 <= n_blocks <= _MOST_BLOCKS:
        raise ConfigError(
            "the blocks cannot be halved",
            found=n_blocks,
            expected=f"an even number from 2 to {_MOST_BLOCKS}",
            where="n_blocks",
        )
    if table.ndim != 2 or table.shape[1] < 2 or len(table) < 2 * n_blocks:
        raise ShapeError(
            "overfitting needs a choice among trials, and time to cut into blocks",
            found=table.shape,
            expected=f"(n_obs, n_trials) with at least {2 * n_blocks} returns of at least 2 trials",
            where="returns",
        )
    if not np.isfinite(table).all():
        row, column = np.argwhere(~np.isfinite(table))[0]
        raise DataError(
            "a return is not a number",
            found=float(table[row, column]),
            where=f"row {row}, trial {column}",
            hint="Leave out trials that were ruined.",
        )
    return table


def _halves(n_blocks: int, n_trials: int, every: int = 1) -> Iterator[BoolArray]:
    """Which blocks are the past, one split a row, in batches; with `every`, only each so-manieth split."""
    picked = np.array(list(combinations(range(n_blocks), n_blocks // 2)))[::every]
    past = np.zeros((len(picked), n_blocks), dtype=np.bool_)
    np.put_along_axis(past, picked, True, axis=1)
    size = max(1, _CELLS // n_trials)
    for start in range(0, len(past), size):
        yield past[start : start + size]


def _sharpe(total: FloatArray, square: FloatArray, n: int, centre: FloatArray) -> FloatArray:
    """Sharpe ratios from sums of centred returns; 0 where nothing varies but by rounding."""
    mean = total / n
    variance = (square - mean * total) / (n - 1)
    varies = variance > 1e-12 * np.maximum(square / n, centre * centre)
    return np.asarray(np.where(varies, (mean + centre) / np.sqrt(np.where(varies, variance, 1.0)), 0.0))


def _pooled(
    sums: FloatArray, squares: FloatArray, n_half: int, centre: FloatArray, grid: FloatArray
) -> FloatArray:
    """Distribution of all trials' ratios out of sample. Of very many, some splits evenly chosen will do."""
    n_blocks, n_trials = sums.shape
    every = max(1, math.comb(n_blocks, n_blocks // 2) * n_trials // _CELLS)
    below = np.zeros(len(grid))
    n_seen = 0
    for past in _halves(n_blocks, n_trials, every):
        values = np.sort(_sharpe(~past @ sums, ~past @ squares, n_half, centre), axis=None)
        below += np.searchsorted(values, grid, side="right")
        n_seen += len(values)
    return below / n_seen


def _line(x: FloatArray, y: FloatArray) -> tuple[float, float, float]:
    dx, dy = x - x.mean(), y - y.mean()
    xx, xy, yy = float(dx @ dx), float(dx @ dy), float(dy @ dy)
    if xx == 0.0:
        return math.nan, math.nan, math.nan
    slope = xy / xx
    fit = xy * xy / (xx * yy) if yy > 0.0 else math.nan
    return slope, float(y.mean()) - slope * float(x.mean()), fit
