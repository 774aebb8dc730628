"""Drop-copy reconciliation: what we booked against what the venue reports (``docs/reconciliation.md``).

`reconcile` compares two days at once, `Reconciler` two streams, `Store` keeps either in a database. Names are
imported when they are asked for.
"""

from typing import TYPE_CHECKING

from omni_lab.lazy import attributes

if TYPE_CHECKING:
    from omni_lab.execution.drop_copy.breaks import Break
    from omni_lab.execution.drop_copy.fills import FillKind, Fills
    from omni_lab.execution.drop_copy.reconciler import Reconciler, reconcile
    from omni_lab.execution.drop_copy.result import Result
    from omni_lab.execution.drop_copy.rules import ACTIONS, BREAKS, Grid, Rule, Rules, Tolerance
    from omni_lab.execution.drop_copy.sources import (
        fills_from_csv,
        fills_from_events,
        fills_from_fix,
        fills_from_journal,
        read_fills,
    )
    from omni_lab.execution.drop_copy.store import Store
    from omni_lab.execution.drop_copy.verdicts import AuditEntry, Verdict

__all__ = [
    "ACTIONS",
    "BREAKS",
    "AuditEntry",
    "Break",
    "FillKind",
    "Fills",
    "Grid",
    "Reconciler",
    "Result",
    "Rule",
    "Rules",
    "Store",
    "Tolerance",
    "Verdict",
    "fills_from_csv",
    "fills_from_events",
    "fills_from_fix",
    "fills_from_journal",
    "read_fills",
    "reconcile",
]

__getattr__ = attributes(
    __name__,
    {
        "ACTIONS": "rules",
        "BREAKS": "rules",
        "AuditEntry": "verdicts",
        "Break": "breaks",
        "FillKind": "fills",
        "Fills": "fills",
        "Grid": "rules",
        "Reconciler": "reconciler",
        "Result": "result",
        "Rule": "rules",
        "Rules": "rules",
        "Store": "store",
        "Tolerance": "rules",
        "Verdict": "verdicts",
        "fills_from_csv": "sources",
        "fills_from_events": "sources",
        "fills_from_fix": "sources",
        "fills_from_journal": "sources",
        "read_fills": "sources",
        "reconcile": "reconciler",
    },
)
