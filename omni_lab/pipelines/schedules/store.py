"""Schedules in the registry's database, and what became of each moment that was due.

Whatever looks at the clock is handed ``now``. Who runs a firing is settled in ``claims``.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from omni_lab.errors import ConfigError
from omni_lab.pipelines.registry.records import FINAL
from omni_lab.pipelines.schedules import tables
from omni_lab.pipelines.schedules.cron import MOST_AT_ONCE, due_between, next_due
from omni_lab.pipelines.schedules.firings import CLAIMED, FAILED_TO_START, RAN, SKIPPED, WAITING, judge
from omni_lab.pipelines.schedules.schedule import Schedule
from omni_lab.pipelines.schedules.tables import firings, moment_of, schedules, stamp
from omni_lab.store.database import create_tables, reading, sa

if TYPE_CHECKING:
    from omni_lab.pipelines.registry import RunRegistry


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """A moment that was due, and what became of it.

    Attributes
    ----------
    schedule : str
    due : datetime
        UTC.
    state : str
        ``"waiting"``, ``"claimed"`` while it runs, and in the end ``"ran"``, ``"skipped"`` or
        ``"failed to start"``.
    reason : str
        Why it was skipped or did not start, or how its run ended if not well.
    run_id : str or None
        Of its run.
    """

    schedule: str
    due: dt.datetime
    state: str
    reason: str = ""
    run_id: str | None = None

    @property
    def is_well(self) -> bool:
        """Whether nobody needs to be told of it."""
        return self.state != FAILED_TO_START and not (self.state == RAN and self.reason in FINAL)


class ScheduleStore:
    """The schedules that a registry keeps.

    Parameters
    ----------
    registry : RunRegistry
        Open; whose database is used.
    """

    def __init__(self, registry: RunRegistry) -> None:
        self._engine = registry.engine
        create_tables(self._engine, tables.metadata)

    def add(self, schedule: Schedule, *, now: dt.datetime) -> None:
        """Keep a schedule; what is due after ``now`` will fire.

        Raises
        ------
        ConfigError
            If the name is taken, or what it runs could not be run.
        DataError
            If the notebook cannot be read.
        """
        schedule.check_request()
        row = {"name": schedule.name, "facts": json.dumps(schedule.facts()), "paused": schedule.paused}
        with self.change() as connection:
            if _row(connection, schedule.name) is not None:
                raise ConfigError(
                    "a schedule of this name exists",
                    found=schedule.name,
                    hint=f"See it: omni schedule show {schedule.name}; remove it: omni schedule rm "
                    f"{schedule.name}.",
                )
            connection.execute(schedules.insert(), row | {"added": stamp(now), "seen_until": stamp(now)})

    def update(self, schedule: Schedule, *, now: dt.datetime) -> None:
        """Keep a schedule in place of the one of its name; what was due until now is decided by the old one.

        Raises
        ------
        ConfigError
            If there is none of that name, or what it runs could not be run.
        DataError
            If the notebook cannot be read.
        """
        schedule.check_request()
        row = {"facts": json.dumps(schedule.facts()), "paused": schedule.paused}
        with self.change() as connection:
            self._see(connection, schedule.name, now)
            if schedule.paused:
                _skip_waiting(connection, schedule.name, "paused", now)
            connection.execute(schedules.update().where(schedules.c.name == schedule.name).values(row))

    def get(self, name: str) -> Schedule:
        """A schedule by its name.

        Raises
        ------
        ConfigError
            If there is none.
        """
        with reading(self._engine) as connection:
            row = _row(connection, name)
        if row is None:
            raise self._unknown(name)
        return _schedule(row)

    def list(self) -> list[Schedule]:
        """All schedules, by name."""
        with reading(self._engine) as connection:
            rows = connection.execute(sa.select(schedules).order_by(schedules.c.name)).all()
        return [_schedule(row) for row in rows]

    def pause(self, name: str, *, now: dt.datetime) -> None:
        """Skip what is due, and what waits, until the schedule is resumed.

        Raises
        ------
        ConfigError
            If there is no such schedule.
        """
        self._set_paused(name, True, now)

    def resume(self, name: str, *, now: dt.datetime) -> None:
        """Let a schedule fire again; what was due in between is skipped.

        Raises
        ------
        ConfigError
            If there is no such schedule.
        """
        self._set_paused(name, False, now)

    def remove(self, name: str, *, now: dt.datetime) -> None:
        """Forget a schedule. Its history stays, and a run of it that is going goes on.

        Raises
        ------
        ConfigError
            If there is no such schedule.
        """
        with self.change() as connection:
            self._see(connection, name, now)
            _skip_waiting(connection, name, "removed", now)
            connection.execute(schedules.delete().where(schedules.c.name == name))

    def see_due(self, now: dt.datetime, *, name: str | None = None) -> None:
        """Decide once and for all about what came due since somebody last looked: to run it, or why not.

        Parameters
        ----------
        now : datetime
        name : str, optional
            Only of this schedule.
        """
        query = sa.select(schedules)
        with reading(self._engine) as connection:
            rows = connection.execute(query if name is None else query.where(schedules.c.name == name)).all()
        for row in rows:
            following = next_due(_schedule(row).hours, _schedule(row).zone, moment_of(row.seen_until))
            if following is not None and following <= now:
                with self.change() as connection:
                    self._see(connection, row.name, now, is_known=False)

    def next_due(self, name: str, now: dt.datetime) -> dt.datetime | None:
        """When a schedule fires next; None while it is paused."""
        schedule = self.get(name)
        if schedule.paused:
            return None
        moment = next_due(schedule.hours, schedule.zone, now)
        for _ in range(MOST_AT_ONCE):
            if moment is None or schedule.is_session(moment):
                return moment
            moment = next_due(schedule.hours, schedule.zone, moment)
        return None

    def has_waiting(self, name: str) -> bool:
        """Whether a firing of a schedule is still to be run."""
        chosen = (firings.c.schedule == name) & (firings.c.state == WAITING)
        with reading(self._engine) as connection:
            return connection.execute(sa.select(firings.c.due).where(chosen)).first() is not None

    def history(self, name: str | None = None, *, limit: int | None = None) -> Sequence[Firing]:
        """What became of each firing, the newest first; of schedules that are gone, too."""
        query = sa.select(firings).order_by(firings.c.due.desc(), firings.c.schedule).limit(limit)
        with reading(self._engine) as connection:
            rows = connection.execute(query if name is None else query.where(firings.c.schedule == name))
            return [firing_of(row) for row in rows]

    @contextmanager
    def change(self) -> Iterator[sa.Connection]:
        """A transaction in which nobody else decides about firings."""
        with self._engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                # SQLite has one writer at a time anyway.
                connection.execute(sa.text(f"LOCK TABLE {firings.name} IN SHARE ROW EXCLUSIVE MODE"))
            yield connection

    def _set_paused(self, name: str, paused: bool, now: dt.datetime) -> None:
        with self.change() as connection:
            self._see(connection, name, now)
            if paused:
                _skip_waiting(connection, name, "paused", now)
            connection.execute(schedules.update().where(schedules.c.name == name).values(paused=paused))

    def _see(self, connection: sa.Connection, name: str, now: dt.datetime, *, is_known: bool = True) -> None:
        row = _row(connection, name)
        if row is None:
            if is_known:
                raise self._unknown(name, connection)
            return
        schedule, seen = _schedule(row), moment_of(row.seen_until)
        if seen >= now:
            return
        due = due_between(schedule.hours, schedule.zone, seen, now)
        state = firings.c.state.in_([WAITING, CLAIMED])
        going = connection.execute(sa.select(firings.c.due).where(firings.c.schedule == name, state)).first()
        rows: list[dict[str, Any]] = [
            {
                "schedule": name,
                "due": stamp(verdict.due),
                "state": verdict.state,
                "reason": verdict.reason,
                "ended": stamp(now) if verdict.state == SKIPPED else None,
            }
            for verdict in judge(schedule, due, now, is_going=going is not None)
        ]
        if len(due) == MOST_AT_ONCE and rows[0]["state"] == SKIPPED:
            rows[0]["reason"] += ", and so were those before it"
        if rows:
            connection.execute(firings.insert(), rows)
        connection.execute(schedules.update().where(schedules.c.name == name).values(seen_until=stamp(now)))

    def _unknown(self, name: str, connection: sa.Connection | None = None) -> ConfigError:
        query = sa.select(schedules.c.name).order_by(schedules.c.name)
        if connection is not None:
            names = list(connection.execute(query).scalars())
        else:
            with reading(self._engine) as other:
                names = list(other.execute(query).scalars())
        return ConfigError(
            "there is no such schedule",
            found=name,
            expected=names or None,
            hint=None if names else "Make one: omni schedule add.",
        )


def firing_of(row: Any) -> Firing:
    """The firing of a row."""
    return Firing(
        schedule=row.schedule,
        due=moment_of(row.due),
        state=row.state,
        reason=row.reason,
        run_id=row.run_id,
    )


def _row(connection: sa.Connection, name: str) -> Any:
    return connection.execute(sa.select(schedules).where(schedules.c.name == name)).first()


def _schedule(row: Any) -> Schedule:
    return replace(Schedule.from_facts(json.loads(row.facts)), paused=bool(row.paused))


def _skip_waiting(connection: sa.Connection, name: str, reason: str, now: dt.datetime) -> None:
    chosen = (firings.c.schedule == name) & (firings.c.state == WAITING)
    values = {"state": SKIPPED, "reason": reason, "ended": stamp(now)}
    connection.execute(firings.update().where(chosen).values(values))
