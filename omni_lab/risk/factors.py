"""Risk by factors: what moves a portfolio, and what is left to each asset alone."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from omni_lab.errors import ModelError, ShapeError
from omni_lab.models.covariance import Shrinkage, shrunk_covariance
from omni_lab.risk import _checks as check
from omni_lab.typing import ArrayLike, FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorRisk:
    r"""Volatility of a portfolio, by factor and by asset.

    Attributes
    ----------
    volatility : float
        :math:`\sqrt{w^\top \Sigma w}` per step.
    exposures : ndarray of float64, shape (n_factors,)
        :math:`B^\top w`: return of the portfolio for one unit of each factor.
    factor : ndarray of float64, shape (n_factors,)
        Contribution of each factor to the volatility; negative where it hedges.
    idiosyncratic : ndarray of float64, shape (n_assets,)
        Contribution of each asset's own part. These and `factor` add up to the volatility.
    marginal : ndarray of float64, shape (n_assets,)
        Change of the volatility for one more unit of each weight; times the weights it adds up as well.
    marginal_factor : ndarray of float64, shape (n_factors,)
        Change of the volatility for one more unit of each exposure.
    """

    volatility: float
    exposures: FloatArray
    factor: FloatArray
    idiosyncratic: FloatArray
    marginal: FloatArray
    marginal_factor: FloatArray

    @property
    def factor_share(self) -> float:
        """Part of the variance that the factors explain."""
        return float(self.factor.sum()) / self.volatility


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorModel:
    r"""Returns explained by factors: :math:`r_t = \alpha + B f_t + \varepsilon_t`.

    Attributes
    ----------
    alpha : ndarray of float64, shape (n_assets,)
        Return of a step that the factors do not explain.
    exposures : ndarray of float64, shape (n_assets, n_factors)
        :math:`B`, by least squares.
    exposure_errors : ndarray of float64, shape (n_assets, n_factors)
        Their standard errors, for residuals of one variance without memory.
    factor_covariance : ndarray of float64, shape (n_factors, n_factors)
        Of the factors' returns, shrunk if so wished.
    idiosyncratic_variance : ndarray of float64, shape (n_assets,)
        Of the residuals, which are taken to be unrelated between assets; unbiased.
    r_squared : ndarray of float64, shape (n_assets,)
        Part of each asset's variance that the factors explain.
    """

    alpha: FloatArray
    exposures: FloatArray
    exposure_errors: FloatArray = field(repr=False)
    factor_covariance: FloatArray = field(repr=False)
    idiosyncratic_variance: FloatArray
    r_squared: FloatArray

    @property
    def covariance(self) -> FloatArray:
        r"""Covariance of the assets: :math:`B F B^\top + D`."""
        systematic = self.exposures @ self.factor_covariance @ self.exposures.T
        return np.asarray(systematic + np.diag(self.idiosyncratic_variance))

    def decompose(self, weights: ArrayLike) -> FactorRisk:
        r"""Volatility of a portfolio, by factor and by asset.

        With :math:`b = B^\top w` the contribution of factor :math:`k` is :math:`b_k (F b)_k / \sigma`, that
        of an asset's own part :math:`w_i^2 D_i / \sigma`.

        Parameters
        ----------
        weights : array_like of float, shape (n_assets,)
            Negative where short.

        Raises
        ------
        ShapeError, DataError
            If there is not one finite weight for each asset.
        ModelError
            If the portfolio never moves.
        """
        w = check.weights(weights, len(self.alpha))
        b = self.exposures.T @ w
        moved = self.factor_covariance @ b
        own = w**2 * self.idiosyncratic_variance
        variance = float(b @ moved + own.sum())
        if not variance > 0.0:
            raise ModelError("the portfolio never moves", found=variance, expected="a variance above 0")
        sigma = math.sqrt(variance)
        return FactorRisk(
            volatility=sigma,
            exposures=b,
            factor=b * moved / sigma,
            idiosyncratic=own / sigma,
            marginal=(self.exposures @ moved + self.idiosyncratic_variance * w) / sigma,
            marginal_factor=moved / sigma,
        )


def fit_factor_model(returns: ArrayLike, factors: ArrayLike, *, shrinkage: Shrinkage = 0.0) -> FactorModel:
    """Exposures of every asset to the same factors, by ordinary least squares.

    Parameters
    ----------
    returns : array_like of float, shape (n_obs, n_assets)
        Per step, without NaN.
    factors : array_like of float, shape (n_obs, n_factors)
        Returns of the factors in the same steps, without NaN.
    shrinkage : "ledoit_wolf" or float, default 0
        Of the factors' covariance, as `omni_lab.models.covariance.shrunk_covariance` takes it. Shrinking
        pulls factors of different volatility toward one: it suits many factors of one kind.

    Returns
    -------
    FactorModel

    Raises
    ------
    ShapeError
        If there are not two rows more than there are factors, or the two differ in length.
    DataError
        If a return is missing.
    ModelError
        If the factors do not determine the exposures.
    ConfigError
        If the shrinkage is none.
    """
    driven = check.panel(factors, where="factors")
    n_factors = driven.shape[1]
    values = check.panel(returns, least=n_factors + 2)
    if len(values) != len(driven):
        raise ShapeError(
            "returns and factors are of the same steps", found=len(driven), expected=str(len(values))
        )
    n = len(values)
    mean_y, mean_x = values.mean(axis=0), driven.mean(axis=0)
    x, y = driven - mean_x, values - mean_y
    size = np.sqrt((x**2).sum(axis=0))
    rank = int(np.linalg.matrix_rank(x / np.where(size > 0, size, 1.0), tol=1e-8))
    if rank < n_factors:
        raise ModelError(
            "the factors do not determine the exposures",
            found=f"rank {rank} of {n_factors}",
            where="factors",
            hint="Leave out factors that never move, or that others add up to.",
        )
    slopes = np.linalg.lstsq(x, y, rcond=None)[0]
    left = y - x @ slopes
    variance = (left**2).sum(axis=0) / (n - n_factors - 1)
    spread = np.diag(np.linalg.inv(x.T @ x))
    total = (y**2).sum(axis=0)
    explained = 1.0 - (left**2).sum(axis=0) / np.where(total > 0, total, np.nan)
    return FactorModel(
        alpha=mean_y - mean_x @ slopes,
        exposures=slopes.T,
        exposure_errors=np.sqrt(np.outer(variance, spread)),
        factor_covariance=shrunk_covariance(driven, shrinkage),
        idiosyncratic_variance=variance,
        r_squared=explained,
    )
