"""Schedules on a page: what runs when, what came of it, and a dialog that changes one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from omni_lab.errors import OmniError
from omni_lab.system.people import Action
from omni_lab.ui.dashboard.components.boxes import Dialog, rows
from omni_lab.ui.dashboard.components.form import Form
from omni_lab.ui.dashboard.components.table import Column, RowAction, Table
from omni_lab.ui.dashboard.components.tabs import Actions
from omni_lab.ui.dashboard.states.schedule_form import ScheduleForm
from omni_lab.ui.dashboard.states.schedules import SchedulesState

if TYPE_CHECKING:
    from omni_lab.ui.dashboard.session import Session

_COLUMNS = (
    Column(key="name", label="Schedule"),
    Column(key="runs", label="Runs"),
    Column(key="says", label="When", wrap=True),
    Column(key="next", label="Next", kind="moment", filter=False),
    Column(key="calendar", label="Calendar"),
    Column(key="last", label="Last", wrap=True),
    Column(key="paused", label="State", tones={"paused": "warn", "on": "good"}),
)
_HISTORY = (
    Column(key="due", label="Due", kind="moment", filter=False),
    Column(key="state", label="State", tones={"ran": "good", "failed to start": "bad", "skipped": "warn"}),
    Column(key="reason", label="Why", wrap=True),
    Column(key="run_id", label="Run"),
)
_ACTIONS = (
    RowAction(name="now", label="Run now"),
    RowAction(name="edit", label="Edit"),
    RowAction(name="pause", label="Pause"),
    RowAction(name="resume", label="Enable"),
    RowAction(name="remove", label="Remove", danger=True),
)
_LOOK_S = 2.0


class SchedulesView:
    """The schedules of the registry.

    Parameters
    ----------
    session : Session
    open_run : callable
        Told the id of a run that somebody wants to see.
    """

    def __init__(self, session: Session, *, open_run: Callable[[str], Any]) -> None:
        self._session = session
        self.state = SchedulesState(session.services, session.person)
        self._table = Table(
            "Schedules",
            _COLUMNS,
            key="name",
            session=session,
            empty=("There are no schedules.", "Press New schedule, or run: omni schedule add."),
            actions=_ACTIONS,
            act=self._act,
            select="one",
            chosen=self._choose,
            height=320,
        )
        self._history = Table(
            "What came of its firings",
            _HISTORY,
            key="key",
            session=session,
            empty=("No firing to show.", "Choose a schedule above; the scheduler runs it: omni scheduler."),
            actions=(RowAction(name="open", label="Show run"),),
            act=lambda _, key: self._open_run(key),
            filters=False,
            height=260,
        )
        self._show_run = open_run
        self._bar = Actions(lambda name: self._edit(None) if name == "new" else None)
        self._over = rows()
        self._dialog: Dialog | None = None
        self._name = ""
        self.whole = rows(self._bar, self._table, self._history, self._over)
        session.watch(lambda _: self._fill(), "rows", of=self.state)
        session.every(_LOOK_S, self._look)

    async def _look(self) -> None:
        why_not = self._session.why_not(Action.RUN)
        self._bar.fill([{"name": "new", "label": "New schedule", "why_not": why_not, "tone": "main"}])
        await self._session.background(self.state.look)
        if not self.state.rows:
            self._fill()
        history = await self._session.background(self.state.history, self._name) if self._name else []
        self._history.fill(history, row_off=lambda row: None if row["run_id"] else {"open": "hidden"})

    def _fill(self) -> None:
        why_not = self._session.why_not(Action.RUN)
        off = {action.name: why_not for action in _ACTIONS} if why_not else {}
        self._table.fill(
            self.state.rows,
            off=off,
            row_off=lambda row: {"pause" if row["paused"] == "paused" else "resume": "hidden"},
        )

    def _choose(self, names: list[str]) -> None:
        self._name = names[-1] if names else ""
        self._session.start(self._look())

    def _open_run(self, key: str) -> None:
        run = next((row["run_id"] for row in self._history.rows if row["key"] == key), "")
        if run:
            self._show_run(str(run))

    def _act(self, action: str, name: str) -> None:
        if action == "edit":
            self._edit(name)
        else:
            self._session.start(self._do(action, name))

    async def _do(self, action: str, name: str) -> None:
        if action == "now":
            job = await self._session.background(self.state.run_now, name)
            self._session.say(f"{job.pipeline} of {name} is queued.", "good")
        elif action in ("pause", "resume"):
            await self._session.background(self.state.enable, name, action == "resume")
        elif action == "remove":
            text = "Its history and its runs stay."
            if not await self._session.confirm(f"Remove {name}?", text, yes="Remove", danger=True):
                return
            await self._session.background(self.state.remove, name)
        await self._look()

    def _edit(self, name: str | None) -> None:
        form = self.state.form(name, self._session.tz)
        title = "New schedule" if name is None else f"Schedule {name}"
        view = Form(
            title, form, go="Keep", send=lambda: self._session.start(self._keep(form, view)), height=560
        )
        self._dialog = Dialog(title, view, width=640)
        self._over[:] = [self._dialog]
        self._dialog.open()

    async def _keep(self, form: ScheduleForm, view: Form) -> None:
        try:
            kept = await self._session.background(self.state.save, form)
        except OmniError as error:
            view.complain(str(error))
            return
        assert self._dialog is not None
        self._dialog.close()
        self._session.say(f"{kept.name} is kept.", "good")
        await self._look()
