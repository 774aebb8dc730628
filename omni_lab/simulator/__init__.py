"""Backtests: settings, the simulator, its results, sweeps, replays of markets, and the look-ahead guard.

How orders fill, and why nothing can look ahead, is written in ``docs/simulation.md`` for bars and
``docs/replay.md`` for ticks. What is not asked for is not imported.
"""

from typing import TYPE_CHECKING

from omni_lab.lazy import attributes

if TYPE_CHECKING:
    from omni_lab.simulator.agreement import AgreementReport, Difference
    from omni_lab.simulator.config import SimulationConfig
    from omni_lab.simulator.costs import FeeSchedule, FeeTier, Financing, MarketImpact
    from omni_lab.simulator.event_simulator import EventSimulator
    from omni_lab.simulator.events import Currencies, Dividend, Halt, Split
    from omni_lab.simulator.indicators import indicator_values
    from omni_lab.simulator.lookahead import Leak, LookaheadReport
    from omni_lab.simulator.order_story import OrderStory
    from omni_lab.simulator.research import (
        Between,
        CombinatorialPurged,
        GridSearch,
        OptunaSearch,
        RandomSearch,
        WalkForward,
    )
    from omni_lab.simulator.research.cross_validation import CrossValidationResults
    from omni_lab.simulator.research.walk_forward import WalkForwardResults
    from omni_lab.simulator.results import BacktestResults
    from omni_lab.simulator.run_journal import RunJournal, open_journal
    from omni_lab.simulator.significance import Significance
    from omni_lab.simulator.sweep import SweepInterrupted, SweepResults
    from omni_lab.simulator.tables import Table
    from omni_lab.simulator.ticks import (
        ConstantLatency,
        LogNormalLatency,
        MarketFeed,
        MeasuredLatency,
        TickConfig,
        TickResults,
        TickSimulator,
    )

__all__ = [
    "AgreementReport",
    "BacktestResults",
    "Between",
    "CombinatorialPurged",
    "ConstantLatency",
    "CrossValidationResults",
    "Currencies",
    "Difference",
    "Dividend",
    "EventSimulator",
    "FeeSchedule",
    "FeeTier",
    "Financing",
    "GridSearch",
    "Halt",
    "Leak",
    "LogNormalLatency",
    "LookaheadReport",
    "MarketFeed",
    "MarketImpact",
    "MeasuredLatency",
    "OptunaSearch",
    "OrderStory",
    "RandomSearch",
    "RunJournal",
    "Significance",
    "SimulationConfig",
    "Split",
    "SweepInterrupted",
    "SweepResults",
    "Table",
    "TickConfig",
    "TickResults",
    "TickSimulator",
    "WalkForward",
    "WalkForwardResults",
    "indicator_values",
    "open_journal",
]

__getattr__ = attributes(
    __name__,
    {
        "AgreementReport": "agreement",
        "Difference": "agreement",
        "SimulationConfig": "config",
        "FeeSchedule": "costs",
        "FeeTier": "costs",
        "Financing": "costs",
        "MarketImpact": "costs",
        "EventSimulator": "event_simulator",
        "Currencies": "events",
        "Dividend": "events",
        "Halt": "events",
        "Split": "events",
        "indicator_values": "indicators",
        "Leak": "lookahead",
        "LookaheadReport": "lookahead",
        "Between": "research",
        "CombinatorialPurged": "research",
        "GridSearch": "research",
        "OptunaSearch": "research",
        "RandomSearch": "research",
        "WalkForward": "research",
        "CrossValidationResults": "research.cross_validation",
        "WalkForwardResults": "research.walk_forward",
        "OrderStory": "order_story",
        "BacktestResults": "results",
        "RunJournal": "run_journal",
        "open_journal": "run_journal",
        "Significance": "significance",
        "SweepInterrupted": "sweep",
        "SweepResults": "sweep",
        "Table": "tables",
        "ConstantLatency": "ticks",
        "LogNormalLatency": "ticks",
        "MarketFeed": "ticks",
        "MeasuredLatency": "ticks",
        "TickConfig": "ticks",
        "TickResults": "ticks",
        "TickSimulator": "ticks",
    },
)
