"""The account at a moment within a step of a run over bars, worked back from what the run left behind.

The engine keeps the account at the end of each step. Orders are decided, and refused, in between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omni_lab.simulator.marks import last_known
from omni_lab.typing import AnyArray, FloatArray

if TYPE_CHECKING:
    from omni_lab.simulator.results import BacktestResults
    from omni_lab.simulator.run import Run

CLOSE = 2
"""Code of a fill at the close, the last moment of a step in which anything fills."""


class Account(NamedTuple):
    """Cash, equity and gross exposure in the base currency, and the signed quantities held."""

    cash: float
    equity: float
    exposure: float
    positions: FloatArray


def account_at_decision(results: BacktestResults, run: Run, order_id: int) -> Account:
    """What the strategy had when it sent an order.

    That is the account at the close of the step it was sent in, before what this step's own orders filled at
    that close. An order that filled inside the step it was sent in came from ``on_fill`` after the open: then
    it is the account after the step before.
    """
    sent = int(run.orders["step_sent"][order_id])
    if came_from_fill(run, order_id):
        return _end_of(results, sent - 1)
    fills = run.fills
    rows = np.flatnonzero((fills["step"] == sent) & (fills["time"] == CLOSE))
    own = rows[run.orders["step_sent"][fills["order"][rows]] == sent]
    return _undone(results, run, sent, own)


def account_at_fill(results: BacktestResults, run: Run, step: int, time: int, n_fills: int) -> Account:
    """The account within a step, once so many fills of the run were done; marks are those of that time.

    Cash and equity of a run in several currencies are not known within a step: NaN.

    Parameters
    ----------
    results, run
        Of whom.
    step : int
    time : int
        0 for the open, 1 for the inside of the bar, 2 for the close.
    n_fills : int
        Fills of the whole run before this moment.
    """
    before = _end_of(results, step - 1)
    flows = results.flows
    moved = run.flows["step"] == step
    positions = before.positions.copy()
    # A flow without an instrument is interest: it moves no quantity.
    held = moved & (run.flows["symbol"] >= 0)
    np.add.at(positions, run.flows["symbol"][held], flows["qty"][held])
    rows = np.flatnonzero(run.fills["step"] == step)
    rows = rows[rows < n_fills]
    codes = run.fills["symbol"][rows]
    np.add.at(positions, codes, signed_quantities(results, rows))
    bars = results.bars
    opens = None if time == CLOSE else bars.open()
    closes = last_known(bars.close())
    marks = closes[step]
    if opens is not None:
        marks = np.where(np.isnan(opens[step]), closes[max(step - 1, 0)], opens[step])
    worth = np.nan_to_num(positions * marks)
    cash = before.cash + float(flows["amount"][moved].sum()) - float(paid_for(results, rows).sum())
    if results.config.currencies is not None:
        return Account(np.nan, np.nan, np.nan, positions)
    return Account(cash, cash + float(worth.sum()), float(np.abs(worth).sum()), positions)


def came_from_fill(run: Run, order_id: int) -> bool:
    """Whether an order was sent after the open of a step: it filled in that step before the close."""
    fills = run.fills
    mine = fills["order"] == order_id
    early = (fills["step"] == run.orders["step_sent"][order_id]) & (fills["time"] < CLOSE)
    return bool((mine & early).any())


def paid_for(results: BacktestResults, rows: AnyArray) -> FloatArray:
    """What fills cost in cash, commissions included; − for what came in. Currency of their instruments."""
    fills = results.fills
    bought = fills["side"][rows] == "BUY"
    notional = fills["notional"][rows]
    return np.asarray(np.where(bought, notional, -notional) + fills["commission"][rows])


def signed_quantities(results: BacktestResults, rows: AnyArray) -> FloatArray:
    """Quantities of fills, − where they sold."""
    qty = results.fills["qty"][rows]
    return np.asarray(np.where(results.fills["side"][rows] == "BUY", qty, -qty))


def _end_of(results: BacktestResults, step: int) -> Account:
    if step < 0:
        capital = results.config.initial_capital
        return Account(capital, capital, 0.0, np.zeros(results.bars.n_symbols))
    exposure = float(results.gross_exposure[step])
    return Account(
        float(results.cash[step]), float(results.equity[step]), exposure, results.positions[step].copy()
    )


def _undone(results: BacktestResults, run: Run, step: int, rows: AnyArray) -> Account:
    """The account after a step without some of its fills at the close."""
    after = _end_of(results, step)
    if not len(rows):
        return after
    codes = run.fills["symbol"][rows]
    moved, paid = signed_quantities(results, rows), paid_for(results, rows)
    marks = last_known(results.bars.close())[step]
    steps = np.full(len(rows), step)
    positions = after.positions.copy()
    np.add.at(positions, codes, -moved)
    worth = results._in_base(np.asarray(marks[codes] * moved), steps, codes)
    cost = results._in_base(paid, steps, codes)
    everything = np.arange(len(marks))
    exposure = np.nansum(results._in_base(np.abs(positions) * marks, np.full(len(marks), step), everything))
    return Account(
        cash=after.cash + float(cost.sum()),
        equity=after.equity + float((cost - worth).sum()),
        exposure=float(exposure),
        positions=positions,
    )
