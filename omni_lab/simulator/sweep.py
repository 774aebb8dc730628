"""Many parameter sets of one vectorised strategy, with the number of trials kept."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab.data.bars import Bars
from omni_lab.errors import ConfigError, SchemaError
from omni_lab.simulator.config import SimulationConfig
from omni_lab.simulator.run import Progress, Run, new_engine, target_cells
from omni_lab.typing import ArrayLike, FloatArray

if TYPE_CHECKING:
    import pandas as pd

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
    grid: Mapping[str, Iterable[Any]] | Iterable[Mapping[str, Any]],
    *,
    kind: str,
    progress: bool,
) -> SweepResults:
    """Run every parameter set; see :meth:`EventSimulator.sweep`."""
    sets = parameter_sets(grid)
    per_year = config.periods_per_year
    if per_year is None:
        from omni_lab.portfolio.performance import infer_periods_per_year

        per_year = infer_periods_per_year(bars.ts)
    riskless = (1.0 + config.risk_free_rate) ** (1.0 / per_year) - 1.0
    rows = np.full((len(sets), len(_METRICS)), np.nan)
    with Progress(len(sets), "sweep", progress) as report:
        for trial, parameters in enumerate(sets):
            engine = new_engine(bars, config)
            engine.run_targets(target_cells(bars, signals(bars, **parameters)), kind)
            rows[trial] = _row(Run(engine), config, per_year, riskless)
            report(trial + 1)
    return SweepResults(sets, dict(zip(_METRICS, np.ascontiguousarray(rows.T), strict=True)))


def parameter_sets(grid: Mapping[str, Iterable[Any]] | Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """All combinations of a grid, or the sets of a list."""
    if isinstance(grid, Mapping):
        values = [list(each) if not isinstance(each, str) else [each] for each in grid.values()]
        sets = [dict(zip(grid, combination, strict=True)) for combination in itertools.product(*values)]
    else:
        sets = [dict(each) for each in grid]
    if not sets:
        raise ConfigError("the grid holds no parameter set", where="grid")
    return sets


def _row(run: Run, config: SimulationConfig, per_year: float, riskless: float) -> tuple[float, ...]:
    stats, totals = run.stats, run.totals
    spread = stats["std"]
    sharpe = (stats["mean"] - riskless) / spread * math.sqrt(per_year) if spread > 0 else math.nan
    return (
        stats["final_equity"],
        stats["final_equity"] / config.initial_capital - 1.0,
        sharpe,
        stats["max_drawdown"],
        totals["n_fills"],
        totals["n_trades"],
        totals["commission_paid"] + totals["slippage_paid"],
    )
