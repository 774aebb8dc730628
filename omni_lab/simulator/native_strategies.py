"""Strategies that run in the engine by their settings alone, without a call of Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from omni_lab.data.bars import Bars
from omni_lab.errors import ConfigError
from omni_lab.progress import Progress
from omni_lab.simulator.config import SimulationConfig
from omni_lab.simulator.run import Run, kept, new_engine
from omni_lab.strategies.crossover import SmaCrossConfig
from omni_lab.strategies.registry import names
from omni_lab.strategies.reversion import ZScoreReversionConfig
from omni_lab.strategies.settings import parse_settings

NATIVE_STRATEGIES: Mapping[str, type[Any]] = {
    "sma_cross": SmaCrossConfig,
    "zscore_reversion": ZScoreReversionConfig,
}
"""Settings by name; the class of each in :mod:`omni_lab.strategies` decides the same in Python."""


@dataclass(frozen=True, slots=True)
class NativeRule:
    """A strategy of the engine's own, by name and parameters: what stands for it where one is handed in."""

    name: str
    parameters: dict[str, Any]

    @property
    def __name__(self) -> str:
        return self.name


def native_parameters(name: str, params: Mapping[str, Any] | None) -> dict[str, Any]:
    """All settings of a native strategy, checked.

    Raises
    ------
    ConfigError
        If there is no such strategy, or a setting is unknown or refused.
    """
    if name not in NATIVE_STRATEGIES:
        raise ConfigError("unknown strategy", found=name, expected=names(), where="strategy")
    return asdict(parse_settings(NATIVE_STRATEGIES[name], params))


def run_native(
    bars: Bars, config: SimulationConfig, name: str, parameters: dict[str, Any], *, progress: bool
) -> Run:
    """Run a native strategy; see :meth:`EventSimulator.run_backtest`."""
    engine = new_engine(bars, config)
    with Progress(bars.n_times, name, progress) as report, kept(engine, bars, config, name, parameters):
        engine.run_native(name, parameters, report)
    return Run(engine)
