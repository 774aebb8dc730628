"""The market maker that runs in the engine alone, by its settings."""

from __future__ import annotations

from typing import Any

from omni_lab.errors import ConfigError
from omni_lab.progress import Progress
from omni_lab.simulator.ticks.config import TickConfig
from omni_lab.simulator.ticks.driver import run_on_ticks
from omni_lab.simulator.ticks.results import TickResults
from omni_lab.simulator.ticks.simulator import END_OF_TIME, TickSimulator
from omni_lab.strategies.base import Strategy
from omni_lab.strategies.market_making import MarketMakingConfig, MarketMakingStrategy


def run_named_on_ticks(
    strategy: Strategy, feed: Any, config: TickConfig, *, progress: bool = True
) -> TickResults:
    """Results of a strategy that was given by name: of the market maker without a call of Python."""
    if isinstance(strategy, MarketMakingStrategy):
        return run_quoter_on_ticks(strategy.config, feed, config, progress=progress)
    return run_on_ticks(strategy, feed, config, progress=progress)


def run_quoter_on_ticks(
    config: MarketMakingConfig, feed: Any, tick_config: TickConfig, *, progress: bool = True
) -> TickResults:
    """Results of :class:`MarketMakingStrategy` without a call of Python; ``docs/replay.md``, section 6.

    Raises
    ------
    ConfigError
        If there are several instruments: it quotes one.
    """
    sim = TickSimulator(feed, tick_config)
    if len(sim.symbols) > 1:
        raise ConfigError(
            "the native market maker quotes one instrument",
            found=sim.symbols[:5],
            hint="Replay one, or run MarketMakingStrategy() as an object.",
        )
    numbers = {
        "avellaneda_stoikov": {"gamma": config.gamma, "kappa": config.kappa, "horizon": config.horizon},
        "glft": {"gamma": config.gamma, "kappa": config.kappa, "intensity": config.intensity},
        "fixed": {"half_spread": config.half_spread, "skew": config.skew},
    }
    settings = {
        "rule": config.rule,
        **{name: float(value) for name, value in numbers[config.rule].items()},
        "instrument": 0,
        "tick": sim.feed.tick,
        "interval_ns": config.interval_ns,
        "qty": config.qty,
        "max_position": config.max_position,
        "n_levels": config.n_levels,
        "level_step": config.level_step,
        "half_life": float(config.half_life_s),
    }
    strategy = MarketMakingStrategy(config)
    with Progress(sim.feed.native.n_steps, strategy.name, progress) as report:
        sim.run_quoter(settings, END_OF_TIME, report)
    sim.finish()
    return TickResults(sim, strategy=strategy.name, parameters=strategy.parameters)
