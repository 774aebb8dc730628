"""Reasons to doubt a backtest, said out loud in every result."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from omni_lab.simulator.results import BacktestResults

_FEW_TRADES = 30
_NANOSECONDS_PER_DAY = 86_400_000_000_000

_HELD_BACK = {
    "rejected": "{n} rejected on arrival",
    "insufficient_cash": "{n} canceled whole for want of buying power",
    "reduced": "{n} cut to the buying power",
    "expired": "{n} still working when the data ended",
    "replaced": "{n} replaced by a later target before they were filled",
}


def caveats(results: BacktestResults) -> tuple[str, ...]:
    """Sentences, the gravest first; empty when there is nothing to say."""
    config, counts, metrics = results.config, results.counts, results.metrics
    notes = []
    if results.equity.min() <= 0:
        step = int(np.argmax(results.equity <= 0))
        when = np.datetime64(int(results.ts[step]), "ns").astype("datetime64[s]")
        notes.append(f"The account was ruined: equity fell to {results.equity[step]:,.2f} at {when}.")
    if config.fill == "this_close":
        notes.append(
            "Orders filled at the close they were decided on (fill='this_close'), which is optimistic."
        )
    if metrics["n_trades"] == 0:
        notes.append("No position was ever closed: there is nothing to judge.")
    elif metrics["n_trades"] < _FEW_TRADES:
        notes.append(f"Only {int(metrics['n_trades'])} trades: ratios of so few are mostly chance.")
    if metrics["costs_paid"] == 0 and metrics["n_fills"] > 0:
        notes.append("No commission and no slippage were charged.")
    days = (int(results.ts[-1]) - int(results.ts[0])) / _NANOSECONDS_PER_DAY
    if days < 365:
        notes.append(f"The data spans {days:.0f} days; annual figures extrapolate from them.")
    held_back = [text.format(n=f"{counts[name]:,}") for name, text in _HELD_BACK.items() if counts[name]]
    if held_back:
        n_orders = int(metrics["n_orders"])
        notes.append(f"Of {n_orders:,} orders, {', '.join(held_back)}; results.orders says which and why.")
    if counts["rounded_to_zero"]:
        notes.append(f"{counts['rounded_to_zero']:,} target weights were too small for one lot.")
    if counts["volume_limited"]:
        notes.append(f"{counts['volume_limited']:,} fills were cut by the volume limit.")
    if counts["off_grid_prices"]:
        notes.append(f"{counts['off_grid_prices']:,} prices lay off their tick grid and were rounded to it.")
    return tuple(notes)
