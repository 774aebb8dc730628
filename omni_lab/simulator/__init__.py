"""Backtests: settings, the simulator, its results, sweeps, and the look-ahead guard.

How orders fill, and why nothing can look ahead, is written in ``docs/simulation.md``.
"""

from omni_lab.simulator.agreement import AgreementReport, Difference
from omni_lab.simulator.config import SimulationConfig
from omni_lab.simulator.costs import FeeSchedule, FeeTier, Financing, MarketImpact
from omni_lab.simulator.event_simulator import EventSimulator
from omni_lab.simulator.events import Currencies, Dividend, Halt, Split
from omni_lab.simulator.indicators import indicator_values
from omni_lab.simulator.lookahead import Leak, LookaheadReport
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
from omni_lab.simulator.significance import Significance
from omni_lab.simulator.sweep import SweepInterrupted, SweepResults
from omni_lab.simulator.tables import Table

__all__ = [
    "AgreementReport",
    "BacktestResults",
    "Between",
    "CombinatorialPurged",
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
    "LookaheadReport",
    "MarketImpact",
    "OptunaSearch",
    "RandomSearch",
    "Significance",
    "SimulationConfig",
    "Split",
    "SweepInterrupted",
    "SweepResults",
    "Table",
    "WalkForward",
    "WalkForwardResults",
    "indicator_values",
]
