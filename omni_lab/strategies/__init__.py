"""Strategies decide: they look at closed bars and say what to hold. They do no input or output."""

from omni_lab.strategies.base import Bar, Context, Fill, Indicator, Strategy
from omni_lab.strategies.identity import strategy_hash
from omni_lab.strategies.momentum import MomentumConfig, MomentumStrategy
from omni_lab.strategies.registry import create, from_json, names, register, to_json

__all__ = [
    "Bar",
    "Context",
    "Fill",
    "Indicator",
    "MomentumConfig",
    "MomentumStrategy",
    "Strategy",
    "create",
    "from_json",
    "names",
    "register",
    "strategy_hash",
    "to_json",
]
