"""Where a film of a run stands. It knows no widget, so that any screen can show it."""

from __future__ import annotations

import numpy as np

from omni_lab.errors import DataError
from omni_lab.ui.replay.page import Scheme
from omni_lab.ui.replay.state import FilmState
from omni_lab.ui.runs.film import RunFilm
from omni_lab.ui.runs.page import page


class RunState(FilmState):
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

    def __init__(self, film: RunFilm, *, at: int | None = None) -> None:
        if not film.n_moments:
            raise DataError("the run has nothing to show", found="no event", where=film.title)
        last = film.n_moments - 1
        start = last if at is None else at
        self.film, self.last = film, last
        self.check(start)
        super().__init__(0, last, film.symbols, start=int(start))

    def check(self, moment: int) -> None:
        """Refuse a moment that the run does not have.

        Raises
        ------
        DataError
            Naming the moments it has.
        """
        if isinstance(moment, bool) or not isinstance(moment, int | np.integer):
            raise DataError("no such moment", found=moment, expected="a whole number")
        if not 0 <= moment <= self.last:
            raise DataError("no such moment", found=moment, expected=f"0 to {self.last}")

    def next_message(self) -> bool:
        """Go to the next moment at which something was said of an order; whether there was one."""
        found = self.film.next_message(self.sequence)
        if found is not None:
            self.sequence = found
        return found is not None

    def page(self, scheme: Scheme = "auto") -> str:
        """The moment as HTML; see `omni_lab.ui.runs.page.page`."""
        return self.kept((self.sequence, self.symbol, scheme), lambda: self._page(scheme))

    def _page(self, scheme: Scheme) -> str:
        return page(self.film, self.film.moment(self.sequence, self.symbol), scheme=scheme)
