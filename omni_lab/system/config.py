"""What a trading system is told once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from omni_lab.data.moments import span_ns
from omni_lab.errors import ConfigError, OmniError
from omni_lab.execution.config import Durability
from omni_lab.execution.limits import NO_LIMITS, Limits
from omni_lab.system.views import Mode

DESK = "desk"
"""The account of the system and of the people who trade by hand."""
STREET = "street"
"""The account of everybody else: the market's own orders."""


def careful_limits(capital: float) -> Limits:
    """What a careful desk begins with.

    An order is a quarter of the capital at most and within 10 % of the reference price. One name is half of
    equity at most, all together twice of it. After a loss of 2 % of the capital in a day, or of 10 % from the
    peak, nothing is added.

    Parameters
    ----------
    capital : float
        Of the account, currency; without any there are no limits.
    """
    if capital <= 0:
        return NO_LIMITS
    return Limits(
        collar_bps=1_000,
        max_notional=capital / 4,
        max_daily_loss=capital / 50,
        max_drawdown=0.1,
        max_leverage=2.0,
        max_name=0.5,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemConfig:
    """What a trading system starts from.

    Attributes
    ----------
    name : str
        Directory of its journal and records below ``Settings.systems_dir``.
    mode : {"backtest", "replay", "paper"}
        As fast as it goes to the end; a market at its own pace, to the end; the same without end, on
        today's clock.
    market : str
        Where the market comes from: ``"synthetic"``, path of a capture (ITCH, LOBSTER, Databento), or
        ``"itch://HOST:PORT"`` of a venue's feed; for a backtest on bars ``"lake"``, or the source of those of
        its bars that are meant.
    symbols : tuple of str
        What is traded; by default the busiest of the market.
    n_symbols : int
        How many, where ``symbols`` names none.
    strategy : str or None
        Name of a strategy (`omni_lab.strategies`); None where only people trade.
    parameters : mapping
        Of the strategy.
    bar : str
        Span of the bars that the strategy is told of, such as ``"1min"``.
    capital : float
        Of the account, currency.
    limits, soft_limits : Limits
        Of the account: what is refused, and what is warned of.
    speed : float
        Of a replay: how many seconds of the market pass in one of ours; infinite is as fast as it goes.
    slice_ms : float
        How much of the market passes between two looks of strategy and desk, milliseconds.
    seed : int
        Of a synthetic market.
    durability : {"none", "batch", "every"}
        Of the journal.
    home : Path or None
        Directory for its files in place of the one by its name.
    """

    name: str = "paper"
    mode: Mode = "paper"
    market: str = "synthetic"
    symbols: tuple[str, ...] = ()
    n_symbols: int = 4
    strategy: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    bar: str = "1min"
    capital: float = 1_000_000.0
    limits: Limits = NO_LIMITS
    soft_limits: Limits = NO_LIMITS
    speed: float = 1.0
    slice_ms: float = 10.0
    seed: int = 5
    durability: Durability = "batch"
    home: Path | None = None

    def __post_init__(self) -> None:
        problems = [
            *_problem("name", self.name, bool(_NAME.fullmatch(str(self.name))), "letters, digits, . _ and -"),
            *_problem("mode", self.mode, self.mode in get_args(Mode), ", ".join(get_args(Mode))),
            *_problem(
                "durability", self.durability, self.durability in get_args(Durability), "none, batch, every"
            ),
            *_problem("market", self.market, bool(str(self.market).strip()), "a market"),
            *_problem(
                "n_symbols", self.n_symbols, _is_whole(self.n_symbols) and self.n_symbols >= 1, "at least 1"
            ),
            *_problem("capital", self.capital, 0 <= self.capital < 1e15, "0 or more"),
            *_problem("speed", self.speed, self.speed > 0, "above 0"),
            *_problem("slice_ms", self.slice_ms, 0.001 <= self.slice_ms <= 60_000, "0.001 to 60,000"),
            *_problem("seed", self.seed, _is_whole(self.seed) and self.seed >= 0, "a whole number from 0"),
        ]
        symbols: object = self.symbols
        if isinstance(symbols, str):
            problems.append(f"symbols is a sequence of symbols, not the text {self.symbols!r}")
        elif len(set(self.symbols)) < len(self.symbols):
            problems.append(f"symbols names one twice: {self.symbols!r}")
        try:
            span_ns(self.bar)
        except OmniError as error:
            problems.append(f"bar: {error}")
        if problems:
            raise ConfigError("; ".join(problems), where="SystemConfig")


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def _problem(name: str, found: object, is_good: bool, wanted: str) -> list[str]:
    return [] if is_good else [f"{name} is {found!r}, and must be {wanted}"]


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
