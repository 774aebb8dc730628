"""Time-series momentum: follow a price that has come further than chance explains."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from omni_lab.errors import ConfigError
from omni_lab.models.momentum import momentum_score
from omni_lab.strategies.base import Bar, Context, Fill, Indicator, Strategy
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
from omni_lab.typing import FloatArray

if TYPE_CHECKING:
    from omni_lab.data import Bars

Direction = Literal["long_short", "long_only"]


@settings
@dataclass(frozen=True, slots=True, kw_only=True)
class MomentumConfig:
    """Settings of :class:`MomentumStrategy`.

    Attributes
    ----------
    lookback_period : int
        Bars over which the return is measured, from 2 to a million.
    entry_threshold : float
        Score, in standard deviations, from which a position is opened; positive.
    exit_threshold : float
        Score at or below which (for a long) the position is closed; smaller than ``entry_threshold``.
    stop_loss : float, optional
        Fraction of the entry price at which a stop order protects the position; 0.05 is 5%. None for no
        stop. Needs bars with open, high and low.
    direction : {"long_short", "long_only"}
        Whether falls are sold short.
    position_size : float
        Fraction of equity put into a position, per instrument; positive.
    """

    lookback_period: int = 20
    entry_threshold: float = 2.0
    exit_threshold: float = 0.0
    stop_loss: float | None = None
    direction: Direction = "long_short"
    position_size: float = 1.0

    def __post_init__(self) -> None:
        entry = out_of_range("entry_threshold", self.entry_threshold, above=0)
        # The exit can be measured only against an entry that is good itself.
        beneath = is_finite(self.exit_threshold) and (entry or self.exit_threshold < self.entry_threshold)
        refuse(
            self,
            not_whole("lookback_period", self.lookback_period, least=2, most=1_000_000),
            entry,
            []
            if beneath
            else [f"exit_threshold must be a number below entry_threshold, not {self.exit_threshold!r}"],
            out_of_range("stop_loss", self.stop_loss, above=0, below=1, optional=True),
            not_among("direction", self.direction, Direction),
            out_of_range("position_size", self.position_size, above=0),
        )


@register("momentum")
class MomentumStrategy(Strategy):
    r"""Go with the trend while the return over the lookback is too large for a driftless walk.

    The score at a close is

    .. math:: z = \frac{\sum_{i=1}^{L} r_i}{s\,\sqrt{L}},

    with the last :math:`L` one-bar log returns :math:`r_i` and their standard deviation :math:`s` (ddof 1):
    the lookback return in units of what a random walk of that volatility would do; 0 when the price has not
    moved, and none when it has moved without any variation. It enters long at
    :math:`z \ge` ``entry_threshold`` (short at :math:`z \le -` ``entry_threshold``), leaves when :math:`z
    \le` ``exit_threshold`` (:math:`z \ge -` ``exit_threshold``), and reverses at once when the opposite
    entry is reached. A stop order, if asked for, rests at the average entry price ∓ ``stop_loss``; after a
    stop the strategy stays out until the score has left the entry zone.

    :meth:`signals` gives the same decisions for all bars at once. It takes for granted that what it decides
    is filled by the next bar, so where an account cannot pay for a position, or it comes to less than a lot,
    the callbacks try again and the signals do not.

    Parameters
    ----------
    config : mapping or MomentumConfig, optional
        Settings by name; unknown ones are refused.

    References
    ----------
    .. [1] Moskowitz, Ooi and Pedersen, "Time series momentum", Journal of Financial Economics 104, 2012.
    """

    def __init__(self, config: Mapping[str, Any] | MomentumConfig | None = None) -> None:
        self.config = parse_settings(MomentumConfig, config)

    @property
    def needs_intrabar_prices(self) -> bool:
        """Whether it protects its positions with stop orders."""
        return self.config.stop_loss is not None

    def on_start(self, ctx: Context) -> None:
        """Declare the score."""
        self._score: Indicator = ctx.momentum_z(self.config.lookback_period)
        self._aims: dict[str, int] = {}
        self._stops: dict[str, int] = {}
        self._stopped_out: dict[str, int] = {}

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        """Compare the score with the thresholds."""
        z = self._score.value
        if math.isnan(z):
            return
        config, symbol = self.config, bar.symbol
        wanted = (z >= config.entry_threshold) - (z <= -config.entry_threshold)
        if wanted != self._stopped_out.get(symbol, wanted):
            del self._stopped_out[symbol]
        if symbol in self._stopped_out or (wanted < 0 and config.direction == "long_only"):
            wanted = 0
        held = _sign(ctx.position)
        if wanted and wanted != held:
            self._aim(ctx, symbol, wanted)
            ctx.target_weight(wanted * config.position_size)
        elif held and held * z <= config.exit_threshold:
            self._aim(ctx, symbol, 0)
            ctx.target(0)
        elif held and held == -self._aims[symbol]:
            # The account could not bear a reversal, and it is no longer called for.
            self._aim(ctx, symbol, held)
            ctx.target(ctx.position)
            self._protect(ctx, symbol, ctx.position)

    def on_fill(self, ctx: Context, fill: Fill) -> None:
        """Keep the protecting stop in step with the position."""
        symbol = fill.symbol
        if self._stops.get(symbol) != fill.order_id:
            self._cancel_stop(ctx, symbol)
            # What is on its way out needs no stop, which could sell it a second time.
            if _sign(fill.position) == self._aims[symbol]:
                self._protect(ctx, symbol, fill.position)
        elif not ctx.is_working(fill.order_id):
            del self._stops[symbol]
            self._aims[symbol] = 0
            # A sell stop ended a long; the long entry zone stays closed until it has been left.
            self._stopped_out[symbol] = 1 if fill.side == "SELL" else -1
            ctx.target(0)

    def signals(self, bars: Bars) -> FloatArray:
        """Target weights, shape (n_times, n_symbols), where something is decided; NaN elsewhere.

        Raises
        ------
        ConfigError
            If there is a stop loss, which is an order in the market and no target.
        """
        if self.config.stop_loss is not None:
            raise ConfigError(
                "targets cannot hold a stop order",
                found=self.config.stop_loss,
                expected="None",
                where="stop_loss",
                hint="Run the strategy itself: its callbacks send the stops.",
            )
        closes = bars.close()
        targets = np.full(closes.shape, np.nan)
        for column, instrument in enumerate(bars.instruments):
            there = np.flatnonzero(~np.isnan(closes[:, column]))
            ticks = np.rint(closes[there, column] / (instrument.tick_size or 1.0))
            score = momentum_score(ticks, self.config.lookback_period)
            targets[there, column] = self._decisions(score)
        return targets

    def _decisions(self, score: FloatArray) -> FloatArray:
        config, held = self.config, 0
        decided = np.full(len(score), np.nan)
        for row, z in enumerate(score.tolist()):
            if math.isnan(z):
                continue
            wanted = (z >= config.entry_threshold) - (z <= -config.entry_threshold)
            if wanted < 0 and config.direction == "long_only":
                wanted = 0
            if wanted and wanted != held:
                held = wanted
                decided[row] = held * config.position_size
            elif held and held * z <= config.exit_threshold:
                held = 0
                decided[row] = 0.0
        return decided

    def _aim(self, ctx: Context, symbol: str, direction: int) -> None:
        self._cancel_stop(ctx, symbol)
        self._aims[symbol] = direction

    def _protect(self, ctx: Context, symbol: str, position: float) -> None:
        if self.config.stop_loss is None or not position:
            return
        price = ctx.average_price() * (1.0 - _sign(position) * self.config.stop_loss)
        send = ctx.sell if position > 0 else ctx.buy
        self._stops[symbol] = send(abs(position), stop=price)

    def _cancel_stop(self, ctx: Context, symbol: str) -> None:
        order_id = self._stops.pop(symbol, None)
        if order_id is not None:
            ctx.cancel(order_id)


def _sign(x: float) -> int:
    return (x > 0) - (x < 0)
