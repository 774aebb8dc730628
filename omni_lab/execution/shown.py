"""What a system knows in whole numbers, as people read it: one that runs, or one that is replayed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from omni_lab.domain import OrderState, OrderType, Side, TimeInForce, TradingPhase
from omni_lab.errors import DataError
from omni_lab.execution.client_ids import name_of
from omni_lab.execution.edges import MONEY_UNITS, Edges, from_grid
from omni_lab.execution.events import reason_name
from omni_lab.execution.views import BookView, Order, Position
from omni_lab.typing import AnyArray

PositionRow = tuple[int, int, int, int, int, int, int, int]
PLACES = ("DISPLAYED", "HIDDEN", "CONDITIONAL", "STOP", "PARKED", "AUCTION")
"""Where an order waits, by code."""


class Shown(ABC):
    """Books, orders and positions of a native system.

    What it is mixed with has the names and grids, and the whole numbers.
    """

    _edges: Edges

    def book(self, symbol: str) -> BookView:
        """The book of an instrument as it stands now.

        Raises
        ------
        UnknownSymbolError
            If there is no such instrument.
        """
        number = self._edges.instrument(symbol)
        book, instrument = self._book(number), self._edges.setup.instruments[number]
        return BookView(
            symbol,
            phase=TradingPhase(book["phase"]).name,
            last=self._edges.price(number, book["last"]),
            orders=book["orders"],
            tick_size=instrument.tick_size,
            lot_size=instrument.lot_size,
        )

    def order(self, order_id: int) -> Order:
        """An order as it is now, or was when it ended.

        Raises
        ------
        DataError
            If there never was one of this id.
        """
        found = self._order(order_id) if 0 < order_id < 2**64 else None
        if found is None:
            raise DataError("no such order", found=order_id)
        return order_view(found, self._edges)

    def orders(self, *, live: bool = True) -> dict[str, AnyArray]:
        """Columns of the orders that live, or of all there ever were: ticks, lots, codes and numbers."""
        return self._orders(live)

    def positions(self) -> list[Position]:
        """What accounts have, of everything they ever traded."""
        return [position_view(row, self._edges) for row in self._positions()]

    @abstractmethod
    def _book(self, instrument: int) -> dict[str, Any]:
        """Phase, last price and orders of a book."""

    @abstractmethod
    def _order(self, order_id: int) -> dict[str, Any] | None:
        """All that is known of an order."""

    @abstractmethod
    def _orders(self, live: bool) -> dict[str, AnyArray]:
        """Columns of orders."""

    @abstractmethod
    def _positions(self) -> list[PositionRow]:
        """Account, instrument, qty, bought, sold, cost, realised and reference price of every position."""


def order_view(order: Mapping[str, Any], edges: Edges) -> Order:
    """An order, from what `Shown._order` says of it."""
    number = order["instrument"]
    paid = edges.price(number, order["cum_value"])
    place = order["place"]
    return Order(
        order_id=order["order_id"],
        client_order_id=name_of(order["client_order_id"]),
        account=edges.accounts[order["account"]],
        symbol=edges.symbols[number],
        side=Side(order["side"]).name,
        order_type=OrderType(order["order_type"]).name,
        time_in_force=TimeInForce(order["time_in_force"]).name,
        state=OrderState(order["state"]).name,
        reason=reason_name(0, order["state"], order["reason"]),
        qty=edges.qty(number, order["qty"]),
        leaves_qty=edges.qty(number, order["leaves"]),
        cum_qty=edges.qty(number, order["cum"]),
        price=edges.price(number, order["price"]),
        stop_price=edges.price(number, order["stop_price"]),
        working_price=edges.price(number, order["working_price"]),
        average_price=None if paid is None else paid / order["cum"],
        place=None if place is None else PLACES[place],
    )


def position_view(row: PositionRow, edges: Edges) -> Position:
    """A position, from its row of `Shown._positions`."""
    account, number, qty, bought, sold, cost, realised, reference = row
    instrument, held = edges.setup.instruments[number], abs(qty)
    average = cost / (held * instrument.tick_value) if held else None
    gain = reference * held * instrument.tick_value - cost
    unrealised = (gain if qty > 0 else -gain) / MONEY_UNITS
    return Position(
        account=edges.accounts[account],
        symbol=instrument.symbol,
        qty=edges.qty(number, qty),
        average_price=from_grid(average, instrument.tick_size) if average else None,
        realised=realised / MONEY_UNITS,
        unrealised=unrealised if reference or not held else float("nan"),
        bought=edges.qty(number, bought),
        sold=edges.qty(number, sold),
    )
