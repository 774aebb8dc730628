"""A replay that one drives step by step: advance, look, send, again."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Self, Unpack, cast

import numpy as np

from omni_lab._native import TickEngine
from omni_lab.data.moments import span_ns
from omni_lab.domain import OrderTerms, PostOnly, TimeInForce
from omni_lab.errors import ConfigError
from omni_lab.simulator.models import currencies_of_a_feed, plain_models
from omni_lab.simulator.ticks.config import TickConfig
from omni_lab.simulator.ticks.feed import MarketFeed, prepare
from omni_lab.simulator.ticks.terms import KINDS, to_engine
from omni_lab.strategies.settings import parse_settings

if TYPE_CHECKING:
    from omni_lab.simulator.ticks.results import TickResults


class OrderStatus(IntEnum):
    """Where an order is in its life, as far as we have heard."""

    PENDING_NEW = 0
    NEW = 1
    PARTIALLY_FILLED = 2
    FILLED = 3
    CANCELED = 4
    EXPIRED = 5
    REJECTED = 6


TIMES_IN_FORCE = ("GTC", "IOC", "FOK", "POST_ONLY", "DAY", "AT_OPEN", "GTD", "AT_CLOSE")
_PLAIN = 4
"""The first of these say all that the native ``send`` needs."""
END_OF_TIME = 2**63 - 1


@dataclass(frozen=True, slots=True)
class OrderView:
    """An order as we know it.

    Attributes
    ----------
    order_id : int
    symbol, side : str
        The instrument; ``"BUY"`` or ``"SELL"``.
    status : OrderStatus
    price : float
        Limit, or where a pegged order stands, currency; 0 for none.
    qty, filled_qty : float
        Ordered and filled, units.
    is_pending : bool
        Whether a request about it is on its way.
    reason : str
        Why it ended without being filled whole; empty if it did not.
    type : str
        What decides its price: ``"MARKET"``, ``"LIMIT"``, ``"STOP"``, ``"STOP_LIMIT"``, ``"TRAILING_STOP"``
        or ``"PEGGED"``, as it was sent.
    """

    order_id: int
    symbol: str
    side: str
    status: OrderStatus
    price: float
    qty: float
    filled_qty: float
    is_pending: bool
    reason: str
    type: str = "LIMIT"

    @property
    def is_working(self) -> bool:
        """Whether it has not ended."""
        return self.status < OrderStatus.FILLED


class DepthView:
    """The book of an instrument as we know it at this moment."""

    __slots__ = ("_feed", "_place", "_replay")

    def __init__(self, replay: TickSimulator, feed: MarketFeed, place: int) -> None:
        self._replay, self._feed, self._place = replay, feed, place

    @property
    def best_bid(self) -> float:
        """Best bid, currency; NaN for an empty side."""
        units = self._replay.quote(self._place)[0]
        return self._feed.price(units) if units else float("nan")

    @property
    def best_ask(self) -> float:
        """Best ask, currency; NaN for an empty side."""
        units = self._replay.quote(self._place)[2]
        return self._feed.price(units) if units else float("nan")

    @property
    def bid_qty(self) -> float:
        """Quantity at the best bid, units."""
        return self._replay.quote(self._place)[1] * self._feed.lot_size

    @property
    def ask_qty(self) -> float:
        """Quantity at the best ask, units."""
        return self._replay.quote(self._place)[3] * self._feed.lot_size

    @property
    def mid(self) -> float:
        """Half of best bid plus best ask, currency; NaN unless both are there."""
        bid, _, ask, _ = self._replay.quote(self._place)
        return self._feed.price((bid + ask) / 2) if bid and ask else float("nan")

    @property
    def spread(self) -> float:
        """Best ask less best bid, currency; NaN unless both are there."""
        bid, _, ask, _ = self._replay.quote(self._place)
        return self._feed.price(ask - bid) if bid and ask else float("nan")

    def qty_at(self, side: str, price: float) -> float:
        """Quantity shown at a price, units; ``side`` is ``"buy"`` or ``"sell"``."""
        return self._replay.lots_at(self._place, is_buy(side), self._feed.units(price)) * self._feed.lot_size

    def levels(self, n_levels: int = 10) -> dict[str, Any]:
        """Up to so many levels a side, best first: ``bid_price``, ``bid_qty``, ``ask_price``, ``ask_qty``."""
        info = self._feed.info
        bids, bid_lots, asks, ask_lots = self._replay.levels(self._place, n_levels)
        return {
            "bid_price": info.prices(bids),
            "bid_qty": info.quantities(bid_lots),
            "ask_price": info.prices(asks),
            "ask_qty": info.quantities(ask_lots),
        }

    def __repr__(self) -> str:
        return f"{self.bid_qty:g} × {self.best_bid:.10g} | {self.best_ask:.10g} × {self.ask_qty:g}"


class TickSimulator(TickEngine):
    """A captured market with our orders in it, driven step by step.

    What :class:`~omni_lab._native.TickEngine` offers in ticks and lots, for loops that count nanoseconds,
    this has in currency and units as well. ``docs/replay.md`` says when orders fill.

    Parameters
    ----------
    feed : MarketFeed, Events, or a reader of events
        What happened.
    config : TickConfig or mapping, optional
        Latency, queue, fills, fees, limits.

    Examples
    --------
    >>> from omni_lab.data import Events
    >>> from omni_lab.simulator.ticks import TickSimulator
    >>> levels = {"ts": [0, 0], "kind": [12, 12], "side": [1, 2], "qty": [5, 5], "price": [99, 101]}
    >>> trade = {"ts": [10**9], "kind": [6], "side": [1], "qty": [9], "price": [99]}
    >>> events = Events.from_columns({name: levels[name] + trade[name] for name in levels})
    >>> sim = TickSimulator(events, {"feed_delay_ns": 0})
    >>> sim.advance(1000)
    True
    >>> sim.depth.mid
    100.0
    >>> order = sim.submit("buy", 2, limit=99.0)
    >>> sim.run()
    >>> sim.order(order).filled_qty, sim.position
    (2.0, 2.0)
    """

    feed: MarketFeed
    config: TickConfig

    def __new__(cls, feed: Any, config: Any = None) -> Self:  # noqa: D102 - documented by the class
        config = parse_settings(TickConfig, config)
        prepared = prepare(feed, config)
        self = super().__new__(cls, prepared.native, **_to_engine(prepared, config))
        self.feed, self.config = prepared, config
        return self

    @property
    def symbols(self) -> tuple[str, ...]:
        """The instruments."""
        return self.feed.symbols

    @property
    def depth(self) -> DepthView:
        """The book of the only instrument."""
        return DepthView(self, self.feed, self.feed.place(None))

    def depth_of(self, symbol: str) -> DepthView:
        """The book of an instrument."""
        return DepthView(self, self.feed, self.feed.place(symbol))

    @property
    def position(self) -> float:
        """Signed quantity held of the only instrument, units."""
        return self.lots_of(self.feed.place(None)) * self.feed.lot_size

    def position_of(self, symbol: str | None = None) -> float:
        """Signed quantity held of an instrument, units."""
        return self.lots_of(self.feed.place(symbol)) * self.feed.lot_size

    def average_price(self, symbol: str | None = None) -> float:
        """Average price of the open position, currency; NaN when flat."""
        return self.feed.price(self.average_price_ticks(self.feed.place(symbol)))

    def elapse(self, span: int | str) -> bool:
        """Go on for so long, nanoseconds or text such as ``"100ms"``; False once nothing will happen."""
        return self.advance(self.now + span_ns(span))

    def run(self) -> None:
        """Go on to the end."""
        self.advance(END_OF_TIME)

    def submit(
        self,
        side: str,
        qty: float,
        *,
        limit: float | None = None,
        symbol: str | None = None,
        **terms: Unpack[OrderTerms],
    ) -> int:
        """Send an order of any type of the order-management system; its id.

        Parameters
        ----------
        side : {"buy", "sell"}
        qty : float
            Units, positive; rounded down to whole lots.
        limit : float, optional
            Price, rounded to the grid; without it a market order. Of a pegged order the cap.
        symbol : str, optional
            Which instrument, if there are several.
        **terms : OrderTerms
            ``time_in_force`` (GTC where nothing is said; also POST_ONLY), stops, pegs, icebergs and so on;
            prices are rounded to the grid, quantities down to lots. What does not go together the venue
            rejects.

        Raises
        ------
        ConfigError
            If there is no such side, time in force or term, or a quantity comes to no lot.
        UnknownSymbolError
            If there is no such instrument.
        """
        given = dict(terms)
        limit = cast("float | None", given.pop("price", limit))
        how = given.pop("time_in_force", "GTC")
        name = (
            how.name if isinstance(how, TimeInForce) else str(how).upper().replace("-", "_").replace(" ", "_")
        )
        if name not in TIMES_IN_FORCE:
            raise ConfigError("unknown time in force", found=how, expected=TIMES_IN_FORCE)
        if not np.isfinite(qty) or (limit is not None and not np.isfinite(limit)):
            raise ConfigError("an order needs finite numbers", found=f"{qty} at {limit}", where="submit")
        place, lots = self.feed.place(symbol), self.feed.lots(qty)
        if lots <= 0:
            raise ConfigError(
                "the quantity comes to no lot",
                found=qty,
                expected=f"at least {self.feed.lot_size:g}",
                where="submit",
            )
        units = 0 if limit is None else self.feed.units(limit)
        if not given and TIMES_IN_FORCE.index(name) < _PLAIN:
            kind = 0 if limit is None else 1
            return self.send(is_buy(side), units, lots, kind, TIMES_IN_FORCE.index(name), place)
        said = to_engine(self.feed, given)
        if name == "POST_ONLY":
            name, said = "GTC", {"post_only": PostOnly.REJECT, **said}
        way = "BUY" if is_buy(side) else "SELL"
        return self.send_order(way, lots, units, instrument=place, time_in_force=name, **said)

    def amend(
        self,
        order_id: int,
        *,
        qty: float | None = None,
        limit: float | None = None,
        stop_price: float | None = None,
    ) -> bool:
        """Ask for another total quantity, limit (of a pegged order the cap) or stop price.

        Returns
        -------
        bool
            False if the order has ended, is a market order, or the gate refuses.
        """
        _, _, units, lots, _ = self.order_state(order_id)
        held = units if KINDS[self.order_kind(order_id)] == "LIMIT" else 0
        return self.replace(
            order_id,
            held if limit is None else self.feed.units(limit),
            lots if qty is None else self.feed.lots(qty),
            0 if stop_price is None else self.feed.units(stop_price),
        )

    def order(self, order_id: int) -> OrderView:
        """An order as we know it.

        Raises
        ------
        DataError
            If there is no such order.
        """
        status, filled, units, lots, is_pending = self.order_state(order_id)
        size = self.feed.lot_size
        return OrderView(
            order_id=order_id,
            symbol=self.symbols[self.instrument_of(order_id)],
            side="BUY" if self.is_buy(order_id) else "SELL",
            status=OrderStatus(status),
            price=self.feed.price(units),
            qty=lots * size,
            filled_qty=filled * size,
            is_pending=is_pending,
            reason=reason_name(self.order_reason(order_id)),
            type=KINDS[self.order_kind(order_id)],
        )

    def results(self, name: str = "steps") -> TickResults:
        """End the run here and take what it left behind."""
        from omni_lab.simulator.ticks.results import TickResults

        self.finish()
        return TickResults(self, strategy=name, parameters={})


def is_buy(side: str) -> bool:
    """Whether a side is that of a buyer.

    Raises
    ------
    ConfigError
        If it is neither.
    """
    word = str(side).lower()
    if word not in ("buy", "sell"):
        raise ConfigError("unknown side", found=side, expected=("buy", "sell"))
    return word == "buy"


_REASONS = {
    0: "",
    1001: "NO_LIQUIDITY",
    1002: "WOULD_TAKE",
    1003: "NOT_FILLED_AT_ONCE",
    1004: "HALTED",
    1005: "LOST",
    1006: "TOO_LATE",
    1007: "END_OF_DATA",
    1008: "DAY_OVER",
    1009: "TIME_OVER",
    1010: "NOT_IN_AUCTION",
    1011: "NO_AUCTION",
    1020: "CORPORATE_ACTION",
    1101: "SELF_TRADE",
}


def reason_name(code: int) -> str:
    """Why an order ended, by its code: of the replay, or of the risk gate."""
    if code in _REASONS:
        return _REASONS[code]
    from omni_lab.domain import RejectReason

    return RejectReason(code).name


def _to_engine(feed: MarketFeed, config: TickConfig) -> dict[str, Any]:
    lot_size = feed.lot_size
    limits = None
    if config.limits is not None:
        setup = config.limits.setup([lot_size])
        stated = [
            each.name for each in fields(config.limits) if getattr(config.limits, each.name) is not None
        ]
        limits = {name: getattr(setup, name) for name in stated}
        for name in {"max_notional", "max_daily_loss"} & limits.keys():
            limits[name] = float(getattr(config.limits, name))
    models = plain_models(config, feed.symbols)
    if config.currencies is not None:
        models["currencies"] = currencies_of_a_feed(config.currencies, feed.symbols)
    queue = config.queue or ("exact" if feed.native.names_orders else "conservative")
    return {
        "cash": float(config.initial_capital),
        "tick_values": [feed.info.tick_size * lot_size * config.multiplier] * len(feed.symbols),
        "latency": config.latency.to_engine(),
        "queue": queue,
        "power": float(config.queue_power),
        "partial_fills": config.partial_fills,
        "limits": limits,
        "seed": config.seed,
        "sample_every_ns": span_ns(config.sample),
        "lot_sizes": [lot_size] * len(feed.symbols),
        "tick_size": feed.info.tick_size,
        "models": models or None,
        "tick": feed.tick,
    }
