"""What a strategy sees of a book and of its orders; see `omni_lab.strategies.Book`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from omni_lab.errors import ConfigError
from omni_lab.execution.views import BookView, Order
from omni_lab.typing import FloatArray

if TYPE_CHECKING:
    from omni_lab.execution.oms import OMS


class LiveBook:
    """The book of an instrument: current whenever it is asked.

    Parameters
    ----------
    oms : OMS
    symbol : str
    """

    def __init__(self, oms: OMS, symbol: str) -> None:
        self._oms, self._symbol = oms, symbol
        self._at = -1
        self._view: BookView | None = None
        self._best: tuple[float, float, float, float] | None = None

    @property
    def best_bid(self) -> float:
        """Best bid; NaN for an empty side."""
        return self._top()[0]

    @property
    def best_ask(self) -> float:
        """Best ask; NaN for an empty side."""
        return self._top()[2]

    @property
    def bid_qty(self) -> float:
        """Quantity at the best bid."""
        return self._top()[1]

    @property
    def ask_qty(self) -> float:
        """Quantity at the best ask."""
        return self._top()[3]

    @property
    def mid(self) -> float:
        """Half of best bid plus best ask; NaN unless both are there."""
        return (self.best_bid + self.best_ask) / 2

    @property
    def spread(self) -> float:
        """Best ask less best bid; NaN unless both are there."""
        return self.best_ask - self.best_bid

    def qty_at(self, side: str, price: float) -> float:
        """Quantity shown at a price; ``side`` is ``"buy"`` or ``"sell"``."""
        word = side.lower()
        if word not in ("buy", "sell"):
            raise ConfigError("unknown side", found=side, expected=("buy", "sell"))
        depth = self._now().depth(_ALL)
        prices, qty = (depth.bid_price, depth.bid_qty) if word == "buy" else (depth.ask_price, depth.ask_qty)
        return float(qty[abs(prices - price) < 1e-9 * max(1.0, abs(price))].sum())

    def levels(self, n_levels: int = 10) -> dict[str, FloatArray]:
        """Up to so many levels a side, best first: ``bid_price``, ``bid_qty``, ``ask_price``, ``ask_qty``."""
        depth = self._now().depth(n_levels)
        return {
            "bid_price": depth.bid_price,
            "bid_qty": depth.bid_qty,
            "ask_price": depth.ask_price,
            "ask_qty": depth.ask_qty,
        }

    def _now(self) -> BookView:
        at = self._oms.sequence
        if self._view is None or at != self._at:
            self._view, self._at, self._best = self._oms.book(self._symbol), at, None
        return self._view

    def _top(self) -> tuple[float, float, float, float]:
        view = self._now()
        if self._best is None:
            self._best = view.best()
        return self._best


_ALL = 1 << 20


@dataclass(frozen=True, slots=True)
class LiveOrder:
    """An order that lives; see `omni_lab.strategies.WorkingOrder`.

    Attributes
    ----------
    order_id : int
    symbol, side, status, type : str
    price : float
        Limit; 0 for none.
    qty, filled_qty : float
    is_pending : bool
        Never: what is asked of a system is answered at once.
    """

    order_id: int
    symbol: str
    side: str
    status: str
    type: str
    price: float
    qty: float
    filled_qty: float
    is_pending: bool = False

    @classmethod
    def of(cls, order: Order) -> Self:
        """From what the system says."""
        return cls(
            order.order_id,
            order.symbol,
            order.side,
            order.state,
            order.order_type,
            order.price or 0.0,
            order.qty,
            order.cum_qty,
        )

    @property
    def is_working(self) -> bool:
        """Whether it has not ended."""
        return math.isfinite(self.qty) and self.status in ("NEW", "PARTIALLY_FILLED", "REPLACED")
