"""Strategies by name: what a parameter file, the command line and a stored result can ask for.

Nothing here is needed to run a strategy: a class written in a notebook runs as it is. A name is what lets it
be written down and made again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, TypeVar

from omni_lab.errors import ConfigError
from omni_lab.strategies.base import Strategy
from omni_lab.strategies.identity import canonical_json

StrategyT = TypeVar("StrategyT", bound=type[Strategy])

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_registered: dict[str, type[Strategy]] = {}
_OURS = (
    *("allocation", "cross_sectional", "crossover", "execution", "market_making", "momentum", "reversion"),
    "statistical_arbitrage",
)


def register(name: str) -> Callable[[StrategyT], StrategyT]:
    """Decorator that makes a strategy class known by a name.

    The class is made from its parameters alone, ``kind(params)``, a mapping or None. Running a notebook's
    cell again replaces the class it defined before.

    Parameters
    ----------
    name : str
        Lower case letters, digits and underscores.

    Raises
    ------
    ConfigError
        If the name is taken by another class, or is no such name.

    Examples
    --------
    >>> from omni_lab import strategies
    >>> @strategies.register("buy_and_hold")
    ... class BuyAndHold(strategies.Strategy):
    ...     def __init__(self, config=None):
    ...         self.config = None
    >>> strategies.create("buy_and_hold").name
    'BuyAndHold'
    """
    if not _NAME.fullmatch(str(name)):
        raise ConfigError(
            "this cannot name a strategy",
            found=name,
            expected="lower case letters, digits and underscores, such as 'mean_reversion'",
            where="register",
        )

    def remember(kind: StrategyT) -> StrategyT:
        if not issubclass(kind, Strategy):
            raise ConfigError("only a Strategy can be registered", found=repr(kind), where=f"{name!r}")
        holder = _registered.get(name)
        if holder is not None and _place(holder) != _place(kind):
            raise ConfigError(
                f"the name {name!r} is taken by another strategy",
                found=_place(kind),
                expected=_place(holder),
                where="register",
            )
        _registered[name] = kind
        return kind

    return remember


def names() -> tuple[str, ...]:
    """Every registered name, sorted."""
    _meet_ours()
    return tuple(sorted(_registered))


def create(name: str, params: Mapping[str, Any] | None = None) -> Strategy:
    """A strategy of a registered name.

    Parameters
    ----------
    name : str
        One of :func:`names`.
    params : mapping, optional
        Its settings by name; defaults for those not given.

    Raises
    ------
    ConfigError
        If there is no such strategy (the closest name is suggested), or it refuses a setting.
    """
    make: Callable[[Mapping[str, Any] | None], Strategy] = kind_of(name)
    return make(params)


def kind_of(name: str) -> type[Strategy]:
    """The class of a registered name.

    Raises
    ------
    ConfigError
        If there is no such strategy; the closest name is suggested.
    """
    _meet_ours()
    if name not in _registered:
        raise ConfigError("unknown strategy", found=name, expected=names(), where="strategy")
    return _registered[name]


def _meet_ours() -> None:
    """Import the strategies of this room, which register themselves."""
    for module in _OURS:
        import_module(f"omni_lab.strategies.{module}")


def registered_name(strategy: Strategy) -> str | None:
    """Under which name a strategy's class is registered; None if under none."""
    return next((name for name, kind in _registered.items() if kind is type(strategy)), None)


def to_json(strategy: Strategy) -> str:
    """A strategy written down: its registered name and all of its parameters, as canonical JSON.

    Raises
    ------
    ConfigError
        If its class is not registered, or a parameter cannot be written.
    """
    name = registered_name(strategy)
    if name is None:
        raise ConfigError(
            "only a registered strategy can be made again from text",
            found=type(strategy).__name__,
            expected=names(),
            hint="Decorate the class with @register('name').",
        )
    return canonical_json({"strategy": name, "parameters": strategy.parameters})


def from_json(text: str) -> Strategy:
    """The strategy that :func:`to_json` wrote down.

    Raises
    ------
    ConfigError
        If the text is something else, or names what does not exist here.
    """
    expected = '{"strategy": name, "parameters": {...}}'
    try:
        given = json.loads(text)
    except (TypeError, ValueError) as error:
        raise ConfigError("this is not JSON", found=str(text)[:80], expected=expected) from error
    if (
        not isinstance(given, dict)
        or set(given) != {"strategy", "parameters"}
        or not isinstance(given["strategy"], str)
    ):
        raise ConfigError("this is not a strategy", found=text[:80], expected=expected)
    return create(given["strategy"], given["parameters"])


def _place(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
