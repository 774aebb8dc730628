"""Time-series momentum: follow a price that has come further than chance explains."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from omni_lab.errors import ConfigError
from omni_lab.strategies.base import Bar, Context, Fill, Indicator, Strategy, parse_config


@dataclass(frozen=True, slots=True, kw_only=True)
class MomentumConfig:
    """Settings of :class:`MomentumStrategy`.

    Attributes
    ----------
    lookback_period : int
        Bars over which the return is measured, at least 2.
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
    direction: Literal["long_short", "long_only"] = "long_short"
    position_size: float = 1.0

    def __post_init__(self) -> None:
        problems = []
        if not _whole(self.lookback_period) or self.lookback_period < 2:
            problems.append(
                f"lookback_period must be a whole number of at least 2, not {self.lookback_period!r}"
            )
        if not _finite(self.entry_threshold) or self.entry_threshold <= 0:
            problems.append(f"entry_threshold must be a number above 0, not {self.entry_threshold!r}")
        elif not _finite(self.exit_threshold) or self.exit_threshold >= self.entry_threshold:
            problems.append(
                f"exit_threshold must be a number below entry_threshold, not {self.exit_threshold!r}"
            )
        if self.stop_loss is not None and not (_finite(self.stop_loss) and 0 < self.stop_loss < 1):
            problems.append(f"stop_loss must be a fraction between 0 and 1, or None, not {self.stop_loss!r}")
        if self.direction not in ("long_short", "long_only"):
            problems.append(f"direction must be 'long_short' or 'long_only', not {self.direction!r}")
        if not _finite(self.position_size) or self.position_size <= 0:
            problems.append(f"position_size must be a number above 0, not {self.position_size!r}")
        if problems:
            raise ConfigError("; ".join(problems), where="MomentumConfig")


class MomentumStrategy(Strategy):
    r"""Go with the trend while the return over the lookback is too large for a driftless walk.

    The score at a close is

    .. math:: z = \frac{\sum_{i=1}^{L} r_i}{s\,\sqrt{L}},

    with the last :math:`L` one-bar log returns :math:`r_i` and their standard deviation :math:`s` (ddof 1):
    the lookback return in units of what a random walk of that volatility would do. It enters long at
    :math:`z \ge` ``entry_threshold`` (short at :math:`z \le -` ``entry_threshold``), leaves when :math:`z
    \le` ``exit_threshold`` (:math:`z \ge -` ``exit_threshold``), and reverses at once when the opposite
    entry is reached. A stop order, if asked for, rests at the average entry price ∓ ``stop_loss``; after a
    stop the strategy stays out until the score has left the entry zone.

    Parameters
    ----------
    config : mapping or MomentumConfig, optional
        Settings by name; unknown ones are refused.

    References
    ----------
    .. [1] Moskowitz, Ooi and Pedersen, "Time series momentum", Journal of Financial Economics 104, 2012.
    """

    def __init__(self, config: Mapping[str, Any] | MomentumConfig | None = None) -> None:
        self.config = parse_config(MomentumConfig, config)

    def on_start(self, ctx: Context) -> None:
        """Declare the score."""
        self._score: Indicator = ctx.momentum_z(self.config.lookback_period)
        self._stops: dict[str, int] = {}
        self._stopped_out: dict[str, int] = {}

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        """Compare the score with the thresholds."""
        z = self._score.value
        if math.isnan(z):
            return
        config = self.config
        wanted = (z >= config.entry_threshold) - (z <= -config.entry_threshold)
        if wanted != self._stopped_out.get(bar.symbol, wanted):
            del self._stopped_out[bar.symbol]
        if bar.symbol in self._stopped_out or (wanted < 0 and config.direction == "long_only"):
            wanted = 0
        held = _sign(ctx.position)
        if wanted and wanted != held:
            self._cancel_stop(ctx, bar.symbol)
            ctx.target_weight(wanted * config.position_size)
        elif held and held * z <= config.exit_threshold:
            self._cancel_stop(ctx, bar.symbol)
            ctx.target(0)

    def on_fill(self, ctx: Context, fill: Fill) -> None:
        """Keep the protecting stop in step with the position."""
        if self.config.stop_loss is None:
            return
        stopped = self._stops.get(fill.symbol) == fill.order_id
        if stopped and not ctx.is_working(fill.order_id):
            del self._stops[fill.symbol]
            # A sell stop ended a long; the long entry zone stays closed until it has been left.
            self._stopped_out[fill.symbol] = 1 if fill.side == "SELL" else -1
        elif not stopped:
            self._cancel_stop(ctx, fill.symbol)
            price = ctx.average_price()
            if fill.position > 0:
                self._stops[fill.symbol] = ctx.sell(fill.position, stop=price * (1 - self.config.stop_loss))
            elif fill.position < 0:
                self._stops[fill.symbol] = ctx.buy(-fill.position, stop=price * (1 + self.config.stop_loss))

    def _cancel_stop(self, ctx: Context, symbol: str) -> None:
        order_id = self._stops.pop(symbol, None)
        if order_id is not None:
            ctx.cancel(order_id)


def _sign(x: float) -> int:
    return (x > 0) - (x < 0)


def _whole(x: object) -> bool:
    return isinstance(x, int) and not isinstance(x, bool)


def _finite(x: object) -> bool:
    return isinstance(x, int | float) and not isinstance(x, bool) and math.isfinite(x)
