"""Strategies decide: they look at closed bars and say what to hold. They do no input or output."""

from omni_lab.strategies.base import Bar, Context, Fill, Indicator, OrderUpdate, Strategy, Timer
from omni_lab.strategies.crossover import SmaCrossConfig, SmaCrossStrategy
from omni_lab.strategies.momentum import MomentumConfig, MomentumStrategy
from omni_lab.strategies.reversion import ZScoreReversionConfig, ZScoreReversionStrategy

__all__ = [
    "Bar",
    "Context",
    "Fill",
    "Indicator",
    "MomentumConfig",
    "MomentumStrategy",
    "OrderUpdate",
    "SmaCrossConfig",
    "SmaCrossStrategy",
    "Strategy",
    "Timer",
    "ZScoreReversionConfig",
    "ZScoreReversionStrategy",
]
