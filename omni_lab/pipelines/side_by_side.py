"""Several runs beside each other: what they were asked, what came out, and whether choosing among them pays.

Two runs are compared to the last bit by `omni_lab.pipelines.compare`; here are two to five, for somebody who
has to choose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab.errors import ConfigError, DataError
from omni_lab.pipelines.compare import ABSENT, on_common_times
from omni_lab.pipelines.registry.records import RunRecord
from omni_lab.pipelines.tearsheet import TearSheet, tear_sheet
from omni_lab.typing import FloatArray, IntArray

if TYPE_CHECKING:
    from omni_lab.figures._canvas import Figure
    from omni_lab.portfolio.overfitting import Overfitting

FEWEST, MOST = 2, 5
_FIRST = (
    *("total_return", "annual_return", "sharpe_ratio", "sortino_ratio", "max_drawdown", "annual_volatility"),
    *("n_trades", "hit_rate", "turnover", "costs_paid", "final_equity"),
)
_BLOCKS = 10
_MOST_NAMED = 3
LETTERS = "ABCDE"


@dataclass(frozen=True, slots=True, kw_only=True)
class SideBySide:
    """What differs between runs; columns are in the order of the runs.

    Attributes
    ----------
    runs : tuple of RunRecord
        The first is what the others are held against.
    parameters : mapping of str to tuple of object
        Those that differ; `ABSENT` where a run does not have one.
    metrics : mapping of str to tuple of float or None
        Numbers that at least two have, those that a reader looks for first at the top.
    ts : ndarray of int64, shape (n_steps,)
        Times of all that left an equity, nanoseconds UTC.
    equity : mapping of str to ndarray of float64, shape (n_steps,)
        By run id; NaN outside of a run.
    notes : tuple of str
        What could not be compared.
    """

    runs: tuple[RunRecord, ...]
    parameters: Mapping[str, tuple[Any, ...]]
    metrics: Mapping[str, tuple[float | None, ...]]
    ts: IntArray
    equity: Mapping[str, FloatArray]
    notes: tuple[str, ...] = field(default=())

    def deltas(self, name: str) -> tuple[float | None, ...]:
        """A metric of each run minus that of the first; None where one does not have it."""
        values = self.metrics[name]
        return tuple(None if v is None or values[0] is None else v - values[0] for v in values)

    def names(self) -> dict[str, str]:
        """A short name of each run by its id: a letter, and what it was asked otherwise than the others."""
        told = {
            name.replace("_", " "): row
            for name, row in self.parameters.items()
            if not any(isinstance(value, dict | list) for value in row)
        }
        names = list(told)[:_MOST_NAMED]
        asked = [", ".join(f"{n} {told[n][place]}" for n in names) for place in range(len(self.runs))]
        return {
            run.run_id: f"{letter}  {words or run.pipeline}"
            for letter, run, words in zip(LETTERS, self.runs, asked, strict=False)
        }

    def plot(self, *, theme: str = "light") -> Figure:
        """Growth of one unit in each run.

        Raises
        ------
        DataError
            If no run left its equity.
        """
        from omni_lab.figures import growth_figure
        from omni_lab.figures.words import percent

        if not self.equity:
            raise DataError("none of these runs left its equity", hint="Compare backtests that succeeded.")
        names = self.names()
        grown = {names[run]: _growth(values) for run, values in self.equity.items()}
        ends = {name: float(values[np.isfinite(values)][-1]) - 1.0 for name, values in grown.items()}
        best = max(ends, key=lambda name: ends[name])
        title = f"{best.split()[0]} made the most of {len(ends)} runs: {percent(ends[best], sign=True)}"
        return growth_figure(self.ts, grown, title=title, theme=theme)


def _growth(equity: FloatArray) -> FloatArray:
    """Multiples of the first value, 1 before there is one, NaN after the last."""
    first = int(np.flatnonzero(np.isfinite(equity))[0])
    growth: FloatArray = equity / equity[first]
    growth[:first] = 1.0
    return growth


def side_by_side(runs: Sequence[RunRecord]) -> SideBySide:
    """What differs between two to five runs.

    Parameters
    ----------
    runs : sequence of RunRecord
        The first is what the others are held against.

    Raises
    ------
    ConfigError
        If they are too few, too many, or one is named twice.
    """
    ids = [run.run_id for run in runs]
    if not FEWEST <= len(ids) <= MOST or len(set(ids)) != len(ids):
        raise ConfigError("two to five different runs can be compared", found=ids, where="runs")
    sheets, notes = _sheets(runs)
    ts: IntArray = np.empty(0, dtype=np.int64)
    curves: list[FloatArray] = []
    if sheets:
        ts, curves = on_common_times([(sheet.ts, sheet.equity) for sheet in sheets])
    return SideBySide(
        runs=tuple(runs),
        parameters=_parameters(runs),
        metrics=_metrics(runs),
        ts=ts,
        equity={sheet.run_id: values for sheet, values in zip(sheets, curves, strict=True)},
        notes=tuple(notes),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The runs on the same prices as one of them, as the trials that one chooses from.

    Attributes
    ----------
    runs : tuple of str
        Ids of those whose returns go into it, the newest first.
    overfitting : Overfitting or None
        What became of the best of each past in its future; None where they are too few or too short.
    why_not : str
        Then.
    """

    runs: tuple[str, ...]
    overfitting: Overfitting | None
    why_not: str = ""


def choice_among(run: RunRecord, others: Sequence[RunRecord]) -> Choice:
    """Whether to pick the best of the backtests on the same prices would have paid.

    Parameters
    ----------
    run : RunRecord
        One of them.
    others : sequence of RunRecord
        The rest of the registry, in which those of the same data are looked for. Runs that were asked the
        same count once.
    """
    from omni_lab.portfolio.overfitting import backtest_overfitting

    sheets, _ = _sheets(_trials(run, others))
    if not sheets:
        return Choice(runs=(), overfitting=None, why_not="It left no equity.")
    first = sheets[0]
    alike = [sheet for sheet in sheets if np.array_equal(sheet.ts, first.ts)]
    ids = tuple(sheet.run_id for sheet in alike)
    if len(alike) < FEWEST:
        told = "It is the only backtest of these prices; run others to see what choosing among them costs."
        return Choice(runs=ids, overfitting=None, why_not=told)
    if len(first.ts) < 2 * _BLOCKS * 5:
        return Choice(runs=ids, overfitting=None, why_not=f"{len(first.ts)} steps are too few to divide.")
    returns = np.column_stack([sheet.returns for sheet in alike])
    return Choice(runs=ids, overfitting=backtest_overfitting(returns, n_blocks=_BLOCKS))


def _trials(run: RunRecord, others: Sequence[RunRecord]) -> list[RunRecord]:
    data = run.artifacts.get("data_fingerprint")
    found, asked = [run], {repr(run.content.get("parameters"))}
    for other in others:
        question = repr(other.content.get("parameters"))
        same = other.pipeline == run.pipeline and other.artifacts.get("data_fingerprint") == data
        if data and same and question not in asked:
            found.append(other)
            asked.add(question)
    return found


def _sheets(runs: Sequence[RunRecord]) -> tuple[list[TearSheet], list[str]]:
    sheets, notes = [], []
    for run in runs:
        try:
            sheets.append(tear_sheet(run))
        except DataError as error:
            notes.append(str(error))
    return sheets, notes


def _parameters(runs: Sequence[RunRecord]) -> dict[str, tuple[Any, ...]]:
    asked = [run.content.get("parameters") or {} for run in runs]
    names = dict.fromkeys(name for each in asked for name in each)
    rows = {name: tuple(each.get(name, ABSENT) for each in asked) for name in names}
    return {name: row for name, row in rows.items() if any(repr(v) != repr(row[0]) for v in row)}


def _metrics(runs: Sequence[RunRecord]) -> dict[str, tuple[float | None, ...]]:
    names = dict.fromkeys(name for run in runs for name in run.metrics)
    rows = {name: tuple(run.metrics.get(name) for run in runs) for name in names}
    shared = {name: row for name, row in rows.items() if sum(v is not None for v in row) >= FEWEST}
    first = {name: shared.pop(name) for name in _FIRST if name in shared}
    return {**first, **{name: row for name, row in shared.items() if not name.startswith("holding_")}}
