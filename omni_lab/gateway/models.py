"""What is sent, as the OpenAPI tells it: models of the dataclasses of the rooms below, in their words."""

from __future__ import annotations

import re
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, Generic, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, create_model

T = TypeVar("T")


class Body(BaseModel):
    """What is sent to us: unknown fields and other types are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Page(BaseModel, Generic[T]):
    """A page of a list."""

    items: list[T] = Field(description="What is on this page.")
    next: str | None = Field(description="Cursor of the next page; null on the last one.")


@cache
def model_of(kind: type) -> type[BaseModel]:
    """The model of a dataclass: its fields, described by the ``Attributes`` of its docstring.

    A number that may be NaN is null then, so that every float may be null; arrays are lists.
    """
    assert is_dataclass(kind), kind
    hints, said = get_type_hints(kind), _attributes(kind.__doc__ or "")
    made: dict[str, Any] = {
        each.name: (_wire(hints[each.name]), Field(description=said.get(each.name, each.name)))
        for each in fields(kind)
    }
    summary = (kind.__doc__ or "").strip().splitlines()[0]
    model: type[BaseModel] = create_model(kind.__name__, __doc__=summary, **made)
    return model


def example_of(**values: Any) -> dict[str, Any]:
    """An example for the schema of a body."""
    return {"examples": [values]}


def _wire(hint: Any) -> Any:
    origin, inner = get_origin(hint), get_args(hint)
    if hint is float:
        return float | None
    if hint is Any:
        return list[int] | list[bool] | list[float | None]
    if is_dataclass(hint) and isinstance(hint, type):
        return model_of(hint)
    if origin is np.ndarray:
        return list[int] if "int" in str(inner) else list[float | None]
    if origin in (tuple, list):
        return list[_wire(inner[0])]  # type: ignore[misc]  # made at run time
    if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
        return dict[str, Any] if inner[1] is Any else dict[str, _wire(inner[1])]  # type: ignore[misc]
    if origin in (Union, types.UnionType):
        return Union[tuple(_wire(each) for each in inner)]  # noqa: UP007
    if origin is Literal or hint in (int, str, bool, type(None)):
        return hint
    raise TypeError(f"{hint} has no form on the wire")


def _attributes(docstring: str) -> dict[str, str]:
    """Descriptions by name, from the section ``Attributes`` of a numpydoc docstring."""
    found: dict[str, str] = {}
    section = re.split(r"\n\s*Attributes\n\s*-+\n", docstring)
    if len(section) < 2:
        return found
    names: list[str] = []
    lines = section[1].splitlines()
    margin = len(lines[0]) - len(lines[0].lstrip())
    for line in lines:
        text, indent = line.strip(), len(line) - len(line.lstrip())
        if set(text) == {"-"}:
            break
        if text and indent == margin:
            left, _, kind = text.partition(" : ")
            names = [name.strip() for name in left.split(",")]
            found.update(dict.fromkeys(names, _kind(kind)))
        elif text:
            for name in names:
                found[name] = f"{found[name]} {text}".strip()
    return {name: text or name.replace("_", " ").capitalize() + "." for name, text in found.items()}


def _kind(text: str) -> str:
    """What the type says beyond the type: a set of words."""
    return f"One of {text[1:-1]}." if text.startswith("{") else ""
