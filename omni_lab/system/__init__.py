"""The wired trading system: a market, a strategy, the risk gate and the book, and everybody who watches."""

from typing import TYPE_CHECKING

from omni_lab.lazy import attributes

if TYPE_CHECKING:
    from omni_lab.system.config import DESK, STREET, SystemConfig
    from omni_lab.system.people import LOCAL, Action, Person, Role
    from omni_lab.system.services import Services, open_services
    from omni_lab.system.system import TradingSystem
    from omni_lab.system.views import (
        Account,
        EquityCurve,
        Fill,
        JournalState,
        Quotes,
        Status,
        Tape,
        Ticket,
    )

__all__ = [
    "DESK",
    "LOCAL",
    "STREET",
    "Account",
    "Action",
    "EquityCurve",
    "Fill",
    "JournalState",
    "Person",
    "Quotes",
    "Role",
    "Services",
    "Status",
    "SystemConfig",
    "Tape",
    "Ticket",
    "TradingSystem",
    "open_services",
]

__getattr__ = attributes(
    __name__,
    {
        **dict.fromkeys(("DESK", "STREET", "SystemConfig"), "config"),
        **dict.fromkeys(("LOCAL", "Action", "Person", "Role"), "people"),
        **dict.fromkeys(("Services", "open_services"), "services"),
        "TradingSystem": "system",
        **dict.fromkeys(
            ("Account", "EquityCurve", "Fill", "JournalState", "Quotes", "Status", "Tape", "Ticket"), "views"
        ),
    },
)
