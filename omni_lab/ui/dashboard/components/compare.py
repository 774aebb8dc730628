"""Runs beside each other on a page, and what choosing among them is worth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from omni_lab.errors import OmniError
from omni_lab.figures.metrics import label_of
from omni_lab.figures.words import number, percent
from omni_lab.pipelines.side_by_side import FEWEST, LETTERS, MOST, SideBySide
from omni_lab.ui.dashboard.components import markup
from omni_lab.ui.dashboard.components.boxes import Html, columns, rows
from omni_lab.ui.dashboard.components.picture import Picture
from omni_lab.ui.dashboard.components.tearsheet import written

if TYPE_CHECKING:
    from omni_lab.ui.dashboard.session import Session
    from omni_lab.ui.dashboard.states.backtests import BacktestsState, Luck

_MOST_METRICS = 24
_LUCK: dict[str, tuple[str, Callable[[float], str]]] = {
    "sharpe_ratio": ("Sharpe ratio, annual", number),
    "standard_error": ("Its standard error", number),
    "psr": ("Probability that it is above zero, for one trial", lambda v: percent(v, decimals=1)),
    "n_trials": ("Trials counted when it ran", lambda v: number(v, 0)),
    "expected_max": ("Best ratio expected of so many without merit", number),
    "dsr": ("Deflated Sharpe ratio", lambda v: percent(v, decimals=1)),
    "min_years": ("Years of record it takes to tell", lambda v: number(v, 1)),
    "years": ("Years there are", lambda v: number(v, 1)),
}


class CompareView:
    """Two to five runs: parameters that differ, metrics with their differences, equities over each other.

    Parameters
    ----------
    session : Session
    compare : callable
        Puts runs beside each other, given their ids; called in a thread.
    """

    def __init__(self, session: Session, compare: Callable[[Sequence[str]], SideBySide]) -> None:
        self._session, self._compare = session, compare
        self._tables = Html()
        self._picture = Picture("Growth of one unit", session)
        self.whole = rows(self._picture, self._tables)
        self._asked: tuple[str, ...] = ()

    async def show(self, ids: Sequence[str]) -> None:
        """Show these runs."""
        self._asked = asked = tuple(ids)
        if not FEWEST <= len(asked) <= MOST:
            told = ("Choose two to five runs in the table above.", f"{len(asked)} chosen.")
            self._picture.empty(*told)
            self._tables.show({"html": markup.empty(*told)})
            return
        self._picture.wait()
        self._tables.show({"html": markup.waiting(260)})
        try:
            found = await self._session.background(self._compare, asked)
        except OmniError as error:
            if asked == self._asked:
                self._picture.empty("These runs cannot be compared.", str(error))
                self._tables.show({"html": ""})
            return
        if asked != self._asked:
            return
        self._tables.show({"html": tables_of(found)})
        if found.equity:
            self._picture.draw(lambda theme: found.plot(theme=theme), ("compare", asked))
        else:
            self._picture.empty("None of these runs left its equity.", "Compare backtests that succeeded.")


def tables_of(found: SideBySide) -> str:
    """Which runs, the parameters that differ, and the metrics with what separates them from the first."""
    letters = LETTERS[: len(found.runs)]
    legend = markup.table(
        "Runs",
        ("", "Run", "Asked otherwise"),
        [
            (letter, run.run_id, found.names()[run.run_id].partition("  ")[2])
            for letter, run in zip(letters, found.runs, strict=True)
        ],
        numbers=False,
        hidden=True,
    )
    asked = markup.table(
        "Parameters that differ",
        ("Parameter", *letters),
        [(name.replace("_", " "), *map(_short, row)) for name, row in found.parameters.items()],
    )
    shown = list(found.metrics)[:_MOST_METRICS]
    told = markup.table(
        "Metrics, and how far they are from those of A",
        ("Metric", *letters),
        [(label_of(name), *_with_deltas(found, name)) for name in shown],
    )
    notes = markup.sentences(found.notes)
    same = "" if found.parameters else markup.empty("They were asked the same.")
    return markup.box("Compared", legend, notes, same or asked, told)


def _with_deltas(found: SideBySide, name: str) -> list[str]:
    cells = []
    for place, (value, delta) in enumerate(zip(found.metrics[name], found.deltas(name), strict=True)):
        text = written(name, value)
        if place and delta is not None:
            sign = "±" if delta == 0.0 else "+" if delta > 0.0 else ""
            text += f"  ({sign}{written(name, delta).lstrip('+')})"
        cells.append(text)
    return cells


class LuckView:
    """What a run owes to luck: deflated Sharpe ratio, trials, and the chance of overfitting among its peers.

    Parameters
    ----------
    session : Session
    state : BacktestsState
    """

    def __init__(self, session: Session, state: BacktestsState) -> None:
        self._session, self._state = session, state
        self._facts = Html()
        self._picture = Picture("The best of each past, in its future", session)
        self.whole = columns(self._facts, self._picture, widths=(2, 3))
        self._run_id = ""

    async def show(self, run_id: str) -> None:
        """Show a run; nothing where its id is empty."""
        self._run_id = run_id
        if not run_id:
            told = ("No run is chosen.", "Choose one in the table above.")
            self._facts.show({"html": markup.empty(*told)})
            self._picture.empty(*told)
            return
        self._facts.show({"html": markup.waiting(240)})
        self._picture.wait()
        luck = await self._session.background(self._state.luck, run_id)
        if run_id != self._run_id:
            return
        self._facts.show({"html": luck_of(luck)})
        found = luck.choice.overfitting
        if found is None:
            self._picture.empty("There is no choice to judge.", luck.choice.why_not)
        else:
            self._picture.draw(lambda theme: found.plot(theme=theme), ("luck", luck.choice.runs))


def luck_of(luck: Luck) -> str:
    """The numbers in words."""
    told = {
        label: write(luck.numbers[name]) for name, (label, write) in _LUCK.items() if name in luck.numbers
    }
    if luck.n_trials is not None:
        told["Trials in the ledger now, of its family on its data"] = number(luck.n_trials, 0)
    if luck.choice.overfitting is not None:
        told["Backtests here on the same prices"] = number(len(luck.choice.runs), 0)
        told["Probability of backtest overfitting"] = percent(luck.choice.overfitting.pbo, decimals=0)
    if not told:
        return markup.box(
            "Luck", markup.empty("It says nothing of luck.", "Runs of backtest and walk_forward do.")
        )
    lines = []
    if luck.numbers.get("dsr", 1.0) < 0.95:
        lines.append("Given the trials, its Sharpe ratio cannot be told from luck (below 95%).")
    if luck.choice.overfitting is not None and luck.choice.overfitting.pbo > 0.5:
        lines.append("The best of the past was more often than not below the median afterwards.")
    return markup.box("Luck", markup.facts(told), markup.sentences(lines))


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
