"""What people look at: books, orders, positions and snapshots, in prices and names."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omni_lab.domain import Side
from omni_lab.errors import DataError
from omni_lab.execution.edges import from_grid, word
from omni_lab.typing import AnyArray, FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order as it is now.

    Attributes
    ----------
    order_id : int
        Its id here.
    client_order_id : int or str, optional
        What the client calls it.
    account, symbol, side, order_type, time_in_force, state : str
        Names; a stop is MARKET or LIMIT once it was elected.
    reason : str, optional
        Why it ended.
    qty, leaves_qty, cum_qty : float
        Its total; of it, what may still trade, and what has traded.
    price, stop_price, working_price : float, optional
        Limit or cap; what elects it; where it stands. None for none.
    average_price : float, optional
        Of its fills.
    place : str, optional
        Where it waits: "DISPLAYED", "HIDDEN", "CONDITIONAL", "STOP", "PARKED" or "AUCTION"; None once it
        ended.
    """

    order_id: int
    client_order_id: int | str | None
    account: str
    symbol: str
    side: str
    order_type: str
    time_in_force: str
    state: str
    reason: str | None
    qty: float
    leaves_qty: float
    cum_qty: float
    price: float | None
    stop_price: float | None
    working_price: float | None
    average_price: float | None
    place: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """What an account has of an instrument.

    Attributes
    ----------
    account, symbol : str
        Whose, and of what.
    qty : float
        Positive when long.
    average_price : float, optional
        Paid for what is open; None when flat.
    realised : float
        Profit of what was closed, currency.
    unrealised : float
        Profit if the rest were closed at the reference price; NaN where there is none.
    bought, sold : float
        Ever.
    """

    account: str
    symbol: str
    qty: float
    average_price: float | None
    realised: float
    unrealised: float
    bought: float
    sold: float


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The whole state after a frame.

    Attributes
    ----------
    sequence : int
        Of the last frame.
    state : bytes
        ``docs/oms.md``, section 7.
    """

    sequence: int
    state: bytes

    @property
    def state_hash(self) -> str:
        """SHA-256 of the state, hexadecimal."""
        return hashlib.sha256(self.state).hexdigest()


class Depth(NamedTuple):
    """Levels of both sides, the best first.

    Attributes
    ----------
    bid_price, bid_qty, ask_price, ask_qty : ndarray of float64, shape (n_levels,)
        Prices and displayed quantities.
    bid_n_orders, ask_n_orders : ndarray of int64, shape (n_levels,)
        How many displayed orders stand there.
    """

    bid_price: FloatArray
    bid_qty: FloatArray
    bid_n_orders: IntArray
    ask_price: FloatArray
    ask_qty: FloatArray
    ask_n_orders: IntArray


ORDER_COLUMNS = ("order_id", "account", "side", "price", "qty", "leaves", "hidden")
"""Columns of the orders in a book: ticks, lots, numbers; ``qty`` is what shows, or all of a hidden order."""


class BookView:
    """The displayed and hidden orders of an instrument, as they stood when it was asked for.

    Parameters
    ----------
    symbol : str
        The instrument.
    phase : str
        Name of its `TradingPhase`.
    last : float or None
        Last traded price.
    orders : mapping of str to ndarray
        As in `ORDER_COLUMNS`: bids and then asks, each side in the order in which it trades.
    tick_size, lot_size : float
        What prices and quantities are counted in.
    """

    def __init__(
        self,
        symbol: str,
        *,
        phase: str,
        last: float | None,
        orders: Mapping[str, IntArray],
        tick_size: float,
        lot_size: float,
    ) -> None:
        self.symbol = symbol
        self.phase = phase
        self.last = last
        self._orders = dict(orders)
        self._tick_size = tick_size
        self._lot_size = lot_size

    @property
    def best_bid(self) -> float | None:
        """Highest price with displayed quantity."""
        return self._best(Side.BUY)

    @property
    def best_ask(self) -> float | None:
        """Lowest price with displayed quantity."""
        return self._best(Side.SELL)

    def depth(self, n_levels: int = 10) -> Depth:
        """Displayed quantity by price."""
        return Depth(*self._levels(Side.BUY, n_levels), *self._levels(Side.SELL, n_levels))

    def best(self) -> tuple[float, float, float, float]:
        """Best displayed bid and its quantity, best ask and its quantity; NaN and 0 for an empty side.

        The same as the first level of `depth`, at a fraction of its price.
        """
        side, price, qty = (self._orders[name] for name in ("side", "price", "qty"))
        shown = self._orders["hidden"] == 0
        found: list[float] = []
        for which in (Side.BUY, Side.SELL):
            rows = shown & (side == which)
            first = int(rows.argmax()) if len(rows) else 0
            if not len(rows) or not rows[first]:
                found += [float("nan"), 0.0]
                continue
            total = int(qty[rows & (price == price[first])].sum())
            found += [from_grid(int(price[first]), self._tick_size), from_grid(total, self._lot_size)]
        return found[0], found[1], found[2], found[3]

    def orders(self, side: Side | str) -> dict[str, AnyArray]:
        """Orders of a side in the order in which they trade.

        Returns
        -------
        dict of str to ndarray
            ``order_id``, ``account`` (number), ``price`` and ``qty`` (what shows; all of a hidden order),
            ``leaves``, ``hidden`` (bool).
        """
        rows = self._rows(word(Side, side))
        return {
            "order_id": rows["order_id"],
            "account": rows["account"],
            "price": self._prices(rows["price"]),
            "qty": self._qty(rows["qty"]),
            "leaves": self._qty(rows["leaves"]),
            "hidden": rows["hidden"] == 1,
        }

    def queue_ahead(self, order_id: int) -> float:
        """Displayed quantity that trades before an order at its price.

        Raises
        ------
        DataError
            If no such order is in the book.
        """
        found = np.flatnonzero(self._orders["order_id"] == order_id)
        if not len(found):
            raise DataError("no such order is in this book", found=order_id, where=self.symbol)
        at = found[0]
        same = (self._orders["side"] == self._orders["side"][at]) & (
            self._orders["price"] == self._orders["price"][at]
        )
        ahead = same & (np.arange(len(same)) < at) & (self._orders["hidden"] == 0)
        return float(self._qty(self._orders["qty"][ahead].sum()))

    def to_frame(self, n_levels: int = 10) -> pd.DataFrame:
        """Depth as a pandas frame, one row for each level; where a side has fewer, NaN."""
        import pandas as pd

        depth = self.depth(n_levels)
        columns = {name: pd.Series(values) for name, values in depth._asdict().items()}
        return pd.DataFrame(columns)

    def __repr__(self) -> str:
        bid, ask = self.best_bid, self.best_ask
        last = "" if self.last is None else f", last {self.last:g}"
        shown = " × ".join("none" if price is None else f"{price:g}" for price in (bid, ask))
        return f"BookView({self.symbol}, {self.phase}, {shown}{last})"

    def _rows(self, side: Side) -> dict[str, IntArray]:
        mask = self._orders["side"] == side
        return {name: column[mask] for name, column in self._orders.items()}

    def _best(self, side: Side) -> float | None:
        prices = self._levels(side, 1)[0]
        return float(prices[0]) if len(prices) else None

    def _levels(self, side: Side, n_levels: int) -> tuple[FloatArray, FloatArray, IntArray]:
        shown = (self._orders["side"] == side) & (self._orders["hidden"] == 0)
        prices, qty = self._orders["price"][shown], self._orders["qty"][shown]
        starts = np.flatnonzero(np.diff(prices, prepend=0))
        total = np.add.reduceat(qty, starts) if len(starts) else qty
        counts = np.diff(starts, append=len(prices))
        kept = slice(n_levels)
        return self._prices(prices[starts][kept]), self._qty(total[kept]), counts[kept]

    def _prices(self, ticks: IntArray) -> FloatArray:
        return _on_grid(ticks, self._tick_size)

    def _qty(self, lots: IntArray) -> FloatArray:
        return _on_grid(lots, self._lot_size)


def _on_grid(n_steps: IntArray, step: float) -> FloatArray:
    per_unit = round(1 / step)
    if per_unit and from_grid(per_unit, step) == 1:
        return np.asarray(n_steps / per_unit, dtype=np.float64)
    return np.asarray(n_steps * step, dtype=np.float64)
