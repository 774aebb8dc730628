"""Where a film of a run stands. It knows no widget, so that any screen can show it."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from omni_lab.errors import DataError, MissingExtraError
from omni_lab.ui.replay.page import Scheme
from omni_lab.ui.runs.film import RunFilm
from omni_lab.ui.runs.page import page

try:
    import param
except ImportError as error:  # Panel brings it along: who lacks it has neither of the two screens.
    raise MissingExtraError("param", extra="lab", what="a slider over a run") from error

_KEPT = 200


class RunState(param.Parameterized):
    """The moment and the instrument that are looked at.

    Parameters
    ----------
    film : RunFilm
        The run.
    at : int, optional
        Moment to begin with; the last one by default.

    Attributes
    ----------
    sequence : int
        The moment.
    symbol : str
        The instrument whose prices are shown.

    Raises
    ------
    DataError
        If the run has no moment, or not this one.
    """

    sequence = param.Integer(0, doc="The moment.")
    symbol: Any = param.Selector(objects=[""], doc="The instrument whose prices are shown.")

    def __init__(self, film: RunFilm, *, at: int | None = None, **values: Any) -> None:
        if not film.n_moments:
            raise DataError("the run has nothing to show", found="no event", where=film.title)
        start = film.n_moments - 1 if at is None else at
        if not 0 <= start < film.n_moments:
            raise DataError("no such moment", found=at, expected=f"0 to {film.n_moments - 1}")
        self.film = film
        self._pages: OrderedDict[tuple[object, ...], str] = OrderedDict()
        super().__init__(**values)  # type: ignore[no-untyped-call]
        self.param["sequence"].bounds = (self.first, self.last)
        self.param["symbol"].objects = list(film.symbols)
        self.symbol = film.symbols[0]
        self.sequence = start

    @property
    def first(self) -> int:
        """Number of the first moment."""
        return 0

    @property
    def last(self) -> int:
        """Number of the last moment."""
        return self.film.n_moments - 1

    def go(self, sequence: int) -> None:
        """Show a moment, or the nearest there is."""
        self.sequence = min(max(sequence, self.first), self.last)

    def next_message(self) -> bool:
        """Go to the next moment at which something was said of an order; whether there was one."""
        found = self.film.next_message(self.sequence)
        if found is not None:
            self.sequence = found
        return found is not None

    def page(self, scheme: Scheme = "auto") -> str:
        """The moment as HTML; see `omni_lab.ui.runs.page.page`."""
        key = (self.sequence, self.symbol, scheme)
        if key not in self._pages:
            moment = self.film.moment(self.sequence, self.symbol)
            self._pages[key] = page(self.film, moment, scheme=scheme)
            if len(self._pages) > _KEPT:
                self._pages.popitem(last=False)
        return self._pages[key]
