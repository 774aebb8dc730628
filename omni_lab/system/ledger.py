"""`Ledger`: what the account of a system has sent and got, from the events of its orders.

The engine writes it, so that whoever was answered finds his order in it.
"""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from collections.abc import Mapping

import numpy as np

from omni_lab.domain import EventKind, OrderState
from omni_lab.execution.edges import Edges
from omni_lab.execution.events import Event, EventLog
from omni_lab.system.views import Fill
from omni_lab.typing import AnyArray

_BORN = (int(EventKind.ACCEPTED), int(EventKind.REJECTED))
_REFUSED = (int(EventKind.CANCEL_REJECTED), int(EventKind.REPLACE_REJECTED))
_LIVE = frozenset(int(state) for state in (OrderState.NEW, OrderState.PARTIALLY_FILLED, OrderState.REPLACED))
_NOT_OF_ORDERS = (
    *(int(EventKind.PHASE_CHANGED), int(EventKind.AUCTION), int(EventKind.MARKED)),
    *(int(EventKind.REGISTER_WRITTEN), int(EventKind.KILL_SWITCH)),
)


class Ledger:
    """Orders and fills of one account.

    Parameters
    ----------
    edges : Edges
        Names and grids.
    account : int
        Number of the account.
    """

    def __init__(self, edges: Edges, account: int) -> None:
        self._edges, self._account = edges, account
        self._lock = threading.Lock()
        self._order_ids: list[int] = []
        self._fills: list[Fill] = []
        # An ordered set: orders live in the order in which they were sent.
        self._live: dict[int, None] = {}
        self._refusals: dict[int, str] = {}

    @property
    def n_orders(self) -> int:
        """Orders so far, refused ones included."""
        return len(self._order_ids)

    @property
    def n_fills(self) -> int:
        """Fills so far."""
        return len(self._fills)

    def refusal(self, order_id: int) -> str | None:
        """Why the last request about an order that was refused was."""
        return self._refusals.get(order_id)

    @property
    def live_ids(self) -> list[int]:
        """Ids of orders that live, oldest first."""
        with self._lock:
            return list(self._live)

    def note(self, columns: Mapping[str, AnyArray]) -> EventLog:
        """Take what came of commands; the events of this account's orders among it."""
        log = self.own(columns)
        if not len(log):
            return log
        raw = log.columns
        with self._lock:
            self._note_life(raw)
            for place in np.flatnonzero(np.isin(raw["kind"], _REFUSED)).tolist():
                self._refusals[int(raw["order_id"][place])] = log[place].reason or ""
            is_born = np.isin(raw["kind"], _BORN) & (raw["order_id"] > 0)
            self._order_ids.extend(raw["order_id"][is_born].tolist())
            for place in np.flatnonzero(raw["kind"] == EventKind.FILLED).tolist():
                self._fills.append(_fill(log[place], len(self._fills) + 1))
        return log

    def _note_life(self, raw: Mapping[str, AnyArray]) -> None:
        for order_id, state in zip(raw["order_id"].tolist(), raw["state"].tolist(), strict=True):
            if state in _LIVE:
                self._live.setdefault(order_id)
            else:
                self._live.pop(order_id, None)

    def own(self, columns: Mapping[str, AnyArray]) -> EventLog:
        """The events of this account's orders."""
        mine = (columns["account"] == self._account) & (columns["side"] > 0)
        mine &= ~np.isin(columns["kind"], _NOT_OF_ORDERS)
        rows = np.flatnonzero(mine)
        return EventLog({name: column[rows] for name, column in columns.items()}, self._edges)

    def order_ids(self, *, after: int = 0, before: int | None = None, most: int | None = None) -> list[int]:
        """Ids of orders above a number, and below another one, newest first."""
        with self._lock:
            end = len(self._order_ids) if before is None else bisect_left(self._order_ids, before)
            start = bisect_right(self._order_ids, after, 0, end)
            first = start if most is None else max(start, end - max(most, 0))
            return self._order_ids[first:end][::-1]

    def fills(self, *, after: int = 0, most: int = 1_000) -> list[Fill]:
        """Fills with numbers above this one, oldest first; of more than ``most`` the newest."""
        with self._lock:
            found = self._fills[max(after, 0) :]
        return found[-most:] if most > 0 else []


def next_id(columns: Mapping[str, AnyArray], before: int) -> int:
    """The id that the next order gets, after these events."""
    born = columns["order_id"][np.isin(columns["kind"], _BORN)]
    return max(before, int(born.max(initial=0)) + 1)


def _fill(event: Event, number: int) -> Fill:
    assert event.symbol is not None, "a fill is of an instrument"
    assert event.side is not None, "a fill has a side"
    assert event.price is not None, "a fill has a price"
    return Fill(
        number=number,
        trade_id=event.trade_id,
        order_id=event.order_id,
        ts=event.ts,
        symbol=event.symbol,
        side=event.side,
        liquidity=event.liquidity or "NONE",
        qty=event.qty,
        price=event.price,
    )
