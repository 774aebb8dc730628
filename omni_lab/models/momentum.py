"""How far a price has come, against what a random walk of its volatility would do."""

from __future__ import annotations

import math

import numpy as np

from omni_lab.errors import ConfigError, ShapeError
from omni_lab.typing import ArrayLike, FloatArray

# Of variance to squared mean: below it only rounding is left.
_NO_VARIATION = 1e-24


def momentum_score(closes: ArrayLike, window: int) -> FloatArray:
    r"""Log return over the last ``window`` bars in standard deviations of such a return.

    .. math:: z_t = \frac{\sum_{i=t-L+1}^{t} r_i}{s_t\,\sqrt{L}}, \qquad r_i = \ln(P_i / P_{i-1}),

    with :math:`s_t` the standard deviation (ddof 1) of the :math:`L` = ``window`` returns. The sums run from
    the oldest return to the newest, as the native indicator's do, so that both give the same bits for closes
    in whole ticks.

    Parameters
    ----------
    closes : array_like of float, shape (n_times,)
        Prices in any unit, positive, without NaN.
    window : int
        Number of returns, at least 2.

    Returns
    -------
    ndarray of float64, shape (n_times,)
        NaN for the first ``window`` bars, and where the price moved without any variation; 0 where it did
        not move on the whole.

    Raises
    ------
    ConfigError
        If the window is shorter than 2.
    ShapeError
        If the closes are not one series.

    References
    ----------
    .. [1] Moskowitz, Ooi and Pedersen, "Time series momentum", Journal of Financial Economics 104, 2012,
       equation 5, for the return in units of its volatility.
    """
    prices = np.asarray(closes, dtype=np.float64)
    if prices.ndim != 1:
        raise ShapeError("a score is that of one series", found=prices.shape, expected="(n_times,)")
    if window < 2:
        raise ConfigError("a standard deviation needs two returns", found=window, where="window")
    score = np.full(len(prices), np.nan)
    n_scores = len(prices) - window
    if n_scores < 1:
        return score
    # NumPy's logarithm may differ from the system's in the last bit.
    ratios = prices[1:] / prices[:-1]
    returns = np.fromiter((math.log(ratio) for ratio in ratios.tolist()), np.float64, len(ratios))
    total, squares = np.zeros(n_scores), np.zeros(n_scores)
    for place in range(window):
        total += returns[place : place + n_scores]
    mean = total / window
    for place in range(window):
        away = returns[place : place + n_scores] - mean
        squares += away * away
    variance = squares / (window - 1)
    varies = variance > _NO_VARIATION * mean * mean
    found = np.full(n_scores, np.nan)
    np.divide(total, np.sqrt(variance * window), out=found, where=varies)
    found[total == 0.0] = 0.0
    score[window:] = found
    return score
