"""One order, from the moment it has an id to long after it ended."""

from __future__ import annotations

from omni_lab.domain import OrderState, OrderType, TimeInForce
from omni_lab.execution.codec import New

# Where an order waits (matching.md, section 3), and where it is while it takes or once it ended.
DISPLAYED, HIDDEN, CONDITIONAL, STOPPED, PARKED, AUCTION, NOWHERE = range(7)

ENDED = frozenset(
    state.value for state in (OrderState.FILLED, OrderState.CANCELED, OrderState.REJECTED, OrderState.EXPIRED)
)
AUCTION_TIMES = (TimeInForce.AT_OPEN.value, TimeInForce.AT_CLOSE.value)
STOP_TYPES = (OrderType.STOP.value, OrderType.STOP_LIMIT.value, OrderType.TRAILING_STOP.value)


class OrderRecord:
    """What is known of an order.

    The first group is kept for ever and stands in the state; the second matters while the order lives.

    Attributes
    ----------
    price : int
        Limit, or the cap of a pegged order; 0 for none.
    reason : int
        Why it ended: a `RejectReason` or `CancelReason`, 0 if it was filled or expired or lives.
    cum_value : int
        Sum of price times quantity of its fills.
    working : int
        The price it stands at, or takes up to; 0 for a market order, a stop and a parked order.
    slice : int
        What shows of a displayed order; meaningless elsewhere.
    """

    __slots__ = (
        "account",
        "all_or_none",
        "client_order_id",
        "cum",
        "cum_value",
        "digest",
        "display_qty",
        "expire_at",
        "id",
        "instrument",
        "leaves",
        "min_qty",
        "order_type",
        "peg_offset",
        "peg_reference",
        "place",
        "post_only",
        "price",
        "qty",
        "reason",
        "self_trade",
        "side",
        "sign",
        "slice",
        "stamp",
        "state",
        "stop_price",
        "time_in_force",
        "trail",
        "trail_unit",
        "trigger",
        "working",
    )

    def __init__(self, order_id: int, new: New, digest: int) -> None:
        self.id = order_id
        self.digest = digest
        # fmt: off
        (
            _, self.client_order_id, self.account, self.instrument, self.side, self.order_type,
            self.time_in_force, self.self_trade, self.post_only, self.qty, self.price, self.stop_price,
            self.trail, self.peg_offset, self.display_qty, self.min_qty, self.expire_at, self.trail_unit,
            self.trigger, self.peg_reference, self.all_or_none,
        ) = new
        # fmt: on
        self.sign = 3 - 2 * self.side
        self.state = 0
        self.reason = 0
        self.leaves = self.qty
        self.cum = 0
        self.cum_value = 0
        self.stamp = 0
        self.place = NOWHERE
        self.working = 0
        self.slice = 0

    @property
    def live(self) -> bool:
        """Whether something may still come of it."""
        return self.state not in ENDED

    @property
    def conditional(self) -> bool:
        """Whether it trades much at once or not at all."""
        return self.min_qty > 0 or self.all_or_none == 1

    @property
    def required(self) -> int:
        """The least that a conditional order trades at once."""
        return self.leaves if self.all_or_none else min(self.min_qty, self.leaves)

    @property
    def showing(self) -> int:
        """What others can trade with before it queues again."""
        return self.slice if self.place == DISPLAYED else self.leaves

    def accepts(self, price: int) -> bool:
        """Whether its limit lets it trade at a price."""
        limit = self.working
        return not limit or self.sign * price <= self.sign * limit
