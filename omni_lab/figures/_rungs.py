"""The rows of a ladder: orders of both sides summed by price, in words and lengths. No drawing here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from omni_lab.errors import ShapeError
from omni_lab.figures import words
from omni_lab.typing import ArrayLike, BoolArray, FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class BookSide:
    """One side of a book, in the order in which it trades; prices may repeat.

    Attributes
    ----------
    price : ndarray of float64, shape (n_orders,)
        Where each order stands, the best first.
    qty : ndarray of float64, shape (n_orders,)
        What shows of it; of a hidden one, all.
    reserve : ndarray of float64, shape (n_orders,)
        What an iceberg has behind what shows.
    hidden, own : ndarray of bool, shape (n_orders,)
        Whether nothing of it shows; whether it is ours.
    """

    price: FloatArray
    qty: FloatArray
    reserve: FloatArray
    hidden: BoolArray
    own: BoolArray


def book_side(
    price: ArrayLike = (),
    qty: ArrayLike = (),
    *,
    reserve: ArrayLike = 0.0,
    hidden: ArrayLike = False,
    own: ArrayLike = False,
) -> BookSide:
    """One side of a book from columns of its orders, or of its levels.

    Parameters
    ----------
    price, qty : array-like of float, shape (n_orders,)
        Prices, the best first, and what shows there; of a hidden order, all of it.
    reserve : array-like of float, shape (n_orders,), optional
        What an iceberg has behind what shows.
    hidden, own : array-like of bool, shape (n_orders,), optional
        Whether nothing of an order shows; whether it is ours.

    Raises
    ------
    ShapeError
        If the columns differ in length.
    """
    prices = np.atleast_1d(np.asarray(price, dtype=np.float64))
    columns: dict[str, FloatArray] = {}
    for name, values in (("qty", qty), ("reserve", reserve), ("hidden", hidden), ("own", own)):
        column = np.asarray(values, dtype=np.float64)
        if name == "qty" or column.ndim:
            column = np.atleast_1d(column)
            if column.shape != prices.shape:
                raise ShapeError(
                    "a column of a book has one value for each order",
                    found=column.shape,
                    expected=str(prices.shape),
                    where=name,
                )
        columns[name] = np.broadcast_to(column, prices.shape)
    return BookSide(
        price=prices,
        qty=columns["qty"],
        reserve=columns["reserve"],
        hidden=columns["hidden"] != 0,
        own=columns["own"] != 0,
    )


class Segment(NamedTuple):
    """An order, or what is drawn like one."""

    qty: float
    own: bool = False
    unseen: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A side at one price.

    Attributes
    ----------
    shown, hidden, reserve : float
        What shows; hidden orders; what icebergs have behind.
    cum : float
        What shows, from the best price to this one.
    own, own_shown, ahead : float
        What is ours, all of it and what shows of it; what shows ahead of the first of it.
    others_hidden, others_reserve : float
        What does not show and is not ours.
    segments : tuple of Segment
        In the order in which they trade; what does not show comes last.
    """

    shown: float
    hidden: float
    reserve: float
    cum: float
    own: float
    own_shown: float
    ahead: float
    others_hidden: float
    others_reserve: float
    segments: tuple[Segment, ...]

    def label(self, *, short: bool) -> str:
        """What is ours, and what of the others does not show, in words."""
        parts = []
        if self.own:
            shows = self.own_shown
            parts.append(words.quantity(self.own) + ("" if shows else " hidden"))
            if 0.0 < shows < self.own:
                parts.append(f"{words.quantity(shows)} shown")
            if self.ahead:
                parts.append(f"{words.quantity(self.ahead)} ahead")
        for unseen, what in ((self.others_reserve, "reserve"), (self.others_hidden, "hidden")):
            if unseen:
                parts.append(f"+{words.quantity(unseen)} {'res.' if short and what == 'reserve' else what}")
        return ", ".join(parts)


class Row(NamedTuple):
    """A price with what stands there, or a note on each side of what is not drawn."""

    price: float | None
    bid: Level | None = None
    ask: Level | None = None
    note: tuple[str, str] = ("", "")


class Middle(NamedTuple):
    """The row between bids and asks: how far they are apart, and the middle if there is one."""

    spread: str
    mid: str = ""


class Best(NamedTuple):
    """Best prices that show, None where none does."""

    bid: float | None
    ask: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rungs:
    """What a ladder shows, from the top to the bottom."""

    rows: tuple[Row | Middle, ...]
    best: Best
    any_bid: bool
    any_ask: bool
    decimals: int

    def levels(self) -> Iterator[Level]:
        """Every level that is drawn."""
        for row in self.rows:
            if isinstance(row, Row):
                yield from filter(None, (row.bid, row.ask))

    def price(self, price: float | None) -> str:
        """A price with the decimals that the prices of this book need."""
        return words.MISSING if price is None else words.number(price, self.decimals)

    def spread(self) -> str:
        """Distance between the best prices."""
        return _spread(self.best, self.decimals)


def rungs_of(bids: BookSide, asks: BookSide, n_levels: int) -> Rungs:
    """Sums by price, best prices, and rows from the highest ask to the lowest bid."""
    buys, sells = _levels(bids), _levels(asks)
    best = Best(_best(bids), _best(asks))
    shown_buys, shown_sells = dict(list(buys.items())[:n_levels]), dict(list(sells.items())[:n_levels])
    decimals = words.decimals_of([*shown_buys, *shown_sells])
    prices = sorted({*shown_buys, *shown_sells}, reverse=True)
    rows: list[Row | Middle] = [Row(price, shown_buys.get(price), shown_sells.get(price)) for price in prices]
    crossed = bool(shown_buys and shown_sells) and max(shown_buys) >= min(shown_sells)
    middle = 0 if crossed else sum(price not in shown_buys for price in prices)
    rows.insert(middle, _middle(best, bool(buys), bool(sells), decimals))
    above, below = len(sells) - len(shown_sells), len(buys) - len(shown_buys)
    if above:
        rows.insert(0, Row(None, note=("", _more(above))))
    if below:
        rows.append(Row(None, note=(_more(below), "")))
    return Rungs(
        rows=tuple(rows),
        best=best,
        any_bid=bool(buys),
        any_ask=bool(sells),
        decimals=decimals,
    )


def _levels(side: BookSide) -> dict[float, Level]:
    levels: dict[float, Level] = {}
    cum = 0.0
    starts = np.flatnonzero(np.diff(side.price, prepend=np.nan))
    for start, stop in pairwise([*starts, len(side.price)]):
        part = slice(start, stop)
        qty, reserve, hidden, own = side.qty[part], side.reserve[part], side.hidden[part], side.own[part]
        shown = float(qty[~hidden].sum())
        cum += shown
        ours = np.flatnonzero(own)
        orders = zip(qty.tolist(), own.tolist(), hidden.tolist(), strict=True)
        segments = [Segment(*order) for order in orders if order[0]]
        segments.sort(key=lambda each: each.unseen)
        for mine in (False, True):
            if rest := float(reserve[own == mine].sum()):
                segments.append(Segment(rest, own=mine, unseen=True))
        levels[float(side.price[start])] = Level(
            shown=shown,
            hidden=float(qty[hidden].sum()),
            reserve=float(reserve.sum()),
            cum=cum,
            own=float((qty + reserve)[own].sum()),
            others_hidden=float(qty[hidden & ~own].sum()),
            others_reserve=float(reserve[~own].sum()),
            own_shown=float(qty[own & ~hidden].sum()),
            ahead=float(qty[: ours[0]][~hidden[: ours[0]]].sum()) if len(ours) else 0.0,
            segments=tuple(segments),
        )
    return levels


def _best(side: BookSide) -> float | None:
    shown = np.flatnonzero(~side.hidden)
    return float(side.price[shown[0]]) if len(shown) else None


def _middle(best: Best, any_bid: bool, any_ask: bool, decimals: int) -> Middle:
    absent = [name for name, price in (("bids", best.bid), ("asks", best.ask)) if price is None]
    if best.bid is None or best.ask is None:
        if not any_bid and not any_ask:
            return Middle("no orders")
        return Middle(f"no {' and no '.join(absent)} shown")
    exact = (best.bid + best.ask) / 2
    middle = words.number(exact, max(decimals, words.decimals_of([exact])))
    return Middle(_spread(best, decimals), f"mid {middle}")


def _spread(best: Best, decimals: int) -> str:
    if best.bid is None or best.ask is None:
        return "no spread"
    wide = best.ask - best.bid
    written = words.number(abs(wide), decimals)
    if written == words.number(0.0, decimals):
        return "locked"
    if wide < 0:
        return f"crossed by {written}"
    bps = wide / abs(best.ask + best.bid) * 2e4 if best.ask + best.bid else float("nan")
    return f"spread {written} ({words.number(bps, 0 if bps >= 10 else 1)} bps)"


def _more(n: int) -> str:
    return f"and {words.count(n, 'more price')}"
