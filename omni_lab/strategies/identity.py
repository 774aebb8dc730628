"""Strategies as data: their parameters written down so that equal ones look equal, and a hash of that.

Two processes, two machines or two years apart, the same name and parameters give the same text and the same
hash. The code of a strategy is not part of it: the version and the commit, which a manifest also states, are
for that.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from enum import Enum
from typing import Any

import numpy as np

from omni_lab.errors import ConfigError

_LARGEST_EXACT = 2.0**53


def canonical_json(value: object) -> str:
    """The one text of a value: names sorted, no spaces, numbers as their shortest exact decimals.

    Equal numbers are written alike: ``1.0`` as ``1``, ``-0.0`` as ``0``, NumPy's as Python's. Tuples are
    lists, dataclasses are mappings, functions and classes their module and name, and an array is its type,
    its shape and the hash of its bytes.

    Parameters
    ----------
    value : object
        Made of numbers, strings, booleans, None, mappings with string keys, sequences, dataclasses, enums,
        arrays, functions and classes.

    Returns
    -------
    str
        JSON (RFC 8259) in ASCII. NaN and infinities, which JSON lacks, are the strings ``"NaN"``,
        ``"Infinity"`` and ``"-Infinity"``.

    Raises
    ------
    ConfigError
        If it holds something else, of which nobody can say when two of them are equal.
    """
    return json.dumps(_plain(value, "value"), sort_keys=True, separators=(",", ":"), allow_nan=False)


def strategy_hash(name: str, parameters: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of a strategy's name and parameters, over their canonical text.

    Raises
    ------
    ConfigError
        If a parameter has no canonical text (see :func:`canonical_json`).
    """
    text = canonical_json({"name": name, "parameters": parameters})
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def describe(name: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What a manifest says of a strategy.

    Returns
    -------
    dict
        ``name``, ``parameters``, and ``sha256`` as of :func:`strategy_hash`: None where a parameter has no
        canonical text, so that nothing can be said about equality.
    """
    try:
        sha256: str | None = strategy_hash(name, parameters)
    except ConfigError:
        sha256 = None
    return {"name": name, "parameters": dict(parameters), "sha256": sha256}


def label(strategy: Mapping[str, Any]) -> str:
    """A strategy for people and file names: its name and the first eight digits of its hash.

    Parameters
    ----------
    strategy : mapping
        As of :func:`describe`.

    Returns
    -------
    str
        ``"MomentumStrategy-0b6a2f31"``; ``"…-unhashed"`` where a parameter has no canonical text.
    """
    name = re.sub(r"[^A-Za-z0-9_.]+", "-", str(strategy["name"])).strip("-") or "strategy"
    return f"{name}-{(strategy['sha256'] or 'unhashed')[:8]}"


def run_id(strategy: Mapping[str, Any], **facts: Any) -> str:
    """By what a run is known: its strategy's :func:`label`, and eight digits of a hash of that and the rest.

    Parameters
    ----------
    strategy : mapping
        As of :func:`describe`.
    **facts
        Whatever else decides what comes out: data, settings.

    Raises
    ------
    ConfigError
        If a fact has no canonical text.
    """
    text = canonical_json({"strategy": [strategy["name"], strategy["sha256"]], **facts})
    return f"{label(strategy)}-{hashlib.sha256(text.encode('ascii')).hexdigest()[:8]}"


def _plain(value: Any, where: str) -> Any:
    if isinstance(value, Decimal):
        value = float(value) if Decimal(float(value)) == value else str(value)
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Enum):
        value = value.value
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, np.ndarray) and value.dtype != object:
        digest = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
        return {"dtype": value.dtype.str, "shape": list(value.shape), "sha256": digest}
    if is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, Mapping):
        return {_key(key, where): _plain(each, f"{where}.{key}") for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each, f"{where}[{place}]") for place, each in enumerate(value)]
    if isinstance(value, set | frozenset):
        return sorted((_plain(each, where) for each in value), key=json.dumps)
    named = getattr(value, "__qualname__", None)
    if isinstance(named, str):
        return f"{value.__module__}:{named}"
    raise ConfigError(
        "this has no canonical text, so it cannot be hashed",
        found=type(value).__name__,
        expected="numbers, strings, mappings, sequences, dataclasses, arrays or functions",
        where=where,
    )


def _number(value: float) -> float | int | str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return int(value) if value.is_integer() and abs(value) <= _LARGEST_EXACT else value


def _key(key: object, where: str) -> str:
    if not isinstance(key, str):
        raise ConfigError("names of parameters are strings", found=key, where=where)
    return key
