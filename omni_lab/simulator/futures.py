"""Other futures: the same data up to a bar, and something else after it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from omni_lab.data.bars import Bars
from omni_lab.typing import FloatArray

_PRICES = ("open", "high", "low", "close")
_SHAKE = 0.02
_FARTHEST = 2.0


@dataclass(frozen=True, slots=True)
class Future(ABC):
    """A way to change what comes after a bar.

    Attributes
    ----------
    n_times : int
        Rows of the data it applies to.
    cut : int
        Last row that stays as it is.
    """

    how: ClassVar[str]
    n_times: int
    cut: int

    @abstractmethod
    def of_bars(self, bars: Bars) -> Bars:
        """The bars with this future."""

    @abstractmethod
    def of_values(self, values: FloatArray) -> FloatArray:
        """Any numbers, one row a step, with this future."""


class Ended(Future):
    """Nothing comes after the bar."""

    how = "cut off"

    def of_bars(self, bars: Bars) -> Bars:
        """The bars up to the cut."""
        return bars.slice(0, self.cut + 1)

    def of_values(self, values: FloatArray) -> FloatArray:
        """NaN after the cut: what a strategy holds cannot be shortened without moving it."""
        changed = values.copy()
        changed[self.cut + 1 :] = np.nan
        return changed


class Mirrored(Future):
    """Every later rise is a fall."""

    how = "mirrored"

    def of_bars(self, bars: Bars) -> Bars:
        """Later prices reflected, on a log scale, at the last close before them; highs become lows."""
        columns = {name: getattr(bars, name)() for name in _PRICES}
        past = columns["close"][: self.cut + 1]
        # An instrument that has no bar yet is reflected at its first price.
        first = np.nanmax(np.where(np.isnan(past).all(axis=0), _first(columns["close"]), -np.inf), axis=0)
        pivot = np.where(np.isfinite(first), first, _last(past))
        swapped = {"open": "open", "high": "low", "low": "high", "close": "close"}
        return _replaced(
            bars,
            self.cut,
            {name: pivot**2 / columns[of] for name, of in swapped.items() if columns[of] is not None},
        )

    def of_values(self, values: FloatArray) -> FloatArray:
        """Later values reflected at the value of the cut."""
        changed = values.copy()
        changed[self.cut + 1 :] = 2.0 * values[self.cut] - values[self.cut + 1 :]
        return changed


class Shaken(Future):
    """Every later value is multiplied by a seeded random walk."""

    how = "shaken"

    def of_bars(self, bars: Bars) -> Bars:
        """Later prices and volumes times a random walk; the prices of a bar by the same factor."""
        factor = np.ones((bars.n_times, bars.n_symbols))
        factor[self.cut + 1 :] = self._factor((bars.n_times - self.cut - 1, bars.n_symbols))
        columns = {name: getattr(bars, name)() for name in (*_PRICES, "volume")}
        return _replaced(
            bars, self.cut, {name: values * factor for name, values in columns.items() if values is not None}
        )

    def of_values(self, values: FloatArray) -> FloatArray:
        """Later values times a random walk."""
        changed = values.copy()
        changed[self.cut + 1 :] *= self._factor(values[self.cut + 1 :].shape)
        return changed

    def _factor(self, shape: tuple[int, ...]) -> FloatArray:
        walk = np.cumsum(_SHAKE * np.random.default_rng(self.cut).standard_normal(shape), axis=0)
        return np.asarray(np.exp(walk.clip(-_FARTHEST, _FARTHEST)))


def _replaced(bars: Bars, cut: int, futures: dict[str, FloatArray]) -> Bars:
    tick = np.array([instrument.tick_size for instrument in bars.instruments], dtype=np.float64)
    changed = {}
    for name, future in futures.items():
        values = getattr(bars, name)()
        least = 0.0 if name == "volume" else tick
        changed[name] = np.concatenate([values[: cut + 1], np.maximum(future[cut + 1 :], least)])
    return bars.replaced(changed)


def _first(prices: FloatArray) -> FloatArray:
    rows = np.argmax(~np.isnan(prices), axis=0)
    return np.asarray(prices[rows, np.arange(prices.shape[1])])


def _last(prices: FloatArray) -> FloatArray:
    return _first(prices[::-1])
