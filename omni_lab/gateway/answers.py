"""Answers as JSON: what rooms below return, as it is; NaN and infinities are null."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from fastapi import Response

from omni_lab.errors import ConfigError

_NUMBER = re.compile(r"-?[0-9]{1,19}")
_OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS


def encode(content: Any) -> bytes:
    """Content as JSON: dataclasses by their fields, arrays as lists, decimals as numbers."""
    return orjson.dumps(content, default=_plain, option=_OPTIONS)


def answer(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A response of JSON."""
    return Response(encode(content), status, dict(headers or {}), "application/json")


class Fresh:
    """Bytes of an answer that many ask for, made at most so often.

    Parameters
    ----------
    make : callable
        Makes the content.
    age_s : float
        How old an answer may be, seconds.
    """

    def __init__(self, make: Callable[[], Any], age_s: float = 0.02) -> None:
        self._make, self._age_s = make, age_s
        self._until, self._kept = 0.0, b""

    def __call__(self) -> bytes:
        """The bytes."""
        now = time.monotonic()
        if now >= self._until:
            self._kept = encode(self._make())
            self._until = now + self._age_s
        return self._kept

    def forget(self) -> None:
        """Make it anew next time: something was changed."""
        self._until = 0.0


def page(items: list[Any], limit: int, cursor: Callable[[Any], object]) -> dict[str, Any]:
    """A page of a list.

    Parameters
    ----------
    items : list
        One more than ``limit`` where there are more.
    limit : int
    cursor : callable
        Of the last item of the page: what the next one begins after.
    """
    shown = items[:limit]
    return {"items": shown, "next": str(cursor(shown[-1])) if len(items) > limit else None}


def number_cursor(cursor: str | None, default: int = 0, *, least: int = 0) -> int:
    """The number that a cursor is, not below ``least``.

    Raises
    ------
    ConfigError
        If it is none of ours.
    """
    if cursor is None:
        return default
    if not _NUMBER.fullmatch(cursor) or not least <= int(cursor) < 2**63:
        raise ConfigError("this is no cursor of this list", found=cursor, where="query.cursor")
    return int(cursor)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, frozenset | set):
        return sorted(value)
    if isinstance(value, Path):
        return value.name
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not JSON")
