"""A stretch of one rebuilt book, and the figures that a notebook and the dashboard draw of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab.data.moments import moment_ns, span_ns
from omni_lab.errors import ConfigError
from omni_lab.features import (
    LinearImpact,
    fit_linear_impact,
    grid_times,
    last_before,
    mid_price,
    order_flow_imbalance,
    sum_between,
)
from omni_lab.figures import depth_figure, flow_figure, quotes_figure
from omni_lab.typing import AnyArray, FloatArray, IntArray

if TYPE_CHECKING:
    from omni_lab.data.books import BookTables
    from omni_lab.figures._canvas import Figure

_NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Order-flow imbalance and price changes, interval by interval.

    Attributes
    ----------
    ts : ndarray of int64, shape (n,)
        Ends of the intervals, nanoseconds since midnight at the venue.
    imbalance : ndarray of float64, shape (n,)
        Order-flow imbalance of each interval, shares.
    price_change : ndarray of float64, shape (n,)
        Change of the middle over it, ticks of the grid that prices lie on.
    impact : LinearImpact
        The line through them.
    """

    ts: IntArray
    imbalance: FloatArray
    price_change: FloatArray
    impact: LinearImpact


class MarketWindow:
    """One book between two times, in currency and shares.

    Parameters
    ----------
    tables : BookTables
        What a replay gave, with best prices.
    symbol : str
        Which book.
    start, end : times, optional
        ``start <= ts < end``; a time of day such as ``"09:30"`` is one at the venue. All there is by default.

    Raises
    ------
    UnknownSymbolError, DataError
        If there is no such symbol, or a time cannot be read.

    Attributes
    ----------
    symbol : str
    quotes, trades, depth : dict of str to ndarray
        Columns of docs/feeds.md, section 2, with ``ts`` in nanoseconds since midnight at the venue where the
        date is known, prices in currency (NaN where there is none) and quantities in shares.
    """

    def __init__(self, tables: BookTables, symbol: str, start: Any = None, end: Any = None) -> None:
        self.symbol = symbol
        self._info = tables.info
        self._midnight = tables.info.midnight_ns
        first = None if start is None else moment_ns(start, midnight=self._midnight)
        last = None if end is None else moment_ns(end, midnight=self._midnight)
        of = tables.of(symbol).columns
        self.quotes = self._columns(of["bbo"], first, last)
        self.trades = self._columns(of.get("trades"), first, last)
        self.depth = self._columns(of.get("depth"), first, last)

    def __repr__(self) -> str:
        n_quotes, n_trades = len(self.quotes["ts"]), len(self.trades.get("ts", ()))
        return f"<{self.symbol}: {n_quotes:,} quotes, {n_trades:,} trades>"

    def quotes_figure(self, *, theme: str = "light") -> Figure:
        """Best prices, trades, spread."""
        tape = None
        if self.trades:
            shown = self.trades["price"] > 0
            names = ("ts", "price", "qty", "aggressor")
            ts, price, qty, who = (self.trades[name][shown] for name in names)
            tape = (ts, price, qty, who)
        ts, bid, ask = (self.quotes[name] for name in ("ts", "bid_price", "ask_price"))
        return quotes_figure(ts, bid, ask, trades=tape, symbol=self.symbol, theme=theme)

    def depth_figure(self, *, theme: str = "light") -> Figure:
        """How much waits at which price.

        Raises
        ------
        ConfigError
            If the tables were made without levels.
        """
        if not self.depth:
            raise ConfigError("these tables have no depth", hint="Make them with levels=10, every='1s'.")
        columns = (self.depth[f"{side}_{what}"] for side in ("bid", "ask") for what in ("price", "qty"))
        bid, bid_qty, ask, ask_qty = columns
        return depth_figure(self.depth["ts"], bid, bid_qty, ask, ask_qty, symbol=self.symbol, theme=theme)

    def flow(self, every: Any = "10s") -> Flow:
        """Order-flow imbalance and the change of the middle, interval by interval, and the line through them.

        Parameters
        ----------
        every : str, timedelta or int of nanoseconds
            Length of an interval. Both are of the same interval: this explains, it does not forecast.
        """
        quotes, step = self.quotes, span_ns(every)
        if len(quotes["ts"]) < 2:
            nothing = np.zeros(0)
            impact = fit_linear_impact(nothing, nothing)
            return Flow(ts=nothing.astype(np.int64), imbalance=nothing, price_change=nothing, impact=impact)
        sizes = (quotes["bid_qty"], quotes["ask_qty"])
        flow = order_flow_imbalance(quotes["bid_price"], sizes[0], quotes["ask_price"], sizes[1])
        edges = grid_times(int(quotes["ts"][0]), int(quotes["ts"][-1]), step)
        mid = last_before(quotes["ts"], mid_price(quotes["bid_price"], quotes["ask_price"]), edges)
        change = np.diff(mid) / self.tick_size
        imbalance = sum_between(quotes["ts"], flow, edges)
        impact = fit_linear_impact(imbalance, change)
        return Flow(ts=edges[1:], imbalance=imbalance, price_change=change, impact=impact)

    def flow_figure(self, every: Any = "10s", *, theme: str = "light") -> Figure:
        """Price changes over order-flow imbalance."""
        found = self.flow(every)
        seconds = span_ns(every) / _NS_PER_S
        return flow_figure(
            found.imbalance,
            found.price_change,
            slope=found.impact.slope,
            intercept=found.impact.intercept,
            r_squared=found.impact.r_squared,
            interval=f"{seconds:g} seconds",
            symbol=self.symbol,
            theme=theme,
        )

    @property
    def tick_size(self) -> float:
        """The step that the best prices move by: a cent where the unit of the feed is a hundredth of it."""
        prices = np.unique(np.concatenate([self.quotes["bid_price"], self.quotes["ask_price"]]))
        units = np.round(prices[np.isfinite(prices)] / self._info.tick_size).astype(np.int64)
        return float(max(np.gcd.reduce(units), 1)) * self._info.tick_size if len(units) else 1.0

    def _columns(self, table: Any, first: int | None, last: int | None) -> dict[str, AnyArray]:
        if table is None:
            return {}
        ts = table["ts"]
        rows = np.ones(len(ts), dtype=bool)
        if first is not None:
            rows &= ts >= first
        if last is not None:
            rows &= ts < last
        shown: dict[str, AnyArray] = {}
        for name, column in table.items():
            values = column[rows]
            if name.endswith("price"):
                there = table[name.replace("price", "qty")][rows] != 0
                shown[name] = np.where(there, self._info.prices(values), np.nan)
            elif name.endswith("qty"):
                shown[name] = self._info.quantities(values).astype(np.float64)
            else:
                shown[name] = values - self._midnight if name == "ts" else values
        return shown
