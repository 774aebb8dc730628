"""What becomes of the moments that are due: a function without clock and database."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from omni_lab.pipelines.schedules.schedule import ALL, LAST, SKIP, Schedule

WAITING, CLAIMED, RAN, SKIPPED, FAILED_TO_START = "waiting", "claimed", "ran", "skipped", "failed to start"

ON_TIME_S = 90.0
"""A firing that is seen within this many seconds of its due time has not been missed."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a due moment when it is first seen.

    Attributes
    ----------
    due : datetime
        UTC.
    state : str
        ``"waiting"`` to be run, or ``"skipped"``.
    reason : str
        Why it was skipped, or why it waits.
    """

    due: dt.datetime
    state: str
    reason: str = ""


def judge(schedule: Schedule, due: list[dt.datetime], now: dt.datetime, *, is_going: bool) -> list[Verdict]:
    """What becomes of moments that are seen for the first time.

    Parameters
    ----------
    schedule : Schedule
    due : list of datetime
        Increasing, none after ``now``.
    now : datetime
    is_going : bool
        Whether an earlier firing of the schedule waits or runs.
    """
    fires = [moment for moment in due if schedule.is_session(moment)]
    verdicts = []
    for moment in due:
        late_s = (now - moment).total_seconds()
        if schedule.paused:
            reason = "paused"
        elif moment not in fires:
            reason = f"no session of {schedule.calendar}"
        elif late_s > ON_TIME_S and (why := _missed(schedule, late_s, is_newest=moment == fires[-1])):
            reason = why
        elif is_going and schedule.overlap == SKIP and not (late_s > ON_TIME_S and schedule.missed == ALL):
            reason = "overlap: the run before it was not over"
        else:
            reason = ""
        verdicts.append(Verdict(moment, SKIPPED if reason else WAITING, reason))
        is_going = is_going or not reason
    return verdicts


def _missed(schedule: Schedule, late_s: float, *, is_newest: bool) -> str:
    """Why a firing that was missed is not made up for; empty if it is."""
    if schedule.missed not in (ALL, LAST):
        return "missed: no scheduler was there"
    if late_s > schedule.missed_within_s:
        return "missed: too long ago"
    return "" if schedule.missed == ALL or is_newest else "missed: a later firing stands for it"
