"""Other futures: the same data up to a moment, and something else after it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from omni_lab.data.bars import Bars
from omni_lab.typing import AnyArray, FloatArray

_PRICES = ("open", "high", "low", "close")
_SHAKE = 0.02
_FARTHEST = 2.0
# A price must fit the engine's grid, 2^51 ticks; a power of two less leaves room to round.
_MOST_TICKS = 2.0**50


@dataclass(frozen=True, slots=True)
class Future(ABC):
    """A way to change what comes after a step.

    Attributes
    ----------
    cut : int
        Last step that stays as it is.
    ts : int
        Its time, nanoseconds since 1970 UTC.
    """

    how: ClassVar[str]
    cut: int
    ts: int

    @abstractmethod
    def of_bars(self, bars: Bars) -> Bars:
        """The bars with this future, whatever their own steps are."""

    @abstractmethod
    def of_values(self, values: FloatArray, n_known: int) -> FloatArray:
        """Numbers of which the first ``n_known`` rows stay, with this future."""

    def n_known(self, bars: Bars) -> int:
        """How many steps of the bars are not in the future."""
        return int(np.searchsorted(bars.ts, self.ts, side="right"))


class Ended(Future):
    """Nothing comes after the cut."""

    how = "cut off"

    def of_bars(self, bars: Bars) -> Bars:
        """The steps up to the cut; all of them if there are none."""
        return bars.slice(0, self.n_known(bars) or None)

    def of_values(self, values: FloatArray, n_known: int) -> FloatArray:
        """The rows up to the cut."""
        return values[:n_known]


class Mirrored(Future):
    """Every later rise is a fall."""

    how = "mirrored"

    def of_bars(self, bars: Bars) -> Bars:
        """Later prices reflected, on a log scale, at the last close before them; highs become lows."""
        columns, known = _prices(bars), self.n_known(bars)
        past = columns["close"][:known]
        # An instrument that has no bar yet is reflected at its first price.
        pivot = np.where(np.isnan(past).all(axis=0), _first(columns["close"]), _first(past[::-1]))
        swapped = {"open": "open", "high": "low", "low": "high", "close": "close"}
        mirrored = {name: pivot**2 / columns[of] for name, of in swapped.items() if name in columns}
        return _spliced(bars, columns, mirrored, known)

    def of_values(self, values: FloatArray, n_known: int) -> FloatArray:
        """Later values reflected at the last one before them."""
        changed = values.copy()
        pivot = np.nan_to_num(values[n_known - 1]) if n_known else 0.0
        changed[n_known:] = 2.0 * pivot - values[n_known:]
        return changed


class Shaken(Future):
    """Every later value is multiplied by a seeded random walk."""

    how = "shaken"

    def of_bars(self, bars: Bars) -> Bars:
        """Later prices and volumes times a random walk; the prices of a bar by the same factor."""
        columns, known = _prices(bars), self.n_known(bars)
        volume = bars.volume()
        if volume is not None:
            columns["volume"] = volume
        factor = np.ones((bars.n_times, bars.n_symbols))
        factor[known:] = self._factor((bars.n_times - known, bars.n_symbols))
        return _spliced(bars, columns, {name: values * factor for name, values in columns.items()}, known)

    def of_values(self, values: FloatArray, n_known: int) -> FloatArray:
        """Later values times a random walk."""
        changed = values.copy()
        changed[n_known:] *= self._factor(values[n_known:].shape)
        return changed

    def _factor(self, shape: tuple[int, ...]) -> FloatArray:
        walk = np.cumsum(_SHAKE * np.random.default_rng(self.cut).standard_normal(shape), axis=0)
        return np.asarray(np.exp(walk.clip(-_FARTHEST, _FARTHEST)))


def _prices(bars: Bars) -> dict[str, FloatArray]:
    columns = {"open": bars.open(), "high": bars.high(), "low": bars.low(), "close": bars.close()}
    return {name: values for name, values in columns.items() if values is not None}


def _spliced(bars: Bars, past: dict[str, FloatArray], future: dict[str, FloatArray], n_known: int) -> Bars:
    tick = np.array([instrument.tick_size for instrument in bars.instruments], dtype=np.float64)
    changed = {}
    for name, values in future.items():
        least, most = (0.0, np.inf) if name == "volume" else (tick, tick * _MOST_TICKS)
        changed[name] = np.concatenate([past[name][:n_known], values[n_known:].clip(least, most)])
    return bars.replaced(changed)


def _first(prices: AnyArray) -> FloatArray:
    """The first price of each column; NaN where there is none."""
    if not len(prices):
        return np.full(prices.shape[1], np.nan)
    rows = np.argmax(~np.isnan(prices), axis=0)
    return np.asarray(prices[rows, np.arange(prices.shape[1])])
