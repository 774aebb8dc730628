"""What there is to see at a moment of a run, whatever it ran on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from omni_lab.errors import DataError
from omni_lab.typing import IntArray

MOST_ORDERS = 24
MOST_MESSAGES = 12
_SPACING = 256

Row = Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunMoment:
    """A moment of a run, in words.

    Attributes
    ----------
    number : int
        Which moment.
    when : str
        Its time.
    said : str
        What happened.
    chart, chart_title, note : str
        SVG of prices or of a book; what it shows, and how to read it.
    account : tuple of (str, str)
        Equity, cash and what else there is of the account, by name.
    positions : tuple of rows
        Symbol, quantity, price, value of what is held.
    orders : tuple of rows
        Number, symbol, side, type, quantity, what is left, price and state of those that work, the newest
        first.
    n_orders : int
        How many work.
    messages : tuple of rows
        A dot if it belongs to this moment, time, order, what, quantity, price; the latest first.
    """

    number: int
    when: str
    said: str
    chart: str
    chart_title: str
    note: str
    account: tuple[tuple[str, str], ...]
    positions: tuple[Row, ...]
    orders: tuple[Row, ...]
    n_orders: int
    messages: tuple[Row, ...]


class RunFilm(Protocol):
    """A run that can be shown at any of its moments, in about the same time for each."""

    @property
    def title(self) -> str:
        """The strategy, and on what."""

    @property
    def noun(self) -> str:
        """What one moment is called."""

    @property
    def n_moments(self) -> int:
        """How many there are; they count from 0."""

    @property
    def symbols(self) -> tuple[str, ...]:
        """The instruments."""

    def moment(self, number: int, symbol: str) -> RunMoment:
        """What there is to see."""

    def at(self, when: Any) -> int:
        """The last moment at or before a time, in any form that ``moment_ns`` takes.

        Raises
        ------
        DataError
            If the run began later, or this is no time.
        """

    def next_message(self, after: int) -> int | None:
        """The next moment at which something was said of an order; None if there is none."""


def last_at(times: IntArray, ts: int, text: Callable[[int], str]) -> int:
    """Place of the last of some times that do not fall, at or before one.

    Raises
    ------
    DataError
        If all of them are later.
    """
    place = int(np.searchsorted(times, ts, side="right")) - 1
    if place < 0 and len(times):
        raise DataError("the run began later", found=text(ts), expected=f"{text(int(times[0]))} or later")
    return max(place, 0)


class Grouped:
    """Rows by the number of what they are about, in their own order.

    Parameters
    ----------
    keys : ndarray of int, shape (n_rows,)
        From 0.
    n_keys : int
    """

    def __init__(self, keys: IntArray, n_keys: int) -> None:
        self._rows = np.argsort(keys, kind="stable")
        self._starts = np.searchsorted(keys[self._rows], np.arange(n_keys + 1))

    def of(self, key: int) -> IntArray:
        """Rows of one number."""
        return self._rows[self._starts[key] : self._starts[key + 1]]


class Standing:
    """Things that stand from one moment up to another, found without going through all of them.

    Parameters
    ----------
    begins, ends : ndarray of int, shape (n,)
        Of each: the first moment at which it stands, and the first at which it does not any more.
    """

    def __init__(self, begins: IntArray, ends: IntArray) -> None:
        self._by_begin = np.argsort(begins, kind="stable")
        self._begins, self._ends = begins[self._by_begin], ends
        self._kept: list[IntArray] = []
        standing = np.zeros(0, dtype=np.int64)
        for start in range(0, len(begins), _SPACING):
            # Of what began before this one only what still stands then is kept.
            standing = standing[ends[standing] > self._begins[start]]
            self._kept.append(standing)
            standing = np.concatenate([standing, self._by_begin[start : start + _SPACING]])

    def at(self, moment: int) -> IntArray:
        """Which stand at a moment, in the order in which they began."""
        n_begun = int(np.searchsorted(self._begins, moment, side="right"))
        if not n_begun:
            return np.zeros(0, dtype=np.int64)
        block = (n_begun - 1) // _SPACING
        begun = np.concatenate([self._kept[block], self._by_begin[block * _SPACING : n_begun]])
        return np.asarray(begun[self._ends[begun] > moment])
