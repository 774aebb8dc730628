"""Strategies decide: they look at the market and say what to do. They do no input or output."""

from typing import TYPE_CHECKING

from omni_lab.lazy import attributes

if TYPE_CHECKING:
    from omni_lab.strategies.allocation import AllocationConfig, AllocationStrategy
    from omni_lab.strategies.base import (
        Bar,
        Book,
        Context,
        Fill,
        Indicator,
        OrderUpdate,
        Quote,
        Strategy,
        Timer,
        Trade,
    )
    from omni_lab.strategies.cross_sectional import (
        CrossSectionalMomentumConfig,
        CrossSectionalMomentumStrategy,
    )
    from omni_lab.strategies.crossover import SmaCrossConfig, SmaCrossStrategy
    from omni_lab.strategies.execution import ExecutionConfig, ExecutionStrategy
    from omni_lab.strategies.identity import strategy_hash
    from omni_lab.strategies.market_making import MarketMakingConfig, MarketMakingStrategy
    from omni_lab.strategies.momentum import MomentumConfig, MomentumStrategy
    from omni_lab.strategies.panel import PanelStrategy
    from omni_lab.strategies.registry import create, from_json, names, register, to_json
    from omni_lab.strategies.reversion import ZScoreReversionConfig, ZScoreReversionStrategy
    from omni_lab.strategies.statistical_arbitrage import (
        StatisticalArbitrageConfig,
        StatisticalArbitrageStrategy,
    )

__all__ = [
    "AllocationConfig",
    "AllocationStrategy",
    "Bar",
    "Book",
    "Context",
    "CrossSectionalMomentumConfig",
    "CrossSectionalMomentumStrategy",
    "ExecutionConfig",
    "ExecutionStrategy",
    "Fill",
    "Indicator",
    "MarketMakingConfig",
    "MarketMakingStrategy",
    "MomentumConfig",
    "MomentumStrategy",
    "OrderUpdate",
    "PanelStrategy",
    "Quote",
    "SmaCrossConfig",
    "SmaCrossStrategy",
    "StatisticalArbitrageConfig",
    "StatisticalArbitrageStrategy",
    "Strategy",
    "Timer",
    "Trade",
    "ZScoreReversionConfig",
    "ZScoreReversionStrategy",
    "create",
    "from_json",
    "names",
    "register",
    "strategy_hash",
    "to_json",
]

__getattr__ = attributes(
    __name__,
    {
        "AllocationConfig": "allocation",
        "AllocationStrategy": "allocation",
        "Bar": "base",
        "Book": "base",
        "Context": "base",
        "ExecutionConfig": "execution",
        "ExecutionStrategy": "execution",
        "Fill": "base",
        "Indicator": "base",
        "OrderUpdate": "base",
        "Quote": "base",
        "Strategy": "base",
        "Timer": "base",
        "Trade": "base",
        "CrossSectionalMomentumConfig": "cross_sectional",
        "CrossSectionalMomentumStrategy": "cross_sectional",
        "SmaCrossConfig": "crossover",
        "SmaCrossStrategy": "crossover",
        "strategy_hash": "identity",
        "MarketMakingConfig": "market_making",
        "MarketMakingStrategy": "market_making",
        "MomentumConfig": "momentum",
        "MomentumStrategy": "momentum",
        "PanelStrategy": "panel",
        "create": "registry",
        "from_json": "registry",
        "names": "registry",
        "register": "registry",
        "to_json": "registry",
        "ZScoreReversionConfig": "reversion",
        "ZScoreReversionStrategy": "reversion",
        "StatisticalArbitrageConfig": "statistical_arbitrage",
        "StatisticalArbitrageStrategy": "statistical_arbitrage",
    },
)
