"""Returns by month and by year of the calendar, in UTC."""

import numpy as np

from omni_lab.portfolio import _checks as check
from omni_lab.typing import ArrayLike, FloatArray, IntArray

MONTHS_PER_YEAR = 12


def monthly_returns(ts: ArrayLike, equity: ArrayLike, initial_capital: float) -> tuple[IntArray, FloatArray]:
    """Return of each calendar month, years down and months across.

    A month's return is its last equity relative to the last equity before it, minus one; that of the first
    month is relative to the initial capital. So the months compound to the total return.

    Parameters
    ----------
    ts : array-like of int64 or datetime64, shape (n_steps,)
        Times of the steps, nanoseconds since 1970 UTC, increasing.
    equity : array-like of float, shape (n_steps,)
        Equity after each step.
    initial_capital : float
        Equity before the first step, positive.

    Returns
    -------
    years : ndarray of int64, shape (n_years,)
        All years from the first step's to the last step's.
    table : ndarray of float64, shape (n_years, 12)
        NaN in months without a step, and in those that begin with an equity of zero or less.

    Raises
    ------
    ConfigError
        If the initial capital is not a positive number.
    ShapeError
        If the arrays differ in length.
    """
    months, returns = _by_period(ts, equity, initial_capital, "datetime64[M]")
    if not len(months):
        return np.empty(0, dtype=np.int64), np.empty((0, MONTHS_PER_YEAR))
    first_year = months[0] // MONTHS_PER_YEAR
    n_years = int(months[-1] // MONTHS_PER_YEAR - first_year + 1)
    table = np.full((n_years, MONTHS_PER_YEAR), np.nan)
    table.reshape(-1)[months - first_year * MONTHS_PER_YEAR] = returns
    return 1970 + first_year + np.arange(n_years), table


def annual_returns(ts: ArrayLike, equity: ArrayLike, initial_capital: float) -> tuple[IntArray, FloatArray]:
    """Return of each calendar year, defined as `monthly_returns` defines that of a month.

    Parameters
    ----------
    ts, equity, initial_capital
        As in `monthly_returns`.

    Returns
    -------
    years : ndarray of int64, shape (n_years,)
        All years from the first step's to the last step's.
    returns : ndarray of float64, shape (n_years,)
        NaN in years without a step.
    """
    found, returns = _by_period(ts, equity, initial_capital, "datetime64[Y]")
    if not len(found):
        return np.empty(0, dtype=np.int64), np.empty(0)
    by_year = np.full(int(found[-1] - found[0] + 1), np.nan)
    by_year[found - found[0]] = returns
    return 1970 + found[0] + np.arange(len(by_year)), by_year


def _by_period(
    ts: ArrayLike, equity: ArrayLike, initial_capital: float, unit: str
) -> tuple[IntArray, FloatArray]:
    """Periods since 1970 that hold a step, and their returns."""
    ns, values = check.times(ts), check.floats(equity, "equity")
    check.same_length(ts=ns, equity=values)
    before = check.capital(initial_capital)
    if not len(ns):
        return np.empty(0, dtype=np.int64), np.empty(0)
    # A few hundred periods are looked up in a million times, rather than a million times turned into periods.
    first, last = ns[[0, -1]].astype("datetime64[ns]").astype(unit).astype(np.int64)
    periods = np.arange(first, last + 1)
    stops = np.searchsorted(ns, (periods + 1).astype(unit).astype("datetime64[ns]").astype(np.int64))
    held = np.diff(stops, prepend=0) > 0
    closing = values[stops[held] - 1]
    opening = np.concatenate(([before], closing[:-1]))
    with np.errstate(divide="ignore", invalid="ignore"):
        returns = np.where(opening > 0.0, closing / opening - 1.0, np.nan)
    return periods[held], returns
