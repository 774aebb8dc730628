"""Whether the best of many trials beats a benchmark by more than the search for it explains.

White's reality check and Hansen's test of superior predictive ability ask the same: could the largest of so
many mean excess returns be that large if not one of the trials were any better than the benchmark? Both look
at samples of the same days for all trials, so trials that resemble each other are counted for what they are.
The `SPA` of the library `arch` is the same test without studentisation; the tests compare with it.

References
----------
.. [1] White, "A reality check for data snooping", Econometrica 68, 2000.
.. [2] Hansen, "A test for superior predictive ability", Journal of Business & Economic Statistics 23, 2005.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from omni_lab.errors import DataError, ShapeError
from omni_lab.models.resampling import block_length, sample_batches
from omni_lab.portfolio.bootstrap import N_SAMPLES
from omni_lab.typing import ArrayLike, FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Snooping:
    """How often chance makes the best trial look as good as it did.

    Small p-values speak against chance. A p-value of zero means that no sample reached the statistic: less
    than one in n_samples.

    Attributes
    ----------
    n_obs, n_trials, n_samples : int
        Returns, trials, bootstrap samples.
    block_length : float
        Mean length of the blocks.
    best : int
        Trial with the largest statistic of Hansen's test.
    reality_check : float
        p-value of White's reality check: the largest mean, not divided by its error.
    spa_lower, spa_consistent, spa_upper : float
        p-values of Hansen's test. The consistent one is the one to quote: poor trials count for nothing in
        it. The lower bound takes every trial below the benchmark to be truly so bad, the upper takes all
        trials to be as good as the benchmark.
    """

    n_obs: int
    n_trials: int
    n_samples: int
    block_length: float
    best: int
    reality_check: float
    spa_lower: float
    spa_consistent: float
    spa_upper: float

    def __repr__(self) -> str:
        return (
            f"Snooping(p {self.spa_consistent:.3f} (SPA; {self.spa_lower:.3f} to {self.spa_upper:.3f}), "
            f"{self.reality_check:.3f} (reality check), {self.n_trials} trials, {self.n_samples:,} samples)"
        )


def data_snooping(
    excess: ArrayLike,
    *,
    studentize: bool = True,
    length: float | None = None,
    n_samples: int = N_SAMPLES,
    seed: int = 0,
    progress: Callable[[int], object] | None = None,
) -> Snooping:
    """White's reality check and Hansen's test of superior predictive ability, from the same samples.

    Parameters
    ----------
    excess : array-like of float, shape (n_obs, n_trials)
        Returns per period less those of the benchmark, one column a trial; positive is better. The benchmark
        of doing nothing has returns of zero.
    studentize : bool, default True
        Whether Hansen's test divides each mean by its error, so that a restless trial does not drown the
        quiet ones. The reality check never does.
    length : float, optional
        Mean length of the blocks of the stationary bootstrap; by default the longest that
        `omni_lab.models.resampling.block_length` finds for one of the trials, of at most 50 of them that
        are evenly chosen.
    n_samples : int, default 1000
        Samples to draw.
    seed : int, default 0
        Of the draws.
    progress : callable, optional
        Told how many samples are done.

    Returns
    -------
    Snooping

    Raises
    ------
    ShapeError
        If the returns are not a table with at least two rows and a column.
    DataError
        If a return is not finite, or no trial ever differs from the benchmark.

    Notes
    -----
    The variance of a mean is that which the stationary bootstrap itself would find with samples without end
    (Hansen, 2005, section 3.2; Politis and Romano, 1994, lemma 1). Trials equal to the benchmark in every
    period are left out of the statistics.

    References
    ----------
    .. [1] White, 2000, section 3, with the stationary bootstrap; no studentisation.
    .. [2] Hansen, 2005, equation 2 (statistic), section 3.2 (thresholds and the three p-values).
    """
    table = _checked(excess)
    n = len(table)
    varies = np.ptp(table, axis=0) > 0.0
    if not varies.any():
        raise DataError(
            "no trial differs from the benchmark", found=f"{table.shape[1]} trials", where="excess returns"
        )
    used = table[:, varies]
    if length is None:
        every = max(1, used.shape[1] // 50)
        length = max(block_length(column) for column in used.T[::every])
    mean = used.mean(axis=0)
    omega = np.sqrt(long_run_variance(used, length))
    scale = omega if studentize else np.ones_like(omega)
    observed, observed_plain = max(float((mean / scale).max()), 0.0), float(mean.max())
    # What is subtracted from a sample's mean: all of the trial's own, or nothing of a clearly poor one's.
    bar = -omega * math.sqrt(2.0 * math.log(max(math.log(n), 1.0)) / n)
    centres = (np.maximum(mean, 0.0), np.where(mean >= bar, mean, 0.0), mean)
    reached = np.zeros(4)
    n_done = 0
    for rows in sample_batches(n, length, n_samples, seed):
        drawn = _counts(rows, n) @ used / n
        reached[0] += ((drawn - mean).max(axis=1) >= observed_plain).sum()
        # At least as good, not better: where no trial beats the benchmark the statistic is zero and p is one.
        for which, centre in enumerate(centres, 1):
            reached[which] += (np.maximum(((drawn - centre) / scale).max(axis=1), 0.0) >= observed).sum()
        n_done += len(rows)
        if progress is not None:
            progress(n_done)
    p = (reached / n_samples).tolist()
    return Snooping(
        n_obs=n,
        n_trials=table.shape[1],
        n_samples=n_samples,
        block_length=float(length),
        best=int(np.flatnonzero(varies)[(mean / scale).argmax()]),
        reality_check=p[0],
        spa_lower=p[1],
        spa_consistent=p[2],
        spa_upper=p[3],
    )


def long_run_variance(table: FloatArray, length: float) -> FloatArray:
    """Variance of each column's mean under the stationary bootstrap, times the number of rows.

    Parameters
    ----------
    table : ndarray of float64, shape (n_obs, n_columns)
    length : float
        Mean length of a block.

    Returns
    -------
    ndarray of float64, shape (n_columns,)

    References
    ----------
    .. [1] Politis and Romano, 1994, lemma 1.
    """
    n = len(table)
    centred = table - table.mean(axis=0)
    # Sums of products over a circle, at all lags at once.
    spectrum = np.abs(np.fft.rfft(centred, axis=0)) ** 2
    circular = np.fft.irfft(spectrum, n, axis=0) / n
    lag = np.arange(n)
    weight = 2.0 * (1.0 - lag / n) * (1.0 - 1.0 / length) ** lag
    weight[0] = 1.0
    return np.maximum(weight @ circular, 0.0)


def _counts(rows: IntArray, n: int) -> FloatArray:
    """How often each row was drawn in each sample, shape (n_samples, n)."""
    flat = rows + n * np.arange(len(rows))[:, np.newaxis]
    return np.bincount(flat.ravel(), minlength=n * len(rows)).reshape(len(rows), n).astype(np.float64)


def _checked(excess: ArrayLike) -> FloatArray:
    table = np.asarray(excess, dtype=np.float64)
    if table.ndim != 2 or len(table) < 2 or not table.shape[1]:
        raise ShapeError(
            "the test needs a table of excess returns",
            found=table.shape,
            expected="(n_obs, n_trials) with at least two rows and one column",
            where="excess returns",
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
