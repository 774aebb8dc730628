"""Covariance of returns, pulled toward something simpler where the sample is too short to be trusted."""

from __future__ import annotations

from typing import Literal

import numpy as np

from omni_lab.errors import ConfigError, ShapeError
from omni_lab.typing import ArrayLike, FloatArray

Shrinkage = Literal["ledoit_wolf"] | float


def sample_covariance(returns: ArrayLike) -> FloatArray:
    """Covariance of returns of shape (n_times, n_assets), ddof 1; shape (n_assets, n_assets)."""
    values = _returns(returns)
    away = values - values.mean(axis=0)
    return np.asarray(away.T @ away / (len(values) - 1))


def ledoit_wolf_shrinkage(returns: ArrayLike) -> float:
    r"""Weight of the scaled identity that makes the expected squared error of the mix smallest.

    With the sample covariance :math:`S` (ddof 0), :math:`m = \operatorname{tr} S / n` and, in the norm
    :math:`\lVert A \rVert^2 = \operatorname{tr}(A A^\top) / n`,

    .. math::

        d^2 = \lVert S - m I \rVert^2, \qquad
        b^2 = \min\Bigl(d^2, \frac{1}{T^2} \sum_t \lVert x_t x_t^\top - S \rVert^2\Bigr), \qquad
        \delta = b^2 / d^2 .

    Parameters
    ----------
    returns : array_like of float, shape (n_times, n_assets)

    Returns
    -------
    float
        From 0 to 1.

    References
    ----------
    .. [1] Ledoit and Wolf, "A well-conditioned estimator for large-dimensional covariance matrices", Journal
       of Multivariate Analysis 88, 2004, section 3.2.
    """
    values = _returns(returns)
    n_times, n_assets = values.shape
    away = values - values.mean(axis=0)
    sample = away.T @ away / n_times
    distance = float((sample**2).sum() - np.trace(sample) ** 2 / n_assets)
    if distance <= 0:
        return 0.0
    # The sum over t of the squared norms, without a matrix for each t.
    scatter = float(((away**2).sum(axis=1) ** 2).sum() / n_times - (sample**2).sum())
    return float(min(max(scatter / n_times, 0.0) / distance, 1.0))


def shrunk_covariance(returns: ArrayLike, shrinkage: Shrinkage = "ledoit_wolf") -> FloatArray:
    r"""Mix of the sample covariance and its mean variance on the diagonal.

    .. math:: (1 - \delta) S + \delta\, \frac{\operatorname{tr} S}{n} I

    Parameters
    ----------
    returns : array_like of float, shape (n_times, n_assets)
        Simple returns, without NaN.
    shrinkage : "ledoit_wolf" or float
        :math:`\delta` by :func:`ledoit_wolf_shrinkage`, or a number from 0 (the sample as it is) to 1.

    Returns
    -------
    ndarray of float64, shape (n_assets, n_assets)

    Raises
    ------
    ConfigError
        If the shrinkage is neither.
    ShapeError
        If there are fewer than two rows.
    """
    delta: object = ledoit_wolf_shrinkage(returns) if shrinkage == "ledoit_wolf" else shrinkage
    if not isinstance(delta, int | float) or not 0 <= delta <= 1:
        raise ConfigError(
            "unknown shrinkage", found=shrinkage, expected="'ledoit_wolf' or a number in [0, 1]"
        )
    sample = sample_covariance(returns)
    n_assets = len(sample)
    return np.asarray((1.0 - delta) * sample + delta * np.trace(sample) / n_assets * np.eye(n_assets))


def _returns(returns: ArrayLike) -> FloatArray:
    values = np.asarray(returns, dtype=np.float64)
    if values.ndim != 2 or len(values) < 2:
        raise ShapeError(
            "a covariance needs two rows or more", found=values.shape, expected="(n_times, n_assets)"
        )
    return values
