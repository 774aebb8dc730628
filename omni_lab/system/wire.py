"""What a system tells, as JSON: states of its streams, and events on them (docs/system.md, section 6)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from omni_lab.execution.events import Event
from omni_lab.execution.limits import Limits
from omni_lab.execution.views import BookView, Order
from omni_lab.system.views import Account, Status

_ENDED = frozenset({"FILLED", "CANCELED", "REJECTED", "EXPIRED"})
_LEVELS = 10


def plain(state: Mapping[str, Any]) -> dict[str, Any]:
    """The same as JSON can say it: without what is None, NaN or infinite."""
    cleaned = {str(name): _plain(each) for name, each in state.items()}
    return {name: each for name, each in cleaned.items() if each is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return plain(value)
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int | bool):
        return value
    return float(value)


def event_json(event: Event) -> dict[str, Any]:
    """An event of an order."""
    return {
        "kind": event.kind,
        "order_id": event.order_id,
        "ts": event.ts,
        "symbol": event.symbol,
        "side": event.side,
        "state": event.state,
        "price": event.price,
        "qty": event.qty,
        "leaves": event.leaves,
        "cum": event.cum,
        "trade_id": event.trade_id,
        "liquidity": event.liquidity,
        "reason": event.reason,
        "client_order_id": event.client_order_id,
    }


def order_json(order: Order, ts: int) -> dict[str, Any]:
    """An order that begins: what it says, as of an event at this time."""
    return plain(
        {
            "order_id": order.order_id,
            "client_order_id": order.client_order_id,
            "symbol": order.symbol,
            "side": order.side,
            "order_type": order.order_type,
            "time_in_force": order.time_in_force,
            "stop_price": order.stop_price,
            "created": ts,
        }
    )


def order_patch(event: Event, known: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What an event changes of an order in the stream's state; None where it removes it.

    Parameters
    ----------
    event : Event
    known : mapping or None
        What is said of an order that begins with it.
    """
    if event.state in _ENDED:
        return None
    patch: dict[str, Any] = dict(known or {})
    patch |= {"state": event.state, "leaves": event.leaves, "cum": event.cum, "ts": event.ts}
    if event.kind in ("ACCEPTED", "REPLACED"):
        patch["qty"] = event.qty
    if event.kind in ("ACCEPTED", "REPLACED", "REPRICED") and event.price is not None:
        patch["price"] = event.price
    return patch


def status_json(status: Status) -> dict[str, Any]:
    """The state of stream ``system``."""
    return plain(asdict(status))


def account_json(account: Account, halted: Mapping[str, str], limits: Limits) -> dict[str, Any]:
    """The state of stream ``account``."""
    said = asdict(account)
    said["positions"] = {
        position["symbol"]: {name: position[name] for name in position if name not in ("symbol", "account")}
        for position in said["positions"]
    }
    limited = {name: None if value is None else float(value) for name, value in asdict(limits).items()}
    return plain(said | {"halted": dict(halted), "limits": limited})


def market_json(book: BookView, ts: int, tick_size: float) -> dict[str, Any]:
    """The state of stream ``market.SYMBOL``: the best levels, prices as text on the tick grid."""
    depth = book.depth(_LEVELS)
    decimals = decimals_of(tick_size)
    return plain(
        {
            "bids": _levels(depth.bid_price, depth.bid_qty, decimals),
            "asks": _levels(depth.ask_price, depth.ask_qty, decimals),
            "last": book.last,
            "phase": book.phase,
            "ts": ts,
        }
    )


def decimals_of(step: float) -> int:
    """Decimals that a price on this grid is written with."""
    for decimals in range(12):
        if abs(round(step, decimals) - step) < step * 1e-6:
            return decimals
    return 12


def _levels(prices: Any, quantities: Any, decimals: int) -> dict[str, float]:
    return {
        f"{price:.{decimals}f}": qty for price, qty in zip(prices.tolist(), quantities.tolist(), strict=True)
    }
