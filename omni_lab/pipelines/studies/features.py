"""What the features notebook takes of a day of quotes: a row for each interval, and what it says of the next.

A row is known at the end of its interval; only ``next_move`` is not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from omni_lab.errors import DataError
from omni_lab.features import (
    fit_linear_impact,
    grid_times,
    last_before,
    microprice,
    mid_price,
    order_flow_imbalance,
    queue_imbalance,
    sum_between,
)
from omni_lab.figures.words import count, number, percent
from omni_lab.typing import FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

    from omni_lab.features import LinearImpact
    from omni_lab.pipelines.markets import MarketDay

FEATURES = (
    "spread",
    "micro_lean",
    "imbalance",
    "flow_imbalance",
    "trade_flow",
    "volume",
    "n_quotes",
    "move",
    "variance",
)
"""Columns that are known at the end of their interval."""

TARGET = "next_move"

_FEW_INTERVALS = 30
_EARLY = 0.1  # part of the next moves, from which flow is more than an explanation
_SIGN = {"buy": 1.0, "sell": -1.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotes:
    """Best prices at every change, and trades, of one instrument; times in nanoseconds, prices in ticks.

    Attributes
    ----------
    ts : ndarray of int64, shape (n_quotes,)
    bid, bid_qty, ask, ask_qty : ndarray of float64, shape (n_quotes,)
        NaN prices and sizes of 0 where a side is empty.
    trade_ts : ndarray of int64, shape (n_trades,)
    trade_qty, trade_sign : ndarray of float64, shape (n_trades,)
        The sign is + where a buyer took, − where a seller did, 0 where nobody knows.
    """

    ts: IntArray
    bid: FloatArray
    bid_qty: FloatArray
    ask: FloatArray
    ask_qty: FloatArray
    trade_ts: IntArray
    trade_qty: FloatArray
    trade_sign: FloatArray


def quotes_of(day: "MarketDay", begin: str | None = None, end: str | None = None) -> tuple[Quotes, int, int]:
    """Quotes and trades of a day, and from when to when they are asked for, in nanoseconds.

    Parameters
    ----------
    day : MarketDay
    begin, end : str, optional
        Times of day at the venue; the first and the last quote by default.

    Raises
    ------
    DataError
        If no price is quoted between them.
    """
    tables = day.feed.events.books()
    best, trades = (tables.table_columns(name, day.symbol) for name in ("bbo", "trades"))
    info, tick = day.feed.events.info, day.feed.tick_size
    ts = best["ts"]
    first = info.moment_ns(begin) if begin else int(ts[0])
    last = info.moment_ns(end) if end else int(ts[-1])
    here = (ts >= first) & (ts <= last) & np.isfinite(best["bid_price"] + best["ask_price"])
    if not here.any():
        raise DataError(
            "nothing is quoted on both sides between these times",
            found=f"{begin} to {end}",
            where="begin, end",
            hint="Times are those of the day at the venue; leave them out for the whole day.",
        )
    quotes = Quotes(
        ts=ts,
        bid=best["bid_price"] / tick,
        bid_qty=best["bid_qty"],
        ask=best["ask_price"] / tick,
        ask_qty=best["ask_qty"],
        trade_ts=trades["ts"],
        trade_qty=trades["qty"],
        trade_sign=np.array([_SIGN.get(str(who), 0.0) for who in trades["aggressor"]]),
    )
    return quotes, max(first, int(ts[0])), min(last, int(ts[-1]))


def quote_features(quotes: Quotes, first: int, last: int, every_ns: int) -> "pd.DataFrame":
    """A row for each interval in which the middle is known at both ends.

    Parameters
    ----------
    quotes : Quotes
    first, last : int
        Nanoseconds; intervals are whole multiples of their length within them.
    every_ns : int
        Length of an interval.

    Returns
    -------
    DataFrame
        ``ts`` (int64, the end of the interval); ``mid``, ``spread`` (time-weighted) and ``micro_lean``
        (microprice less middle at the end) in ticks; ``imbalance`` of the queues at the end;
        ``flow_imbalance`` (Cont, Kukanov and Stoikov) and ``trade_flow`` (bought less sold) over the
        interval, and ``volume``, in units; ``n_quotes``; ``move`` of the middle in ticks; ``variance`` (sum
        of squared moves, ticks²); and ``next_move``, that of the following interval, which the others are
        asked about: NaN where unknown.

    Raises
    ------
    DataError
        If there are fewer than 30 such intervals.
    """
    import pandas as pd

    edges = grid_times(first + 1, max(last, first + 1), every_ns)
    edges = edges[(edges >= first) & (edges <= last)]
    if len(edges) < _FEW_INTERVALS:
        raise DataError(
            "there are too few intervals to say anything",
            found=max(len(edges) - 1, 0),
            expected=f"at least {_FEW_INTERVALS}",
            where="interval",
        )
    ts, mid = quotes.ts, mid_price(quotes.bid, quotes.ask)
    micro = microprice(quotes.bid, quotes.bid_qty, quotes.ask, quotes.ask_qty)
    flow = order_flow_imbalance(quotes.bid, quotes.bid_qty, quotes.ask, quotes.ask_qty)
    at_edges = last_before(ts, mid, edges)
    end = edges[1:]
    move = np.diff(at_edges)
    table = pd.DataFrame(
        {
            "ts": end,
            "mid": at_edges[1:],
            "spread": mean_between(ts, quotes.ask - quotes.bid, edges),
            "micro_lean": last_before(ts, micro - mid, end),
            "imbalance": last_before(ts, queue_imbalance(quotes.bid_qty, quotes.ask_qty), end),
            "flow_imbalance": sum_between(ts, flow, edges),
            "trade_flow": sum_between(quotes.trade_ts, quotes.trade_sign * quotes.trade_qty, edges),
            "volume": sum_between(quotes.trade_ts, quotes.trade_qty, edges),
            "n_quotes": sum_between(ts, np.ones(len(ts)), edges),
            "move": move,
            "variance": sum_between(ts, np.diff(mid, prepend=np.nan) ** 2, edges),
            TARGET: np.append(move[1:], np.nan),
        }
    )
    known = table.dropna(subset=["move", "micro_lean", "imbalance"]).reset_index(drop=True)
    if len(known) < _FEW_INTERVALS:
        raise DataError(
            "the middle is known in too few intervals",
            found=len(known),
            expected=f"at least {_FEW_INTERVALS}",
        )
    return known


def mean_between(ts: IntArray, values: FloatArray, edges: IntArray) -> FloatArray:
    """Time-weighted mean of a value that holds until the next one, over each interval.

    Parameters
    ----------
    ts : ndarray of int64, shape (n,)
        Nanoseconds, not falling.
    values : ndarray of float64, shape (n,)
        Stretches of NaN are left out.
    edges : ndarray of int64, shape (n_intervals + 1,)

    Returns
    -------
    ndarray of float64, shape (n_intervals,)
        NaN where there is no value at any time of the interval.
    """
    there = np.isfinite(values)
    areas = []
    for height in (np.where(there, values, 0.0), there.astype(np.float64)):
        before = np.concatenate(([0.0], np.cumsum(height[:-1] * np.diff(ts))))
        row = np.searchsorted(ts, edges, side="right") - 1
        held = np.maximum(row, 0)
        areas.append(np.diff(np.where(row >= 0, before[held] + height[held] * (edges - ts[held]), 0.0)))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(areas[1] > 0, areas[0] / areas[1], np.nan)


def predictions(table: "pd.DataFrame", features: Sequence[str] = FEATURES) -> "pd.DataFrame":
    """Correlation of each feature with the next move: all, by half of the day, and its standard error.

    Returns
    -------
    DataFrame
        One row a feature: ``correlation``, ``error`` (were there nothing in it), ``first_half``,
        ``second_half``, ``same_interval`` (with the move of its own interval). NaN where one does not vary.
    """
    import pandas as pd

    known = table.dropna(subset=[TARGET])
    halves = np.array_split(np.arange(len(known)), 2)
    rows = []
    for name in features:
        x, y = known[name].to_numpy(dtype=np.float64), known[TARGET].to_numpy(dtype=np.float64)
        n = int(np.isfinite(x).sum())
        rows.append(
            {
                "feature": name,
                "correlation": correlation(x, y),
                "error": 1.0 / np.sqrt(n) if n else np.nan,
                "first_half": correlation(x[halves[0]], y[halves[0]]),
                "second_half": correlation(x[halves[1]], y[halves[1]]),
                "same_interval": correlation(x, known["move"].to_numpy()),
            }
        )
    return pd.DataFrame(rows)


def correlation(x: FloatArray, y: FloatArray) -> float:
    """Pearson's, of the pairs without NaN; NaN where one side does not vary."""
    both = np.isfinite(x) & np.isfinite(y)
    x, y = x[both], y[both]
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1])


def autocorrelations(values: FloatArray, lags: int) -> FloatArray:
    """Correlation of a series with itself, 1 to so many steps before; shape (lags,), NaN where too short."""
    return np.array([correlation(values[lag:], values[:-lag]) for lag in range(1, lags + 1)])


def conclusions(
    table: "pd.DataFrame", told: "pd.DataFrame", impact: "LinearImpact", interval: str
) -> list[str]:
    """What the features show, in sentences."""
    after = fit_linear_impact(table["flow_imbalance"], table[TARGET])
    early = after.r_squared > _EARLY
    return [
        f"The spread was {number(float(table['spread'].mean()))} ticks on average, the middle moved by "
        f"{number(float(table['move'].std()))} ticks in {interval}.",
        f"Order-flow imbalance explains {percent(impact.r_squared, decimals=0)} of the moves of its own "
        f"interval and {percent(after.r_squared)} of those of the next: "
        + ("part of it comes early." if early else "it says why the price moved, not that it will."),
        _steady(told),
    ]


def _steady(told: "pd.DataFrame") -> str:
    """Which features pass two standard errors with one sign in both halves of the day."""
    strong = told[told["correlation"].abs() > 2.0 * told["error"]]
    steady = strong[np.sign(strong["first_half"]) == np.sign(strong["second_half"])]
    if steady.empty:
        return "No feature says more of the next move than chance with one sign in both halves of the day."
    best = steady.loc[steady["correlation"].abs().idxmax()]
    part = percent(float(best["correlation"]) ** 2)
    named = ", ".join(name.replace("_", " ") for name in steady["feature"])
    says = "says" if len(steady) == 1 else "say"
    strongest = str(best["feature"]).replace("_", " ")
    return (
        f"{count(len(steady), 'feature')} {says} more of the next move than chance, with one sign in both "
        f"halves: {named}. The strongest, {strongest}, explains {part} of it."
    )


def doubts(table: "pd.DataFrame", told: "pd.DataFrame") -> list[str]:
    """What a reader must know before using the features."""
    n = int(told["feature"].count())
    said = [
        f"{n} features were looked at: one in twenty passes two standard errors by chance.",
        "A day is one regime, and a correlation smaller than half the spread earns nothing after it.",
        "next_move is what came after: a model may be fitted to it, and never see it.",
    ]
    still = float((table["move"] == 0).mean())
    if still > 0.5:
        said.append(
            f"The middle stands still in {percent(still, decimals=0)} of the intervals: they are short."
        )
    return said
