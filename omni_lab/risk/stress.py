"""What a portfolio would lose if a bad time came again, or if somebody's fear came true.

A scenario is a return for each asset. History gives some, by name; others are thought up, and what they leave
open follows from covariance.

References
----------
.. [1] Kupiec, "Stress testing in a value at risk framework", Journal of Derivatives 6, 1998.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omni_lab.errors import ConfigError, DataError, ModelError, ShapeError
from omni_lab.risk import _checks as check
from omni_lab.risk.factors import FactorModel
from omni_lab.typing import ArrayLike, FloatArray

if TYPE_CHECKING:
    import pandas as pd


class Crisis(NamedTuple):
    """A bad time: from the last close before it to the close at its end, as ``YYYY-MM-DD``."""

    start: str
    end: str
    what: str


CRISES: Mapping[str, Crisis] = MappingProxyType(
    {
        "1987": Crisis("1987-08-25", "1987-12-04", "Black Monday and what was around it"),
        "1998": Crisis("1998-07-17", "1998-08-31", "Russia defaults"),
        "2000": Crisis("2000-03-24", "2002-10-09", "the end of the dot-com years"),
        "2008": Crisis("2007-10-09", "2009-03-09", "the great financial crisis"),
        "2011": Crisis("2011-04-29", "2011-10-03", "debts of the euro, rating of the United States"),
        "2015": Crisis("2015-05-21", "2016-02-11", "China devalues, oil falls"),
        "2018Q4": Crisis("2018-09-20", "2018-12-24", "rates rise, trade war"),
        "2020": Crisis("2020-02-19", "2020-03-23", "the pandemic"),
        "2022": Crisis("2022-01-03", "2022-10-12", "inflation, and rates against it"),
    }
)
"""Falls of the S&P 500, each from the highest close before it to its lowest close."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenarios:
    """Named returns of every asset.

    Attributes
    ----------
    names : tuple of str
        Of the scenarios.
    assets : tuple of str
        Of the assets.
    returns : ndarray of float64, shape (n_scenarios, n_assets)
        Simple returns over the whole of each scenario; NaN where nothing is known.
    notes : tuple of str
        For each scenario what is missing; empty where nothing is.
    """

    names: tuple[str, ...]
    assets: tuple[str, ...]
    returns: FloatArray
    notes: tuple[str, ...]

    def pnl(self, values: ArrayLike) -> FloatArray:
        """Profit of each position in each scenario, held to its end.

        Parameters
        ----------
        values : array_like of float, shape (n_assets,)
            Money in each position, negative where short.

        Returns
        -------
        ndarray of float64, shape (n_scenarios, n_assets)
            Losses are negative; 0 where nothing is held, NaN where a position's return is not known.
        """
        money = check.weights(values, len(self.assets), "values")
        return np.where(money != 0.0, self.returns * money, 0.0)

    def table(self, values: ArrayLike) -> pd.DataFrame:
        """Profit by position as a frame: a row a scenario.

        Parameters
        ----------
        values : array_like of float, shape (n_assets,)
            Money in each position, negative where short.

        Returns
        -------
        DataFrame
            A column for each asset, ``total``, and ``note``. The total is NaN where a position's return is
            not known: part of a loss is not a smaller loss.
        """
        import pandas as pd

        profit = self.pnl(values)
        frame = pd.DataFrame(
            profit, index=pd.Index(self.names, name="scenario"), columns=list(self.assets), copy=True
        )
        frame["total"] = profit.sum(axis=1)
        frame["note"] = list(self.notes)
        return frame

    def join(self, other: Scenarios) -> Scenarios:
        """These and others of the same assets.

        Raises
        ------
        ShapeError
            If the assets differ.
        ConfigError
            If a name comes twice.
        """
        if other.assets != self.assets:
            raise ShapeError("the scenarios are of other assets", found=other.assets, expected=self.assets)
        twice = sorted(set(self.names) & set(other.names))
        if twice:
            raise ConfigError("a scenario comes twice", found=twice, expected="names that differ")
        return Scenarios(
            names=self.names + other.names,
            assets=self.assets,
            returns=np.vstack((self.returns, other.returns)),
            notes=self.notes + other.notes,
        )


def historical_scenarios(
    ts: ArrayLike,
    returns: ArrayLike,
    assets: Sequence[str],
    windows: Mapping[str, Crisis] = CRISES,
) -> Scenarios:
    """Compounded returns of every asset over named stretches of the past.

    Parameters
    ----------
    ts : array_like of int64 or datetime64, shape (n_obs,)
        Times of the steps, rising; a step belongs to its date in UTC.
    returns : array_like of float, shape (n_obs, n_assets)
        Simple returns that end at these times; NaN where an asset has none.
    assets : sequence of str
        Names of the columns.
    windows : mapping of str to Crisis
        Steps after ``start`` and up to ``end`` count; those of `CRISES` by default.

    Returns
    -------
    Scenarios
        A window that the steps do not cover from the first day to the last has NaN and says so in its note,
        and so has an asset without a return on one of its days.

    Raises
    ------
    ShapeError
        If the arrays do not fit together.
    DataError
        If times fall, or a return is infinite.
    ConfigError
        If a window is no pair of dates, or ends before it starts.
    """
    ns, cells = check.times(ts), np.asarray(returns, dtype=np.float64)
    if cells.shape != (len(ns), len(assets)):
        raise ShapeError(
            "returns have a row a step and a column an asset",
            found=cells.shape,
            expected=str((len(ns), len(assets))),
            where="returns",
        )
    if (np.diff(ns) < 0).any():
        raise DataError("times must not fall", where="ts", hint="Sort the steps first.")
    if np.isinf(cells).any():
        raise DataError("a return is infinite", where="returns")
    days = ns.astype("datetime64[ns]").astype("datetime64[D]")
    rows, notes = [], []
    for name, window in windows.items():
        start, end = _date(window.start, name), _date(window.end, name)
        if end <= start:
            raise ConfigError(
                "a window ends before it starts", found=window.end, expected=f"after {start}", where=name
            )
        inside = cells[(days > start) & (days <= end)]
        covered, note = _coverage(days, start, end, inside, assets)
        rows.append(np.prod(1.0 + inside, axis=0) - 1.0 if covered else np.full(len(assets), np.nan))
        notes.append(note)
    return Scenarios(
        names=tuple(windows),
        assets=tuple(assets),
        returns=np.array(rows).reshape(len(windows), len(assets)),
        notes=tuple(notes),
    )


def shock_scenarios(
    shocks: Mapping[str, Mapping[str, float]], covariance: ArrayLike, assets: Sequence[str]
) -> Scenarios:
    """Thought-up returns of some assets, and what they make the others do.

    Parameters
    ----------
    shocks : mapping of str to mapping of str to float
        For each scenario the returns of the assets that it is about.
    covariance : array_like of float, shape (n_assets, n_assets)
        Of the assets' returns.
    assets : sequence of str
        Their names.

    Returns
    -------
    Scenarios
        As `propagate_shock` fills them in.

    Raises
    ------
    ShapeError, DataError, ConfigError, ModelError
        As `propagate_shock`.
    """
    rows = [propagate_shock(each, covariance, assets) for each in shocks.values()]
    return Scenarios(
        names=tuple(shocks),
        assets=tuple(assets),
        returns=np.array(rows).reshape(len(shocks), len(assets)),
        notes=("",) * len(shocks),
    )


def factor_scenarios(
    shocks: Mapping[str, Mapping[str, float]],
    model: FactorModel,
    factors: Sequence[str],
    assets: Sequence[str],
) -> Scenarios:
    """Thought-up returns of some factors, and what they make the assets do.

    Factors that a scenario does not name follow from the factors' covariance, assets from their exposures.
    What is left to an asset alone, and its alpha, are taken to be 0.

    Parameters
    ----------
    shocks : mapping of str to mapping of str to float
        For each scenario the returns of the factors that it is about.
    model : FactorModel
        As `fit_factor_model` finds it.
    factors, assets : sequence of str
        Names of its factors and assets.

    Raises
    ------
    ShapeError, DataError, ConfigError, ModelError
        As `propagate_shock`, and if the names are not as many as the model has.
    """
    if len(assets) != len(model.alpha):
        raise ShapeError("every asset has a name", found=len(assets), expected=str(len(model.alpha)))
    moved = shock_scenarios(shocks, model.factor_covariance, factors)
    return Scenarios(
        names=moved.names,
        assets=tuple(assets),
        returns=moved.returns @ model.exposures.T,
        notes=moved.notes,
    )


def propagate_shock(shocks: Mapping[str, float], covariance: ArrayLike, names: Sequence[str]) -> FloatArray:
    r"""Returns of all, given those of some.

    The shocked ones are what they are told to be; the others are expected to be

    .. math:: E[r_u \mid r_s] = \Sigma_{us} \Sigma_{ss}^{-1} r_s,

    which is exact for normal returns of mean 0, and the best linear guess for others. It assumes that
    covariance in the crisis is that of the sample, which understates how much falls together.

    Parameters
    ----------
    shocks : mapping of str to float
        Returns by name.
    covariance : array_like of float, shape (n, n)
        Of all.
    names : sequence of str
        Of all, in its order.

    Returns
    -------
    ndarray of float64, shape (n,)

    Raises
    ------
    ConfigError
        If a name is not known, or nothing is shocked.
    DataError, ShapeError
        If a shock is not finite, or the covariance is none of so many.
    ModelError
        If shocked ones that always move together are told to move apart.
    """
    sigma = check.square(covariance, len(names))
    if not shocks:
        raise ConfigError("nothing is shocked", expected="at least one return", where="shocks")
    for name in shocks:
        if name not in names:
            raise ConfigError("nothing goes by that name", found=name, expected=tuple(names), where="shocks")
    told = check.finite(np.array(list(shocks.values()), dtype=np.float64), "shocks")
    at = [list(names).index(name) for name in shocks]
    among = sigma[np.ix_(at, at)]
    scale = np.sqrt(np.diag(among))
    if not (scale > 0.0).all() or np.linalg.cond(among / np.outer(scale, scale)) > 1e12:
        raise ModelError(
            "the covariance does not allow these shocks: some of the shocked never move, or only together",
            found=list(shocks),
            where="shocks",
            hint="Shock one of those that move together.",
        )
    result = np.asarray(sigma[:, at] @ np.linalg.solve(among, told))
    result[at] = told
    return result


def _date(text: str, where: str) -> np.datetime64:
    try:
        return np.datetime64(text, "D")
    except ValueError as error:
        raise ConfigError("this is not a date", found=text, expected="YYYY-MM-DD", where=where) from error


def _coverage(
    days: np.ndarray[tuple[int], np.dtype[np.datetime64]],
    start: np.datetime64,
    end: np.datetime64,
    inside: FloatArray,
    assets: Sequence[str],
) -> tuple[bool, str]:
    """Whether the steps reach both ends of a window, give or take a weekend, and what it lacks."""
    grace = np.timedelta64(5, "D")
    if not len(inside):
        return False, "no data"
    if days[0] > start + grace or days[-1] < end - grace:
        return False, f"data only from {days[0]} to {days[-1]}"
    gaps = [asset for asset, column in zip(assets, inside.T, strict=True) if np.isnan(column).any()]
    return True, f"no returns of {', '.join(gaps)} on some days" if gaps else ""
