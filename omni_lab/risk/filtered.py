"""Value at risk that knows how wild the market is today: tails of residuals, times today's volatility.

Volatility is that of a GARCH(1,1) (`omni_lab.models.garch`, extra ``samples``). What is left after dividing
by it is nearly independent, so its tail is taken as it came (filtered historical simulation) or as a Pareto
tail (McNeil and Frey).

References
----------
.. [1] Barone-Adesi, Giannopoulos and Vosper, "VaR without correlations for portfolios of derivative
   securities", Journal of Futures Markets 19, 1999.
.. [2] McNeil and Frey, "Estimation of tail-related risk measures for heteroscedastic financial time series",
   Journal of Empirical Finance 7, 2000.
"""

from __future__ import annotations

import numpy as np

from omni_lab.models.garch import Garch, fit_garch
from omni_lab.risk import _checks as check
from omni_lab.risk.evt import fit_pareto_tail, one_step
from omni_lab.risk.tails import TailRisk, historical_risk
from omni_lab.typing import ArrayLike, FloatArray

_CELLS = 2_000_000


def filtered_risk(
    returns: ArrayLike,
    *,
    confidence: float = 0.99,
    horizon: int = 1,
    garch: Garch | None = None,
    n_paths: int = 20_000,
    seed: int = 0,
) -> TailRisk:
    r"""VaR and ES of the next steps by filtered historical simulation.

    One step ahead the losses are :math:`-(\mu + \sigma_{n+1} z_i)` with the residuals :math:`z_i` of the
    past, and nothing is drawn. Further ahead residuals are drawn with replacement and run through the
    variance's recursion, path by path.

    Parameters
    ----------
    returns : array_like of float, shape (n_obs,)
        At least 100, without NaN.
    confidence : float, default 0.99
        Between 0.5 and 1.
    horizon : int, default 1
        Steps.
    garch : Garch, optional
        Parameters to run through these returns; fitted to them by default.
    n_paths : int, default 20,000
        Drawn for horizons beyond 1.
    seed : int, default 0
        Of the draws.

    Returns
    -------
    TailRisk
        Given today's volatility. The errors leave out that of the volatility, and are NaN beyond one step.

    Raises
    ------
    MissingExtraError, ShapeError, DataError, ModelError
        As `fit_garch` and `historical_risk`.
    """
    steps = check.whole(horizon, "horizon")
    fit, sigma, residuals = _filter(returns, garch)
    if steps == 1:
        tail = historical_risk(residuals, confidence=confidence)
        return _scaled(tail, "filtered", fit.mean, sigma)
    draws = check.whole(n_paths, "n_paths", 100)
    rng = np.random.default_rng(seed)
    sums = np.concatenate(
        [
            _paths(fit, sigma, residuals, steps, min(_CELLS // steps or 1, draws - done), rng)
            for done in range(0, draws, _CELLS // steps or 1)
        ]
    )
    tail = historical_risk(sums, confidence=confidence)
    return TailRisk(
        method="filtered",
        confidence=tail.confidence,
        horizon=steps,
        var=tail.var,
        es=tail.es,
        n_obs=len(residuals),
    )


def filtered_evt_risk(
    returns: ArrayLike,
    *,
    confidence: float = 0.99,
    horizon: int = 1,
    garch: Garch | None = None,
    threshold_quantile: float = 0.9,
) -> TailRisk:
    r"""VaR and ES of the next step by the two stages of McNeil and Frey.

    .. math:: VaR = -\mu + \sigma_{n+1} VaR(-z), \qquad ES = -\mu + \sigma_{n+1} ES(-z)

    with a Pareto tail over a threshold of the negative residuals.

    Parameters
    ----------
    returns : array_like of float, shape (n_obs,)
        At least 100, without NaN; 20 residuals must exceed the threshold.
    confidence : float, default 0.99
        At least `threshold_quantile`.
    horizon : int, default 1
        Only 1.
    garch : Garch, optional
        Parameters to run through these returns; fitted to them by default.
    threshold_quantile : float, default 0.9
        Of the negative residuals.

    Returns
    -------
    TailRisk
        Given today's volatility, whose error is left out of the errors.

    Raises
    ------
    ConfigError
        As `evt_risk`.
    MissingExtraError, ShapeError, DataError, ModelError
        As `fit_garch` and `fit_pareto_tail`.
    """
    one_step(horizon)
    fit, sigma, residuals = _filter(returns, garch)
    pareto = fit_pareto_tail(-residuals, threshold_quantile=threshold_quantile)
    tail = TailRisk(
        method="evt",
        confidence=confidence,
        horizon=1,
        var=pareto.var(confidence),
        es=pareto.es(confidence),
        var_error=pareto.var_error(confidence),
        es_error=pareto.es_error(confidence),
        n_obs=len(residuals),
    )
    return _scaled(tail, "filtered_evt", fit.mean, sigma)


def _filter(returns: ArrayLike, garch: Garch | None) -> tuple[Garch, float, FloatArray]:
    """The model, the volatility of the next step, and the residuals of all steps."""
    values = check.sample(returns)
    if garch is None:
        garch = fit_garch(values)
        return garch, garch.next_sigma, garch.residuals
    path = garch.volatility(values)
    return garch, float(path[-1]), (values - garch.mean) / path[:-1]


def _scaled(tail: TailRisk, method: str, mean: float, sigma: float) -> TailRisk:
    return TailRisk(
        method=method,
        confidence=tail.confidence,
        horizon=1,
        var=sigma * tail.var - mean,
        es=sigma * tail.es - mean,
        var_error=sigma * tail.var_error,
        es_error=sigma * tail.es_error,
        n_obs=tail.n_obs,
    )


def _paths(
    fit: Garch, sigma: float, residuals: FloatArray, steps: int, n_paths: int, rng: np.random.Generator
) -> FloatArray:
    """Sums of returns over so many steps, one for each path."""
    drawn = residuals[rng.integers(0, len(residuals), (steps, n_paths))]
    variance = np.full(n_paths, sigma * sigma)
    sums = np.full(n_paths, steps * fit.mean)
    for z in drawn:
        surprise = np.sqrt(variance) * z
        sums += surprise
        variance = fit.omega + fit.alpha * surprise**2 + fit.beta * variance
    return sums
