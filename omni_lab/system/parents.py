"""Parent orders worked in a system: the desk of `omni_lab.execution.algorithms` in the engine's thread.

Children are orders of the account like any other: they pass its gate and are in the journal. What people
decided is written to a file at each decision; what became of it the journal knows (docs/execution.md). After
a restart parents are paused until somebody goes on with them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from omni_lab.domain import EventKind
from omni_lab.errors import ConfigError
from omni_lab.execution.algorithms import (
    ExecutionDesk,
    PaperVenue,
    ParentOrder,
    ParentState,
    restore_desk,
    save_desk,
)
from omni_lab.execution.events import EventLog
from omni_lab.typing import AnyArray

if TYPE_CHECKING:
    from omni_lab.execution.edges import Edges
    from omni_lab.execution.oms import OMS
    from omni_lab.system.engine import Happened

logger = logging.getLogger(__name__)

LOOK_NS = 250_000_000
"""How often the desk looks at the market."""
KEEP_NS = 2_000_000_000
"""How often the volume that it follows is written down."""
Change = Literal["pause", "resume", "cancel"]
_FILLED = int(EventKind.FILLED)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ParentsView:
    """Parents as they stand, and what they left behind.

    Attributes
    ----------
    parents, children, fills : dict of str to ndarray
        As `ExecutionDesk.parents`, ``children`` and ``fills`` give them.
    schedules : dict of int to dict of str to ndarray
        What was due, filled and open at every look, by parent.
    """

    parents: dict[str, AnyArray]
    children: dict[str, AnyArray]
    fills: dict[str, AnyArray]
    schedules: dict[int, dict[str, AnyArray]]


class Parents:
    """The parents of an account. All of it is called in the engine's thread.

    Parameters
    ----------
    oms : OMS
    edges : Edges
    account : str
        Whose orders the children are.
    now : callable
        Time of a command that is given now, nanoseconds; None for the market's last.
    settle : callable
        Passes on what came of orders that were just sent.
    file : Path or None
        Where they are written down.
    """

    def __init__(
        self,
        oms: OMS,
        edges: Edges,
        account: str,
        *,
        now: Callable[[], int | None],
        settle: Callable[[], None],
        file: Path | None = None,
    ) -> None:
        self._edges, self._number, self._now, self._file = edges, edges.account(account), now, file
        self._settle = settle
        self._unheard: list[Mapping[str, AnyArray]] = []
        self._is_busy = False
        self._venue = PaperVenue(oms, account=account, name="algo")
        self._desk = ExecutionDesk()
        self._due = self._kept = 0
        self._is_new = True
        if file is not None and file.is_file():
            self._tell_time(oms.clock)
            self._desk = restore_desk(file.read_text(), self._venue)
            self._is_new = False

    @property
    def at_work(self) -> bool:
        """Whether any parent has not ended."""
        return not self._desk.is_done

    def add(self, order: ParentOrder, algorithm: str | Mapping[str, Any]) -> int:
        """Take a parent on; its number.

        Raises
        ------
        ConfigError, DataError
            If order and algorithm cannot be used.
        """
        self._tell_time(0)
        if order.end is not None and order.end <= self._venue.ts:
            raise ConfigError("a parent ends in the past", found=order.end, expected=f"> {self._venue.ts}")
        number = self._desk.add(self._venue, order, algorithm)
        self._due = 0
        self._keep()
        return number

    def change(self, number: int, what: Change) -> None:
        """Pause a parent, go on with it, or give it up.

        Raises
        ------
        ConfigError
            If there is no such parent, or its state does not allow that.
        """
        self._tell_time(0)
        match what:
            case "pause":
                self._desk.pause(self._venue, number)
            case "resume":
                self._desk.resume(number)
            case "cancel":
                self._desk.cancel(self._venue, number)
            case _:
                raise ConfigError("unknown change", found=what, expected=["pause", "resume", "cancel"])
        self._keep()

    def give_up(self, symbol: str | None = None) -> None:
        """Cancel all parents that are at work, or those in an instrument: a kill switch was thrown."""
        self._tell_time(0)
        for job in self._desk.jobs:
            is_meant = symbol in (None, job.parent.order.symbol)
            if is_meant and not (job.parent.state.has_ended or job.parent.state is ParentState.CANCELING):
                self._desk.cancel(self._venue, job.parent.number)
        self._keep()

    def view(self) -> ParentsView:
        """How they stand: a copy."""
        return ParentsView(
            parents=self._desk.parents(),
            children=self._desk.children(),
            fills=self._desk.fills(),
            schedules={job.parent.number: self._desk.schedule(job.parent.number) for job in self._desk.jobs},
        )

    # --- as a worker of the engine --------------------------------------------------------------------------

    def note(self, happened: Happened) -> None:
        """Something happened; it is heard at the next look, in its order."""
        if self.at_work and len(happened.events.get("kind", ())):
            self._unheard.append(happened.events)

    def look(self, ts: int) -> None:
        """Hear of what happened, and act where that is due."""
        if self._is_busy or not self.at_work:
            return
        self._is_busy = True
        try:
            self._tell_time(ts)
            if not self._is_new:
                self._wait_for_somebody()
            self._hear()
            if self._venue.ts >= self._due:
                self._due = self._venue.ts + LOOK_NS
                self._desk.look(self._venue)
                # What was sent may have been filled at once.
                self._settle()
                self._hear()
                if self._due >= self._kept + KEEP_NS:
                    self._keep()
        finally:
            self._is_busy = False

    def due_at(self) -> int | None:
        """When the desk looks next, nanoseconds."""
        return self._due if self.at_work else None

    # --- inside ---------------------------------------------------------------------------------------------

    def _wait_for_somebody(self) -> None:
        """After a restart nothing is sent before somebody says so: the market of then is gone."""
        self._is_new = True
        for job in self._desk.jobs:
            if job.parent.state is ParentState.WORKING:
                self._desk.pause(self._venue, job.parent.number)
            elif job.parent.state is ParentState.PENDING:
                self._desk.cancel(self._venue, job.parent.number)
        self._keep()

    def _tell_time(self, ts: int) -> None:
        self._venue.advance(max(ts, self._now() or 0))

    def _hear(self) -> None:
        """Tell the desk of trades of the market and of what came of our own orders."""
        while self._unheard:
            columns = self._unheard.pop(0)
            matter = (columns["kind"] == _FILLED) | (columns["account"] == self._number)
            rows = np.flatnonzero(matter & (columns["side"] > 0))
            if len(rows):
                log = EventLog({name: column[rows] for name, column in columns.items()}, self._edges)
                self._venue.hear(self._desk, log)

    def _keep(self) -> None:
        self._kept = self._due
        if self._file is None:
            return
        written = self._file.with_suffix(".new")
        written.write_text(save_desk(self._desk))
        written.replace(self._file)
