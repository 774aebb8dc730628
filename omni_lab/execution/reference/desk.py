"""What the books tell of an order changes its state, the gate and positions here, and becomes an event.

A book says that something happened and how much; whose order it is, what it costs and how it is reported is
decided here (``docs/oms.md``, sections 3 to 6).
"""

from __future__ import annotations

from typing import TypeAlias

from omni_lab.domain import EventKind, Liquidity, OrderState, RejectReason
from omni_lab.execution.codec import ACCOUNT, INSTRUMENT, New
from omni_lab.execution.reference.gate import Gate, Scope
from omni_lab.execution.reference.lifecycle import TABLE, Action, transition
from omni_lab.execution.reference.order import NOWHERE, OrderRecord
from omni_lab.execution.reference.positions import PositionRecord
from omni_lab.execution.setup import Setup

RawEvent: TypeAlias = tuple[int, int, int, int, int, int, int, int, int, int, int, int, int, int, int, int]
"""The sixteen fields of an event, in the order of ``docs/oms.md``, section 6."""

_ACCEPTED = EventKind.ACCEPTED.value
_REJECTED = EventKind.REJECTED.value
_FILLED = EventKind.FILLED.value
_CANCELED = EventKind.CANCELED.value
_EXPIRED = EventKind.EXPIRED.value
_REPLACED = EventKind.REPLACED.value
_TRIGGERED = EventKind.TRIGGERED.value
_REPRICED = EventKind.REPRICED.value
_REFRESHED = EventKind.REFRESHED.value
_DECREMENTED = EventKind.DECREMENTED.value
_CANCEL_REJECTED = EventKind.CANCEL_REJECTED.value
_REPLACE_REJECTED = EventKind.REPLACE_REJECTED.value
_STATUS = EventKind.STATUS.value
_WARNED = EventKind.WARNED.value
_STATE_REJECTED = OrderState.REJECTED.value
_UNKNOWN_ORDER = RejectReason.UNKNOWN_ORDER.value

# The table of states by code, for what happens often.
_AFTER = {action: {int(a): int(b) for a, b in row.items()} for action, row in TABLE.items()}
_FILL_SOME = _AFTER[Action.FILL_SOME]
_FILL_ALL = _AFTER[Action.FILL_ALL]
_ACCEPT = _AFTER[Action.ACCEPT]
_CANCEL = _AFTER[Action.CANCEL]
_EXPIRE = _AFTER[Action.EXPIRE]


class Desk:
    """Orders, positions, the gate, the clock and counters, and the events.

    Attributes
    ----------
    clock, sequence : int
        Time of the command at hand, and number of its frame.
    stamp, trade_id : int
        The next of each.
    orders : list of OrderRecord
        By id, from 1.
    live : dict of int to OrderRecord
        By ascending id.
    positions : dict of (int, int) to PositionRecord
        By account and instrument, once there was a fill.
    events : list of tuple
        What came of the commands.
    """

    def __init__(self, setup: Setup) -> None:
        self.clock = 0
        self.sequence = 1
        self.stamp = 1
        self.trade_id = 1
        self.gate = Gate(setup)
        self.orders: list[OrderRecord] = []
        self.live: dict[int, OrderRecord] = {}
        self.positions: dict[tuple[int, int], PositionRecord] = {}
        self.events: list[RawEvent] = []

    def next_stamp(self) -> int:
        """A stamp that is larger than all before."""
        stamp = self.stamp
        self.stamp += 1
        return stamp

    def enlist(self, new: New, digest: int) -> OrderRecord:
        """A record for a new order, under the next id."""
        order = OrderRecord(len(self.orders) + 1, new, digest)
        self.orders.append(order)
        return order

    # --- what becomes of an order ---------------------------------------------------------------------------

    def accepted(self, order: OrderRecord) -> None:
        """It is in."""
        order.state = _ACCEPT[order.state]
        self.live[order.id] = order
        self.gate.opened(order.account, order.instrument, order.side, order.leaves)
        self._tell(order, _ACCEPTED, price=order.price or order.stop_price, qty=order.qty)

    def rejected(self, order: OrderRecord, reason: int) -> None:
        """It never came in."""
        order.state = _AFTER[Action.REJECT][order.state]
        order.reason = reason
        order.leaves = 0
        self._tell(order, _REJECTED, reason, order.price or order.stop_price, order.qty)

    def traded(
        self,
        maker: OrderRecord,
        taker: OrderRecord,
        price: int,
        qty: int,
        liquidity: tuple[int, int] = (Liquidity.MAKER.value, Liquidity.TAKER.value),
    ) -> None:
        """Two orders traded; what they have left is already known to them."""
        trade_id = self.trade_id
        self.trade_id += 1
        self._fill(maker, price, qty, trade_id, liquidity[0])
        self._fill(taker, price, qty, trade_id, liquidity[1])
        self.gate.marked(maker.instrument, price)

    def canceled(self, order: OrderRecord, reason: int) -> None:
        """What was left of it is not wanted any more."""
        order.state = _CANCEL[order.state]
        order.reason = reason
        self._tell(order, _CANCELED, reason, qty=self._end(order))

    def expired(self, order: OrderRecord) -> None:
        """Its time is over."""
        order.state = _EXPIRE[order.state]
        self._tell(order, _EXPIRED, qty=self._end(order))

    def replaced(self, order: OrderRecord, price: int, qty: int, leaves: int) -> None:
        """It has another total, and leaves, from now on."""
        asked = transition(OrderState(order.state), Action.REQUEST_REPLACE)
        assert asked is not None
        after = transition(asked, Action.REPLACE, filled=order.cum > 0)
        assert after is not None
        self.gate.opened(order.account, order.instrument, order.side, leaves - order.leaves)
        order.state = after.value
        order.qty = qty
        order.leaves = leaves
        self._tell(order, _REPLACED, price=price, qty=qty)

    def triggered(self, order: OrderRecord, stop_price: int) -> None:
        """It is a stop no longer."""
        self._tell(order, _TRIGGERED, price=stop_price)

    def repriced(self, order: OrderRecord, price: int) -> None:
        """It moved to another price; 0 if it has none for now."""
        self._tell(order, _REPRICED, price=price)

    def refreshed(self, order: OrderRecord) -> None:
        """It shows another slice."""
        self._tell(order, _REFRESHED, price=order.working, qty=order.slice)

    def decremented(self, order: OrderRecord, qty: int) -> None:
        """It lost what would have traded with its own account."""
        self.gate.opened(order.account, order.instrument, order.side, -qty)
        self._tell(order, _DECREMENTED, price=order.working, qty=qty)

    # --- what becomes of a request --------------------------------------------------------------------------

    def refused(self, new: New, reason: int) -> None:
        """A new order gets no id."""
        self._append(
            _REJECTED,
            client_order_id=new.client_order_id,
            account=new.account,
            instrument=new.instrument,
            side=new.side,
            state=_STATE_REJECTED,
            reason=reason,
            price=new.price or new.stop_price,
            qty=new.qty,
        )

    def status(self, order: OrderRecord) -> None:
        """A new order is one that was sent before."""
        # What no state holds cannot be told: the stop price of an order that ended is forgotten.
        price = order.price or (order.stop_price if order.live else 0)
        self._tell(order, _STATUS, order.reason, price, order.qty)

    def cancel_rejected(self, order: OrderRecord, reason: int) -> None:
        """An order is not canceled."""
        self._tell(order, _CANCEL_REJECTED, reason)

    def replace_rejected(self, order: OrderRecord, reason: int) -> None:
        """An order is not replaced."""
        self._tell(order, _REPLACE_REJECTED, reason)

    def warned(self, order: OrderRecord, reason: int, price: int, qty: int) -> None:
        """The gate lets a request about an order pass, and warns."""
        self._tell(order, _WARNED, reason, price, qty)

    def unknown(self, kind: EventKind, order_id: int) -> None:
        """There never was such an order."""
        self._append(kind.value, order_id=order_id, reason=_UNKNOWN_ORDER)

    # --- what becomes of a market ---------------------------------------------------------------------------

    def phase_changed(self, instrument: int, phase: int) -> None:
        """An instrument is in another phase."""
        self._append(EventKind.PHASE_CHANGED.value, instrument=instrument, qty=phase)

    def auctioned(self, instrument: int, price: int, volume: int, surplus: int) -> None:
        """An auction found a price."""
        self._append(EventKind.AUCTION.value, instrument=instrument, price=price, qty=volume, leaves=surplus)

    def marked(self, instrument: int, price: int) -> None:
        """An instrument has another reference price."""
        self.gate.marked(instrument, price)
        self._append(EventKind.MARKED.value, instrument=instrument, price=price)

    def register_written(self, address: int, value: int) -> None:
        """A register has another value."""
        self._append(EventKind.REGISTER_WRITTEN.value, price=value, qty=address)

    def switched(self, scope: Scope, became: int) -> None:
        """A kill switch was thrown (1), reset (0), or is to be reset by a second person too (2)."""
        kind, number = scope
        where = {ACCOUNT: {"account": number}, INSTRUMENT: {"instrument": number}}.get(kind, {})
        self._append(EventKind.KILL_SWITCH.value, price=kind, qty=became, **where)

    # --- how it is kept -------------------------------------------------------------------------------------

    def _fill(self, order: OrderRecord, price: int, qty: int, trade_id: int, liquidity: int) -> None:
        gate = self.gate
        account, instrument = order.account, order.instrument
        position = self.positions.get((account, instrument))
        if position is None:
            position = self.positions[account, instrument] = PositionRecord()
        realised = position.fill(order.sign, price, qty, gate.instruments[instrument].tick_value)
        gate.filled(account, instrument, order.side, price, qty, realised)
        order.cum += qty
        order.cum_value += price * qty
        if order.leaves:
            order.state = _FILL_SOME[order.state]
        else:
            order.state = _FILL_ALL[order.state]
            order.place = NOWHERE
            del self.live[order.id]
        self._tell(order, _FILLED, 0, price, qty, trade_id, liquidity)

    def _end(self, order: OrderRecord) -> int:
        """Close what is open of an order, and return how much that was."""
        left = order.leaves
        self.gate.opened(order.account, order.instrument, order.side, -left)
        order.leaves = 0
        order.place = NOWHERE
        del self.live[order.id]
        return left

    def _tell(
        self,
        order: OrderRecord,
        kind: int,
        reason: int = 0,
        price: int = 0,
        qty: int = 0,
        trade_id: int = 0,
        liquidity: int = 0,
    ) -> None:
        # fmt: off
        self.events.append((
            self.sequence, self.clock, kind, order.id, order.client_order_id, order.account, order.instrument,
            order.side, order.state, reason, price, qty, order.leaves, order.cum, trade_id, liquidity,
        ))
        # fmt: on

    def _append(
        self,
        kind: int,
        *,
        order_id: int = 0,
        client_order_id: int = 0,
        account: int = 0,
        instrument: int = 0,
        side: int = 0,
        state: int = 0,
        reason: int = 0,
        price: int = 0,
        qty: int = 0,
        leaves: int = 0,
    ) -> None:
        # fmt: off
        self.events.append((
            self.sequence, self.clock, kind, order_id, client_order_id, account, instrument,
            side, state, reason, price, qty, leaves, 0, 0, 0,
        ))
        # fmt: on
