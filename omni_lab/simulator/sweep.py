"""Many parameter sets of one vectorised strategy, with the number of trials kept."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab.data.bars import Bars
from omni_lab.errors import ConfigError, SchemaError
from omni_lab.portfolio.performance import infer_periods_per_year, returns_from_equity, sharpe_ratio
from omni_lab.progress import Progress
from omni_lab.simulator.config import SimulationConfig
from omni_lab.simulator.run import Run, new_engine, target_cells
from omni_lab.typing import ArrayLike, FloatArray

if TYPE_CHECKING:
    import pandas as pd

_DISTINCT = 1e-6

_METRICS = (
    "final_equity",
    "total_return",
    "sharpe_ratio",
    "max_drawdown",
    "n_fills",
    "n_trades",
    "costs_paid",
)


class SweepResults:
    """One row a parameter set, in the order they were run.

    Attributes
    ----------
    parameters : tuple of dict
        The parameter sets.
    metrics : dict of str to ndarray of float64, shape (n_trials,)
        final_equity, total_return, sharpe_ratio (annual), max_drawdown (≤ 0), n_fills, n_trades, costs_paid.
    n_trials : int
        How many were run. The best of many trials looks good by chance alone; deflate its Sharpe ratio by
        this number.
    """

    def __init__(self, parameters: Iterable[Mapping[str, Any]], metrics: Mapping[str, FloatArray]) -> None:
        self.parameters = tuple(dict(each) for each in parameters)
        self.metrics = dict(metrics)
        self.n_trials = len(self.parameters)

    def best(self, metric: str = "sharpe_ratio") -> dict[str, Any]:
        """Parameters and metrics of the row with the largest value of a metric."""
        if metric not in self.metrics:
            raise SchemaError("no such metric", found=metric, expected=list(self.metrics))
        values = self.metrics[metric]
        if np.isnan(values).all():
            raise ConfigError(f"{metric} is NaN in every row", hint="No parameter set ever traded.")
        row = int(np.nanargmax(values))
        return {**self.parameters[row], **{name: float(column[row]) for name, column in self.metrics.items()}}

    def to_pandas(self) -> pd.DataFrame:
        """A frame with one column a parameter and one a metric."""
        import pandas as pd

        return pd.concat([pd.DataFrame(list(self.parameters)), pd.DataFrame(self.metrics)], axis=1)

    def __len__(self) -> int:
        return self.n_trials

    def __repr__(self) -> str:
        return f"SweepResults({self.n_trials} trials)"

    def _repr_html_(self) -> str:
        return f"<p>{self.n_trials} trials</p>{self.to_pandas().head(20).to_html(index=False)}"


def sweep(
    bars: Bars,
    config: SimulationConfig,
    signals: Callable[..., ArrayLike],
    grid: Mapping[str, Any] | Iterable[Mapping[str, Any]],
    *,
    kind: str,
    progress: bool,
) -> SweepResults:
    """Run every parameter set; see :meth:`EventSimulator.sweep`."""
    sets = parameter_sets(grid)
    per_year = config.periods_per_year
    if per_year is None:
        per_year = infer_periods_per_year(bars.ts)
    rows = np.full((len(sets), len(_METRICS)), np.nan)
    with Progress(len(sets), "sweep", progress, unit="trials") as report:
        for trial, parameters in enumerate(sets):
            engine = new_engine(bars, config)
            try:
                targets = target_cells(bars, signals(bars, **parameters))
                engine.run_targets(targets, kind)
            except Exception as error:
                error.add_note(f"raised in trial {trial + 1} of {len(sets)}, parameters {parameters}")
                raise
            rows[trial] = _row(Run(engine), config, per_year)
            report(trial + 1)
    return SweepResults(sets, dict(zip(_METRICS, np.ascontiguousarray(rows.T), strict=True)))


def parameter_sets(grid: Mapping[str, Any] | Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """All combinations of a grid, or the sets of a list.

    Raises
    ------
    ConfigError
        If there is none, or the grid is neither.
    """
    sets: list[Any]
    if isinstance(grid, Mapping):
        combinations = itertools.product(*map(_values, grid.values())) if grid else ()
        sets = [dict(zip(grid, combination, strict=True)) for combination in combinations]
    else:
        sets = list(grid)
        for each in sets:
            if not isinstance(each, Mapping):
                raise ConfigError(
                    "this is not a grid of parameters",
                    found=each,
                    expected="a mapping of names to values, or a list of mappings",
                    where="grid",
                )
    if not sets:
        raise ConfigError("the grid holds no parameter set", where="grid")
    return [dict(each) for each in sets]


def _values(given: Any) -> list[Any]:
    return list(given) if isinstance(given, Iterable) and not isinstance(given, str) else [given]


def _row(run: Run, config: SimulationConfig, per_year: float) -> tuple[float, ...]:
    stats, totals = run.stats, run.totals
    return (
        stats["final_equity"],
        stats["final_equity"] / config.initial_capital - 1.0,
        _sharpe(run, config, per_year),
        stats["max_drawdown"],
        totals["n_fills"],
        totals["n_trades"],
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
