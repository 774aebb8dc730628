"""A book as a ladder that can be shown again and again in the same place."""

from __future__ import annotations

from collections.abc import Collection

from omni_lab.execution.sentences import plain
from omni_lab.execution.views import BookView
from omni_lab.figures import ladder_svg
from omni_lab.notebook.cards import framed
from omni_lab.ui.books import sides_of
from omni_lab.ui.jupyter import widgets


def ladder(book: BookView, *, own: Collection[int] = (), n_levels: int = 10) -> LadderBox:
    """A book as a ladder: best prices in the middle, sizes as bars, every order a segment.

    Parameters
    ----------
    book : BookView
        What ``oms.book(symbol)`` returns.
    own : collection of int
        Ids of the orders to mark as ours.
    n_levels : int
        Prices of each side.

    Raises
    ------
    MissingExtraError
        If ``ipywidgets`` is not installed: extra ``lab``.
    """
    return LadderBox(book, own=own, n_levels=n_levels)


class LadderBox(widgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """The ladder; `update` shows another moment in its place.

    Parameters
    ----------
    book, own, n_levels
        As in `ladder`.

    Attributes
    ----------
    book : BookView
        The one that is shown.
    """

    def __init__(self, book: BookView, *, own: Collection[int] = (), n_levels: int = 10) -> None:
        self._own = tuple(own)
        self._n_levels = n_levels
        self._queue = widgets.Checkbox(True, description="Every order apart", indent=False)
        self._html = widgets.HTML()
        self._queue.observe(lambda _: self.update(self.book), "value")
        super().__init__([self._html, self._queue])
        self.update(book)

    def update(self, book: BookView, *, own: Collection[int] | None = None) -> None:
        """Show the book as it is now.

        Parameters
        ----------
        book : BookView
            Of any instrument.
        own : collection of int, optional
            Ids of the orders to mark from now on; without it, those that were marked before.
        """
        self.book = book
        self._own = self._own if own is None else tuple(own)
        self._html.value = self._page()

    def _page(self) -> str:
        book = self.book
        bids, asks = sides_of(book, self._own)
        drawn = ladder_svg(
            bids,
            asks,
            last=book.last,
            symbol=book.symbol,
            queue=self._queue.value,
            n_levels=self._n_levels,
            width=600.0,
        )
        return framed(f"<h4>{book.symbol} book, {plain(book.phase)}</h4>{drawn}")
