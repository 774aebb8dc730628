"""Market making: quote both sides, lean against the inventory, and be paid for waiting."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from omni_lab.models import Glft
from omni_lab.strategies.base import Context, Strategy, Timer
from omni_lab.strategies.registry import register
from omni_lab.strategies.settings import not_among, not_whole, out_of_range, parse_settings, refuse, settings

Rule = Literal["avellaneda_stoikov", "glft", "fixed"]


@settings
@dataclass(frozen=True, slots=True, kw_only=True)
class MarketMakingConfig:
    """Settings of :class:`MarketMakingStrategy`. Prices are ticks, positions lots, times seconds.

    Attributes
    ----------
    rule : {"avellaneda_stoikov", "glft", "fixed"}
        Where the quotes are.
    gamma : float
        Risk aversion, 1 / (tick · lot); of the first two rules.
    kappa : float
        Decay of the rate of fills with the distance from the mid, 1 / tick; of the first two rules.
        :func:`omni_lab.models.fit_intensity_mle` fits it to data.
    horizon : float
        Seconds until the position counts, which never come nearer; of ``"avellaneda_stoikov"``.
    intensity : float
        Fills a second at the mid; of ``"glft"``.
    half_spread, skew : float
        Ticks, and ticks a lot held; of ``"fixed"``.
    interval_s : float
        Seconds between two looks.
    qty : int
        Lots of an order.
    max_position : int
        Lots beyond which it adds no more to a position.
    n_levels, level_step : int
        Orders a side, and ticks between them.
    half_life_s : float
        Seconds after which half of the volatility is new.
    """

    rule: Rule = "avellaneda_stoikov"
    gamma: float = 0.1
    kappa: float = 1.5
    horizon: float = 1.0
    intensity: float = 1.0
    half_spread: float = 1.0
    skew: float = 0.0
    interval_s: float = 0.1
    qty: int = 1
    max_position: int = 10
    n_levels: int = 1
    level_step: int = 1
    half_life_s: float = 60.0

    def __post_init__(self) -> None:
        above_zero = ("gamma", "kappa", "horizon", "intensity", "interval_s", "half_life_s")
        refuse(
            self,
            not_among("rule", self.rule, Rule),
            *(out_of_range(name, getattr(self, name), above=0) for name in above_zero),
            out_of_range("half_spread", self.half_spread),
            out_of_range("skew", self.skew),
            not_whole("qty", self.qty, least=1),
            not_whole("max_position", self.max_position, least=1),
            not_whole("n_levels", self.n_levels, least=1, most=1_000),
            not_whole("level_step", self.level_step, least=1),
        )

    @property
    def interval_ns(self) -> int:
        """Nanoseconds between two looks."""
        return round(self.interval_s * 1e9)


@register("market_making")
class MarketMakingStrategy(Strategy):
    r"""Post-only quotes around a mid that is moved against the inventory; on ticks only.

    At regular times, with the mid :math:`m`, the position :math:`q` and the rule's half spread
    :math:`\delta` and skew :math:`s`, it wants bids at :math:`\lfloor m - sq - \delta \rfloor` and offers at
    :math:`\lceil m - sq + \delta \rceil`, never better than the best price of their side. Orders that stand
    where it wants them stay, with their place in the queue; others are canceled.

    ``run_ticks("market_making", market, params=…)`` runs the same in the engine alone, to the same orders.

    Parameters
    ----------
    config : mapping or MarketMakingConfig, optional
        Settings by name; unknown ones are refused.

    References
    ----------
    .. [1] Avellaneda and Stoikov, "High-frequency trading in a limit order book", Quantitative Finance 8,
       2008: :math:`s = \gamma\sigma^2\tau` and :math:`\delta = s/2 + \ln(1 + \gamma/\kappa)/\gamma`.
    .. [2] Guéant, Lehalle and Fernandez-Tapia, "Dealing with the inventory risk", Mathematics and Financial
       Economics 7, 2013: asymptotic quotes; see :class:`omni_lab.models.Glft`.
    """

    def __init__(self, config: Mapping[str, Any] | MarketMakingConfig | None = None) -> None:
        self.config = parse_settings(MarketMakingConfig, config)

    def on_start(self, ctx: Context) -> None:
        """Begin without a memory, and look at regular times."""
        self._mid: dict[str, float] = {}
        self._variance: dict[str, float] = dict.fromkeys(ctx.symbols, 0.0)
        self._weight = 1.0 - math.exp(-math.log(2.0) * self._seconds / self.config.half_life_s)
        ctx.timer(every=self.config.interval_ns)

    def on_timer(self, ctx: Context, timer: Timer) -> None:
        """Look at every instrument, and put the orders where they are wanted."""
        for symbol in ctx.symbols:
            self._look(ctx, symbol)

    def spread_and_skew(self, variance: float) -> tuple[float, float]:
        """Half spread and skew at a variance of the mid, ticks² a second: ticks, and ticks a lot."""
        config = self.config
        if config.rule == "fixed":
            return config.half_spread, config.skew
        if config.rule == "glft":
            # A market that has not moved yet has no risk, and the closed form needs some.
            sigma = math.sqrt(variance) or 1e-300
            rule = Glft(sigma=sigma, A=config.intensity, k=config.kappa, gamma=config.gamma, lot=1.0)
            return rule.half_spread, rule.skew
        risk = config.gamma * variance * config.horizon
        return risk / 2.0 + math.log1p(config.gamma / config.kappa) / config.gamma, risk

    @property
    def _seconds(self) -> float:
        return self.config.interval_ns * 1e-9

    def _look(self, ctx: Context, symbol: str) -> None:
        book, tick = ctx.depth(symbol), ctx.tick_size(symbol)
        bid, ask = book.best_bid / tick, book.best_ask / tick
        if math.isnan(bid) or math.isnan(ask):
            return
        # Prices are whole or half ticks; what is left beside them is the noise of a division.
        bid, ask = round(bid, 6), round(ask, 6)
        mid = (bid + ask) * 0.5
        self._learn(symbol, mid)
        config, lots = self.config, round(ctx.position_of(symbol) / ctx.lot_size(symbol))
        half_spread, skew = self.spread_and_skew(self._variance[symbol])
        reservation = mid - skew * lots
        first_bid = min(math.floor(reservation - half_spread), math.floor(bid))
        first_ask = max(math.ceil(reservation + half_spread), math.ceil(ask))
        steps = range(0, config.n_levels * config.level_step, config.level_step)
        wanted = {
            "BUY": [first_bid - step for step in steps] if lots < config.max_position else [],
            "SELL": [first_ask + step for step in steps] if lots > -config.max_position else [],
        }
        for order in ctx.working(symbol):
            price = round(order.price / tick)
            if price in wanted[order.side]:
                wanted[order.side].remove(price)
            elif not order.is_pending:
                ctx.cancel(order.order_id)
        qty = config.qty * ctx.lot_size(symbol)
        for price in wanted["BUY"]:
            ctx.buy(qty, symbol=symbol, limit=price * tick, time_in_force="POST_ONLY")
        for price in wanted["SELL"]:
            ctx.sell(qty, symbol=symbol, limit=price * tick, time_in_force="POST_ONLY")

    def _learn(self, symbol: str, mid: float) -> None:
        before = self._mid.get(symbol)
        if before is not None:
            rate = (mid - before) * (mid - before) / self._seconds
            self._variance[symbol] += self._weight * (rate - self._variance[symbol])
        self._mid[symbol] = mid
