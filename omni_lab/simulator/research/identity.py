"""What a trial is known by: a hash over everything that decides its figures.

Data, the part of it that was seen, the strategy's code, its parameters, the settings and this package's
version. What the strategy calls in other packages is not part of it.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from omni_lab import __version__
from omni_lab.data.bars import Bars
from omni_lab.errors import ConfigError
from omni_lab.simulator.named import NamedFamily
from omni_lab.simulator.research.trial import Task, Work

_ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]+")


class Identity:
    """Makes the keys of a search's trials.

    Parameters
    ----------
    bars : Bars
        All bars of the search.
    work : Work
        What its trials have in common.
    """

    def __init__(self, bars: Bars, work: Work) -> None:
        self._shared = {
            "version": __version__,
            "data": bars.fingerprint,
            "strategy": code_fingerprint(work.strategy),
            "settings": asdict(work.config),
            "kind": work.kind,
            "per_year": repr(work.per_year),
        }

    def key(self, task: Task) -> str:
        """SHA-256 (hex) of a trial.

        Raises
        ------
        ConfigError
            If a parameter has no text that says what it is.
        """
        own = {"part": [task.first, task.stop], "parameters": canonical(task.parameters)}
        return hashlib.sha256(json.dumps({**self._shared, **own}, sort_keys=True).encode()).hexdigest()


def canonical(parameters: Mapping[str, Any]) -> str:
    """Parameters as one line of text, the same for the same values whatever their order.

    Raises
    ------
    ConfigError
        If the text of a value tells only where in memory it lies.
    """
    return ", ".join(f"{name}={_text(name, parameters[name])}" for name in sorted(parameters))


def code_fingerprint(strategy: Callable[..., Any]) -> str:
    """SHA-256 (hex) of the code of a function or class, and of what it calls in its own module.

    Defaults and closures count. Comments and line numbers do not, and neither does what lies in other
    modules. Another version of the interpreter compiles to other bytes, so it gives another fingerprint.
    """
    digest = hashlib.sha256()
    if isinstance(strategy, NamedFamily):
        # A name may come to mean another class; what runs in the engine alone has this package's version.
        return code_fingerprint(strategy.kind) if strategy.kind else f"native {strategy.name}"
    for piece in _pieces(strategy, set(), _module_of(strategy)):
        digest.update(piece.encode() + b"\0")
    return digest.hexdigest()


def _text(name: str, value: Any) -> str:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        return f"array({value.dtype}, {value.shape}, {hashlib.sha256(value.tobytes()).hexdigest()})"
    text = repr(value)
    if _ADDRESS.search(text):
        raise ConfigError(
            "a parameter cannot be told apart in a journal",
            found=text,
            expected="a value whose repr says what it is",
            where=name,
        )
    return text


def _module_of(strategy: Any) -> str:
    while isinstance(strategy, functools.partial):
        strategy = strategy.func
    return str(getattr(strategy, "__module__", ""))


def _pieces(value: Any, seen: set[int], module: str) -> Iterator[str]:
    """Texts that together say what a value does."""
    if id(value) in seen:
        return
    if isinstance(value, functools.partial):
        yield "partial"
        for part in (value.func, value.args, value.keywords):
            yield from _pieces(part, seen, module)
    elif isinstance(value, types.MethodType):
        yield from _pieces(value.__func__, seen, module)
        yield from _pieces(
            vars(value.__self__) if hasattr(value.__self__, "__dict__") else None, seen, module
        )
    elif isinstance(value, types.FunctionType):
        seen.add(id(value))
        yield from _function(value, seen, module)
    elif isinstance(value, staticmethod | classmethod):
        yield from _pieces(value.__func__, seen, module)
    elif isinstance(value, property):
        yield from _pieces(value.fget, seen, module)
    elif isinstance(value, type):
        seen.add(id(value))
        yield from _class(value, seen, module)
    elif isinstance(value, types.ModuleType):
        yield value.__name__
    elif isinstance(value, np.ndarray):
        yield _text("array", value if not value.dtype.hasobject else value.tolist())
    elif isinstance(getattr(value, "fingerprint", None), str):
        yield value.fingerprint
    elif hasattr(value, "to_numpy"):
        yield from _frame(value, seen, module)
    elif hasattr(value, "__wrapped__"):
        yield from _pieces(value.__wrapped__, seen, module)
    elif isinstance(value, dict):
        for key in value:
            yield f"{key}="
            yield from _pieces(value[key], seen, module)
    elif isinstance(value, list | tuple):
        yield f"{type(value).__name__} of {len(value)}"
        for each in value:
            yield from _pieces(each, seen, module)
    elif isinstance(value, set | frozenset):
        yield from sorted(map(repr, value))
    elif callable(value) and hasattr(type(value).__call__, "__code__"):
        seen.add(id(value))
        yield from _pieces(type(value), seen, module)
        yield from _pieces(vars(value), seen, module)
    else:
        yield _ADDRESS.sub("", repr(value))


def _function(function: types.FunctionType, seen: set[int], module: str) -> Iterator[str]:
    yield function.__name__
    yield from _code(function.__code__)
    yield from _pieces(function.__defaults__, seen, module)
    yield from _pieces(function.__kwdefaults__, seen, module)
    for cell in function.__closure__ or ():
        try:
            yield from _pieces(cell.cell_contents, seen, module)
        except ValueError:
            yield "empty cell"
    if function.__module__ != module:
        return
    for name in sorted(_names(function.__code__)):
        if name in function.__globals__:
            used = function.__globals__[name]
            yield f"{name}:"
            if isinstance(used, types.FunctionType | type) and used.__module__ != module:
                yield f"{used.__module__}.{used.__qualname__}"
            else:
                yield from _pieces(used, seen, module)


def _class(kind: type, seen: set[int], module: str) -> Iterator[str]:
    for base in kind.__mro__:
        if base is object:
            continue
        yield base.__qualname__
        for name, member in sorted(vars(base).items()):
            if name.startswith("__") and name not in ("__init__", "__call__"):
                continue
            yield f"{name}:"
            yield from _pieces(member, seen, module)


def _frame(frame: Any, seen: set[int], module: str) -> Iterator[str]:
    """A frame or series of pandas or polars: its labels and its values."""
    yield type(frame).__qualname__
    yield repr(list(getattr(frame, "columns", ())))
    yield from _pieces(np.asarray(frame.to_numpy()), seen, module)
    if hasattr(getattr(frame, "index", None), "to_numpy"):
        yield from _pieces(np.asarray(frame.index.to_numpy()), seen, module)


def _code(code: types.CodeType) -> Iterator[str]:
    yield code.co_code.hex()
    yield " ".join((*code.co_names, *code.co_varnames, *code.co_freevars))
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _code(constant)
        elif isinstance(constant, frozenset):
            yield from sorted(map(repr, constant))
        else:
            yield repr(constant)


def _names(code: types.CodeType) -> set[str]:
    """Names a function looks up outside itself, those of functions inside it included."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _names(constant)
    return names
