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
from omni_lab.simulator.counting import bound_parameters, family_of, record, trial_of
from omni_lab.simulator.run import Run, new_engine, target_cells
from omni_lab.simulator.selection import Selection
from omni_lab.typing import ArrayLike, FloatArray

if TYPE_CHECKING:
    import pandas as pd

    from omni_lab.portfolio.overfitting import Overfitting
    from omni_lab.portfolio.snooping import Snooping
    from omni_lab.simulator.significance import Significance

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
        this number: :meth:`deflated_sharpe` does.
    """

    def __init__(
        self,
        parameters: Iterable[Mapping[str, Any]],
        metrics: Mapping[str, FloatArray],
        selection: Selection | None = None,
    ) -> None:
        self.parameters = tuple(dict(each) for each in parameters)
        self.metrics = dict(metrics)
        self.n_trials = len(self.parameters)
        self._selection = selection

    def best(self, metric: str = "sharpe_ratio") -> dict[str, Any]:
        """Parameters and metrics of the row with the largest value of a metric."""
        if metric not in self.metrics:
            raise SchemaError("no such metric", found=metric, expected=list(self.metrics))
        values = self.metrics[metric]
        if np.isnan(values).all():
            raise ConfigError(f"{metric} is NaN in every row", hint="No parameter set ever traded.")
        row = int(np.nanargmax(values))
        return {**self.parameters[row], **{name: float(column[row]) for name, column in self.metrics.items()}}

    @property
    def returns(self) -> FloatArray:
        """Returns per step of every trial, shape (n_times, n_trials); ConfigError if they were not kept."""
        return self.selection.returns

    @property
    def selection(self) -> Selection:
        """The trials, for tests of the choice among them."""
        if self._selection is None:
            raise ConfigError("these results know only metrics", expected="results of EventSimulator.sweep")
        return self._selection

    def pbo(self, n_blocks: int = 16) -> Overfitting:
        """Probability that the best trial is overfit, by combinatorially symmetric cross-validation.

        See :func:`omni_lab.portfolio.overfitting.backtest_overfitting`; trials that were ruined are left out.
        """
        return self.selection.pbo(n_blocks)

    def reality_check(
        self,
        benchmark: ArrayLike | None = None,
        *,
        n_samples: int = 1000,
        seed: int = 0,
        progress: bool = True,
    ) -> Snooping:
        """Whether the best trial beats a benchmark: White's reality check and Hansen's test.

        See :func:`omni_lab.portfolio.snooping.data_snooping`. The benchmark is an array of returns of shape
        (n_times,), such as those of holding the instrument; by default the riskless rate.
        """
        return self.selection.reality_check(benchmark, n_samples=n_samples, seed=seed, progress=progress)

    def deflated_sharpe(self, *, effective: bool = False, confidence: float = 0.95) -> Significance:
        """Significance of the largest Sharpe ratio, given the trials made.

        Those are the trials of this sweep or, if there are more, those that the ledger has counted for this
        function on these bars. With `effective`, the trials of this sweep count for as many independent ones
        as their correlation leaves of them.
        """
        return self.selection.deflated_sharpe(effective=effective, confidence=confidence)

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
    keep_returns: bool | None = None,
    counted: bool = False,
) -> SweepResults:
    """Run every parameter set; see :meth:`EventSimulator.sweep`."""
    sets = parameter_sets(grid)
    family, bound, trials = family_of(signals), bound_parameters(signals), []
    per_year = config.periods_per_year
    if per_year is None:
        per_year = infer_periods_per_year(bars.ts)
    rows = np.full((len(sets), len(_METRICS)), np.nan)
    selection = Selection(
        bars,
        config,
        family=family,
        n_trials=len(sets),
        per_year=per_year,
        keep=keep_returns,
        counted=counted,
    )
    try:
        with Progress(len(sets), "sweep", progress, unit="trials") as report:
            for trial, parameters in enumerate(sets):
                engine = new_engine(bars, config)
                try:
                    targets = target_cells(bars, signals(bars, **parameters))
                    engine.run_targets(targets, kind)
                except Exception as error:
                    error.add_note(f"raised in trial {trial + 1} of {len(sets)}, parameters {parameters}")
                    raise
                run = Run(engine)
                rows[trial] = _row(run, config, per_year)
                selection.add(trial, run.equity)
                if counted:
                    told = {**bound, **parameters}
                    trials.append(
                        trial_of(run, bars, config, family=family, parameters=told, source="sweep", kind=kind)
                    )
                report(trial + 1)
    finally:
        # What was seen before an interruption was seen.
        record(trials)
    return SweepResults(sets, dict(zip(_METRICS, np.ascontiguousarray(rows.T), strict=True)), selection)


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
