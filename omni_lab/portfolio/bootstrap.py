"""Resampling of returns in blocks, which keeps what one day has to do with the next, and bands made of it.

The stationary bootstrap strings together blocks of random length, cut from a circle of the observations. All
samples of a batch are drawn at once, as one array of row numbers, and weights that count how often a row was
drawn turn means over many columns into one matrix product. That is some fifty times faster than a loop over
samples, which is why it is here and not taken from a library; the tests compare it with `arch`.

References
----------
.. [1] Politis and Romano, "The stationary bootstrap", Journal of the American Statistical Association 89,
   1994.
.. [2] Politis and White, "Automatic block-length selection for the dependent bootstrap", Econometric Reviews
   23, 2004.
.. [3] Patton, Politis and White, "Correction to 'Automatic block-length selection for the dependent
   bootstrap'", Econometric Reviews 28, 2009.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from omni_lab.errors import ConfigError
from omni_lab.portfolio import _checks as check
from omni_lab.portfolio.performance import per_step_rate
from omni_lab.portfolio.significance import checked_confidence
from omni_lab.typing import ArrayLike, FloatArray, IntArray

N_SAMPLES = 1000
_CELLS = 1_000_000  # drawn at once: eight megabytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """Where a metric might have come out, had the same market been lived through again.

    Attributes
    ----------
    estimate : float
        Its value for the returns as they were.
    low, high : float
        Quantiles of the resampled values; NaN where the metric is not defined in some of them.
    error : float
        Standard deviation of the resampled values.
    """

    estimate: float
    low: float
    high: float
    error: float


def block_length(returns: ArrayLike) -> float:
    """Mean length of blocks that suits the dependence in a series.

    Parameters
    ----------
    returns : array-like of float, shape (n_obs,)
        Without NaN.

    Returns
    -------
    float
        At least 1, at most ``min(3 √n, n / 3)``, not rounded; 1 for fewer than ten observations and for those
        that do not vary.

    References
    ----------
    .. [1] Politis and White, 2004, sections 3.2 and 3.3; the constant is that of Patton, Politis and White,
       2009, equation 9.
    """
    x = check.floats(returns, "returns")
    n = len(x)
    longest = math.ceil(min(3.0 * math.sqrt(n), n / 3.0))
    centred = x - x.mean() if n else x
    if n < 10 or not float(centred @ centred) > 1e-24 * float(x @ x):
        return 1.0
    run = max(5, int(math.log10(n)))
    n_lags = min(math.ceil(math.sqrt(n)) + run, n - 2)
    covariance = np.array([centred[lag:] @ centred[: n - lag] for lag in range(n_lags + 1)]) / n
    # Each product is measured against the observations that take part in it.
    squares = np.concatenate(([0.0], np.cumsum(centred * centred)))
    lags = np.arange(n_lags + 1)
    sizes = np.sqrt((squares[-1] - squares[lags + 1]) * squares[n - lags - 1])
    small = np.abs(covariance * n) < 2.0 * math.sqrt(math.log10(n) / n) * sizes
    # The first lag after which so many in a row are insignificant; the window is twice as wide.
    quiet = np.convolve(small, np.ones(run), "valid")[: n_lags + 1 - run] >= run
    width = min(2 * max(int(quiet.argmax()), 1), n_lags) if quiet.any() else n_lags
    k = np.arange(1, width + 1)
    taper = np.minimum(1.0, 2.0 * (1.0 - k / width))
    slope = 2.0 * float((taper * k) @ covariance[1 : width + 1])
    level = float(covariance[0] + 2.0 * (taper @ covariance[1 : width + 1]))
    if level == 0.0:
        return float(longest)
    return float(min(max((slope * slope / (level * level) * n) ** (1.0 / 3.0), 1.0), longest))


def stationary_rows(n_obs: int, length: float, n_samples: int, rng: np.random.Generator) -> IntArray:
    """Rows drawn by the stationary bootstrap.

    Parameters
    ----------
    n_obs : int
        Rows there are.
    length : float
        Mean length of a block, at least 1.
    n_samples : int
        Samples to draw.
    rng : Generator
        Source of chance.

    Returns
    -------
    ndarray of int64, shape (n_samples, n_obs)
        Row numbers; after the last row comes the first.
    """
    shape = (n_samples, n_obs)
    starts = rng.random(shape) < 1.0 / length
    starts[:, :1] = True
    step = np.arange(n_obs)
    # What a block adds to the step is fixed where it starts, and holds until the next one.
    began = np.maximum.accumulate(np.where(starts, step, 0), axis=1)
    shift = rng.integers(0, max(n_obs, 1), shape) - step
    return np.asarray((np.take_along_axis(shift, began, axis=1) + step) % max(n_obs, 1))


def sample_batches(n_obs: int, length: float, n_samples: int, seed: int) -> Iterator[IntArray]:
    """`stationary_rows` in batches that fit the memory of any machine; the same for the same seed.

    Raises
    ------
    ConfigError
        If a block is shorter than one row, or no sample is asked for.
    """
    if not length >= 1.0:
        raise ConfigError("a block has rows", found=length, expected="at least 1", where="block_length")
    if n_samples < 1:
        raise ConfigError("no sample is asked for", found=n_samples, expected="at least 1", where="n_samples")
    rng = np.random.default_rng(seed)
    size = max(1, min(n_samples, _CELLS // max(n_obs, 1)))
    for done in range(0, n_samples, size):
        yield stationary_rows(n_obs, length, min(size, n_samples - done), rng)


def metric_bands(
    returns: ArrayLike,
    periods_per_year: float,
    *,
    risk_free_rate: float = 0.0,
    confidence: float = 0.95,
    n_samples: int = N_SAMPLES,
    length: float | None = None,
    seed: int = 0,
    progress: Callable[[int], object] | None = None,
) -> dict[str, Band]:
    """Bands around the headline metrics of a series of returns.

    Parameters
    ----------
    returns : array-like of float, shape (n_obs,)
        Simple returns per period.
    periods_per_year : float
        Periods in a year.
    risk_free_rate : float, default 0
        Annual, compounded.
    confidence : float, default 0.95
        Of the band: between 0.5 and 1, half of the rest outside on either side.
    n_samples : int, default 1000
        Samples to draw.
    length : float, optional
        Mean length of a block; `block_length` of the returns by default.
    seed : int, default 0
        Of the draws.
    progress : callable, optional
        Told how many samples are done.

    Returns
    -------
    dict of str to Band
        total_return, annual_return, annual_volatility, sharpe_ratio, sortino_ratio, calmar_ratio and
        max_drawdown, defined as in `omni_lab.portfolio.performance`. Empty for fewer than two returns, and
        where one is NaN, as after ruin.

    Notes
    -----
    The bands are percentile intervals. They say what chance does to a strategy whose returns keep the
    distribution seen; they know nothing of regimes that were not seen, nor of the search that found it. A
    drawdown is made by the order of returns, which blocks keep only within themselves: its band tells what
    other orders would have brought, and need not have the estimate in its middle.
    """
    checked_confidence(confidence)
    x = check.floats(returns, "returns")
    if len(x) < 2 or not np.isfinite(x).all():
        return {}
    estimates = _metrics(x[np.newaxis], periods_per_year, risk_free_rate)
    drawn: list[dict[str, FloatArray]] = []
    n_done = 0
    for rows in sample_batches(len(x), block_length(x) if length is None else length, n_samples, seed):
        drawn.append(_metrics(x[rows], periods_per_year, risk_free_rate))
        n_done += len(rows)
        if progress is not None:
            progress(n_done)
    tail = (1.0 - confidence) / 2.0
    bands = {}
    for name, estimate in estimates.items():
        values = np.concatenate([each[name] for each in drawn])
        known = bool(np.isfinite(values).all())
        low, high = np.quantile(values, (tail, 1.0 - tail)) if known else (np.nan, np.nan)
        bands[name] = Band(
            estimate=float(estimate[0]),
            low=float(low),
            high=float(high),
            error=float(values.std()) if known else math.nan,
        )
    return bands


def _metrics(samples: FloatArray, per_year: float, risk_free_rate: float) -> dict[str, FloatArray]:
    """Metrics of each row, as `omni_lab.portfolio.performance` defines them."""
    n_obs = samples.shape[1]
    riskless = per_step_rate(risk_free_rate, per_year)
    root = math.sqrt(per_year)
    mean, std = samples.mean(axis=1), samples.std(axis=1, ddof=1)
    short = np.minimum(samples - riskless, 0.0)
    downside = np.sqrt(np.einsum("ij,ij->i", short, short) / n_obs)
    curve = np.cumprod(1.0 + samples, axis=1)
    growth = curve[:, -1].copy()
    peak = np.maximum(np.maximum.accumulate(curve, axis=1), 1.0)
    deepest = np.minimum((curve / peak).min(axis=1) - 1.0, 0.0)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        annual = np.where(growth > 0.0, np.expm1(np.log(growth) * per_year / n_obs), -1.0)
        return {
            "total_return": growth - 1.0,
            "annual_return": annual,
            "annual_volatility": std * root,
            "sharpe_ratio": np.where(std > 0.0, (mean - riskless) / std * root, np.nan),
            "sortino_ratio": np.where(downside > 0.0, (mean - riskless) / downside * root, np.nan),
            "calmar_ratio": np.where(deepest < 0.0, annual / -deepest, np.nan),
            "max_drawdown": deepest,
        }
