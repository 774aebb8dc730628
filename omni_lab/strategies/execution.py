"""A strategy that trades nothing of its own: it works parent orders off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from omni_lab.data.moments import span_ns
from omni_lab.errors import ConfigError
from omni_lab.execution.algorithms import Algorithm, ExecutionDesk, ParentOrder, recipe
from omni_lab.strategies.base import Context, Fill, OrderUpdate, Strategy, Timer, Trade
from omni_lab.strategies.registry import register
from omni_lab.strategies.settings import out_of_range, parse_settings, refuse, settings


@settings
@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionConfig:
    """Settings of :class:`ExecutionStrategy`: one parent order.

    Attributes
    ----------
    qty : float
        Units: + to buy, − to sell.
    symbol : str, optional
        The instrument; the first by default.
    begin : str
        How long after the first look the parent starts, a span such as ``"5min"``; ``""`` for at once.
    duration : str
        How long it may take; ``""`` for until it is done, which only POV can.
    limit : float, optional
        Price beyond which no child trades.
    algorithm : mapping
        As `omni_lab.execution.algorithms.recipe` takes it.
    every : str
        Time between two looks.
    finish : str
        How long before the end what is left begins to be swept.
    """

    qty: float = 100.0
    symbol: str | None = None
    begin: str = ""
    duration: str = "30min"
    limit: float | None = None
    algorithm: Mapping[str, Any] = field(default_factory=lambda: {"name": "twap"})
    every: str = "1s"
    finish: str = "2s"

    def __post_init__(self) -> None:
        refuse(
            self,
            out_of_range("qty", self.qty),
            out_of_range("limit", self.limit, above=0, optional=True),
            [] if self.qty else ["qty must not be 0"],
        )
        recipe(self.algorithm)
        for span in filter(None, (self.begin, self.duration, self.every, self.finish)):
            span_ns(span)


@register("execution")
class ExecutionStrategy(Strategy):
    """Work parent orders off in a captured market or on bars.

    Parameters
    ----------
    config : mapping or ExecutionConfig, optional
        One parent order, by settings.
    parents : sequence of (ParentOrder, Algorithm or name or mapping), optional
        Any number of them, with times on the market's clock, in place of the config's.

    Attributes
    ----------
    desk : ExecutionDesk
        After a run: ``desk.parents()``, ``desk.children()``, ``desk.fills()``, ``desk.schedule(0)``.
    """

    def __init__(
        self,
        config: Mapping[str, Any] | ExecutionConfig | None = None,
        *,
        parents: Sequence[tuple[ParentOrder, Algorithm | str | Mapping[str, Any]]] | None = None,
    ) -> None:
        self.config = parse_settings(ExecutionConfig, config)
        self.parents = None if parents is None else list(parents)
        self.desk = ExecutionDesk(finish=span_ns(self.config.finish))
        if self.parents is not None and not self.parents:
            raise ConfigError("there is no parent order to work off", where="ExecutionStrategy.parents")

    def on_start(self, ctx: Context) -> None:
        """A desk without orders; it looks at regular times."""
        self.desk = ExecutionDesk(finish=span_ns(self.config.finish))
        self._heard = -1
        ctx.timer(every=self.config.every)

    def on_timer(self, ctx: Context, timer: Timer) -> None:
        """Take the parents on at the first look, and let the desk look."""
        if not self.desk.jobs:
            for order, algorithm in self._orders(ctx):
                self.desk.add(ctx, order, algorithm)
        if not hasattr(ctx, "depth"):
            self._hear_bars(ctx)
        self.desk.look(ctx)

    def on_trade(self, ctx: Context, trade: Trade) -> None:
        """The tape counts for schedules by volume."""
        self.desk.on_trade(ctx, trade.symbol, trade.qty)

    def on_fill(self, ctx: Context, fill: Fill) -> None:
        """Count what was done."""
        self.desk.on_fill(ctx, fill, fee=fill.commission, is_maker=bool(getattr(fill, "is_maker", False)))

    def on_order(self, ctx: Context, update: OrderUpdate) -> None:
        """Hear of children that ended."""
        self.desk.on_order(ctx, update)

    def _hear_bars(self, ctx: Context) -> None:
        """On bars, their closes and volumes since the last look are the market."""
        n_new = ctx.index - self._heard
        self._heard = ctx.index
        for symbol in {job.parent.order.symbol for job in self.desk.jobs}:
            closes = ctx.history("close", 1, symbol=symbol)
            if len(closes):
                volume = float(np.nansum(ctx.history("volume", n_new, symbol=symbol)))
                self.desk.on_bar(ctx, symbol, float(closes[-1]), volume)

    def _orders(self, ctx: Context) -> list[tuple[ParentOrder, Any]]:
        if self.parents is not None:
            return self.parents
        config = self.config
        start = ctx.ts + (span_ns(config.begin) if config.begin else 0)
        order = ParentOrder(
            symbol=config.symbol or ctx.symbols[0],
            side="buy" if config.qty > 0 else "sell",
            qty=abs(config.qty),
            start=start,
            end=start + span_ns(config.duration) if config.duration else None,
            limit=config.limit,
        )
        return [(order, config.algorithm)]
