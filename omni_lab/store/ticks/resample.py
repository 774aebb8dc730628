"""Bars from trades: by time, by number of trades, by volume, by money.

A bar holds only trades that happened before or at the moment it is labelled with, its close; so it can be
acted on then without looking ahead. Trades are whole: the one that fills a bar belongs to it with all its
quantity.

References
----------
Lopez de Prado, "Advances in Financial Machine Learning", Wiley 2018, section 2.3, on bars that are not of
time.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from omni_lab.data.moments import span_ns
from omni_lab.errors import DataError
from omni_lab.store.ticks.rows import Rows
from omni_lab.store.ticks.schema import Table
from omni_lab.typing import AnyArray, FloatArray, IntArray

_EXACT: Final = 2**62


@dataclass(frozen=True, slots=True)
class TimeBars:
    """A bar for each interval that has a trade: from its beginning, included, to its close, which is not.

    Attributes
    ----------
    every : str, timedelta or int
        Length: ``"1min"``, ``"100ms"``, nanoseconds.
    origin_ns : int
        A moment at which an interval begins; by default they begin at multiples of their length since 1970.
    """

    every: str | dt.timedelta | int
    origin_ns: int = 0


@dataclass(frozen=True, slots=True)
class TradeBars:
    """A bar of so many trades each. What is left at the end is no bar yet."""

    n_trades: int


@dataclass(frozen=True, slots=True)
class VolumeBars:
    """A bar ends with the trade that brings its volume to so many shares, contracts or coins."""

    volume: float


@dataclass(frozen=True, slots=True)
class DollarBars:
    """A bar ends with the trade that brings its sum of price times quantity to so much of the currency."""

    amount: float


BarRule: TypeAlias = TimeBars | TradeBars | VolumeBars | DollarBars

_TEXT: Final = re.compile(r"([0-9][0-9_.e+]*)\s*(trades|volume|dollars)")
_RULES: Final[dict[str, Callable[[float], BarRule]]] = {
    "trades": lambda number: TradeBars(int(number)),
    "volume": VolumeBars,
    "dollars": DollarBars,
}


def bar_rule(rule: BarRule | str | dt.timedelta) -> BarRule:
    """A rule from how people say it: ``"1min"``, ``"1000 trades"``, ``"50_000 volume"``, ``"1e6 dollars"``.

    Raises
    ------
    DataError
        If it is no rule, or its size is not greater than zero.
    """
    if isinstance(rule, str) and (parts := _TEXT.fullmatch(rule.strip())):
        rule = _RULES[parts[2]](float(parts[1].replace("_", "")))
    elif isinstance(rule, str | dt.timedelta):
        rule = TimeBars(rule)
    size: float
    match rule:
        case TimeBars(every=every):
            size = span_ns(every)
        case TradeBars(n_trades=size) | VolumeBars(volume=size) | DollarBars(amount=size):
            pass
        case _:
            raise DataError(
                "this is no rule for bars",
                found=rule,
                expected="'1min', '1000 trades', '50000 volume' or '1e6 dollars'",
            )
    if not size > 0:
        raise DataError("bars need a size greater than 0", found=size, where=repr(rule))
    return rule


def bars(trades: Rows, table: Table, rule: BarRule, first_ns: int | None, last_ns: int | None) -> Rows:
    """Bars of trades in the columns of a bar table.

    Parameters
    ----------
    trades : Rows
        ``ts``, ``price``, ``qty``; in range.
    table : Table
        Where they are from, for their units.
    rule : BarRule
        When a bar ends.
    first_ns, last_ns : int, optional
        The range that was asked for, both inclusive. Intervals that it cuts are left out.
    """
    if isinstance(rule, TimeBars):
        begins, stops, labels = _by_time(trades, rule, first_ns, last_ns)
    else:
        begins, stops = _by_amount(trades, table, rule)
        labels = trades.ts[stops - 1]
    starts = np.searchsorted(begins, trades.starts)
    return Rows(trades.symbols, starts.astype(np.int64), _aggregated(trades, begins, stops, labels))


def _by_time(
    trades: Rows, rule: TimeBars, first_ns: int | None, last_ns: int | None
) -> tuple[IntArray, IntArray, IntArray]:
    """First trade, the one after the last, and close of each bar."""
    every = span_ns(rule.every)
    closes = (trades.ts - rule.origin_ns) // every * every + rule.origin_ns + every
    codes = trades.codes
    new = np.ones(len(trades), dtype=bool)
    new[1:] = (closes[1:] != closes[:-1]) | (codes[1:] != codes[:-1])
    begins = np.flatnonzero(new)
    stops, labels = np.append(begins[1:], len(trades))[: len(begins)], closes[begins]
    whole = np.ones(len(begins), dtype=bool)
    if first_ns is not None:
        whole &= labels - every >= first_ns
    if last_ns is not None:
        whole &= labels - 1 <= last_ns
    return begins[whole], stops[whole], labels[whole]


def _by_amount(trades: Rows, table: Table, rule: BarRule) -> tuple[IntArray, IntArray]:
    """First trade of each bar, and the one after its last."""
    begins, stops = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for symbol, run in trades.runs():
        own = _filled(trades, run, *_threshold(rule, table, symbol)) + 1
        stops.append(own)
        begins.append(np.concatenate([[run.start], own[:-1]])[: len(own)])
    return np.concatenate(begins), np.concatenate(stops)


def _threshold(rule: BarRule, table: Table, symbol: str) -> tuple[str, int]:
    """What is counted, and how much of it fills a bar, in units of the table."""
    units = table.units_of(symbol)
    match rule:
        case TradeBars(n_trades=n):
            return "n", n
        case VolumeBars(volume=volume):
            return "qty", _ceil(volume / float(units.factor("qty")))
        case DollarBars(amount=amount):
            return "notional", _ceil(amount / float(units.factor("price") * units.factor("qty")))
        case TimeBars():
            raise AssertionError("intervals are not filled")


def _ceil(units: float) -> int:
    # A hair above a whole number is the error of a division.
    return max(int(np.ceil(units * (1 - 1e-12))), 1)


def _filled(trades: Rows, run: slice, what: str, size: int) -> IntArray:
    """The trades of one symbol that fill a bar."""
    if what == "n":
        return np.arange(run.start + size - 1, run.stop, size, dtype=np.int64)
    amounts = trades.columns["qty"][run]
    if what == "notional":
        amounts = _notional(trades.columns["price"][run], amounts)
    total = np.cumsum(amounts)
    step = total.dtype.type(size)
    ends = []
    at = int(np.searchsorted(total, step))
    while at < len(total):
        ends.append(at)
        at = int(np.searchsorted(total, total[at] + step))
    return np.array(ends, dtype=np.int64) + int(run.start)


def _notional(price: IntArray, qty: IntArray) -> AnyArray:
    # Exact where the sum fits; beyond that the error is one part in 10^15.
    floats = price.astype(np.float64) * qty
    return price * qty if np.abs(floats).sum() < _EXACT else floats


def _aggregated(trades: Rows, begins: IntArray, stops: IntArray, labels: IntArray) -> dict[str, AnyArray]:
    """Columns of bars, from where their trades begin and stop."""
    price, qty = trades.columns["price"], trades.columns["qty"]
    volume = _over_runs(np.add, qty, begins, stops)
    money = _over_runs(np.add, price.astype(np.float64) * qty, begins, stops)
    vwap: FloatArray = np.full(len(begins), np.nan)
    np.divide(money, volume, out=vwap, where=volume > 0)
    return {
        "ts": labels,
        "open": price[begins],
        "high": _over_runs(np.maximum, price, begins, stops),
        "low": _over_runs(np.minimum, price, begins, stops),
        "close": price[stops - 1],
        "volume": volume,
        "vwap": vwap,
        "n": stops - begins,
    }


def _over_runs(operation: np.ufunc, values: AnyArray, begins: IntArray, stops: IntArray) -> AnyArray:
    """The operation over each run; runs are disjoint and in order, with gaps where trades fill no bar."""
    if not len(begins):
        return values[:0]
    edges = np.stack([begins, stops], axis=1).ravel()
    # reduceat wants indices of values: the end of the last run may lie behind them.
    edges = edges[:-1] if edges[-1] == len(values) else edges
    return np.asarray(operation.reduceat(values, edges)[::2])
