"""Data that a strategy carries with it: found, and given another future, so that the guard reaches it.

A strategy that peeks usually does so through a frame or array of its own: an attribute, a default argument, a
variable its function closes over, or a global of the notebook. Whatever among these has one row a step, or
times beside its rows, is replaced by a changed copy; the originals are not touched.
"""

from __future__ import annotations

import copy
import dis
import functools
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from omni_lab.data.bars import Bars
from omni_lab.simulator.futures import Ended, Future
from omni_lab.strategies.base import Strategy
from omni_lab.typing import AnyArray

_DEEPEST = 6
_LARGEST_CONTAINER = 10_000
_OPAQUE = (
    *(types.ModuleType, types.BuiltinFunctionType, type, property, staticmethod, classmethod),
    *(str, bytes, int, float, complex, types.NoneType),
)

Parts = dict[Any, Any]


def with_captured(strategy: Any, future: Future, bars: Bars) -> tuple[Any, tuple[str, ...]]:
    """The strategy with the data it holds given another future, and the names of that data."""
    if not isinstance(strategy, types.FunctionType | types.MethodType | functools.partial | Strategy):
        # An object that is called: its method can be rebuilt, where its class cannot.
        strategy = strategy.__call__
    changer = _Changer(future, bars, strategy)
    return changer.changed(strategy, ""), tuple(changer.found)


class _Changer:
    """Copies what holds data, down to the data, and leaves everything else as it is."""

    def __init__(self, future: Future, bars: Bars, strategy: Any) -> None:
        self.found: dict[str, None] = {}
        self._future = future
        self._n_times = bars.n_times
        self._owner = getattr(strategy, "__self__", strategy)
        self._namespaces = _namespaces(strategy)
        self._seen: dict[int, Any] = {}

    def changed(self, value: Any, name: str, depth: int = 0) -> Any:
        """A copy with another future; the value itself where it holds no data."""
        if depth > _DEEPEST or isinstance(value, _OPAQUE):
            return value
        if id(value) not in self._seen:
            # What refers to itself finds itself as it was.
            self._seen[id(value)] = value
            self._seen[id(value)] = self._changed(value, name, depth)
        return self._seen[id(value)]

    def _changed(self, value: Any, name: str, depth: int) -> Any:
        n_known = self._n_known(value)
        if n_known is not None:
            other = _other(value, self._future, n_known)
            if other is not value:
                self.found[name] = None
            return other
        parts, assemble = self._taken_apart(value)
        others = {key: self.changed(part, _path(value, name, key), depth + 1) for key, part in parts.items()}
        return assemble(others) if any(others[key] is not parts[key] for key in parts) else value

    def _n_known(self, value: Any) -> int | None:
        """How many rows of data are not in the future; None for what is no data or has no order in time."""
        if isinstance(value, Bars):
            return self._future.n_known(value)
        n_rows = _n_rows(value)
        if n_rows == self._n_times:
            return self._future.cut + 1
        times: Any = getattr(value, "index", None) if n_rows else None
        if getattr(getattr(times, "dtype", None), "kind", "") == "M" and times.is_monotonic_increasing:
            return int((times.to_numpy("datetime64[ns]").view(np.int64) <= self._future.ts).sum())
        return None

    def _taken_apart(self, value: Any) -> tuple[Parts, Callable[[Parts], Any]]:
        """What a value holds, and how to put it together again."""
        nothing: tuple[Parts, Callable[[Parts], Any]] = {}, lambda _: value
        if isinstance(value, types.FunctionType):
            return _function(value) if id(value.__globals__) in self._namespaces else nothing
        if isinstance(value, types.MethodType):
            parts = {"": value.__func__, "self": value.__self__}
            return parts, lambda new: types.MethodType(new[""], new["self"])
        if isinstance(value, functools.partial):
            parts = {"": value.func, "args": value.args, "keywords": value.keywords}
            return parts, lambda new: functools.partial(new[""], *new["args"], **new["keywords"])
        if isinstance(value, dict | list | tuple) and len(value) > _LARGEST_CONTAINER:
            return nothing
        if type(value) is dict:
            return dict(value), lambda new: new
        if type(value) in (list, tuple):
            return dict(enumerate(value)), lambda new: type(value)(new.values())
        if not hasattr(value, "__dict__") or _n_rows(value) is not None:
            return nothing
        return _object(value, with_class=value is self._owner)


def _namespaces(strategy: Any) -> set[int]:
    """The modules, or the notebook, in which the strategy is written: whose functions are looked into."""
    if isinstance(strategy, functools.partial):
        return _namespaces(strategy.func)
    if isinstance(strategy, types.FunctionType):
        # A decorator may be written elsewhere; what it decorates is the strategy.
        decorated = getattr(strategy, "__wrapped__", None)
        return {id(strategy.__globals__)} | (_namespaces(decorated) if decorated is not None else set())
    owner = getattr(strategy, "__self__", strategy)
    functions = [part for each in _own_classes(owner) for part in vars(each).values()]
    return {id(part.__globals__) for part in functions if isinstance(part, types.FunctionType)}


def _own_classes(value: Any) -> list[type]:
    """The classes of an object, except those that every strategy has."""
    return [each for each in type(value).__mro__ if each not in (Strategy, object)]


def _path(holder: Any, name: str, key: Any) -> str:
    """How to call a part: ``data['close']`` in a container, ``model.data`` in an object."""
    if isinstance(holder, dict | list | tuple):
        return f"{name}[{key!r}]"
    own = str(key[1] if isinstance(key, tuple) else key)
    return f"{name}.{own}" if name and own and not isinstance(holder, types.FunctionType) else own or name


def _function(function: types.FunctionType) -> tuple[Parts, Callable[[Parts], Any]]:
    """Closure, globals and default arguments of a function."""
    code, cells = function.__code__, function.__closure__ or ()
    defaults = function.__defaults__ or ()
    arguments = code.co_varnames[code.co_argcount - len(defaults) : code.co_argcount]
    parts: Parts = {("default", name): part for name, part in zip(arguments, defaults, strict=True)}
    parts |= {("keyword", name): part for name, part in (function.__kwdefaults__ or {}).items()}
    parts |= {
        ("closure", name): cell.cell_contents
        for name, cell in zip(code.co_freevars, cells, strict=True)
        if _is_bound(cell)
    }
    known = function.__globals__
    parts |= {("global", name): known[name] for name in sorted(_globals_used(code)) if name in known}

    def assemble(new: Parts) -> types.FunctionType:
        given = {kind: {key[1]: part for key, part in new.items() if key[0] == kind} for kind in _KINDS}
        closure = tuple(
            types.CellType(given["closure"][name]) if name in given["closure"] else cell
            for name, cell in zip(code.co_freevars, cells, strict=True)
        )
        namespace = {**function.__globals__, **given["global"]}
        rebuilt = types.FunctionType(
            code, namespace, function.__name__, tuple(given["default"].values()), closure
        )
        rebuilt.__kwdefaults__ = given["keyword"]
        return rebuilt

    return parts, assemble


_KINDS = ("default", "keyword", "closure", "global")


@functools.lru_cache(maxsize=256)
def _globals_used(code: types.CodeType) -> frozenset[str]:
    """Globals that a function, and the functions inside it, look up."""
    own = {each.argval for each in dis.get_instructions(code) if each.opname == "LOAD_GLOBAL"}
    inner = (_globals_used(each) for each in code.co_consts if isinstance(each, types.CodeType))
    return frozenset(own).union(*inner)


def _is_bound(cell: types.CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True


def _object(value: Any, *, with_class: bool) -> tuple[Parts, Callable[[Parts], Any]]:
    """Attributes of an object; for the strategy itself also those of its class, methods among them."""
    parts: Parts = dict(vars(value))
    shared: Parts = {}
    for owner in reversed(_own_classes(value) if with_class else []):
        shared |= {name: part for name, part in vars(owner).items() if not name.startswith("__")}
    shared = {name: part for name, part in shared.items() if name not in parts}

    def assemble(new: Parts) -> Any:
        clone = copy.copy(value)
        vars(clone).update({name: part for name, part in new.items() if name in parts})
        for name, part in new.items():
            if name in shared and part is not shared[name]:
                method = isinstance(part, types.FunctionType)
                vars(clone)[name] = types.MethodType(part, clone) if method else part
        return clone

    return {**shared, **parts}, assemble


def _n_rows(value: Any) -> int | None:
    """Rows of an array, series or frame of any library; items of a list, tuple or dict of numbers."""
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple):
        return int(shape[0]) if shape else None
    if type(value) in (list, tuple, dict) and value:
        items = value.values() if isinstance(value, dict) else value
        return len(value) if all(isinstance(item, int | float) for item in items) else None
    return None


def _other(value: Any, future: Future, n_known: int) -> Any:
    """Data of any kind with another future; itself when it holds no numbers."""
    if isinstance(value, Bars):
        return future.of_bars(value)
    if isinstance(value, np.ndarray):
        return _other_values(value, future, n_known)
    if isinstance(value, dict):
        return dict(zip(value, _other(list(value.values()), future, n_known), strict=False))
    if isinstance(value, list | tuple):
        return type(value)(_other_values(np.asarray(value), future, n_known).tolist())
    if not hasattr(value, "to_numpy") and not hasattr(value, "to_pydict"):
        return value
    import narwhals as nw

    table: Any = nw.from_native(value, pass_through=True, allow_series=True, eager_only=True)
    if not isinstance(table, nw.Series | nw.DataFrame):
        return value
    if isinstance(future, Ended):
        return table.head(n_known).to_native()
    if isinstance(table, nw.Series):
        return _other_series(table, future, n_known).to_native() if table.dtype.is_numeric() else value
    numeric = [name for name, dtype in table.schema.items() if dtype.is_numeric()]
    return table.with_columns(*(_other_series(table[name], future, n_known) for name in numeric)).to_native()


def _other_series(series: Any, future: Future, n_known: int) -> Any:
    import narwhals as nw

    values = _other_values(series.to_numpy(), future, n_known)
    changed = nw.new_series(series.name or "", values, backend=series.implementation)
    index = nw.maybe_get_index(series)
    return changed if index is None else nw.maybe_set_index(changed, index=index)


def _other_values(values: AnyArray, future: Future, n_known: int) -> AnyArray:
    """The numbers with another future, of the same type."""
    if isinstance(future, Ended):
        return values[:n_known]
    if values.dtype.kind == "b":
        return np.concatenate([values[:n_known], ~values[n_known:]])
    if values.dtype.kind not in "iuf" or _is_axis(values):
        return values
    changed = future.of_values(values.astype(np.float64), n_known)
    return changed if values.dtype.kind == "f" else np.rint(changed).astype(np.int64)


def _is_axis(values: AnyArray) -> bool:
    """Whether the numbers say where, or when, a row is: to change them would move the past as well."""
    return values.ndim == 1 and values.size > 1 and bool((np.diff(values) > 0).all())
