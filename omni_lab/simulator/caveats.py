"""Reasons to doubt a backtest, said out loud in every result."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omni_lab.data.times import iso
from omni_lab.simulator.bar_sessions import notes as sessions_notes
from omni_lab.simulator.doubts import doubts

if TYPE_CHECKING:
    from omni_lab.simulator.results import BacktestResults

_FEW_TRADES = 30
_NANOSECONDS_PER_DAY = 86_400_000_000_000

_HELD_BACK = {
    "rejected": "{n} rejected on arrival",
    "insufficient_cash": "{n} canceled whole for want of buying power",
    "reduced": "{n} cut to the buying power",
    "expired": "{n} still working when the data ended",
    "replaced": "{n} replaced by a later target before being filled",
    "ended_by_terms": "{n} ended by their own terms (a day, a time, an auction, IOC, FOK, post-only)",
}
_MET = {
    "rounded_to_zero": "target weights too small for one lot",
    "unpriced": "target weights for instruments that had no price yet",
    "volume_limited": "fills cut by the volume limit",
    "cancels_refused": "cancels that the risk gate refused",
    "replaces_refused": "replacements that an order, its terms or the risk gate refused",
    "off_grid_prices": "prices off their tick grid, rounded to it",
}


def caveats(results: BacktestResults) -> tuple[str, ...]:
    """Sentences, the gravest first; empty when there is nothing to say."""
    config, counts, metrics = results.config, results.counts, results.metrics
    notes = []
    if results.error is not None:
        notes.append(f"The run ended before its data did: {results.error}.")
    if results.equity.min() <= 0:
        step = int(np.argmax(results.equity <= 0))
        when = iso(int(results.ts[step]))
        notes.append(f"The account was ruined: equity fell to {results.equity[step]:,.2f} at {when}.")
    if config.fill == "this_close":
        notes.append(
            "Orders filled at the close they were decided on (fill='this_close'), which is optimistic."
        )
    n_trades = int(metrics["n_trades"])
    if metrics["n_fills"] == 0:
        notes.append("Nothing was ever bought or sold: there is nothing to judge.")
    elif n_trades == 0:
        notes.append("No position was ever closed: hit rate and profit factor are not known.")
    elif n_trades < _FEW_TRADES:
        notes.append(f"Only {_counted(n_trades, 'trade')}: ratios of so few are mostly chance.")
    notes += doubts(results)
    if metrics["costs_paid"] == 0 and metrics["n_fills"] > 0:
        notes.append("No commission and no slippage were charged.")
    if config.calendar is not None:
        notes += sessions_notes(results.ts, config.calendar)
    days = (int(results.ts[-1]) - int(results.ts[0])) / _NANOSECONDS_PER_DAY
    if days < 365:
        notes.append(f"The data spans {_counted(round(days), 'day')}; annual figures extrapolate from that.")
    held_back = [text.format(n=f"{counts[name]:,}") for name, text in _HELD_BACK.items() if counts[name]]
    if held_back:
        n_orders = _counted(int(metrics["n_orders"]), "order")
        notes.append(f"Of {n_orders}, {', '.join(held_back)}; results.orders says which and why.")
    notes += [f"{text.capitalize()}: {counts[name]:,}." for name, text in _MET.items() if counts[name]]
    return tuple(notes)


def _counted(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"
