"""What a strategy is: a few callbacks and parameters that can be told from outside.

The protocols say what a strategy may rely on; the simulator hands in the native objects that fulfil them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, is_dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal, Protocol, Unpack

import numpy as np

from omni_lab.domain import OrderTerms
from omni_lab.strategies.indicators import Column, Condition, Expression
from omni_lab.typing import ArrayLike, FloatArray


class Bar(Protocol):
    """A closed bar. It may be kept: later bars do not change it."""

    @property
    def symbol(self) -> str:
        """The instrument."""

    @property
    def index(self) -> int:
        """Number of the step, from zero."""

    @property
    def ts(self) -> int:
        """Time at which the bar closed, nanoseconds since 1970 UTC."""

    @property
    def open(self) -> float:
        """First price; NaN when only closes are known."""

    @property
    def high(self) -> float:
        """Highest price; NaN when only closes are known."""

    @property
    def low(self) -> float:
        """Lowest price; NaN when only closes are known."""

    @property
    def close(self) -> float:
        """Last price."""

    @property
    def volume(self) -> float:
        """Traded quantity; NaN when not known."""


class Fill(Protocol):
    """One execution of an order of the strategy."""

    @property
    def order_id(self) -> int:
        """The order, as ``buy`` or ``sell`` returned it."""

    @property
    def symbol(self) -> str:
        """The instrument."""

    @property
    def side(self) -> str:
        """``"BUY"`` or ``"SELL"``."""

    @property
    def qty(self) -> float:
        """Quantity, positive."""

    @property
    def price(self) -> float:
        """Price paid or received."""

    @property
    def commission(self) -> float:
        """Commission, currency."""

    @property
    def position(self) -> float:
        """Position after the fill and those that came before it in the same moment, signed."""

    @property
    def ts(self) -> int:
        """Closing time of the bar in which it happened, nanoseconds since 1970 UTC."""

    @property
    def index(self) -> int:
        """Number of the step."""


class OrderUpdate(Protocol):
    """A change in the state of an order that is no fill."""

    @property
    def order_id(self) -> int:
        """The order, as ``buy`` or ``sell`` returned it."""

    @property
    def symbol(self) -> str:
        """The instrument."""

    @property
    def side(self) -> str:
        """``"BUY"`` or ``"SELL"``."""

    @property
    def type(self) -> str:
        """``"MARKET"``, ``"LIMIT"``, ``"STOP"``, ``"STOP_LIMIT"``, ``"TRAILING_STOP"`` or ``"PEGGED"``."""

    @property
    def qty(self) -> float:
        """Quantity ordered, positive."""

    @property
    def filled_qty(self) -> float:
        """Quantity filled so far."""

    @property
    def status(self) -> str:
        """What happened.

        ``"ACCEPTED"``, ``"REJECTED"``, ``"CANCELED"``, ``"EXPIRED"``; to an order that goes on working
        ``"REPLACED"``, ``"TRIGGERED"`` or ``"REPRICED"``, on ticks also ``"REQUEST_REFUSED"``,
        ``"REFRESHED"`` and ``"DECREMENTED"``.
        """

    @property
    def reason(self) -> str:
        """Why, as in ``results.orders``; empty when it was accepted."""

    @property
    def ts(self) -> int:
        """Closing time of the step in which it happened, nanoseconds since 1970 UTC."""

    @property
    def index(self) -> int:
        """Number of the step."""


class Timer(Protocol):
    """A timer that fired."""

    @property
    def id(self) -> int:
        """As ``ctx.timer`` returned it."""

    @property
    def due(self) -> int:
        """When it was to fire, nanoseconds since 1970 UTC."""

    @property
    def ts(self) -> int:
        """Closing time of the step in which it fired: the first at or after ``due``."""

    @property
    def index(self) -> int:
        """Number of that step."""


class Quote(Protocol):
    """Best bid and ask of an instrument, as they were heard."""

    @property
    def symbol(self) -> str:
        """The instrument."""

    @property
    def ts(self) -> int:
        """When we heard, nanoseconds."""

    @property
    def bid(self) -> float:
        """Best bid; NaN for an empty side."""

    @property
    def bid_qty(self) -> float:
        """Quantity at the best bid."""

    @property
    def ask(self) -> float:
        """Best ask; NaN for an empty side."""

    @property
    def ask_qty(self) -> float:
        """Quantity at the best ask."""

    @property
    def mid(self) -> float:
        """Half of bid plus ask; NaN unless both are there."""


class Trade(Protocol):
    """A trade of the market."""

    @property
    def symbol(self) -> str:
        """The instrument."""

    @property
    def ts(self) -> int:
        """When we heard, nanoseconds."""

    @property
    def price(self) -> float:
        """Price."""

    @property
    def qty(self) -> float:
        """Quantity."""

    @property
    def side(self) -> str:
        """Who took: ``"BUY"``, ``"SELL"`` or ``"UNKNOWN"``."""


class Book(Protocol):
    """The book of an instrument, as far as it was heard: current whenever it is asked."""

    @property
    def best_bid(self) -> float:
        """Best bid; NaN for an empty side."""

    @property
    def best_ask(self) -> float:
        """Best ask; NaN for an empty side."""

    @property
    def mid(self) -> float:
        """Half of best bid plus best ask; NaN unless both are there."""

    def qty_at(self, side: str, price: float) -> float:
        """Quantity shown at a price; ``side`` is ``"buy"`` or ``"sell"``."""

    def levels(self, n_levels: int = 10) -> dict[str, FloatArray]:
        """Up to so many levels a side, best first: ``bid_price``, ``bid_qty``, ``ask_price``, ``ask_qty``."""


class WorkingOrder(Protocol):
    """An order of ours that has not ended, as far as was heard."""

    @property
    def order_id(self) -> int:
        """Its id."""

    @property
    def side(self) -> str:
        """``"BUY"`` or ``"SELL"``."""

    @property
    def price(self) -> float:
        """Limit; 0 for a market order."""

    @property
    def qty(self) -> float:
        """Quantity ordered."""

    @property
    def filled_qty(self) -> float:
        """Quantity filled so far."""

    @property
    def is_pending(self) -> bool:
        """Whether a request about it is on its way."""


class Indicator(Protocol):
    """A number the engine keeps current; declared in ``on_start``."""

    @property
    def value(self) -> float:
        """Value as of the close being handled, for its instrument; NaN until the window is full."""

    def of(self, symbol: str) -> float:
        """Value for another instrument."""


class Context(Protocol):
    """Through which a strategy sees its account and sends orders; valid inside its callbacks.

    Wherever ``symbol`` may be given, it defaults to the instrument whose bar or fill is being handled.
    """

    @property
    def index(self) -> int:
        """Number of the current step, from zero."""

    @property
    def ts(self) -> int:
        """Closing time of the current step, nanoseconds since 1970 UTC."""

    @property
    def symbol(self) -> str:
        """Instrument whose bar or fill is being handled."""

    @property
    def symbols(self) -> list[str]:
        """All instruments."""

    @property
    def cash(self) -> float:
        """Cash, currency."""

    @property
    def equity(self) -> float:
        """Cash plus positions at their marks, currency."""

    @property
    def position(self) -> float:
        """Signed quantity held of the current instrument."""

    def position_of(self, symbol: str | None = None) -> float:
        """Signed quantity held of an instrument."""

    def average_price(self, symbol: str | None = None) -> float:
        """Average entry price of the open position; NaN when flat."""

    def buy(
        self,
        qty: float,
        *,
        symbol: str | None = None,
        limit: float | None = None,
        stop: float | None = None,
        **terms: Unpack[OrderTerms],
    ) -> int:
        """Send a buy order: at the market, or with a limit, a stop, or both. Returns its id.

        Prices are rounded to the nearest tick, quantities down to whole lots. ``terms`` are those of
        :class:`omni_lab.domain.OrderTerms`: how long it works, what trails, what a fill must be; on ticks
        ``stop_at="venue"`` as well, and ``time_in_force="POST_ONLY"``.
        """

    def sell(
        self,
        qty: float,
        *,
        symbol: str | None = None,
        limit: float | None = None,
        stop: float | None = None,
        **terms: Unpack[OrderTerms],
    ) -> int:
        """Send a sell order; as :meth:`buy`."""

    def replace(
        self,
        order_id: int,
        *,
        qty: float | None = None,
        price: float | None = None,
        stop_price: float | None = None,
    ) -> bool:
        """Give a working order another total quantity (fills included) or other prices; on bars.

        False where it is done, has no such price, or has filled as much already.
        """

    def target(self, qty: float, *, symbol: str | None = None) -> None:
        """Aim at a signed position.

        Order the difference, replacing what an earlier target still has working.
        """

    def target_weight(self, weight: float, *, symbol: str | None = None) -> None:
        """Aim at a position worth this signed fraction of equity, both as of the current close."""

    def quote(self, bid: float | None, ask: float | None, qty: float, *, symbol: str | None = None) -> None:
        """Stand in the book with a post-only bid and offer, in place of the last asked for; on ticks only.

        A quote that stands where it is wanted stays, with its place in the queue; None takes a side out.
        """

    def working(self, symbol: str | None = None) -> Sequence[WorkingOrder]:
        """Orders that have not ended, in the order they were sent; on ticks only."""

    def tick_size(self, symbol: str | None = None) -> float:
        """Grid of order prices."""

    def lot_size(self, symbol: str | None = None) -> float:
        """Smallest quantity step."""

    def depth(self, symbol: str | None = None) -> Book:
        """The book of an instrument, as far as it was heard; on ticks only."""

    def cancel(self, order_id: int) -> bool:
        """Cancel an order; False when it is not working any more."""

    def is_working(self, order_id: int) -> bool:
        """Whether the order still waits to be filled."""

    def history(self, column: Column, n_bars: int, *, symbol: str | None = None) -> FloatArray:
        """The last ``n_bars`` values up to the current bar, oldest first; fewer at the start of the data."""

    def sma(self, window: int) -> Indicator:
        """Declare a simple moving average of closes."""

    def momentum_z(self, window: int) -> Indicator:
        """Declare the z-score of the log return over ``window`` bars (see :class:`MomentumStrategy`)."""

    def declare(self, expression: Expression) -> Indicator:
        """Declare any indicator of :mod:`omni_lab.strategies.indicators`, in ``on_start``."""

    def when(self, condition: Condition, callback: Callable[[Context, Bar], object]) -> None:
        """Call back, with the context and the bar, at every closed bar at which a condition holds.

        Declared in ``on_start``; watched for each instrument without calling Python. At a bar, conditions
        come before ``on_bar``, in the order in which they were declared.
        """

    def timer(
        self,
        *,
        at: int | str | datetime | np.datetime64 | None = None,
        every: int | str | timedelta | np.timedelta64 | None = None,
    ) -> int:
        """Set a timer, which calls ``on_timer`` at the first step at or after its time; returns its id.

        Parameters
        ----------
        at : int, str or datetime-like, optional
            When; integers are nanoseconds since 1970, naive times are UTC. A time that has passed fires at
            the next step.
        every : int, str or timedelta-like, optional
            After which time to fire again: nanoseconds, or a span such as ``"30min"``. Without ``at`` the
            first time is that span after the current step (in ``on_start``, after the first). Times that fall
            into a gap of the data fire once, together.
        """

    def kill_switch(self, on: bool = True) -> None:
        """Switch all trading off at the risk gate, or on again: new orders are refused, cancels pass.

        Needs ``SimulationConfig(limits=…)``.
        """

    def cancel_timer(self, timer_id: int) -> bool:
        """Take a timer back; False when it is not set any more."""


class Strategy:
    """Base class: override the callbacks you need, or :meth:`signals`, or both.

    A run calls ``on_start`` once, then in each step ``on_fill`` and ``on_order`` for what happened to orders,
    ``on_timer`` for timers that are due, ``on_bar`` for each closed bar, and ``on_stop`` once at the end.
    Callbacks that are not overridden cost nothing: a strategy that only declares conditions (``ctx.when``)
    runs in native code until one holds. State that belongs to one run is set up in ``on_start``, so that an
    instance can run again. A class that gives only ``signals`` is run on the targets they return.

    Attributes
    ----------
    signals_kind : {"weight", "quantity"}
        What the targets of :meth:`signals` mean.
    """

    signals_kind: ClassVar[Literal["weight", "quantity"]] = "weight"

    @property
    def name(self) -> str:
        """Under which name results list it: the class's."""
        return type(self).__name__

    @property
    def parameters(self) -> dict[str, Any]:
        """What distinguishes this instance from others of its class, for the manifest of a run.

        By default the fields of ``self.config`` if that is a dataclass, otherwise nothing.
        """
        config = getattr(self, "config", None)
        return asdict(config) if is_dataclass(config) and not isinstance(config, type) else {}

    @property
    def needs_intrabar_prices(self) -> bool:
        """Whether it sends limit or stop orders, and so cannot run on bars of which only closes are known.

        Where this is False, such an order is rejected and counted; where it is True, the run is refused.
        """
        return False

    def on_start(self, ctx: Context) -> None:
        """Before the first bar: declare indicators, set up state. No order can be sent yet."""

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        """After a bar has closed: decide."""

    def on_quote(self, ctx: Context, quote: Quote) -> None:
        """After the best bid or ask, or the quantity there, changed; on ticks only."""

    def on_trade(self, ctx: Context, trade: Trade) -> None:
        """After the market traded; on ticks only."""

    def on_book(self, ctx: Context, book: Book) -> None:
        """After any level changed; on ticks only."""

    def on_fill(self, ctx: Context, fill: Fill) -> None:
        """After one of the strategy's orders was filled, in whole or in part."""

    def on_order(self, ctx: Context, update: OrderUpdate) -> None:
        """After one of its orders was accepted, rejected or canceled, or expired."""

    def on_timer(self, ctx: Context, timer: Timer) -> None:
        """At the first step at or after the time of a timer, before the bars of that step."""

    def on_stop(self, ctx: Context) -> None:
        """After the last bar: no order can be sent any more."""

    def signals(self, bars: Any) -> ArrayLike:
        """Targets for all bars at once, shape (n_times, n_symbols): the vectorised face of the strategy.

        Row *t* is decided at the close of bar *t* and may use nothing later; NaN decides nothing.
        """
        raise NotImplementedError(f"{type(self).__name__} has no signals")
