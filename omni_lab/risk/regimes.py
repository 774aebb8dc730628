"""Calm and wild times: a hidden Markov model with normal returns in each regime.

The estimator is statsmodels' ``MarkovRegression`` (extra ``samples``): it is maintained, comes with the data
of this project anyway, and gives **filtered** probabilities, of a regime given the returns so far. The other
well-known library, hmmlearn, gives only smoothed ones, which look ahead. It would fit several series at once,
which this does not.

What may be used in a backtest: `RegimeFit.predicted` and `RegimeFit.filtered` of a fit to the past, as
`rolling_regimes` makes them. Not `RegimeFit.smoothed`, which knows the future of every step; nor the filtered
probabilities of a fit to the whole sample, whose parameters know it.

References
----------
.. [1] Hamilton, "A new approach to the economic analysis of nonstationary time series and the business
   cycle", Econometrica 57, 1989.
.. [2] Kim, "Dynamic linear models with Markov-switching", Journal of Econometrics 60, 1994 (the smoother).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from omni_lab.errors import ConfigError, ModelError, ShapeError
from omni_lab.models._statsmodels import statsmodels
from omni_lab.progress import Progress
from omni_lab.risk import _checks as check
from omni_lab.typing import ArrayLike, FloatArray

_MOST_REGIMES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class RegimeProbabilities:
    """Probabilities of every regime, from what was known at each step; shape (n_obs, n_regimes).

    Attributes
    ----------
    predicted : ndarray of float64
        Of step ``t`` given the returns before it: what may size a position held over the step.
    filtered : ndarray of float64
        Of step ``t`` given the returns up to and including it.
    """

    predicted: FloatArray
    filtered: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class RegimeFit:
    """Regimes in a series of returns, the calmest first.

    Attributes
    ----------
    means, volatilities : ndarray of float64, shape (n_regimes,)
        Of a step's return in each regime.
    transition : ndarray of float64, shape (n_regimes, n_regimes)
        Probability of the column's regime in the next step, given the row's in this one.
    log_likelihood : float
        Of all returns.
    converged : bool
        Whether the search ended because nothing near is more likely, not because it had gone on for long.
    predicted, filtered : ndarray of float64, shape (n_obs, n_regimes)
        As `RegimeProbabilities`, with parameters that know the whole sample.
    smoothed : ndarray of float64, shape (n_obs, n_regimes)
        Probabilities given the whole sample: to describe the past, never to trade it.
    """

    means: FloatArray
    volatilities: FloatArray
    transition: FloatArray
    log_likelihood: float
    converged: bool
    predicted: FloatArray = field(repr=False)
    filtered: FloatArray = field(repr=False)
    smoothed: FloatArray = field(repr=False)

    @property
    def durations(self) -> FloatArray:
        """Steps that each regime lasts on average."""
        with np.errstate(divide="ignore"):
            return np.asarray(1.0 / (1.0 - np.diag(self.transition)))

    def run(self, returns: ArrayLike) -> RegimeProbabilities:
        """Probabilities in other returns, with these parameters.

        Parameters
        ----------
        returns : array_like of float, shape (n_obs,)
            Without NaN. Before the first of them every regime is as likely as it is in the long run.

        Raises
        ------
        ShapeError, DataError
            If there are fewer than two, or one is missing.
        """
        values = check.sample(returns, least=2)
        unit = float(self.volatilities[0])
        n = len(self.means)
        # Probabilities of a transition, the target outermost and the last of them implied; then the regimes.
        parameters = np.concatenate(
            (
                self.transition[:, : n - 1].T.ravel(),
                self.means / unit,
                (self.volatilities / unit) ** 2,
            )
        )
        found = _model(values / unit, n).filter(parameters)
        return _probabilities(found, self.transition)


def fit_regimes(returns: ArrayLike, n_regimes: int = 2, *, progress: bool = True) -> RegimeFit:
    """Hidden Markov model of the greatest likelihood that several starts find.

    Parameters
    ----------
    returns : array_like of float, shape (n_obs,)
        At least 50 for each regime, without NaN.
    n_regimes : int, default 2
        From 2 to 4.
    progress : bool, default True
        Show a bar where it takes longer than two seconds.

    Returns
    -------
    RegimeFit

    Raises
    ------
    MissingExtraError
        If statsmodels is not installed.
    ShapeError, DataError
        If there are too few returns, or one is missing.
    ConfigError
        If the number of regimes is out of range.
    ModelError
        If they never move, or no start leads to a maximum: then there are fewer regimes.
    """
    n = check.whole(n_regimes, "n_regimes", 2)
    if n > _MOST_REGIMES:
        raise ConfigError(
            "so many regimes cannot be told apart",
            found=n,
            expected=f"2 to {_MOST_REGIMES}",
            where="n_regimes",
        )
    values = check.sample(returns, least=50 * n)
    unit = check.varies(values)
    model = _model(values / unit, n)
    # A few steps of expectation and maximisation from every start, then all the way from the best of them.
    starts, tried = _starts(values / unit, n), []
    with Progress(len(starts) + 1, "regimes", progress, unit="starts") as report:
        for done, start in enumerate(starts):
            tried.append(_climbed(model, start, 30, 0))
            report(done + 1)
        alive = [found for found in tried if found is not None]
        best = max(alive, key=lambda found: float(found.llf)) if alive else None
        best = best and _climbed(model, best.params, 100, 200)
    if best is None:
        raise ModelError(
            "no start led to a maximum of the likelihood",
            found=f"{n} regimes",
            where="returns",
            hint="Ask for fewer regimes, or give a longer sample.",
        )
    means, variances = best.params[-2 * n : -n], best.params[-n:]
    order = np.argsort(variances)
    transition = best.regime_transition[:, :, 0].T[np.ix_(order, order)]
    known = _probabilities(best, transition, order)
    return RegimeFit(
        means=means[order] * unit,
        volatilities=np.sqrt(variances[order]) * unit,
        transition=transition,
        log_likelihood=float(best.llf) - len(values) * float(np.log(unit)),
        converged=bool(best.mle_retvals["converged"]),
        predicted=known.predicted,
        filtered=known.filtered,
        smoothed=np.asarray(best.smoothed_marginal_probabilities)[:, order],
    )


def rolling_regimes(
    returns: ArrayLike,
    first: int,
    n_regimes: int = 2,
    *,
    refit_every: int = 63,
    progress: bool = True,
) -> RegimeProbabilities:
    """Probabilities of every step from what was known then: parameters from the past, returns so far.

    Parameters
    ----------
    returns : array_like of float, shape (n_obs,)
        Without NaN.
    first : int
        Steps before the first fit, at least 50 for each regime.
    n_regimes : int, default 2
        From 2 to 4.
    refit_every : int, default 63
        Steps between fits, each to all returns before it.
    progress : bool, default True
        Show a bar where it takes longer than two seconds.

    Returns
    -------
    RegimeProbabilities
        NaN for the first steps. The calmest regime comes first in every fit, so columns mean the same.

    Raises
    ------
    ShapeError
        If there are no more returns than `first`.
    MissingExtraError, DataError, ConfigError, ModelError
        As `fit_regimes`.
    """
    begin, every = check.whole(first, "first"), check.whole(refit_every, "refit_every")
    values = check.sample(returns)
    if len(values) <= begin:
        raise ShapeError(
            "no step comes after the first fit", found=len(values), expected=f"more than {begin}"
        )
    predicted = np.full((len(values), n_regimes), np.nan)
    filtered = predicted.copy()
    with Progress(len(values) - begin, "regimes", progress) as report:
        for start in range(begin, len(values), every):
            stop = min(start + every, len(values))
            known = fit_regimes(values[:start], n_regimes, progress=False).run(values[:stop])
            predicted[start:stop], filtered[start:stop] = known.predicted[start:], known.filtered[start:]
            report(stop - begin)
    return RegimeProbabilities(predicted=predicted, filtered=filtered)


def _model(values: FloatArray, n_regimes: int) -> Any:
    return statsmodels().markov_regression(values, k_regimes=n_regimes, trend="c", switching_variance=True)


def _starts(values: FloatArray, n_regimes: int) -> list[FloatArray]:
    """Regimes that last for 20 or 100 steps, with volatilities spread around the whole's."""
    starts = []
    for stay in (0.95, 0.99):
        for ratio in (1.7, 3.0):
            transition = np.full((n_regimes, n_regimes), (1.0 - stay) / (n_regimes - 1))
            np.fill_diagonal(transition, stay)
            sigma = ratio ** (np.arange(n_regimes) - (n_regimes - 1) / 2.0)
            sigma *= values.std() / np.sqrt((sigma**2).mean())
            means = np.full(n_regimes, values.mean())
            starts.append(np.concatenate((transition[:, : n_regimes - 1].T.ravel(), means, sigma**2)))
    return starts


def _climbed(model: Any, start: FloatArray, em_steps: int, newton_steps: int) -> Any:
    """The fit that so many steps lead to, or None where they end in nothing."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            found = model.fit(
                start_params=start, em_iter=em_steps, maxiter=newton_steps, cov_type="none", disp=False
            )
        except (np.linalg.LinAlgError, ValueError):
            return None
    proper = np.isfinite(found.llf) and np.isfinite(found.params).all()
    # A regime of one step has a variance of 0 and a likelihood without bound.
    return found if proper and found.params[-model.k_regimes :].min() > 1e-8 else None


def _probabilities(found: Any, transition: FloatArray, order: Any = slice(None)) -> RegimeProbabilities:
    filtered = np.asarray(found.filtered_marginal_probabilities)[:, order]
    first = np.asarray(found.initial_probabilities)[order]
    predicted = np.vstack((first @ transition, filtered[:-1] @ transition))
    return RegimeProbabilities(predicted=predicted, filtered=filtered)
