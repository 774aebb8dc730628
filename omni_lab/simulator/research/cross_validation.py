"""Combinatorial purged cross-validation of a choice of parameters: not one history out of sample, but many.

Every parameter set is run once over all steps; a split then chooses among them on the steps that may train
and judges the choice on those that are tested. That is sound for strategies whose decisions depend on the
past alone, which ``EventSimulator.check_lookahead`` examines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab.errors import ShapeError
from omni_lab.simulator.research.judging import best_of, judge
from omni_lab.simulator.research.splits import CombinatorialPurged
from omni_lab.typing import FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenSplit:
    """One split, what was chosen where it trained, and what that did where it was tested.

    Attributes
    ----------
    groups : tuple of int
        The groups tested.
    n_train : int
        Steps that trained, after purging and embargo.
    parameters : dict
        The best set in training.
    in_sample, out_of_sample : float
        Its metric there, and on the tested steps.
    """

    groups: tuple[int, ...]
    n_train: int
    parameters: dict[str, Any]
    in_sample: float
    out_of_sample: float


class CrossValidationResults:
    """Histories out of sample, and how the choice did on each.

    Attributes
    ----------
    splits : tuple of ChosenSplit
        In lexical order of the tested groups.
    metric : str
        What was chosen by.
    returns : ndarray of float64, shape (n_times, n_paths)
        Simple returns of each path: of every step what was chosen by a split that did not train on it.
    path_metrics : ndarray of float64, shape (n_paths,)
        The metric of each path.
    ts : ndarray of int64, shape (n_times,)
        Times of the steps, nanoseconds since 1970 UTC.
    n_trials : int
        Parameter sets to choose from.
    """

    def __init__(
        self,
        splits: Sequence[ChosenSplit],
        *,
        metric: str,
        returns: FloatArray,
        path_metrics: FloatArray,
        ts: IntArray,
        n_trials: int,
    ) -> None:
        self.splits = tuple(splits)
        self.metric = metric
        self.returns, self.path_metrics, self.ts = returns, path_metrics, ts
        self.n_trials = n_trials

    @property
    def n_paths(self) -> int:
        """How many histories there are."""
        return len(self.path_metrics)

    @property
    def in_sample(self) -> float:
        """Mean over the splits of what the chosen sets had in training."""
        return float(np.nanmean([each.in_sample for each in self.splits]))

    @property
    def degradation(self) -> float:
        """What was lost between training and test: mean metric in sample less the mean over the paths."""
        return self.in_sample - float(np.nanmean(self.path_metrics))

    @property
    def share_of_losses(self) -> float:
        """Share of the paths whose metric is zero or less."""
        return float((self.path_metrics[~np.isnan(self.path_metrics)] <= 0).mean())

    def to_pandas(self) -> pd.DataFrame:
        """A frame with one row a split."""
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "groups": each.groups,
                    "n_train": each.n_train,
                    **each.parameters,
                    "in_sample": each.in_sample,
                    "out_of_sample": each.out_of_sample,
                }
                for each in self.splits
            ]
        )

    def plot(self, *, theme: str = "light") -> Any:
        """A figure: the equity of every path, and the distribution of the metric over them."""
        from omni_lab.figures import paths_figure

        return paths_figure(
            self.ts,
            np.cumprod(1.0 + self.returns, axis=0),
            self.path_metrics,
            in_sample=self.in_sample,
            metric=self.metric,
            theme=theme,
        )

    def __repr__(self) -> str:
        return (
            f"CrossValidationResults({len(self.splits)} splits, {self.n_paths} paths: {self.metric} "
            f"{self.in_sample:.3g} in sample, {np.nanmean(self.path_metrics):.3g} ± "
            f"{np.nanstd(self.path_metrics):.2g} over the paths)"
        )

    def _repr_html_(self) -> str:
        return f"<p>{self!r}</p>{self.to_pandas().to_html(index=False)}"


def cross_validate(
    parameters: Sequence[Mapping[str, Any]],
    returns: FloatArray,
    ts: IntArray,
    split: CombinatorialPurged,
    *,
    metric: str = "sharpe_ratio",
    per_year: float,
    risk_free_rate: float = 0.0,
) -> CrossValidationResults:
    """Choose on every combination of groups and judge on the rest.

    Parameters
    ----------
    parameters : sequence of mapping, length n_trials
        The sets to choose from.
    returns : ndarray of float64, shape (n_times, n_trials)
        Simple returns of each; a set with a NaN among the training steps is not chosen.
    ts : ndarray of int64, shape (n_times,)
        Times of the steps.
    split : CombinatorialPurged
        Groups, purging and embargo.
    metric : {"sharpe_ratio", "total_return", "max_drawdown"}
        What to choose by.
    per_year : float
        Steps in a year.
    risk_free_rate : float
        Annual, for the Sharpe ratio.

    Raises
    ------
    ShapeError
        If parameters, returns and times disagree.
    ConfigError
        If no set can be chosen, or nothing is left to train on.
    """
    if returns.shape != (len(ts), len(parameters)):
        raise ShapeError(
            "there must be one row a step and one column a parameter set",
            found=returns.shape,
            expected=str((len(ts), len(parameters))),
            where="returns",
        )

    def judged(rows: FloatArray) -> FloatArray:
        return judge(rows, metric, per_year=per_year, risk_free_rate=risk_free_rate)

    chosen, numbers = [], []
    for each in split.splits(len(ts)):
        values = judged(returns[each.train])
        number = best_of(values, metric)
        numbers.append(number)
        chosen.append(
            ChosenSplit(
                groups=each.groups,
                n_train=len(each.train),
                parameters=dict(parameters[number]),
                in_sample=float(values[number]),
                out_of_sample=float(judged(returns[each.test, number][:, np.newaxis])[0]),
            )
        )
    paths = _paths(returns, split, numbers)
    return CrossValidationResults(
        chosen,
        metric=metric,
        returns=paths,
        path_metrics=judged(paths),
        ts=ts,
        n_trials=len(parameters),
    )


def _paths(returns: FloatArray, split: CombinatorialPurged, chosen: list[int]) -> FloatArray:
    """Each path's returns: group after group, of what the split that tests it there has chosen."""
    bounds, paths = split.boundaries(len(returns)), split.paths()
    stitched = np.empty((len(returns), len(paths)))
    for path, numbers in enumerate(paths):
        for group, number in enumerate(numbers):
            rows = slice(int(bounds[group]), int(bounds[group + 1]))
            stitched[rows, path] = returns[rows, chosen[number]]
    return stitched
