"""Resampling of returns in blocks, which keeps what one day has to do with the next.

The stationary bootstrap strings together blocks of random length, cut from a circle of the observations. All
samples of a batch are drawn at once, as one array of row numbers. That is some fifty times faster than a loop
over samples, which is why it is here and not taken from a library; the tests compare it with `arch`.

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
from collections.abc import Iterator

import numpy as np

from omni_lab.errors import ConfigError
from omni_lab.models._checks import column
from omni_lab.typing import ArrayLike, IntArray

_CELLS = 1_000_000  # drawn at once: eight megabytes


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
    x = column(returns, "returns")
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
