"""The story of one order, told from the journal of its run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab.data.times import iso
from omni_lab.simulator.order_story import OrderStory, check_order, ending

if TYPE_CHECKING:
    from omni_lab.simulator.ticks.results import TickResults


def story_of(results: TickResults, order_id: int) -> OrderStory:
    """See :meth:`TickResults.explain`."""
    orders, messages = results.orders, results.messages
    check_order(order_id, len(orders))
    order = {name: orders[name][order_id] for name in orders}
    mine = np.flatnonzero(messages["order_id"] == order_id)
    rows = [{name: messages[name][row] for name in messages} for row in mine]
    fills = [row for row in rows if row["kind"] == "FILL"]
    filled = sum(row["qty"] for row in fills)
    paid = sum(row["qty"] * row["price"] for row in fills)
    mid = (order["seen_bid"] + order["seen_ask"]) / 2
    sign = 1.0 if order["side"] == "BUY" else -1.0
    ahead = [row["ahead"] for row in rows if row["kind"] == "ACCEPTED"]
    facts = {
        **{name: order[name] for name in ("side", "qty", "limit_price", "seen_bid", "seen_ask")},
        "ahead": float(ahead[0]) if ahead else np.nan,
        "filled_qty": float(filled),
        "average_price": float(paid / filled) if filled else np.nan,
        "fees": float(sum(row["fee"] for row in fills)),
        "slippage": float(sign * (paid - filled * mid)) if filled else 0.0,
        "impact": _impact(results, order_id, sign),
        "status": order["status"],
        "reason": order["reason"],
    }
    said = [_sentence(results, row, order) for row in rows]
    said.append(
        ending(order["status"], filled, order["qty"])
        + (f" at {facts['average_price']:.10g} on average" if filled else "")
        + f", {facts['fees']:.6g} in fees"
        + (f", {facts['slippage']:+.6g} against the mid that was seen" if filled else "")
        + (f", {facts['impact']:+.6g} of it by its own impact." if facts["impact"] else ".")
    )
    return OrderStory(order_id=order_id, sentences=tuple(said), facts=facts)


def _impact(results: TickResults, order_id: int, sign: float) -> float:
    """Currency that the fills of an order paid beyond the prices that were shown."""
    fills = results.fills
    mine = fills["order_id"] == order_id
    return float(sign * (fills["qty"] * (fills["price"] - fills["met"]))[mine].sum())


def _sentence(results: TickResults, row: dict[str, Any], order: dict[str, Any]) -> str:
    when = time_text(results, int(row["ts"]))
    kind, qty, price = row["kind"], row["qty"], row["price"]
    ahead = "" if np.isnan(row["ahead"]) else f" with {row['ahead']:g} before it"
    at = "at the market" if np.isnan(price) else f"at {price:.10g}"
    terms = f" ({order['type']}: {order['terms']})" if order["terms"] else ""
    travelled = (
        f", {(row['ts'] - row['ts_venue']) / 1e3:,.0f} µs after it happened" if row["ts_venue"] else ""
    )
    said = {
        "SENT": f"{order['side'].lower()} {qty:g} {at}, {order['time_in_force']}{terms}; "
        f"we knew {order['seen_bid']:.10g} bid, {order['seen_ask']:.10g} asked",
        "DENIED": f"our risk gate refused it: {row['reason']}",
        "CANCEL_SENT": "we asked for a cancel",
        "REPLACE_SENT": f"we asked for {qty:g} {at} instead",
        "ACCEPTED": f"taken in{ahead}{travelled}",
        "REPLACED": f"now {qty:g} {at}{travelled}",
        "FILL": f"filled {qty:g} {at}, fee {row['fee']:.6g}{travelled}",
        "CANCELED": f"canceled{travelled}",
        "EXPIRED": f"expired: {row['reason']}{travelled}",
        "REJECTED": f"rejected: {row['reason']}{travelled}",
        "REQUEST_REFUSED": f"the request was refused: {row['reason']}{travelled}",
        "TRIGGERED": f"its stop price was reached{travelled}",
        "REPRICED": ("parked: there is no price for it" if np.isnan(price) else f"now stands {at}{ahead}")
        + travelled,
        "REFRESHED": f"shows {qty:g} anew{ahead}{travelled}",
        "DECREMENTED": f"has {qty:g} less, for it met one of ours{travelled}",
    }
    return f"{when}  {said[kind]}"


def time_text(results: TickResults, ts: int) -> str:
    """A time of the feed as people read it: with its date, or since midnight where none is known."""
    if results.feed.info.date:
        return iso(ts)
    seconds, nanos = divmod(ts, 1_000_000_000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{nanos:09d}"
