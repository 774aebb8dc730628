"""How fast fills become rarer with depth, fitted to data: ``λ(δ) = A · exp(−k · δ)`` with standard errors.

``λ(δ)`` is the rate at which takers reach depth δ or deeper, so it is the rate of fills of a small order that
waits there alone. Depths may be in ticks or in money; ``k`` is for each such unit, ``A`` for each second.
"""

from dataclasses import dataclass

import numpy as np

from omni_lab.errors import ModelError
from omni_lab.models._checks import column, require_positive, rising
from omni_lab.models.arrivals import count_reaching
from omni_lab.typing import ArrayLike, FloatArray

_MOST_STEPS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class FillIntensity:
    """A fitted intensity.

    Attributes
    ----------
    A : float
        Rate at depth 0, for each second.
    k : float
        Decay, for each unit of depth.
    log_A_error : float
        Standard error of ln A, which is about that of A as a part of it.
    k_error : float
        Standard error of k.
    correlation : float
        Of the errors of ln A and k.
    n : int
        Arrivals, or intervals, that the fit used.
    """

    A: float
    k: float
    log_A_error: float
    k_error: float
    correlation: float
    n: int

    def rate(self, depth: ArrayLike) -> FloatArray:
        """``A · exp(−k · depth)``, for each second."""
        return np.asarray(self.A * np.exp(-self.k * np.asarray(depth, dtype=np.float64)))

    def rate_error(self, depth: ArrayLike) -> FloatArray:
        """Standard error of the logarithm of the rate at each depth."""
        at = np.asarray(depth, dtype=np.float64)
        between = self.correlation * self.log_A_error * self.k_error
        return np.sqrt(self.log_A_error**2 - 2.0 * at * between + (at * self.k_error) ** 2)


def fit_intensity_regression(depth: ArrayLike, seconds: float, levels: ArrayLike) -> FillIntensity:
    """A line through the logarithms of how often each level was reached.

    Parameters
    ----------
    depth : array-like of float, shape (n,)
        How deep each taker reached, as `omni_lab.models.arrivals.taker_depths` finds it.
    seconds : float
        How long arrivals were watched; twice that for the rate of one side, if the depths are of both.
    levels : array-like of float, shape (n_levels,)
        Strictly rising depths; those that nobody reached are left out.

    Returns
    -------
    FillIntensity
        Errors allow for the nesting of the counts (who reaches a deep level reached all before it), as if
        arrivals were Poisson; they do not for arrivals in clusters.

    Raises
    ------
    ModelError
        If fewer than two levels were reached.
    DataError
        If the levels do not rise.
    """
    require_positive("fit_intensity_regression", seconds=seconds)
    bounds = rising(levels, "fit_intensity_regression: levels", strictly=True)
    counts = count_reaching(depth, bounds)
    bounds, counts = bounds[counts > 0], counts[counts > 0]
    if len(bounds) < 2:
        raise ModelError(
            "a line needs two levels that were reached",
            found=len(bounds),
            where="fit_intensity_regression",
            hint="Choose levels within the depths that occur.",
        )
    design = np.column_stack([np.ones(len(bounds)), -bounds])
    solve = np.linalg.pinv(design)
    log_a, k = solve @ np.log(counts / seconds)
    # Cov(N_i, N_j) is the mean of the deeper count, so that of the logarithms is one over the shallower.
    shallower = np.maximum.outer(counts, counts).astype(np.float64)
    return _fitted(float(log_a), float(k), solve @ (1.0 / shallower) @ solve.T, int(counts[0]))


def fit_intensity_mle(
    depth: ArrayLike, seconds: float, *, least: float, step: float | None = None
) -> FillIntensity:
    """Maximum likelihood from how deep each taker reached.

    Arrivals that reach ``least`` are Poisson with rate ``λ(least)``, and what they go beyond it is
    exponential with rate k, or geometric on a grid.

    Parameters
    ----------
    depth : array-like of float, shape (n,)
        Those below ``least`` are left out: inside the spread there is nobody to meet.
    seconds : float
        How long arrivals were watched; twice that for the rate of one side, if the depths are of both.
    least : float
        From where on the law is believed, half of a usual spread for instance.
    step : float, optional
        Distance between depths that can occur: 1 for depths in ticks from a price on the grid, 0.5 if the
        middle may lie between two ticks. Without it depths are continuous.

    Returns
    -------
    FillIntensity
        With the errors of the Fisher information.

    Raises
    ------
    ModelError
        If nobody reached ``least``, or nobody went beyond it.
    """
    require_positive("fit_intensity_mle", seconds=seconds)
    depths = column(depth, "fit_intensity_mle: depth")
    beyond = depths[depths >= least] - least
    n, mean = len(beyond), float(beyond.mean()) if len(beyond) else 0.0
    if mean <= 0.0:
        raise ModelError(
            "no depth beyond the least, so no decay can be told",
            found=n,
            expected="arrivals at several depths",
            where="fit_intensity_mle: least",
        )
    if step is None:
        k = 1.0 / mean
        k_variance = k * k / n
    else:
        require_positive("fit_intensity_mle", step=step)
        k = float(np.log1p(step / mean)) / step
        kept = np.exp(-k * step)
        k_variance = float((1.0 - kept) ** 2 / (kept * n * step * step))
    # How many come and how deep they go are independent: ln λ(least) = ln A − k · least has variance 1/n.
    covariance = np.array(
        [[1.0 / n + least**2 * k_variance, least * k_variance], [least * k_variance, k_variance]]
    )
    return _fitted(float(np.log(n / seconds)) + k * least, k, covariance, n)


def fit_intensity_intervals(depth: ArrayLike, interval_s: float, levels: ArrayLike) -> FillIntensity:
    """Maximum likelihood from how deep trades went in equal intervals: what resting quotes meet.

    A level is reached in an interval with probability ``1 − exp(−λ(δ) Δt)``, so the deepest point of each
    has a Gumbel distribution. Only which levels it lies between is used, so depths may be on any grid.

    Parameters
    ----------
    depth : array-like of float, shape (n_intervals,)
        Deepest point of each interval, as `omni_lab.models.arrivals.depths_reached` finds it for one side;
        −inf where there was no trade. Intervals with NaN are left out.
    interval_s : float
        Length of each, in seconds.
    levels : array-like of float, shape (n_levels,)
        Strictly rising, at least two.

    Returns
    -------
    FillIntensity
        With the errors of the Fisher information.

    Raises
    ------
    ModelError
        If all intervals ended between the same two levels, or the search does not settle.
    DataError
        If the levels do not rise.

    References
    ----------
    .. [1] Prentice and Gloeckler, "Regression analysis of grouped survival data with application to breast
       cancer data", Biometrics 34(1), 1978: the same likelihood, with times in place of depths.
    """
    where = "fit_intensity_intervals"
    require_positive(where, interval_s=interval_s)
    bounds = rising(levels, f"{where}: levels", strictly=True)
    depths = column(depth, f"{where}: depth")
    depths = depths[~np.isnan(depths)]
    reached = count_reaching(depths, bounds)
    # Intervals that ended below the first level, between two, and at or beyond the last.
    cells = -np.diff(np.concatenate(([len(depths)], reached, [0]))).astype(np.float64)
    if len(bounds) < 2 or np.count_nonzero(cells) < 2 or not reached[1]:
        raise ModelError(
            "depths too much alike to tell a decay",
            found=cells.astype(int).tolist(),
            expected="intervals that ended between different levels",
            where=where,
        )
    theta = _first_guess(reached, len(depths), bounds, interval_s)
    for _ in range(_MOST_STEPS):
        slope, information = _score(theta, cells, bounds, interval_s)
        move = np.linalg.solve(information, slope)
        # No step may change a rate by more than a factor of e, or the search could leave for good.
        size = float(np.abs(move * np.array([1.0, np.abs(bounds).max()])).max())
        theta = theta + move / max(1.0, size)
        if size < 1e-9:
            _, information = _score(theta, cells, bounds, interval_s)
            covariance = np.asarray(np.linalg.inv(information), dtype=np.float64)
            return _fitted(float(theta[0]), float(theta[1]), covariance, len(depths))
    raise ModelError(
        "the search for the likeliest intensity does not settle", found=theta.tolist(), where=where
    )


def _first_guess(reached: ArrayLike, n: int, bounds: FloatArray, interval_s: float) -> FloatArray:
    part = np.clip(np.asarray(reached, dtype=np.float64) / n, 0.5 / n, 1.0 - 0.5 / n)
    log_rate = np.log(-np.log1p(-part) / interval_s)
    guess = np.linalg.lstsq(np.column_stack([np.ones(len(bounds)), -bounds]), log_rate)[0]
    return np.asarray(guess, dtype=np.float64)


def _score(
    theta: FloatArray, cells: FloatArray, bounds: FloatArray, interval_s: float
) -> tuple[FloatArray, FloatArray]:
    """Slope of the log likelihood in (ln A, k), and the expected information."""
    rate = np.exp(theta[0] - theta[1] * bounds) * interval_s
    upper, lower = np.append(np.inf, rate), np.append(rate, 0.0)
    # exp(−lower) − exp(−upper), also where both are so close to 1 that their difference would be lost.
    chance = np.maximum(-np.exp(-lower) * np.expm1(lower - upper), 1e-300)
    turn = np.concatenate(([0.0], -rate * np.exp(-rate), [0.0]))  # of exp(−rate), in ln A
    depth = np.concatenate(([0.0], bounds, [0.0]))
    slopes = np.column_stack([np.diff(turn), np.diff(-depth * turn)])
    return slopes.T @ (cells / chance), cells.sum() * (slopes.T @ (slopes / chance[:, np.newaxis]))


def _fitted(log_a: float, k: float, covariance: FloatArray, n: int) -> FillIntensity:
    errors = np.sqrt(np.diag(covariance))
    return FillIntensity(
        A=float(np.exp(log_a)),
        k=k,
        log_A_error=float(errors[0]),
        k_error=float(errors[1]),
        correlation=float(covariance[0, 1] / (errors[0] * errors[1])),
        n=n,
    )
