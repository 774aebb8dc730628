"""Whether a Sharpe ratio is more than luck: its error, its probability, and what a search takes from it.

**Every Sharpe ratio here is per period, not annual.** An annual one must be divided by √periods_per_year
first: daily returns with an annual ratio of 2.5 come in as ``2.5 / √252``. The number of observations counts
the same periods, and the kurtosis is that of the returns themselves, 3 for normal ones (not the excess that
`omni_lab.portfolio.performance.kurtosis` returns). Passing an annual ratio makes everything look significant.

References
----------
.. [1] Bailey and López de Prado, "The Sharpe ratio efficient frontier", Journal of Risk 15(2), 2012.
.. [2] Bailey and López de Prado, "The deflated Sharpe ratio: correcting for selection bias, backtest
   overfitting and non-normality", Journal of Portfolio Management 40(5), 2014.
"""

import math
from statistics import NormalDist

import numpy as np

from omni_lab.errors import ConfigError
from omni_lab.typing import ArrayLike

NAN = float("nan")
_NORMAL = NormalDist()
_LEAST_TAIL = 1e-300


def sharpe_error(sharpe: float, n_obs: int, *, skew: float = 0.0, kurtosis: float = 3.0) -> float:
    """Standard error of a per-period Sharpe ratio.

    ``√((1 − skew·SR + (kurtosis − 1)/4 · SR²) / (n_obs − 1))``, for returns that are independent of each
    other and otherwise of any distribution with four moments.

    Parameters
    ----------
    sharpe : float
        **Per period, not annual**: mean return over standard deviation.
    n_obs : int
        Number of returns.
    skew : float, default 0
        Skewness of the returns.
    kurtosis : float, default 3
        Kurtosis of the returns, 3 for normal ones: not the excess.

    Returns
    -------
    float
        NaN with fewer than two returns, where an argument is NaN, and where the moments contradict each other
        so that the variance would be negative.

    References
    ----------
    .. [1] Bailey and López de Prado, 2012, equation 8; Mertens, "Comments on variance of the IID estimator in
       Lo (2002)", 2002.
    """
    if n_obs < 2:
        return NAN
    spread = _spread(sharpe, skew, kurtosis)
    return math.sqrt(spread / (n_obs - 1)) if spread >= 0.0 else NAN


def probabilistic_sharpe(
    sharpe: float, n_obs: int, *, benchmark: float = 0.0, skew: float = 0.0, kurtosis: float = 3.0
) -> float:
    """Probability that the true Sharpe ratio exceeds a benchmark, given the one observed.

    Parameters
    ----------
    sharpe : float
        **Per period, not annual.**
    n_obs : int
        Number of returns.
    benchmark : float, default 0
        What it must exceed, **per period**.
    skew, kurtosis : float
        As in `sharpe_error`.

    Returns
    -------
    float
        Between 0 and 1; NaN where `sharpe_error` is NaN.

    References
    ----------
    .. [1] Bailey and López de Prado, 2012, equation 9.
    """
    error = sharpe_error(sharpe, n_obs, skew=skew, kurtosis=kurtosis)
    if math.isnan(error) or math.isnan(sharpe - benchmark):
        return NAN
    if error == 0.0:
        return 0.5 if sharpe == benchmark else float(sharpe > benchmark)
    return _NORMAL.cdf((sharpe - benchmark) / error)


def min_track_record_length(
    sharpe: float,
    *,
    benchmark: float = 0.0,
    skew: float = 0.0,
    kurtosis: float = 3.0,
    confidence: float = 0.95,
) -> float:
    """Number of returns that it takes to tell a Sharpe ratio from a benchmark.

    Parameters
    ----------
    sharpe, benchmark : float
        **Per period, not annual.**
    skew, kurtosis : float
        As in `sharpe_error`.
    confidence : float, default 0.95
        Probability wanted, between 0.5 and 1.

    Returns
    -------
    float
        In periods, not rounded. Infinite where the ratio does not exceed the benchmark: no record of any
        length would show it. NaN where an argument is NaN.

    Raises
    ------
    ConfigError
        If the confidence is not between 0.5 and 1.

    References
    ----------
    .. [1] Bailey and López de Prado, 2012, equation 11.
    """
    checked_confidence(confidence)
    spread = _spread(sharpe, skew, kurtosis)
    if math.isnan(sharpe - benchmark) or not spread >= 0.0:
        return NAN
    if sharpe <= benchmark:
        return math.inf
    return 1.0 + spread * (_NORMAL.inv_cdf(confidence) / (sharpe - benchmark)) ** 2


def expected_max_sharpe(n_trials: float, variance: float) -> float:
    """Sharpe ratio that the best of so many worthless trials is expected to show.

    ``√V · ((1 − γ) Φ⁻¹(1 − 1/N) + γ Φ⁻¹(1 − 1/(N e)))`` with γ the constant of Euler and Mascheroni.

    Parameters
    ----------
    n_trials : float
        Independent trials N; see `effective_trials` for those that resemble each other.
    variance : float
        Variance V of the trials' Sharpe ratios, **per period**: an annual one divided by periods_per_year.

    Returns
    -------
    float
        Per period; 0 for a single trial, which was not chosen from anything. NaN where the variance is.

    Raises
    ------
    ConfigError
        If there are fewer trials than one, or the variance is negative.

    References
    ----------
    .. [1] Bailey and López de Prado, 2014, equation 1.
    """
    if not n_trials >= 1.0:
        raise ConfigError(
            "there is no best of no trials", found=n_trials, expected="at least 1", where="n_trials"
        )
    if variance < 0.0:
        raise ConfigError("a variance is not negative", found=variance, where="variance")
    if n_trials == 1.0:
        return 0.0
    # Φ⁻¹(1 − p) = −Φ⁻¹(p), which keeps its digits however many trials there were.
    tail = max(1.0 / n_trials, _LEAST_TAIL)
    spread = (np.euler_gamma - 1.0) * _NORMAL.inv_cdf(tail) - np.euler_gamma * _NORMAL.inv_cdf(tail / math.e)
    # Between one trial and two the approximation falls below zero, which the best of several is not.
    return math.sqrt(variance) * max(float(spread), 0.0)


def deflated_sharpe(
    sharpe: float,
    n_obs: int,
    *,
    n_trials: float,
    variance: float,
    skew: float = 0.0,
    kurtosis: float = 3.0,
) -> float:
    """Probability that the true Sharpe ratio is above zero, given that it was the best of so many trials.

    `probabilistic_sharpe` against the benchmark `expected_max_sharpe`.

    Parameters
    ----------
    sharpe : float
        Of the trial that was chosen. **Per period, not annual.**
    n_obs : int
        Number of its returns.
    n_trials, variance : float
        As in `expected_max_sharpe`; the variance is **per period**.
    skew, kurtosis : float
        Of the returns of the chosen trial, as in `sharpe_error`.

    Returns
    -------
    float
        Between 0 and 1; above 0.95 is the usual bar.

    References
    ----------
    .. [1] Bailey and López de Prado, 2014, equation 2.
    """
    benchmark = expected_max_sharpe(n_trials, variance)
    return probabilistic_sharpe(sharpe, n_obs, benchmark=benchmark, skew=skew, kurtosis=kurtosis)


def effective_trials(returns: ArrayLike) -> float:
    """Number of independent trials that so many correlated ones amount to: ``ρ̄ + (1 − ρ̄) N``.

    Parameters
    ----------
    returns : array-like of float, shape (n_obs, n_trials)
        One column a trial. Columns that do not vary or hold a NaN are left out.

    Returns
    -------
    float
        Between 1 and n_trials. Trials whose mean correlation ρ̄ is negative count in full; 1 where no column
        is left.

    References
    ----------
    .. [1] Bailey and López de Prado, 2014, appendix A.3.
    """
    columns = np.asarray(returns, dtype=np.float64)
    scaled = columns - columns.mean(axis=0)
    size = np.sqrt((scaled * scaled).sum(axis=0))
    kept = size > 1e-12 * np.abs(columns).max(axis=0, initial=1e-300)
    n_trials = int(kept.sum())
    if n_trials < 2:
        return 1.0
    # The sum of all correlations is the squared length of the sum of the unit vectors.
    total = (scaled[:, kept] / size[kept]).sum(axis=1)
    mean = (float(total @ total) - n_trials) / (n_trials * (n_trials - 1.0))
    mean = min(max(mean, 0.0), 1.0)
    return mean + (1.0 - mean) * n_trials


def checked_confidence(confidence: float) -> float:
    """Return the confidence; ConfigError unless it lies between 0.5 and 1."""
    if not 0.5 < confidence < 1.0:
        raise ConfigError(
            "this is not a confidence", found=confidence, expected="above 0.5 and below 1", where="confidence"
        )
    return confidence


def _spread(sharpe: float, skew: float, kurtosis: float) -> float:
    return 1.0 - skew * sharpe + 0.25 * (kurtosis - 1.0) * sharpe * sharpe
