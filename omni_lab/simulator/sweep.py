"""Many parameter sets of one strategy, with the number of trials kept."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab.data.bars import Bars
from omni_lab.errors import ConfigError, SchemaError
from omni_lab.portfolio.performance import per_step_rate
from omni_lab.progress import Progress
from omni_lab.simulator.bar_sessions import steps_per_year
from omni_lab.simulator.config import SimulationConfig
from omni_lab.simulator.counting import bound_parameters, family_of, record, trials_of_search
from omni_lab.simulator.research.identity import canonical
from omni_lab.simulator.research.runner import Errors, Runner
from omni_lab.simulator.research.search import Parameters, Search, as_search
from omni_lab.simulator.research.trial import METRICS, Outcome, Task, Work, nothing_known
from omni_lab.simulator.selection import KEPT_BYTES, Selection
from omni_lab.typing import ArrayLike, FloatArray

if TYPE_CHECKING:
    import pandas as pd

    from omni_lab.portfolio.overfitting import Overfitting
    from omni_lab.portfolio.snooping import Snooping
    from omni_lab.simulator.research.neighbourhood import Neighbourhood
    from omni_lab.simulator.significance import Significance


class SweepResults:
    """One row a parameter set, in the order they were proposed.

    Attributes
    ----------
    parameters : tuple of dict
        The parameter sets.
    metrics : dict of str to ndarray of float64, shape (n_trials,)
        final_equity, total_return, sharpe_ratio (annual), max_drawdown (≤ 0), n_fills, n_trades, costs_paid;
        NaN where the trial failed.
    returns : ndarray of float64, shape (n_times, n_trials), or None
        Simple return of each step, if they were to be kept; NaN where the trial failed.
    errors : tuple of Exception or None, length n_trials
        What a trial raised, None where it ended well.
    periods_per_year : float
        Steps in a year, by which annual figures were made.
    n_trials : int
        How many were run. The best of many trials looks good by chance alone; deflate its Sharpe ratio by
        this number: :meth:`deflated_sharpe` does.
    """

    def __init__(
        self,
        parameters: Iterable[Mapping[str, Any]],
        metrics: Mapping[str, FloatArray],
        *,
        returns: FloatArray | None = None,
        errors: Sequence[Exception | None] | None = None,
        periods_per_year: float = math.nan,
        selection: Selection | None = None,
    ) -> None:
        self.parameters = tuple(dict(each) for each in parameters)
        self.metrics = dict(metrics)
        self.n_trials = len(self.parameters)
        self.returns = returns
        self.errors = tuple(errors) if errors is not None else (None,) * self.n_trials
        self.periods_per_year = periods_per_year
        self._selection = selection

    @property
    def n_failed(self) -> int:
        """How many trials failed."""
        return sum(error is not None for error in self.errors)

    @property
    def sha256(self) -> str:
        """SHA-256 (hex) over parameters, metrics, returns and which trials failed: equal for equal searches.

        It depends neither on the number of workers and where they ran, nor on how often the search was cut
        short and went on.
        """
        digest = hashlib.sha256()
        for each, error in zip(self.parameters, self.errors, strict=True):
            digest.update(f"{canonical(each)} {'ended' if error is None else 'failed'}\n".encode())
        for name, column in self.metrics.items():
            digest.update(name.encode() + np.ascontiguousarray(column).tobytes())
        if self.returns is not None:
            digest.update(self.returns.tobytes(order="F"))
        return digest.hexdigest()

    def best(self, metric: str = "sharpe_ratio") -> dict[str, Any]:
        """Parameters and metrics of the row with the largest value of a metric."""
        values = self._metric(metric)
        if np.isnan(values).all():
            raise ConfigError(f"{metric} is NaN in every row", hint="No parameter set ever traded.")
        row = int(np.nanargmax(values))
        return {**self.parameters[row], **{name: float(column[row]) for name, column in self.metrics.items()}}

    def neighbourhood(
        self, metric: str = "sharpe_ratio", at: Mapping[str, Any] | None = None
    ) -> Neighbourhood:
        """How the parameter sets around one did, the best by default.

        See :class:`omni_lab.simulator.research.Neighbourhood`.
        """
        from omni_lab.simulator.research.neighbourhood import neighbourhood

        return neighbourhood(self.parameters, self._metric(metric), metric, at=at)

    def heatmap(
        self,
        x: str,
        y: str,
        metric: str = "sharpe_ratio",
        *,
        fixed: Mapping[str, Any] | None = None,
        aggregate: str = "median",
        theme: str = "light",
    ) -> Any:
        """A figure of a metric over two parameters.

        Parameters
        ----------
        x, y : str
            The parameters across and up.
        metric : str
            What is shown.
        fixed : mapping, optional
            Values that other parameters must have.
        aggregate : {"median", "mean", "max", "min"}
            What is shown of the sets that fall into one cell. The maximum flatters: it picks the luckiest.
        theme : {"light", "dark"}
            Colours.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        SchemaError
            If there is no such parameter or metric.
        ConfigError
            If no set has the fixed values, or the aggregate is unknown.
        """
        from omni_lab.figures import parameter_heatmap
        from omni_lab.simulator.research.cells import cells_of

        cells = cells_of(self.parameters, self._metric(metric), x, y, fixed=fixed or {}, aggregate=aggregate)
        return parameter_heatmap(
            cells.x, cells.y, cells.values, x_label=x, y_label=y, metric=metric, note=cells.note, theme=theme
        )

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
        strategy on these bars. With `effective`, the trials of this sweep count for as many independent ones
        as their correlation leaves of them.
        """
        return self.selection.deflated_sharpe(effective=effective, confidence=confidence)

    def to_pandas(self) -> pd.DataFrame:
        """A frame with one column a parameter and one a metric; ``error`` is the text of what went wrong."""
        import pandas as pd

        frame = pd.concat([pd.DataFrame(list(self.parameters)), pd.DataFrame(self.metrics)], axis=1)
        if self.n_failed:
            frame["error"] = [None if e is None else f"{type(e).__name__}: {e}" for e in self.errors]
        return frame

    def __len__(self) -> int:
        return self.n_trials

    def __repr__(self) -> str:
        failed = f", {self.n_failed} failed" if self.n_failed else ""
        return f"SweepResults({self.n_trials} trials{failed})"

    def _repr_html_(self) -> str:
        return f"<p>{self.n_trials} trials</p>{self.to_pandas().head(20).to_html(index=False)}"

    def _metric(self, metric: str) -> FloatArray:
        if metric not in self.metrics:
            raise SchemaError("no such metric", found=metric, expected=list(self.metrics))
        return self.metrics[metric]


class SweepInterrupted(KeyboardInterrupt):
    """Ctrl-C in the middle of a sweep.

    Attributes
    ----------
    results : SweepResults
        The trials that had ended, in order. In a notebook, ``sys.last_value.results``.
    """

    def __init__(self, results: SweepResults) -> None:
        super().__init__(f"interrupted after {results.n_trials} trials; they are in .results")
        self.results = results


class _Collected:
    """What has come of the trials so far."""

    def __init__(self, bars: Bars, work: Work, *, counted: bool) -> None:
        self.sets: list[Parameters] = []
        self.outcomes: dict[int, Outcome] = {}
        self._bars, self._work, self._counted = bars, work, counted
        self._family = family_of(work.strategy)

    def row(self, number: int) -> tuple[float, ...]:
        """Metrics of a trial, NaN if it failed."""
        return self.outcomes[number].row or nothing_known()

    def results(self) -> SweepResults:
        """The trials that have ended, in order."""
        numbers, work = sorted(self.outcomes), self._work
        rows = np.array([self.row(number) for number in numbers]).reshape(len(numbers), len(METRICS))
        rows[np.isnan(rows)] = np.nan  # one kind of NaN, whatever arithmetic it came from
        returns = None
        if work.keep_returns:
            returns = np.full((self._bars.n_times, len(numbers)), np.nan, order="F")
            for column, number in enumerate(numbers):
                kept = self.outcomes[number].returns
                if kept is not None:
                    returns[:, column] = kept
        return SweepResults(
            [self.sets[number] for number in numbers],
            dict(zip(METRICS, np.ascontiguousarray(rows.T), strict=True)),
            returns=returns,
            errors=[self.outcomes[number].error for number in numbers],
            periods_per_year=work.per_year,
            selection=Selection(
                kept=returns,
                data=self._bars.fingerprint if self._counted else "",
                family=self._family,
                per_year=work.per_year,
                riskless=per_step_rate(work.config.risk_free_rate, work.per_year),
            ),
        )

    def count(self) -> None:
        """Tell the ledger of the trials that have ended well, however the sweep ended."""
        ended = [number for number, outcome in self.outcomes.items() if outcome.error is None]
        if not self._counted or not ended:
            return
        work = self._work
        record(
            trials_of_search(
                [self.sets[number] for number in ended],
                [self.row(number)[METRICS.index("sharpe_ratio")] for number in ended],
                [self.outcomes[number].returns for number in ended],
                self._bars,
                work.config,
                family=self._family,
                bound=bound_parameters(work.strategy),
                source="sweep",
                per_year=work.per_year,
                kind=work.kind,
            )
        )


def sweep(
    bars: Bars,
    config: SimulationConfig,
    strategy: Callable[..., Any],
    grid: Search | Mapping[str, Any] | Iterable[Mapping[str, Any]],
    *,
    kind: str = "weight",
    progress: bool = True,
    workers: int | None = None,
    executor: str = "auto",
    errors: Errors = "raise",
    journal: str | os.PathLike[str] | None = None,
    keep_returns: bool | None = None,
    counted: bool = False,
) -> SweepResults:
    """Run every parameter set; see :meth:`EventSimulator.sweep`."""
    search = as_search(grid)
    if keep_returns is None:
        keep_returns = 8 * bars.n_times * search.n_trials <= KEPT_BYTES
    per_year = steps_per_year(bars.ts, config)
    work = Work(config=config, strategy=strategy, kind=kind, per_year=per_year, keep_returns=keep_returns)
    done = _Collected(bars, work, counted=counted)
    try:
        with (
            Progress(search.n_trials, "sweep", progress, unit="trials") as report,
            Runner(
                bars,
                work,
                workers=workers,
                executor=executor,
                errors=errors,
                journal=journal,
                report=report,
                n_trials=search.n_trials,
            ) as runner,
        ):
            _follow(search, runner, done, bars.n_times)
    except KeyboardInterrupt as error:
        raise SweepInterrupted(done.results()) from error
    finally:
        done.count()
    return done.results()


def _follow(search: Search, runner: Runner, done: _Collected, n_times: int) -> None:
    """Run batch after batch, telling the search what came of each."""

    def keep(task: Task, outcome: Outcome) -> None:
        done.outcomes[task.number] = outcome

    proposals = search.proposals()
    try:
        sets = next(proposals)
        while True:
            first = len(done.sets)
            done.sets += sets
            numbers = range(first, len(done.sets))
            runner.run([Task(number, done.sets[number], 0, n_times) for number in numbers], keep)
            sets = proposals.send([dict(zip(METRICS, done.row(n), strict=True)) for n in numbers])
    except StopIteration:
        return
