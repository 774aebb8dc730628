"""A metric over two parameters, as a table for a heatmap."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from omni_lab.errors import ConfigError, SchemaError
from omni_lab.typing import FloatArray

_AGGREGATES: dict[str, Callable[..., Any]] = {
    "median": np.median,
    "mean": np.mean,
    "max": np.max,
    "min": np.min,
}


class Cells(NamedTuple):
    """Values of one parameter across and of another up, and the metric where they meet, shape (n_y, n_x)."""

    x: list[Any]
    y: list[Any]
    values: FloatArray
    note: str


def cells_of(
    parameters: Sequence[Mapping[str, Any]],
    values: FloatArray,
    x: str,
    y: str,
    *,
    fixed: Mapping[str, Any],
    aggregate: str,
) -> Cells:
    """The metric in each cell; see :meth:`SweepResults.heatmap`. NaN where nothing was tried or known."""
    for name in (x, y, *fixed):
        if not all(name in each for each in parameters):
            known = sorted({other for each in parameters for other in each})
            raise SchemaError("no such parameter", found=name, expected=known)
    if aggregate not in _AGGREGATES:
        raise ConfigError("unknown aggregate", found=aggregate, expected=list(_AGGREGATES), where="aggregate")
    shown = [
        number
        for number, each in enumerate(parameters)
        if all(each[name] == value for name, value in fixed.items())
    ]
    if not shown:
        raise ConfigError("no parameter set has these values", found=dict(fixed), where="fixed")
    xs, ys = (_distinct([parameters[n][name] for n in shown]) for name in (x, y))
    table = np.full((len(ys), len(xs)), np.nan)
    members: dict[tuple[int, int], list[float]] = {}
    for number in shown:
        if not np.isnan(values[number]):
            place = (ys.index(parameters[number][y]), xs.index(parameters[number][x]))
            members.setdefault(place, []).append(float(values[number]))
    for place, found in members.items():
        table[place] = _AGGREGATES[aggregate](found)
    crowded = max((len(found) for found in members.values()), default=0) > 1
    others = [f"{name} = {value}" for name, value in fixed.items()]
    if crowded:
        others.append(f"{aggregate} of the sets in each cell")
    return Cells(xs, ys, table, ", ".join(others))


def _distinct(column: list[Any]) -> list[Any]:
    distinct = list({repr(value): value for value in column}.values())
    try:
        return sorted(distinct)
    except TypeError:
        return sorted(distinct, key=repr)
