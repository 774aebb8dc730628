"""Prices at which positions are valued between bars."""

import numpy as np

from omni_lab.typing import FloatArray


def last_known(prices: FloatArray) -> FloatArray:
    """Each column with its gaps filled by the last price before them; NaN before the first.

    Parameters
    ----------
    prices : ndarray of float64, shape (n_times, n_symbols)
        NaN where there is no bar.
    """
    missing = np.isnan(prices)
    if not missing.any():
        return prices
    rows = np.where(missing, 0, np.arange(prices.shape[0])[:, np.newaxis])
    np.maximum.accumulate(rows, axis=0, out=rows)
    return np.asarray(np.take_along_axis(prices, rows, axis=0))
