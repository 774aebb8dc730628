"""Small books to try orders on, and what they look like before and after: for notebooks and their readers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

import numpy as np

from omni_lab.execution.config import OMSConfig
from omni_lab.execution.events import EventLog
from omni_lab.execution.face import OMSFace
from omni_lab.execution.views import BookView
from omni_lab.figures import ladders_figure
from omni_lab.figures.theme import Theme
from omni_lab.typing import IntArray
from omni_lab.ui.books import before_after, ladder_of

if TYPE_CHECKING:
    from omni_lab.figures._canvas import Figure

System = TypeVar("System", bound=OMSFace)

SYMBOL = "ABC"
ACCOUNTS = ("me", "others")
RESTING = (
    *(("buy", 99.99, 300), ("buy", 99.99, 200), ("buy", 99.98, 500), ("buy", 99.97, 400)),
    *(("sell", 100.01, 200), ("sell", 100.01, 100), ("sell", 100.02, 400), ("sell", 100.03, 600)),
)
"""Side, price and quantity of the orders that a small book begins with, all of them of "others"."""
REFERENCE = 100.0


def small_book(system: Callable[[OMSConfig], System], **settings: Any) -> System:
    """A system with one instrument, two accounts, and eight orders in the book.

    Parameters
    ----------
    system : callable
        ``OMS`` or ``ReferenceOMS``.
    **settings
        Further arguments of `OMSConfig`.

    Returns
    -------
    OMSFace
        Its orders have the ids 1 to 8; what came of them has been handed out.
    """
    facts = {"instruments": [SYMBOL], "accounts": ACCOUNTS, "reference_prices": {SYMBOL: REFERENCE}}
    oms = system(OMSConfig(**facts | settings))
    for side, price, qty in RESTING:
        oms.submit(SYMBOL, side, qty, price, account="others", time_in_force="gtc")
    oms.events()
    return oms


class Scene:
    """What a few commands did to a book: ``with Scene(oms) as scene: oms.submit(…)``.

    Parameters
    ----------
    oms : OMSFace
        The system that the commands go to.
    symbol : str
        Whose book is looked at.

    Attributes
    ----------
    before, after : BookView
        The book.
    events : EventLog
        What came of the commands.
    """

    before: BookView
    after: BookView
    events: EventLog

    def __init__(self, oms: OMSFace, symbol: str = SYMBOL) -> None:
        self._oms = oms
        self._symbol = symbol

    def __enter__(self) -> Self:
        self._oms.events()
        self.before = self._oms.book(self._symbol)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.events = self._oms.events()
        self.after = self._oms.book(self._symbol)

    def figure(self, title: str, *, own: int | Collection[int] = (), theme: str | Theme = "light") -> Figure:
        """Both books side by side.

        Parameters
        ----------
        title : str
            What happened.
        own : int or collection of int
            Ids of the orders to mark.
        theme : {"light", "dark"} or Theme
            Colours.
        """
        marked = (own,) if isinstance(own, int) else own
        return before_after(self.before, self.after, title, own=marked, theme=theme)


def compare(
    books: Mapping[str, Scene | BookView],
    title: str,
    *,
    own: int | Collection[int] = (),
    theme: str | Theme = "light",
) -> Figure:
    """Several books side by side.

    Parameters
    ----------
    books : mapping of str to Scene or BookView
        By what is said above each; of a scene, the book after it.
    title : str
        What the comparison shows.
    own : int or collection of int
        Ids of the orders to mark.
    theme : {"light", "dark"} or Theme
        Colours.
    """
    marked: Sequence[int] = (own,) if isinstance(own, int) else tuple(own)
    ladders = [
        ladder_of(each.after if isinstance(each, Scene) else each, own=marked, title=label)
        for label, each in books.items()
    ]
    return ladders_figure(ladders, title=title, queue=True, theme=theme)


def random_orders(n: int, rng: np.random.Generator) -> dict[str, IntArray]:
    """Columns of limit orders around a price that wanders: about half of them trade.

    Parameters
    ----------
    n : int
        How many.
    rng : numpy.random.Generator
        Where they come from.

    Returns
    -------
    dict of str to ndarray
        As ``oms.apply`` takes them, for a `small_book`: a microsecond apart, for "others".
    """
    middle = round(REFERENCE * 100) + np.cumsum(rng.integers(-1, 2, n))
    side = rng.integers(1, 3, n)
    away = rng.integers(-2, 6, n)
    return {
        "ts": np.arange(1, n + 1) * 1_000,
        "account": np.full(n, ACCOUNTS.index("others")),
        "side": side,
        "qty": rng.integers(1, 6, n) * 100,
        "price": middle - np.where(side == 1, away, -away),
    }
