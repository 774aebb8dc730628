"""Whether prices move together in the long run: the tests of Engle and Granger and of Johansen.

Distributions and Johansen's estimator are those of statsmodels, of the extra ``samples``; p-values of his
trace, for which it only has tables of critical values, are Doornik's approximation. The statistic of Engle
and Granger is computed here, because a search asks for it a thousand times.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import numpy as np

from omni_lab.errors import ConfigError, ModelError, ShapeError
from omni_lab.models._statsmodels import statsmodels
from omni_lab.models.regression import fit_line
from omni_lab.typing import ArrayLike, FloatArray

Correction = Literal["holm", "bonferroni", "benjamini_hochberg", "benjamini_yekutieli", "none"]

# Residuals smaller than this part of the prices are rounding.
_SAME = 1e-10
_CORRECTIONS = {
    "holm": "holm",
    "bonferroni": "bonferroni",
    "benjamini_hochberg": "fdr_bh",
    "benjamini_yekutieli": "fdr_by",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cointegration:
    r"""A combination of prices and the evidence that it comes back to its mean.

    Attributes
    ----------
    vector : ndarray of float64, shape (n_legs,)
        Coefficients of the spread :math:`s_t = v^\top p_t - c`, the first of them 1.
    intercept : float
        :math:`c`, so that the spread has mean 0 in the sample.
    statistic : float
        Of the test: ADF t-ratio (Engle and Granger) or trace (Johansen).
    p_value : float
        Of the hypothesis that there is no cointegration.
    half_life : float
        Steps in which half of a deviation is expected to be gone; infinite if it does not come back.
    scale : float
        Standard deviation of the spread in the sample (ddof 1).
    """

    vector: FloatArray
    intercept: float
    statistic: float
    p_value: float
    half_life: float
    scale: float

    def spread(self, prices: FloatArray) -> FloatArray:
        """Spread of prices of shape (..., n_legs)."""
        return np.asarray(prices @ self.vector - self.intercept)


def engle_granger(prices: ArrayLike, *, lags: int = 1) -> Cointegration:
    r"""Test of Engle and Granger, with each leg in turn on the left of the regression.

    The leg whose residuals have the lowest ADF statistic is kept on the left, and the p-value multiplied by
    the number of legs for having tried them all (Bonferroni).

    Parameters
    ----------
    prices : array_like of float, shape (n_times, n_legs)
        Usually log prices; no NaN.
    lags : int
        Lagged differences in the ADF regression of the residuals.

    Returns
    -------
    Cointegration
        Its vector has the first leg's coefficient scaled to 1, whichever was on the left.

    Raises
    ------
    ShapeError
        If there are fewer than two legs, or too few rows.
    ModelError
        If the legs cannot be told apart.
    MissingExtraError
        If statsmodels is not installed.

    References
    ----------
    .. [1] Engle and Granger, "Co-integration and error correction", Econometrica 55, 1987, section 4.
    .. [2] MacKinnon, "Critical values for cointegration tests", Queen's University WP 1227, 2010.
    """
    values = _panel(prices, lags)
    n_legs = values.shape[1]
    fits = [fit_line(values[:, leg], np.delete(values, leg, axis=1)) for leg in range(n_legs)]
    if any(fit.scale <= _SAME * np.abs(values).max() for fit in fits):
        raise ModelError("the legs cannot be told apart", where="engle_granger")
    statistics = [_dickey_fuller(fit.residuals, lags) for fit in fits]
    left = int(np.argmin(statistics))
    p_value = float(statsmodels().mackinnonp(statistics[left], regression="c", N=n_legs))
    vector = np.insert(-fits[left].slopes, left, 1.0)
    return _judged(values, vector, statistics[left], min(1.0, n_legs * p_value))


def johansen(prices: ArrayLike, *, lags: int = 1) -> Cointegration:
    """Johansen's trace test of no cointegration against some, and the vector of the largest eigenvalue.

    The constant is unrestricted: prices drift, spreads do not. Of prices that do not drift either it finds
    more than its level says: twice as many of two walks at 10%.

    Parameters
    ----------
    prices : array_like of float, shape (n_times, n_legs)
        Usually log prices; no NaN.
    lags : int
        Lagged differences in the error-correction model.

    Returns
    -------
    Cointegration

    Raises
    ------
    ShapeError
        If there are fewer than two legs or more than twelve, or too few rows.
    ModelError
        If the legs cannot be told apart.
    MissingExtraError
        If statsmodels is not installed.

    References
    ----------
    .. [1] Johansen, "Estimation and hypothesis testing of cointegration vectors in Gaussian vector
       autoregressive models", Econometrica 59, 1991.
    """
    values = _panel(prices, lags)
    if values.shape[1] > 12:
        raise ShapeError("the trace test has tables for up to twelve legs", found=values.shape[1])
    with _told_apart():
        found = statsmodels().coint_johansen(values, 0, lags)
    vector = found.evec[:, 0] / found.evec[0, 0]
    trace = float(found.lr1[0])
    if not np.isfinite(vector).all():
        raise ModelError("the legs cannot be told apart", where="johansen")
    return _judged(values, vector, trace, trace_p_value(trace, values.shape[1]))


def trace_p_value(trace: float, n_legs: int) -> float:
    """Probability of a larger trace where there is no cointegration, by a gamma distribution.

    Parameters
    ----------
    trace : float
        Trace statistic of the hypothesis of rank 0, with an unrestricted constant.
    n_legs : int
        Number of series.

    References
    ----------
    .. [1] Doornik, "Approximations to the asymptotic distributions of cointegration tests", Journal of
       Economic Surveys 12, 1998, table 7 (mean and variance, case of a linear trend in the data).
    """
    n = float(n_legs)
    one, two = float(n_legs == 1), float(n_legs == 2)
    mean = 2 * n**2 + 1.05 * n - 1.55 - 0.50 * one - 0.23 * two
    variance = 3 * n**2 + 1.80 * n - 2.80 * one - 1.10 * two
    return float(statsmodels().gammaincc(mean**2 / variance, max(trace, 0.0) * mean / variance))


def adf_p_value(series: ArrayLike, *, lags: int = 1) -> float:
    """p-value of the augmented Dickey-Fuller test: the hypothesis that the series does not come back.

    Parameters
    ----------
    series : array_like of float, shape (n_times,)
        No NaN.
    lags : int
        Lagged differences in the regression, which has a constant.

    Returns
    -------
    float
        1 for a series that does not move.

    References
    ----------
    .. [1] Dickey and Fuller, "Distribution of the estimators for autoregressive time series with a unit
       root", JASA 74, 1979.
    """
    values = np.asarray(series, dtype=np.float64)
    if values.ndim != 1 or len(values) < 2 * lags + 10:
        raise ShapeError("too few values for the test", found=values.shape, expected=f">= {2 * lags + 10}")
    if np.ptp(values) == 0:
        return 1.0
    found = statsmodels().adfuller(values, maxlag=lags, autolag=None, result_object=True)
    return float(found.pvalue)


def half_life(spread: ArrayLike) -> float:
    r"""Steps in which half of a deviation from the mean is expected to be gone.

    With the least-squares :math:`\phi` of :math:`\Delta s_t = a + \phi s_{t-1} + \varepsilon_t` it is
    :math:`-\ln 2 / \ln(1 + \phi)`.

    Parameters
    ----------
    spread : array_like of float, shape (n_times,)
        No NaN.

    Returns
    -------
    float
        Infinite where the spread does not come back, 0 where it overshoots at once.
    """
    values = np.asarray(spread, dtype=np.float64)
    before = values[:-1] - values[:-1].mean()
    moved = float(before @ before)
    kept = 1.0 + float(before @ np.diff(values)) / moved if moved > 0 else 1.0
    if kept >= 1.0:
        return math.inf
    return -math.log(2.0) / math.log(kept) if kept > 0 else 0.0


def corrected(p_values: ArrayLike, method: Correction) -> FloatArray:
    """p-values adjusted for how many there are.

    Parameters
    ----------
    p_values : array_like of float, shape (n_tests,)
    method : {"holm", "bonferroni", "benjamini_hochberg", "benjamini_yekutieli", "none"}
        The first two hold the chance of any false finding, the next two the share of false ones among the
        findings. Tests of pairs that share a leg are not independent: Holm and Benjamini-Yekutieli allow for
        any dependence.

    Returns
    -------
    ndarray of float64, shape (n_tests,)

    References
    ----------
    .. [1] Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
       Statistics 6, 1979.
    .. [2] Benjamini and Yekutieli, "The control of the false discovery rate in multiple testing under
       dependency", Annals of Statistics 29, 2001.
    """
    values = np.asarray(p_values, dtype=np.float64)
    if method == "none" or not len(values):
        return values.copy()
    if method not in _CORRECTIONS:
        raise ConfigError("unknown correction", found=method, expected=(*_CORRECTIONS, "none"))
    return np.asarray(statsmodels().multipletests(values, method=_CORRECTIONS[method])[1])


def _dickey_fuller(series: FloatArray, lags: int) -> float:
    """t-ratio of the last level in a regression of the changes on it and on ``lags`` earlier changes."""
    changes = np.diff(series)
    rows = len(changes) - lags
    design = np.column_stack(
        [series[lags:-1], *(changes[lags - lag : lags - lag + rows] for lag in range(1, lags + 1))]
    )
    among = np.linalg.inv(design.T @ design)
    slopes = among @ (design.T @ changes[lags:])
    left = changes[lags:] - design @ slopes
    return float(slopes[0] / math.sqrt(among[0, 0] * (left @ left) / (rows - lags - 1)))


def _judged(values: FloatArray, vector: FloatArray, statistic: float, p_value: float) -> Cointegration:
    vector = vector / vector[0]
    raw = values @ vector
    return Cointegration(
        vector=vector,
        intercept=float(raw.mean()),
        statistic=statistic,
        p_value=p_value,
        half_life=half_life(raw),
        scale=float(raw.std(ddof=1)),
    )


def _panel(prices: ArrayLike, lags: int) -> FloatArray:
    values = np.asarray(prices, dtype=np.float64)
    least = 0 if values.ndim != 2 else 10 + (lags + 2) * values.shape[1]
    if values.ndim != 2 or values.shape[1] < 2 or len(values) < least:
        raise ShapeError(
            "cointegration needs two series or more, and rows enough",
            found=values.shape,
            expected=f"(n_times, n_legs) with n_times >= {least}" if least else "(n_times, n_legs)",
            where="prices",
        )
    if not np.isfinite(values).all():
        raise ModelError("a price is missing", where="prices", hint="Leave out instruments with gaps.")
    return values


@contextmanager
def _told_apart() -> Iterator[None]:
    """Legs that are the same make statsmodels warn or fail; here that is an error."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            yield
    except (Warning, np.linalg.LinAlgError, ValueError) as error:
        raise ModelError("the legs cannot be told apart", found=str(error).split("\n")[0]) from error
