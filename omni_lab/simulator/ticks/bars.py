"""Bars of a market as they are heard, for strategies that think in bars."""

from __future__ import annotations

import numpy as np

from omni_lab.data import BookTables
from omni_lab.data.bars import Bars
from omni_lab.domain import Instrument
from omni_lab.errors import DataError
from omni_lab.simulator.ticks.feed import MarketFeed
from omni_lab.typing import AnyArray, FloatArray, IntArray


def heard_bars(feed: MarketFeed, span: int) -> Bars:
    """Bars that close at every multiple of a span in which something was heard.

    A bar holds what was heard from its opening up to, and not at, its close: nothing in it is news after
    that. Of an instrument that traded, prices and volumes are those of its trades; of one that never did, the
    mids of its quotes, with volumes that nobody knows.

    Parameters
    ----------
    feed : MarketFeed
    span : int
        Nanoseconds.

    Returns
    -------
    Bars
        Times are those of the feed.

    Raises
    ------
    DataError
        If nothing was traded or quoted.
    """
    tables = feed.events.books()
    rows = [_of_instrument(feed, tables, symbol, span) for symbol in feed.symbols]
    closes = np.unique(np.concatenate([each["close_ts"] for each in rows]))
    if not closes.size:
        raise DataError(
            "there is nothing to make bars of: no trade and no quote", where=feed.info.source or None
        )
    columns = {name: np.full((len(closes), len(rows)), np.nan) for name in _COLUMNS}
    for column, each in enumerate(rows):
        at = np.searchsorted(closes, each["close_ts"])
        for name in _COLUMNS:
            columns[name][at, column] = each[name]
    instruments = [
        Instrument(symbol=symbol, tick_size=feed.info.tick_size / 2, lot_size=feed.lot_size)
        for symbol in feed.symbols
    ]
    knows_volume = not np.isnan(columns["volume"][~np.isnan(columns["close"])]).any()
    return Bars.from_arrays(
        # Said to be nanoseconds, for a feed without a date counts from midnight.
        closes.astype("datetime64[ns]"),
        columns["open"],
        columns["high"],
        columns["low"],
        columns["close"],
        columns["volume"] if knows_volume else None,
        instruments=instruments,
    )


_COLUMNS = ("open", "high", "low", "close", "volume")


def _of_instrument(feed: MarketFeed, tables: BookTables, symbol: str, span: int) -> dict[str, AnyArray]:
    mine = tables.of(symbol).columns
    trades = mine["trades"]
    if len(trades["ts"]):
        price, qty = feed.info.prices(trades["price"]), feed.info.quantities(trades["qty"])
        return _grouped(_heard(feed, trades["ts"]), price, qty, span)
    quotes = mine["bbo"]
    both = (quotes["bid_price"] > 0) & (quotes["ask_price"] > 0)
    mid = feed.info.prices(quotes["bid_price"][both] + quotes["ask_price"][both]) / 2
    return _grouped(_heard(feed, quotes["ts"][both]), mid, np.full(int(both.sum()), np.nan), span)


def _heard(feed: MarketFeed, ts: IntArray) -> IntArray:
    if isinstance(feed.delay_ns, int):
        return np.asarray(ts + feed.delay_ns)
    heard = np.maximum.accumulate(feed.events.ts + feed.delay_ns)
    return np.asarray(heard[np.searchsorted(feed.events.ts, ts, side="right") - 1])


def _grouped(heard: IntArray, price: FloatArray, qty: FloatArray, span: int) -> dict[str, AnyArray]:
    closes = (heard // span + 1) * span
    close_ts, first = np.unique(closes, return_index=True)
    if not len(first):
        return {"close_ts": close_ts, **{name: np.empty(0) for name in _COLUMNS}}
    last = np.append(first[1:], len(price)) - 1
    return {
        "close_ts": close_ts,
        "open": price[first],
        "high": np.maximum.reduceat(price, first),
        "low": np.minimum.reduceat(price, first),
        "close": price[last],
        "volume": np.add.reduceat(qty, first),
    }
