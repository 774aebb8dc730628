"""Runs & schedules: the registry and one run of it, comparison, running again; what runs at which hours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omni_lab.errors import OmniError
from omni_lab.pipelines.side_by_side import MOST, side_by_side
from omni_lab.system.people import Action
from omni_lab.ui.dashboard.components import Column, Dialog, Table, rows
from omni_lab.ui.dashboard.components.compare import CompareView
from omni_lab.ui.dashboard.components.form import Form
from omni_lab.ui.dashboard.components.rundetail import RunView
from omni_lab.ui.dashboard.components.scheduled import SchedulesView
from omni_lab.ui.dashboard.components.tabs import Actions, Tabs
from omni_lab.ui.dashboard.page import Page
from omni_lab.ui.dashboard.pages.backtests import STATUS_TONES
from omni_lab.ui.dashboard.states.backtests import changed_of, title_of
from omni_lab.ui.dashboard.states.question import QuestionState
from omni_lab.ui.dashboard.states.runs import RunsState
from omni_lab.ui.dashboard.states.tags import TagsForm

if TYPE_CHECKING:
    from omni_lab.pipelines.registry.records import RunRecord
    from omni_lab.ui.dashboard.session import Session

_COLUMNS = (
    Column(key="asked", label="Run", wrap=True),
    Column(key="status", label="Status", tones=STATUS_TONES),
    Column(key="started", label="Started", kind="moment", filter=False),
    Column(key="duration", label="Seconds", kind="number", decimals=1, filter=False),
    Column(key="trigger", label="Trigger"),
    Column(key="tags", label="Tags"),
    Column(key="headline", label="Result", wrap=True),
    Column(key="run_id", label="Id"),
)
_LOOK_S = 2.0
_MOST_SAID = 80


class RunsPage:
    """The page of a session.

    Parameters
    ----------
    session : Session
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.state = state = RunsState(session.services, session.person)
        self._table = Table(
            "Runs",
            _COLUMNS,
            key="run_id",
            session=session,
            empty=("There are no runs.", "Start a backtest, or run: omni run PIPELINE."),
            select="many",
            chosen=self._choose,
            height=380,
        )
        self._actions = Actions(self._act)
        self._run = RunView(session, state)
        self._compare = CompareView(session, lambda ids: side_by_side([state.run(each) for each in ids]))
        tabs = {
            "summary": ("Summary", self._run.summary_tab),
            "log": ("Log", self._run.log_tab),
            "files": ("Files", self._run.files_tab),
            "notebook": ("Notebook", self._run.notebook_tab),
            "compare": ("Compare", self._compare.whole),
        }
        self._tabs = Tabs("What the chosen runs say", tabs, switched=lambda _: self._show())
        self._again: Form | None = None
        self._dialogs: dict[str, Dialog] = {}
        self._over = rows()
        self._schedules = SchedulesView(session, open_run=self._open_run)
        runs = rows(self._table, self._actions, self._tabs.whole)
        views = {"runs": ("Runs", runs), "schedules": ("Schedules", self._schedules.whole)}
        self._views = Tabs("Runs and schedules", views, switched=self._view)
        self.whole = rows(self._views.whole, self._over)
        state.chosen = [each for each in session.query.get("runs", "").split(",") if each][:MOST]
        wanted, tab = session.query.get("view", ""), session.query.get("tab", "")
        self._tabs.open(tab if tab in tabs else "summary")
        self._views.open(wanted if wanted in views else "runs")
        session.watch(lambda _: self._show_runs(), "runs", of=state)
        session.every(_LOOK_S, self._look)
        self._offer()

    # --- what goes on --------------------------------------------------------------------------------------

    async def _look(self) -> None:
        was_waiting = not self._table.rows
        await self._session.background(self.state.look)
        if was_waiting:
            self._show_runs()

    def _act(self, name: str) -> None:
        last = self.state.chosen[-1] if self.state.chosen else ""
        if name == "again" and last:
            self._session.start(self._ask_again(last))
        elif name == "tags" and last:
            self._ask_tags(last)

    async def _ask_again(self, run_id: str) -> None:
        question = await self._session.background(self.state.rerun, run_id)
        form = Form(
            f"Run {question.pipeline} again",
            question,
            go="Run again",
            send=lambda: self._session.start(self._start(question, form)),
            note=f"As {run_id} was asked; change what you want to know.",
            height=520,
        )
        self._open("again", "Run again", form, 620)

    async def _start(self, question: QuestionState, form: Form) -> None:
        form.allow(None, busy="Starting …")
        try:
            job = await self._session.background(self.state.start, question)
        except OmniError as error:
            form.complain(str(error))
            form.allow(None)
            return
        self._dialogs["again"].close()
        self._session.say(f"{job.pipeline} is queued; it stands in the list once it begins.", "good")

    def _ask_tags(self, run_id: str) -> None:
        run = next((each for each in self.state.runs if each.run_id == run_id), None)
        asking = TagsForm(" ".join(run.tags) if run else "")
        form = Form(
            "Tags", asking, go="Keep", send=lambda: self._session.start(self._tag(run_id, asking, form))
        )
        self._open("tags", "Tags", form, 480)

    async def _tag(self, run_id: str, asking: TagsForm, form: Form) -> None:
        try:
            await self._session.background(self.state.tag, run_id, asking.text)
        except OmniError as error:
            form.complain(str(error))
            return
        self._dialogs["tags"].close()
        await self._look()
        self._show()

    def _open(self, name: str, title: str, content: Any, width: int) -> None:
        self._dialogs[name] = Dialog(title, content, width=width)
        self._over[:] = [self._dialogs[name]]
        self._dialogs[name].open()

    # --- what is shown -------------------------------------------------------------------------------------

    def _view(self, view: str) -> None:
        self._session.put_in_address(view=None if view == "runs" else view)

    def _open_run(self, run_id: str) -> None:
        self._views.open("runs")
        self._pick([run_id])

    def _choose(self, ids: list[str]) -> None:
        if len(ids) > MOST:
            self._session.say(f"At most {MOST} runs are compared; the first of them stay.", "warn")
            self._pick(ids[:MOST])
            return
        self.state.chosen = ids
        self._session.put_in_address(runs=",".join(ids))
        self._offer()
        self._show()

    def _pick(self, ids: list[str]) -> None:
        self.state.chosen = ids
        self._session.put_in_address(runs=",".join(ids))
        self._offer()
        self._show_runs()
        self._show()

    def _offer(self) -> None:
        chosen = self.state.chosen
        why_not = self._session.why_not(Action.RUN) or (None if chosen else "Choose a run first.")
        last = chosen[-1] if chosen else ""
        self._actions.fill(
            [
                {"name": "again", "label": "Run again with changes", "why_not": why_not},
                {"name": "tags", "label": "Tags", "why_not": why_not},
            ],
            last,
        )

    def _show_runs(self) -> None:
        self._table.fill([row_of(run) for run in self.state.runs], chosen=self.state.chosen)

    def _show(self) -> None:
        chosen, tab = self.state.chosen, self._tabs.tab
        self._tabs.count(compare=len(chosen) if len(chosen) > 1 else 0)
        last = chosen[-1] if chosen else ""
        if tab == "compare":
            self._session.start(self._compare.show(chosen))
        elif tab == "notebook":
            self._session.start(self._run.show_notebook(last))
        else:
            self._session.start(self._run.show(last))
        self._session.put_in_address(tab=None if tab == "summary" else tab)


def row_of(run: RunRecord) -> dict[str, Any]:
    """A run as a row of the table."""
    origin, told = run.origin, list(run.headline.items())[:2]
    return {
        "run_id": run.run_id,
        "asked": title_of(run.pipeline, changed_of(run)),
        "status": run.status,
        "started": 0 if run.started is None else int(run.started.timestamp() * 1e9),
        "duration": run.duration_s,
        "trigger": f"{origin.trigger} {origin.name}".strip(),
        "tags": " ".join(run.tags),
        "headline": ", ".join(f"{label} {text}" for label, text in told) or _shortened(run.problem),
    }


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _MOST_SAID else f"{line[: _MOST_SAID - 1]}…"


def view(session: Session) -> Any:
    """What is shown."""
    return RunsPage(session).whole


PAGE = Page(title="Runs & schedules", key="u", slug="runs", view=view)
