"""The place of a strategy in a system: it is called for what happened, and its orders are sent."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab.execution.events import Event
from omni_lab.simulator.faces import overrides
from omni_lab.simulator.ticks.views import BarView, FillView, QuoteView, TimerView, TradeView, UpdateView
from omni_lab.strategies.base import Strategy
from omni_lab.system.bars import BarBoard
from omni_lab.system.context import LiveContext
from omni_lab.system.engine import Happened
from omni_lab.system.trades import priced

if TYPE_CHECKING:
    from omni_lab.execution.edges import Edges

logger = logging.getLogger(__name__)

CALLBACKS = tuple(name for name in dir(Strategy) if name.startswith("on_"))
_SAID = {
    **{name: name for name in ("ACCEPTED", "REJECTED", "CANCELED", "EXPIRED", "REPLACED", "TRIGGERED")},
    **{name: name for name in ("REPRICED", "REFRESHED", "DECREMENTED")},
    **dict.fromkeys(("CANCEL_REJECTED", "REPLACE_REJECTED"), "REQUEST_REFUSED"),
}
_SIDES = ("UNKNOWN", "BUY", "SELL")


class StrategyHost:
    """Calls a strategy. Everything here happens in the engine's thread.

    Parameters
    ----------
    strategy : Strategy
    context : LiveContext
    board : BarBoard
    edges : Edges
    account : int
        Number of the account.
    order : callable
        The order of an id.
    settle : callable
        Hands on what came of the strategy's orders.
    failed : callable
        Told of what the strategy raised, in a sentence.
    """

    def __init__(
        self,
        strategy: Strategy,
        context: LiveContext,
        board: BarBoard,
        edges: Edges,
        account: int,
        *,
        order: Callable[[int], Any],
        settle: Callable[[], None],
        failed: Callable[[str], None],
    ) -> None:
        self.strategy, self.context = strategy, context
        self._board, self._edges, self._account = board, edges, account
        self._order, self._settle, self._failed = order, settle, failed
        self._wanted = {name: getattr(strategy, name) for name in CALLBACKS if overrides(strategy, name)}
        self._news: deque[Happened] = deque()
        self._is_inside = self._is_over = False
        self._quoted: dict[int, tuple[float, ...]] = {}

    def start(self, ts: int) -> None:
        """Call ``on_start``."""
        self.context.ts = ts
        with_care = self._call("on_start")
        if with_care:
            self.context.start()

    def stop(self) -> None:
        """Call ``on_stop``; nothing is called afterwards."""
        if not self._is_over:
            self.context.stop()
            self._call("on_stop")
            self._is_over = True

    def due_at(self) -> int | None:
        """When a timer is due, or a bar closes."""
        due = [moment for moment in (self.context.timers.next, self._board.next_close) if moment is not None]
        return min(due) if due else None

    def look(self, happened: Happened) -> None:
        """Tell the strategy what happened, and what comes of what it does then."""
        self._news.append(happened)
        if self._is_inside:
            return
        self._is_inside = True
        self.context.breathe()
        try:
            while self._news and not self._is_over:
                self._tell(self._news.popleft())
        finally:
            self._is_inside = False
            if self._is_over:
                self._news.clear()

    # --- what happened --------------------------------------------------------------------------------------

    def _tell(self, happened: Happened) -> None:
        self.context.ts = max(self.context.ts, happened.ts)
        for what, facts in self._in_order(happened):
            if self._is_over:
                return
            if what == "own":
                self._own(facts)
            else:
                self._trade(*facts)
        self._quotes(happened)
        self._time(happened.ts)

    def _in_order(self, happened: Happened) -> Iterator[tuple[str, Any]]:
        """Events of our orders and trades of the market, in the order in which they happened."""
        own = list(happened.own)
        at = 0
        for trade in priced(happened, self._edges, self._account):
            while at < len(own) and own[at].seq <= trade.seq:
                yield "own", own[at]
                at += 1
            yield "trade", (trade.instrument, trade.ts, trade.price, trade.qty, trade.side)
        for event in own[at:]:
            yield "own", event

    def _own(self, event: Event) -> None:
        context, order_id = self.context, event.order_id
        if order_id not in context.sent:
            return
        context.symbol = event.symbol or context.symbol
        if event.kind == "FILLED" and "on_fill" in self._wanted:
            self._call(
                "on_fill",
                FillView(
                    order_id=order_id,
                    symbol=context.symbol,
                    side=event.side or "",
                    qty=event.qty,
                    price=event.price or 0.0,
                    commission=0.0,
                    position=context.position_of(event.symbol),
                    ts=event.ts,
                    index=context.index,
                    is_maker=event.liquidity == "MAKER",
                ),
            )
        elif event.kind in _SAID and "on_order" in self._wanted:
            order = self._order(order_id)
            self._call(
                "on_order",
                UpdateView(
                    order_id=order_id,
                    symbol=context.symbol,
                    side=event.side or "",
                    type=order.order_type,
                    qty=order.qty,
                    filled_qty=event.cum,
                    status=_SAID[event.kind],
                    reason=event.reason or "",
                    ts=event.ts,
                    index=context.index,
                ),
            )

    def _trade(self, number: int, ts: int, price: float, qty: float, side: int) -> None:
        self._close_bars(ts)
        self._board.trade(number, ts, price, qty)
        if "on_trade" in self._wanted:
            self.context.symbol = self._edges.symbols[number]
            self._call("on_trade", TradeView(self.context.symbol, ts, price, qty, _SIDES[side]))

    def _quotes(self, happened: Happened) -> None:
        for ts, number, *quote in happened.quotes:
            if self._is_over:
                return
            self.context.symbol = self._edges.symbols[number]
            changed = not _same(self._quoted.get(number), tuple(quote))
            self._quoted[number] = tuple(quote)
            if changed and "on_quote" in self._wanted:
                bid, bid_qty, ask, ask_qty = quote
                self._call("on_quote", QuoteView(self.context.symbol, ts, bid, bid_qty, ask, ask_qty))
            if "on_book" in self._wanted:
                self._call("on_book", self.context.depth())

    def _time(self, now: int) -> None:
        for timer_id, due in self.context.timers.take(now):
            self._call("on_timer", TimerView(timer_id, due, self.context.ts, self.context.index))
        self._close_bars(now)

    def _close_bars(self, now: int) -> None:
        board, context = self._board, self.context
        while board.next_close is not None and board.next_close <= now and not self._is_over:
            ts, closed = board.close()
            held = [(board.holds(condition), callback) for condition, callback in context.conditions]
            for number, values in closed.items():
                context.symbol = board.symbols[number]
                view = BarView(context.symbol, board.index, ts, *values)
                for holds, callback in held:
                    if holds[number]:
                        self._guarded("when", callback, view)
                self._call("on_bar", view)

    # --- calling back ---------------------------------------------------------------------------------------

    def _call(self, name: str, *what: object) -> bool:
        callback = self._wanted.get(name)
        return callback is None or self._guarded(name, callback, *what)

    def _guarded(self, name: str, callback: Callable[..., Any], *what: object) -> bool:
        """Call back; whether it went well. A strategy that raises is over, and the market goes on."""
        if self._is_over:
            return False
        try:
            callback(self.context, *what)
        except Exception as error:
            logger.exception("%s failed in %s", self.strategy.name, name)
            self._is_over = True
            self.context.stop()
            self._failed(f"{type(error).__name__}: {error} (raised in {name} of {self.strategy.name})")
            return False
        finally:
            self._settle()
        return True


def _same(before: tuple[float, ...] | None, after: tuple[float, ...]) -> bool:
    return before is not None and bool(np.array_equal(before, after, equal_nan=True))
