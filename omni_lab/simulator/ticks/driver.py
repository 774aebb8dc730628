"""Runs a strategy over a replay: wakes it for what it asks for, and keeps what came of it when it fails."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from omni_lab.data.bars import Bars
from omni_lab.data.moments import span_ns
from omni_lab.data.times import iso
from omni_lab.errors import ConfigError
from omni_lab.progress import Progress
from omni_lab.simulator.faces import overrides
from omni_lab.simulator.ticks.bars import heard_bars
from omni_lab.simulator.ticks.config import TickConfig
from omni_lab.simulator.ticks.context import TickContext
from omni_lab.simulator.ticks.results import TickResults
from omni_lab.simulator.ticks.simulator import END_OF_TIME, TickSimulator, reason_name
from omni_lab.simulator.ticks.views import BarView, FillView, QuoteView, TimerView, TradeView, UpdateView
from omni_lab.strategies.base import Strategy
from omni_lab.typing import FloatArray

_QUOTE, _TRADE, _BOOK, _ORDER = 1, 2, 4, 8
_WAKES = {"on_quote": _QUOTE, "on_trade": _TRADE, "on_book": _BOOK}
_CALLBACKS = tuple(name for name in dir(Strategy) if name.startswith("on_"))
_FILL, _ENDED, _REFUSED = 2, 3, 4
_SAID = {
    0: "ACCEPTED",
    1: "REPLACED",
    _REFUSED: "REQUEST_REFUSED",
    5: "TRIGGERED",
    6: "REPRICED",
    7: "REFRESHED",
    8: "DECREMENTED",
}
_END, _TIME, _MARKET, _ORDERS = range(4)
_STEPS_PER_REPORT = 1 << 12


def run_on_ticks(strategy: Strategy, feed: Any, config: TickConfig, *, progress: bool = True) -> TickResults:
    """Results of a strategy on a captured market; see :meth:`EventSimulator.run_backtest`."""
    wanted = {name: getattr(strategy, name) for name in _CALLBACKS if overrides(strategy, name)}
    if not wanted:
        raise ConfigError(
            f"{strategy.name} must define a callback to run on ticks",
            expected=_CALLBACKS,
            hint="Signals over whole frames run on bars.",
        )
    if "on_bar" in wanted and config.bar is None:
        raise ConfigError(
            f"{strategy.name} decides on bars, and this replay makes none",
            expected="TickConfig(bar='1min')",
            where="TickConfig.bar",
        )
    sim = TickSimulator(feed, config)
    return _Driver(strategy, wanted, sim).run(progress)


class _Driver:
    def __init__(self, strategy: Strategy, wanted: dict[str, Callable[..., Any]], sim: TickSimulator) -> None:
        self.strategy, self.wanted, self.sim = strategy, wanted, sim
        span = None if sim.config.bar is None else span_ns(sim.config.bar)
        self.bars: Bars | None = None if span is None else heard_bars(sim.feed, span)
        self.context = TickContext(sim, self.bars)
        self.columns = _columns(self.bars)
        self.lots = [0] * len(sim.symbols)
        self.wake = _ORDER
        for name, bit in _WAKES.items():
            self.wake |= bit if name in wanted else 0

    def run(self, progress: bool) -> TickResults:
        sim, context = self.sim, self.context
        try:
            with Progress(sim.feed.native.n_steps, self.strategy.name, progress) as report:
                self.call("on_start")
                context.start()
                self.follow(report)
                context.stop()
                self.call("on_stop")
        except BaseException as error:
            # Somebody else's exception may refuse new attributes; it matters more than what it carries.
            with contextlib.suppress(Exception):
                vars(error)["results"] = self.results(error=_sentence(error))
            raise
        return self.results()

    def results(self, error: str | None = None) -> TickResults:
        self.sim.finish()
        strategy = self.strategy
        return TickResults(
            self.sim, strategy=strategy.name, parameters=strategy.parameters, bars=self.bars, error=error
        )

    def follow(self, report: Callable[[int], object]) -> None:
        sim, context = self.sim, self.context
        reported = 0
        while True:
            next_bar = self.next_bar()
            next_timer = context.next_timer
            until = min(next_bar, END_OF_TIME if next_timer is None else next_timer)
            wake = self.wake | (_TRADE if context.has_stops else 0)
            happened, what, place = sim.advance_to_next(until, wake)
            if happened == _END:
                return
            if happened == _MARKET:
                self.market(what, place)
            else:
                if happened == _TIME:
                    self.time(next_bar, next_timer)
                self.deliver()
            if sim.n_heard - reported >= _STEPS_PER_REPORT:
                reported = sim.n_heard
                report(reported)

    # --- what happened ---

    def market(self, what: int, place: int) -> None:
        sim, context, wanted = self.sim, self.context, self.wanted
        feed, symbol = sim.feed, sim.symbols[place]
        context.symbol = symbol
        if what & _TRADE:
            price, lots, aggressor = sim.last_trade(place)
            if context.has_stops:
                context.trigger_stops(symbol, feed.price(price))
            if "on_trade" in wanted:
                side = ("UNKNOWN", "BUY", "SELL")[aggressor]
                self.call(
                    "on_trade", TradeView(symbol, sim.now, feed.price(price), lots * feed.lot_size, side)
                )
        if what & _QUOTE and "on_quote" in wanted:
            bid, bid_lots, ask, ask_lots = sim.quote(place)
            size = feed.lot_size
            quote = QuoteView(
                symbol,
                sim.now,
                feed.price(bid) if bid else math.nan,
                bid_lots * size,
                feed.price(ask) if ask else math.nan,
                ask_lots * size,
            )
            self.call("on_quote", quote)
        if what & _BOOK and "on_book" in wanted:
            self.call("on_book", sim.depth_of(symbol))
        self.deliver()

    def time(self, next_bar: int, next_timer: int | None) -> None:
        context, now = self.context, self.sim.now
        if next_timer is not None and next_timer <= now:
            for timer_id, due in context.take_due_timers():
                self.call("on_timer", TimerView(timer_id, due, now, context.index))
        if next_bar <= now:
            self.bar()

    def next_bar(self) -> int:
        bars = self.bars
        following = self.context.index + 1
        return END_OF_TIME if bars is None or following >= bars.n_times else int(bars.ts[following])

    def bar(self) -> None:
        bars, context = self.bars, self.context
        assert bars is not None
        context.index += 1
        row = context.index
        opens, highs, lows, closes, volumes = self.columns
        for place in np.flatnonzero(~np.isnan(closes[row])):
            context.symbol = bars.symbols[place]
            view = BarView(
                symbol=context.symbol,
                index=row,
                ts=int(bars.ts[row]),
                open=float(opens[row, place]),
                high=float(highs[row, place]),
                low=float(lows[row, place]),
                close=float(closes[row, place]),
                volume=float(volumes[row, place]),
            )
            for holds, callback in context.conditions:
                if holds[row, place]:
                    self.call_back("when", callback, view)
            self.call("on_bar", view)

    def deliver(self) -> None:
        """Hand over what was heard of orders, and what that led to."""
        sim = self.sim
        while notices := sim.take_notices():
            if sim.config.actions:
                # Splits change positions, too: count back from what is held now.
                self.lots = [sim.lots_of(place) for place in range(len(self.lots))]
                for number, kind, lots, *_ in notices:
                    if kind == _FILL:
                        self.lots[sim.instrument_of(number)] -= lots if sim.is_buy(number) else -lots
            for notice in notices:
                self.notice(*notice)

    def notice(
        self, number: int, kind: int, lots: int, price: int, is_maker: bool, fee: float, _ts: int
    ) -> None:
        sim, context, size = self.sim, self.context, self.sim.feed.lot_size
        place, is_bought = sim.instrument_of(number), sim.is_buy(number)
        context.symbol = sim.symbols[place]
        side, order_id = "BUY" if is_bought else "SELL", context.name_of(number)
        if kind == _FILL:
            self.lots[place] += lots if is_bought else -lots
            self.call(
                "on_fill",
                FillView(
                    order_id=order_id,
                    symbol=context.symbol,
                    side=side,
                    qty=lots * size,
                    price=sim.feed.price(price),
                    commission=fee,
                    position=self.lots[place] * size,
                    ts=sim.now,
                    index=context.index,
                    is_maker=is_maker,
                ),
            )
            return
        if "on_order" not in self.wanted:
            return
        order = sim.order(number)
        self.call(
            "on_order",
            UpdateView(
                order_id=order_id,
                symbol=context.symbol,
                side=side,
                type=order.type,
                qty=order.qty,
                filled_qty=order.filled_qty,
                status=_SAID.get(kind, order.status.name),
                reason=reason_name(1006) if kind == _REFUSED else order.reason,
                ts=sim.now,
                index=context.index,
            ),
        )

    # --- calling back ---

    def call(self, name: str, *what: object) -> None:
        callback = self.wanted.get(name)
        if callback is not None:
            self.call_back(name, callback, *what)

    def call_back(self, name: str, callback: Callable[..., Any], *what: object) -> None:
        self.context.breathe()
        try:
            callback(self.context, *what)
        except BaseException as error:
            error.add_note(
                f"raised in {name} of {self.strategy.name}, {self.context.symbol}, at {_moment(self.sim)}"
            )
            raise


def _columns(bars: Bars | None) -> list[FloatArray]:
    if bars is None:
        return []
    nothing = np.full((bars.n_times, bars.n_symbols), np.nan)
    columns = [bars.open(), bars.high(), bars.low(), bars.close(), bars.volume()]
    return [nothing if column is None else column for column in columns]


def _moment(sim: TickSimulator) -> str:
    info = sim.feed.info
    return iso(sim.now) if info.date else f"{sim.now / 1e9:.9f} s after midnight"


def _sentence(error: BaseException) -> str:
    place = [note for note in getattr(error, "__notes__", ()) if note.startswith("raised in ")]
    return f"{type(error).__name__}: {error}" + "".join(f" ({note})" for note in place)
