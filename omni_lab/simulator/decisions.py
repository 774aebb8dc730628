"""What a strategy decided, in a form in which two runs can be compared."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from omni_lab.data.bars import Bars
from omni_lab.simulator.run import Run
from omni_lab.typing import AnyArray, FloatArray, IntArray

# Sums over more or fewer rows may round differently; a decision that differs by less is the same.
_ROUNDING = 1e-9

_SEND, _CANCEL, _REPLACE = 0, 1, 2
_CANCELED_BY_STRATEGY, _REPLACED = 3, 1


class Decisions(ABC):
    """All decisions of one run."""

    n: int
    """How many there are."""

    steps: IntArray
    """Steps at which something new was decided, increasing."""

    @abstractmethod
    def first_change(self, other: Decisions, cut: int) -> tuple[int, int] | None:
        """Step and column of the first decision up to a step that another run took otherwise."""

    @abstractmethod
    def shown(self, step: int, column: int) -> str:
        """What was decided at a step for an instrument, in words."""


class Targets(Decisions):
    """Targets of a function of bars, one row a step."""

    def __init__(self, cells: FloatArray) -> None:
        self.cells = cells
        known = ~np.isnan(cells)
        self.n = int(known.sum())
        moved = np.zeros(len(cells), dtype=np.bool_)
        moved[:1] = known[:1].any(axis=1)
        moved[1:] = ((cells[1:] != cells[:-1]) & (known[1:] | known[:-1])).any(axis=1)
        self.steps = np.flatnonzero(moved)
        self._scale = float(np.abs(cells[known]).max(initial=0.0))

    def first_change(self, other: Decisions, cut: int) -> tuple[int, int] | None:
        """See `Decisions.first_change`."""
        assert isinstance(other, Targets)
        before, after = self.cells[: cut + 1], other.cells[: cut + 1]
        same = (np.abs(before - after) <= _ROUNDING * self._scale) | (np.isnan(before) & np.isnan(after))
        if same.all():
            return None
        step, column = divmod(int(same.argmin()), before.shape[1])
        return step, column

    def shown(self, step: int, column: int) -> str:
        """See `Decisions.shown`."""
        value = self.cells[step, column]
        return "nothing" if np.isnan(value) else f"target {value:g}"


class Orders(Decisions):
    """Orders that a strategy sent and canceled, one row each: step, column, action, side, lots, price, id."""

    def __init__(self, run: Run, bars: Bars) -> None:
        raw = run.orders
        terms, changes = run.terms, run.terms_changes
        canceled = np.flatnonzero(raw["reason"] == _CANCELED_BY_STRATEGY)
        # What holds at the end may follow from later bars: a trail, a replacement.
        qty, price = raw["qty"].copy(), raw["price"].copy()
        qty[terms["order"]], price[terms["order"]] = terms["sent_qty"], terms["sent_price"]
        new = np.flatnonzero(changes["kind"] == _REPLACED)
        which = changes["order"][new]
        # Not the type: a stop that was reached goes on as a market order.
        sent = (raw["step_sent"], raw["symbol"], _SEND, raw["side"], qty, price, 0)
        ended = (raw["step_closed"][canceled], raw["symbol"][canceled], _CANCEL, 0, 0, 0, canceled)
        new_prices = (changes["qty"][new], changes["price"][new], which)
        replaced = (changes["step"][new], raw["symbol"][which], _REPLACE, raw["side"][which], *new_prices)
        rows = np.concatenate(
            [_stacked(sent, len(qty)), _stacked(ended, len(canceled)), _stacked(replaced, len(new))]
        )
        self.rows = rows[np.argsort(rows[:, 0], kind="stable")]
        self.n = len(rows)
        self.steps = np.unique(rows[:, 0])
        self._instruments = bars.instruments

    def first_change(self, other: Decisions, cut: int) -> tuple[int, int] | None:
        """See `Decisions.first_change`."""
        assert isinstance(other, Orders)
        before, after = self._until(cut), other._until(cut)
        both = min(len(before), len(after))
        differ = (before[:both] != after[:both]).any(axis=1)
        if not differ.any() and len(before) == len(after):
            return None
        row = int(differ.argmax()) if differ.any() else both
        step, column = min(tuple(each[row, :2].tolist()) for each in (before, after) if row < len(each))
        return step, column

    def shown(self, step: int, column: int) -> str:
        """See `Decisions.shown`."""
        here = self.rows[(self.rows[:, 0] == step) & (self.rows[:, 1] == column)]
        return " and ".join(self._in_words(*row[1:].tolist()) for row in here) or "nothing"

    def _until(self, cut: int) -> AnyArray:
        return self.rows[: np.searchsorted(self.rows[:, 0], cut, side="right")]

    def _in_words(self, column: int, action: int, side: int, lots: int, price: int, order_id: int) -> str:
        if action == _CANCEL:
            return f"cancel of order {order_id}"
        instrument = self._instruments[column]
        at = f" at {price * (instrument.tick_size or 0.0):.10g}" if price else ""
        what = f"{('BUY', 'SELL')[side - 1]} {lots * instrument.lot_size:.10g}{at}"
        return f"order {order_id} replaced: {what}" if action == _REPLACE else what


def _stacked(columns: tuple[AnyArray | int, ...], n_rows: int) -> IntArray:
    return np.column_stack([np.broadcast_to(np.asarray(each, np.int64), n_rows) for each in columns])
