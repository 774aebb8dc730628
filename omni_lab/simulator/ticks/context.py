"""Through which a strategy sees a replay and sends its orders."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Unpack

import numpy as np

from omni_lab.data.bars import Bars
from omni_lab.data.moments import moment_ns, span_ns
from omni_lab.domain import OrderTerms
from omni_lab.errors import ConfigError, DataError
from omni_lab.simulator.events import Split
from omni_lab.simulator.ticks.conditions import holds_at
from omni_lab.simulator.ticks.simulator import DepthView, OrderStatus, OrderView, TickSimulator
from omni_lab.simulator.ticks.views import IndicatorView
from omni_lab.strategies.indicators import Column, Condition, Expression, momentum_z, sma
from omni_lab.typing import FloatArray

# Stops wait with us, not at the venue: they have names of their own until they are sent.
_FIRST_STOP = 1 << 40


class _Stop:
    __slots__ = ("is_buy", "order_id", "price", "qty", "since", "symbol")

    def __init__(
        self, order_id: int, symbol: str, is_buy: bool, qty: float, price: float, since: int
    ) -> None:
        self.order_id, self.symbol, self.is_buy, self.qty, self.price = order_id, symbol, is_buy, qty, price
        self.since = since


class TickContext:
    """The context of a strategy in a replay; see :class:`omni_lab.strategies.Context`.

    Prices are currency, quantities units, times nanoseconds of the feed. What it knows is what was heard.
    """

    def __init__(self, sim: TickSimulator, bars: Bars | None) -> None:
        self.simulator = sim
        self.symbol = sim.symbols[0]
        self.index = -1
        self._bars = bars
        self._started = self._stopped = False
        self._n_sent = 0
        self.conditions: list[tuple[Any, Callable[..., object]]] = []
        self._timers: list[tuple[int, int]] = []
        self._every: dict[int, int | None] = {}
        self._stops: dict[int, _Stop] = {}
        self._n_stops = 0
        self._splits: dict[str, list[int]] = {}
        for action in sim.config.actions:
            if isinstance(action, Split):
                self._splits.setdefault(action.symbol, []).append(moment_ns(action.ex))
        self._numbers: dict[int, int] = {}
        self._names: dict[int, int] = {}
        self._targets: dict[str, int] = {}
        self._quotes: dict[str, dict[str, int]] = {}
        self._sides: dict[int, str] = {}

    # --- what is known ---

    @property
    def ts(self) -> int:
        """Our clock, nanoseconds."""
        return self.simulator.now

    @property
    def symbols(self) -> list[str]:
        """All instruments."""
        return list(self.simulator.symbols)

    @property
    def cash(self) -> float:
        """Cash, currency."""
        return self.simulator.cash

    @property
    def equity(self) -> float:
        """Cash plus positions at their mids, currency."""
        return self.simulator.equity

    @property
    def position(self) -> float:
        """Signed quantity held of the current instrument."""
        return self.simulator.position_of(self.symbol)

    def position_of(self, symbol: str | None = None) -> float:
        """Signed quantity held of an instrument."""
        return self.simulator.position_of(symbol or self.symbol)

    def average_price(self, symbol: str | None = None) -> float:
        """Average entry price of the open position; NaN when flat."""
        return self.simulator.average_price(symbol or self.symbol)

    def depth(self, symbol: str | None = None) -> DepthView:
        """The book of an instrument, as far as it was heard."""
        return self.simulator.depth_of(symbol or self.symbol)

    def working(self, symbol: str | None = None) -> list[OrderView]:
        """Orders at the venue, or on their way, that have not ended; stops that wait with us are not."""
        name = symbol or self.symbol
        orders = (self.simulator.order(number) for number in self.simulator.working())
        return [replace(each, order_id=self.name_of(each.order_id)) for each in orders if each.symbol == name]

    def tick_size(self, symbol: str | None = None) -> float:
        """Grid of order prices, currency."""
        self.simulator.feed.place(symbol or self.symbol)
        return self.simulator.feed.tick_size

    def lot_size(self, symbol: str | None = None) -> float:
        """Smallest quantity step."""
        self.simulator.feed.place(symbol or self.symbol)
        return self.simulator.feed.lot_size

    def history(self, column: Column, n_bars: int, *, symbol: str | None = None) -> FloatArray:
        """The last ``n_bars`` values of a column of bars up to the last closed one, oldest first."""
        bars = self._need_bars("history")
        place = bars.symbols.index(symbol or self.symbol)
        known = getattr(bars, column)()[: self.index + 1, place]
        return np.array(known[~np.isnan(known)][-n_bars:] if n_bars > 0 else known[:0])

    # --- orders ---

    def buy(
        self,
        qty: float,
        *,
        symbol: str | None = None,
        limit: float | None = None,
        stop: float | None = None,
        stop_at: str = "us",
        **terms: Unpack[OrderTerms],
    ) -> int:
        """Send a buy order of any type; its id.

        Parameters
        ----------
        qty : float
            Units, positive.
        symbol : str, optional
            Which instrument; that of the callback by default.
        limit : float, optional
            Limit, or the cap of a pegged order.
        stop : float, optional
            Price of a stop.
        stop_at : {"us", "venue"}
            Where that stop waits. With us it becomes a market order once we have heard of a trade at its
            price, as on bars; it pays the way to the venue. At the venue it is a ``STOP``, with a limit a
            ``STOP_LIMIT``, and nobody waits for us. With us is the default because it never flatters.
        **terms : OrderTerms
            As :meth:`TickSimulator.submit` takes them; a ``stop_price`` is a stop at the venue.
        """
        return self._send("buy", qty, symbol, limit, stop, stop_at, terms)

    def sell(
        self,
        qty: float,
        *,
        symbol: str | None = None,
        limit: float | None = None,
        stop: float | None = None,
        stop_at: str = "us",
        **terms: Unpack[OrderTerms],
    ) -> int:
        """Send a sell order; as :meth:`buy`."""
        return self._send("sell", qty, symbol, limit, stop, stop_at, terms)

    def replace(
        self,
        order_id: int,
        *,
        qty: float | None = None,
        price: float | None = None,
        stop_price: float | None = None,
    ) -> bool:
        """Ask for other terms of an order at the venue; see :meth:`TickSimulator.amend`.

        False as well for a stop that waits with us: cancel it and send another.
        """
        if order_id in self._stops or self._was_never_sent(order_id):
            return False
        return self.simulator.amend(self._number(order_id), qty=qty, limit=price, stop_price=stop_price)

    def target(self, qty: float, *, symbol: str | None = None) -> None:
        """Aim at a signed position with a market order, counting what an earlier target has working."""
        name = symbol or self.symbol
        if not math.isfinite(qty):
            raise ConfigError("a target must be a finite number", found=qty, where=f"target of {name}")
        sim = self.simulator
        size = sim.feed.lot_size
        wanted = sim.feed.lots(qty) - sim.lots_of(sim.feed.place(name))
        working = self._targets.pop(name, None)
        if working is not None and self.is_working(working):
            order = sim.order(self._number(working))
            left = round((order.qty - order.filled_qty) / size)
            # A market order is on its way and cannot be taken back: aim from where it will lead.
            wanted -= left if self._sides[working] == "buy" else -left
        if wanted:
            order_id = self._send("buy" if wanted > 0 else "sell", abs(wanted) * size, name, None, None)
            self._targets[name] = order_id

    def target_weight(self, weight: float, *, symbol: str | None = None) -> None:
        """Aim at a position worth this signed fraction of equity at the mid."""
        name = symbol or self.symbol
        mid = self.depth(name).mid
        if not math.isfinite(weight):
            raise ConfigError("a weight must be a finite number", found=weight, where=f"target of {name}")
        if not math.isnan(mid):
            self.target(weight * self.equity / mid, symbol=name)

    def quote(
        self,
        bid: float | None,
        ask: float | None,
        qty: float,
        *,
        symbol: str | None = None,
    ) -> None:
        """Stand in the book with a post-only bid and offer, in place of the last that this was asked for.

        A quote that stands where it is wanted stays, with its place in the queue; None takes a side out.
        """
        name = symbol or self.symbol
        quotes = self._quotes.setdefault(name, {})
        sim = self.simulator
        for side, price in (("buy", bid), ("sell", ask)):
            order_id = quotes.get(side)
            if order_id is not None and self.is_working(order_id):
                if price is not None and sim.feed.units(price) == sim.order_state(self._number(order_id))[2]:
                    continue
                if not sim.order_state(self._number(order_id))[4]:
                    self.cancel(order_id)
            quotes.pop(side, None)
            if price is not None:
                quotes[side] = self._send(side, qty, name, price, None, terms={"time_in_force": "POST_ONLY"})

    def cancel(self, order_id: int) -> bool:
        """Cancel an order; False when it is not working any more."""
        if self._stops.pop(order_id, None) is not None:
            return True
        return not self._was_never_sent(order_id) and self.simulator.cancel(self._number(order_id))

    def is_working(self, order_id: int) -> bool:
        """Whether the order still waits to be filled."""
        if order_id in self._stops:
            return True
        if self._was_never_sent(order_id):
            return False
        return self.simulator.order_state(self._number(order_id))[0] < OrderStatus.FILLED

    # --- declarations ---

    def declare(self, expression: Expression) -> IndicatorView:
        """Declare an indicator of bars, in ``on_start``."""
        self._only_at_start("an indicator")
        bars = self._need_bars(str(expression))
        return IndicatorView(self, bars.native.indicator(*expression.spelled))

    def sma(self, window: int) -> IndicatorView:
        """Declare a simple moving average of closes."""
        return self.declare(sma(window))

    def momentum_z(self, window: int) -> IndicatorView:
        """Declare the z-score of the log return over ``window`` bars."""
        return self.declare(momentum_z(window))

    def when(self, condition: Condition, callback: Callable[..., object]) -> None:
        """Call back at every closed bar at which a condition holds; declared in ``on_start``."""
        self._only_at_start("a condition")
        self.conditions.append((holds_at(self._need_bars(repr(condition)), condition), callback))

    def timer(self, *, at: Any = None, every: Any = None) -> int:
        """Set a timer, which calls ``on_timer`` at its time; its id. See :meth:`Context.timer`."""
        if at is None and every is None:
            raise ConfigError("a timer needs a time, or a span", expected="at=… or every=…", where="timer")
        span = None if every is None else span_ns(every)
        due = self.ts + (span or 0) if at is None else self.simulator.feed.info.moment_ns(at)
        timer_id = len(self._every)
        self._every[timer_id] = span
        heapq.heappush(self._timers, (due, timer_id))
        return timer_id

    def cancel_timer(self, timer_id: int) -> bool:
        """Take a timer back; False when it is not set any more."""
        before = len(self._timers)
        self._timers = [each for each in self._timers if each[1] != timer_id]
        heapq.heapify(self._timers)
        return len(self._timers) < before

    # --- for the driver ---

    def value(self, values: FloatArray, symbol: str) -> float:
        """An indicator of an instrument as of its last closed bar."""
        bars = self._need_bars("an indicator")
        column = bars.symbols.index(symbol)
        known = values[: self.index + 1, column]
        present = np.flatnonzero(~np.isnan(bars.close()[: self.index + 1, column]))
        return float(known[present[-1]]) if present.size else math.nan

    def take_due_timers(self) -> list[tuple[int, int]]:
        """Timers that are due now, each with when it was to fire; repeated ones are set again."""
        due = []
        while self._timers and self._timers[0][0] <= self.ts:
            moment, timer_id = heapq.heappop(self._timers)
            due.append((timer_id, moment))
            span = self._every[timer_id]
            if span is not None:
                missed = (self.ts - moment) // span
                heapq.heappush(self._timers, (moment + (missed + 1) * span, timer_id))
        return due

    @property
    def next_timer(self) -> int | None:
        """When the next timer is due."""
        return self._timers[0][0] if self._timers else None

    @property
    def has_stops(self) -> bool:
        """Whether a stop waits for a trade."""
        return bool(self._stops)

    def trigger_stops(self, symbol: str, price: float) -> None:
        """Send the stops that a trade of the market has reached."""
        for ex in self._splits.get(symbol, ()):
            # Prices from before a split mean something else now.
            old = [
                each.order_id
                for each in self._stops.values()
                if each.symbol == symbol and each.since < ex <= self.ts
            ]
            for order_id in old:
                del self._stops[order_id]
        reached = [
            stop
            for stop in self._stops.values()
            if stop.symbol == symbol and (price >= stop.price if stop.is_buy else price <= stop.price)
        ]
        for stop in reached:
            del self._stops[stop.order_id]
            side = "buy" if stop.is_buy else "sell"
            number = self.simulator.submit(side, stop.qty, symbol=symbol)
            self._numbers[stop.order_id], self._names[number] = number, stop.order_id

    def name_of(self, number: int) -> int:
        """Id under which a strategy knows an order of the engine."""
        return self._names.get(number, number)

    def start(self) -> None:
        """From now on orders can be sent, and nothing can be declared."""
        self._started = True

    def stop(self) -> None:
        """From now on no order can be sent."""
        self._stopped = True

    def breathe(self) -> None:
        """A new callback: count its orders from zero."""
        self._n_sent = 0

    # --- inside ---

    def _send(
        self,
        side: str,
        qty: float,
        symbol: str | None,
        limit: float | None,
        stop: float | None,
        stop_at: str = "us",
        terms: OrderTerms | None = None,
    ) -> int:
        if not self._started or self._stopped:
            when, where = (
                ("after the end", "on_stop") if self._stopped else ("before the first event", "on_start")
            )
            raise ConfigError(f"no order can be sent {when}", found=f"{side} {qty:g}", where=where)
        self._n_sent += 1
        most = self.simulator.config.max_orders_per_event
        if self._n_sent > most:
            raise ConfigError(
                "too many orders in one callback, which is likely to be a loop without end",
                found=f"more than {most:,}",
                hint="TickConfig.max_orders_per_event sets the limit.",
            )
        name = symbol or self.symbol
        if stop_at not in ("us", "venue"):
            raise ConfigError("a stop waits with us or at the venue", found=stop_at, expected=("us", "venue"))
        said = terms or OrderTerms()
        if stop is not None and stop_at == "us":
            if set(said) - {"time_in_force"}:
                raise ConfigError(
                    "a stop that waits with us becomes a plain market order",
                    found=", ".join(said),
                    where=f"{side} of {name}",
                    hint="stop_at='venue' sends it to the venue with all its terms.",
                )
            order_id = self._wait(side, qty, name, limit, stop)
        else:
            if stop is not None:
                said = {**said, "stop_price": stop}
            order_id = self.simulator.submit(side, qty, limit=limit, symbol=name, **said)
        self._sides[order_id] = side
        return order_id

    def _wait(self, side: str, qty: float, symbol: str, limit: float | None, stop: float) -> int:
        if limit is not None or not (math.isfinite(stop) and math.isfinite(qty)) or stop <= 0 or qty <= 0:
            raise ConfigError(
                "a stop order has a positive stop price and quantity, and no limit",
                found=f"qty {qty}, limit {limit}, stop {stop}",
                where=f"{side} of {symbol}",
            )
        self.simulator.feed.place(symbol)
        order_id = _FIRST_STOP + self._n_stops
        self._n_stops += 1
        self._stops[order_id] = _Stop(order_id, symbol, side == "buy", qty, stop, self.ts)
        return order_id

    def _was_never_sent(self, order_id: int) -> bool:
        """Whether it is the name of a stop that was taken back before it was reached."""
        return order_id >= _FIRST_STOP and order_id not in self._numbers

    def _number(self, order_id: int) -> int:
        return self._numbers.get(order_id, order_id)

    def _only_at_start(self, what: str) -> None:
        if self._started:
            raise ConfigError(f"{what} can only be declared in on_start", where="on_start")

    def _need_bars(self, what: str) -> Bars:
        if self._bars is None:
            raise DataError(
                f"{what} looks at bars, and this replay makes none",
                expected="TickConfig(bar='1min')",
                where="TickConfig.bar",
            )
        return self._bars
