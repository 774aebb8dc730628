"""Running a claimed firing in this process, and telling people when it did not end well.

The scheduler starts one such process for each firing; a timer of systemd or a job of Kubernetes is one
itself.
"""

from __future__ import annotations

import datetime as dt
import logging
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from omni_lab.errors import OmniError
from omni_lab.pipelines.registry import Origin
from omni_lab.pipelines.registry.records import AlreadyBegun
from omni_lab.pipelines.schedules.claims import Claim, Claims
from omni_lab.pipelines.schedules.schedule import Schedule
from omni_lab.pipelines.schedules.store import Firing, ScheduleStore

if TYPE_CHECKING:
    from omni_lab.messaging.alerts import Notifier
    from omni_lab.pipelines.registry import RunRegistry

logger = logging.getLogger(__name__)

_LOOK_AGAIN_S = 1.0

Run = Callable[[Schedule, Origin, "RunRegistry"], object]


def fire(registry: RunRegistry, claim: Claim, *, run: Run | None = None) -> Firing | None:
    """Run what a claim is for, as its holder, and write how it ended.

    Parameters
    ----------
    registry : RunRegistry
    claim : Claim
        Taken here or by another process; from now on this one holds it.
    run : callable, optional
        What runs a schedule; its pipeline or flow by default.

    Returns
    -------
    Firing or None
        None if the claim is no longer valid, or the run was begun by another process.
    """
    store = ScheduleStore(registry)
    claims = Claims(registry, store)
    if not claims.hand_over(claim):
        logger.info("%s, due %s, is another process's by now", claim.schedule, claim.due)
        return None
    problem = "its run ended without a record"
    try:
        schedule = store.get(claim.schedule)
        origin = Origin(trigger="schedule", name=schedule.name, key=claim.key)
        (run or _run)(schedule, origin, registry)
    except AlreadyBegun:
        logger.info("%s, due %s, was begun by another process", claim.schedule, claim.due)
    except OmniError as error:
        problem = str(error)
    except BaseException as error:
        announce(claims.end(claim, now=dt.datetime.now(dt.UTC), problem=f"{type(error).__name__}: {error}"))
        raise
    ended = claims.end(claim, now=dt.datetime.now(dt.UTC), problem=problem)
    announce(ended)
    return ended


def fire_by_hand(registry: RunRegistry, name: str, *, run: Run | None = None) -> Firing:
    """Run a schedule's pipeline or flow now, beside its hours.

    Raises
    ------
    ConfigError
        If there is no such schedule.
    PipelineError
        If a run of it is going.
    """
    store = ScheduleStore(registry)
    claim = Claims(registry, store).take_by_hand(name, now=dt.datetime.now(dt.UTC))
    ended = fire(registry, claim, run=run)
    assert ended is not None, "nobody else knows of this claim"
    return ended


def fire_due(registry: RunRegistry, name: str, *, run: Run | None = None) -> list[Firing]:
    """Run what is due of a schedule, as a scheduler would; what waits for a run that is going is waited for.

    Raises
    ------
    ConfigError
        If there is no such schedule.
    """
    store = ScheduleStore(registry)
    claims = Claims(registry, store)
    store.get(name)
    ended: list[Firing] = []
    while True:
        now = dt.datetime.now(dt.UTC)
        for each in claims.settle(now=now):
            announce(each)
        store.see_due(now, name=name)
        taken = claims.take(sys.maxsize, schedule=name)
        ended += [made for claim in taken if (made := fire(registry, claim, run=run)) is not None]
        if not taken and not store.has_waiting(name):
            return ended
        if not taken:
            time.sleep(_LOOK_AGAIN_S)


def announce(firing: Firing | None) -> None:
    """Tell the alert channels of a firing that did not end well; never raises."""
    if firing is None or firing.is_well:
        return
    from omni_lab.messaging.alerts import Alert

    title = f"schedule {firing.schedule}: {firing.state} {firing.reason}".rstrip()
    logger.warning("%s, due %s", title, firing.due)
    run = f"omni runs show {firing.run_id}" if firing.run_id else f"omni schedule history {firing.schedule}"
    labels = {"schedule": firing.schedule, "due": firing.due.isoformat()}
    alert = Alert(
        "error", title.splitlines()[0], f"{title}\nSee: {run}", f"schedule:{firing.schedule}", labels
    )
    _tell(lambda notifier: notifier.send(alert))


def tell_due_alerts() -> None:
    """Let the channels tell what waited for the end of quiet hours; never raises."""
    _tell(lambda notifier: notifier.tell_due())


def _tell(what: Callable[[Notifier], object]) -> None:
    from omni_lab.messaging.alerts import Notifier

    try:
        what(Notifier.from_file())
    except OmniError as error:
        # A file of channels that cannot be read must not stop what it would tell about.
        logger.error("nobody could be told: %s", error)


def _run(schedule: Schedule, origin: Origin, registry: RunRegistry) -> object:
    from omni_lab.pipelines.flows import run_flow
    from omni_lab.pipelines.runner import run_pipeline

    if schedule.flow is not None:
        return run_flow(
            schedule.flow,
            assignments=schedule.assignments,
            progress=False,
            origin=origin,
            registry=registry,
        )
    return run_pipeline(
        schedule.runs,
        parameter_file=schedule.parameter_file,
        assignments=schedule.assignments,
        progress=False,
        origin=origin,
        registry=registry,
    )
