"""Where a film stands and what is followed. It knows no widget, so that any screen can show it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from omni_lab.ui.params import param
from omni_lab.ui.replay.moment import Film, Moment
from omni_lab.ui.replay.page import Scheme, page
from omni_lab.ui.replay.source import ReplaySource

_KEPT = 200


class FilmState(param.Parameterized):
    """Where a film stands, and whose prices are looked at; the last few pages are kept.

    Attributes
    ----------
    sequence : int
        The place.
    symbol : str
        The instrument whose book or prices are shown.
    """

    sequence = param.Integer(0, doc="The place.")
    symbol: Any = param.Selector(objects=[""], doc="The instrument whose book or prices are shown.")

    def __init__(self, first: int, last: int, symbols: Sequence[str], *, start: int, **values: Any) -> None:
        self.first, self.last = first, last
        self._pages: OrderedDict[tuple[object, ...], str] = OrderedDict()
        super().__init__(**values)  # type: ignore[no-untyped-call]
        self.param["sequence"].bounds = (first, last)
        self.param["symbol"].objects = list(symbols)
        self.symbol = symbols[0]
        self.sequence = start

    def go(self, sequence: int) -> None:
        """Show a place, or the nearest there is."""
        self.sequence = min(max(sequence, self.first), self.last)

    def kept(self, key: tuple[object, ...], make: Callable[[], str]) -> str:
        """A page, made unless it is among the last few."""
        if key not in self._pages:
            self._pages[key] = make()
            if len(self._pages) > _KEPT:
                self._pages.popitem(last=False)
        return self._pages[key]


class ReplayState(FilmState):
    """The frame, instrument, order and account that are looked at.

    Parameters
    ----------
    source : ReplaySource
        The journal.
    sequence : int, optional
        Frame to begin with; the last one by default.

    Attributes
    ----------
    sequence : int
        The frame.
    symbol : str
        The instrument whose book is shown.
    account : str
        Whose orders are marked in the book; empty for nobody's.
    order_id : int
        The order that is followed, which is marked instead; 0 for none.
    queue : bool
        Whether the book shows every order as a segment.
    """

    account: Any = param.Selector(objects=[""], doc="Whose orders are marked.")
    order_id = param.Integer(0, bounds=(0, None), doc="The order that is followed; 0 for none.")
    queue = param.Boolean(True, doc="Whether every order is a segment of its bar.")

    def __init__(self, source: ReplaySource, *, sequence: int | None = None, **values: Any) -> None:
        self.film = Film(source)
        start = source.last if sequence is None else sequence
        super().__init__(source.first, source.last, self.film.edges.symbols, start=start, **values)
        self.param["account"].objects = ["", *self.film.edges.accounts]

    @property
    def moment(self) -> Moment:
        """What there is to see."""
        return self.film.moment(self.sequence)

    def next_of_order(self) -> bool:
        """Go to the next frame with an event of the order that is followed; whether there was one."""
        found = self.film.next_of(self.order_id, self.sequence)
        if found is not None:
            self.sequence = found
        return found is not None

    def marked(self) -> tuple[int, ...]:
        """Ids of the orders in the book that are marked."""
        if self.order_id or not self.account:
            return (self.order_id,) if self.order_id else ()
        rows = [self.film.book(self.sequence, self.symbol).orders(side) for side in ("BUY", "SELL")]
        number = self.film.edges.account(self.account)
        return tuple(int(i) for row in rows for i in np.asarray(row["order_id"])[row["account"] == number])

    def page(self, scheme: Scheme = "auto") -> str:
        """The frame as HTML; see `omni_lab.ui.replay.page.page`."""
        key = (self.sequence, self.symbol, self.account, self.order_id, self.queue, scheme)
        return self.kept(key, lambda: self._page(scheme))

    def _page(self, scheme: Scheme) -> str:
        book = self.film.book(self.sequence, self.symbol)
        return page(self.moment, book, last=self.last, own=self.marked(), queue=self.queue, scheme=scheme)
