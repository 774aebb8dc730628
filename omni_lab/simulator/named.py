"""What a caller may hand in where a strategy is wanted: the thing itself, or a name and parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from omni_lab.data.bars import Bars
from omni_lab.errors import ConfigError
from omni_lab.simulator.native_strategies import NATIVE_STRATEGIES, NativeRule, native_parameters
from omni_lab.simulator.run import name_of
from omni_lab.strategies.base import Strategy
from omni_lab.strategies.registry import create, kind_of


def strategy_given(strategy: Any, params: Mapping[str, Any] | None) -> Any:
    """The strategy that was meant; what is no name is handed back as it is.

    Parameters
    ----------
    strategy : object
        A name of one that runs in the engine alone, or of one of :func:`omni_lab.strategies.names`; else
        anything.
    params : mapping or None
        Settings of a strategy given by name.

    Raises
    ------
    ConfigError
        If there is no strategy of that name, it refuses a setting, or settings are given for something else.
    """
    if isinstance(strategy, str):
        if strategy in NATIVE_STRATEGIES:
            return NativeRule(strategy, native_parameters(strategy, params))
        return create(strategy, params)
    if params is not None:
        raise ConfigError(
            "params are settings of a strategy given by name",
            found=name_of(strategy),
            where="params",
            hint="Hand them to the strategy itself.",
        )
    return strategy


@dataclass(frozen=True, slots=True)
class NamedFamily:
    """Strategies of one name, made from bars (which they ignore) and parameters.

    Attributes
    ----------
    name : str
    kind : type or None
        The class registered under it, so that it can be sent to processes that never heard of the name; None
        for what runs in the engine alone.
    """

    name: str
    kind: type[Strategy] | None

    def __call__(self, bars: Bars, **parameters: Any) -> Any:
        """One of them."""
        if self.kind is None:
            return NativeRule(self.name, native_parameters(self.name, parameters))
        make: Any = self.kind
        return make(parameters)


def family_given(strategy: Any) -> Any:
    """What makes the strategies of a search: of a name a :class:`NamedFamily`, else what was handed in."""
    if not isinstance(strategy, str):
        return strategy
    return NamedFamily(strategy, None if strategy in NATIVE_STRATEGIES else kind_of(strategy))
