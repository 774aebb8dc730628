"""What each day of an instrument has, as the page of data shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab.errors import ConfigError
from omni_lab.figures import words
from omni_lab.pipelines.form import form, knob

if TYPE_CHECKING:
    from omni_lab.data import Bars, DayCoverage
    from omni_lab.figures._canvas import Figure


@form("calendar", reads=("lake",))
class CalendarForm:
    """Of which instrument and years days are counted."""

    symbol: str = knob("", "instrument of the lake")
    source: str | None = knob(None, "whose bars; by default the first source that has it")
    year: int | None = knob(
        None, "the last one that is shown; by default that of the newest bar", at_least=1900
    )
    years: int = knob(2, "how many are shown", unit="years", at_least=1, at_most=10)
    calendar: str | None = knob(
        None, "whose sessions there should be bars of; by default those the bars follow"
    )

    def check(self) -> None:
        """A symbol, and a calendar that there is."""
        from omni_lab.data import TradingCalendar

        if not self.symbol:
            raise ConfigError("name an instrument of the lake", where="symbol")
        if self.calendar:
            TradingCalendar.parse(self.calendar)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Covered:
    """What each day of an instrument has.

    Attributes
    ----------
    symbol, calendar : str
    guessed : bool
        Whether the calendar is the one that the bars follow, and nobody named it.
    found : DayCoverage
    """

    symbol: str
    calendar: str
    guessed: bool
    found: DayCoverage

    def rows(self) -> list[dict[str, Any]]:
        """A row a day that is not as it should be, the newest first."""
        from omni_lab.data import DayState

        found = self.found
        told = {DayState.MISSING: "missing", DayState.PART: "part", DayState.EXTRA: "no session"}
        columns = zip(found.date, found.state, found.n_bars, found.n_expected, strict=True)
        rows = [
            {
                "day": str(day),
                "weekday": day.astype(object).strftime("%A"),
                "state": told[DayState(state)],
                "n_bars": int(there),
                "n_expected": int(wanted),
            }
            for day, state, there, wanted in columns
            if state in told
        ]
        return rows[::-1]

    def sentences(self) -> list[str]:
        """By which sessions, and how far the bars lie apart."""
        how = "which its bars follow best" if self.guessed else "as was asked"
        step = words.span(self.found.step_ns)
        return [f"Sessions are those of {self.calendar}, {how}.", f"Bars lie {step} apart."]

    def plot(self, *, theme: str = "light") -> Figure:
        """The days as a calendar."""
        from omni_lab.figures import calendar_figure

        found = self.found
        columns = (found.date, found.state, found.n_bars, found.n_expected)
        return calendar_figure(*columns, name=self.symbol, theme=theme)


def covered(bars: Bars, asked: Mapping[str, Any]) -> Covered:
    """What each day of the years that are asked for has.

    Parameters
    ----------
    bars : Bars
        All that there are of one instrument.
    asked : mapping
        Values of `CalendarForm`.

    Raises
    ------
    ConfigError, DataError
        If the calendar cannot be used, or bars are further apart than sessions.
    """
    from omni_lab.data import TradingCalendar, day_coverage, likely_calendar

    named = asked["calendar"]
    sessions = TradingCalendar.parse(named) if named else likely_calendar(bars.ts)
    newest = int(str(np.datetime64(int(bars.ts[-1]), "ns"))[:4])
    year = asked["year"] or newest
    return Covered(
        symbol=asked["symbol"],
        calendar=str(sessions),
        guessed=not named,
        found=day_coverage(bars.ts, sessions, f"{year - asked['years'] + 1}-01-01", f"{year}-12-31"),
    )
