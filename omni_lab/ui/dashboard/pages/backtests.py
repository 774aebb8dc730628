"""Backtests: start one, see it run, look at what it says, compare it, doubt it, replay it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omni_lab.errors import OmniError
from omni_lab.pipelines.catalog import find_pipeline, list_parameter_files
from omni_lab.pipelines.jobs.job import ENDED, Job
from omni_lab.pipelines.side_by_side import MOST, side_by_side
from omni_lab.system.people import Action
from omni_lab.ui.dashboard.components import Column, Table, columns, rows
from omni_lab.ui.dashboard.components.compare import CompareView, LuckView
from omni_lab.ui.dashboard.components.form import Form
from omni_lab.ui.dashboard.components.tabs import Jobs, Tabs
from omni_lab.ui.dashboard.components.tearsheet import FilmView, TearSheetView
from omni_lab.ui.dashboard.page import Page
from omni_lab.ui.dashboard.states.backtests import PIPELINES, BacktestsState, changed_of, title_of
from omni_lab.ui.dashboard.states.question import DEFAULTS

if TYPE_CHECKING:
    from omni_lab.pipelines.registry.records import RunRecord
    from omni_lab.ui.dashboard.session import Session

STATUS_TONES = {
    "succeeded": "good",
    "failed": "bad",
    "lost": "bad",
    "unreadable": "bad",
    "interrupted": "warn",
}
_COLUMNS = (
    Column(key="asked", label="Run", wrap=True),
    Column(key="status", label="Status", tones=STATUS_TONES),
    Column(key="started", label="Started", kind="day", filter=False),
    Column(key="total_return", label="Return", kind="percent", filter=False),
    Column(key="sharpe_ratio", label="Sharpe", kind="number", filter=False),
    Column(key="max_drawdown", label="Drawdown", kind="percent", filter=False),
    Column(key="n_trades", label="Trades", kind="int", filter=False),
)
_METRICS = ("total_return", "sharpe_ratio", "max_drawdown", "n_trades")
_LOOK_S, _JOBS_S = 2.0, 1.0
_SEP = ": "


class BacktestsPage:
    """The page of a session.

    Parameters
    ----------
    session : Session
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.state = state = BacktestsState(session.services, session.person)
        self._form = Form(
            "New backtest",
            state.question,
            go="Start backtest",
            send=lambda: session.start(self._send()),
            choice=("Begin with", beginnings(), self._begin_with),
            height=560,
        )
        self._jobs = Jobs(
            "On their way",
            empty=("No backtest was started here.", "Fill the form and press Start backtest."),
            cancel=lambda job: session.start(self._cancel(job)),
            open=self._open_job,
        )
        self._table = Table(
            "Backtests",
            _COLUMNS,
            key="run_id",
            session=session,
            empty=("There are no backtests.", "Fill the form and press Start backtest."),
            select="many",
            chosen=self._choose,
            height=360,
        )
        self._sheet, self._film = TearSheetView(session, state), FilmView(session, state)
        self._luck = LuckView(session, state)
        self._compare = CompareView(session, lambda ids: side_by_side([state.run(each) for each in ids]))
        tabs = {
            "sheet": ("Tear sheet", self._sheet.whole),
            "compare": ("Compare", self._compare.whole),
            "luck": ("Overfitting", self._luck.whole),
            "film": ("Replay", self._film.whole),
        }
        self._tabs = Tabs("What the chosen runs say", tabs, switched=lambda _: self._show())
        self._followed: set[str] = set()
        self._opened: set[str] = set()
        self.whole = rows(
            columns(self._form, rows(self._jobs, self._table), widths=(4, 8), least=340), self._tabs.whole
        )
        state.chosen = [each for each in session.query.get("runs", "").split(",") if each][:MOST]
        wanted = session.query.get("tab", "")
        self._tabs.open(wanted if wanted in tabs else "sheet")
        session.watch(lambda _: self._show_runs(), "runs", of=state)
        session.watch(lambda _: self._show_jobs(), "jobs", of=state)
        session.every(_LOOK_S, self._look)
        session.every(_JOBS_S, self._look_at_jobs)

    # --- what is asked -------------------------------------------------------------------------------------

    def _begin_with(self, chosen: str) -> None:
        pipeline, _, name = chosen.partition(_SEP)
        if pipeline != self.state.question.pipeline:
            self.state.ask(pipeline)
        self.state.question.take(name or DEFAULTS)
        self._form.take(self.state.question)

    async def _send(self) -> None:
        self._form.allow(None, busy="Starting …")
        try:
            job = await self._session.background(self.state.start, self.state.question)
        except OmniError as error:
            self._form.complain(str(error))
            return
        finally:
            self._form.allow(self._session.why_not(Action.RUN))
        self._opened.add(job.id)
        await self._look_at_jobs()

    async def _cancel(self, job_id: str) -> None:
        job = await self._session.background(self.state.cancel, job_id)
        self._session.say(f"{job.pipeline} is being canceled.", "warn")
        await self._look_at_jobs()

    # --- what goes on --------------------------------------------------------------------------------------

    async def _look(self) -> None:
        self._form.allow(self._session.why_not(Action.RUN))
        was_waiting = not self._table.rows
        await self._session.background(self.state.look)
        if was_waiting:
            self._show_runs()

    async def _look_at_jobs(self) -> None:
        await self._session.background(self.state.look_at_jobs)
        if not self.state.jobs:
            self._show_jobs()
        for job_id in self.state.going:
            if job_id not in self._followed:
                self._followed.add(job_id)
                self._session.follow(f"jobs.{job_id}", self._heard, seconds=0.2)

    def _heard(self, told: dict[str, Any], _: list[Any]) -> None:
        """A job has news: it stands where it stood, and when it is over its run is looked at."""
        if "id" not in told:
            return
        news = Job(**{name: value for name, value in told.items() if name in Job.__dataclass_fields__})
        self.state.jobs = [news if job.id == news.id else job for job in self.state.jobs]
        if news.state in ENDED and news.id in self._opened and news.run_id:
            self._opened.discard(news.id)
            self._session.start(self._arrive(news))

    async def _arrive(self, job: Job) -> None:
        await self._session.background(self.state.look)
        if job.run_id:
            self._pick([job.run_id])
        good = job.state == "SUCCEEDED"
        self._session.say(f"{job.pipeline} {job.state.lower()}.", "good" if good else "warn")

    def _open_job(self, job_id: str) -> None:
        run = next((job.run_id for job in self.state.jobs if job.id == job_id), None)
        if run:
            self._pick([run])

    # --- what is shown -------------------------------------------------------------------------------------

    def _choose(self, ids: list[str]) -> None:
        if len(ids) > MOST:
            self._session.say(f"At most {MOST} runs are compared; the first of them stay.", "warn")
            self._pick(ids[:MOST])
            return
        self.state.chosen = ids
        self._session.put_in_address(runs=",".join(ids))
        self._show()

    def _pick(self, ids: list[str]) -> None:
        self.state.chosen = ids
        self._session.put_in_address(runs=",".join(ids))
        self._show_runs()
        self._show()

    def _show_runs(self) -> None:
        self._table.fill([row_of(run) for run in self.state.runs], chosen=self.state.chosen)

    def _show_jobs(self) -> None:
        why_not = self._session.why_not(Action.RUN)
        self._jobs.show({"jobs": [job_row(job, why_not) for job in self.state.jobs]})

    def _show(self) -> None:
        """Fill the tab that is shown with the run chosen last, or with all of them."""
        chosen, tab = self.state.chosen, self._tabs.tab
        self._tabs.count(compare=len(chosen) if len(chosen) > 1 else 0)
        last = chosen[-1] if chosen else ""
        if tab == "compare":
            self._session.start(self._compare.show(chosen))
        else:
            shows = {"sheet": self._sheet.show, "luck": self._luck.show, "film": self._film.show}
            self._session.start(shows[tab](last))
        self._session.put_in_address(tab=None if tab == "sheet" else tab)


def beginnings() -> list[str]:
    """What a form may begin with: each pipeline, and each of its named parameter sets."""
    found = []
    for pipeline in PIPELINES:
        sets = list_parameter_files(find_pipeline(pipeline), pipeline=pipeline)
        found += [pipeline, *(f"{pipeline}{_SEP}{file.stem}" for file in sets)]
    return found


def row_of(run: RunRecord) -> dict[str, Any]:
    """A run as a row of the table."""
    return {
        "run_id": run.run_id,
        "asked": title_of(run.pipeline, changed_of(run)),
        "status": run.status,
        "started": 0 if run.started is None else int(run.started.timestamp() * 1e9),
        **{name: run.metrics.get(name) for name in _METRICS},
    }


def job_row(job: Job, why_not: str | None) -> dict[str, Any]:
    """A job as the list shows it."""
    return {
        "id": job.id,
        "state": job.state,
        "title": title_of(job.pipeline, dict(job.parameters)),
        "progress": job.progress,
        "text": job.text,
        "run_id": job.run_id if job.state in ENDED else None,
        "why_not": why_not,
    }


def view(session: Session) -> Any:
    """What is shown."""
    return BacktestsPage(session).whole


PAGE = Page(title="Backtests", key="t", slug="backtests", view=view)
