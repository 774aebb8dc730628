"""Who runs a firing: claimed in one transaction, known to the registry by a key that it takes once.

The two together are why no firing runs twice and none is lost. A claim whose holder is gone without a run
goes back to those that wait; where there is a run, the run says how the firing ended.
"""

from __future__ import annotations

import datetime as dt
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from omni_lab.errors import PipelineError
from omni_lab.pipelines.registry.processes import is_gone, this_process
from omni_lab.pipelines.registry.records import FINAL, SUCCEEDED
from omni_lab.pipelines.registry.settle import SILENCE_S
from omni_lab.pipelines.registry.tables import runs
from omni_lab.pipelines.schedules.firings import CLAIMED, FAILED_TO_START, RAN, WAITING
from omni_lab.pipelines.schedules.store import Firing, ScheduleStore
from omni_lab.pipelines.schedules.tables import firings, key_of, moment_of, stamp
from omni_lab.store.database import reading, sa

if TYPE_CHECKING:
    from omni_lab.pipelines.registry import RunRegistry

MOST_FAILURES = 5
"""So many holders may end before a run begins; then the firing has failed to start."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to run a firing.

    Attributes
    ----------
    schedule, due : str
        The due time as it stands in the tables.
    token : str
        Which only the holder knows.
    """

    schedule: str
    due: str
    token: str

    @property
    def key(self) -> str:
        """What its run is known by."""
        return key_of(self.schedule, self.due)


class Claims:
    """Claims of one process on the firings of a registry.

    Parameters
    ----------
    registry : RunRegistry
    store : ScheduleStore
        Of the same registry.
    """

    def __init__(self, registry: RunRegistry, store: ScheduleStore) -> None:
        self._registry, self._store = registry, store

    def take(self, workers: int, *, schedule: str | None = None) -> list[Claim]:
        """Claim what waits, the oldest first, while less than ``workers`` runs are going on this machine.

        Of one schedule, one at a time is claimed.

        Parameters
        ----------
        workers : int
        schedule : str, optional
            Only of this one.
        """
        columns = (firings.c.schedule, firings.c.due, firings.c.host)
        order = firings.c.due, firings.c.schedule
        with reading(self._registry.engine) as connection:
            if connection.execute(sa.select(firings.c.due).where(firings.c.state == WAITING)).first() is None:
                return []
        with self._store.change() as connection:
            held = connection.execute(sa.select(*columns).where(firings.c.state == CLAIMED)).all()
            waiting = connection.execute(
                sa.select(*columns).where(firings.c.state == WAITING).order_by(*order)
            ).all()
            going = {row.schedule for row in held}
            free = workers - sum(row.host == socket.gethostname() for row in held)
            claims: list[Claim] = []
            for row in waiting:
                if len(claims) >= free:
                    break
                if row.schedule in going or schedule not in (None, row.schedule):
                    continue
                claim = Claim(row.schedule, row.due, uuid4().hex)
                connection.execute(_of(claim, WAITING, None).values(self._holder(connection, claim)))
                going.add(row.schedule)
                claims.append(claim)
        return claims

    def take_by_hand(self, schedule: str, *, now: dt.datetime) -> Claim:
        """Claim a firing that is due because somebody wants it.

        Raises
        ------
        ConfigError
            If there is no such schedule.
        PipelineError
            If a run of the schedule is going.
        """
        self._store.get(schedule)
        claim = Claim(schedule, stamp(now), uuid4().hex)
        going = sa.select(firings).where(firings.c.schedule == schedule, firings.c.state == CLAIMED)
        same = sa.select(firings).where(firings.c.schedule == schedule, firings.c.due == claim.due)
        with self._store.change() as connection:
            row = connection.execute(going).first() or connection.execute(same).first()
            if row is not None:
                raise PipelineError(
                    f"a run of the schedule {schedule!r} is going, which was due {row.due}",
                    hint=f"See it: omni schedule history {schedule}.",
                )
            facts = {"schedule": schedule, "due": claim.due, "reason": "by hand"}
            connection.execute(firings.insert().values(facts | self._holder(connection, claim)))
        return claim

    def hand_over(self, claim: Claim) -> bool:
        """Make this process the holder of a claim that another one took; False if it is no longer valid."""
        with self._store.change() as connection:
            taken = connection.execute(
                _of(claim, CLAIMED, claim.token).values(self._holder(connection, claim))
            )
        return taken.rowcount == 1

    def beat(self, claims: list[Claim]) -> None:
        """Say that the holders of claims are there."""
        if claims:
            tokens = [claim.token for claim in claims]
            held = firings.update().where(firings.c.state == CLAIMED, firings.c.token.in_(tokens))
            with self._registry.engine.begin() as connection:
                connection.execute(held.values(heartbeat=self._registry.now(connection)))

    def end(self, claim: Claim, *, now: dt.datetime, problem: str = "", again: bool = False) -> Firing | None:
        """Write how a firing ended, by what the registry knows of its run.

        Parameters
        ----------
        claim : Claim
        now : datetime
        problem : str
            Why there is no run, if there is none.
        again : bool
            Whether a firing without a run goes back to those that wait, unless that happened too often.

        Returns
        -------
        Firing or None
            None if its run is still going, or the claim is no longer valid.
        """
        with self._store.change() as connection:
            row = connection.execute(
                sa.select(firings).where(
                    firings.c.schedule == claim.schedule,
                    firings.c.due == claim.due,
                    firings.c.state == CLAIMED,
                    firings.c.token == claim.token,
                )
            ).first()
            values = None if row is None else self._ending(connection, row, problem, again)
            if values is None:
                return None
            if values["state"] != WAITING:
                values["ended"] = stamp(now)
            connection.execute(_of(claim, CLAIMED, claim.token).values(values))
        return Firing(
            schedule=claim.schedule,
            due=moment_of(claim.due),
            state=values["state"],
            reason=values.get("reason", ""),
            run_id=values.get("run_id"),
        )

    def settle(self, *, now: dt.datetime) -> list[Firing]:
        """End the firings whose runs have ended, and free those whose holders are gone; returns these."""
        query = sa.select(firings).where(firings.c.state == CLAIMED)
        with reading(self._registry.engine) as connection:
            if connection.execute(query).first() is None:
                return []
        self._registry.settle()
        with reading(self._registry.engine) as connection:
            clock = self._registry.now(connection)
            keys = {key_of(row.schedule, row.due): row for row in connection.execute(query)}
            found = sa.select(runs.c.key, runs.c.status).where(runs.c.key.in_(keys))
            states = {row.key: row.status for row in connection.execute(found)}
        settled: list[Firing] = []
        for key, row in keys.items():
            if states.get(key) in FINAL or (key not in states and _is_gone(row, clock)):
                claim = Claim(row.schedule, row.due, row.token)
                problem = "whoever was to run it was gone before the run began"
                firing = self.end(claim, now=now, problem=problem, again=True)
                settled += [] if firing is None else [firing]
        return settled

    def _ending(
        self, connection: sa.Connection, row: Any, problem: str, again: bool
    ) -> dict[str, Any] | None:
        found = sa.select(runs.c.run_id, runs.c.status).where(runs.c.key == key_of(row.schedule, row.due))
        run = connection.execute(found).first()
        if run is not None and run.status not in FINAL:
            return None
        if run is not None:
            reason = "" if run.status == SUCCEEDED else run.status
            return {"state": RAN, "reason": reason or row.reason, "run_id": run.run_id}
        failures = row.failures + 1
        if again and failures < MOST_FAILURES:
            return {"state": WAITING, "token": None, "failures": failures}
        return {"state": FAILED_TO_START, "reason": problem, "failures": failures}

    def _holder(self, connection: sa.Connection, claim: Claim) -> dict[str, Any]:
        heartbeat = self._registry.now(connection)
        return {"state": CLAIMED, "token": claim.token, "heartbeat": heartbeat, **this_process()}


def _of(claim: Claim, state: str, token: str | None) -> sa.Update:
    same = sa.true() if token is None else firings.c.token == token
    return firings.update().where(
        firings.c.schedule == claim.schedule, firings.c.due == claim.due, firings.c.state == state, same
    )


def _is_gone(row: Any, clock: float) -> bool:
    gone = is_gone({"host": row.host, "pid": row.pid, "process": row.process})
    return bool(clock - row.heartbeat > SILENCE_S) if gone is None else gone
