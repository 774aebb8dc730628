"""Where a profit came from: what prices did after the trades, how well was traded, and what it cost in fees.

A fill of signed quantity :math:`q` at price :math:`p`, while the middle of the market was :math:`m`, is worth
:math:`q (M - p)` at the mark :math:`M`. That is :math:`q (M - m)`, what the price did, and :math:`q (m - p)`,
what the trade itself gave: half a spread to whoever waited, less than nothing to whoever took.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from omni_lab.errors import DataError
from omni_lab.portfolio import _checks as check
from omni_lab.typing import ArrayLike, FloatArray

if TYPE_CHECKING:
    import pandas as pd

PARTS = ("price_move", "trading", "fees")
"""What a profit is made of."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Attribution:
    """Profit by symbol and part, currency; what was lost is negative.

    Attributes
    ----------
    symbols : tuple of str
        In alphabetical order.
    qty : ndarray of float64, shape (n_symbols,)
        What is held, units; negative when short.
    price_move : ndarray of float64, shape (n_symbols,)
        What prices did after each fill, from the middle of the market then to the mark.
    trading : ndarray of float64, shape (n_symbols,)
        What fills were better than the middle of the market: spread earned, or paid where negative.
    fees : ndarray of float64, shape (n_symbols,)
        Never positive, unless a venue pays.
    total : ndarray of float64, shape (n_symbols,)
        Cash that fills brought, less fees, and what is held at its mark: counted on its own, and equal to
        the sum of the parts. NaN, as `price_move`, where something is held that has no mark.
    """

    symbols: tuple[str, ...]
    qty: FloatArray
    price_move: FloatArray
    trading: FloatArray
    fees: FloatArray
    total: FloatArray

    @property
    def sums(self) -> dict[str, float]:
        """Each part, and ``total``, over all symbols."""
        return {name: float(getattr(self, name).sum()) for name in (*PARTS, "total")}

    def to_frame(self) -> pd.DataFrame:
        """A row for each symbol."""
        import pandas as pd

        columns = {name: getattr(self, name) for name in ("qty", *PARTS, "total")}
        return pd.DataFrame(columns, index=pd.Index(self.symbols, name="symbol"), copy=True)


def attribute_fills(
    symbols: Sequence[str],
    qty: ArrayLike,
    price: ArrayLike,
    mid: ArrayLike,
    marks: Mapping[str, float],
    *,
    fees: ArrayLike | None = None,
) -> Attribution:
    """Profit of fills by symbol, taken apart.

    Parameters
    ----------
    symbols : sequence of str, length n_fills
        What was traded.
    qty : array_like of float, shape (n_fills,)
        Units, negative where sold.
    price : array_like of float, shape (n_fills,)
        At which it was traded.
    mid : array_like of float, shape (n_fills,)
        The middle of the market just before; NaN where it is not known, and then the fill's own price
        stands for it: the trade itself gave nothing.
    marks : mapping of str to float
        Prices at which what is held now is valued. What is flat needs none.
    fees : array_like of float, shape (n_fills,), optional
        Paid for each fill, currency; none by default.

    Returns
    -------
    Attribution

    Raises
    ------
    ShapeError
        If columns differ in length.
    DataError
        If a quantity, a price or a fee is not finite.
    """
    signed, paid, middle = (check.floats(each, name) for each, name in _named(qty, price, mid))
    cost = np.zeros(len(signed)) if fees is None else check.floats(fees, "fees")
    names = np.asarray(symbols, dtype=np.str_).reshape(-1)
    check.same_length(symbols=names, qty=signed, price=paid, mid=middle, fees=cost)
    for name, column in (("qty", signed), ("price", paid), ("fees", cost)):
        if not np.isfinite(column).all():
            raise DataError("a fill must be known whole", found="NaN or infinite", where=name)
    middle = np.where(np.isfinite(middle), middle, paid)
    known, group = np.unique(names, return_inverse=True)

    def by_symbol(values: FloatArray) -> FloatArray:
        return np.bincount(group, weights=values, minlength=len(known)).astype(np.float64)

    # Fractions of a unit may leave a dust of rounding where all was sold again.
    held = by_symbol(signed)
    held[np.abs(held) <= 1e-12 * by_symbol(np.abs(signed))] = 0.0
    mark = np.array([float(marks.get(str(name), np.nan)) for name in known])
    # What is flat comes to the same at any mark; one of its own prices keeps the numbers small.
    own = np.array([middle[group == at][-1] for at in range(len(known))])
    mark = np.where(held == 0.0, np.where(np.isfinite(mark), mark, own), mark)
    worth = np.where(held == 0.0, 0.0, held * mark)
    return Attribution(
        symbols=tuple(str(name) for name in known),
        qty=held,
        price_move=by_symbol(signed * (mark[group] - middle)),
        trading=by_symbol(signed * (middle - paid)),
        fees=0.0 - by_symbol(cost),
        total=worth - by_symbol(signed * paid) - by_symbol(cost),
    )


def mid_before(ts: ArrayLike, quote_ts: ArrayLike, bid: ArrayLike, ask: ArrayLike) -> FloatArray:
    """The middle of the market just before each time: what came at that very time does not count.

    Parameters
    ----------
    ts : array_like of int64, shape (n,)
        Nanoseconds.
    quote_ts : array_like of int64, shape (n_quotes,)
        Never falling.
    bid, ask : array_like of float, shape (n_quotes,)
        Best prices; NaN for an empty side, and those quotes are passed over.

    Returns
    -------
    ndarray of float64, shape (n,)
        NaN before the first quote with both sides.

    Raises
    ------
    ShapeError
        If the columns of the quotes differ in length.
    """
    when, quoted = np.asarray(ts, dtype=np.int64), np.asarray(quote_ts, dtype=np.int64)
    lower, upper = check.floats(bid, "bid"), check.floats(ask, "ask")
    check.same_length(quote_ts=quoted, bid=lower, ask=upper)
    mids = (lower + upper) / 2.0
    known = np.isfinite(mids)
    quoted, mids = quoted[known], mids[known]
    place = np.searchsorted(quoted, when, side="left") - 1
    if not len(mids):
        return np.full(when.shape, np.nan)
    return np.where(place < 0, np.nan, mids[np.maximum(place, 0)])


def _named(qty: ArrayLike, price: ArrayLike, mid: ArrayLike) -> tuple[tuple[ArrayLike, str], ...]:
    return (qty, "qty"), (price, "price"), (mid, "mid")
