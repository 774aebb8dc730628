"""Extreme values: losses over a high threshold, and the generalised Pareto distribution that they follow.

Losses are positive here. Whatever the returns look like in the middle, what exceeds a high threshold is
nearly Pareto (Pickands, Balkema and de Haan), so the tail can be drawn on beyond the largest loss seen.

References
----------
.. [1] McNeil and Frey, "Estimation of tail-related risk measures for heteroscedastic financial time series:
   an extreme value approach", Journal of Empirical Finance 7, 2000.
.. [2] McNeil, Frey and Embrechts, "Quantitative Risk Management", Princeton, 2015, section 5.2.
.. [3] Grimshaw, "Computing maximum likelihood estimates for the generalized Pareto distribution",
   Technometrics 35, 1993.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from omni_lab.errors import ConfigError, ModelError
from omni_lab.risk import _checks as check
from omni_lab.risk.tails import TailRisk
from omni_lab.typing import ArrayLike, FloatArray

LEAST_EXCESSES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ParetoTail:
    r"""Generalised Pareto distribution of the losses over a threshold.

    .. math:: P(L > x) = \frac{N_u}{n} \Bigl(1 + \xi \frac{x - u}{\beta}\Bigr)^{-1/\xi}, \qquad x \ge u

    Attributes
    ----------
    threshold : float
        :math:`u`.
    shape : float
        :math:`\xi`: above 0 the tail falls as a power :math:`1 / \xi`, at 0 exponentially, below 0 it ends.
    scale : float
        :math:`\beta`, in the unit of the losses.
    shape_error, scale_error : float
        Standard errors (Smith, 1987), which hold for shapes above −1/2; NaN below.
    n_excesses, n_obs : int
        Losses over the threshold, and all of them.
    """

    threshold: float
    shape: float
    scale: float
    shape_error: float
    scale_error: float
    n_excesses: int
    n_obs: int

    def survival(self, losses: ArrayLike) -> FloatArray:
        """Probability of a larger loss, for losses at the threshold or above; NaN below it."""
        x = (np.asarray(losses, dtype=np.float64) - self.threshold) / self.scale
        if abs(self.shape) < 1e-9:
            share = np.exp(-x)
        else:
            share = np.maximum(1.0 + self.shape * x, 0.0) ** (-1.0 / self.shape)
        return np.where(x >= 0.0, share * self.n_excesses / self.n_obs, np.nan)

    def var(self, confidence: float) -> float:
        r"""VaR: :math:`u + \frac\beta\xi \bigl(\bigl(\frac{n}{N_u} (1 - c)\bigr)^{-\xi} - 1\bigr)`.

        Raises
        ------
        ConfigError
            If the confidence lies below the threshold, where the tail says nothing.
        """
        return self.threshold + self.scale * self._at(confidence)[1]

    def es(self, confidence: float) -> float:
        r"""ES: :math:`(VaR + \beta - \xi u) / (1 - \xi)`; infinite for shapes of 1 and above.

        Raises
        ------
        ConfigError
            As :meth:`var`.
        """
        var = self.var(confidence)
        if self.shape >= 1.0:
            return math.inf
        return (var + self.scale - self.shape * self.threshold) / (1.0 - self.shape)

    def var_error(self, confidence: float) -> float:
        """Standard error of VaR: that of shape, scale and the share of excesses (delta method)."""
        depth, stretch, by_shape = self._at(confidence)
        return self._error(by_shape * self.scale, stretch, self.scale * math.exp(self.shape * depth))

    def es_error(self, confidence: float) -> float:
        """Standard error of ES, likewise; NaN where ES is infinite."""
        if self.shape >= 1.0:
            return math.nan
        depth, stretch, by_shape = self._at(confidence)
        left = 1.0 - self.shape
        return self._error(
            (by_shape * self.scale - self.threshold + self.es(confidence)) / left,
            (stretch + 1.0) / left,
            self.scale * math.exp(self.shape * depth) / left,
        )

    def _at(self, confidence: float) -> tuple[float, float, float]:
        """Depth ``ℓ = ln(N / (n (1 − c)))``, the stretch ``(exp(ξ ℓ) − 1) / ξ``, and its slope by ξ."""
        depth = math.log(self.n_excesses / (self.n_obs * (1.0 - check.confidence(confidence))))
        if depth < -1e-9:
            raise ConfigError(
                "the confidence lies below the threshold",
                found=confidence,
                expected=f"at least {1.0 - self.n_excesses / self.n_obs:.6g}",
                where="confidence",
                hint="Lower the threshold.",
            )
        depth = max(depth, 0.0)
        if abs(self.shape) < 1e-6:
            return depth, depth + self.shape * depth**2 / 2.0, depth**2 / 2.0
        stretch = math.expm1(self.shape * depth) / self.shape
        return depth, stretch, (depth * math.exp(self.shape * depth) - stretch) / self.shape

    def _error(self, by_shape: float, by_scale: float, by_log_count: float) -> float:
        covariance = -self.scale * (1.0 + self.shape) / self.n_excesses
        share = self.n_excesses / self.n_obs
        variance = (
            (by_shape * self.shape_error) ** 2
            + (by_scale * self.scale_error) ** 2
            + 2.0 * by_shape * by_scale * covariance
            + by_log_count**2 * (1.0 - share) / self.n_excesses
        )
        return math.sqrt(variance)


def fit_pareto_tail(
    losses: ArrayLike, *, threshold: float | None = None, threshold_quantile: float = 0.9
) -> ParetoTail:
    r"""Generalised Pareto distribution of the greatest likelihood, of the losses over a threshold.

    With :math:`\theta = \xi / \beta` the best shape for each :math:`\theta` is the mean of
    :math:`\ln(1 + \theta y)` over the excesses :math:`y`, which leaves one number to search for [1]_.

    Parameters
    ----------
    losses : array_like of float, shape (n_obs,)
        Positive where something is lost, all of them, without NaN.
    threshold : float, optional
        In the unit of the losses.
    threshold_quantile : float, default 0.9
        Without a threshold, the empirical quantile of the losses that serves as one. Too low, and the tail
        is not Pareto yet; too high, and few losses are left. `mean_excess` helps to choose.

    Returns
    -------
    ParetoTail
        The shape is searched above −1/2, where the estimate is regular.

    Raises
    ------
    ShapeError, DataError
        If a loss is missing.
    ConfigError
        If the quantile is not between 0.5 and 1.
    ModelError
        If fewer than 20 losses exceed the threshold, or the excesses are all the same.

    References
    ----------
    .. [1] Grimshaw, Technometrics 35, 1993, section 2.
    .. [2] Smith, "Estimating tails of probability distributions", Annals of Statistics 15, 1987.
    """
    values = check.sample(losses, where="losses")
    if threshold is None:
        level = check.confidence(threshold_quantile)
        threshold = float(np.quantile(values, level, method="inverted_cdf")) if len(values) else math.nan
    excesses = values[values > threshold] - threshold
    n = len(excesses)
    if n < LEAST_EXCESSES:
        raise ModelError(
            "too few losses exceed the threshold",
            found=f"{n} of {len(values)} over {threshold:.6g}",
            expected=f"at least {LEAST_EXCESSES}",
            where="losses",
            hint="Lower the threshold, or give a longer sample.",
        )
    check.varies(excesses, "losses over the threshold")
    shape, scale = _most_likely(excesses)
    regular = shape > -0.5 + 1e-6
    return ParetoTail(
        threshold=float(threshold),
        shape=shape,
        scale=scale,
        shape_error=(1.0 + shape) / math.sqrt(n) if regular else math.nan,
        scale_error=scale * math.sqrt(2.0 * (1.0 + shape) / n) if regular else math.nan,
        n_excesses=n,
        n_obs=len(values),
    )


def mean_excess(losses: ArrayLike, thresholds: ArrayLike) -> FloatArray:
    """Mean of what exceeds each threshold, which for a Pareto tail is a straight line of the threshold.

    The line rises by ``ξ / (1 − ξ)``; the threshold to take is where the curve begins to be one.

    Parameters
    ----------
    losses : array_like of float, shape (n_obs,)
        Without NaN.
    thresholds : array_like of float, shape (n_thresholds,)

    Returns
    -------
    ndarray of float64, shape (n_thresholds,)
        NaN where no loss exceeds.
    """
    values = np.sort(check.sample(losses, where="losses"))
    at = check.floats(thresholds, "thresholds")
    first = np.searchsorted(values, at, side="right")
    sums = np.append(np.cumsum(values[::-1])[::-1], 0.0)
    n = len(values) - first
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(n > 0, sums[first] / n - at, np.nan))


def evt_risk(
    returns: ArrayLike, *, confidence: float = 0.99, horizon: int = 1, threshold_quantile: float = 0.9
) -> TailRisk:
    """VaR and ES of a Pareto tail over a threshold of the losses, taken as independent of each other.

    Parameters
    ----------
    returns : array_like of float, shape (n_obs,)
        Profits per step, without NaN.
    confidence : float, default 0.99
        At least `threshold_quantile`.
    horizon : int, default 1
        Only 1: how tails of sums grow depends on what the tail alone does not tell.
    threshold_quantile : float, default 0.9
        Of the losses.

    Raises
    ------
    ConfigError
        If the confidence lies below the threshold, or another horizon is asked for.
    ShapeError, DataError, ModelError
        As `fit_pareto_tail`.
    """
    one_step(horizon)
    tail = fit_pareto_tail(-check.sample(returns), threshold_quantile=threshold_quantile)
    return TailRisk(
        method="evt",
        confidence=confidence,
        horizon=1,
        var=tail.var(confidence),
        es=tail.es(confidence),
        var_error=tail.var_error(confidence),
        es_error=tail.es_error(confidence),
        n_obs=tail.n_obs,
    )


def one_step(horizon: int) -> None:
    """Raise ConfigError unless the horizon is one step."""
    if check.whole(horizon, "horizon") != 1:
        raise ConfigError(
            "a Pareto tail is known for one step alone",
            found=horizon,
            expected=1,
            where="horizon",
            hint="Use the method 'filtered', or returns of the longer step.",
        )


def _most_likely(excesses: FloatArray) -> tuple[float, float]:
    from scipy.optimize import minimize_scalar

    unit = float(excesses.mean())
    y = excesses / unit
    lowest = -1.0 / float(y.max())

    def shape_at(theta: float) -> float:
        return float(np.log1p(theta * y).mean())

    def cost(theta: float) -> float:
        """Mean negative log-likelihood, less the shape's own constant; 1 of the exponential at 0."""
        if abs(theta) < 1e-8:
            return 1.0
        shape = shape_at(theta)
        return math.log(shape / theta) + shape + 1.0

    near = np.logspace(-4.0, math.log10(1.0 - 1e-9), 40)
    grid = np.concatenate((lowest * near[::-1], [0.0], np.logspace(-4.0, 3.0, 60)))
    grid = grid[[shape_at(theta) > -0.5 for theta in grid]]
    best = int(np.argmin([cost(theta) for theta in grid]))
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    theta = float(minimize_scalar(cost, bounds=(low, high), method="bounded", options={"xatol": 1e-10}).x)
    if abs(theta) < 1e-8:
        return 0.0, unit
    shape = shape_at(theta)
    return shape, unit * shape / theta
