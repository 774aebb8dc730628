"""A regression whose coefficients wander: the Kalman filter of a random walk, one observation at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from omni_lab.errors import ConfigError, ShapeError
from omni_lab.typing import ArrayLike, FloatArray


class KalmanRegression:
    r"""Filter of a regression with coefficients that follow a random walk.

    .. math::

        y_t &= x_t^\top \beta_t + \varepsilon_t, & \varepsilon_t &\sim N(0, R), \\
        \beta_t &= \beta_{t-1} + \eta_t, & \eta_t &\sim N(0, q R I).

    All variances are kept in units of :math:`R`, which drops out of the coefficients; what it is, the
    innovations tell (:attr:`noise`). The covariance is updated in Joseph's form, which keeps it symmetric and
    positive whatever the rounding.

    Parameters
    ----------
    n_coefficients : int
        Length of :math:`x_t`, the constant included if there is one.
    state_ratio : float
        :math:`q`, variance of the change of a coefficient in one step over that of the noise; 0 keeps the
        coefficients still, which is recursive least squares.
    prior_ratio : float
        Variance of each coefficient before the first observation, over that of the noise; large knows
        nothing. The prior mean is 0.

    Attributes
    ----------
    coefficients : ndarray of float64, shape (n_coefficients,)
        Mean of :math:`\beta_t` given everything up to now.
    covariance : ndarray of float64, shape (n_coefficients, n_coefficients)
        Its covariance over :math:`R`.
    innovation : float
        Last observation less what was expected of it; NaN before the first.
    innovation_ratio : float
        Variance of that over :math:`R`.

    Raises
    ------
    ConfigError
        If a ratio is negative, or there is no coefficient.

    References
    ----------
    .. [1] Durbin and Koopman, "Time Series Analysis by State Space Methods", 2nd edition, 2012, section 4.3
       (filter) and 6.3.2 (regression with time-varying coefficients).
    .. [2] Chan, "Algorithmic Trading", Wiley, 2013, chapter 3, for hedge ratios.
    """

    def __init__(self, n_coefficients: int, *, state_ratio: float = 1e-4, prior_ratio: float = 1e6) -> None:
        if n_coefficients < 1:
            raise ConfigError("a regression has a coefficient", found=n_coefficients, where="n_coefficients")
        if not (state_ratio >= 0 and prior_ratio > 0):
            raise ConfigError(
                "variances are not negative",
                found=f"state_ratio={state_ratio}, prior_ratio={prior_ratio}",
                where="KalmanRegression",
            )
        self.coefficients: FloatArray = np.zeros(n_coefficients)
        self.covariance: FloatArray = prior_ratio * np.eye(n_coefficients)
        self.innovation = np.nan
        self.innovation_ratio = np.nan
        self._state_noise = state_ratio * np.eye(n_coefficients)
        self._identity = np.eye(n_coefficients)
        self._n_seen = 0
        self._squares = 0.0

    @property
    def noise(self) -> float:
        """Estimate of the noise variance R: mean of the squared innovations over their ratios.

        The first ``n_coefficients`` observations only replace the prior and do not count; NaN before that.
        """
        n_counted = self._n_seen - len(self.coefficients)
        return self._squares / n_counted if n_counted > 0 else np.nan

    def update(self, y: float, x: FloatArray) -> None:
        """Take in one observation.

        Parameters
        ----------
        y : float
        x : ndarray of float64, shape (n_coefficients,)
        """
        predicted = self.covariance + self._state_noise if self._n_seen else self.covariance
        spread = predicted @ x
        self.innovation = float(y - x @ self.coefficients)
        self.innovation_ratio = float(x @ spread + 1.0)
        gain = spread / self.innovation_ratio
        kept = self._identity - np.outer(gain, x)
        self.coefficients = self.coefficients + gain * self.innovation
        self.covariance = kept @ predicted @ kept.T + np.outer(gain, gain)
        self._n_seen += 1
        if self._n_seen > len(self.coefficients):
            self._squares += self.innovation**2 / self.innovation_ratio


@dataclass(frozen=True, slots=True)
class KalmanPath:
    """What a filter knew at each step.

    Attributes
    ----------
    coefficients : ndarray of float64, shape (n_times, n_coefficients)
        Row *t* given the observations up to and including *t*.
    innovations : ndarray of float64, shape (n_times,)
        Observation less what the observations before it let expect.
    ratios : ndarray of float64, shape (n_times,)
        Variance of the innovation over that of the noise.
    noise : float
        Estimate of the noise variance after the last step.
    """

    coefficients: FloatArray
    innovations: FloatArray
    ratios: FloatArray
    noise: float


def kalman_regression(
    y: ArrayLike, x: ArrayLike, *, state_ratio: float = 1e-4, prior_ratio: float = 1e6
) -> KalmanPath:
    """The path of a :class:`KalmanRegression` over a whole series.

    Parameters
    ----------
    y : array_like of float, shape (n_times,)
    x : array_like of float, shape (n_times, n_coefficients)
        With a column of ones if there is to be a constant. Neither may hold NaN.
    state_ratio, prior_ratio : float
        As there.

    Raises
    ------
    ShapeError
        If the two differ in length.
    """
    left, right = np.asarray(y, dtype=np.float64), np.asarray(x, dtype=np.float64)
    if left.ndim != 1 or right.ndim != 2 or len(left) != len(right):
        raise ShapeError("y and x differ in length", found=f"{left.shape} and {right.shape}")
    model = KalmanRegression(right.shape[1], state_ratio=state_ratio, prior_ratio=prior_ratio)
    coefficients, innovations, ratios = np.empty_like(right), np.empty_like(left), np.empty_like(left)
    for step, (value, row) in enumerate(zip(left, right, strict=True)):
        model.update(value, row)
        coefficients[step] = model.coefficients
        innovations[step], ratios[step] = model.innovation, model.innovation_ratio
    return KalmanPath(coefficients, innovations, ratios, model.noise)
