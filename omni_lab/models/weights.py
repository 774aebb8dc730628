"""Long-only portfolio weights from a covariance matrix alone.

Three classics, each a small convex problem solved exactly in a fraction of a millisecond, so that a
strategy may ask for new weights every day and the look-ahead guard may run that strategy hundreds of times.
What needs expected returns, limits or turnover is the business of an optimiser.
"""

from __future__ import annotations

import numpy as np

from omni_lab.errors import ModelError, ShapeError
from omni_lab.typing import ArrayLike, FloatArray

_TOLERANCE = 1e-12
_MOST_STEPS = 200


def minimum_variance(covariance: ArrayLike) -> FloatArray:
    r"""Weights of the smallest variance.

    .. math:: \min_w\; w^\top \Sigma w \quad \text{subject to } w \ge 0,\; 1^\top w = 1

    Parameters
    ----------
    covariance : array_like of float, shape (n_assets, n_assets)
        Positive definite.

    Returns
    -------
    ndarray of float64, shape (n_assets,)
        Not negative, with sum 1.

    Raises
    ------
    ShapeError, ModelError
        If the matrix is not square, or not positive definite.

    References
    ----------
    .. [1] Markowitz, "Portfolio selection", Journal of Finance 7, 1952.
    """
    sigma = _definite(covariance)
    # With the multiplier of the budget scaled to 1 the budget drops out: what remains has only signs to mind.
    weights = _nonnegative_minimum(sigma / np.trace(sigma), np.ones(len(sigma)))
    return np.asarray(weights / weights.sum())


def maximum_diversification(covariance: ArrayLike) -> FloatArray:
    r"""Weights of the largest ratio of average volatility to the volatility of the whole.

    .. math::

        \max_w\; \frac{w^\top \sigma}{\sqrt{w^\top \Sigma w}} \quad \text{subject to } w \ge 0,\; 1^\top w = 1

    In units of their volatilities these are the weights of minimum variance under the correlation matrix.

    Parameters
    ----------
    covariance : array_like of float, shape (n_assets, n_assets)
        Positive definite.

    Returns
    -------
    ndarray of float64, shape (n_assets,)
        Not negative, with sum 1.

    Raises
    ------
    ShapeError, ModelError
        As :func:`minimum_variance`.

    References
    ----------
    .. [1] Choueifaty and Coignard, "Toward maximum diversification", Journal of Portfolio Management 35,
       2008, equation 1.
    """
    sigma = _definite(covariance)
    volatility = np.sqrt(np.diag(sigma))
    weights = minimum_variance(sigma / np.outer(volatility, volatility)) / volatility
    return np.asarray(weights / weights.sum())


def risk_parity(covariance: ArrayLike, budgets: ArrayLike | None = None) -> FloatArray:
    r"""Weights with which every asset contributes its share of the variance.

    :math:`w_i (\Sigma w)_i = b_i\, w^\top \Sigma w`, found as the minimum of
    :math:`\tfrac12 y^\top \Sigma y - \sum_i b_i \ln y_i` by Newton's method with damped steps, and scaled to
    the sum 1.

    Parameters
    ----------
    covariance : array_like of float, shape (n_assets, n_assets)
        Positive definite.
    budgets : array_like of float, shape (n_assets,), optional
        Shares of the variance, positive; equal by default. Only their proportions count.

    Returns
    -------
    ndarray of float64, shape (n_assets,)
        Positive, with sum 1.

    Raises
    ------
    ShapeError, ModelError
        As :func:`minimum_variance`, and if a budget is not positive.

    References
    ----------
    .. [1] Maillard, Roncalli and Teiletche, "The properties of equally weighted risk contribution
       portfolios", Journal of Portfolio Management 36, 2010.
    .. [2] Spinu, "An algorithm for computing risk parity weights", SSRN 2297383, 2013, for the damped steps.
    """
    sigma = _definite(covariance)
    n_assets = len(sigma)
    shares = np.ones(n_assets) if budgets is None else np.asarray(budgets, dtype=np.float64)
    if shares.shape != (n_assets,):
        raise ShapeError(
            "there must be a budget for each asset", found=shares.shape, expected=f"({n_assets},)"
        )
    if not (shares > 0).all():
        raise ModelError("a share of the risk is positive", found=shares.tolist(), where="budgets")
    shares = shares / shares.sum()
    volatility = np.sqrt(np.diag(sigma))
    correlation = sigma / np.outer(volatility, volatility)
    y = np.sqrt(shares / correlation.sum())
    for _ in range(_MOST_STEPS):
        gradient = correlation @ y - shares / y
        step = np.linalg.solve(correlation + np.diag(shares / y**2), gradient)
        # How far the quadratic model can be trusted: the barrier is self-concordant up to its smallest share.
        decrement = float(np.sqrt(gradient @ step / shares.min()))
        y = y - step / (1.0 + decrement) if decrement > 0.25 else y - step
        if decrement < _TOLERANCE:
            break
    else:
        raise ModelError("risk parity did not converge", found=f"decrement {decrement:.1e}")
    weights = y / volatility
    return np.asarray(weights / weights.sum())


def risk_contributions(weights: ArrayLike, covariance: ArrayLike) -> FloatArray:
    """Share of each asset in the variance, shape (n_assets,); they sum to 1."""
    held, sigma = np.asarray(weights, dtype=np.float64), np.asarray(covariance, dtype=np.float64)
    marginal = sigma @ held
    return np.asarray(held * marginal / (held @ marginal))


def _nonnegative_minimum(matrix: FloatArray, linear: FloatArray) -> FloatArray:
    """Minimum of ``½ x'Ax − b'x`` over x ≥ 0: the active sets of Lawson and Hanson (1974, chapter 23)."""
    n = len(linear)
    x = np.zeros(n)
    free = np.zeros(n, dtype=np.bool_)
    for _ in range(3 * n + 10):
        pull = linear - matrix @ x
        pull[free] = -np.inf
        enter = int(np.argmax(pull))
        if not pull[enter] > _TOLERANCE * np.abs(linear).max():
            return x
        free[enter] = True
        while True:
            aim = np.zeros(n)
            aim[free] = np.linalg.solve(matrix[np.ix_(free, free)], linear[free])
            blocked = free & (aim <= 0)
            if not blocked.any():
                x = aim
                break
            step = np.min(x[blocked] / (x[blocked] - aim[blocked]))
            x = x + step * (aim - x)
            free &= x > _TOLERANCE * x.max()
            x[~free] = 0.0
    raise ModelError("the active set did not settle", where="minimum_variance")


def _definite(covariance: ArrayLike) -> FloatArray:
    sigma = np.asarray(covariance, dtype=np.float64)
    if sigma.ndim != 2 or sigma.shape[0] != sigma.shape[1] or not len(sigma):
        raise ShapeError("a covariance is square", found=sigma.shape, expected="(n_assets, n_assets)")
    try:
        if not np.allclose(sigma, sigma.T, rtol=1e-9, atol=0):
            raise np.linalg.LinAlgError("it is not symmetric")
        np.linalg.cholesky(sigma)
    except np.linalg.LinAlgError as error:
        raise ModelError(
            "the covariance is not positive definite",
            found=str(error),
            hint="Shrink it, or use more returns.",
        ) from error
    return sigma
