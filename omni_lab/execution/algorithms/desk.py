"""The desk: parents at work, what they may do next, and what they leave behind."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from omni_lab.errors import ConfigError, DataError
from omni_lab.execution.algorithms.hand import MarketHand, is_beyond
from omni_lab.execution.algorithms.job import FillNews, Job, OrderNews, ask_to_cancel, withdraw
from omni_lab.execution.algorithms.market import MarketView, Venue
from omni_lab.execution.algorithms.orders import Parent, ParentOrder, ParentState
from omni_lab.execution.algorithms.recipes import Algorithm, recipe
from omni_lab.execution.algorithms.records import child_columns, fill_columns, look_columns, parent_columns
from omni_lab.typing import AnyArray

_ENDS = frozenset({"CANCELED", "EXPIRED", "REJECTED", "FILLED"})


class ExecutionDesk:
    """Works parent orders off: an algorithm each, children to the market, every lot accounted for.

    A strategy owns one, hands it every event, and adds parents whenever it decides to trade;
    `omni_lab.strategies.ExecutionStrategy` does that for a list of parents. The desk looks at the market when
    it is told to (:meth:`look`), which a timer of the strategy does.

    Parameters
    ----------
    finish : int
        Nanoseconds before a parent's end at which what is left begins to be swept.
    """

    def __init__(self, *, finish: int = 2_000_000_000) -> None:
        self.finish = finish
        self.jobs: list[Job] = []
        self._of: dict[int, Job] = {}

    # --- what people ask for ---

    def add(self, venue: Venue, order: ParentOrder, algorithm: Algorithm | str | Mapping[str, Any]) -> int:
        """Take a parent order on.

        Parameters
        ----------
        venue : Venue
            The market: a strategy's context, or a `PaperVenue`.
        order : ParentOrder
            What is to be done.
        algorithm : Algorithm, str or mapping
            How; a name of :data:`omni_lab.execution.algorithms.RECIPES`, or a mapping with that ``"name"``
            and its settings.

        Returns
        -------
        int
            The parent's number.

        Raises
        ------
        ConfigError
            If the algorithm is none, or does not fit the order.
        DataError
            If the quantity is not a whole number of lots.
        """
        lot, tick = venue.lot_size(order.symbol), venue.tick_size(order.symbol)
        number = len(self.jobs)
        start = venue.ts if order.start is None else order.start
        parent = Parent(number, order, _lots(order.qty, lot, f"ParentOrder of {order.symbol}"), start)
        given = dict(algorithm) if isinstance(algorithm, Mapping) else algorithm
        job = Job(parent, recipe(algorithm), MarketView(lot, tick), given=given)
        # A schedule that does not fit says so now, and not when its time comes.
        job.algorithm.schedule.begin(parent, job.market)
        self.jobs.append(job)
        return number

    def take_up(self, job: Job) -> None:
        """A parent that was at work before; its number is its place."""
        self.jobs.append(job)

    def know(self, order_id: int, job: Job) -> None:
        """A child of a parent that was at work before."""
        self._of[order_id] = job

    def pause(self, venue: Venue, number: int) -> None:
        """Cancel the children of a parent and send no more until it is resumed."""
        job = self._job(number, ParentState.WORKING)
        job.parent.state = ParentState.PAUSED
        withdraw(venue, job)

    def resume(self, number: int) -> None:
        """Go on with a parent that was paused; what has fallen due meanwhile is due."""
        self._job(number, ParentState.PAUSED).parent.state = ParentState.WORKING

    def cancel(self, venue: Venue, number: int) -> None:
        """Give a parent up: its children are canceled, and it ends when the last of them has."""
        job = self._job(number, ParentState.PENDING, ParentState.WORKING, ParentState.PAUSED)
        job.parent.state = ParentState.CANCELING
        withdraw(venue, job)
        if not job.parent.working:
            job.parent.end(ParentState.CANCELED, venue.ts)

    def amend(
        self,
        venue: Venue,
        number: int,
        *,
        qty: float | None = None,
        end: int | None = None,
        limit: float | None = None,
    ) -> None:
        """Change the quantity, the end or the limit of a parent; what is not given stays.

        Raises
        ------
        ConfigError
            If the parent has ended, or the quantity is below what is filled or open.
        """
        job = self._job(number, ParentState.PENDING, ParentState.WORKING, ParentState.PAUSED)
        parent = job.parent
        where = f"parent {number}"
        lots = parent.lots if qty is None else _lots(qty, job.market.lot_size, where)
        if lots < parent.filled + parent.open or lots == parent.filled:
            raise ConfigError(
                "a parent cannot ask for less than is filled and open",
                found=qty,
                expected=f"more than {(parent.filled + parent.open) * job.market.lot_size:g}",
                where=where,
                hint="Pause it and amend when its children have ended, or cancel it.",
            )
        changes: dict[str, Any] = {"qty": qty, "end": end, "limit": limit}
        given = {name: value for name, value in changes.items() if value is not None}
        parent.order = replace(parent.order, **given)
        parent.lots = lots
        parent.is_sweeping = False
        if job.plan is not None:
            job.plan = job.algorithm.schedule.begin(parent, job.market)
        for child in parent.working:
            if child.price is not None and is_beyond(child.price, parent):
                ask_to_cancel(venue, child)

    # --- what the market says ---

    def look(self, venue: Venue) -> None:
        """Let every parent that works see the market and act: to be called at regular times."""
        for job in self.jobs:
            if not job.parent.state.has_ended:
                self._look(venue, job)

    def on_trade(self, venue: Venue, symbol: str, qty: float) -> None:
        """The market traded so many units."""
        for job in self._at_work(symbol):
            if job.plan is not None:
                job.plan.room(venue.ts)
                job.market.saw_trade(round(qty / job.market.lot_size))

    def on_bar(self, venue: Venue, symbol: str, close: float, volume: float) -> None:
        """A bar closed; a volume that is not known is NaN."""
        for job in self._at_work(symbol):
            if job.plan is not None:
                job.plan.room(venue.ts)
            lots = 0 if math.isnan(volume) or job.plan is None else round(volume / job.market.lot_size)
            job.market.saw_bar(close, lots)

    def on_fill(self, venue: Venue, fill: FillNews, *, fee: float = 0.0, is_maker: bool = False) -> None:
        """A child traded; fills of others are none of ours."""
        job = self._of.get(fill.order_id)
        if job is None:
            return
        now = venue.ts
        if job.plan is not None:
            job.plan.room(now)
        lots = round(fill.qty / job.market.lot_size)
        job.parent.was_filled(fill.order_id, lots, now)
        mid = job.market.touch.mid
        job.fills.append((now, fill.order_id, lots, fill.price, mid, fee, is_maker))

    def on_order(self, venue: Venue, news: OrderNews) -> None:
        """Something else was heard of a child."""
        job = self._of.get(news.order_id)
        if job is None:
            return
        child = job.parent.children[news.order_id]
        if news.status in _ENDS:
            job.parent.has_ended(news.order_id, news.reason or news.status, venue.ts)
        elif news.status == "REQUEST_REFUSED":
            child.is_canceling = False

    # --- what it leaves behind ---

    def parents(self) -> dict[str, AnyArray]:
        """One row for each parent: see :func:`~omni_lab.execution.algorithms.records.parent_columns`."""
        return parent_columns(self.jobs)

    def children(self) -> dict[str, AnyArray]:
        """One row for each child order."""
        return child_columns(self.jobs)

    def fills(self) -> dict[str, AnyArray]:
        """One row for each fill."""
        return fill_columns(self.jobs)

    def schedule(self, number: int) -> dict[str, AnyArray]:
        """What was due, filled and open at every look of a parent, units; with ``ts``, nanoseconds."""
        return look_columns(self.jobs[number])

    @property
    def is_done(self) -> bool:
        """Whether every parent has ended."""
        return all(job.parent.state.has_ended for job in self.jobs)

    # --- inside ---

    def _look(self, venue: Venue, job: Job) -> None:
        parent, now = job.parent, venue.ts
        if now < parent.start:
            return
        job.market.look(venue, parent.order.symbol)
        if parent.state is ParentState.PENDING:
            parent.state = ParentState.WORKING
        if job.plan is None:
            job.plan = job.algorithm.schedule.begin(parent, job.market)
        if math.isnan(parent.arrival):
            parent.arrival = job.market.touch.mid
        job.saw(now, job.plan.due(now))
        if parent.state is not ParentState.WORKING:
            # Some cancels were refused because the order was on its way: ask again.
            withdraw(venue, job)
            self._expire(job, now)
            return
        hand = MarketHand(self._of, venue, job, now)
        end = parent.order.end
        if (
            end is not None
            and now >= end - self.finish
            and (job.algorithm.schedule.must_finish or now >= end)
        ):
            self._finish(hand, job, now)
            return
        if job.plan.is_closing(now):
            withdraw(venue, job)
            return
        job.algorithm.tactic.act(hand, job.need(now))

    def _finish(self, hand: MarketHand, job: Job, now: int) -> None:
        """The end is near: nothing waits any more, and what is left is sent until it is filled."""
        parent = job.parent
        for child in parent.working:
            if child.rests:
                hand.cancel(child)
        if not job.algorithm.schedule.must_finish:
            self._expire(job, now)
            return
        parent.is_sweeping = True
        if not self._expire(job, now) and not parent.working:
            hand.sweep(parent.rest)

    def _expire(self, job: Job, now: int) -> bool:
        """End a parent whose time is over, if it may be left undone and nothing is open."""
        parent, end = job.parent, job.parent.order.end
        may = parent.order.limit is not None or not job.algorithm.schedule.must_finish
        if end is None or now < end or not may or parent.working or parent.state.has_ended:
            return False
        parent.end(ParentState.EXPIRED, now)
        return True

    def _at_work(self, symbol: str) -> list[Job]:
        return [
            job for job in self.jobs if job.parent.order.symbol == symbol and not job.parent.state.has_ended
        ]

    def _job(self, number: int, *states: ParentState) -> Job:
        if not 0 <= number < len(self.jobs):
            raise ConfigError("there is no such parent", found=number, expected=f"0 to {len(self.jobs) - 1}")
        job = self.jobs[number]
        if job.parent.state not in states:
            raise ConfigError(
                "a parent in this state cannot do that",
                found=job.parent.state.value,
                expected=[state.value for state in states],
                where=f"parent {number}",
            )
        return job


def _lots(qty: float, lot_size: float, where: str) -> int:
    lots = round(qty / lot_size)
    if lots < 1 or abs(lots * lot_size - qty) > 1e-9 * max(qty, lot_size):
        raise DataError(
            "a quantity is a whole number of lots", found=qty, expected=f"lots of {lot_size:g}", where=where
        )
    return lots
