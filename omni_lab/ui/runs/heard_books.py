"""The books of a captured market as a run had heard of them at its moments."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

import numpy as np

from omni_lab.typing import AnyArray, FloatArray, IntArray

if TYPE_CHECKING:
    from omni_lab.simulator.ticks import MarketFeed

N_LEVELS = 10
_BLOCK = 16_384
_KEPT = 4


class HeardBooks:
    """Books at many moments, read off in blocks: one pass over the feed shows those of thousands.

    Of a feed whose delays are measured event by event, a book may hold events of one time that were not all
    heard together.

    Parameters
    ----------
    feed : MarketFeed
        What was replayed.
    times : ndarray of int64, shape (n_moments,)
        Moments of our clock, nanoseconds of the feed; they do not fall.
    """

    def __init__(self, feed: MarketFeed, times: IntArray) -> None:
        self._feed, self._blocks = feed, OrderedDict[int, dict[str, dict[str, AnyArray]]]()
        # What would overtake an earlier event waits for it.
        heard = np.maximum.accumulate(feed.events.ts + np.asarray(feed.delay_ns, dtype=np.int64))
        self._n_heard = np.searchsorted(heard, times, side="right")

    def levels(self, moment: int, symbol: str) -> dict[str, FloatArray]:
        """``bid_price``, ``bid_qty``, ``ask_price``, ``ask_qty``, best first, of what there is.

        In currency and units, at most ten a side.
        """
        n_heard = int(self._n_heard[moment])
        nothing = {f"{side}_{what}": np.zeros(0) for side in ("bid", "ask") for what in ("price", "qty")}
        if not n_heard:
            return nothing
        table = self._block(moment // _BLOCK)[symbol]
        row = int(np.searchsorted(table["ts"], self._feed.events.ts[n_heard - 1]))
        if row >= len(table["ts"]) or table["ts"][row] != self._feed.events.ts[n_heard - 1]:
            return nothing
        shown: dict[str, FloatArray] = {}
        for side in ("bid", "ask"):
            there = ~np.isnan(table[f"{side}_price"][row])
            shown |= {f"{side}_{what}": table[f"{side}_{what}"][row][there] for what in ("price", "qty")}
        return shown

    def mid(self, moment: int, symbol: str) -> float:
        """Half of best bid plus best ask, currency; NaN unless both are there."""
        levels = self.levels(moment, symbol)
        bids, asks = levels["bid_price"], levels["ask_price"]
        return float((bids[0] + asks[0]) / 2) if len(bids) and len(asks) else float("nan")

    def _block(self, number: int) -> dict[str, dict[str, AnyArray]]:
        if number not in self._blocks:
            counts = self._n_heard[number * _BLOCK : (number + 1) * _BLOCK]
            counts = counts[counts > 0]
            events = self._feed.events[: int(counts[-1])]
            tables = events.books(
                levels=N_LEVELS, at=np.unique(events.ts[counts - 1]), bbo=False, trades=False, notes=False
            )
            self._blocks[number] = {symbol: tables.depth_columns(symbol) for symbol in self._feed.symbols}
            if len(self._blocks) > _KEPT:
                self._blocks.popitem(last=False)
        self._blocks.move_to_end(number)
        return self._blocks[number]
