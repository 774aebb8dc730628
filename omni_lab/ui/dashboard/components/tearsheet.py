"""A backtest on a page: its tear sheet, and the film of it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from omni_lab.errors import OmniError
from omni_lab.figures.metrics import GROUPS, format_metric, label_of
from omni_lab.ui.dashboard.components import markup
from omni_lab.ui.dashboard.components.boxes import Html, columns, rows
from omni_lab.ui.dashboard.components.picture import Picture
from omni_lab.ui.panels import pn

if TYPE_CHECKING:
    from omni_lab.figures._canvas import Figure
    from omni_lab.pipelines.registry.records import RunRecord
    from omni_lab.pipelines.tearsheet import TearSheet
    from omni_lab.simulator import BacktestResults
    from omni_lab.ui.dashboard.session import Session
    from omni_lab.ui.dashboard.states.backtests import BacktestsState

_PICTURES = {
    "equity": "Equity and drawdown",
    "fills": "Fills on price",
    "monthly": "Returns by month",
    "annual": "Returns by year",
    "drawdown": "Five deepest drawdowns",
    "rolling_sharpe": "Rolling Sharpe ratio",
}
_NOTHING = ("No run is chosen.", "Choose one in the table above.")


class TearSheetView:
    """What one run left: headline, figures, sentences, every metric.

    Parameters
    ----------
    session : Session
    state : BacktestsState
    """

    def __init__(self, session: Session, state: BacktestsState) -> None:
        self._session, self._state = session, state
        self._head, self._metrics = Html(), Html()
        self._pictures = {kind: Picture(title, session) for kind, title in _PICTURES.items()}
        p = self._pictures
        self.whole = rows(
            self._head,
            columns(p["equity"], p["fills"]),
            columns(p["monthly"], p["annual"]),
            columns(p["drawdown"], p["rolling_sharpe"]),
            self._metrics,
        )
        self._run_id = ""

    async def show(self, run_id: str) -> None:
        """Show a run; nothing where its id is empty."""
        self._run_id = run_id
        if not run_id:
            self._head.show({"html": markup.empty(*_NOTHING)})
            self._metrics.show({"html": ""})
            for picture in self._pictures.values():
                picture.empty(*_NOTHING)
            return
        self._head.show({"html": markup.waiting()})
        for picture in self._pictures.values():
            picture.wait()
        run = await self._session.background(self._state.run, run_id)
        if run_id != self._run_id:
            return
        self._head.show({"html": head_of(run)})
        self._metrics.show({"html": metrics_of(run)})
        try:
            sheet = await self._session.background(self._state.sheet, run_id)
        except OmniError as error:
            for picture in self._pictures.values():
                picture.empty(
                    "There is nothing to draw.", str(error.what if hasattr(error, "what") else error)
                )
            return
        if run_id == self._run_id:
            self._draw(sheet)
            await self._draw_fills(run_id)

    def _draw(self, sheet: TearSheet) -> None:
        for kind, picture in self._pictures.items():
            if kind != "fills":
                picture.draw(partial(_drawn, sheet, kind), (sheet.run_id, kind))

    async def _draw_fills(self, run_id: str) -> None:
        """The prices are not among the files of a run: it is made again, and must come to the same."""
        picture = self._pictures["fills"]
        try:
            results = await self._session.background(self._state.again, run_id)
        except OmniError as error:
            if run_id == self._run_id:
                picture.empty("Its fills cannot be drawn.", _told(error))
            return
        if run_id == self._run_id:
            picture.draw(lambda theme: results.plot("trades", theme=theme), (run_id, "fills"))


class FilmView:
    """The film of one run: a slider over its steps.

    Parameters
    ----------
    session : Session
    state : BacktestsState
    """

    def __init__(self, session: Session, state: BacktestsState) -> None:
        self._session, self._state = session, state
        self._card = Html()
        self._slot = pn.Column(self._card, sizing_mode="stretch_width", margin=0)
        self.whole = self._slot
        self._run_id = ""
        self._results: BacktestResults | None = None
        session.watch(lambda _: self._film(), "theme")

    async def show(self, run_id: str) -> None:
        """Show the film of a run; nothing where its id is empty."""
        if run_id == self._run_id and self._results is not None:
            return
        self._run_id, self._results = run_id, None
        self._slot[:] = [self._card]
        if not run_id:
            self._card.show({"html": markup.empty(*_NOTHING)})
            return
        self._card.show({"html": markup.waiting(320)})
        try:
            results = await self._session.background(self._state.again, run_id)
        except OmniError as error:
            if run_id == self._run_id:
                self._card.show({"html": markup.empty("This run cannot be replayed.", _told(error))})
            return
        if run_id == self._run_id:
            self._results = results
            self._film()

    def _film(self) -> None:
        if self._results is not None:
            from omni_lab.ui.runs import run_panel

            theme: Any = self._session.theme
            self._slot[:] = [run_panel(self._results, at=0, theme=theme)]


def head_of(run: RunRecord) -> str:
    """Headline, conclusions and warnings of a run."""
    parts = []
    if run.problem:
        parts.append(markup.failed(f"This run {run.status}", run.problem))
    if run.headline:
        parts.append(markup.facts(run.headline))
    found = [str(line) for line in run.artifacts.get("conclusions") or ()]
    doubts = [f"Doubt: {line}" for line in run.artifacts.get("warnings") or ()]
    parts.append(markup.sentences([*found, *doubts]))
    return markup.box(run.run_id, *parts)


def metrics_of(run: RunRecord) -> str:
    """Every metric of a run by group; what belongs to none stands last."""
    left = dict(run.metrics)
    parts = []
    for group, names in GROUPS.items():
        told = {label_of(n): written(n, left.pop(n)) for n in names if n in left}
        if told:
            parts.append(markup.box(group, markup.facts(told)))
    if left:
        parts.append(
            markup.box("Other numbers", markup.facts({label_of(n): written(n, v) for n, v in left.items()}))
        )
    return (
        f'<div style="display:grid;gap:14px">{"".join(parts)}</div>'
        if parts
        else markup.empty("It left no numbers.")
    )


def written(name: str, value: float | None) -> str:
    """A metric as text."""
    return "–" if value is None else format_metric(name, value)


def _drawn(sheet: TearSheet, kind: str, theme: str) -> Figure:
    return sheet.draw(kind, theme=theme)


def _told(error: OmniError) -> str:
    return str(error)
