"""Data from its sources to checked bars. Heavy libraries are imported when something asks for them."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from omni_lab.data.bars import Bars
    from omni_lab.data.synthetic import SYNTHETIC_SYMBOL, synthetic_bars

__all__ = ["SYNTHETIC_SYMBOL", "Bars", "synthetic_bars"]

_HOMES = {"Bars": "bars", "SYNTHETIC_SYMBOL": "synthetic", "synthetic_bars": "synthetic"}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
