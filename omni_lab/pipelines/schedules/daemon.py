"""``omni scheduler``: APScheduler keeps time, the database decides, child processes run.

A turn of the scheduler may be repeated at any moment and by any number of schedulers: it ends what has ended,
sees what is due, claims what may run, and starts a process for each claim. So nothing is lost when it is
killed, and a run that dies does not take it along.
"""

from __future__ import annotations

import datetime as dt
import logging
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from omni_lab.errors import MissingExtraError
from omni_lab.pipelines.schedules.claims import Claim, Claims
from omni_lab.pipelines.schedules.cron import next_due
from omni_lab.pipelines.schedules.fire import announce, tell_due_alerts
from omni_lab.pipelines.schedules.schedule import Schedule
from omni_lab.pipelines.schedules.store import ScheduleStore
from omni_lab.store.database import exc

if TYPE_CHECKING:
    from omni_lab.pipelines.registry import RunRegistry

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0
"""How often it looks for what other processes changed, and says that it is there."""
_CHILD_POLL_S = 0.2
_TELL_EVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class Clock:
    """The time; one that runs faster from a moment on lets days be tried in seconds.

    Attributes
    ----------
    shows, at : datetime
        What it shows at a moment of the real time.
    speed : float
    """

    shows: dt.datetime = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
    at: dt.datetime = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
    speed: float = 1.0

    def now(self) -> dt.datetime:
        """What it shows now, UTC."""
        return self.shows + (dt.datetime.now(dt.UTC) - self.at) * self.speed

    def real(self, shown: dt.datetime) -> dt.datetime:
        """The real moment at which it shows a time."""
        return self.at + (shown - self.shows) / self.speed


class Child(Protocol):
    """A process that runs a firing."""

    def poll(self) -> int | None:
        """Its exit code; None while it runs."""

    def send_signal(self, number: int) -> None:
        """Send it a signal."""


@dataclass
class Scheduler:
    """Keeps the hours of a registry's schedules.

    Attributes
    ----------
    registry : RunRegistry
    workers : int
        How many runs may go at once on this machine, whoever started them.
    clock : Clock
    look_every_s : float
    start : callable
        Starts the process that runs a claim; raises OSError if it cannot.
    """

    registry: RunRegistry
    workers: int = 2
    clock: Clock = field(default_factory=Clock)
    look_every_s: float = LOOK_EVERY_S
    start: Callable[[Claim], Child] = field(default_factory=lambda: start_process)

    def __post_init__(self) -> None:
        self._store = ScheduleStore(self.registry)
        self._claims = Claims(self.registry, self._store)
        self._children: dict[Claim, Child] = {}
        self._wake = threading.Event()
        self._told_to_end = 0
        self._told_alerts = time.monotonic()

    def run(self) -> None:
        """Work until SIGTERM or Ctrl-C. Runs that are going may finish; a second signal interrupts them.

        Raises
        ------
        MissingExtraError
            If APScheduler is not installed: extra ``schedules``.
        """
        with self._signals(), _timekeeper(self._wake.set) as keep_time:
            while not (self._told_to_end and not self._children):
                self._wake.clear()
                try:
                    keep_time(self._turn(), self.clock)
                except exc.SQLAlchemyError as error:
                    # A database that is away for a while comes back; what is due stays due.
                    logger.warning("the registry cannot be reached: %s", error)
                self._sleep()

    def end(self) -> None:
        """Let the runs that are going finish, and end; said again, interrupt them, and then kill them."""
        self._told_to_end += 1
        if self._told_to_end > 1:
            for child in [*self._children.values()]:
                child.send_signal(signal.SIGTERM if self._told_to_end == 2 else signal.SIGKILL)
        self._wake.set()

    def _turn(self) -> list[Schedule]:
        """One turn; returns the schedules that there are."""
        self._reap()
        self._claims.beat([*self._children])
        for firing in self._claims.settle(now=self.clock.now()):
            announce(firing)
        if not self._told_to_end:
            self._store.see_due(self.clock.now())
            for claim in self._claims.take(self.workers):
                self._start(claim)
        if time.monotonic() - self._told_alerts > _TELL_EVERY_S:
            self._told_alerts = time.monotonic()
            tell_due_alerts()
        return self._store.list()

    def _start(self, claim: Claim) -> None:
        try:
            self._children[claim] = self.start(claim)
        except OSError as error:
            problem = f"its process could not be started: {error}"
            announce(self._claims.end(claim, now=self.clock.now(), problem=problem, again=True))
        else:
            logger.info("%s, due %s: started", claim.schedule, claim.due)

    def _reap(self) -> None:
        for claim, child in [*self._children.items()]:
            code = child.poll()
            if code is not None:
                del self._children[claim]
                problem = f"its process ended with exit code {code} before the run began"
                announce(self._claims.end(claim, now=self.clock.now(), problem=problem, again=True))

    def _sleep(self) -> None:
        """Wait for a due time, a signal, the end of a child, or the time to look again."""
        until = time.monotonic() + self.look_every_s
        while (left := until - time.monotonic()) > 0:
            wait = min(left, _CHILD_POLL_S) if self._children or self._told_to_end else left
            if self._wake.wait(wait) or any(c.poll() is not None for c in self._children.values()):
                return

    @contextmanager
    def _signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def told(signum: int, _: Any) -> None:
            self.end()

        before = {number: signal.signal(number, told) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def start_process(claim: Claim) -> Child:
    """Start ``omni schedule run-now`` for a claim, in a session of its own: Ctrl-C is ours to pass on."""
    command = [sys.executable, "-m", "omni_lab.cli", "schedule", "run-now", claim.schedule]
    return subprocess.Popen(
        [*command, "--due", claim.due, "--claim", claim.token],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )


@contextmanager
def _timekeeper(wake: Any) -> Iterator[Any]:
    """APScheduler with a job for each schedule, all of which wake the scheduler; yields what renews them."""
    try:
        from apscheduler.schedulers.background import BackgroundScheduler
        from apscheduler.triggers.base import BaseTrigger
    except ImportError as error:
        raise MissingExtraError("apscheduler", extra="schedules", what="the scheduler") from error

    class Hours(BaseTrigger):  # type: ignore[misc]  # APScheduler has no types
        def __init__(self, schedule: Schedule, clock: Clock) -> None:
            self.schedule, self.clock = schedule, clock

        def get_next_fire_time(self, previous: dt.datetime | None, now: dt.datetime) -> dt.datetime | None:
            moment = next_due(self.schedule.hours, self.schedule.zone, self.clock.now())
            return None if moment is None else self.clock.real(moment)

    known: dict[str, Schedule] = {}

    def renew(schedules: Sequence[Schedule], clock: Clock) -> None:
        wanted = {schedule.name: schedule for schedule in schedules}
        for name in known.keys() - wanted.keys():
            keeper.remove_job(name)
            del known[name]
        for name, schedule in wanted.items():
            if known.get(name) != schedule:
                settings = {"coalesce": True, "misfire_grace_time": None, "replace_existing": True}
                keeper.add_job(wake, Hours(schedule, clock), id=name, **settings)
                known[name] = schedule

    keeper = BackgroundScheduler(timezone=dt.UTC)
    keeper.start()
    try:
        yield renew
    finally:
        keeper.shutdown()
