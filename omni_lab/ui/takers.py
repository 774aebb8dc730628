"""What a dealer has to know of a market: how deep its takers reach, how far its price moves, its spread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab.data.moments import span_ns
from omni_lab.errors import DataError
from omni_lab.features import grid_times, last_before, mid_price, time_weighted_mean
from omni_lab.models import depths_reached, realised_volatility, taker_depths
from omni_lab.typing import FloatArray, IntArray

if TYPE_CHECKING:
    from omni_lab.ui.markets import MarketWindow

_NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Takers:
    """Arrivals at one market, in ticks and seconds.

    Attributes
    ----------
    ts : ndarray of int64, shape (n_takers,)
        When each came, nanoseconds since midnight at the venue.
    depth_ticks : ndarray of float64, shape (n_takers,)
        How far from the middle each reached, half ticks included.
    reached_ticks : ndarray of float64, shape (2 * n_intervals,)
        How far trades went from the middle at the beginning of each interval: below it, then above it; as
        `omni_lab.models.depths_reached` has it.
    interval_s : float
        Length of an interval.
    seconds : float
        From the first quote to the last.
    sigma_ticks : float
        Volatility of the middle, seen once each interval, in ticks for each √second.
    spread_ticks : float
        Time-weighted.
    """

    ts: IntArray
    depth_ticks: FloatArray
    reached_ticks: FloatArray
    interval_s: float
    seconds: float
    sigma_ticks: float
    spread_ticks: float

    @property
    def arrival_s(self) -> FloatArray:
        """Seconds since the first taker came, of each; several at one nanosecond count once."""
        once = np.unique(self.ts)
        return (once - once[:1]).astype(np.float64) / _NS_PER_S


def market_takers(window: MarketWindow, every: Any = "1s") -> Takers:
    """Takers of a stretch of a rebuilt book.

    Parameters
    ----------
    window : MarketWindow
        With quotes and trades. Crosses and trades whose aggressor is unknown are not takers.
    every : str, timedelta or int of nanoseconds
        Length of an interval: how long a quote would rest before it is moved.

    Returns
    -------
    Takers
        Each is measured from the middle that stood before it.

    Raises
    ------
    DataError
        If there are fewer than two quotes.
    """
    quotes, trades, step = window.quotes, window.trades, span_ns(every)
    ts = quotes["ts"]
    if len(ts) < 2:
        raise DataError("fewer than two quotes", found=len(ts), where=f"market_takers: {window.symbol}")
    tick = window.tick_size
    bid, ask = quotes["bid_price"] / tick, quotes["ask_price"] / tick
    mid = np.rint(2.0 * mid_price(bid, ask)) / 2.0
    known = trades["aggressor"] > 0
    when, price = trades["ts"][known], np.rint(trades["price"][known] / tick)
    # The quote of the same nanosecond may be what the trade left behind.
    arrived, depth = taker_depths(when, price, last_before(ts, mid, when - 1), trades["aggressor"][known])
    edges = grid_times(int(ts[0]), int(ts[-1]), step)
    seen = last_before(ts, mid, edges)
    return Takers(
        ts=arrived,
        depth_ticks=depth,
        reached_ticks=np.concatenate(depths_reached(when, price, edges, seen[:-1])),
        interval_s=step / _NS_PER_S,
        seconds=float(ts[-1] - ts[0]) / _NS_PER_S,
        sigma_ticks=realised_volatility(edges, seen),
        spread_ticks=time_weighted_mean(ts, ask - bid, int(ts[-1])),
    )
