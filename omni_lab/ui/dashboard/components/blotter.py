"""Orders and fills as rows of tables, and a reader that keeps them up to date."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from omni_lab.ui.dashboard.components.drafts import ENDED, plain
from omni_lab.ui.dashboard.components.table import Column

if TYPE_CHECKING:
    from omni_lab.execution.views import Order
    from omni_lab.messaging.bus import Message
    from omni_lab.system.system import TradingSystem
    from omni_lab.system.views import Fill

Row = dict[str, Any]

_TONES = {"filled": "good", "rejected": "bad", "partially filled": "warn"}
_ORDER = (
    Column(key="order_id", label="Order"),
    Column(key="changed", label="Changed", kind="clock", filter=False),
    Column(key="symbol", label="Symbol"),
    Column(key="side", label="Side", kind="side"),
    Column(key="type", label="Type"),
    Column(key="qty", label="Quantity", kind="qty"),
    Column(key="cum_qty", label="Filled", kind="qty"),
    Column(key="price", label="Price", kind="price"),
)
OPEN_COLUMNS = (*_ORDER, Column(key="state", label="State", tones=_TONES))
"""Of orders that live."""
ENDED_COLUMNS = (
    *_ORDER,
    Column(key="average_price", label="Average", kind="price"),
    Column(key="state", label="State", tones=_TONES),
    Column(key="reason", label="Reason", wrap=True),
)
"""Of orders that ended."""
FILL_COLUMNS = (
    Column(key="number", label="Fill", kind="int"),
    Column(key="ts", label="Time", kind="time", filter=False),
    Column(key="order_id", label="Order"),
    Column(key="symbol", label="Symbol"),
    Column(key="side", label="Side", kind="side"),
    Column(key="qty", label="Quantity", kind="qty"),
    Column(key="price", label="Price", kind="price"),
    Column(key="value", label="Value", kind="number"),
    Column(key="liquidity", label="Liquidity"),
)


class Blotter:
    """The orders of a system, and when each changed last.

    It follows the stream of orders: the first look reads them all, later ones only what changed.

    Parameters
    ----------
    system : TradingSystem
    most : int
        How many orders are kept; the oldest that ended go first.

    Attributes
    ----------
    orders : dict of int to Order
        By id.
    changed : dict of int to int
        When each changed last, nanoseconds UTC; not known of those that ended before the first look
        without a fill.
    """

    def __init__(self, system: TradingSystem, *, most: int = 1_000) -> None:
        self.orders: dict[int, Order] = {}
        self.changed: dict[int, int] = {}
        self._system, self._most = system, most
        self._reader = system.bus.stream("orders").follow()

    def look(self) -> bool:
        """Hear what is new; whether anything changed. From any thread, but one at a time."""
        messages = self._reader.take()
        if not messages:
            return False
        if any(each.kind == "snapshot" for each in messages):
            newest = [*self._system.orders(most=self._most), *self._system.own_orders()]
            self.orders = {each.order_id: each for each in newest}
            for fill in self._system.fills(most=self._most):
                self.changed[fill.order_id] = fill.ts
        for order_id, ts in touched(messages).items():
            self.orders[order_id] = self._system.order(order_id)
            if ts:
                self.changed[order_id] = ts
        self._forget()
        return True

    def rows(self, *, live: bool) -> list[Row]:
        """Orders that live, or those that ended, the newest first."""
        newest = sorted(self.orders.values(), key=lambda each: -each.order_id)
        shown = [each for each in newest if (each.state not in ENDED) == live]
        return [order_row(each, self.changed.get(each.order_id)) for each in shown]

    def _forget(self) -> None:
        ended = sorted(each.order_id for each in self.orders.values() if each.state in ENDED)
        for order_id in ended[: max(len(self.orders) - self._most, 0)]:
            self.orders.pop(order_id)
            self.changed.pop(order_id, None)


def touched(messages: Iterable[Message]) -> dict[int, int]:
    """Orders that messages of the stream ``orders`` are about, and when they changed (0: not said)."""
    found: dict[int, int] = {}
    for each in messages:
        for name, said in (each.patch.get("orders") or {}).items():
            found[int(name)] = int((said or {}).get("ts", 0)) or found.get(int(name), 0)
        if each.kind == "delta":
            for event in each.events:
                if event.get("order_id"):
                    found[int(event["order_id"])] = int(event["ts"])
    return found


def order_row(order: Order, changed: int | None = None) -> Row:
    """An order as a row of `OPEN_COLUMNS` and `ENDED_COLUMNS`."""
    return {
        "order_id": str(order.order_id),
        "changed": changed,
        "symbol": order.symbol,
        "side": order.side,
        "type": f"{plain(order.order_type)} {order.time_in_force}",
        "qty": order.qty,
        "cum_qty": order.cum_qty,
        "leaves_qty": order.leaves_qty,
        "price": order.price if order.price is not None else order.stop_price,
        "average_price": order.average_price,
        "state": plain(order.state),
        "reason": None if order.reason is None else plain(order.reason),
        "client_order_id": order.client_order_id,
        "_decimals": {"average_price": 4},
    }


def fill_row(fill: Fill) -> Row:
    """A fill as a row of `FILL_COLUMNS`."""
    return {
        "number": fill.number,
        "ts": fill.ts,
        "order_id": str(fill.order_id),
        "symbol": fill.symbol,
        "side": fill.side,
        "qty": fill.qty,
        "price": fill.price,
        "value": fill.price * fill.qty,
        "liquidity": fill.liquidity.lower(),
    }


def turnover(fills: Sequence[Fill]) -> dict[str, float]:
    """What was bought and what was sold, currency, by side."""
    return {side: sum(f.price * f.qty for f in fills if f.side == side) for side in ("BUY", "SELL")}
