"""Which groups of prices to trade as spreads: all candidates tested on one window, and counted.

The window given is all that is looked at. Whoever trades the baskets does so on later prices.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

from omni_lab.errors import ConfigError, ModelError
from omni_lab.models.cointegration import Cointegration, Correction, corrected, engle_granger, johansen
from omni_lab.typing import FloatArray

CointegrationTest = Literal["engle_granger", "johansen"]

_TESTS = {"engle_granger": engle_granger, "johansen": johansen}


@dataclass(frozen=True, slots=True)
class Basket:
    """A group of instruments that passed.

    Attributes
    ----------
    columns : tuple of int
        Which of the prices, the first being the one with coefficient 1.
    fit : Cointegration
        Their combination and the evidence for it.
    adjusted_p_value : float
        After the correction for all candidates.
    """

    columns: tuple[int, ...]
    fit: Cointegration
    adjusted_p_value: float


@dataclass(frozen=True, slots=True)
class Selection:
    """Outcome of a search.

    Attributes
    ----------
    baskets : tuple of Basket
        Those that passed, the smallest p-value first; an instrument stands in one of them only if so asked.
    n_tested : int
        Candidates tested.
    n_significant : int
        Of these, with an adjusted p-value within the bound, before half-lives are looked at.
    """

    baskets: tuple[Basket, ...]
    n_tested: int
    n_significant: int


def select_baskets(
    prices: FloatArray,
    *,
    size: int = 2,
    candidates: Sequence[tuple[int, ...]] | None = None,
    test: CointegrationTest = "engle_granger",
    correction: Correction = "holm",
    significance: float = 0.05,
    half_lives: tuple[float, float] = (1.0, math.inf),
    most: int | None = None,
    disjoint: bool = True,
    lags: int = 1,
) -> Selection:
    """Baskets whose spread comes back to its mean, by a test corrected for all that were tried.

    Parameters
    ----------
    prices : ndarray of float64, shape (n_times, n_symbols)
        The formation window, usually log prices. Columns that hold NaN or do not move are passed over.
    size : int
        Legs of a basket, where candidates are not given: all combinations are tried.
    candidates : sequence of tuples of int, optional
        Columns of the baskets to try.
    test : {"engle_granger", "johansen"}
    correction : str
        See :func:`omni_lab.models.cointegration.corrected`.
    significance : float
        Largest adjusted p-value that passes.
    half_lives : tuple of float
        Shortest and longest half-life that passes, in steps.
    most : int, optional
        How many to keep at most, the smallest p-values first.
    disjoint : bool
        Whether an instrument may stand in one basket only.
    lags : int
        Lagged differences in the test.

    Returns
    -------
    Selection

    Raises
    ------
    ConfigError
        If the test is unknown.
    """
    if test not in _TESTS:
        raise ConfigError("unknown test of cointegration", found=test, expected=tuple(_TESTS), where="test")
    # NaN does not compare, so a column with a gap is not usable.
    usable = np.ptp(prices, axis=0) > 0 if len(prices) else np.zeros(prices.shape[1], dtype=np.bool_)
    groups = combinations(range(prices.shape[1]), size) if candidates is None else candidates
    fits: list[tuple[tuple[int, ...], Cointegration]] = []
    for columns in groups:
        if not usable[list(columns)].all():
            continue
        try:
            fits.append((columns, _TESTS[test](prices[:, list(columns)], lags=lags)))
        except ModelError:
            continue
    adjusted = corrected([fit.p_value for _, fit in fits], correction)
    found = [Basket(columns, fit, float(p)) for (columns, fit), p in zip(fits, adjusted, strict=True)]
    significant = [basket for basket in found if basket.adjusted_p_value <= significance]
    shortest, longest = half_lives
    fit_for_trade = [each for each in significant if shortest <= each.fit.half_life <= longest]
    fit_for_trade.sort(key=lambda each: (each.fit.p_value, each.columns))
    kept: list[Basket] = []
    taken: set[int] = set()
    for basket in fit_for_trade:
        if most is not None and len(kept) == most:
            break
        if disjoint and not taken.isdisjoint(basket.columns):
            continue
        kept.append(basket)
        taken.update(basket.columns)
    return Selection(tuple(kept), len(fits), len(significant))
