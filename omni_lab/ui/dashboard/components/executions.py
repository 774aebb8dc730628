"""Parents at work and what they cost so far: the state of the page Execution."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab.errors import OmniError
from omni_lab.execution.tca import Costs, Tape, markouts, measure
from omni_lab.execution.tca.afterwards import SECONDS
from omni_lab.figures import words
from omni_lab.ui.dashboard.components.drafts import known, sentence_of
from omni_lab.ui.dashboard.components.table import Column
from omni_lab.ui.params import param

if TYPE_CHECKING:
    from omni_lab.pipelines.registry import RunRegistry
    from omni_lab.system.parents import ParentsView
    from omni_lab.system.system import TradingSystem
    from omni_lab.typing import FloatArray

Row = dict[str, Any]
_ENDED = frozenset({"FILLED", "CANCELED", "EXPIRED"})

PARENT_COLUMNS = (
    Column(key="parent", label="Parent"),
    Column(key="symbol", label="Symbol"),
    Column(key="side", label="Side", kind="side"),
    Column(key="algorithm", label="Algorithm"),
    Column(
        key="state",
        label="State",
        tones={"filled": "good", "expired": "warn", "paused": "warn", "canceled": "bad"},
    ),
    Column(key="qty", label="Quantity", kind="qty"),
    Column(key="filled_qty", label="Filled", kind="qty"),
    Column(key="done", label="Done", kind="percent", decimals=0),
    Column(key="behind", label="Behind", kind="qty"),
    Column(key="arrival", label="Arrival", kind="price", decimals=4),
    Column(key="average_price", label="Average", kind="price", decimals=4),
    Column(key="vs_arrival", label="vs arrival, bps", kind="bps"),
    Column(key="vs_vwap", label="vs VWAP, bps", kind="bps"),
)
CHILD_COLUMNS = (
    Column(key="order_id", label="Order"),
    Column(key="sent", label="Sent", kind="time", filter=False),
    Column(key="qty", label="Quantity", kind="qty"),
    Column(key="filled_qty", label="Filled", kind="qty"),
    Column(key="price", label="Limit", kind="price"),
    Column(key="mid", label="Mid", kind="price", decimals=4),
    Column(key="how", label="How"),
    Column(key="reason", label="End"),
)
RUN_COLUMNS = (
    Column(key="run_id", label="Run"),
    Column(key="status", label="Status", tones={"succeeded": "good", "failed": "bad", "lost": "bad"}),
    Column(key="started", label="Started", kind="moment", filter=False),
    Column(key="duration_s", label="Seconds", kind="number", decimals=1),
    Column(key="metrics", label="Measured", wrap=True),
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Executions:
    """Parents at one time.

    Attributes
    ----------
    view : ParentsView
    costs : Costs or None
        None where the market is not known well enough: ``why`` says so.
    tapes : dict of str to Tape
        By symbol.
    why : str
    """

    view: ParentsView
    costs: Costs | None
    tapes: dict[str, Tape]
    why: str = ""

    @property
    def numbers(self) -> list[int]:
        """Of the parents."""
        return [int(each) for each in self.view.parents["parent"].tolist()]


class ExecutionState(param.Parameterized):
    """What the page shows.

    Attributes
    ----------
    seen : Executions or None
    chosen : int
        The parent that is looked at; -1 for none.
    """

    seen = param.Parameter(default=None)
    chosen = param.Integer(default=-1)

    def __init__(self, system: TradingSystem, **params: Any) -> None:
        super().__init__(**params)  # type: ignore[no-untyped-call]
        self._system = system

    def read(self) -> Executions:
        """Parents and costs now; from any thread."""
        view = self._system.parents()
        tapes, why = {}, ""
        for symbol in np.unique(view.parents["symbol"]).tolist():
            tape = tape_of(self._system, symbol)
            if tape is not None:
                tapes[symbol] = tape
        costs = None
        if len(view.parents["parent"]):
            try:
                costs = measure(view.parents, view.children, view.fills, tapes)
            except OmniError as error:
                why = sentence_of(error)
        return Executions(view=view, costs=costs, tapes=tapes, why=why)


def tape_of(system: TradingSystem, symbol: str) -> Tape | None:
    """Quotes and trades of an instrument, as far back as they are kept; None before the first quote."""
    quotes, trades = system.quotes(symbol), system.tape(symbol, most=100_000)
    if not len(quotes.ts):
        return None
    return Tape(quotes.ts, quotes.bid, quotes.ask, trades.ts, trades.price, trades.qty)


def parent_rows(seen: Executions) -> list[Row]:
    """Parents as rows of `PARENT_COLUMNS`, the newest first. Costs are positive where something was lost."""
    parents = seen.view.parents
    rows = []
    for at, number in enumerate(seen.numbers):
        row = {name: column[at].item() for name, column in parents.items()}
        looks = seen.view.schedules[number]
        has_ended = row["state"] in _ENDED
        due = float(looks["due"][-1]) if len(looks["due"]) and not has_ended else math.nan
        costs = {} if seen.costs is None else seen.costs.parents
        row |= {
            "parent": str(number),
            "side": str(row["side"]).upper(),
            "state": str(row["state"]).lower(),
            "done": row["filled_qty"] / row["qty"],
            "behind": max(due - row["filled_qty"], 0.0),
            "arrival": row["arrival"],
            **{
                name: float(costs[name][at]) if name in costs else math.nan
                for name in ("vs_arrival", "vs_vwap")
            },
        }
        rows.append(row)
    return rows[::-1]


def child_rows(seen: Executions, number: int) -> list[Row]:
    """Children of a parent as rows of `CHILD_COLUMNS`, the newest first."""
    children = seen.view.children
    rows = []
    for at in np.flatnonzero(children["parent"] == number).tolist():
        row = {name: column[at].item() for name, column in children.items()}
        row |= {
            "order_id": str(row["order_id"]),
            "how": "waits" if row["rests"] else "takes",
            "reason": str(row["reason"]).replace("_", " ").lower() or "open",
        }
        rows.append(row)
    return rows[::-1]


def tile_values(seen: Executions, number: int) -> dict[str, dict[str, Any]]:
    """The numbers of a parent, by key of tile."""
    at = seen.numbers.index(number)
    row = next(each for each in parent_rows(seen) if each["parent"] == str(number))
    children = seen.view.children
    mine = children["parent"] == number
    sent = float(children["qty"][mine].sum())
    rate = float(children["filled_qty"][mine].sum()) / sent if sent else math.nan
    told: dict[str, dict[str, Any]] = {
        "done": {
            "value": row["done"],
            "note": f"{words.quantity(row['filled_qty'])} of {words.quantity(row['qty'])}",
        },
        "vs_arrival": {"value": known(row["vs_arrival"]), "note": "of fills; + was lost"},
        "vs_vwap": {"value": known(row["vs_vwap"]), "note": "of the tape since its start"},
        "fill_rate": {
            "value": known(rate),
            "note": f"of {words.count(float(mine.sum()), 'child', 'children')}",
        },
        "fees": {"value": known(row["fees"]), "note": "paper: none are charged"},
    }
    if seen.costs is not None:
        share = float(seen.costs.parents["participation"][at])
        told["participation"] = {"value": known(share), "note": "of the volume meanwhile"}
    after = [_mean(column) for column in markouts_of(seen, number).T]
    told["markout"] = {
        "value": known(after[1]),
        "note": f"1 s {words.number(after[0], 1, sign=True)} · 60 s {words.number(after[2], 1, sign=True)}",
    }
    return told


def _mean(values: FloatArray) -> float:
    """Of those that are known; NaN for none."""
    there = values[np.isfinite(values)]
    return float(there.mean()) if len(there) else math.nan


def markouts_of(seen: Executions, number: int) -> FloatArray:
    """Markouts of a parent's fills, basis points, shape (n_fills, 3)."""
    at = seen.numbers.index(number)
    fills, symbol = seen.view.fills, str(seen.view.parents["symbol"][at])
    mine = fills["parent"] == number
    if symbol not in seen.tapes:
        return np.full((int(mine.sum()), len(SECONDS)), np.nan)
    sign = 1.0 if str(seen.view.parents["side"][at]) == "buy" else -1.0
    paid = fills["price"][mine]
    return markouts(seen.tapes[symbol], fills["ts"][mine], paid, np.full(len(paid), sign))


def cost_parts(seen: Executions, number: int) -> dict[str, float] | None:
    """Parts of a parent's shortfall, basis points of what was to be traded; None where they are not known."""
    from omni_lab.execution.tca import PARTS

    if seen.costs is None:
        return None
    at = seen.numbers.index(number)
    notional = float(seen.costs.parents["notional"][at])
    parts = {name: float(seen.costs.parents[name][at]) / notional * 1e4 for name in PARTS if notional}
    if not parts or not all(math.isfinite(each) for each in parts.values()):
        return None
    # What is not done yet is no opportunity that was missed.
    if str(seen.view.parents["state"][at]) not in _ENDED:
        parts.pop("opportunity")
    return parts


def run_rows(registry: RunRegistry, most: int = 50) -> list[Row]:
    """Runs of the pipeline ``execution``, the newest first, as rows of `RUN_COLUMNS`."""
    rows = []
    for each in registry.list(pipeline="execution", limit=most):
        started = each.started
        rows.append(
            {
                "run_id": each.run_id,
                "status": each.status,
                "started": None if started is None else round(started.timestamp() * 1e9),
                "duration_s": each.duration_s,
                "metrics": _measured(each.metrics) or each.problem,
            }
        )
    return rows


def _measured(metrics: Mapping[str, float | None]) -> str:
    known = {name: value for name, value in metrics.items() if value is not None}
    return ", ".join(f"{name.replace('_', ' ')} {words.number(value)}" for name, value in known.items())
