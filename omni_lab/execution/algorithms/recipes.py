"""Algorithms by name: a schedule and a tactic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any

from omni_lab.errors import ConfigError
from omni_lab.execution.algorithms.participation import Pov
from omni_lab.execution.algorithms.schedules import Hastened, ImplementationShortfall, Schedule, Twap, Vwap
from omni_lab.execution.algorithms.tactics import ByRules, Cross, Iceberg, Join, Sniper, Tactic


@dataclass(frozen=True, slots=True)
class Algorithm:
    """How a parent is worked off.

    Attributes
    ----------
    schedule : Schedule
        How much is due by when.
    tactic : Tactic
        How it is sent.
    name : str
        What tables call it.
    """

    schedule: Schedule
    tactic: Tactic
    name: str = "custom"


_SCHEDULES: Mapping[str, type[Any]] = MappingProxyType(
    {"twap": Twap, "vwap": Vwap, "pov": Pov, "is": ImplementationShortfall, "adaptive": Hastened}
)
_TACTICS: Mapping[str, type[Any]] = MappingProxyType(
    {"cross": Cross, "join": Join, "iceberg": Iceberg, "sniper": Sniper, "rules": ByRules}
)
_USUAL = {"twap": "join", "vwap": "join", "pov": "cross", "is": "cross", "adaptive": "rules"}

RECIPES = tuple(_SCHEDULES)
"""Names of the algorithms."""
TACTICS = tuple(_TACTICS)
"""Names of the tactics."""


def recipe(given: Algorithm | str | Mapping[str, Any]) -> Algorithm:
    """An algorithm from its name and settings.

    Parameters
    ----------
    given : Algorithm, str or mapping
        ``"twap"``; or ``{"name": "twap", "slices": 40, "tactic": {"name": "join", "tolerance": 0.02}}``;
        ``"tactic"`` may be a name. ``"adaptive"`` takes ``"base"``, an algorithm whose schedule it hastens.

    Raises
    ------
    ConfigError
        If a name or a setting is unknown; the valid ones are listed.
    """
    if isinstance(given, Algorithm):
        return given
    settings: dict[str, Any] = {"name": given} if isinstance(given, str) else dict(given)
    name = str(settings.pop("name", None))
    if name not in _SCHEDULES:
        raise ConfigError(
            "unknown execution algorithm", found=name, expected=list(RECIPES), where="algorithm"
        )
    tactic = settings.pop("tactic", _USUAL[name])
    if name == "adaptive":
        settings["base"] = recipe(settings.get("base", "vwap")).schedule
        if tactic == "rules" and "urgency" in settings:
            tactic = {"name": "rules", "urgency": settings["urgency"]}
    return Algorithm(_made(_SCHEDULES[name], settings), _tactic(tactic), name)


def _tactic(given: Tactic | str | Mapping[str, Any]) -> Tactic:
    if not isinstance(given, str | Mapping):
        return given
    settings: dict[str, Any] = {"name": given} if isinstance(given, str) else dict(given)
    name = str(settings.pop("name", None))
    if name not in _TACTICS:
        raise ConfigError("unknown tactic", found=name, expected=list(TACTICS), where="algorithm.tactic")
    made: Tactic = _made(_TACTICS[name], settings)
    return made


def _made(kind: type[Any], settings: Mapping[str, Any]) -> Any:
    known = [each.name for each in fields(kind)]
    for name in settings:
        if name not in known:
            raise ConfigError("unknown setting", found=name, expected=known, where=kind.__name__)
    try:
        return kind(**settings)
    except TypeError as error:
        raise ConfigError(str(error), expected=known, where=kind.__name__) from None
