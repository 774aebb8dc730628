"""Pipelines and flows at their hours: ``cron`` says when, ``store`` what was due, ``claims`` who runs it.

``daemon`` is the scheduler (extra ``schedules``), ``exports`` writes timers for others, ``jupyter`` lets
JupyterLab's own dialogue in (extra ``lab``).
"""

from omni_lab.pipelines.schedules.claims import Claim, Claims
from omni_lab.pipelines.schedules.fire import fire, fire_by_hand, fire_due
from omni_lab.pipelines.schedules.schedule import Schedule
from omni_lab.pipelines.schedules.store import Firing, ScheduleStore

__all__ = [
    "Claim",
    "Claims",
    "Firing",
    "Schedule",
    "ScheduleStore",
    "fire",
    "fire_by_hand",
    "fire_due",
]
