"""Backtests: settings, the simulator, its results, sweeps, and the look-ahead guard.

How orders fill, and why nothing can look ahead, is written in ``docs/simulation.md``.
"""

from omni_lab.simulator.agreement import AgreementReport, Difference
from omni_lab.simulator.config import SimulationConfig
from omni_lab.simulator.event_simulator import EventSimulator
from omni_lab.simulator.lookahead import Leak, LookaheadReport
from omni_lab.simulator.results import BacktestResults
from omni_lab.simulator.sweep import SweepResults
from omni_lab.simulator.tables import Table

__all__ = [
    "AgreementReport",
    "BacktestResults",
    "Difference",
    "EventSimulator",
    "Leak",
    "LookaheadReport",
    "SimulationConfig",
    "SweepResults",
    "Table",
]
