"""Captured markets with a strategy in them: quotes, levels or every order, replayed.

``docs/replay.md`` says when orders fill and what is assumed. :class:`TickSimulator` is driven step by step;
``EventSimulator.run_backtest(strategy, events)`` runs a strategy's callbacks.
"""

from omni_lab.simulator.order_story import OrderStory
from omni_lab.simulator.ticks.config import (
    ConstantLatency,
    LogNormalLatency,
    MeasuredLatency,
    TickConfig,
    TradingFees,
)
from omni_lab.simulator.ticks.driver import run_on_ticks
from omni_lab.simulator.ticks.feed import MarketFeed
from omni_lab.simulator.ticks.quoter import run_quoter_on_ticks
from omni_lab.simulator.ticks.results import TickResults
from omni_lab.simulator.ticks.simulator import DepthView, OrderStatus, OrderView, TickSimulator
from omni_lab.simulator.ticks.terms import OrderTerms

__all__ = [
    "ConstantLatency",
    "DepthView",
    "LogNormalLatency",
    "MarketFeed",
    "MeasuredLatency",
    "OrderStatus",
    "OrderStory",
    "OrderTerms",
    "OrderView",
    "TickConfig",
    "TickResults",
    "TickSimulator",
    "TradingFees",
    "run_on_ticks",
    "run_quoter_on_ticks",
]
