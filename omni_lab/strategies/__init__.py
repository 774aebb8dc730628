"""Strategies decide: they look at the market and say what to do. They do no input or output."""

from omni_lab.strategies.allocation import AllocationConfig, AllocationStrategy
from omni_lab.strategies.base import Bar, Context, Fill, Indicator, OrderUpdate, Strategy, Timer
from omni_lab.strategies.cross_sectional import CrossSectionalMomentumConfig, CrossSectionalMomentumStrategy
from omni_lab.strategies.crossover import SmaCrossConfig, SmaCrossStrategy
from omni_lab.strategies.identity import strategy_hash
from omni_lab.strategies.momentum import MomentumConfig, MomentumStrategy
from omni_lab.strategies.panel import PanelStrategy
from omni_lab.strategies.registry import create, from_json, names, register, to_json
from omni_lab.strategies.reversion import ZScoreReversionConfig, ZScoreReversionStrategy
from omni_lab.strategies.statistical_arbitrage import StatisticalArbitrageConfig, StatisticalArbitrageStrategy

__all__ = [
    "AllocationConfig",
    "AllocationStrategy",
    "Bar",
    "Context",
    "CrossSectionalMomentumConfig",
    "CrossSectionalMomentumStrategy",
    "Fill",
    "Indicator",
    "MomentumConfig",
    "MomentumStrategy",
    "OrderUpdate",
    "PanelStrategy",
    "SmaCrossConfig",
    "SmaCrossStrategy",
    "StatisticalArbitrageConfig",
    "StatisticalArbitrageStrategy",
    "Strategy",
    "Timer",
    "ZScoreReversionConfig",
    "ZScoreReversionStrategy",
    "create",
    "from_json",
    "names",
    "register",
    "strategy_hash",
    "to_json",
]
