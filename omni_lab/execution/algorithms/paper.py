"""The order-management system as a market for a desk: the paper system's side of execution algorithms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from omni_lab.errors import ConfigError
from omni_lab.execution.algorithms.desk import ExecutionDesk
from omni_lab.execution.algorithms.market import Levels
from omni_lab.execution.client_ids import number_of
from omni_lab.execution.events import EventLog
from omni_lab.execution.face import OMSFace
from omni_lab.execution.setup import InstrumentSetup
from omni_lab.execution.views import BookView
from omni_lab.typing import FloatArray

_ENDED = {"CANCELED": "CANCELED", "EXPIRED": "EXPIRED", "REJECTED": "REJECTED"}


@dataclass(frozen=True, slots=True)
class _Fill:
    order_id: int
    qty: float
    price: float


@dataclass(frozen=True, slots=True)
class _News:
    order_id: int
    status: str
    reason: str


class _Levels:
    """A book of the system, as a desk reads it."""

    def __init__(self, book: BookView) -> None:
        self._book = book

    @property
    def best_bid(self) -> float:
        """Best bid; NaN for an empty side."""
        prices = self.levels(1)["bid_price"]
        return float(prices[0]) if len(prices) else float("nan")

    @property
    def best_ask(self) -> float:
        """Best ask; NaN for an empty side."""
        prices = self.levels(1)["ask_price"]
        return float(prices[0]) if len(prices) else float("nan")

    def levels(self, n_levels: int = 10) -> dict[str, FloatArray]:
        """Up to so many levels a side, best first."""
        depth = self._book.depth(n_levels)
        return {
            "bid_price": depth.bid_price,
            "bid_qty": depth.bid_qty,
            "ask_price": depth.ask_price,
            "ask_qty": depth.ask_qty,
        }


class PaperVenue:
    """An account at an order-management system, as the market of an `ExecutionDesk`.

    Orders of the account pass its risk gate and are journaled like any other. Whoever drives the system hands
    its events on with :meth:`hear`; the tape that schedules follow is every trade of the book, ours included.

    Parameters
    ----------
    oms : OMS or ReferenceOMS
        The system.
    account : str, optional
        Whose orders they are; the first account by default.
    name : str
        With which client order ids begin: up to 6 ASCII characters. Each desk needs a name of its own.
    """

    def __init__(self, oms: OMSFace, *, account: str | None = None, name: str = "algo") -> None:
        if not name.isascii() or not 1 <= len(name) <= 6:
            raise ConfigError("a name is 1 to 6 ASCII characters", found=name, where="PaperVenue")
        self.oms, self.name = oms, name
        self.account = account or oms.config.accounts[0]
        self._instruments = oms.config.setup().instruments
        self._now = oms.clock
        self._last_trade = self._parent = 0
        self._n_children: dict[int, int] = {}
        self._ours: set[int] = set()

    @property
    def ts(self) -> int:
        """Our clock, nanoseconds: the latest of what was heard and told."""
        return self._now

    def advance(self, ts: int) -> None:
        """It is so late now; time does not run backward."""
        self._now = max(self._now, ts)

    def buy(
        self,
        qty: float,
        *,
        symbol: str | None = None,
        limit: float | None = None,
        time_in_force: str = "GTC",
    ) -> int:
        """Send a buy order; its id."""
        return self._send("buy", qty, symbol, limit, time_in_force)

    def sell(
        self,
        qty: float,
        *,
        symbol: str | None = None,
        limit: float | None = None,
        time_in_force: str = "GTC",
    ) -> int:
        """Send a sell order; its id."""
        return self._send("sell", qty, symbol, limit, time_in_force)

    def cancel(self, order_id: int) -> bool:
        """Ask for a cancel; False when the order has ended."""
        return bool(self.oms.cancel(order_id, ts=self._now))

    def depth(self, symbol: str | None = None) -> Levels:
        """The book of an instrument."""
        return _Levels(self.oms.book(self._symbol(symbol)))

    def tick_size(self, symbol: str | None = None) -> float:
        """Grid of order prices."""
        return self._instrument(symbol).tick_size

    def lot_size(self, symbol: str | None = None) -> float:
        """Smallest quantity step."""
        return self._instrument(symbol).lot_size

    def next_child_of(self, parent: int) -> None:
        """The next order is a child of this parent, and its client order id says so."""
        self._parent = parent

    def children_of(self, parent: int) -> list[int]:
        """Ids of all orders that were ever sent for a parent under this name, in the order they were sent."""
        number = self.oms._edges.account(self.account)
        found: list[int] = []
        while order_id := self.oms._order_id(number, number_of(self._child_name(parent, len(found) + 1))):
            found.append(order_id)
        self._ours.update(found)
        self._n_children[parent] = len(found)
        return found

    def hear(self, desk: ExecutionDesk, events: EventLog) -> None:
        """Tell a desk what came of commands: the tape, its fills, and the ends of its children.

        Parameters
        ----------
        desk : ExecutionDesk
            Whose children were sent through this.
        events : EventLog
            As ``oms.events()`` gave them, each event once.
        """
        for event in events:
            self.advance(event.ts)
            if event.kind == "FILLED":
                # Two for each trade: the tape has it once, at the first of them.
                if event.symbol is not None and event.trade_id > self._last_trade:
                    self._last_trade = event.trade_id
                    desk.on_trade(self, event.symbol, event.qty)
                if event.order_id in self._ours:
                    fill = _Fill(event.order_id, event.qty, float(event.price or 0.0))
                    desk.on_fill(self, fill, is_maker=event.liquidity == "MAKER")
                    if event.leaves == 0.0:
                        # Self-trade prevention may have taken some of it away without a fill.
                        desk.on_order(self, _News(event.order_id, "FILLED", ""))
            elif event.order_id in self._ours and event.kind in _ENDED:
                desk.on_order(self, _News(event.order_id, _ENDED[event.kind], event.reason or ""))
            elif event.order_id in self._ours and event.kind == "CANCEL_REJECTED":
                desk.on_order(self, _News(event.order_id, "REQUEST_REFUSED", event.reason or ""))

    def _send(self, side: str, qty: float, symbol: str | None, limit: float | None, tif: str) -> int:
        parent = self._parent
        if parent not in self._n_children:
            # Names that were used before a restart are not used again.
            self.children_of(parent)
        self._n_children[parent] += 1
        order_id = self.oms.submit(
            self._symbol(symbol),
            side,
            qty,
            limit,
            account=self.account,
            client_order_id=self._child_name(parent, self._n_children[parent]),
            # A market order does not wait.
            time_in_force="IOC" if limit is None else tif,
            ts=self._now,
        )
        self._ours.add(order_id)
        return order_id

    def _child_name(self, parent: int, number: int) -> str:
        return f"{self.name}.{np.base_repr(parent, 36)}.{np.base_repr(number, 36)}"

    def _symbol(self, symbol: str | None) -> str:
        return self._instruments[0].symbol if symbol is None else symbol

    def _instrument(self, symbol: str | None) -> InstrumentSetup:
        return self._instruments[self.oms._edges.instrument(self._symbol(symbol))]
