"""Order books of an order-management system as figures."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np

from omni_lab.domain import Side
from omni_lab.execution.face import OMSFace
from omni_lab.execution.views import BookView
from omni_lab.figures import BookSide, Ladder, book_side, ladder_figure, ladders_figure
from omni_lab.figures.theme import Theme
from omni_lab.typing import FloatArray

if TYPE_CHECKING:
    from omni_lab.figures._canvas import Figure


def book_figure(
    book: BookView,
    *,
    own: Collection[int] = (),
    title: str = "",
    queue: bool = True,
    n_levels: int = 10,
    theme: str | Theme = "light",
) -> Figure:
    """The book as a ladder.

    Parameters
    ----------
    book : BookView
        What ``oms.book(symbol)`` returns.
    own : collection of int
        Ids of the orders to mark.
    title, queue, n_levels, theme
        As in `omni_lab.figures.ladder_figure`; here every order is drawn unless ``queue`` is False.
    """
    bids, asks = sides_of(book, own)
    return ladder_figure(
        bids,
        asks,
        last=book.last,
        symbol=book.symbol,
        title=title,
        queue=queue,
        n_levels=n_levels,
        theme=theme,
    )


def before_after(
    before: BookView,
    after: BookView,
    title: str,
    *,
    own: Collection[int] = (),
    labels: tuple[str, str] = ("Before", "After"),
    theme: str | Theme = "light",
) -> Figure:
    """Two books side by side, on one scale.

    Parameters
    ----------
    before, after : BookView
        The same book at two moments.
    title : str
        What happened in between.
    own : collection of int
        Ids of the orders to mark.
    labels : tuple of str
        Above the left one and the right one.
    theme : {"light", "dark"} or Theme
        Colours.
    """
    pair = [
        ladder_of(book, own=own, title=label) for book, label in zip((before, after), labels, strict=True)
    ]
    return ladders_figure(pair, title=title, queue=True, theme=theme)


def ladder_of(book: BookView, *, own: Collection[int] = (), title: str = "") -> Ladder:
    """The book as `omni_lab.figures.ladders_figure` takes it."""
    bids, asks = sides_of(book, own)
    return Ladder(bids, asks, book.last, title)


def sides_of(book: BookView, own: Collection[int] = ()) -> tuple[BookSide, BookSide]:
    """Bids and asks as columns, with the orders marked whose ids are named."""
    sides = []
    for side in (Side.BUY, Side.SELL):
        rows = book.orders(side)
        reserve = np.where(rows["hidden"], 0.0, rows["leaves"] - rows["qty"])
        marked = np.isin(rows["order_id"], list(own))
        sides.append(
            book_side(rows["price"], rows["qty"], reserve=reserve, hidden=rows["hidden"], own=marked)
        )
    return sides[0], sides[1]


def auction_orders(oms: OMSFace, symbol: str, *, closing: bool = False) -> tuple[FloatArray, ...]:
    """Orders that would take part in an auction now, as `omni_lab.figures.auction_figure` takes them.

    Parameters
    ----------
    oms : OMSFace
        Before the auction.
    symbol : str
        The instrument.
    closing : bool
        Whether the orders at the close take part, rather than those at the open.

    Returns
    -------
    tuple of ndarray
        Limits (NaN for market orders) and quantities of the buys, then of the sells.
    """
    book, wanted = oms.book(symbol), "AT_CLOSE" if closing else "AT_OPEN"
    waiting = [oms.order(int(order_id)) for order_id in oms.orders()["order_id"]]
    columns: list[FloatArray] = []
    for side in (Side.BUY, Side.SELL):
        rows = book.orders(side)
        prices, qty = rows["price"].tolist(), rows["leaves"].tolist()
        for order in waiting:
            facts = (order.place, order.time_in_force, order.symbol, order.side)
            if facts == ("AUCTION", wanted, symbol, side.name):
                prices.append(np.nan if order.price is None else order.price)
                qty.append(order.leaves_qty)
        columns += [np.array(prices, dtype=np.float64), np.array(qty, dtype=np.float64)]
    return tuple(columns)
