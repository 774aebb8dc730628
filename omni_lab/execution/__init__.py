"""Execution: the order-management system, its settings, and what people see of it.

``OMS`` is the native system, loaded when it is first asked for. Where the native module is missing it is
`ReferenceOMS`, its plain twin, and a warning says so; ``Replay`` needs the native module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omni_lab.execution.config import OMSConfig
from omni_lab.execution.events import Event, EventLog
from omni_lab.execution.explanations import Explanation, Headroom, LimitTable
from omni_lab.execution.limits import InstrumentLimits, Limits, PositionLimits
from omni_lab.execution.reference import ReferenceOMS
from omni_lab.execution.views import BookView, Depth, Order, Position, Snapshot

if TYPE_CHECKING:
    from omni_lab.execution.oms import OMS
    from omni_lab.execution.replay import Frame, Replay

__all__ = [
    "OMS",
    "BookView",
    "Depth",
    "Event",
    "EventLog",
    "Explanation",
    "Frame",
    "Headroom",
    "InstrumentLimits",
    "LimitTable",
    "Limits",
    "OMSConfig",
    "Order",
    "Position",
    "PositionLimits",
    "ReferenceOMS",
    "Replay",
    "Snapshot",
]


def __getattr__(name: str) -> Any:
    match name:
        case "OMS":
            found = globals()[name] = _native_or_plain()
            return found
        case "Replay" | "Frame":
            from omni_lab.execution import replay

            return getattr(replay, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _native_or_plain() -> Any:
    from importlib.util import find_spec

    if find_spec("omni_lab._native") is not None:
        from omni_lab.execution.oms import OMS

        return OMS
    import warnings

    warnings.warn(
        "the native module is missing: OMS is the plain ReferenceOMS, which is slow and keeps no journal. "
        "Build it: make setup",
        RuntimeWarning,
        stacklevel=3,
    )
    return ReferenceOMS
