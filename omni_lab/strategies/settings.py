"""Settings objects: unknown names are refused as values are, and every problem is reported at once."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any, TypeGuard, TypeVar, cast, get_args

import numpy as np

from omni_lab.errors import ConfigError

SettingsT = TypeVar("SettingsT")


def settings(kind: type[SettingsT]) -> type[SettingsT]:
    """A dataclass of settings that refuses unknown names with a `ConfigError` instead of a `TypeError`.

    The error lists the valid names and suggests the closest. NumPy scalars, as a sweep over an array hands
    in, become Python numbers.
    """
    construct = cast(Any, kind).__init__

    @functools.wraps(construct)
    def checked(self: SettingsT, *args: Any, **given: Any) -> None:
        refuse_unknown(kind, given)
        plain = {
            name: value.item() if isinstance(value, np.generic) else value for name, value in given.items()
        }
        construct(self, *args, **plain)

    cast(Any, kind).__init__ = checked
    return kind


def parse_settings(kind: type[SettingsT], given: Mapping[str, Any] | SettingsT | None) -> SettingsT:
    """A settings object from a mapping, such as a parameter file holds.

    Parameters
    ----------
    kind : type
        A class made by :func:`settings`.
    given : mapping or instance or None
        Settings by name; None for the defaults.

    Raises
    ------
    ConfigError
        If a name is unknown, or a value is refused.
    """
    if given is None:
        return kind()
    if isinstance(given, kind):
        return given
    if not isinstance(given, Mapping):
        raise ConfigError(
            "settings must be a mapping", found=type(given).__name__, expected=f"dict or {kind.__name__}"
        )
    refuse_unknown(kind, given)
    return kind(**given)


def refuse_unknown(kind: type, names: Iterable[Any]) -> None:
    """Refuse a name that is no field of the settings."""
    known = [field.name for field in fields(kind)]
    for name in names:
        if name not in known:
            raise ConfigError("unknown setting", found=name, expected=known, where=kind.__name__)


def refuse(kind: object, *problems: list[str]) -> None:
    """Raise all problems in one error, if there are any."""
    found = [problem for each in problems for problem in each]
    if found:
        raise ConfigError("; ".join(found), where=type(kind).__name__)


def out_of_range(
    name: str,
    value: object,
    *,
    least: float | None = None,
    above: float | None = None,
    below: float | None = None,
    most: float | None = None,
    optional: bool = False,
) -> list[str]:
    """What keeps a value from being a finite number within bounds, as clauses."""
    if value is None and optional:
        return []
    bounds = [("at least", least), ("above", above), ("below", below), ("at most", most)]
    stated = " and ".join(f"{word} {bound:g}" for word, bound in bounds if bound is not None)
    fine = (
        is_finite(value)
        and (least is None or value >= least)
        and (above is None or value > above)
        and (below is None or value < below)
        and (most is None or value <= most)
    )
    return [] if fine else [f"{name} must be a number {stated}{' or None' * optional}, not {value!r}"]


def not_whole(name: str, value: object, *, least: int = 0, most: int = 2**31 - 1) -> list[str]:
    """What keeps a value from being a whole number within bounds, as clauses."""
    fine = isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
    return [] if fine else [f"{name} must be a whole number from {least} to {most}, not {value!r}"]


def not_among(name: str, value: object, choices: Any) -> list[str]:
    """What keeps a value from being one of a Literal's choices, as clauses."""
    known = get_args(choices)
    return [] if value in known else [f"{name} must be one of {', '.join(map(repr, known))}, not {value!r}"]


def is_finite(value: object) -> TypeGuard[float]:
    """Whether it is a number, and neither infinite nor NaN."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
