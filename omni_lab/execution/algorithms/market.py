"""What an execution algorithm knows of the market: the touch, the tape, and what is usual."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from omni_lab.typing import FloatArray


class Levels(Protocol):
    """A book as far as it was heard."""

    @property
    def best_bid(self) -> float:
        """Best bid; NaN for an empty side."""

    @property
    def best_ask(self) -> float:
        """Best ask; NaN for an empty side."""

    def levels(self, n_levels: int = 10) -> dict[str, FloatArray]:
        """Up to so many levels a side, best first: ``bid_price``, ``bid_qty``, ``ask_price``, ``ask_qty``."""


class Venue(Protocol):
    """What a desk needs of a market: a strategy's context offers it, and `PaperVenue`."""

    @property
    def ts(self) -> int:
        """Our clock, nanoseconds."""

    def buy(
        self,
        qty: float,
        *,
        symbol: str | None = None,
        limit: float | None = None,
        time_in_force: str = "GTC",
    ) -> int:
        """Send a buy order; its id."""

    def sell(
        self,
        qty: float,
        *,
        symbol: str | None = None,
        limit: float | None = None,
        time_in_force: str = "GTC",
    ) -> int:
        """Send a sell order; its id."""

    def cancel(self, order_id: int) -> bool:
        """Ask for a cancel; False when the order has ended."""

    def depth(self, symbol: str | None = None) -> Levels:
        """The book of an instrument."""

    def tick_size(self, symbol: str | None = None) -> float:
        """Grid of order prices."""

    def lot_size(self, symbol: str | None = None) -> float:
        """Smallest quantity step."""


@runtime_checkable
class NamesChildren(Protocol):
    """A venue whose orders say of which parent they are."""

    def next_child_of(self, parent: int) -> None:
        """The next order is a child of this parent."""


@dataclass(frozen=True, slots=True)
class Touch:
    """The best of both sides. Prices are NaN and quantities 0 where a side is empty; quantities are lots.

    Attributes
    ----------
    bid, ask : float
        Best prices.
    bid_lots, ask_lots : int
        What shows there.
    """

    bid: float = math.nan
    ask: float = math.nan
    bid_lots: int = 0
    ask_lots: int = 0

    @property
    def mid(self) -> float:
        """The middle; NaN unless both sides are there."""
        return (self.bid + self.ask) / 2.0

    @property
    def spread(self) -> float:
        """Ask less bid; NaN unless both sides are there."""
        return self.ask - self.bid

    def near(self, is_buy: bool) -> float:
        """Where our side waits."""
        return self.bid if is_buy else self.ask

    def far(self, is_buy: bool) -> tuple[float, int]:
        """Where the other side waits, and the lots there."""
        return (self.ask, self.ask_lots) if is_buy else (self.bid, self.bid_lots)


class MarketView:
    """What was seen of one instrument since a parent began.

    Attributes
    ----------
    volume : int
        Lots on the tape.
    touch : Touch
        As of the last look.
    """

    _HALF_LIFE_LOOKS = 5.0
    _N_LEAST = 20

    def __init__(self, lot_size: float, tick_size: float) -> None:
        self.lot_size, self.tick_size = lot_size, tick_size
        self.touch = Touch()
        self.volume = 0
        self._bar_close = math.nan
        self._last_mid = math.nan
        self._n_spreads = self._n_moves = 0
        self._spread_sum = self._square_sum = self._recent_square = 0.0

    def saw_trade(self, lots: int) -> None:
        """The market traded."""
        self.volume += lots

    def saw_bar(self, close: float, lots: int) -> None:
        """A bar closed: without quotes its close stands for both sides."""
        self._bar_close = close
        self.volume += lots

    def look(self, venue: Venue, symbol: str) -> None:
        """Read the touch, and what it says of spread and volatility."""
        if self.is_of_bars:
            # A bar does not say what could be had at its close; its volume limit is the simulator's.
            self.touch = Touch(self._bar_close, self._bar_close, 1 << 62, 1 << 62)
        else:
            top = venue.depth(symbol).levels(1)
            (bid, bid_lots), (ask, ask_lots) = (self._best(top, side) for side in ("bid", "ask"))
            self.touch = Touch(bid, ask, bid_lots, ask_lots)
        mid, spread = self.touch.mid, self.touch.spread
        if math.isnan(mid):
            return
        self._n_spreads += 1
        self._spread_sum += spread
        if not math.isnan(self._last_mid):
            square = (mid - self._last_mid) ** 2
            weight = 1.0 - 0.5 ** (1.0 / self._HALF_LIFE_LOOKS)
            self._n_moves += 1
            self._square_sum += square
            self._recent_square += weight * (square - self._recent_square)
        self._last_mid = mid

    @property
    def is_of_bars(self) -> bool:
        """Whether bars are all that is known of the market."""
        return not math.isnan(self._bar_close)

    @property
    def spread_ratio(self) -> float:
        """The spread over its average so far; 1 while nothing is known."""
        usual = self._spread_sum / self._n_spreads if self._n_spreads else 0.0
        spread = self.touch.spread
        return spread / usual if usual > 0.0 and not math.isnan(spread) else 1.0

    @property
    def volatility_ratio(self) -> float:
        """Volatility of late over its average so far; 1 until twenty moves were seen."""
        if self._n_moves < self._N_LEAST or self._square_sum == 0.0:
            return 1.0
        return math.sqrt(self._recent_square / (self._square_sum / self._n_moves))

    def _best(self, top: dict[str, FloatArray], side: str) -> tuple[float, int]:
        prices, quantities = top[f"{side}_price"], top[f"{side}_qty"]
        if not len(prices) or math.isnan(prices[0]):
            return math.nan, 0
        return float(prices[0]), round(float(quantities[0]) / self.lot_size)
