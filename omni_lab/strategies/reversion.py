"""Mean reversion: against a price that stands far from its average."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from omni_lab.strategies.base import Bar, Context, Indicator, Strategy
from omni_lab.strategies.indicators import zscore
from omni_lab.strategies.momentum import Direction
from omni_lab.strategies.registry import register
from omni_lab.strategies.settings import (
    is_finite,
    not_among,
    not_whole,
    out_of_range,
    parse_settings,
    refuse,
    settings,
)


@settings
@dataclass(frozen=True, slots=True, kw_only=True)
class ZScoreReversionConfig:
    """Settings of :class:`ZScoreReversionStrategy`.

    Attributes
    ----------
    window : int
        Bars of the average and the standard deviation, at least 2.
    entry : float
        Score, in standard deviations, from which a position is opened; positive.
    exit : float
        Distance on the same side at which it is closed; smaller than ``entry``.
    direction : {"long_short", "long_only"}
        Whether what stands high is sold short.
    position_size : float
        Fraction of equity put into a position, per instrument; positive.
    """

    window: int = 20
    entry: float = 2.0
    exit: float = 0.5
    direction: Direction = "long_short"
    position_size: float = 1.0

    def __post_init__(self) -> None:
        entry = out_of_range("entry", self.entry, above=0)
        beneath = is_finite(self.exit) and (entry or self.exit < self.entry)
        refuse(
            self,
            not_whole("window", self.window, least=2),
            entry,
            [] if beneath else [f"exit must be a number below entry, not {self.exit!r}"],
            not_among("direction", self.direction, Direction),
            out_of_range("position_size", self.position_size, above=0),
        )


@register("zscore_reversion")
class ZScoreReversionStrategy(Strategy):
    """Buy what stands ``entry`` standard deviations below its average, sell what stands as far above.

    A long position is closed when the score has come back to −``exit``, a short one at +``exit``; a position
    is turned at once when the opposite entry is reached. The same runs without Python, and to the same fills,
    as ``run_backtest("zscore_reversion", params=…)``.

    Parameters
    ----------
    config : mapping or ZScoreReversionConfig, optional
        Settings by name; unknown ones are refused.
    """

    def __init__(self, config: Mapping[str, Any] | ZScoreReversionConfig | None = None) -> None:
        self.config = parse_settings(ZScoreReversionConfig, config)

    def on_start(self, ctx: Context) -> None:
        """Declare the score."""
        self._score: Indicator = ctx.declare(zscore(self.config.window))
        self._aims: dict[str, int] = {}

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        """Compare the score with the thresholds."""
        z, aim = self._score.value, self._aims.get(bar.symbol, 0)
        if math.isnan(z):
            return
        if abs(z) >= self.config.entry:
            wanted = -1 if z > 0 else 1
        else:
            wanted = 0 if aim * z >= -self.config.exit else aim
        if self.config.direction == "long_only":
            wanted = max(wanted, 0)
        if wanted != aim:
            self._aims[bar.symbol] = wanted
            ctx.target_weight(wanted * self.config.position_size)
