"""GARCH(1,1): variance that remembers the last surprise and itself. Fitted by `arch`, run through here.

The one door to `arch`, of the extra ``samples``. A fit is parameters and numbers; it runs through returns it
has not seen without being fitted again, which is what a backtest may do.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from omni_lab.errors import ConfigError, DataError, MissingExtraError, ModelError
from omni_lab.models._checks import column
from omni_lab.typing import ArrayLike, FloatArray

Innovations = Literal["normal", "t"]
LEAST_RETURNS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Garch:
    r"""A constant mean and a variance that follows returns.

    .. math::

        r_t = \mu + \sigma_t z_t, \qquad
        \sigma_{t+1}^2 = \omega + \alpha (r_t - \mu)^2 + \beta \sigma_t^2

    Attributes
    ----------
    mean, omega, alpha, beta : float
        :math:`\mu, \omega, \alpha, \beta`, in the unit of the returns and its square.
    start_variance : float
        What stands for the square and the variance before the first return.
    sigma : ndarray of float64, shape (n_obs,)
        :math:`\sigma_t` of the returns it was fitted to, each known before its return.
    residuals : ndarray of float64, shape (n_obs,)
        :math:`z_t`.
    next_sigma : float
        Of the step after the last one.
    log_likelihood : float
        Of all returns.
    """

    mean: float
    omega: float
    alpha: float
    beta: float
    start_variance: float
    log_likelihood: float
    sigma: FloatArray = field(repr=False)
    residuals: FloatArray = field(repr=False)
    next_sigma: float

    @property
    def persistence(self) -> float:
        """Part of a surprise in the variance that is left after a step: ``alpha + beta``."""
        return self.alpha + self.beta

    def volatility(self, returns: ArrayLike) -> FloatArray:
        r"""Volatility of other returns with the same parameters, one step ahead.

        Parameters
        ----------
        returns : array_like of float, shape (n_obs,)
            Without NaN.

        Returns
        -------
        ndarray of float64, shape (n_obs + 1,)
            :math:`\sigma_t` from what came before :math:`t` alone; the last is of the step after the last.
        """
        squares = (column(returns, "returns") - self.mean) ** 2
        return _path(squares, self.omega, self.alpha, self.beta, self.start_variance)


def fit_garch(returns: ArrayLike, *, innovations: Innovations = "normal") -> Garch:
    """GARCH(1,1) of the greatest likelihood.

    Under normal innovations that are none it is the quasi-likelihood, which still finds the parameters of
    the variance; the residuals keep the tails. The recursion starts from `arch`'s back-cast, an average of
    the first 75 squares that counts early ones most. Other programs start from the sample variance, which
    moves the estimates in short samples.

    Parameters
    ----------
    returns : array_like of float, shape (n_obs,)
        At least 100, without NaN.
    innovations : {"normal", "t"}
        Distribution of the residuals in the likelihood.

    Raises
    ------
    MissingExtraError
        If `arch` is not installed.
    ShapeError, DataError
        If there are too few returns, or one is missing.
    ModelError
        If they never move, or the likelihood has no maximum that the search finds.

    References
    ----------
    .. [1] Bollerslev, "Generalized autoregressive conditional heteroskedasticity", Journal of Econometrics
       31, 1986.
    """
    if innovations not in ("normal", "t"):
        raise ConfigError("unknown innovations", found=innovations, expected=("normal", "t"))
    values = column(returns, "returns", least=LEAST_RETURNS)
    if not np.isfinite(values).all():
        raise DataError("a return is missing or infinite", where="returns", hint="Leave it out.")
    unit = float(values.std())
    if not unit > 1e-12 * float(np.abs(values).max()):
        raise ModelError("the series is constant", found=float(values[0]), where="returns")
    found = _fitted(values / unit, innovations)
    mean, omega, alpha, beta = (float(found.params[name]) for name in _NAMES)
    mean, omega = mean * unit, omega * unit**2
    first = (float(found.conditional_volatility[0]) * unit) ** 2
    start = (first - omega) / (alpha + beta) if alpha + beta > 0 else first
    path = _path((values - mean) ** 2, omega, alpha, beta, start)
    return Garch(
        mean=mean,
        omega=omega,
        alpha=alpha,
        beta=beta,
        start_variance=start,
        log_likelihood=float(found.loglikelihood) - len(values) * math.log(unit),
        sigma=path[:-1],
        residuals=(values - mean) / path[:-1],
        next_sigma=float(path[-1]),
    )


def _path(squares: FloatArray, omega: float, alpha: float, beta: float, start: float) -> FloatArray:
    from scipy.signal import lfilter

    driven = np.concatenate(([omega + (alpha + beta) * start], omega + alpha * squares))
    return np.asarray(np.sqrt(lfilter([1.0], [1.0, -beta], driven)))


_NAMES = ("mu", "omega", "alpha[1]", "beta[1]")


def _fitted(values: FloatArray, innovations: Innovations) -> Any:
    try:
        from arch import arch_model
    except ImportError as error:
        raise MissingExtraError("arch", extra="samples", what="A GARCH model") from error
    model = arch_model(values, vol="GARCH", p=1, q=1, dist=innovations, rescale=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = model.fit(disp="off", show_warning=False)
    if found.convergence_flag:
        raise ModelError(
            "the search for the parameters of GARCH did not converge",
            found=f"flag {found.convergence_flag}",
            where="returns",
            hint="Give a longer sample; a series without clusters of volatility determines no GARCH.",
        )
    return found
