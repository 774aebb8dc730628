"""Data from its sources to checked bars. Heavy libraries are imported when something asks for them."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from omni_lab.data.bars import Bars
    from omni_lab.data.checks import CheckedBars, check_bars
    from omni_lab.data.sources import SOURCES, PackageSource, Source, get_source
    from omni_lab.data.synthetic import SYNTHETIC_SYMBOL, synthetic_bars

__all__ = [
    "SOURCES",
    "SYNTHETIC_SYMBOL",
    "Bars",
    "CheckedBars",
    "PackageSource",
    "Source",
    "check_bars",
    "get_source",
    "synthetic_bars",
]

_HOMES = {
    "Bars": "bars",
    "CheckedBars": "checks",
    "check_bars": "checks",
    "SOURCES": "sources",
    "PackageSource": "sources",
    "Source": "sources",
    "get_source": "sources",
    "SYNTHETIC_SYMBOL": "synthetic",
    "synthetic_bars": "synthetic",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
