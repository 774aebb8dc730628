"""Two moving averages: long while the fast one is above the slow one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from omni_lab.strategies.base import Bar, Context, Indicator, Strategy
from omni_lab.strategies.indicators import sma
from omni_lab.strategies.momentum import Direction
from omni_lab.strategies.registry import register
from omni_lab.strategies.settings import not_among, not_whole, out_of_range, parse_settings, refuse, settings


@settings
@dataclass(frozen=True, slots=True, kw_only=True)
class SmaCrossConfig:
    """Settings of :class:`SmaCrossStrategy`.

    Attributes
    ----------
    fast, slow : int
        Bars of the two averages; ``fast`` is smaller.
    direction : {"long_short", "long_only"}
        Whether it is short, or out, while the fast average is below.
    position_size : float
        Fraction of equity put into a position, per instrument; positive.
    """

    fast: int = 20
    slow: int = 100
    direction: Direction = "long_short"
    position_size: float = 1.0

    def __post_init__(self) -> None:
        problems = [*not_whole("fast", self.fast, least=1), *not_whole("slow", self.slow, least=1)]
        if not problems and self.fast >= self.slow:
            problems = [f"fast must be smaller than slow, not {self.fast} and {self.slow}"]
        refuse(
            self,
            problems,
            not_among("direction", self.direction, Direction),
            out_of_range("position_size", self.position_size, above=0),
        )


@register("sma_cross")
class SmaCrossStrategy(Strategy):
    """Hold a position in the direction of the fast average against the slow one, and turn where they cross.

    Equal averages change nothing. The same runs without Python, and to the same fills, as
    ``run_backtest("sma_cross", params=…)``.

    Parameters
    ----------
    config : mapping or SmaCrossConfig, optional
        Settings by name; unknown ones are refused.
    """

    def __init__(self, config: Mapping[str, Any] | SmaCrossConfig | None = None) -> None:
        self.config = parse_settings(SmaCrossConfig, config)

    def on_start(self, ctx: Context) -> None:
        """Declare the averages."""
        self._fast: Indicator = ctx.declare(sma(self.config.fast))
        self._slow: Indicator = ctx.declare(sma(self.config.slow))
        self._aims: dict[str, int] = {}

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        """Compare the averages."""
        fast, slow = self._fast.value, self._slow.value
        aim = self._aims.get(bar.symbol, 0)
        wanted = 1 if fast > slow else -1 if fast < slow else aim
        if self.config.direction == "long_only":
            wanted = max(wanted, 0)
        if wanted != aim:
            self._aims[bar.symbol] = wanted
            ctx.target_weight(wanted * self.config.position_size)
