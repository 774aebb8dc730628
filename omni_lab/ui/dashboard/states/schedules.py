"""Schedules: what runs when, what comes next, and what is done about it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from omni_lab.pipelines.schedules import Schedule, ScheduleStore
from omni_lab.pipelines.schedules.sentences import sentence_of
from omni_lab.system.people import Action, Person
from omni_lab.ui.dashboard.states.schedule_form import ScheduleForm
from omni_lab.ui.params import param

if TYPE_CHECKING:
    from omni_lab.pipelines.jobs import Job
    from omni_lab.system.services import Services


class SchedulesState(param.Parameterized):
    """The schedules that the registry keeps.

    Parameters
    ----------
    services : Services
    person : Person
        Who looks.

    Attributes
    ----------
    rows : list of dict
        ``name``, ``runs``, ``cron``, ``says`` (the cron expression as a sentence), ``tz``, ``calendar``,
        ``next`` (nanoseconds UTC; 0 while paused), ``last`` (what became of the last firing), ``paused``.
    """

    rows = param.List(default=[])

    def __init__(self, services: Services, person: Person) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._services, self._person = services, person
        self._store = ScheduleStore(services.registry)

    def look(self, now: dt.datetime | None = None) -> None:
        """Read them again."""
        now = now or dt.datetime.now(dt.UTC)
        found = [self._row(each, now) for each in self._store.list()]
        if found != self.rows:
            self.rows = found

    def history(self, name: str) -> list[dict[str, Any]]:
        """The last firings of one, newest first: ``due``, ``state``, ``reason``, ``run_id``."""
        return [
            {
                "due": _ns(each.due),
                "state": each.state,
                "reason": each.reason,
                "run_id": each.run_id or "",
                "key": f"{each.schedule}@{each.due.isoformat()}",
            }
            for each in self._store.history(name, limit=50)
        ]

    def form(self, name: str | None = None, zone: ZoneInfo | None = None) -> ScheduleForm:
        """The form of one, or of a new one.

        Raises
        ------
        ConfigError
            If there is none of that name.
        """
        return ScheduleForm(None if name is None else self._store.get(name), zone)

    def save(self, form: ScheduleForm) -> Schedule:
        """Keep what a form says.

        Raises
        ------
        ForbiddenError
            If the person may not.
        ConfigError, DataError
            If it cannot be run, or the name of a new one is taken.
        """
        self._person.require(Action.RUN)
        schedule, now = form.schedule(), dt.datetime.now(dt.UTC)
        (self._store.add if form.is_new else self._store.update)(schedule, now=now)
        return schedule

    def enable(self, name: str, on: bool) -> None:
        """Let one fire, or pause it.

        Raises
        ------
        ForbiddenError
            If the person may not.
        """
        self._person.require(Action.RUN)
        (self._store.resume if on else self._store.pause)(name, now=dt.datetime.now(dt.UTC))

    def remove(self, name: str) -> None:
        """Forget one; its history and its runs stay.

        Raises
        ------
        ForbiddenError
            If the person may not.
        """
        self._person.require(Action.RUN)
        self._store.remove(name, now=dt.datetime.now(dt.UTC))

    def run_now(self, name: str) -> Job:
        """Queue what one runs, beside its hours.

        Raises
        ------
        ForbiddenError
            If the person may not.
        ConfigError, DataError
            If it cannot be run any more.
        """
        self._person.require(Action.RUN)
        schedule = self._store.get(name)
        return self._services.jobs.submit(schedule.runs, values_of(schedule), who=self._person.name)

    def _row(self, schedule: Schedule, now: dt.datetime) -> dict[str, Any]:
        last = self._store.history(schedule.name, limit=1)
        following = self._store.next_due(schedule.name, now)
        ended = (
            f"{last[0].state}: {last[0].reason}" if last and last[0].reason else last[0].state if last else ""
        )
        return {
            "name": schedule.name,
            "runs": schedule.runs,
            "cron": schedule.cron,
            "says": sentence_of(schedule.hours).removesuffix(".") + f" ({schedule.tz})",
            "tz": schedule.tz,
            "calendar": schedule.calendar or "",
            "next": 0 if following is None else _ns(following),
            "last": ended,
            "paused": "paused" if schedule.paused else "on",
        }


def values_of(schedule: Schedule) -> dict[str, Any]:
    """What a schedule asks beside the defaults, as values by name.

    Raises
    ------
    ConfigError, DataError
        If it cannot be run any more.
    """
    if schedule.flow is not None:
        from omni_lab.pipelines.flows import load_flow
        from omni_lab.pipelines.flows.checks import settled

        _, effective = settled(load_flow(schedule.flow), assignments=schedule.assignments)
        return {name: effective[name] for name in (each.partition("=")[0] for each in schedule.assignments)}
    from omni_lab.pipelines.runner import prepare_run

    asked = prepare_run(
        schedule.runs, parameter_file=schedule.parameter_file, assignments=schedule.assignments
    )
    parameters: Mapping[str, Any] = asked.parameters
    return {n: value for n, value in asked.settings.items() if value != parameters[n].default}


def _ns(moment: dt.datetime) -> int:
    return int(moment.timestamp()) * 1_000_000_000
