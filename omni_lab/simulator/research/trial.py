"""One trial: a strategy with one set of parameters, run on bars, and what is kept of it.

Everything that runs trials, in this process or another, calls :class:`Evaluator`; so the figures of a trial
do not depend on where it was run.
"""

from __future__ import annotations

import inspect
import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from omni_lab.data.bars import Bars
from omni_lab.portfolio.performance import returns_from_equity, sharpe_ratio
from omni_lab.simulator.config import SimulationConfig
from omni_lab.simulator.native_strategies import NativeRule, run_native
from omni_lab.simulator.run import Run, new_engine, run_strategy, target_cells
from omni_lab.strategies.base import Strategy
from omni_lab.typing import FloatArray

METRICS = (
    "final_equity",
    "total_return",
    "sharpe_ratio",
    "max_drawdown",
    "n_fills",
    "n_trades",
    "costs_paid",
)
"""Headline figures of a trial, in the order of a row."""

_DISTINCT = 1e-6
_MOST_SLICES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What all trials of a search have in common.

    Attributes
    ----------
    config : SimulationConfig
        How orders fill.
    strategy : callable
        A function from bars and parameters to targets, to a :class:`Strategy` or to a :class:`NativeRule`, or
        a class of strategies.
    kind : {"weight", "quantity"}
        What targets mean.
    per_year : float
        Steps in a year, for annual ratios.
    keep_returns : bool
        Whether the return of every step is kept.
    """

    config: SimulationConfig
    strategy: Callable[..., Any]
    kind: str
    per_year: float
    keep_returns: bool = False


@dataclass(frozen=True, slots=True)
class Task:
    """One trial to run: its number, its parameters, and the steps it may see, ``stop`` exclusive."""

    number: int
    parameters: Mapping[str, Any]
    first: int
    stop: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a task: a row of :data:`METRICS` and perhaps returns, or an error."""

    row: tuple[float, ...] | None = None
    returns: FloatArray | None = None
    error: Exception | None = None


class Evaluator:
    """Runs tasks on bars.

    Parameters
    ----------
    bars : Bars
        All of them; a task says which part it may see.
    work : Work
        What the tasks have in common.

    Attributes
    ----------
    calls_back : bool
        Whether a trial so far had the engine call Python at every bar.
    """

    def __init__(self, bars: Bars, work: Work) -> None:
        self.calls_back = False
        self._bars = bars
        self._work = work
        self._slices: dict[tuple[int, int], Bars] = {}
        self._lock = threading.Lock()

    def __call__(self, task: Task) -> Outcome:
        """The outcome of a task; what the strategy raises is part of it."""
        try:
            bars = self._seen(task)
            made = made_by(self._work.strategy, bars, task.parameters)
            self.calls_back |= isinstance(made, Strategy)
            run = run_of(bars, self._work, made)
        except Exception as error:  # noqa: BLE001 - the strategy is somebody else's code, and its error is told
            return Outcome(error=error)
        config, per_year = self._work.config, self._work.per_year
        returns = returns_from_equity(run.equity, config.initial_capital) if self._work.keep_returns else None
        return Outcome(row=_row(run, config, per_year), returns=returns)

    def _seen(self, task: Task) -> Bars:
        """The part of the bars that a task may see; the last few parts are kept."""
        part = (task.first, task.stop)
        if part == (0, self._bars.n_times):
            return self._bars
        with self._lock:
            if part not in self._slices:
                if len(self._slices) >= _MOST_SLICES:
                    del self._slices[next(iter(self._slices))]
                self._slices[part] = self._bars.slice(*part)
            return self._slices[part]


def run_of(bars: Bars, work: Work, made: Any) -> Run:
    """A finished run of targets or of a strategy."""
    if isinstance(made, Strategy):
        return run_strategy(bars, work.config, made, progress=False)
    if isinstance(made, NativeRule):
        return run_native(bars, work.config, made.name, made.parameters, progress=False)
    engine = new_engine(bars, work.config)
    engine.run_targets(target_cells(bars, made), work.kind)
    return Run(engine)


def made_by(strategy: Callable[..., Any], bars: Bars, parameters: Mapping[str, Any]) -> Any:
    """What a function makes of bars and parameters, or an instance of a class of strategies.

    A class whose constructor takes ``config`` gets the parameters as one mapping, any other by name.
    """
    if not isinstance(strategy, type):
        return strategy(bars, **parameters)
    if "config" in inspect.signature(strategy).parameters:
        return strategy(dict(parameters))
    return strategy(**parameters)


def _row(run: Run, config: SimulationConfig, per_year: float) -> tuple[float, ...]:
    stats, totals = run.stats, run.totals
    return (
        stats["final_equity"],
        stats["final_equity"] / config.initial_capital - 1.0,
        _sharpe(run, config, per_year),
        stats["max_drawdown"],
        float(totals["n_fills"]),
        float(totals["n_trades"]),
        totals["commission_paid"] + totals["slippage_paid"],
    )


def _sharpe(run: Run, config: SimulationConfig, per_year: float) -> float:
    mean, spread = run.stats["mean"], run.stats["std"]
    # The engine's single pass cannot tell a small scatter from rounding, nor what ruin leaves undefined.
    if run.stats["max_drawdown"] <= -1.0 or not spread > _DISTINCT * abs(mean):
        returns = returns_from_equity(run.equity, config.initial_capital)
        return sharpe_ratio(returns, per_year, config.risk_free_rate)
    riskless = math.expm1(math.log1p(config.risk_free_rate) / per_year)
    return (mean - riskless) / spread * math.sqrt(per_year)


def nothing_known() -> tuple[float, ...]:
    """The row of a trial that failed."""
    return (float(np.nan),) * len(METRICS)
