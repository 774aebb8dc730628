"""What the data_quality pipeline may be asked."""

from typing import Any

from omni_lab.errors import ConfigError
from omni_lab.pipelines.form import form, knob


@form("data_quality", reads=("lake",))
class DataQualityForm:
    """Bars looked at before anybody believes a result on them."""

    symbols: list[str] = knob(
        ["SPX", "IXIC", "VIX", "WTI", "SP500", "AAPL", "JPM", "XOM"],
        "which; none is all that the store has",
    )
    source: str | None = knob(None, "where their bars come from; by default the first source that has them")
    start: str | None = knob(None, "first day, such as 2005-01-01; by default the first there is")
    end: str | None = knob(None, "last day, included")
    calendar: str = knob("XNYS", "whose sessions there should be bars of; ALWAYS_OPEN for every day")
    most_missing: float = knob(
        0.01, "fraction of sessions without a bar, above which a symbol fails", at_least=0.0, at_most=1.0
    )
    longest_gap: int = knob(
        5, "sessions without a bar in a row, above which it fails", unit="sessions", at_least=0
    )
    jump_z: float = knob(
        12.0,
        "size of a return, by the spread of the year around it, from which it is a jump",
        unit="robust deviations",
        above=0.0,
    )
    most_jumps: float = knob(
        0.001, "fraction of returns that jump, above which it fails", at_least=0.0, at_most=1.0
    )
    stale_bars: int = knob(4, "equal closes in a row that count as stale", unit="bars", at_least=2)
    most_stale: float = knob(
        0.01, "fraction of bars that are stale, above which it fails", at_least=0.0, at_most=1.0
    )
    tick_sizes: dict[str, Any] = knob({}, "grid of prices by symbol; inferred from the prices by default")
    most_off_grid: float = knob(
        0.0, "fraction of prices off their grid, above which it fails", at_least=0.0, at_most=1.0
    )
    most_idle: float = knob(
        0.01, "fraction of bars without volume, above which it fails", at_least=0.0, at_most=1.0
    )
    most_outside: float = knob(
        0.005, "fraction of bars on days without a session, above which it fails", at_least=0.0, at_most=1.0
    )
    strict: bool = knob(False, "whether the run fails when a symbol does")

    def check(self) -> None:
        """The calendar is known, and grids of prices are positive numbers."""
        from omni_lab.data import TradingCalendar

        TradingCalendar.of(self.calendar)
        for symbol, size in self.tick_sizes.items():
            if isinstance(size, bool) or not isinstance(size, int | float) or not size > 0:
                raise ConfigError(
                    "a grid of prices is a positive number", found=size, where=f"tick_sizes, {symbol}"
                )
