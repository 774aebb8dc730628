"""Data that a strategy carries with it: found, and given another future, so that the guard reaches it.

A strategy that peeks usually does so through a frame or array of its own: an attribute, a variable its
function closes over, or a global of the notebook. Whatever among these is as long as the bars is replaced by
a changed copy; the originals are not touched.
"""

from __future__ import annotations

import copy
import types
from typing import Any

import numpy as np

from omni_lab.data.bars import Bars
from omni_lab.simulator.futures import Ended, Future
from omni_lab.strategies.base import Strategy
from omni_lab.typing import FloatArray

_CALLBACKS = ("on_start", "on_bar", "on_fill", "on_stop")


def with_captured(strategy: Any, future: Future) -> tuple[Any, tuple[str, ...]]:
    """The strategy with the data it holds given another future, and the names of that data."""
    found: dict[str, None] = {}
    if isinstance(strategy, types.FunctionType):
        return _change_function(strategy, future, found), tuple(found)
    if not isinstance(strategy, Strategy):
        return strategy, ()
    changed = copy.copy(strategy)
    for name, value in vars(strategy).items():
        vars(changed)[name] = _change(value, name, future, found)
    for name in _CALLBACKS:
        function = getattr(type(strategy), name)
        rebuilt = _change_function(function, future, found)
        if rebuilt is not function:
            vars(changed)[name] = types.MethodType(rebuilt, changed)
    return changed, tuple(found)


def _change_function(function: Any, future: Future, found: dict[str, None]) -> Any:
    """The function with other data in its closure and globals; itself when it holds none."""
    if not isinstance(function, types.FunctionType):
        return function
    code, held = function.__code__, function.__closure__ or ()
    cells = tuple(
        _change_cell(cell, name, future, found) for name, cell in zip(code.co_freevars, held, strict=True)
    )
    used = {name: function.__globals__[name] for name in code.co_names if name in function.__globals__}
    changed = {name: _change(value, name, future, found) for name, value in used.items()}
    differs = {name: value for name, value in changed.items() if value is not used[name]}
    if not differs and all(new is old for new, old in zip(cells, held, strict=True)):
        return function
    namespace = {**function.__globals__, **differs}
    rebuilt = types.FunctionType(code, namespace, function.__name__, function.__defaults__, cells)
    rebuilt.__kwdefaults__ = function.__kwdefaults__
    return rebuilt


def _change_cell(cell: types.CellType, name: str, future: Future, found: dict[str, None]) -> types.CellType:
    try:
        value = cell.cell_contents
    except ValueError:  # not bound yet
        return cell
    changed = _change(value, name, future, found)
    return cell if changed is value else types.CellType(changed)


def _change(value: Any, name: str, future: Future, found: dict[str, None]) -> Any:
    """A changed copy of data with one row a step; anything else as it is."""
    changed: Any
    if isinstance(value, dict):
        items = {key: _change(item, f"{name}[{key!r}]", future, found) for key, item in value.items()}
        return items if any(items[key] is not value[key] for key in value) else value
    if isinstance(value, list | tuple):
        if len(value) != future.n_times or not all(isinstance(x, int | float) for x in value):
            return value
        changed = type(value)(_other_values(value, future).tolist())
    elif isinstance(value, Bars):
        # Bars that end earlier are the strategy's business only when they are what it is run on.
        if value.n_times != future.n_times or isinstance(future, Ended):
            return value
        changed = future.of_bars(value)
    elif _n_rows(value) == future.n_times:
        changed = _other_table(value, future)
    else:
        return value
    if changed is not value:
        found[name] = None
    return changed


def _n_rows(value: Any) -> int | None:
    shape = getattr(value, "shape", None)
    return shape[0] if isinstance(shape, tuple) and shape else None


def _other_table(value: Any, future: Future) -> Any:
    """An array, series or frame of any library with its numbers changed; itself when it holds none."""
    if isinstance(value, np.ndarray):
        return _other_values(value, future) if value.dtype.kind in "fiub" else value
    if not hasattr(value, "to_numpy"):
        return value
    import narwhals as nw

    table: Any = nw.from_native(value, pass_through=True, allow_series=True, eager_only=True)
    if isinstance(table, nw.Series) and table.dtype.is_numeric():
        return _other_series(table, future).to_native()
    if isinstance(table, nw.DataFrame):
        numeric = [name for name, dtype in table.schema.items() if dtype.is_numeric()]
        return table.with_columns(*(_other_series(table[name], future) for name in numeric)).to_native()
    return value


def _other_series(series: Any, future: Future) -> Any:
    import narwhals as nw

    values = _other_values(series.to_numpy(), future)
    changed = nw.new_series(series.name or "", values, backend=series.implementation)
    index = nw.maybe_get_index(series)
    return changed if index is None else nw.maybe_set_index(changed, index=index)


def _other_values(values: Any, future: Future) -> FloatArray:
    return future.of_values(np.asarray(values).astype(np.float64))
