"""Quotes and trades of one instrument, and the benchmarks that follow from them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np

from omni_lab.data import Events
from omni_lab.errors import DataError, ShapeError
from omni_lab.typing import ArrayLike, FloatArray, IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Tape:
    """What the market showed and did.

    Attributes
    ----------
    quote_ts : ndarray of int64, shape (n_quotes,)
        When the best prices changed, nanoseconds, never falling.
    bid, ask : ndarray of float64, shape (n_quotes,)
        Best prices from then on; NaN for an empty side.
    trade_ts : ndarray of int64, shape (n_trades,)
        When the market traded, never falling.
    price, qty : ndarray of float64, shape (n_trades,)
        At which price, and how many units.

    Raises
    ------
    ShapeError
        If columns that belong together differ in length.
    DataError
        If times fall, or there is no quote.
    """

    quote_ts: IntArray
    bid: FloatArray
    ask: FloatArray
    trade_ts: IntArray
    price: FloatArray
    qty: FloatArray

    def __post_init__(self) -> None:
        for names in (("quote_ts", "bid", "ask"), ("trade_ts", "price", "qty")):
            columns = [np.asarray(getattr(self, name)) for name in names]
            if len({column.shape for column in columns}) != 1 or columns[0].ndim != 1:
                raise ShapeError(
                    f"{', '.join(names)} must be columns of one length",
                    found=[column.shape for column in columns],
                    where="Tape",
                )
            kinds = (np.int64, np.float64, np.float64)
            for name, column, kind in zip(names, columns, kinds, strict=True):
                object.__setattr__(self, name, column.astype(kind))
            if (np.diff(getattr(self, names[0])) < 0).any():
                raise DataError("times must not fall", where=f"Tape.{names[0]}")
        if not len(self.quote_ts):
            raise DataError(
                "a tape needs quotes: costs are measured against the middle of the market", where="Tape"
            )

    @classmethod
    def from_events(cls, events: Events, symbol: str | None = None, *, delay_ns: int = 0) -> Self:
        """The tape of a captured market.

        Parameters
        ----------
        events : Events
            What happened.
        symbol : str, optional
            The instrument, where there are several.
        delay_ns : int
            How much later it was heard: with that of the replay, the tape is on the clock of its fills.
        """
        # Events of the whole market are of instrument 0, which has no name.
        present = np.unique(events.columns()["instrument"]).tolist()
        names = [events.symbols[number] for number in present if number in events.symbols]
        if symbol is None and len(names) != 1:
            raise DataError("a tape is of one instrument", found=names, where="Tape.from_events(symbol=…)")
        tables = events.books()
        quotes, trades = (tables.table_columns(name, symbol or names[0]) for name in ("bbo", "trades"))
        return cls(
            quotes["ts"] + delay_ns,
            quotes["bid_price"],
            quotes["ask_price"],
            trades["ts"] + delay_ns,
            trades["price"],
            trades["qty"],
        )

    def mid_at(self, ts: ArrayLike) -> FloatArray:
        """The middle of the market at times; NaN before the first quote and while a side is empty.

        Parameters
        ----------
        ts : array-like of int64, shape (n,)
            Nanoseconds. What changed at that very time counts.

        Returns
        -------
        ndarray of float64, shape (n,)
        """
        bid, ask = self._at(ts)
        return (bid + ask) / 2.0

    def known_at(self, ts: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """The middle and half the spread when both sides were last there; before the first such time, then.

        Parameters
        ----------
        ts : array-like of int64, shape (n,)
            Nanoseconds.

        Returns
        -------
        mid, half_spread : ndarray of float64, shape (n,)
            NaN where both sides never were there.
        """
        known = np.flatnonzero(~np.isnan(self.bid + self.ask))
        asked = np.asarray(ts, dtype=np.int64)
        if not len(known):
            return np.full(asked.shape, np.nan), np.full(asked.shape, np.nan)
        place = known[np.maximum(np.searchsorted(self.quote_ts[known], asked, side="right") - 1, 0)]
        return (self.bid[place] + self.ask[place]) / 2.0, (self.ask[place] - self.bid[place]) / 2.0

    def vwap(self, start: int, end: int) -> float:
        """Average price of the trades in [start, end], weighted by their quantities; NaN without any."""
        inside = self._between(start, end)
        traded = float(self.qty[inside].sum())
        return float(self.price[inside] @ self.qty[inside]) / traded if traded else math.nan

    def volume(self, start: int, end: int) -> float:
        """Units that traded in [start, end]."""
        return float(self.qty[self._between(start, end)].sum())

    def twap(self, start: int, end: int) -> float:
        """The middle of the market, averaged over the time from start to end; NaN where it is never known."""
        first, last = np.searchsorted(self.quote_ts, [start, end], side="right")
        edges = np.concatenate(([start], self.quote_ts[first:last], [end]))
        mids = self.mid_at(edges[:-1])
        spans = np.diff(edges).astype(np.float64)
        known = ~np.isnan(mids)
        if end == start:
            return float(self.mid_at([start])[0])
        return float(mids[known] @ spans[known] / spans[known].sum()) if spans[known].sum() else math.nan

    @property
    def open(self) -> float:
        """Price of the first trade; NaN without trades."""
        return float(self.price[0]) if len(self.price) else math.nan

    @property
    def close(self) -> float:
        """Price of the last trade; NaN without trades."""
        return float(self.price[-1]) if len(self.price) else math.nan

    def volatility(self, start: int, end: int, *, step_ns: int = 1_000_000_000) -> float:
        """Standard deviation of changes of the middle, price units for each square root of a second.

        NaN with fewer than three changes.
        """
        grid = np.arange(start, end + 1, step_ns, dtype=np.int64)
        mids = self.mid_at(grid)
        moves = np.diff(mids[~np.isnan(mids)])
        return float(moves.std(ddof=1) / math.sqrt(step_ns / 1e9)) if len(moves) > 2 else math.nan

    def _at(self, ts: ArrayLike) -> tuple[FloatArray, FloatArray]:
        place = np.searchsorted(self.quote_ts, np.asarray(ts, dtype=np.int64), side="right") - 1
        known = np.maximum(place, 0)
        return np.where(place < 0, np.nan, self.bid[known]), np.where(place < 0, np.nan, self.ask[known])

    def _between(self, start: int, end: int) -> slice:
        first = int(np.searchsorted(self.trade_ts, start, side="left"))
        return slice(first, int(np.searchsorted(self.trade_ts, end, side="right")))
