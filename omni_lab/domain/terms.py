"""What an order can say beyond a limit or a stop, by the names that every room uses for it."""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict

import numpy as np

from omni_lab.domain.orders import OrderType, PegReference, PostOnly, SelfTrade, TimeInForce, Trigger


class OrderTerms(TypedDict, total=False):
    """Terms of an order, all optional.

    ``docs/simulation.md`` says what each does on bars, ``docs/replay.md`` what on a captured market.

    Attributes
    ----------
    order_type : OrderType or str
        Which type; without it the prices imply it.
    time_in_force : TimeInForce or str
        How long it works: GTC where nothing is said, DAY, GTD, IOC, FOK, AT_OPEN, AT_CLOSE.
    price, stop_price : float
        Other names of ``limit`` and ``stop``; a ``stop_price`` on ticks waits at the venue.
    trail : float
        Distance of a trailing stop, as a price.
    trail_bps : int
        The same in basis points of the price that it trails, 1 to 9,999.
    trigger : Trigger or str
        What a stop watches; on bars the last price (LAST).
    peg : PegReference or str
        What a pegged order follows, and ``peg_offset`` how far from it, as a price; not on bars.
    peg_offset : float
    display_qty : float
        What an iceberg shows; 0 hides it.
    min_qty : float
        Least quantity of an execution.
    all_or_none : bool
        In full or not at all, but it may wait.
    post_only : bool, PostOnly or str
        Whether it must not take: REJECT (True) or SLIDE.
    self_trade : SelfTrade or str
        What happens when it would meet one of our own; nothing of ours meets on bars.
    expire_at : int, str or datetime-like
        End of a GTD order; integers are nanoseconds since 1970, naive times are UTC.
    """

    order_type: OrderType | str
    time_in_force: TimeInForce | str
    price: float
    stop_price: float
    trail: float
    trail_bps: int
    trigger: Trigger | str
    peg: PegReference | str
    peg_offset: float
    display_qty: float
    min_qty: float
    all_or_none: bool
    post_only: bool | PostOnly | str
    self_trade: SelfTrade | str
    expire_at: int | str | datetime | np.datetime64
