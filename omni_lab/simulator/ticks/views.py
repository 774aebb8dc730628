"""What a strategy is handed in a replay."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BarView:
    """A closed bar; see :class:`omni_lab.strategies.Bar`."""

    symbol: str
    index: int
    ts: int
    open: float
    high: float
    low: float
    close: float
    volume: float


@dataclass(frozen=True, slots=True)
class QuoteView:
    """Best bid and ask of an instrument; see :class:`omni_lab.strategies.Quote`."""

    symbol: str
    ts: int
    bid: float
    bid_qty: float
    ask: float
    ask_qty: float

    @property
    def mid(self) -> float:
        """Half of bid plus ask; NaN unless both are there."""
        return (self.bid + self.ask) / 2


@dataclass(frozen=True, slots=True)
class TradeView:
    """A trade of the market; see :class:`omni_lab.strategies.Trade`."""

    symbol: str
    ts: int
    price: float
    qty: float
    side: str


@dataclass(frozen=True, slots=True)
class FillView:
    """An execution of an order of ours; see :class:`omni_lab.strategies.Fill`."""

    order_id: int
    symbol: str
    side: str
    qty: float
    price: float
    commission: float
    position: float
    ts: int
    index: int
    is_maker: bool


@dataclass(frozen=True, slots=True)
class UpdateView:
    """A change of an order that is no fill; see :class:`omni_lab.strategies.OrderUpdate`."""

    order_id: int
    symbol: str
    side: str
    type: str
    qty: float
    filled_qty: float
    status: str
    reason: str
    ts: int
    index: int


@dataclass(frozen=True, slots=True)
class TimerView:
    """A timer that fired; see :class:`omni_lab.strategies.Timer`."""

    id: int
    due: int
    ts: int
    index: int


@dataclass(slots=True)
class IndicatorView:
    """A number that is known at every bar; see :class:`omni_lab.strategies.Indicator`."""

    _board: object
    _values: object

    @property
    def value(self) -> float:
        """As of the last closed bar of the current instrument; NaN before there is one."""
        return self.of(self._board.symbol)  # type: ignore[attr-defined]

    def of(self, symbol: str) -> float:
        """As of the last closed bar of an instrument."""
        return self._board.value(self._values, symbol)  # type: ignore[attr-defined,no-any-return]
