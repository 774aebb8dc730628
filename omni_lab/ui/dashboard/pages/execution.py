"""Execution: parent orders at work against their schedules, their children, and what they cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab.execution.tca.afterwards import SECONDS
from omni_lab.figures import words
from omni_lab.system.people import Action
from omni_lab.ui.dashboard.components import Picture, RowAction, Table, Tile, Tiles, columns, rows
from omni_lab.ui.dashboard.components.asks import Asks
from omni_lab.ui.dashboard.components.buttons import Button, Buttons
from omni_lab.ui.dashboard.components.executions import (
    CHILD_COLUMNS,
    PARENT_COLUMNS,
    RUN_COLUMNS,
    Executions,
    ExecutionState,
    child_rows,
    cost_parts,
    markouts_of,
    parent_rows,
    run_rows,
    tile_values,
)
from omni_lab.ui.dashboard.components.parent_form import read_parent, told_plan, work_fields
from omni_lab.ui.dashboard.page import Page

if TYPE_CHECKING:
    from omni_lab.figures._canvas import Figure
    from omni_lab.ui.dashboard.session import Session

_LOOK_S, _DRAW_S, _RUNS_S = 0.5, 2.0, 5.0
_TILES = (
    Tile(key="done", label="Done", kind="percent"),
    Tile(key="vs_arrival", label="Against arrival, bps", kind="bps"),
    Tile(key="vs_vwap", label="Against VWAP, bps", kind="bps"),
    Tile(key="fill_rate", label="Fill rate", kind="percent"),
    Tile(key="participation", label="Participation", kind="percent"),
    Tile(key="markout", label="Markout after 10 s, bps", kind="bps"),
    Tile(key="fees", label="Fees", kind="number"),
)
_ALLOWED = {
    "pause": frozenset({"working"}),
    "resume": frozenset({"paused"}),
    "cancel": frozenset({"pending", "working", "paused"}),
}


class ExecutionView:
    """The page of a session."""

    def __init__(self, session: Session) -> None:
        self.session, self.system = session, session.services.system
        self.state = ExecutionState(self.system)
        self.asks = Asks(session)
        self.tools = Buttons(
            "Parents", Button(name="work", label="Work an order…", press=self._ask, main=True, trades=True)
        )
        self.parents = Table(
            "Parent orders",
            PARENT_COLUMNS,
            key="parent",
            session=session,
            empty=("No parent order was worked yet.", "Work an order: it is sent in children by a schedule."),
            actions=tuple(RowAction(name=name, label=name.capitalize()) for name in _ALLOWED),
            act=self._act,
            select="one",
            chosen=lambda keys: self.state.param.update(chosen=int(keys[0]) if keys else -1),
            height=260,
        )
        self.tiles = Tiles(*_TILES)
        self.schedule = Picture("Progress against schedule", session, height=330)
        self.costs = Picture("Where the cost came from", session, height=300)
        self.after = Picture("Markouts", session, height=300)
        self.children = Table(
            "Children",
            CHILD_COLUMNS,
            key="order_id",
            session=session,
            empty=("No child was sent yet.", ""),
            height=300,
        )
        self.runs = Table(
            "Executions that were studied",
            RUN_COLUMNS,
            key="run_id",
            session=session,
            empty=("No run of the pipeline execution.", "Start one with: omni run execution"),
            actions=(RowAction(name="open", label="Open"),),
            act=lambda _, key: session.go("runs", run=key),
            height=220,
        )
        self._drawn: dict[str, Any] = {}
        session.watch(lambda _: self._show(), "seen", of=self.state)
        session.watch(lambda _: self._choose(), "chosen", of=self.state)
        session.watch(lambda _: self._dress(), "status")
        session.every(_LOOK_S, self._look)
        session.every(_DRAW_S, self._draw_all)
        session.every(_RUNS_S, self._look_at_runs)
        self._dress()

    def layout(self) -> Any:
        """What is shown."""
        return rows(
            self.tools,
            self.parents,
            self.tiles,
            columns(self.schedule, self.costs, least=380),
            columns(self.children, self.after, least=380),
            self.runs,
            self.asks,
        )

    # --- what is shown --------------------------------------------------------------------------------------

    async def _look(self) -> None:
        self.state.seen = await self.session.background(self.state.read)

    async def _look_at_runs(self) -> None:
        self.runs.fill(await self.session.background(run_rows, self.session.services.registry))

    def _show(self) -> None:
        seen = self.state.seen
        numbers = seen.numbers
        if self.state.chosen not in numbers:
            self.state.chosen = numbers[-1] if numbers else -1
        role = None if self.session.person.may(Action.TRADE) else self.session.why_not(Action.TRADE)
        self.parents.fill(
            parent_rows(seen),
            row_off=lambda row: _off(str(row["state"]), role),
            chosen=[str(self.state.chosen)],
        )
        self._dress()
        number = self.state.chosen
        if number < 0:
            self.children.fill([])
            self.tiles.show({tile.key: {"value": None} for tile in _TILES})
            return
        self.tiles.show(tile_values(seen, number))
        self.children.fill(child_rows(seen, number))

    def _choose(self) -> None:
        if self.state.seen is not None:
            self._show()
            self._draw_all()

    def _draw_all(self) -> None:
        seen, number = self.state.seen, self.state.chosen
        if seen is None:
            return
        pictures = (self.schedule, self.costs, self.after)
        if number < 0 or number not in seen.numbers:
            for picture in pictures:
                self._empty(picture, "No parent order is chosen.", "Work one, or choose a row.")
            return
        looks = seen.view.schedules[number]
        n_fills = int((seen.view.fills["parent"] == number).sum())
        if len(looks["ts"]) < 2:
            self._empty(
                self.schedule, "It has not begun.", "The desk looks at the market four times a second."
            )
        else:
            self._draw(
                self.schedule, (number, len(looks["ts"]), n_fills), lambda t: _schedule(seen, number, t)
            )
        parts = cost_parts(seen, number) if n_fills else None
        if parts is None:
            self._empty(self.costs, "Nothing to take apart yet.", seen.why or "Costs begin with a fill.")
        else:
            shown = tuple(round(each, 1) for each in parts.values())
            self._draw(self.costs, (number, shown), lambda theme: _waterfall(parts, theme))
        moves = markouts_of(seen, number)
        if not np.isfinite(moves).any():
            self._empty(
                self.after, "No fill to look back on.", "The first is worth something a second after it."
            )
        else:
            known = np.isfinite(moves).sum(axis=0).tolist()
            self._draw(self.after, (number, tuple(known)), lambda theme: _markouts(moves, theme))

    def _draw(self, picture: Picture, name: Any, make: Callable[[str], Figure]) -> None:
        """Draw a picture again once there is something new on it: it takes a while."""
        if self._drawn.get(picture.title) != name:
            self._drawn[picture.title] = name
            picture.draw(make)

    def _empty(self, picture: Picture, what: str, next_step: str) -> None:
        if self._drawn.get(picture.title) != what:
            self._drawn[picture.title] = what
            picture.empty(what, next_step)

    # --- what is done ---------------------------------------------------------------------------------------

    def _dress(self) -> None:
        n_parents = 0 if self.state.seen is None else len(self.state.seen.numbers)
        said = words.count(n_parents, "parent") if n_parents else ""
        self.tools.dress({"work": self.session.why_not(Action.TRADE)}, said=said)

    def _ask(self) -> None:
        symbols = tuple(self.system.status().symbols)
        self.asks.ask(
            "Work an order",
            "It is sent in children that pass the gate like any other order. A kill switch gives it up; "
            "after a restart it is paused.",
            self._work,
            fields=work_fields(symbols, self.session.symbol),
            go="Work it",
            leave="Not now",
            look=lambda told: told_plan(self.system, told),
        )

    async def _work(self, told: dict[str, str]) -> None:
        order, algorithm = await self.session.background(read_parent, self.system, told)
        work = self.system.work
        self.state.chosen = await self.session.background(work, order, algorithm, who=self.session.person)
        self.session.say(f"Parent {self.state.chosen} is at work.", "good")

    def _act(self, name: str, key: str) -> None:
        self.session.start(self._change(name, int(key)))

    async def _change(self, what: Any, number: int) -> None:
        await self.session.background(self.system.change_parent, number, what, who=self.session.person)
        self.session.say(f"Parent {number}: {what}.", "good")


def _off(state: str, role: str | None) -> dict[str, str]:
    """Why a parent in a state cannot be changed, by what; "hidden" where it makes no sense."""
    found = {name: "hidden" for name, states in _ALLOWED.items() if state not in states}
    return {name: found.get(name, role or "") for name in _ALLOWED if name in found or role}


def _schedule(seen: Executions, number: int, theme: str) -> Figure:
    from omni_lab.figures.execution import schedule_figure

    at = seen.numbers.index(number)
    symbol, looks = str(seen.view.parents["symbol"][at]), seen.view.schedules[number]
    mine = seen.view.fills["parent"] == number
    tape = seen.tapes.get(symbol)
    quotes = {} if tape is None else {"mid_ts": tape.quote_ts, "mid": (tape.bid + tape.ask) / 2.0}
    return schedule_figure(
        looks["ts"],
        looks["due"],
        looks["filled"],
        fill_ts=seen.view.fills["ts"][mine],
        fill_price=seen.view.fills["price"][mine],
        title=f"Parent {number}, {symbol}",
        theme=theme,
        **quotes,
    )


def _waterfall(parts: dict[str, float], theme: str) -> Figure:
    from omni_lab.figures.shortfall import waterfall_figure

    return waterfall_figure(parts, title="It", theme=theme)


def _markouts(moves: Any, theme: str) -> Figure:
    from omni_lab.figures import markout_figure

    # Times that no fill has reached yet say nothing.
    there = np.isfinite(moves).any(axis=0)
    return markout_figure(np.array(SECONDS)[there], {"fills": moves[:, there]}, theme=theme)


def view(session: Session) -> Any:
    """What is shown."""
    return ExecutionView(session).layout()


PAGE = Page(title="Execution", key="e", slug="execution", view=view)
