"""Bars of a market that runs: they close one after the other, and indicators are known at each close."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from omni_lab.simulator.ticks.conditions import holds_at
from omni_lab.strategies.indicators import Column, Condition, Expression
from omni_lab.typing import AnyArray, FloatArray

if TYPE_CHECKING:
    from omni_lab.data.bars import Bars
    from omni_lab.domain import Instrument

COLUMNS = ("open", "high", "low", "close", "volume")
KEPT = 5_000
"""Bars that are remembered: indicators begin no further back."""


class BarBoard:
    """Bars that close at every multiple of a span in which something traded.

    Parameters
    ----------
    instruments : sequence of Instrument
    span : int
        Nanoseconds.
    price_unit : float
        Grid that prices of trades lie on, which may be finer than that of orders.
    """

    def __init__(self, instruments: Sequence[Instrument], span: int, price_unit: float) -> None:
        self.instruments, self.span = tuple(instruments), span
        self._of_bars = [replace(each, tick_size=price_unit) for each in self.instruments]
        self.symbols = tuple(each.symbol for each in instruments)
        self.index = -1
        self.next_close: int | None = None
        self._open: dict[int, list[float]] = {}
        self._ts: deque[int] = deque(maxlen=KEPT)
        self._rows: deque[FloatArray] = deque(maxlen=KEPT)
        self._bars: Bars | None = None
        self._values: dict[Expression, FloatArray] = {}
        self._traded: list[int] = []

    def trade(self, number: int, ts: int, price: float, qty: float) -> None:
        """Take a trade, which lies before the next close."""
        if self.next_close is None:
            self.next_close = (ts // self.span + 1) * self.span
        bar = self._open.get(number)
        if bar is None:
            self._open[number] = [price, price, price, price, qty]
            return
        bar[1], bar[2] = max(bar[1], price), min(bar[2], price)
        bar[3] = price
        bar[4] += qty

    def close(self) -> tuple[int, Mapping[int, Sequence[float]]]:
        """Close what is open: when, and the bars by instrument."""
        assert self.next_close is not None, "something traded"
        ts, closed = self.next_close, dict(sorted(self._open.items()))
        self._open, self.next_close = {}, None
        row = np.full((len(COLUMNS), len(self.symbols)), math.nan)
        for number, bar in closed.items():
            row[:, number] = bar
        self._ts.append(ts)
        self._rows.append(row)
        self.index += 1
        self._traded = sorted({*self._traded, *closed})
        self._bars = None
        self._values.clear()
        return ts, closed

    def value(self, expression: Expression, number: int) -> float:
        """An indicator as of the last closed bar of an instrument; NaN before there is one."""
        place = self._place(number)
        if place is None:
            return math.nan
        if expression not in self._values:
            self._values[expression] = self.bars.native.indicator(*expression.spelled)
        known = self._values[expression][:, place]
        present = np.flatnonzero(~np.isnan(self.bars.close()[:, place]))
        return float(known[present[-1]]) if present.size else math.nan

    def history(self, column: Column, n_bars: int, number: int) -> FloatArray:
        """The last values of a column, oldest first."""
        at = COLUMNS.index(column)
        found = np.array([row[at, number] for row in self._rows])
        known = found[~np.isnan(found)]
        return np.asarray(known[-n_bars:] if n_bars > 0 else known[:0])

    def holds(self, condition: Condition) -> AnyArray:
        """Where a condition holds at the last closed bars, by instrument."""
        found = np.zeros(len(self.symbols), dtype=np.bool_)
        found[self._traded] = holds_at(self.bars, condition)[-1]
        return found

    @property
    def bars(self) -> Bars:
        """The closed bars that are remembered, of instruments that have any."""
        from omni_lab.data.bars import Bars

        if self._bars is None:
            panel = np.stack(tuple(self._rows))[:, :, self._traded]
            columns = [np.ascontiguousarray(panel[:, place]) for place in range(len(COLUMNS))]
            # Said to be nanoseconds, for a feed without a date counts from midnight.
            times = np.array(self._ts, dtype=np.int64).astype("datetime64[ns]")
            instruments = [self._of_bars[number] for number in self._traded]
            self._bars = Bars.from_arrays(times, *columns, instruments=instruments)
        return self._bars

    def _place(self, number: int) -> int | None:
        """Where an instrument stands among those that have bars."""
        return self._traded.index(number) if number in self._traded else None
