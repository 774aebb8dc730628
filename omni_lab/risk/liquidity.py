"""What it costs, and how long it takes, to get out: risk that prices at the middle do not show.

References
----------
.. [1] Bangia, Diebold, Schuermann and Stroughair, "Modeling liquidity risk, with implications for traditional
   market risk measurement and management", Wharton, 1999.
.. [2] Jorion, "Value at Risk", McGraw-Hill, 2007, chapter 13.
"""

from __future__ import annotations

import math

import numpy as np

from omni_lab.errors import ConfigError, DataError, ShapeError
from omni_lab.risk import _checks as check
from omni_lab.risk._quantiles import normal_factors
from omni_lab.typing import ArrayLike, FloatArray


def spread_cost(
    values: ArrayLike, mean_spread: ArrayLike, spread_deviation: ArrayLike, *, multiplier: float = 3.0
) -> FloatArray:
    r"""Cost of crossing the spread on a bad day: Bangia's exogenous liquidity risk.

    .. math:: C = \tfrac12 |V| (\bar S + a\, \sigma_S)

    Parameters
    ----------
    values : array_like of float, shape (n_assets,)
        Money in each position; the sign does not matter.
    mean_spread, spread_deviation : array_like of float, shape (n_assets,)
        Mean and standard deviation of the relative spread, ask less bid over the middle.
    multiplier : float, default 3
        :math:`a`: how many deviations the spread widens. The paper finds 2.0 to 4.5 for 99%, more than the
        normal's 2.33, because spreads are far from normal.

    Returns
    -------
    ndarray of float64, shape (n_assets,)
        Money, not negative. To be added to VaR: bad days and wide spreads are taken to come together.

    Raises
    ------
    ShapeError, DataError, ConfigError
        If lengths differ, or a spread, a deviation or the multiplier is negative.
    """
    money = np.abs(check.weights(values, where="values"))
    mean = _not_negative(mean_spread, len(money), "mean_spread")
    deviation = _not_negative(spread_deviation, len(money), "spread_deviation")
    if not (math.isfinite(multiplier) and multiplier >= 0):
        raise ConfigError("a number of deviations", found=multiplier, expected=">= 0", where="multiplier")
    return np.asarray(0.5 * money * (mean + multiplier * deviation))


def days_to_liquidate(quantity: ArrayLike, daily_volume: ArrayLike, participation: float = 0.1) -> FloatArray:
    """Days until each position is gone, at a part of the usual volume.

    Parameters
    ----------
    quantity : array_like of float, shape (n_assets,)
        Shares or money; the sign does not matter.
    daily_volume : array_like of float, shape (n_assets,)
        Usual volume of a day in the same unit.
    participation : float, default 0.1
        Part of the volume that we may be, above 0 and at most 1.

    Returns
    -------
    ndarray of float64, shape (n_assets,)
        Not rounded; infinite where nothing trades, 0 where nothing is held.

    Raises
    ------
    ShapeError, DataError, ConfigError
        If lengths differ, a volume is negative, or the part is out of range.
    """
    held = np.abs(check.weights(quantity, where="quantity"))
    volume = _not_negative(daily_volume, len(held), "daily_volume")
    if not 0.0 < participation <= 1.0:
        raise ConfigError(
            "a part of the volume", found=participation, expected="above 0, at most 1", where="participation"
        )
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(held > 0.0, held / (volume * participation), 0.0)


def liquidation_schedule(days: ArrayLike) -> FloatArray:
    """Part of each position that is still held during each day, sold in equal parts a day.

    Parameters
    ----------
    days : array_like of float, shape (n_assets,)
        As `days_to_liquidate` gives them; rounded up to whole days.

    Returns
    -------
    ndarray of float64, shape (n_days, n_assets)
        The whole of a position on the first day, 0 once it is gone.

    Raises
    ------
    DataError
        If a position can never be sold, or takes more than 10,000 days.
    """
    array = check.floats(days, "days")
    if not (np.isfinite(array) & (array >= 0.0) & (array <= 10_000)).all():
        raise DataError(
            "a position cannot be sold",
            found=float(array[~(array <= 10_000)][0]) if (~(array <= 10_000)).any() else float(array.min()),
            expected="from 0 to 10,000 days",
            where="days",
            hint="Leave out what does not trade, and count its whole value as lost.",
        )
    whole = np.ceil(array - 1e-9)
    steps = np.arange(max(int(whole.max(initial=0.0)), 1))[:, np.newaxis]
    return np.asarray(np.maximum(1.0 - steps / np.maximum(whole, 1.0), 0.0) * (whole > 0.0))


def liquidation_var(
    values: ArrayLike, covariance: ArrayLike, days: ArrayLike, *, confidence: float = 0.99
) -> tuple[float, float]:
    r"""VaR and ES of a portfolio while it is sold off, under normal returns.

    With :math:`q_k` the money still held on day :math:`k` and independent days

    .. math:: VaR = z_c \sqrt{\textstyle\sum_k q_k^\top \Sigma\, q_k} .

    For one position sold in :math:`n` equal parts this is the VaR of a day times
    :math:`\sqrt{(n + 1)(2 n + 1) / (6 n)}`, against :math:`\sqrt n` if all were held to the end.

    Parameters
    ----------
    values : array_like of float, shape (n_assets,)
        Money in each position, negative where short.
    covariance : array_like of float, shape (n_assets, n_assets)
        Of daily returns.
    days : array_like of float, shape (n_assets,)
        As `days_to_liquidate` gives them. Positions are sold side by side; what is sold first leaves its
        hedge alone.
    confidence : float, default 0.99
        Between 0.5 and 1.

    Returns
    -------
    var, es : float
        Money, positive; the cost of selling is not in it.

    Raises
    ------
    ShapeError, DataError, ConfigError
        If the arguments do not fit together, or a position cannot be sold.
    """
    money = check.weights(values, where="values")
    sigma = check.square(covariance, len(money))
    schedule = liquidation_schedule(days)
    if schedule.shape[1] != len(money):
        raise ShapeError("every position takes so many days", found=schedule.shape[1], expected=len(money))
    held = schedule * money
    deviation = math.sqrt(max(float(np.einsum("ki,ij,kj->", held, sigma, held, optimize=True)), 0.0))
    var, es = normal_factors(confidence)
    return var * deviation, es * deviation


def _not_negative(values: ArrayLike, n_assets: int, where: str) -> FloatArray:
    array = check.weights(values, n_assets, where)
    if (array < 0.0).any():
        raise DataError("a value is negative", found=float(array.min()), expected=">= 0", where=where)
    return array
