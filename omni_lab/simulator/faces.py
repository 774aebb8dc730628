"""The two faces of a strategy: callbacks, called bar by bar, and signals, all bars at once."""

from __future__ import annotations

import copy
from typing import Any

from omni_lab._native import Indicator
from omni_lab.strategies.base import Strategy

# They prepare and tidy up; by themselves they decide nothing.
_UNDECIDED = ("on_start", "on_stop")


def overrides(strategy: Strategy, name: str) -> bool:
    """Whether it has a method of its own in place of the base class's."""
    method = getattr(strategy, name)
    return getattr(method, "__func__", None) is not getattr(Strategy, name)


def has_callbacks(strategy: Strategy) -> bool:
    """Whether it decides when it is called back."""
    callbacks = (name for name in dir(Strategy) if name.startswith("on_") and name not in _UNDECIDED)
    return any(overrides(strategy, name) for name in callbacks)


def has_signals(strategy: Strategy) -> bool:
    """Whether it can give targets for all bars at once."""
    return overrides(strategy, "signals")


def only_signals(strategy: Strategy) -> bool:
    """Whether a run of it is a run of its targets."""
    return has_signals(strategy) and not has_callbacks(strategy)


def fresh_copy(strategy: Any) -> Any:
    """A copy to run, of a strategy that may have run before.

    What the engine lent to that run, its indicators, cannot be copied and is of no use to another: the copy
    keeps them until its own ``on_start`` declares new ones.
    """
    held = list(getattr(strategy, "__dict__", {}).values())
    for value in tuple(held):
        held += (
            value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
        )
    return copy.deepcopy(strategy, {id(each): each for each in held if isinstance(each, Indicator)})
