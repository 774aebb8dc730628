"""Walks forward: parameters chosen on the past, judged on what came next, fold after fold.

The strategy never sees a step after those it is run for: training sees the training steps, a test its own and
those before it back to the first that trained. ``docs/research.md`` says which index is where.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab.data.bars import Bars
from omni_lab.errors import ConfigError
from omni_lab.portfolio.performance import returns_from_equity
from omni_lab.progress import Progress
from omni_lab.simulator.config import SimulationConfig
from omni_lab.simulator.counting import bound_parameters, family_of, record, trials_of_search
from omni_lab.simulator.native_strategies import NativeRule
from omni_lab.simulator.research.judging import best_of, check_judged, judge
from omni_lab.simulator.research.runner import Errors, Runner
from omni_lab.simulator.research.search import Search, fixed_sets
from omni_lab.simulator.research.splits import Fold, WalkForward
from omni_lab.simulator.research.trial import METRICS, Outcome, Task, Work, made_by, run_of
from omni_lab.simulator.run import Run, new_engine, target_cells
from omni_lab.strategies.base import Strategy
from omni_lab.typing import FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenFold:
    """One fold, what was chosen on its training steps, and what it did after.

    Attributes
    ----------
    fold : Fold
        The steps.
    parameters : dict
        Those with the best metric in training.
    in_sample, out_of_sample : float
        The metric of the chosen set in training, and of what was traded in the test.
    out_return : float
        Total return of the test.
    """

    fold: Fold
    parameters: dict[str, Any]
    in_sample: float
    out_of_sample: float
    out_return: float


class WalkForwardResults:
    """What a walk forward would have earned, and how much less than it promised.

    Attributes
    ----------
    folds : tuple of ChosenFold
        In order of time.
    metric : str
        What was chosen by.
    ts : ndarray of int64, shape (n_tested,)
        Times of the steps that were tested, nanoseconds since 1970 UTC.
    returns, equity : ndarray of float64, shape (n_tested,)
        Out of sample, stitched: simple returns, and the account that lived through them.
    out_of_sample : float
        The metric of all stitched returns.
    n_trials : int
        Parameter sets tried in each fold.
    """

    def __init__(
        self,
        folds: Iterable[ChosenFold],
        *,
        metric: str,
        ts: IntArray,
        returns: FloatArray,
        initial_capital: float,
        out_of_sample: float,
        n_trials: int,
    ) -> None:
        self.folds = tuple(folds)
        self.metric = metric
        self.ts, self.returns = ts, returns
        self.initial_capital = initial_capital
        self.equity: FloatArray = np.asarray(initial_capital * np.cumprod(1.0 + returns))
        self.out_of_sample = out_of_sample
        self.n_trials = n_trials

    @property
    def in_sample(self) -> float:
        """Mean over the folds of what the chosen sets had in training."""
        return float(np.nanmean([each.in_sample for each in self.folds]))

    @property
    def degradation(self) -> float:
        """What was lost on the way: mean metric in sample less that of the stitched returns."""
        return self.in_sample - self.out_of_sample

    @property
    def n_distinct(self) -> int:
        """How many different sets were chosen; as many as folds says that the choice is noise."""
        return len({repr(each.parameters) for each in self.folds})

    def to_pandas(self) -> pd.DataFrame:
        """A frame with one row a fold: steps, parameters, the metric on both sides, the test's return."""
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "train_first": each.fold.train_first,
                    "train_stop": each.fold.train_stop,
                    "test_first": each.fold.test_first,
                    "test_stop": each.fold.test_stop,
                    **each.parameters,
                    "in_sample": each.in_sample,
                    "out_of_sample": each.out_of_sample,
                    "out_return": each.out_return,
                }
                for each in self.folds
            ]
        )

    def plot(self, *, theme: str = "light") -> Any:
        """A figure: stitched equity with the folds, and the metric in and out of sample of each."""
        from omni_lab.figures import walk_forward_figure

        lengths = [each.fold.test_stop - each.fold.test_first for each in self.folds]
        return walk_forward_figure(
            self.ts,
            self.equity,
            np.concatenate(([0], np.cumsum(lengths)[:-1])),
            [each.in_sample for each in self.folds],
            [each.out_of_sample for each in self.folds],
            initial_capital=self.initial_capital,
            metric=self.metric,
            overall=self.out_of_sample,
            theme=theme,
        )

    def __repr__(self) -> str:
        return (
            f"WalkForwardResults({len(self.folds)} folds of {self.n_trials} trials: {self.metric} "
            f"{self.in_sample:.3g} in sample, {self.out_of_sample:.3g} out of sample)"
        )

    def _repr_html_(self) -> str:
        return f"<p>{self!r}</p>{self.to_pandas().to_html(index=False)}"


def walk_forward(
    bars: Bars,
    config: SimulationConfig,
    strategy: Callable[..., Any],
    grid: Search | Mapping[str, Any] | Iterable[Mapping[str, Any]],
    split: WalkForward,
    *,
    per_year: float,
    metric: str,
    kind: str,
    progress: bool,
    workers: int | None,
    executor: str,
    errors: Errors,
    journal: str | os.PathLike[str] | None,
    counted: bool = False,
) -> WalkForwardResults:
    """Choose and judge fold after fold; see :meth:`EventSimulator.walk_forward`."""
    check_judged(metric)
    if split.step is not None and split.step < split.test:
        raise ConfigError(
            "tests that overlap cannot be stitched",
            found=split.step,
            expected=f"at least {split.test}",
            where="WalkForward.step",
        )
    folds, sets = split.folds(bars.n_times), fixed_sets(grid)
    work = Work(config=config, strategy=strategy, kind=kind, per_year=per_year)
    values = np.full((len(folds), len(sets)), np.nan)
    column = METRICS.index(metric)

    def keep(task: Task, outcome: Outcome) -> None:
        if outcome.row is not None:
            values[divmod(task.number, len(sets))] = outcome.row[column]

    tasks = [
        Task(place * len(sets) + number, parameters, fold.train_first, fold.train_stop)
        for place, fold in enumerate(folds)
        for number, parameters in enumerate(sets)
    ]
    with (
        Progress(len(tasks), "walk forward", progress, unit="trials") as report,
        Runner(
            bars,
            work,
            workers=workers,
            executor=executor,
            errors=errors,
            journal=journal,
            report=report,
            n_trials=len(tasks),
        ) as runner,
    ):
        runner.run(tasks, keep)
    if counted:
        # Each set was tried on these bars, though never on all of them at once.
        unknown = trials_of_search(
            sets,
            [np.nan] * len(sets),
            [None] * len(sets),
            bars,
            config,
            family=family_of(strategy),
            bound=bound_parameters(strategy),
            source="walk_forward",
            per_year=per_year,
            kind=kind,
        )
        record(unknown)
    chosen = [best_of(row, metric) for row in values]
    tested = _tested(bars, work, folds, [sets[number] for number in chosen])
    found = []
    for place, (fold, number, returns) in enumerate(zip(folds, chosen, tested, strict=True)):
        one = returns[:, np.newaxis]
        figures = {
            name: float(judge(one, name, per_year=per_year, risk_free_rate=config.risk_free_rate)[0])
            for name in (metric, "total_return")
        }
        found.append(
            ChosenFold(
                fold=fold,
                parameters=sets[number],
                in_sample=float(values[place, number]),
                out_of_sample=figures[metric],
                out_return=figures["total_return"],
            )
        )
    returns = np.concatenate(tested)
    overall = judge(returns[:, np.newaxis], metric, per_year=per_year, risk_free_rate=config.risk_free_rate)
    return WalkForwardResults(
        found,
        metric=metric,
        ts=np.concatenate([bars.ts[fold.test_first : fold.test_stop] for fold in folds]),
        returns=returns,
        initial_capital=config.initial_capital,
        out_of_sample=float(overall[0]),
        n_trials=len(sets),
    )


def _tested(bars: Bars, work: Work, folds: list[Fold], chosen: list[dict[str, Any]]) -> list[FloatArray]:
    """Returns of each test: of one account for targets, of one run a fold for strategies."""
    seen = [bars.slice(fold.train_first, fold.test_stop) for fold in folds]
    made = [made_by(work.strategy, part, each) for part, each in zip(seen, chosen, strict=True)]
    if any(isinstance(each, Strategy | NativeRule) for each in made):
        return [
            returns_from_equity(run_of(part, work, each).equity, work.config.initial_capital)[
                fold.test_first - fold.train_first :
            ]
            for fold, part, each in zip(folds, seen, made, strict=True)
        ]
    return _stitched(
        bars, work, folds, [_panel(bars, part, each) for part, each in zip(seen, made, strict=True)]
    )


def _panel(bars: Bars, part: Bars, targets: Any) -> tuple[Bars, FloatArray]:
    """Targets with a column for each instrument of all the bars, NaN for those that the part lacks."""
    cells = np.full((part.n_times, bars.n_symbols), np.nan)
    cells[:, [bars.symbols.index(symbol) for symbol in part.symbols]] = target_cells(part, targets)
    return part, cells


def _stitched(
    bars: Bars, work: Work, folds: list[Fold], panels: list[tuple[Bars, FloatArray]]
) -> list[FloatArray]:
    """Returns of one account that follows the targets of each fold in turn, from one step before its test.

    The step before a test decides with that fold's parameters, so that the position stands when the test
    begins; where nothing is decided at that step, the last decision before it stands. The account pays for
    every change.
    """
    first, stop = folds[0].test_first - 1, folds[-1].test_stop
    lived = bars.slice(first, stop)
    targets = np.zeros((stop - first, bars.n_symbols))
    for fold, (_, cells) in zip(folds, panels, strict=True):
        begin = fold.test_first - 1
        own = cells[begin - fold.train_first : fold.test_stop - 1 - fold.train_first].copy()
        own[0] = _standing(cells[: begin - fold.train_first + 1])
        targets[begin - first : fold.test_stop - 1 - first] = own
    engine = new_engine(lived, work.config)
    columns = [bars.symbols.index(symbol) for symbol in lived.symbols]
    engine.run_targets(np.ascontiguousarray(targets[:, columns]), work.kind)
    # The first step only decides; what it cost belongs to the first test.
    equity = Run(engine).equity[1:]
    returns = returns_from_equity(equity, work.config.initial_capital)
    return [returns[fold.test_first - first - 1 : fold.test_stop - first - 1] for fold in folds]


def _standing(cells: FloatArray) -> FloatArray:
    """The last decision of each column; 0 where there was none."""
    decided = ~np.isnan(cells)
    rows = np.where(decided, np.arange(len(cells))[:, np.newaxis], 0).max(axis=0)
    standing = cells[rows, np.arange(cells.shape[1])]
    return np.asarray(np.where(decided.any(axis=0), standing, 0.0))
