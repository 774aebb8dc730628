"""How the parameter sets around one did: a good set on a plateau is worth more than one on a needle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from omni_lab.errors import ConfigError
from omni_lab.simulator.research.judging import best_of
from omni_lab.typing import FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbourhood:
    """A parameter set and those one step from it.

    Attributes
    ----------
    metric : str
        What was measured; more is better.
    parameters : dict
        The set in the middle.
    value : float
        Its metric.
    n_neighbours : int
        Sets within one step of it: in every numeric parameter the same value, or the next one that was tried
        on either side; in every other parameter the same value. Where no set is that near, as after a random
        search, the nearest ones by rank, two for each numeric parameter.
    median, worst : float
        Of the neighbours; NaN without any.
    rank : float
        Mean rank of the neighbours among all trials, from 0 (worst) to 1 (best). Near 1 the set stands on a
        plateau; near a half it stands alone, and was probably lucky.
    """

    metric: str
    parameters: dict[str, Any]
    value: float
    n_neighbours: int
    median: float
    worst: float
    rank: float

    def __str__(self) -> str:
        return (
            f"{self.metric} {self.value:.3g} at {self.parameters}; its {self.n_neighbours} neighbours have a "
            f"median of {self.median:.3g}, at worst {self.worst:.3g}, and a mean rank of {self.rank:.2f}"
        )


def neighbourhood(
    parameters: Sequence[Mapping[str, Any]],
    values: FloatArray,
    metric: str,
    *,
    at: Mapping[str, Any] | None = None,
) -> Neighbourhood:
    """The neighbourhood of a parameter set, the best by default.

    Parameters
    ----------
    parameters : sequence of mapping
        All sets, with the same names.
    values : ndarray of float64, shape (n_trials,)
        Their metric; NaN counts as a neighbour in the worst rank, and not in the median.
    metric : str
        Its name.
    at : mapping, optional
        The set in the middle.

    Raises
    ------
    ConfigError
        If no set was better than NaN, or ``at`` was not tried.
    """
    middle = best_of(values, metric) if at is None else _place(parameters, at)
    steps, same = _steps(parameters)
    distance = np.abs(steps - steps[middle])
    alike = (same == same[middle]).all(axis=1)
    near = alike & (distance <= 1).all(axis=1)
    near[middle] = False
    if not near.any() and steps.shape[1]:
        spread = np.maximum(steps.max(axis=0), 1)
        far = np.where(alike, (distance / spread).max(axis=1), np.inf)
        far[middle] = np.inf
        nearest = np.argsort(far, kind="stable")[: 2 * steps.shape[1]]
        near[nearest[np.isfinite(far[nearest])]] = True
    around = values[near]
    known = around[~np.isnan(around)]
    return Neighbourhood(
        metric=metric,
        parameters=dict(parameters[middle]),
        value=float(values[middle]),
        n_neighbours=int(near.sum()),
        median=float(np.median(known)) if len(known) else np.nan,
        worst=float(known.min()) if len(known) else np.nan,
        rank=float(_ranks(values)[near].mean()) if near.any() else np.nan,
    )


def _place(parameters: Sequence[Mapping[str, Any]], at: Mapping[str, Any]) -> int:
    for number, each in enumerate(parameters):
        if all(each.get(name) == value for name, value in at.items()):
            return number
    raise ConfigError("this parameter set was not tried", found=dict(at), where="at")


def _steps(parameters: Sequence[Mapping[str, Any]]) -> tuple[IntArray, IntArray]:
    """Numeric parameters as their place among the values tried, others as a code; a column each."""
    numeric, other = [], []
    for name in parameters[0]:
        column = [each[name] for each in parameters]
        if all(isinstance(v, int | float | np.number) and not isinstance(v, bool) for v in column):
            numeric.append(np.unique(column, return_inverse=True)[1].astype(np.int64))
        else:
            codes: dict[str, int] = {}
            other.append(np.array([codes.setdefault(repr(v), len(codes)) for v in column], dtype=np.int64))
    n = len(parameters)
    return (
        np.column_stack(numeric) if numeric else np.empty((n, 0), dtype=np.int64),
        np.column_stack(other) if other else np.empty((n, 0), dtype=np.int64),
    )


def _ranks(values: FloatArray) -> FloatArray:
    """Place of each among all, from 0 to 1, ties in the middle of their places, NaN last."""
    filled = np.where(np.isnan(values), -np.inf, values)
    below = np.array([(filled < each).sum() for each in filled], dtype=np.float64)
    tied = np.array([(filled == each).sum() for each in filled], dtype=np.float64)
    return np.asarray((below + 0.5 * (tied - 1.0)) / max(len(values) - 1, 1))
