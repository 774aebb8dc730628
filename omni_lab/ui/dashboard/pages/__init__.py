"""The pages, in the order of the navigation; a module ``NAME`` here holds ``PAGE``."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.util import find_spec

from omni_lab.ui.dashboard.page import Page

_NAMES = (
    "overview",
    "market",
    "orders",
    "risk",
    "backtests",
    "portfolio",
    "execution",
    "data",
    "runs",
    "system",
)

ICONS = {
    "overview": "M4 13h6V4H4zM14 20h6v-9h-6zM4 20h6v-4H4zM14 8h6V4h-6z",
    "market": "M4 6h9M4 10h6M4 14h12M4 18h7M17 6h3M19 10h1",
    "orders": "M6 4h12v16H6zM9 9h6M9 13h6",
    "risk": "M12 3l8 4v5c0 5-3.5 8-8 9-4.500-1-8-4-8-9V7z",
    "backtests": "M4 18l5-6 4 3 7-9M4 21h16",
    "portfolio": "M12 4v8l6 5M12 4a8 8 0 1 0 6 13",
    "execution": "M4 7h10l-3-3M20 17H10l3 3",
    "data": "M5 6c0-1.500 14-1.500 14 0v12c0 1.500-14 1.500-14 0zM5 12c0 1.500 14 1.500 14 0",
    "runs": "M12 7v5l3 2M12 4a8 8 0 1 0 8 8M20 4v4h-4",
    "system": "M5 6h14v5H5zM5 13h14v5H5zM8 8.500h.01M8 15.500h.01",
}


@cache
def find_pages() -> tuple[Page, ...]:
    """All pages that there are."""
    names = [f"{__name__}.{name}" for name in _NAMES]
    return tuple(import_module(name).PAGE for name in names if find_spec(name) is not None)
