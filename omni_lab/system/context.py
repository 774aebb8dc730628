"""Through which a strategy sees a system and sends its orders; see `omni_lab.strategies.Context`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Unpack

from omni_lab.data.moments import moment_ns
from omni_lab.domain import OrderTerms, TimeInForce
from omni_lab.errors import ConfigError, DataError, StateError
from omni_lab.execution.edges import from_grid
from omni_lab.simulator.ticks.views import IndicatorView
from omni_lab.strategies.indicators import Column, Condition, Expression, momentum_z, sma
from omni_lab.system.bars import BarBoard
from omni_lab.system.book import LiveBook, LiveOrder
from omni_lab.system.config import DESK
from omni_lab.system.timers import Timers
from omni_lab.typing import FloatArray

if TYPE_CHECKING:
    from omni_lab.execution.oms import OMS

MARK = "strat-"
"""What the client order ids of strategies begin with."""
_MOST_ORDERS = 1_000
_LIVE = frozenset({"NEW", "PARTIALLY_FILLED", "REPLACED"})


class LiveContext:
    """The context of a strategy in a system.

    Prices are currency, quantities units, times nanoseconds of the market.

    Parameters
    ----------
    oms : OMS
    board : BarBoard
    account : callable
        Cash and equity.
    live_ids : callable
        Ids of the account's orders that live.
    next_id : callable
        The id that the next order gets.
    kill : callable
        Throws the account's switch, for a reason.
    """

    def __init__(
        self,
        oms: OMS,
        board: BarBoard,
        *,
        account: Callable[[], tuple[float, float]],
        live_ids: Callable[[], list[int]],
        next_id: Callable[[], int],
        kill: Callable[[str], None],
    ) -> None:
        self._oms, self._board = oms, board
        self._account, self._live_ids, self._next_id, self._kill = account, live_ids, next_id, kill
        self._places = {symbol: number for number, symbol in enumerate(board.symbols)}
        self.symbol = board.symbols[0]
        self.ts = 0
        self.timers = Timers()
        self.conditions: list[tuple[Condition, Callable[..., object]]] = []
        self.sent: set[int] = set()
        self._books = {symbol: LiveBook(oms, symbol) for symbol in board.symbols}
        self._quotes: dict[str, dict[str, int]] = {}
        self._started = self._stopped = False
        self._n_sent = 0

    # --- what is known ---

    @property
    def index(self) -> int:
        """Number of the last closed bar, from zero; -1 before."""
        return self._board.index

    @property
    def symbols(self) -> list[str]:
        """All instruments."""
        return list(self._board.symbols)

    @property
    def cash(self) -> float:
        """Cash, currency."""
        return self._account()[0]

    @property
    def equity(self) -> float:
        """Cash plus positions at their marks, currency."""
        return self._account()[1]

    @property
    def position(self) -> float:
        """Signed quantity held of the current instrument."""
        return self.position_of()

    def position_of(self, symbol: str | None = None) -> float:
        """Signed quantity held of an instrument."""
        name = self._known(symbol)
        return next((each.qty for each in self._positions() if each.symbol == name), 0.0)

    def average_price(self, symbol: str | None = None) -> float:
        """Average entry price of the open position; NaN when flat."""
        name = self._known(symbol)
        found = next((each.average_price for each in self._positions() if each.symbol == name), None)
        return math.nan if found is None else found

    def depth(self, symbol: str | None = None) -> LiveBook:
        """The book of an instrument."""
        return self._books[self._known(symbol)]

    def working(self, symbol: str | None = None) -> list[LiveOrder]:
        """Orders of the account that live, in the order they were sent."""
        name = self._known(symbol)
        orders = (self._oms.order(order_id) for order_id in self._live_ids())
        return [LiveOrder.of(each) for each in orders if each.symbol == name and each.state in _LIVE]

    def tick_size(self, symbol: str | None = None) -> float:
        """Grid of order prices."""
        found = self._board.instruments[self._places[self._known(symbol)]].tick_size
        assert found is not None, "a system states its ticks"
        return found

    def lot_size(self, symbol: str | None = None) -> float:
        """Smallest quantity step."""
        return self._board.instruments[self._places[self._known(symbol)]].lot_size

    def history(self, column: Column, n_bars: int, *, symbol: str | None = None) -> FloatArray:
        """The last ``n_bars`` values of a column of bars up to the last closed one, oldest first."""
        return self._board.history(column, n_bars, self._places[self._known(symbol)])

    # --- orders ---

    def buy(
        self,
        qty: float,
        *,
        symbol: str | None = None,
        limit: float | None = None,
        stop: float | None = None,
        stop_at: str = "venue",
        **terms: Unpack[OrderTerms],
    ) -> int:
        """Send a buy order of any type; its id. Stops wait at the venue, wherever they are asked to."""
        return self._send("BUY", qty, symbol, limit, stop, terms)

    def sell(
        self,
        qty: float,
        *,
        symbol: str | None = None,
        limit: float | None = None,
        stop: float | None = None,
        stop_at: str = "venue",
        **terms: Unpack[OrderTerms],
    ) -> int:
        """Send a sell order; as :meth:`buy`."""
        return self._send("SELL", qty, symbol, limit, stop, terms)

    def replace(
        self,
        order_id: int,
        *,
        qty: float | None = None,
        price: float | None = None,
        stop_price: float | None = None,
    ) -> bool:
        """Give a working order another total quantity or other prices; whether it was given."""
        if not self.is_working(order_id):
            return False
        symbol = self._oms.order(order_id).symbol
        return self._oms.replace(
            order_id,
            qty=None if qty is None else self._lots(qty, symbol),
            price=None if price is None else self._ticks(price, symbol),
            stop_price=None if stop_price is None else self._ticks(stop_price, symbol),
            ts=self.ts,
        )

    def cancel(self, order_id: int) -> bool:
        """Cancel an order; False when it is not working any more."""
        return self.is_working(order_id) and self._oms.cancel(order_id, ts=self.ts)

    def is_working(self, order_id: int) -> bool:
        """Whether an order of the account still waits to be filled."""
        try:
            order = self._oms.order(order_id)
        except DataError:
            return False
        return order.account == DESK and order.state in _LIVE

    def target(self, qty: float, *, symbol: str | None = None) -> None:
        """Aim at a signed position with a market order."""
        name = self._known(symbol)
        if not math.isfinite(qty):
            raise ConfigError("a target must be a finite number", found=qty, where=f"target of {name}")
        wanted = self._lots(qty, name) - self.position_of(name)
        if abs(wanted) >= self.lot_size(name) * (1 - 1e-9):
            self._send("BUY" if wanted > 0 else "SELL", abs(wanted), name, None, None, {})

    def target_weight(self, weight: float, *, symbol: str | None = None) -> None:
        """Aim at a position worth this signed fraction of equity at the mid."""
        name = self._known(symbol)
        if not math.isfinite(weight):
            raise ConfigError("a weight must be a finite number", found=weight, where=f"target of {name}")
        mid = self.depth(name).mid
        if not math.isnan(mid):
            self.target(weight * self.equity / mid, symbol=name)

    def quote(self, bid: float | None, ask: float | None, qty: float, *, symbol: str | None = None) -> None:
        """Stand in the book with a post-only bid and offer, in place of the last that this was asked for.

        A quote that stands where it is wanted stays, with its place in the queue; None takes a side out.
        """
        name = self._known(symbol)
        quotes = self._quotes.setdefault(name, {})
        for side, price in (("BUY", bid), ("SELL", ask)):
            order_id = quotes.pop(side, None)
            if order_id is not None and self.is_working(order_id):
                stands = self._oms.order(order_id).price
                if price is not None and stands == self._ticks(price, name):
                    quotes[side] = order_id
                    continue
                self.cancel(order_id)
            if price is not None:
                quotes[side] = self._send(side, qty, name, price, None, {"time_in_force": "POST_ONLY"})

    def kill_switch(self, on: bool = True) -> None:
        """Throw the account's kill switch; only people reset it.

        Raises
        ------
        StateError
            If it is to be reset.
        """
        if not on:
            raise StateError("a strategy resets no kill switch", hint="Somebody of the role risk does.")
        self._kill("thrown by the strategy")

    # --- declarations ---

    def declare(self, expression: Expression) -> IndicatorView:
        """Declare an indicator of bars, in ``on_start``."""
        self._only_at_start("an indicator")
        return IndicatorView(self, expression)

    def sma(self, window: int) -> IndicatorView:
        """Declare a simple moving average of closes."""
        return self.declare(sma(window))

    def momentum_z(self, window: int) -> IndicatorView:
        """Declare the z-score of the log return over ``window`` bars."""
        return self.declare(momentum_z(window))

    def when(self, condition: Condition, callback: Callable[..., object]) -> None:
        """Call back at every closed bar at which a condition holds; declared in ``on_start``."""
        self._only_at_start("a condition")
        self.conditions.append((condition, callback))

    def timer(self, *, at: Any = None, every: Any = None) -> int:
        """Set a timer, which calls ``on_timer`` at its time; its id."""
        return self.timers.set(self.ts, at=at, every=every)

    def cancel_timer(self, timer_id: int) -> bool:
        """Take a timer back; False when it is not set any more."""
        return self.timers.cancel(timer_id)

    # --- for the host ---

    def value(self, expression: Expression, symbol: str) -> float:
        """An indicator of an instrument as of its last closed bar."""
        return self._board.value(expression, self._places[self._known(symbol)])

    def start(self) -> None:
        """From now on orders can be sent, and nothing can be declared."""
        self._started = True

    def stop(self) -> None:
        """From now on no order can be sent."""
        self._stopped = True

    def breathe(self) -> None:
        """A new step of the market: count its orders from zero."""
        self._n_sent = 0

    # --- inside ---

    def _send(
        self,
        side: str,
        qty: float,
        symbol: str | None,
        limit: float | None,
        stop: float | None,
        terms: OrderTerms,
    ) -> int:
        if not self._started or self._stopped:
            when = "after the end" if self._stopped else "before the first event"
            raise ConfigError(f"no order can be sent {when}", found=f"{side} {qty:g}")
        self._n_sent += 1
        if self._n_sent > _MOST_ORDERS:
            raise ConfigError(
                "too many orders in one step, which is likely to be a loop without end",
                found=f"more than {_MOST_ORDERS:,}",
            )
        name = self._known(symbol)
        said: dict[str, Any] = {key: value for key, value in terms.items() if value is not None}
        limit = said.pop("price", limit)
        stop = said.pop("stop_price", stop)
        lots = self._lots(qty, name)
        if lots <= 0:
            raise ConfigError(
                "the quantity comes to no lot", found=qty, expected=f"at least {self.lot_size(name):g}"
            )
        for term in ("trail", "peg_offset"):
            if term in said:
                said[term] = self._ticks(said[term], name)
        for term in ("display_qty", "min_qty"):
            if term in said:
                said[term] = self._lots(said[term], name)
        if "expire_at" in said:
            said["expire_at"] = moment_ns(said["expire_at"])
        is_market = limit is None and stop is None and not {"peg", "trail", "trail_bps"} & said.keys()
        said |= _time_in_force(said.pop("time_in_force", None), is_market)
        order_id = self._oms.submit(
            name,
            side,
            lots,
            None if limit is None else self._ticks(limit, name),
            account=DESK,
            client_order_id=f"{MARK}{self._next_id():x}",
            stop_price=None if stop is None else self._ticks(stop, name),
            ts=self.ts,
            **said,
        )
        self.sent.add(order_id)
        return order_id

    def _positions(self) -> list[Any]:
        return [each for each in self._oms.positions() if each.account == DESK]

    def _known(self, symbol: str | None) -> str:
        name = self.symbol if symbol is None else symbol
        if name not in self._places:
            raise ConfigError("no such instrument here", found=name, expected=self.symbols)
        return name

    def _ticks(self, price: float, symbol: str) -> float:
        if not math.isfinite(price):
            raise ConfigError("an order needs finite numbers", found=price, where=symbol)
        step = self.tick_size(symbol)
        return from_grid(round(price / step), step)

    def _lots(self, qty: float, symbol: str) -> float:
        if not math.isfinite(qty):
            raise ConfigError("an order needs finite numbers", found=qty, where=symbol)
        step = self.lot_size(symbol)
        exact = qty / step
        return from_grid(int(exact + math.copysign(1e-9, exact)), step)

    def _only_at_start(self, what: str) -> None:
        if self._started:
            raise ConfigError(f"{what} can only be declared in on_start", where="on_start")


def _time_in_force(given: object, is_market: bool) -> dict[str, Any]:
    if given is None:
        return {"time_in_force": TimeInForce.DAY if is_market else TimeInForce.GTC}
    if isinstance(given, str) and given.upper().replace("-", "_").replace(" ", "_") == "POST_ONLY":
        return {"time_in_force": TimeInForce.GTC, "post_only": True}
    return {"time_in_force": given}
