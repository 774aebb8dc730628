"""``docs/replay.md`` in plain Python: one heap of everything that happens, one list of orders, no cleverness.

It knows feeds of levels. Prices and quantities are integers, times nanoseconds, and so is money but for fees.
"""

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from omni_lab.typing import AnyArray
from tests.simulator.ticks.plain_impact import PlainImpact

BUY, SELL = 1, 2
MARKET, LIMIT = 0, 1
GTC, IOC, FOK, POST_ONLY = 0, 1, 2, 3
PENDING, NEW, PARTIAL, FILLED, CANCELED, EXPIRED, REJECTED = range(7)
NO_LIQUIDITY, WOULD_TAKE, NOT_AT_ONCE, HALTED, LOST, TOO_LATE = range(1_001, 1_007)
SENT, DENIED, CANCEL_SENT, REPLACE_SENT, ACCEPTED, REPLACED, FILL = range(7)
SAID = {CANCELED: 7, EXPIRED: 8, REJECTED: 9}
REFUSED = 10
HEAR_MARKET, HEAR_ORDER, MARKET_MOVES, REQUEST_ARRIVES, HALT = range(5)


def other(side: int) -> int:
    return 3 - side


def is_better(side: int, price: int, than: int) -> bool:
    return price > than if side == BUY else price < than


def reaches(side: int, price: int, other_best: int) -> bool:
    """Whether an order of a side at a price would trade with the best price of the other side."""
    return price >= other_best if side == BUY else price <= other_best


class Book:
    """Section 5: what was last said of each price, and the best of each side."""

    def __init__(self) -> None:
        self.levels: dict[int, dict[int, int]] = {BUY: {}, SELL: {}}
        self.best: dict[int, int | None] = {BUY: None, SELL: None}

    def next_best(self, side: int, worse_than: int) -> int | None:
        prices = [price for price in self.levels[side] if is_better(side, worse_than, price)]
        return (max if side == BUY else min)(prices, default=None)

    def set(self, side: int, price: int, qty: int) -> None:
        best, opposite = self.best[side], self.best[other(side)]
        if qty == 0:
            self.levels[side].pop(price, None)
            if price == best:
                self.best[side] = self.next_best(side, price)
            return
        self.levels[side][price] = qty
        if best is None or is_better(side, price, best):
            self.best[side] = price
            if opposite is not None and reaches(side, price, opposite):
                self.best[other(side)] = self.next_best(other(side), price)

    def clear(self, side: int) -> None:
        self.levels[side].clear()
        self.best[side] = None

    def shown(self, side: int) -> list[tuple[int, int]]:
        """Prices and lots from the best on."""
        best = self.best[side]
        if best is None:
            return []
        levels = [(p, q) for p, q in self.levels[side].items() if not is_better(side, p, best)]
        return sorted(levels, reverse=side == BUY)


@dataclass(slots=True)
class Order:
    """An order at the venue, and as we know it."""

    number: int
    instrument: int
    side: int
    kind: int
    lasts: int
    price: int
    qty: int
    # The venue's.
    left: int = 0
    done: int = 0
    at: int = 0
    front: float = 0.0
    traded: int = 0
    # Ours.
    status: int = PENDING
    filled: int = 0
    known: tuple[int, int] = (0, 0)


@dataclass(slots=True)
class Market:
    """An instrument at the venue."""

    book: Book = field(default_factory=Book)
    trades: bool = True
    is_open: bool = True
    halts: int = 0
    waiting: list[Order] = field(default_factory=list)
    taken: dict[tuple[int, int], int] = field(default_factory=dict)


def behind(model: str, n: float, f: float, k: float) -> float:
    """Section 4: the chance that a cut happened behind us."""
    match model:
        case "power":
            return float(k**n / (k**n + f**n))
        case "power_of_whole":
            return float(k**n / (k + f) ** n)
        case "power_of_share":
            return float(1 - (f / (k + f)) ** n)
        case "log":
            return math.log(1 + k) / (math.log(1 + k) + math.log(1 + f))
    return math.log(1 + k) / math.log(1 + k + f)


class Latency:
    """Section 1: how long requests and answers take; None for a request that is lost."""

    def __init__(self, settings: dict[str, Any], seed: int) -> None:
        self.settings, self.state = settings, seed

    def uniform(self) -> float:
        mask = 2**64 - 1
        self.state = (self.state + 0x9E3779B97F4A7C15) & mask
        mixed = (self.state ^ (self.state >> 30)) * 0xBF58476D1CE4E5B9 & mask
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB & mask
        return (((mixed ^ (mixed >> 31)) >> 11) + 0.5) / 2**53

    def draw(self) -> int:
        radius = math.sqrt(-2 * math.log(self.uniform()))
        normal = radius * math.cos(math.tau * self.uniform())
        base: int = self.settings["base_ns"]
        on_top: float = self.settings["median_ns"] * math.exp(self.settings["sigma"] * normal)
        return base + round(on_top)

    def measured(self) -> list[tuple[int, int, int]]:
        columns = (self.settings[name].tolist() for name in ("sent", "arrived", "answered"))
        return list(zip(*columns, strict=True))

    def entry(self, now: int) -> tuple[int, bool]:
        """How long, and whether it arrives: if not, how long until we hear so."""
        match self.settings["kind"]:
            case "constant":
                return int(self.settings["entry_ns"]), True
            case "lognormal":
                return self.draw(), True
        rows = self.measured()
        at = max([n for n, row in enumerate(rows) if row[0] <= now], default=0)
        pair = rows[at : at + 2] if now >= rows[0][0] else rows[:1]
        arrives = all(arrived > 0 for _, arrived, _ in pair)
        ways = [(sent, (arrived if arrives else answered) - sent) for sent, arrived, answered in pair]
        return line(now, ways), arrives

    def response(self, now: int) -> int:
        match self.settings["kind"]:
            case "constant":
                return int(self.settings["response_ns"])
            case "lognormal":
                return self.draw()
        ways = [(arrived, answered - arrived) for _, arrived, answered in self.measured() if arrived > 0]
        at = max([n for n, way in enumerate(ways) if way[0] <= now], default=0)
        return line(now, ways[at : at + 2] if now >= ways[0][0] else ways[:1])


def line(x: int, points: list[tuple[int, int]]) -> int:
    """The straight line through two points, in whole numbers toward the first; of one point its height."""
    (x1, y1), (x2, y2) = points[0], points[-1]
    return y1 if x1 == x2 else int((y2 - y1) / (x2 - x1) * (x - x1)) + y1


@dataclass(frozen=True, slots=True)
class Rules:
    """Settings of a replay; fees are currency a lot."""

    queue: str
    power: float
    partial: bool
    latency: dict[str, Any]
    maker_per_lot: float
    taker_per_lot: float
    seed: int
    impact: PlainImpact | None = None
    halts: tuple[tuple[int, int, int], ...] = ()


Message = tuple[int, int, int, int, int, int, bool, int, float, float]


class PlainReplay:
    """A replay with our orders in it."""

    def __init__(
        self, events: dict[str, AnyArray], delays: list[int], n_instruments: int, rules: Rules
    ) -> None:
        self.rules, self.latency = rules, Latency(rules.latency, rules.seed)
        self.now = int(events["ts"][0])
        self.markets = [Market() for _ in range(n_instruments)]
        self.books = [Book() for _ in range(n_instruments)]
        self.orders: list[Order] = []
        self.messages: list[Message] = []
        self.lots, self.cash = [0] * n_instruments, 0.0
        self.happens: list[tuple[int, int, int, tuple[Any, ...]]] = []
        self.n_happened = 0
        self.last_request = self.last_answer = 0
        self.plan_market(events, delays)

    def plan_market(self, events: dict[str, AnyArray], delays: list[int]) -> None:
        heard = 0
        columns = (events[name].tolist() for name in ("ts", "kind", "side", "instrument", "qty", "price"))
        for (ts, *event), delay in zip(zip(*columns, strict=True), delays, strict=True):
            heard = max(heard, ts + delay)
            self.plan(ts, MARKET_MOVES, *event)
            self.plan(heard, HEAR_MARKET, *event)
        self.last_heard = heard
        for instrument, start, end in self.rules.halts:
            # After everything else of its time: from the next nanosecond on.
            self.plan(start - 1, HALT, instrument, 1)
            self.plan(end, HALT, instrument, -1)

    def plan(self, ts: int, what: int, *facts: Any) -> None:
        self.n_happened += 1
        heapq.heappush(self.happens, (ts, what, self.n_happened, facts))

    def advance(self, until: int) -> None:
        """Section 2: everything up to a time, in its order."""
        todo: tuple[Callable[..., None], ...]
        todo = (self.hear_market, self.hear_order, self.market_moves, self.request_arrives, self.halt)
        while self.happens and self.happens[0][0] <= until:
            self.now, what, _, facts = heapq.heappop(self.happens)
            todo[what](*facts)
        self.now = until

    # --- what we do ---------------------------------------------------------------------------------------

    def send(self, instrument: int, side: int, kind: int, lasts: int, price: int, qty: int) -> None:
        price = 0 if kind == MARKET else price
        order = Order(
            len(self.orders), instrument, side, kind, lasts, price, qty, left=qty, known=(price, qty)
        )
        self.orders.append(order)
        self.say(order, SENT, qty, price)
        self.request(order, "new", 0, 0)

    def cancel(self, number: int) -> bool:
        order = self.orders[number]
        if order.status >= FILLED:
            return False
        self.say(order, CANCEL_SENT, order.known[1] - order.filled, order.known[0])
        self.request(order, "cancel", 0, 0)
        return True

    def replace(self, number: int, price: int, qty: int) -> bool:
        order = self.orders[number]
        if order.status >= FILLED or order.kind == MARKET:
            return False
        self.say(order, REPLACE_SENT, qty, price)
        self.request(order, "replace", price, qty)
        return True

    def say(self, order: Order, kind: int, qty: int, price: int) -> None:
        self.messages.append((self.now, 0, order.number, kind, qty, price, False, 0, math.nan, 0.0))

    def request(self, order: Order, what: str, price: int, qty: int) -> None:
        after, arrives = self.latency.entry(self.now)
        if arrives:
            self.last_request = max(self.last_request, self.now + after)
            self.plan(self.last_request, REQUEST_ARRIVES, order, what, price, qty)
        else:
            self.last_answer = max(self.last_answer, self.now + after)
            ended = {"kind": SAID[REJECTED] if what == "new" else REFUSED, "reason": LOST}
            self.plan(self.last_answer, HEAR_ORDER, 0, order, ended)

    # --- what we hear -------------------------------------------------------------------------------------

    def hear_market(self, kind: int, side: int, instrument: int, qty: int, price: int) -> None:
        book = self.books[instrument]
        if kind == 12:
            book.set(side, price, qty)
        elif kind == 11:
            for each in (BUY, SELL):
                if side in (0, each):
                    book.clear(each)

    def hear_order(self, ts_venue: int, order: Order, said: dict[str, float]) -> None:
        kind, qty, price = int(said["kind"]), int(said.get("qty", 0)), int(said.get("price", 0))
        is_maker, fee = bool(said.get("is_maker", False)), 0.0
        if kind == FILL:
            sign = 1 if order.side == BUY else -1
            fee = (self.rules.maker_per_lot if is_maker else self.rules.taker_per_lot) * qty
            order.filled += qty
            order.status = FILLED if said["is_last"] else PARTIAL
            self.lots[order.instrument] += sign * qty
            self.cash -= sign * qty * price + fee
        elif kind == ACCEPTED:
            order.status = NEW if order.status == PENDING else order.status
        elif kind == REPLACED:
            order.known = (price, qty)
        elif kind != REFUSED:
            order.status = {said: status for status, said in SAID.items()}[kind]
        about = (is_maker, int(said.get("reason", 0)), said.get("ahead", math.nan), fee)
        self.messages.append((self.now, ts_venue, order.number, kind, qty, price, *about))

    # --- what happens at the venue ------------------------------------------------------------------------

    def answer(self, order: Order, kind: int, **said: float) -> None:
        self.last_answer = max(self.last_answer, self.now + self.latency.response(self.now))
        self.plan(self.last_answer, HEAR_ORDER, self.now, order, {"kind": kind, **said})

    def end(self, order: Order, status: int, reason: int) -> None:
        self.answer(order, SAID[status], reason=reason)

    def fill(self, order: Order, qty: int, price: int, *, is_maker: bool) -> None:
        order.left -= qty
        order.done += qty
        is_last = order.left == 0
        waiting = self.markets[order.instrument].waiting
        if is_last and order in waiting:
            waiting.remove(order)
        self.answer(order, FILL, qty=qty, price=price, is_maker=is_maker, is_last=is_last)

    def request_arrives(self, order: Order, what: str, price: int, qty: int) -> None:
        market = self.markets[order.instrument]
        if what == "new":
            order.at = order.price
            self.arrive(market, order)
        elif order not in market.waiting:
            self.answer(order, REFUSED, reason=TOO_LATE)
        elif what == "cancel" or qty - order.done <= 0:
            market.waiting.remove(order)
            self.end(order, CANCELED, 0)
        elif price == order.at and qty - order.done <= order.left:
            order.left = qty - order.done
            self.answer(order, REPLACED, qty=qty, price=price, ahead=order.front)
        else:
            market.waiting.remove(order)
            order.at, order.left = price, qty - order.done
            self.answer(order, REPLACED, qty=qty, price=price, ahead=0.0)
            self.arrive(market, order)

    def arrive(self, market: Market, order: Order) -> None:
        """The first table of section 3."""
        patient = order.kind == LIMIT and order.lasts in (GTC, POST_ONLY)
        if not market.trades:
            return self.wait(market, order) if patient else self.end(order, REJECTED, HALTED)
        best = market.book.best[other(order.side)]
        if best is None or (order.kind == LIMIT and not reaches(order.side, order.at, best)):
            if patient:
                return self.wait(market, order)
            if order.kind == MARKET:
                return self.end(order, REJECTED, NO_LIQUIDITY)
            return self.end(order, EXPIRED, NOT_AT_ONCE)
        if order.lasts == POST_ONLY:
            return self.end(order, EXPIRED, WOULD_TAKE)
        there = []
        for price, shown in market.book.shown(other(order.side)):
            if order.kind == MARKET or reaches(order.side, order.at, price):
                there.append((price, max(0, shown - market.taken.get((other(order.side), price), 0))))
        if not self.rules.partial:
            there = [(best, order.left)]
        wanted = min(order.left, sum(lots for _, lots in there))
        lots, fraction, impact = wanted, 0.0, self.rules.impact
        about = order.instrument, order.side, self.now
        if impact is not None:
            lots, fraction = impact.reach(*about, None if order.kind == MARKET else order.at, there, wanted)
        if lots < order.left and order.lasts == FOK:
            return self.end(order, EXPIRED, NOT_AT_ONCE)
        if lots < order.left and not self.rules.partial:
            lots = 0
        if impact is not None and lots:
            impact.take(*about, lots)
        for price, shown in there:
            qty = min(shown, lots)
            lots -= qty
            if qty > 0:
                key = other(order.side), price
                if self.rules.partial:
                    market.taken[key] = market.taken.get(key, 0) + qty
                paid = price if impact is None else impact.moved(order.side, price, fraction)
                self.fill(order, qty, paid, is_maker=False)
        if order.left == 0:
            return None
        if order.kind == MARKET:
            return self.end(order, EXPIRED, NO_LIQUIDITY)
        return self.wait(market, order) if order.lasts == GTC else self.end(order, EXPIRED, NOT_AT_ONCE)

    def wait(self, market: Market, order: Order) -> None:
        order.front, order.traded = float(market.book.levels[order.side].get(order.at, 0)), 0
        market.waiting.append(order)
        self.answer(order, ACCEPTED, ahead=order.front)

    def ours(self, market: Market, side: int) -> list[Order]:
        """Those that wait on a side, the next to trade first: by price, then by arrival."""
        sign = -1 if side == BUY else 1
        return sorted((o for o in market.waiting if o.side == side), key=lambda order: sign * order.at)

    def market_moves(self, kind: int, side: int, instrument: int, qty: int, price: int) -> None:
        market = self.markets[instrument]
        if kind == 12:
            self.level(market, side, price, qty)
        elif kind == 6 and market.trades:
            for each in (BUY, SELL) if side == 0 else (side,):
                self.trade(market, each, price, qty if side else 0)
        elif kind == 7:
            for each in (BUY, SELL):
                for order in self.ours(market, each):
                    if is_better(each, order.at, price):
                        self.fill(order, order.left, price, is_maker=True)
        elif kind == 9:
            market.is_open = qty == 1
            self.trade_or_not(market)
        elif kind == 11:
            for each in (BUY, SELL):
                if side in (0, each):
                    market.book.clear(each)
                    market.taken = {key: lots for key, lots in market.taken.items() if key[0] != each}

    def halt(self, instrument: int, change: int) -> None:
        if all(what == HALT for _, what, *_ in self.happens) and self.now >= self.last_heard:
            # The market is over, and so are its halts.
            return self.happens.clear()
        market = self.markets[instrument]
        market.halts += change
        return self.trade_or_not(market)

    def trade_or_not(self, market: Market) -> None:
        market.trades = market.is_open and market.halts == 0
        for each in (BUY, SELL):
            self.come(market, each)

    def level(self, market: Market, side: int, price: int, qty: int) -> None:
        before, best = market.book.levels[side].get(price, 0), market.book.best[side]
        market.book.set(side, price, qty)
        market.taken.pop((side, price), None)
        for order in market.waiting:
            if (order.side, order.at) == (side, price):
                self.move_up(order, before, qty)
        now = market.book.best[side]
        if now is not None and (best is None or is_better(side, now, best)):
            self.come(market, side)

    def come(self, market: Market, side: int) -> None:
        """The best price of a side comes to orders of ours on the other: the first rule."""
        best = market.book.best[side]
        if best is not None and market.trades:
            for order in self.ours(market, other(side)):
                if reaches(order.side, order.at, best):
                    self.fill(order, order.left, order.at, is_maker=True)

    def move_up(self, order: Order, before: int, now: int) -> None:
        if self.rules.queue == "conservative":
            order.front = min(order.front, now)
            return
        cut, order.traded = before - now - order.traded, 0
        front = max(order.front, 0.0)
        if cut <= 0:
            order.front = min(front, now)
            return
        back = before - front
        p = behind(self.rules.queue, self.rules.power, front, back)
        order.front = min(max(front - (1 - p) * cut + min(back - p * cut, 0.0), 0.0), now)

    def trade(self, market: Market, side: int, price: int, qty: int) -> None:
        """The market trades with what waits on a side: the second rule and the third."""
        given = 0
        for order in self.ours(market, side):
            if is_better(side, order.at, price):
                self.fill(order, order.left, order.at, is_maker=True)
            elif order.at == price and qty > 0:
                order.front -= qty
                order.traded += qty
                beyond = math.floor(-order.front) if order.front <= -1 else 0
                if beyond == 0:
                    continue
                lots = min(order.left, max(beyond - given, 0)) if self.rules.partial else order.left
                order.front = 0.0
                given += lots
                if lots > 0:
                    self.fill(order, lots, price, is_maker=True)
