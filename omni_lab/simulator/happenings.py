"""What happened in a run, in the order it did: the content of its journal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab.simulator.bar_account import CLOSE
from omni_lab.simulator.run_journal import Happenings, in_order
from omni_lab.typing import AnyArray

if TYPE_CHECKING:
    from omni_lab.simulator.results import BacktestResults
    from omni_lab.simulator.run import Columns, Run
    from omni_lab.simulator.ticks.results import TickResults

# What comes when within a step; a fill at the open, inside and at the close by its code.
_FLOW, _FROM_FILL, _DECIDED, _OWN_CLOSE, _ENDED, _SAMPLED = -1.0, 0.5, 3.0, 4.0, 5.0, 6.0
_AT_SENDING = ("symbol", "side", "kind", "qty", "price")
_AT_END = ("status", "reason", "filled")
_TRAILS = ("trail", "trail_unit")
_TERMS = ("time_in_force", *_TRAILS, "display_qty", "min_qty", "all_or_none", "post_only", "expire_at")
_CHANGED = ("kind", "qty", "price", "stop_price")
_REPLACED = 1
_KNOWN = ("ts_sent", "instrument", "side", "kind", "time_in_force", "seen_bid", "seen_ask")


def of_bars(results: BacktestResults, run: Run) -> Happenings:
    """Flows, orders, fills, ends of orders and the account after each step; terms and changes, if any."""
    orders, fills, flows = run.orders, run.fills, run.flows
    numbers = np.arange(len(orders["side"]), dtype=np.uint32)
    sent = {"order": numbers, "step": orders["step_sent"], **_some(orders, _AT_SENDING)}
    terms, changes = run.terms, run.terms_changes
    for name in ("qty", "price"):
        sent[name] = sent[name].copy()
        sent[name][terms["order"]] = terms[f"sent_{name}"]
    tables: dict[str, Columns] = {
        "flows": dict(flows),
        "orders": sent,
        "fills": dict(fills),
        "ends": {"order": numbers, "step": orders["step_closed"], **_some(orders, _AT_END)},
        "samples": {
            "step": np.arange(len(results.ts), dtype=np.uint32),
            "ts": results.ts,
            "equity": results.equity,
            "cash": results.cash,
        },
    }
    if len(terms["order"]):
        said = {name: terms[name] for name in _TERMS} | {"stop_price": terms["sent_stop"]}
        tables["terms"] = {"order": terms["order"], "step": orders["step_sent"][terms["order"]], **said}
        tables["changes"] = {"order": changes["order"], "step": changes["step"], **_some(changes, _CHANGED)}
    own = orders["step_sent"][fills["order"]] == fills["step"]
    from_fill = np.zeros(len(numbers), dtype=bool)
    from_fill[fills["order"][own & (fills["time"] < CLOSE)]] = True
    decided = np.where(from_fill, _FROM_FILL, _DECIDED)
    moments = [
        np.full(len(flows["step"]), _FLOW),
        decided,
        np.where(own & (fills["time"] == CLOSE), _OWN_CLOSE, fills["time"].astype(np.float64)),
        np.full(len(numbers), _ENDED),
        np.full(len(results.ts), _SAMPLED),
    ]
    if "terms" in tables:
        # A strategy replaces at a decision; elections and slides happen where the market is met.
        when = np.where(changes["kind"] == _REPLACED, _DECIDED, 0.0)
        moments += [decided[terms["order"]], when]
    steps = [table["step"].astype(np.int64) for table in tables.values()]
    rows = [np.arange(len(step)) for step in steps]
    return Happenings(
        manifest={**results.manifest, "engine": "bars", "instruments": _grids(results.bars.instruments)},
        tables=tables,
        order=in_order(*zip(steps, moments, rows, strict=True)),
    )


def of_ticks(
    results: TickResults,
    orders: dict[str, AnyArray],
    terms: dict[str, AnyArray],
    messages: dict[str, AnyArray],
    samples: dict[str, AnyArray],
    flows: dict[str, AnyArray],
) -> Happenings:
    """Orders with what was known when they were sent, messages about them, samples of the account, and flows.

    Terms are those of the orders that said more than price, quantity and time, right after their orders; runs
    without any have no such table, nor one of flows where nothing flowed.

    A flow comes after what was said and heard at its time, a sample after that.
    """
    numbers = np.arange(len(orders["side"]), dtype=np.uint32)
    tables = {
        "orders": {"order": numbers, **_some(orders, _KNOWN)},
        "messages": messages,
        "samples": samples,
    }
    # The first message of each order says that it was sent.
    _, first = np.unique(messages["order"], return_index=True)
    heard = np.arange(len(messages["ts"]))
    info = results.feed.info
    grid = {"symbols": list(results.symbols), "tick_size": info.tick_size, "lot_size": info.lot_size}
    last = np.full(len(samples["ts"]), len(heard))
    keys = [
        (orders["ts_sent"], first, np.zeros(len(numbers))),
        (messages["ts"], heard, np.ones(len(heard))),
        (samples["ts"], last, np.ones(len(last))),
    ]
    if len(flows["ts"]):
        tables["flows"] = flows
        keys.append((flows["ts"], np.full(len(flows["ts"]), len(heard)), np.zeros(len(flows["ts"]))))
    special = terms["order"]
    if len(special):
        tables["terms"] = terms
        keys.append((orders["ts_sent"][special], first[special], np.full(len(special), 0.5)))
    return Happenings(
        manifest={**results.manifest, "engine": "ticks", "instruments": grid},
        tables=tables,
        order=in_order(*keys),
    )


def _some(columns: dict[str, AnyArray], names: tuple[str, ...]) -> dict[str, AnyArray]:
    return {name: columns[name] for name in names}


def _grids(instruments: Any) -> list[dict[str, Any]]:
    return [
        {"symbol": each.symbol, "tick_size": each.tick_size, "lot_size": each.lot_size}
        for each in instruments
    ]
