"""Reasons to doubt a replay, said out loud in every result."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from omni_lab.simulator.ticks.results import TickResults

_FEW_FILLS = 30
_LARGE_SHARE = 0.05


def tick_caveats(results: TickResults) -> tuple[str, ...]:
    """Sentences, the gravest first; empty when there is nothing to say."""
    config, fills, notes = results.config, results.fills, []
    if results.error is not None:
        notes.append(f"The run ended early: {results.error}")
    if len(results.equity) and results.equity.min() <= 0:
        notes.append("The account was ruined: equity fell below zero.")
    if len(fills) == 0:
        notes.append("No order was ever filled: there is nothing to judge.")
    elif len(fills) < _FEW_FILLS:
        notes.append(f"Only {len(fills):,} fill{'s' * (len(fills) > 1)}: what so few earn is mostly chance.")
    latency = config.latency.to_engine()
    if latency["kind"] == "constant" and latency["entry_ns"] + latency["response_ns"] == 0:
        notes.append("Orders took no time at all, which nobody can have.")
    if not config.partial_fills:
        notes.append("Orders filled whole as soon as anything traded: optimistic for large ones.")
    share = _share_of_volume(results)
    if share > _LARGE_SHARE:
        notes.append(
            f"Fills were {share:.0%} of what the market traded: a market this small would have noticed."
        )
    if len(fills) and not np.any(fills["fee"]):
        notes.append("No fees were charged.")
    for name in ("unknown_order", "over_taken", "duplicate_order", "malformed", "held_back"):
        if results.counts[name]:
            notes.append(f"The feed had {results.counts[name]:,} events that were {name.replace('_', ' ')}.")
    rejected = results.counts["rejected"]
    if rejected:
        notes.append(f"Rejected orders: {rejected:,}; results.orders says why.")
    if any(results.final_lots):
        notes.append("The run ended with an open position, valued at the last mid.")
    return tuple(notes)


def _share_of_volume(results: TickResults) -> float:
    """Our lots over the market's, of all instruments."""
    events = results.feed.events
    traded = events.qty[np.isin(events.kind, (5, 6, 7))].sum()
    ours = results.fills["qty"].sum() / results.feed.lot_size
    return float(ours / traded) if traded > 0 else 0.0
