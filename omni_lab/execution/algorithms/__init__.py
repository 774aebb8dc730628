"""Execution algorithms: parent orders worked off by schedules and tactics; docs/execution.md."""

from typing import TYPE_CHECKING

from omni_lab.lazy import attributes

if TYPE_CHECKING:
    from omni_lab.execution.algorithms.curves import VolumeCurve
    from omni_lab.execution.algorithms.desk import ExecutionDesk
    from omni_lab.execution.algorithms.market import MarketView, Touch, Venue
    from omni_lab.execution.algorithms.memory import restore_desk, save_desk
    from omni_lab.execution.algorithms.orders import Child, Parent, ParentOrder, ParentState
    from omni_lab.execution.algorithms.paper import PaperVenue
    from omni_lab.execution.algorithms.participation import Pov
    from omni_lab.execution.algorithms.recipes import RECIPES, TACTICS, Algorithm, recipe
    from omni_lab.execution.algorithms.schedules import Hastened, ImplementationShortfall, Twap, Vwap
    from omni_lab.execution.algorithms.tactics import ByRules, Cross, Iceberg, Join, Sniper

__all__ = [
    "RECIPES",
    "TACTICS",
    "Algorithm",
    "ByRules",
    "Child",
    "Cross",
    "ExecutionDesk",
    "Hastened",
    "Iceberg",
    "ImplementationShortfall",
    "Join",
    "MarketView",
    "PaperVenue",
    "Parent",
    "ParentOrder",
    "ParentState",
    "Pov",
    "Sniper",
    "Touch",
    "Twap",
    "Venue",
    "VolumeCurve",
    "Vwap",
    "recipe",
    "restore_desk",
    "save_desk",
]

__getattr__ = attributes(
    __name__,
    {
        "RECIPES": "recipes",
        "TACTICS": "recipes",
        "Algorithm": "recipes",
        "ByRules": "tactics",
        "Child": "orders",
        "Cross": "tactics",
        "ExecutionDesk": "desk",
        "Hastened": "schedules",
        "Iceberg": "tactics",
        "ImplementationShortfall": "schedules",
        "Join": "tactics",
        "MarketView": "market",
        "PaperVenue": "paper",
        "Parent": "orders",
        "ParentOrder": "orders",
        "ParentState": "orders",
        "Pov": "participation",
        "Sniper": "tactics",
        "Touch": "market",
        "Twap": "schedules",
        "Venue": "market",
        "VolumeCurve": "curves",
        "Vwap": "schedules",
        "recipe": "recipes",
        "restore_desk": "memory",
        "save_desk": "memory",
    },
)
