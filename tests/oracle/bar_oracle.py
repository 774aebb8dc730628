"""A bar backtest in plain Python, written from `docs/simulation.md` alone.

It holds the slow and obvious twin of the bar simulator: every rule of that page once, in the order of the
page, with Python integers for ticks, lots and money, and a plain loop over steps and orders. It shares no
code with the engine and was written without it, so where the two agree, they agree because both follow the
page. Speed, reports and metrics are left to the engine.

Where the page can be read in more than one way, the reading chosen here is marked "Reading:".
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from tests.oracle.bar_costs import (
    DividendEvent,
    FeeState,
    OracleModels,
    SplitEvent,
    decayed,
    fee_due,
    left_behind,
    month_of,
    own_impact,
    sigma_and_share,
    years_between,
)

FloatArray = npt.NDArray[np.float64]

MONEY_UNITS = 10**18
"""Money units in one unit of the currency."""

NO_BAR = -1
"""Stands for a price, in ticks, where an instrument has no bar in a step."""

DAY_NS = 86_400 * 10**9

WHOLE_NUMBER_TOLERANCE = 1e-9
"""A slippage (ticks) or a sizing quotient (lots) this close to a whole number counts as that number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OracleSettings:
    """The settings of the page, with its names and defaults."""

    initial_capital: float = 100_000.0
    commission_rate: float = 0.0
    commission_per_share: float = 0.0
    slippage_bps: float = 0.0
    slippage_ticks: int = 0
    fill: Literal["next_open", "next_close", "this_close"] = "next_open"
    limit_fill: Literal["through", "touch"] = "through"
    max_leverage: float | None = 1.0
    on_insufficient_cash: Literal["reduce", "reject"] = "reduce"
    volume_limit: float | None = None


@dataclass(frozen=True, slots=True)
class Panel:
    """Bars of shape (n_steps, n_symbols); NaN in all prices of a cell means that there is no bar."""

    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    tick_size: Sequence[float | None] = ()
    lot_size: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class Terms:
    """What a buy or sell says beyond its prices; the trail in ticks or basis points, quantities in shares."""

    time_in_force: Literal["GTC", "DAY", "GTD", "IOC", "FOK", "AT_OPEN", "AT_CLOSE"] = "GTC"
    trail: int = 0
    trail_bps: int = 0
    min_qty: float = 0.0
    all_or_none: bool = False
    post_only: Literal["NO", "REJECT", "SLIDE"] = "NO"
    expire_at: int = 0


PLAIN = Terms()


@dataclass(frozen=True, slots=True)
class Request:
    """One wish of a strategy, sent in the decision of `step`.

    `quantity` is unsigned for "buy" and "sell" and signed for "target"; "target_weight" reads `weight`;
    "cancel" and "replace" name, in `cancels`, the position in the script of the buy or sell that they mean; a
    replacement without a quantity (0), a limit or a stop keeps what there is.
    """

    step: int
    symbol: int
    action: Literal["buy", "sell", "target", "target_weight", "cancel", "replace"]
    quantity: float = 0.0
    weight: float = 0.0
    limit: float | None = None
    stop: float | None = None
    cancels: int = -1
    terms: Terms | None = None


class OracleFill(NamedTuple):
    """One execution; `quantity` in shares, unsigned."""

    step: int
    symbol: int
    side: Literal["BUY", "SELL"]
    quantity: float
    price: float
    commission: float


class OracleTrade(NamedTuple):
    """A part of a position that was closed; `pnl` is after the commissions of both sides."""

    symbol: int
    side: Literal["LONG", "SHORT"]
    quantity: float
    entry_price: float
    exit_price: float
    pnl: float
    commission: float
    exit_step: int


@dataclass(frozen=True, slots=True)
class OracleResult:
    """What the engine must reproduce: per step (`equity`, `cash`, `positions`) and per event."""

    equity: FloatArray
    cash: FloatArray
    positions: FloatArray
    fills: list[OracleFill]
    trades: list[OracleTrade]
    counts: dict[str, int]


@dataclass(slots=True, eq=False)
class _Order:
    """An order that is working; `leaves` is in lots, signed (+ buys)."""

    symbol: int
    leaves: int
    sent: int
    kind: Literal["MARKET", "LIMIT", "STOP", "STOP_LIMIT", "TRAILING_STOP"] = "MARKET"
    price: int = 0
    done: bool = False
    taker: bool = True
    terms: Terms = PLAIN
    stop: int = 0  # of a stop-limit
    min_lots: int = 0
    filled: int = 0
    session: int | None = None  # a DAY order ends with it
    arrived: bool = False  # whether it has met a price
    elected_inside: int = -1  # the step inside whose bar a stop-limit became a limit

    @property
    def side(self) -> int:
        return 1 if self.leaves > 0 else -1

    def accepts(self, price: int) -> bool:
        """Whether its limit does."""
        return self.side * price <= self.side * self.price

    def reaches(self, stop: int, price: int) -> bool:
        """Whether the market at this price has come to a stop."""
        return self.side * price >= self.side * stop

    @property
    def required(self) -> int:
        """Lots that an execution must have."""
        leaves = abs(self.leaves)
        whole = self.terms.all_or_none or self.terms.time_in_force == "FOK"
        return leaves if whole else min(self.min_lots, leaves)

    def trail_to(self, reference: int) -> None:
        distance = self.terms.trail or max(1, reference * self.terms.trail_bps // 10_000)
        if self.side < 0:
            self.price = max(self.price, reference - distance, 1)
        else:
            self.price = min(self.price or reference + distance, reference + distance)

    number: int = field(default_factory=itertools.count().__next__)


@dataclass(slots=True)
class _Position:
    """One instrument: signed lots, last mark (ticks), cost and fees of what is open (money units)."""

    lots: int = 0
    mark: int = 0
    cost: int = 0
    fees: int = 0


def run_oracle(
    panel: Panel,
    settings: OracleSettings,
    *,
    targets: FloatArray | None = None,
    kind: Literal["quantity", "weight"] = "quantity",
    script: Sequence[Request] = (),
    models: OracleModels | None = None,
    ts: npt.NDArray[np.int64] | None = None,
    clock: npt.NDArray[np.int64] | None = None,
    sessions: Sequence[int] | None = None,
) -> OracleResult:
    """Backtest a target array or a script of orders.

    Parameters
    ----------
    panel : Panel
        Bars of shape (n_steps, n_symbols).
    settings : OracleSettings
        Costs, fill rule and buying power.
    targets : ndarray of float64, shape (n_steps, n_symbols), optional
        Row t is decided at the close of step t; NaN keeps what is working.
    kind : {"quantity", "weight"}
        What the numbers in `targets` are.
    script : sequence of Request
        Orders by step of decision, in the order in which they are sent.
    models : OracleModels, optional
        Fees, impact, financing, events and currencies.
    ts : ndarray of int64, shape (n_steps,), optional
        Closing times, nanoseconds; needed by models only.
    clock : ndarray of int64, shape (n_steps,), optional
        The same; needed by orders that a session or a time ends.
    sessions : sequence of int, optional
        The session of each step; by default its day of UTC.
    """
    oracle = _Oracle(panel, settings, targets, kind, script, models or OracleModels(), ts)
    if clock is not None:
        oracle.clock = clock.tolist()
        oracle.sessions = (
            [(now - 1) // DAY_NS for now in oracle.clock] if sessions is None else list(sessions)
        )
    return oracle.run()


def infer_tick_size(prices: FloatArray) -> float:
    """The coarsest of 1e-2 … 1e-8 on whose grid all prices lie, else 1e-9."""
    prices = prices[~np.isnan(prices)]
    for digits in range(2, 9):
        in_ticks = prices * 10.0**digits
        if np.all(np.abs(in_ticks - np.rint(in_ticks)) <= np.minimum(1e-12 * in_ticks, 0.05)):
            return float(f"1e-{digits}")
    return 1e-9


def slippage_in_ticks(price: int, settings: OracleSettings) -> int:
    """Whole ticks by which a market or stop order at `price` ticks is moved against us."""
    distance = price * settings.slippage_bps / 10_000 + settings.slippage_ticks
    nearest = round(distance)
    return nearest if abs(distance - nearest) <= WHOLE_NUMBER_TOLERANCE else math.ceil(distance)


def whole_lots(quotient: float) -> int:
    """Truncate toward zero; a quotient within 1e-9 of the next whole number counts as that number."""
    nearest = round(quotient)
    return nearest if abs(quotient - nearest) <= WHOLE_NUMBER_TOLERANCE else math.trunc(quotient)


def money(amount: float) -> int:
    """Whole money units nearest to an amount that was stated in decimals."""
    return round(Fraction(repr(float(amount))) * MONEY_UNITS)


class _Oracle:
    def __init__(
        self,
        panel: Panel,
        settings: OracleSettings,
        targets: FloatArray | None,
        kind: Literal["quantity", "weight"],
        script: Sequence[Request],
        models: OracleModels,
        ts: npt.NDArray[np.int64] | None,
    ) -> None:
        self.settings = settings
        self.models = models
        self.ts: list[int] = [] if ts is None else ts.tolist()
        self.clock: list[int] = list(range(panel.close.shape[0]))
        self.sessions: list[int] = [0] * panel.close.shape[0]
        self.fees = FeeState()
        self.displaced: dict[int, tuple[float, int]] = {}
        self.events_left = sorted(models.events, key=lambda event: event.ex_ns)
        self.halted: set[int] = set()
        self.n_steps, self.n_symbols = panel.close.shape
        symbols = range(self.n_symbols)

        self.tick_size: list[float] = []
        for s in symbols:
            stated = panel.tick_size[s] if panel.tick_size else None
            prices = np.concatenate([a[:, s] for a in (panel.open, panel.high, panel.low, panel.close)])
            self.tick_size.append(infer_tick_size(prices) if stated is None else stated)
        self.lot_size = [panel.lot_size[s] if panel.lot_size else 1.0 for s in symbols]
        # Money units in one lot at one tick.
        self.unit = [
            exactly_whole(Fraction(repr(tick)) * Fraction(repr(lot)) * MONEY_UNITS)
            for tick, lot in zip(self.tick_size, self.lot_size, strict=True)
        ]
        self.open, self.high, self.low, self.close = (
            [self._in_ticks(prices[:, s], s) for s in symbols]
            for prices in (panel.open, panel.high, panel.low, panel.close)
        )
        self.volume = panel.volume
        self.targets = None if targets is None else [targets[:, s].tolist() for s in symbols]
        self.kind = kind
        self.script: dict[int, list[tuple[int, Request]]] = {}
        for number, request in enumerate(script):
            self.script.setdefault(request.step, []).append((number, request))
        self.order_of_request: dict[int, _Order] = {}

        self.step = 0
        self.closed = False  # whether the bars of this step are known
        self.present: list[int] = []  # instruments that have a bar in this step
        self.working: list[
            _Order
        ] = []  # in the order they were sent, until the end of the step that ends them
        self.earlier_target: dict[int, _Order] = {}  # by instrument, the last order sent for a target
        self.positions = [_Position() for _ in symbols]
        # By currency, the base first; those of the moment: cash, Σ position × mark, Σ |position| × mark.
        self.currency = list(models.currency) or [0] * self.n_symbols
        n_currencies = 1 + len(models.rates)
        self.cash = [money(settings.initial_capital)] + [0] * (n_currencies - 1)
        self.value = [0] * n_currencies
        self.gross = [0] * n_currencies
        self.volume_left = [0] * self.n_symbols
        leverage = settings.max_leverage
        self.max_leverage = None if leverage is None else Fraction(round(leverage * 10**9), 10**9)

        self.fills: list[OracleFill] = []
        self.trades: list[OracleTrade] = []
        self.counts = {"reduced": 0, "insufficient_cash": 0, "expired": 0, "rounded_to_zero": 0}
        self.counts |= {"ended_by_terms": 0, "replaces_refused": 0}

    def _in_ticks(self, prices: FloatArray, symbol: int) -> list[int]:
        missing = np.isnan(prices)
        ticks = np.rint(np.where(missing, 0.0, prices) / self.tick_size[symbol]).astype(np.int64)
        in_ticks: list[int] = np.where(missing, NO_BAR, ticks).tolist()
        return in_ticks

    # ---- Time --------------------------------------------------------------------------------------

    def run(self) -> OracleResult:
        equity, cash = np.empty(self.n_steps), np.empty(self.n_steps)
        lots = np.empty((self.n_steps, self.n_symbols))
        all_symbols = range(self.n_symbols)
        for step in range(self.n_steps):
            self.step = step
            self.closed = False
            self.present = [s for s in all_symbols if self.close[s][step] != NO_BAR]
            if self.settings.volume_limit is not None:
                for s in self.present:
                    shares = self.settings.volume_limit * float(self.volume[step, s])
                    self.volume_left[s] = math.floor(shares / self.lot_size[s])
            if self.ts:
                self._before_the_open()
            self._end_by_time(self.clock[step] - 1)
            self._mark(self.open)
            self._fill_at_the_open()
            self._fill_inside_the_bar()
            self.closed = True
            self._mark(self.close)
            self._fill_at_the_close()
            self._end_by_time(self.clock[step])
            self._end_by_session()
            self._decide()
            self._fill_at_this_close()
            self.working = [order for order in self.working if not order.done]
            equity[step] = float(self._equity() / MONEY_UNITS)
            cash[step] = float(self._in_base(self.cash) / MONEY_UNITS)
            lots[step] = [position.lots for position in self.positions]
        self.counts["expired"] = len(self.working)
        return OracleResult(equity, cash, lots * self.lot_size, self.fills, self.trades, self.counts)

    def _mark(self, prices: list[list[int]]) -> None:
        """Mark every instrument that has a bar; the others keep their last mark."""
        for s in self.present:
            position = self.positions[s]
            price = prices[s][self.step]
            if position.lots:
                change = (price - position.mark) * self.unit[s]
                self.value[self.currency[s]] += position.lots * change
                self.gross[self.currency[s]] += abs(position.lots) * change
            position.mark = price

    def _fill_at_the_open(self) -> None:
        """Point 1: market orders, and limits and stops that the open satisfies, fill at the open."""
        if not self.working:
            return

        meeting = [order for order in self._on_a_bar() if self._meets_the_open(order)]
        self._fill_all(meeting, self.open)

    def _meets_the_open(self, order: _Order) -> bool:
        price = self.open[order.symbol][self.step]
        how_long = order.terms.time_in_force
        if how_long == "AT_CLOSE":
            return False
        if how_long == "AT_OPEN":
            return self._is_at_the_end(order.symbol, -1) and self._accepts_the_auction(order, price)
        if order.kind == "MARKET":
            return self.settings.fill == "next_open"
        if order.kind == "LIMIT":
            return self._limit_meets_the_open(order, price)
        if order.kind == "STOP_LIMIT":
            return order.reaches(order.stop, price) and self._elected(order, price)
        if order.kind == "TRAILING_STOP":
            met = order.price != 0 and order.reaches(order.price, price)
            if not met:
                order.trail_to(price)
            return met
        return order.reaches(order.price, price)

    def _limit_meets_the_open(self, order: _Order, price: int) -> bool:
        met, first, order.arrived = order.accepts(price), not order.arrived, True
        if not first:
            return met
        if met and order.terms.post_only == "SLIDE" and price - order.side > 0:
            order.price = price - order.side
            return False
        only_now = order.terms.time_in_force in ("IOC", "FOK")
        if (met and order.terms.post_only != "NO") or (not met and only_now):
            self._end(order)
        return met and not order.done

    def _elected(self, order: _Order, price: int) -> bool:
        """Whether a stop-limit that is elected at a price takes; otherwise it is a limit from here on."""
        if order.accepts(price):
            return True
        order.kind = "LIMIT"
        return False

    def _accepts_the_auction(self, order: _Order, price: int) -> bool:
        if order.kind == "MARKET" or order.accepts(price):
            return True
        self._end(order)
        return False

    def _is_at_the_end(self, symbol: int, direction: int) -> bool:
        """Whether no bar of the instrument in this session comes before (−1) or after (+1) this step's."""
        step = self.step + direction
        while 0 <= step < self.n_steps and self.sessions[step] == self.sessions[self.step]:
            if self.close[symbol][step] != NO_BAR:
                return False
            step += direction
        return True

    def _end(self, order: _Order) -> None:
        """What an order says of itself ends it."""
        order.done = True
        self.counts["ended_by_terms"] += 1

    def _end_by_time(self, now: int) -> None:
        """GTD orders whose time has come."""
        for order in self.working:
            if not order.done and order.terms.time_in_force == "GTD" and order.terms.expire_at <= now:
                self._end(order)

    def _end_by_session(self) -> None:
        session, following = self.sessions[self.step], self.sessions[self.step + 1 : self.step + 2]
        if following == [session]:
            return
        for order in self.working:
            if not order.done and order.session is not None and order.session <= session:
                self._end(order)

    def _fill_inside_the_bar(self) -> None:
        """Point 2: stops at their price, then limits at theirs; the mark stays the open."""
        auctions = ("AT_OPEN", "AT_CLOSE")
        resting = [
            order
            for order in self._on_a_bar()
            if order.kind != "MARKET" and order.terms.time_in_force not in auctions
        ]
        if not resting:
            return
        # Reading: instruments go in the order of their columns.
        for s in self.present:
            here = [order for order in resting if order.symbol == s]
            for order in here:
                if order.kind != "LIMIT":
                    self._meet_inside(order)
            buys = [order for order in here if order.kind == "LIMIT" and order.leaves > 0]
            sells = [order for order in here if order.kind == "LIMIT" and order.leaves < 0]
            buys.sort(key=lambda order: -order.price)
            sells.sort(key=lambda order: order.price)
            for order in buys + sells:
                if not order.done and self._limit_reached(order):
                    self._fill(order, order.price, maker=True)

    def _limit_reached(self, order: _Order) -> bool:
        low, high = self.low[order.symbol][self.step], self.high[order.symbol][self.step]
        if order.elected_inside == self.step:
            # Only the close is known to have come after.
            close = self.close[order.symbol][self.step]
            low, high = (close, high) if order.leaves > 0 else (low, close)
        if self.settings.limit_fill == "through":
            return low < order.price <= high if order.leaves > 0 else low <= order.price < high
        return low <= order.price <= high

    def _meet_inside(self, order: _Order) -> None:
        """A stop of any kind against the range of the bar."""
        low, high = self.low[order.symbol][self.step], self.high[order.symbol][self.step]
        reached, followed = (high, low) if order.leaves > 0 else (low, high)
        stop = order.stop if order.kind == "STOP_LIMIT" else order.price
        if order.kind == "TRAILING_STOP" and not order.reaches(stop, reached):
            order.trail_to(followed)
            stop = order.price
        if not order.reaches(stop, reached):
            return
        if order.kind == "STOP_LIMIT" and not self._elected(order, stop):
            order.elected_inside = self.step
            return
        self._fill(order, stop)

    def _fill_at_the_close(self) -> None:
        """Point 3: with `next_close`, market orders that were working before this step fill at the close."""

        # With `this_close`, so do those that an earlier step left over, for want of a bar or of volume.
        def meets_the_close(order: _Order) -> bool:
            how_long, price = order.terms.time_in_force, self.close[order.symbol][self.step]
            if how_long == "AT_CLOSE":
                return self._is_at_the_end(order.symbol, 1) and self._accepts_the_auction(order, price)
            return order.kind == "MARKET" and how_long != "AT_OPEN" and self.settings.fill != "next_open"

        if self.working:
            self._fill_all([order for order in self._on_a_bar() if meets_the_close(order)], self.close)

    def _fill_at_this_close(self) -> None:
        """Point 4: with `this_close`, market orders fill at the close they were decided on."""
        if self.working and self.settings.fill == "this_close":
            new = [order for order in self._on_a_bar() if order.sent == self.step and order.kind == "MARKET"]
            auctions = ("AT_OPEN", "AT_CLOSE")
            self._fill_all([o for o in new if o.terms.time_in_force not in auctions], self.close)

    def _fill_all(self, orders: list[_Order], prices: list[list[int]]) -> None:
        """Fill orders as sent, but those that only reduce a position before the others."""
        # Reading: one pass fills the orders that only reduce when they are reached, a second pass the others.
        others = []
        for order in orders:
            if self._only_reduces(order):
                self._fill(order, prices[order.symbol][self.step])
            else:
                others.append(order)
        for order in others:
            self._fill(order, prices[order.symbol][self.step])

    def _only_reduces(self, order: _Order) -> bool:
        lots = self.positions[order.symbol].lots
        return lots * order.leaves < 0 and abs(order.leaves) <= abs(lots)

    def _on_a_bar(self) -> list[_Order]:
        return [
            o
            for o in self.working
            if not o.done and self.close[o.symbol][self.step] != NO_BAR and o.symbol not in self.halted
        ]

    # ---- Before the open -----------------------------------------------------------------------------

    def _before_the_open(self) -> None:
        """Point 0: a new month, interest, what is due of splits and dividends, and who is halted."""
        models, now = self.models, self.ts[self.step]
        month = month_of(now)
        if month != self.fees.month:
            self.fees.month, self.fees.volume = month, 0.0
        if self.step and models.financing:
            self._accrue(years_between(models, self.ts[self.step - 1], now))
        for event in list(self.events_left):
            if event.ex_ns <= now and event.symbol in self.present:
                self.events_left.remove(event)
                if isinstance(event, SplitEvent):
                    self._split(event)
                else:
                    self._pay(event)
        self.halted = {h.symbol for h in models.halts if h.start_ns <= now <= h.end_ns}

    def _accrue(self, years: float) -> None:
        models = self.models
        owed, shorts = [0.0] * len(self.cash), [0] * len(self.cash)
        for s, position in enumerate(self.positions):
            if position.lots < 0:
                value = -position.lots * position.mark * self.unit[s]
                shorts[self.currency[s]] += value
                owed[self.currency[s]] += value / MONEY_UNITS * models.borrow_rate * years
        for number, cash in enumerate(list(self.cash)):
            earning = max(cash - shorts[number], 0)
            interest = cash * models.margin_rate if cash < 0 else earning * models.cash_rate
            self.cash[number] += round(interest * years) - round(owed[number] * MONEY_UNITS)

    def _pay(self, event: DividendEvent) -> None:
        quantity = self.positions[event.symbol].lots * self.lot_size[event.symbol]
        per_unit = event.amount * (1 - event.withheld) if quantity > 0 else event.amount
        self.cash[self.currency[event.symbol]] += round(per_unit * quantity * MONEY_UNITS)

    def _split(self, event: SplitEvent) -> None:
        s, position = event.symbol, self.positions[event.symbol]
        unit, currency = self.unit[s], self.currency[s]
        exact = Fraction(position.lots * event.new, event.old)
        after = math.trunc(exact)
        in_lieu = math.trunc((exact - after) * position.mark * unit * event.old / event.new)
        before_lots, before_mark = position.lots, position.mark
        mark = max(round(Fraction(before_mark * event.old, event.new)), 1 if before_mark else 0)
        self.value[currency] += (after * mark - before_lots * before_mark) * unit
        self.gross[currency] += (abs(after) * mark - abs(before_lots) * before_mark) * unit
        self.cash[currency] += in_lieu
        position.lots, position.mark = after, mark
        if before_lots:
            # Costs are kept without a sign, so that what is paid in cash to a short one adds to them.
            position.cost -= in_lieu if before_lots > 0 else -in_lieu
            if after == 0:
                shares = abs(before_lots) * self.lot_size[s]
                gain = -position.cost if before_lots > 0 else position.cost
                self.trades.append(
                    OracleTrade(
                        symbol=s,
                        side="LONG" if before_lots > 0 else "SHORT",
                        quantity=shares,
                        entry_price=(position.cost + abs(in_lieu)) / MONEY_UNITS / shares,
                        exit_price=before_mark * self.tick_size[s],
                        pnl=(gain - position.fees) / MONEY_UNITS,
                        commission=position.fees / MONEY_UNITS,
                        exit_step=self.step,
                    )
                )
                position.cost = position.fees = 0
        for order in self.working:
            if order.symbol == s and not order.done:
                order.leaves = math.trunc(Fraction(order.leaves * event.new, event.old))
                order.done = order.kind != "MARKET" or order.leaves == 0

    # ---- Decision ----------------------------------------------------------------------------------

    def _decide(self) -> None:
        if self.targets is not None:
            # Reading: a number for an instrument that has no bar in this step is no decision, like NaN.
            in_lots = self._lots if self.kind == "quantity" else self._lots_of_weight
            for s in self.present:
                wish = self.targets[s][self.step]
                if not math.isnan(wish):
                    self._aim(s, in_lots(s, wish))
        for number, request in self.script.get(self.step, ()):
            self._take(number, request)

    def _take(self, number: int, request: Request) -> None:
        s = request.symbol
        if request.action == "target":
            self._aim(s, self._lots(s, request.quantity))
        elif request.action == "target_weight":
            self._aim(s, self._lots_of_weight(s, request.weight))
        elif request.action == "cancel":
            self.order_of_request[request.cancels].done = True
        elif request.action == "replace":
            if not self._replace(self.order_of_request[request.cancels], request):
                self.counts["replaces_refused"] += 1
        else:
            order = _Order(s, self._lots(s, request.quantity), self.step)
            if request.action == "sell":
                order.leaves = -order.leaves
            limit, stop = (
                None if price is None else round(price / self.tick_size[s])
                for price in (request.limit, request.stop)
            )
            if limit is not None and stop is not None:
                order.kind, order.price, order.stop = "STOP_LIMIT", limit, stop
            elif limit is not None:
                order.kind, order.price = "LIMIT", limit
            elif stop is not None:
                order.kind, order.price = "STOP", stop
            if request.terms is not None:
                self._give(order, request.terms)
            self.order_of_request[number] = order
            self.working.append(order)

    def _give(self, order: _Order, terms: Terms) -> None:
        order.terms = terms
        order.min_lots = self._lots(order.symbol, terms.min_qty)
        if terms.trail or terms.trail_bps:
            order.kind = "TRAILING_STOP"
            if self.positions[order.symbol].mark:
                order.trail_to(self.positions[order.symbol].mark)
        if terms.time_in_force == "DAY":
            later = range(self.step + 1, self.n_steps)
            bars = [step for step in later if self.close[order.symbol][step] != NO_BAR]
            order.session = self.sessions[bars[0]] if bars else None

    def _replace(self, order: _Order, request: Request) -> bool:
        s = order.symbol
        total = self._lots(s, request.quantity) or order.filled + abs(order.leaves)
        limit, stop = (
            None if price is None else round(price / self.tick_size[s])
            for price in (request.limit, request.stop)
        )
        if order.done or total <= order.filled:
            return False
        if limit is not None and (order.kind not in ("LIMIT", "STOP_LIMIT") or limit < 1):
            return False
        if stop is not None and (order.kind not in ("STOP", "STOP_LIMIT") or stop < 1):
            return False
        before = (order.price, order.stop)
        if order.kind == "STOP_LIMIT":
            order.stop = order.stop if stop is None else stop
        elif stop is not None:
            order.price = stop
        order.price = order.price if limit is None else limit
        if (order.price, order.stop) != before:
            order.arrived = False
        order.leaves = order.side * (total - order.filled)
        return True

    def _aim(self, symbol: int, target: int) -> None:
        """Order the difference to the target, and drop what is still working from an earlier one."""
        position = self.positions[symbol].lots
        earlier = self.earlier_target.get(symbol)
        if earlier is not None and not earlier.done:
            if target == position + earlier.leaves:
                return
            earlier.done = True
        if target != position:
            order = _Order(symbol, target - position, self.step)
            self.earlier_target[symbol] = order
            self.working.append(order)

    def _lots(self, symbol: int, quantity: float) -> int:
        return whole_lots(quantity / self.lot_size[symbol])

    def _lots_of_weight(self, symbol: int, weight: float) -> int:
        price_of_lot = self.positions[symbol].mark * self.tick_size[symbol] * self.lot_size[symbol]
        price_of_lot *= float(self._rate(self.currency[symbol]))
        lots = whole_lots(weight * (float(self._equity() / MONEY_UNITS)) / price_of_lot)
        if lots == 0 and weight != 0:
            self.counts["rounded_to_zero"] += 1
        return lots

    # ---- Fills -------------------------------------------------------------------------------------

    def _fill(self, order: _Order, price: int, *, maker: bool = False) -> None:
        """Fill as much of an order as volume and buying power allow, at `price` ticks before slippage."""
        s, side = order.symbol, order.side
        order.taker, kind = order.kind != "LIMIT", order.kind
        if order.taker:
            # What a volume limit leaves of a triggered stop, and of a stop-limit that took.
            order.kind = "LIMIT" if kind == "STOP_LIMIT" else "MARKET"
        required = order.required
        wanted = abs(order.leaves)
        if self.settings.volume_limit is not None:
            wanted = min(wanted, self.volume_left[s])
            if wanted == 0 or wanted < required:
                self._end_what_cannot_wait(order)
                return
        if order.taker:
            price = max(price + side * self._distance(s, side, wanted, price), 1)
        if kind == "STOP_LIMIT" and not order.accepts(price):
            price = order.price
        allowed = self._allowed(order, side, wanted, price, maker=maker)
        if allowed < wanted:
            order.done = True
            if self.settings.on_insufficient_cash == "reject" or allowed < required:
                self.counts["insufficient_cash"] += 1
                return
            self.counts["reduced"] += 1
        elif wanted == abs(order.leaves):
            order.done = True
        if allowed:
            order.leaves -= side * allowed
            order.filled += allowed
            self.volume_left[s] -= allowed
            self._book(order, side, allowed, price, maker=maker)
        if not order.done:
            self._end_what_cannot_wait(order)

    def _end_what_cannot_wait(self, order: _Order) -> None:
        """What volume leaves of an order that meets one price only."""
        if order.terms.time_in_force in ("IOC", "FOK", "AT_OPEN", "AT_CLOSE"):
            self._end(order)

    def _distance(self, symbol: int, side: int, lots: int, price: int) -> int:
        """Whole ticks by which a market or stop order is moved against us, by slippage and by impact."""
        if self.models.impact == "none":
            return slippage_in_ticks(price, self.settings)
        sigma, share = self._usual(symbol, lots)
        fraction = self.settings.slippage_bps / 10_000 + own_impact(self.models, sigma, share)
        fraction += side * self._displacement(symbol)
        distance = price * fraction
        nearest = round(distance)
        whole = nearest if abs(distance - nearest) <= WHOLE_NUMBER_TOLERANCE else math.ceil(distance)
        return whole + self.settings.slippage_ticks

    def _usual(self, symbol: int, lots: int) -> tuple[float, float]:
        n_closed = self.step + 1 if self.closed else self.step
        known = [t for t in range(n_closed) if self.close[symbol][t] != NO_BAR]
        closes = [self.close[symbol][t] for t in known]
        volumes = [float(self.volume[t, symbol]) for t in known]
        return sigma_and_share(closes, volumes, self.models.window, lots * self.lot_size[symbol])

    def _displacement(self, symbol: int) -> float:
        value, step = self.displaced.get(symbol, (0.0, self.step))
        return decayed(self.models, value, self.step - step)

    def _allowed(self, order: _Order, side: int, wanted: int, price: int, *, maker: bool) -> int:
        """The most lots, up to `wanted`, that the buying power rule allows; what closes is always allowed."""
        lots = self.positions[order.symbol].lots
        closing = min(wanted, abs(lots)) if lots * side < 0 else 0
        if closing == wanted or self._rule_holds_after(order, side * wanted, price, maker=maker):
            return wanted
        holds, fails = closing, wanted  # the rule holds less the more is opened, so halve the range
        while fails - holds > 1:
            middle = (holds + fails) // 2
            if self._rule_holds_after(order, side * middle, price, maker=maker):
                holds = middle
            else:
                fails = middle
        return holds

    def _rule_holds_after(self, order: _Order, lots: int, price: int, *, maker: bool) -> bool:
        """Whether Σ |position| × mark ≤ max_leverage × equity after a fill of signed `lots` at `price`."""
        if self.max_leverage is None:
            return True
        position, unit = self.positions[order.symbol], self.unit[order.symbol]
        rate = self._rate(self.currency[order.symbol])
        gross = self._in_base(self.gross)
        gross += rate * (abs(position.lots + lots) - abs(position.lots)) * position.mark * unit
        worse = lots * (price - position.mark) * unit + self._commission(order, lots, price, maker=maker)
        equity = self._equity() - rate * worse
        return gross * self.max_leverage.denominator <= equity * self.max_leverage.numerator

    def _equity(self) -> Fraction | int:
        return self._in_base(self.cash) + self._in_base(self.value)

    def _in_base(self, amounts: list[int]) -> Fraction | int:
        if len(amounts) == 1:
            return amounts[0]
        return sum((self._rate(number) * amount for number, amount in enumerate(amounts)), Fraction(0))

    def _rate(self, currency: int) -> Fraction | int:
        """Worth of one unit of a currency in the base, at the mark of the moment."""
        if currency == 0:
            return 1
        column, inverse = self.models.rates[currency - 1]
        price = self.positions[column].mark * Fraction(repr(self.tick_size[column]))
        if not price:
            return 0
        return 1 / price if inverse else price

    def _commission(self, order: _Order, lots: int, price: int, *, maker: bool) -> int:
        symbol = order.symbol
        if self.models.tiers:
            return self._fee_due(order, lots, price, maker=maker) - self.fees.charged.get(order.number, 0)
        rate, per_share = self.settings.commission_rate, self.settings.commission_per_share
        if not rate and not per_share:
            return 0
        quantity = abs(lots) * self.lot_size[symbol]
        notional = quantity * (price * self.tick_size[symbol])
        return round((rate * notional + per_share * quantity) * MONEY_UNITS)

    def _fee_due(self, order: _Order, lots: int, price: int, *, maker: bool) -> int:
        quantity = abs(lots) * self.lot_size[order.symbol]
        notional = quantity * (price * self.tick_size[order.symbol])
        due = fee_due(self.models, self.fees, order.number, maker=maker, notional=notional, quantity=quantity)
        return round(due * MONEY_UNITS)

    def _remember(self, order: _Order, side: int, lots: int, price: int, *, maker: bool) -> None:
        """What fees and impact keep of a fill."""
        symbol = order.symbol
        if order.taker and self.models.impact != "none":
            sigma, share = self._usual(symbol, lots)
            value = self._displacement(symbol) + side * left_behind(self.models, sigma, share)
            self.displaced[symbol] = (value, self.step)
        if self.models.tiers:
            fees, key = self.fees, order.number
            quantity = lots * self.lot_size[symbol]
            notional = quantity * (price * self.tick_size[symbol])
            due = self._fee_due(order, lots, price, maker=maker)
            tier = [each for each in self.models.tiers if each.volume <= fees.volume][-1]
            rate, per_share = (
                (tier.maker_rate, tier.maker_per_share) if maker else (tier.taker_rate, tier.taker_per_share)
            )
            fees.raw[key] = fees.raw.get(key, 0.0) + (rate * notional + per_share * quantity)
            fees.notional[key] = fees.notional.get(key, 0.0) + notional
            fees.charged[key] = due
            in_base = notional * float(self._rate(self.currency[symbol]))
            fees.volume += quantity if self.models.by == "quantity" else in_base

    def _book(self, order: _Order, side: int, lots: int, price: int, *, maker: bool) -> None:
        """Write one fill into cash, position and trades."""
        symbol = order.symbol
        position, unit, currency = self.positions[symbol], self.unit[symbol], self.currency[symbol]
        commission = self._commission(order, lots, price, maker=maker)
        self._remember(order, side, lots, price, maker=maker)
        old, new = position.lots, position.lots + side * lots
        self.cash[currency] -= side * lots * price * unit + commission
        self.value[currency] += side * lots * position.mark * unit
        self.gross[currency] += (abs(new) - abs(old)) * position.mark * unit

        closed = min(lots, abs(old)) if old * side < 0 else 0
        if closed:
            entry_cost = position.cost * closed // abs(old)
            entry_fees = position.fees * closed // abs(old)
            exit_fees = commission * closed // lots
            gain = -side * (closed * price * unit - entry_cost) - entry_fees - exit_fees
            position.cost -= entry_cost
            position.fees -= entry_fees
            shares = closed * self.lot_size[symbol]
            self.trades.append(
                OracleTrade(
                    symbol=symbol,
                    side="LONG" if old > 0 else "SHORT",
                    quantity=shares,
                    entry_price=entry_cost / MONEY_UNITS / shares,
                    exit_price=price * self.tick_size[symbol],
                    pnl=gain / MONEY_UNITS,
                    commission=(entry_fees + exit_fees) / MONEY_UNITS,
                    exit_step=self.step,
                )
            )
        if lots > closed:
            position.cost += (lots - closed) * price * unit
            position.fees += commission - commission * closed // lots
        position.lots = new
        self.fills.append(
            OracleFill(
                step=self.step,
                symbol=symbol,
                side="BUY" if side > 0 else "SELL",
                quantity=lots * self.lot_size[symbol],
                price=price * self.tick_size[symbol],
                commission=commission / MONEY_UNITS,
            )
        )


def exactly_whole(number: Fraction) -> int:
    """The number as an int; one lot at one tick must be a whole number of money units."""
    if number.denominator != 1:
        raise ValueError(f"one lot at one tick is {number} money units, expected a whole number")
    return int(number)
