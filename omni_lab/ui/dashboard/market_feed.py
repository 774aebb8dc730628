"""`MarketFeed`: what the board of a market is told, as little of it as the browser does not know yet."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from omni_lab.messaging.bus import Subscription
from omni_lab.system.services import Services
from omni_lab.system.views import Quotes
from omni_lab.ui.dashboard.depths import depths_of
from omni_lab.ui.dashboard.session import fold

LEVELS = 10
"""Levels of a side that the stream of a market has."""
_WINDOW_NS = 15 * 60 * 10**9
_FIRST_TRADES = 400
_MOST_TRADES = 256
_MOST_QUOTES = 4_000


class MarketFeed:
    """What happens in one market, frame by frame.

    A frame has everything that changes as a whole (the book, own orders) and what is new of what grows
    (quotes, trades, columns of depth). The first one has all that is known, and says ``reset``.

    Parameters
    ----------
    services : Services
    symbol : str
    """

    def __init__(self, services: Services, symbol: str) -> None:
        self.symbol = symbol
        self._system, self._bus = services.system, services.bus
        self._depths = depths_of(services.bus, symbol)
        self._book: dict[str, Any] = {}
        self._orders: dict[str, Any] = {}
        self._book_place: Subscription | None = None
        self._orders_place: Subscription | None = None
        self.begin()

    def begin(self) -> None:
        """Forget what the browser knows: the next frame has everything."""
        self._reset = True
        self._quote_ts: int | None = None
        self._trade = 0
        self._depth_ms: float | None = None

    def frame(self) -> dict[str, Any] | None:
        """What is new; None for nothing, or where there is no such market yet."""
        book_news = self._read_book()
        orders_news = self._read_orders()
        if not self._book:
            return None
        self._depths.sample(self._book, self._book.get("ts", 0) / 1e6)
        quotes, trades = self._new_quotes(), self._new_trades()
        if not (self._reset or book_news or orders_news or trades or quotes["t"]):
            return None
        depth = self._depths.since(self._depth_ms)
        if depth:
            self._depth_ms = depth[-1]["t"]
        reset, self._reset = self._reset, False
        return {
            "reset": reset,
            "symbol": self.symbol,
            "book": book_of(self._book, self._orders, self.symbol),
            "quotes": quotes,
            "trades": trades,
            "depth": depth,
        }

    def _read_book(self) -> bool:
        if self._book_place is None:
            stream = self._bus.find(f"market.{self.symbol}")
            if stream is None:
                return False
            self._book_place = stream.follow(most_behind=64)
        self._book, _, news = fold(self._book_place, self._book)
        return news

    def _read_orders(self) -> bool:
        if self._orders_place is None:
            stream = self._bus.find("orders")
            if stream is None:
                return False
            self._orders_place = stream.follow(most_behind=64)
        self._orders, _, news = fold(self._orders_place, self._orders)
        return news

    def _new_quotes(self) -> dict[str, list[Any]]:
        # On the market's clock: that of a replay is not ours.
        since = self._book.get("ts", 0) - _WINDOW_NS if self._quote_ts is None else self._quote_ts
        found = self._system.quotes(self.symbol, since=since)
        rows = np.flatnonzero(found.ts > since)
        if not len(rows):
            return {"t": [], "bid": [], "ask": []}
        self._quote_ts = int(found.ts[rows[-1]])
        rows = thinned(found, rows)
        return {
            "t": (found.ts[rows] / 1e6).tolist(),
            "bid": _finite(found.bid[rows]),
            "ask": _finite(found.ask[rows]),
        }

    def _new_trades(self) -> list[list[Any]]:
        most = _FIRST_TRADES if self._reset else _MOST_TRADES
        tape = self._system.tape(self.symbol, after=self._trade, most=most)
        if len(tape.number):
            self._trade = int(tape.number[-1])
        columns = ((tape.ts / 1e6).tolist(), tape.price.tolist(), tape.qty.tolist())
        return [list(row) for row in zip(*columns, tape.side.tolist(), tape.own.tolist(), strict=True)]


def thinned(quotes: Quotes, rows: Any) -> Any:
    """Of many rows those where a price changed, and of too many of them the newest."""
    if len(rows) <= _MOST_QUOTES:
        return rows
    changed = (np.diff(quotes.bid[rows]) != 0) | (np.diff(quotes.ask[rows]) != 0)
    kept = rows[np.concatenate(([True], changed))]
    return kept[-_MOST_QUOTES:]


def book_of(state: Mapping[str, Any], orders: Mapping[str, Any], symbol: str) -> dict[str, Any]:
    """A book as the ladder draws it.

    Parameters
    ----------
    state : mapping
        Of the stream ``market.SYMBOL``.
    orders : mapping
        Of the stream ``orders``.
    symbol : str

    Returns
    -------
    dict
        ``bids`` and ``asks`` (price and quantity, the best first), ``own`` (what is left of own orders, by
        side and price as text), ``last``, ``phase``, ``decimals``.
    """
    bids, asks = state.get("bids", {}), state.get("asks", {})
    name = next(iter(bids or asks), "0.00")
    decimals = len(name.partition(".")[2])
    own: dict[str, dict[str, float]] = {"BUY": {}, "SELL": {}}
    for order in orders.get("orders", {}).values():
        price = order.get("price")
        if order.get("symbol") == symbol and price is not None and order.get("side") in own:
            level = f"{price:.{decimals}f}"
            levels = own[order["side"]]
            levels[level] = levels.get(level, 0.0) + order.get("leaves", 0.0)
    return {
        "bids": _levels(bids, -1),
        "asks": _levels(asks, 1),
        "own": own,
        "last": state.get("last"),
        "phase": state.get("phase"),
        "decimals": decimals,
    }


def _levels(levels: Mapping[str, float], sign: int) -> list[list[float]]:
    priced = sorted(((float(price), qty) for price, qty in levels.items()), key=lambda each: sign * each[0])
    return [[price, qty] for price, qty in priced[:LEVELS]]


def _finite(values: Any) -> list[float | None]:
    return [value if math.isfinite(value) else None for value in values.tolist()]
