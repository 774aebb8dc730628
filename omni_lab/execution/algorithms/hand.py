"""What the tactic of one parent may do at one look: within the limit, the rest, and the room of the plan."""

from __future__ import annotations

import math

from omni_lab.execution.algorithms.job import Job, ask_to_cancel
from omni_lab.execution.algorithms.market import NamesChildren, Touch, Venue
from omni_lab.execution.algorithms.orders import Child, Parent


class MarketHand:
    """What the tactic of one parent may do at one look."""

    def __init__(self, jobs: dict[int, Job], venue: Venue, job: Job, now: int) -> None:
        self.jobs, self.venue, self.job, self.now = jobs, venue, job, now
        self.parent = job.parent
        self.touch: Touch = job.market.touch
        self.tick_size = job.market.tick_size
        self.spread_ratio = job.market.spread_ratio
        self.volatility_ratio = job.market.volatility_ratio

    def take(self, lots: int) -> None:
        """Send what does not wait, at the far touch."""
        price, _ = self.touch.far(self.parent.is_buy)
        if math.isnan(price) or is_beyond(price, self.parent):
            return
        is_bar = self.job.market.is_of_bars
        # A bar's market order meets the next open; a limit at its close would often wait.
        at_any_price = is_bar and self.parent.order.limit is None
        self._send(lots, None if at_any_price else price, rests=is_bar and not at_any_price)

    def rest(self, lots: int) -> None:
        """Wait at the near touch, or at the limit where the touch is beyond it."""
        price = self.touch.near(self.parent.is_buy)
        if not math.isnan(price):
            self._send(lots, _within(price, self.parent), rests=True)

    def sweep(self, lots: int) -> None:
        """Whatever it costs, within the limit; a plan's cap does not hold any more."""
        limit = self.parent.order.limit
        self._send(lots, limit, rests=limit is not None and self.job.market.is_of_bars, capped=False)

    def cancel(self, child: Child) -> None:
        """Ask for a cancel, unless one is on its way."""
        ask_to_cancel(self.venue, child)

    def note(self, rule: str) -> None:
        """Remember a change of rule."""
        if rule != self.job.rule:
            self.job.rule = rule
            self.job.rules.append((self.now, rule))

    def _send(self, lots: int, price: float | None, *, rests: bool, capped: bool = True) -> None:
        parent, job = self.parent, self.job
        lots = min(lots, parent.rest)
        if capped and job.plan is not None:
            lots = min(lots, job.plan.room(self.now) - parent.filled - parent.open)
        if lots <= 0:
            return
        if isinstance(self.venue, NamesChildren):
            self.venue.next_child_of(parent.number)
        send = self.venue.buy if parent.is_buy else self.venue.sell
        qty, symbol = lots * job.market.lot_size, parent.order.symbol
        if price is None:
            order_id = send(qty, symbol=symbol)
        else:
            order_id = send(qty, symbol=symbol, limit=price, time_in_force="GTC" if rests else "IOC")
        parent.sent(Child(order_id, lots, price, self.now, self.touch.mid, rests))
        self.jobs[order_id] = job


def is_beyond(price: float, parent: Parent) -> bool:
    """Whether a price is worse than a parent's limit."""
    limit = parent.order.limit
    return limit is not None and (price > limit if parent.is_buy else price < limit)


def _within(price: float, parent: Parent) -> float:
    limit = parent.order.limit
    if limit is None:
        return price
    return min(price, limit) if parent.is_buy else max(price, limit)
