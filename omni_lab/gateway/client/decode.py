"""`decode`: answers as the dataclasses and models that they were made from."""

from __future__ import annotations

import math
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from functools import cache
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import numpy as np
from pydantic import BaseModel, ValidationError

from omni_lab.errors import GatewayError

T = TypeVar("T")


def decode(kind: type[T], told: Any) -> T:
    """What was told, as a type of ours.

    Parameters
    ----------
    kind : type
        A dataclass, a model of the routes, or a type that their fields may have. Where a dataclass asks for
        a float, null is NaN. Fields that it does not have are ignored: a newer server may tell more.
    told : object
        JSON.

    Raises
    ------
    GatewayError
        If a field is missing.
    """
    return cast(T, _decode(kind, told))


def _decode(kind: Any, told: Any) -> Any:
    origin, inner = get_origin(kind), get_args(kind)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return _model(kind, told)
    if is_dataclass(kind):
        return _dataclass(cast(type, kind), told)
    if kind is float:
        return math.nan if told is None else float(told)
    if origin is np.ndarray:
        dtype = get_args(inner[1])[0] if len(inner) > 1 and get_args(inner[1]) else None
        return np.array(told, dtype=dtype if dtype in (np.int64, np.float64, np.bool_) else None)
    if origin in (tuple, list) and told is not None:
        each = [_decode(inner[0], value) for value in told]
        return tuple(each) if origin is tuple else each
    if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
        return {name: _decode(inner[1], value) for name, value in told.items()}
    if origin in (Union, types.UnionType):
        if told is None and type(None) in inner:
            return None
        rest = [each for each in inner if each is not type(None)]
        return _decode(rest[0], told) if len(rest) == 1 else told
    if kind is datetime and isinstance(told, str):
        return datetime.fromisoformat(told)
    if isinstance(kind, type) and told is not None and origin is not Literal and _is_word(kind):
        return kind(told)
    return told


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _dataclass(kind: type, told: Any) -> Any:
    hints = _hints(kind)
    try:
        return kind(
            **{
                each.name: _decode(hints[each.name], told[each.name])
                for each in fields(kind)
                if each.name in told
            }
        )
    except (TypeError, KeyError, ValueError) as error:
        raise _no(kind, told, hints) from error


def _model(kind: type[BaseModel], told: Any) -> BaseModel:
    known = kind.model_fields
    try:
        kept = {name: value for name, value in told.items() if name in known}
        return kind.model_validate(kept, strict=False)
    except (ValidationError, AttributeError) as error:
        raise _no(kind, told, known) from error


def _no(kind: type, told: Any, known: Mapping[str, Any]) -> GatewayError:
    return GatewayError(
        f"the gateway told no {kind.__name__}",
        found=sorted(told) if isinstance(told, Mapping) else told,
        expected=", ".join(known),
        hint="Client and gateway may be of versions that do not belong together.",
    )


def _is_word(kind: type) -> bool:
    return issubclass(kind, str) and kind is not str
