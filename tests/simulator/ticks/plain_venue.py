"""Orders of every type on a captured market: ``docs/replay.md`` and ``docs/matching.md`` in plain Python.

One list of orders, sorted whenever somebody asks who is next; one lot after the other where lots meet. It
knows feeds of levels and feeds that name orders, which it first turns into moves of levels.
"""

import heapq
import math
from dataclasses import dataclass, field, replace
from typing import Any

from omni_lab.domain import OrderType, PegReference, PostOnly, SelfTrade, TimeInForce, TrailUnit, Trigger
from omni_lab.execution.codec import New
from omni_lab.execution.reference.form import form_problem, has_too_many_slices
from omni_lab.typing import AnyArray
from tests.simulator.ticks.plain_replay import (
    ACCEPTED,
    BUY,
    CANCELED,
    EXPIRED,
    FILL,
    FILLED,
    HALTED,
    HEAR_MARKET,
    MARKET_MOVES,
    NO_LIQUIDITY,
    NOT_AT_ONCE,
    REFUSED,
    REJECTED,
    REPLACED,
    SELL,
    SENT,
    TOO_LATE,
    WOULD_TAKE,
    Book,
    PlainReplay,
    Rules,
    is_better,
    other,
    reaches,
)
from tests.simulator.ticks.plain_replay import Order as PlainOrder

DAY_OVER, TIME_OVER, NOT_IN_AUCTION, NO_AUCTION, SELF_TRADE = 1_008, 1_009, 1_010, 1_011, 1_101
TRIGGERED, REPRICED, REFRESHED, DECREMENTED = 11, 12, 13, 14
INVALID_PRICE, INVALID_STOP_PRICE, INVALID_DISPLAY_QTY = 3, 7, 8
ADD, CANCEL, DELETE, REPLACE, EXECUTE, TRADE, CROSS, STATUS, CLEAR = 1, 2, 3, 4, 5, 6, 7, 9, 11
LEVEL, MODIFY, SYSTEM = 12, 13, 14
NS_PER_DAY = 86_400_000_000_000
STOPS = (OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP)


@dataclass(frozen=True, slots=True)
class Move:
    """What the market does to one level, or as a whole."""

    kind: int
    side: int
    instrument: int
    qty: int
    price: int
    is_whole: bool
    # Of feeds that name orders: what the order has less, and the move with which it joined.
    taken: int = 0
    joined: int = 0
    auction: frozenset[str] = frozenset()


def moves_of(events: dict[str, AnyArray]) -> list[tuple[int, list[Move]]]:
    """The moves of each event, with its row."""
    names = ("ts", "kind", "side", "flags", "instrument", "order_id", "other_id", "qty", "price")
    rows = list(zip(*(events[name].tolist() for name in names), strict=True))
    auctions = auctions_of(rows)
    # By name: side, instrument, lots, price, the move with which it joined.
    waiting: dict[int, list[int]] = {}
    levels: dict[tuple[int, int, int], int] = {}
    n_moves, out = 0, []
    for at, (_, kind, side, flags, instrument, name, new_name, qty, price) in enumerate(rows):
        moves: list[Move] = []

        def change(order: list[int], by: int, kind: int = LEVEL, moves: list[Move] = moves) -> None:
            of_side, place, _, of_price, joined = order
            key = (of_side, place, of_price)
            levels[key] = levels.get(key, 0) + by
            moves.append(Move(kind, of_side, place, levels[key], of_price, False, -by, joined))

        def join(
            name: int,
            order: list[int],
            moves: list[Move] = moves,
            before: int = n_moves,
            waiting: dict[int, list[int]] = waiting,
        ) -> None:
            order[4] = before + len(moves)
            waiting[name] = order
            change(order, order[2])

        order = waiting.get(name)
        if kind == ADD:
            join(name, [side, instrument, qty, price, 0])
        elif kind in (CANCEL, EXECUTE) and order is not None:
            lots = min(qty, order[2])
            order[2] -= lots
            if order[2] == 0:
                del waiting[name]
            change(order, -lots, EXECUTE if kind == EXECUTE else LEVEL)
        elif kind in (DELETE, REPLACE, MODIFY) and order is not None:
            if kind == MODIFY and price == order[3] and qty <= order[2]:
                less, order[2] = qty - order[2], qty
                change(order, less)
            else:
                del waiting[name]
                change(order, -order[2])
                if kind != DELETE:
                    join(new_name if kind == REPLACE else name, [order[0], order[1], qty, price, 0])
        elif kind == CLEAR:
            waiting = {n: o for n, o in waiting.items() if not (o[1] == instrument and side in (0, o[0]))}
            for key in levels:
                if key[1] == instrument and side in (0, key[0]):
                    levels[key] = 0
            moves.append(Move(CLEAR, side, instrument, 0, 0, False))
        elif kind in (LEVEL, STATUS) or (kind in (TRADE, CROSS) and qty > 0):
            moves.append(
                Move(kind, side, instrument, qty, price, False, auction=auctions.get(at, frozenset()))
            )
        out.append((at, moves))
        if flags & 2:
            # An event that moves nothing makes whole what came before it.
            said = next((each for _, each in reversed(out) if each), None)
            if said:
                said[-1] = replace(said[-1], is_whole=True)
        n_moves += len(moves)
    return out


def auctions_of(rows: list[tuple[int, ...]]) -> dict[int, frozenset[str]]:
    """Section 3, *Which auction*: what each print is."""
    prints = [(n, row) for n, row in enumerate(rows) if row[1] == CROSS and row[7] > 0]
    said = {}
    for n, row in prints:
        day = row[0] // NS_PER_DAY
        over = [
            k for k, r in enumerate(rows) if r[1] == SYSTEM and r[7] == ord("M") and r[0] // NS_PER_DAY == day
        ]
        same = [k for k, r in prints if r[4] == row[4] and r[0] // NS_PER_DAY == day]
        if over:
            said[n] = frozenset({"close", "end"} if over[0] < n else {"open"})
        elif same == [n]:
            said[n] = frozenset({"open", "close"})
        else:
            said[n] = frozenset({"close"} if same[-1] == n else {"open"})
    return said


@dataclass(slots=True, eq=False)
class Order(PlainOrder):
    """An order of any type, at the venue and as we know it."""

    new: New | None = None
    type: OrderType = OrderType.LIMIT
    lives: TimeInForce = TimeInForce.GTC
    where: str = "nowhere"
    stamp: int = 0
    limit: int = 0
    stop_price: int = 0
    slice: int = 0
    anew: bool = False
    was_heard: bool = False
    joined: int = 0

    @property
    def said(self) -> New:
        assert self.new is not None
        return self.new

    @property
    def required(self) -> int:
        return self.left if self.said.all_or_none else min(self.said.min_qty, self.left)

    @property
    def is_conditional(self) -> bool:
        return bool(self.said.all_or_none or self.said.min_qty)

    @property
    def is_hidden(self) -> bool:
        return self.type == OrderType.PEGGED or self.said.display_qty == 0

    def shown_now(self) -> int:
        return self.slice if self.said.display_qty > 0 else self.left

    def shows(self) -> int:
        return min(self.said.display_qty, self.left) if self.said.display_qty > 0 else self.left

    def accepts(self, price: int) -> bool:
        return self.limit == 0 or reaches(self.side, self.limit, price)


@dataclass(slots=True)
class Market:
    """An instrument at the venue."""

    book: Book = field(default_factory=Book)
    trades: bool = True
    orders: list[Order] = field(default_factory=list)
    taken: dict[tuple[int, int], int] = field(default_factory=dict)
    last: int | None = None
    pegged_to: tuple[int | None, int | None] = (None, None)

    def at(self, *where: str) -> list[Order]:
        """Orders that wait somewhere, by their stamps."""
        return sorted((o for o in self.orders if o.where in where), key=lambda order: order.stamp)


class PlainVenue(PlainReplay):
    """A replay with our orders of any type in it."""

    def __init__(
        self, events: dict[str, AnyArray], delays: list[int], n_instruments: int, rules: Rules, tick: int
    ) -> None:
        self.tick, self.n_stamps, self.n_moved = tick, 0, 0
        self.desks = [Market() for _ in range(n_instruments)]
        self.last_ts = int(events["ts"][-1])
        system = zip(events["ts"].tolist(), events["kind"].tolist(), events["qty"].tolist(), strict=True)
        self.ends = [ts for ts, kind, code in system if kind == SYSTEM and code == ord("E")]
        super().__init__(events, delays, n_instruments, rules)

    def plan_market(self, events: dict[str, AnyArray], delays: list[int]) -> None:
        heard = 0
        for at, moves in moves_of(events):
            ts = int(events["ts"][at])
            heard = max(heard, ts + delays[at])
            for move in moves:
                self.plan(ts, MARKET_MOVES, move)
                self.plan(heard, HEAR_MARKET, move)

    # --- what we do ---------------------------------------------------------------------------------------

    def submit(self, instrument: int, new: New) -> None:
        order = Order(
            *(len(self.orders), instrument, new.side, int(new.order_type != OrderType.MARKET), 0),
            *(new.price, new.qty),
            left=new.qty,
            known=(new.price, new.qty),
            new=new,
            type=OrderType(new.order_type),
            lives=TimeInForce(new.time_in_force),
            stop_price=new.stop_price,
        )
        self.orders.append(order)
        self.say(order, SENT, new.qty, new.price)
        self.request(order, "new", 0, 0)

    def replace_order(self, number: int, price: int, qty: int, stop_price: int) -> bool:
        order = self.orders[number]
        assert isinstance(order, Order)
        if order.status >= FILLED or order.said.order_type == OrderType.MARKET:
            return False
        self.say(order, 3, qty, price)
        self.request(order, "replace", price, qty * 10**6 + stop_price)
        return True

    # --- what we hear -------------------------------------------------------------------------------------

    def hear_market(self, move: Any) -> None:  # type: ignore[override]
        _to_book(self.books[move.instrument], move)

    def hear_order(self, ts_venue: int, order: PlainOrder, said: dict[str, float]) -> None:
        kind = int(said["kind"])
        if kind in (TRIGGERED, REPRICED, REFRESHED, DECREMENTED):
            price, qty = int(said.get("price", 0)), int(said.get("qty", 0))
            if kind == REPRICED:
                order.known = (price, order.known[1])
            elif kind == DECREMENTED:
                order.known = (order.known[0], order.known[1] - qty)
            about = (False, 0, said.get("ahead", math.nan), 0.0)
            self.messages.append((self.now, ts_venue, order.number, kind, qty, price, *about))
            return
        known = order.known
        super().hear_order(ts_venue, order, said)
        assert isinstance(order, Order)
        keeps = (OrderType.STOP, OrderType.TRAILING_STOP, OrderType.PEGGED)
        if kind == REPLACED and order.said.order_type in keeps:
            order.known = (known[0], order.known[1])

    # --- requests -----------------------------------------------------------------------------------------

    def request_arrives(self, order: PlainOrder, what: str, price: int, qty: int) -> None:
        assert isinstance(order, Order)
        market = self.desks[order.instrument]
        if what == "new":
            self.new(market, order)
        elif order not in market.orders:
            self.answer(order, REFUSED, reason=TOO_LATE)
        elif what == "cancel":
            self.gone(market, order, CANCELED, 0)
        else:
            self.change(market, order, price, *divmod(qty, 10**6))
        self.settle(market)

    def new(self, market: Market, order: Order) -> None:
        new = order.said
        if new.order_type == OrderType.MARKET and new.time_in_force == TimeInForce.GTC:
            new = new._replace(time_in_force=TimeInForce.IOC)
        problem = form_problem(new, self.now)
        if problem:
            return self.end(order, REJECTED, problem)
        market.orders.append(order)
        self.live(order)
        order.limit = order.price
        if order.lives in (TimeInForce.AT_OPEN, TimeInForce.AT_CLOSE):
            self.wait_at(order, "auction")
        elif order.type in STOPS:
            self.wait_at(order, "stop")
        elif order.type == OrderType.PEGGED:
            self.wait_at(order, "parked")
            order.anew = True
        else:
            return self.go(market, order)
        return self.answer(order, ACCEPTED, ahead=math.nan)

    def live(self, order: Order) -> None:
        """Section 3: when its time is over, if the feed lasts as long."""
        day = min([end for end in self.ends if end > self.now] + [(self.now // NS_PER_DAY + 1) * NS_PER_DAY])
        over = {
            TimeInForce.GTD: (order.said.expire_at, TIME_OVER),
            TimeInForce.DAY: (day, DAY_OVER),
            TimeInForce.AT_OPEN: (day, NO_AUCTION),
            TimeInForce.AT_CLOSE: (day, NO_AUCTION),
        }.get(order.lives)
        if over is not None and over[0] <= self.last_ts:
            # Before the moves of its time, and by number among those that expire then.
            first = order.number - 10**9
            heapq.heappush(self.happens, (over[0], MARKET_MOVES, first, ((order, over[1]),)))

    def wait_at(self, order: Order, where: str) -> None:
        self.n_stamps += 1
        order.where, order.stamp = where, self.n_stamps

    def gone(self, market: Market, order: Order, status: int, reason: int) -> None:
        if order in market.orders:
            market.orders.remove(order)
        self.end(order, status, reason)

    def change(self, market: Market, order: Order, price: int, qty: int, stop_price: int) -> None:
        is_stop = order.where == "stop"
        if is_stop and price and order.type != OrderType.STOP_LIMIT:
            return self.answer(order, REFUSED, reason=INVALID_PRICE)
        if stop_price and not (is_stop and order.type != OrderType.TRAILING_STOP):
            return self.answer(order, REFUSED, reason=INVALID_STOP_PRICE)
        left, cap = qty - order.done, order.limit
        if order.type == OrderType.PEGGED:
            cap = order.price
        if left <= 0:
            return self.gone(market, order, CANCELED, 0)
        if has_too_many_slices(left, order.said.display_qty):
            return self.answer(order, REFUSED, reason=INVALID_DISPLAY_QTY)
        new_price, new_stop = price or cap, stop_price or order.stop_price
        shown = new_stop if order.where == "stop" and order.type == OrderType.STOP else new_price
        if (new_price, new_stop) == (cap, order.stop_price) and left <= order.left:
            order.left, order.slice = left, min(order.slice, left)
            ahead = order.front if order.where in ("book", "conditional") else math.nan
            return self.answer(order, REPLACED, qty=qty, price=shown, ahead=ahead)
        waits = order.where
        order.left, order.stop_price = left, new_stop
        ahead = 0.0 if waits in ("book", "conditional") and order.type != OrderType.PEGGED else math.nan
        self.answer(order, REPLACED, qty=qty, price=shown, ahead=ahead)
        order.was_heard = True
        if order.type == OrderType.PEGGED:
            order.price, order.limit, order.at, order.anew = new_price, new_price, 0, True
            return self.wait_at(order, "parked")
        order.limit = new_price
        if waits in ("stop", "auction"):
            return self.wait_at(order, waits)
        return self.go(market, order)

    # --- taking -------------------------------------------------------------------------------------------

    def go(self, market: Market, order: Order) -> None:
        """The first table of section 3."""
        order.where = "nowhere"
        waits = order.limit > 0 and order.lives not in (TimeInForce.IOC, TimeInForce.FOK)
        if not market.trades:
            return self.rest(market, order) if waits else self.gone(market, order, REJECTED, HALTED)
        best = market.book.best[other(order.side)]
        meets = best is not None and order.accepts(best)
        if meets and order.said.post_only == PostOnly.REJECT:
            return self.gone(market, order, EXPIRED, WOULD_TAKE)
        if meets and order.said.post_only == PostOnly.SLIDE:
            assert best is not None
            order.limit = best - self.tick if order.side == BUY else best + self.tick
            if order.limit < 1:
                return self.gone(market, order, EXPIRED, WOULD_TAKE)
            self.rest(market, order)
            return self.answer(order, REPRICED, price=order.limit, ahead=order.front)
        is_new = not order.was_heard and not meets
        meets_own = order.said.post_only == PostOnly.NO and bool(self.own_met(market, order))
        if meets or meets_own:
            needed = order.left if order.lives == TimeInForce.FOK else order.required
            if self.available(market, order) < needed:
                return self.rest(market, order) if waits else self.gone(market, order, EXPIRED, NOT_AT_ONCE)
            if self.take(market, order):
                return None
        if waits:
            return self.rest(market, order)
        if order.limit:
            return self.gone(market, order, EXPIRED, NOT_AT_ONCE)
        return self.gone(market, order, REJECTED if is_new else EXPIRED, NO_LIQUIDITY)

    def own_met(self, market: Market, order: Order) -> list[Order]:
        """Ours on the other side whose prices it accepts, if it must not trade with them."""
        if order.said.self_trade == SelfTrade.ALLOW:
            return []
        waiting = market.at("book", "conditional")
        return [o for o in waiting if o.side == other(order.side) and order.accepts(o.at)]

    def lots_met(self, market: Market, order: Order) -> list[tuple[int, Order | None]]:
        """Lot by lot what it would meet: the price, and the order of ours whose lot it is."""
        side = other(order.side)
        levels = dict(market.book.shown(side))
        free = {
            price: max(0, shown - market.taken.get((side, price), 0))
            for price, shown in levels.items()
            if order.accepts(price)
        }
        if not self.rules.partial:
            best = market.book.best[side]
            free = {best: order.left} if best is not None and order.accepts(best) else {}
        own = self.own_met(market, order)
        lots: list[tuple[int, Order | None]] = []
        for price in sorted({*free, *(o.at for o in own)}, reverse=side == BUY):
            here = [o for o in own if o.at == price]
            queue: list[Order | None] = []
            behind: list[Order | None] = []
            n, n_free = 0, free.get(price, 0)
            displayed = [o for o in here if o.where == "book" and not o.is_hidden]
            for mine in displayed:
                while n < n_free and (n < mine.front or not self.rules.partial):
                    queue.append(None)
                    n += 1
                queue += [mine] * mine.shown_now()
            queue += [None] * (n_free - n)
            for mine in displayed:
                behind += [mine] * (mine.left - mine.shown_now())
            for mine in (o for o in here if o.where == "book" and o.is_hidden):
                behind += [mine] * mine.left
            for mine in (o for o in here if o.where == "conditional"):
                behind += [mine] * mine.left
            lots += [(price, lot) for lot in [*queue, *behind]]
        return lots

    def available(self, market: Market, order: Order) -> int:
        n = 0
        for _, mine in self.lots_met(market, order):
            if mine is None:
                n += 1
            elif order.said.self_trade != SelfTrade.CANCEL_OLDEST:
                if mine.where == "conditional" and mine.required > order.left - n:
                    continue
                break
        return min(n, order.left)

    def take(self, market: Market, order: Order) -> bool:
        """It takes lot by lot; whether it has ended."""
        rule, side = order.said.self_trade, other(order.side)
        pending = 0
        lots = self.lots_met(market, order)
        n = 0
        while n < len(lots) and order.left - pending > 0:
            price, mine = lots[n]
            n += 1
            if mine is None:
                pending += 1
                is_end = n == len(lots) or lots[n] != (price, None) or pending == order.left
                if is_end:
                    if self.rules.partial:
                        market.taken[side, price] = market.taken.get((side, price), 0) + pending
                    self.trade_with(market, order, pending, price, is_maker=False)
                    pending = 0
                continue
            if mine not in market.orders or (mine.where == "conditional" and mine.required > order.left):
                continue
            if rule in (SelfTrade.CANCEL_OLDEST, SelfTrade.CANCEL_BOTH):
                self.gone(market, mine, CANCELED, SELF_TRADE)
            if rule in (SelfTrade.CANCEL_NEWEST, SelfTrade.CANCEL_BOTH):
                self.gone(market, order, CANCELED, SELF_TRADE)
                return True
            if rule == SelfTrade.DECREMENT:
                run = 1
                while n < len(lots) and lots[n] == (price, mine) and run < min(order.left, mine.left):
                    is_slice_over = mine.where == "book" and not mine.is_hidden and run == mine.shown_now()
                    if is_slice_over:
                        break
                    run, n = run + 1, n + 1
                self.decrement(market, mine, order, run)
                if order not in market.orders:
                    return True
        return order.left == 0

    def decrement(self, market: Market, mine: Order, order: Order, lots: int) -> None:
        mine.left -= lots
        mine.slice -= min(mine.slice, lots)
        self.answer(mine, DECREMENTED, qty=lots)
        if mine.left == 0:
            self.gone(market, mine, CANCELED, SELF_TRADE)
        elif mine.said.display_qty > 0 and mine.slice == 0 and mine.where == "book":
            self.refresh(market, mine, mine.traded)
        order.left -= lots
        self.answer(order, DECREMENTED, qty=lots)
        if order.left == 0:
            self.gone(market, order, CANCELED, SELF_TRADE)

    def refresh(self, market: Market, order: Order, traded: int) -> None:
        order.slice = order.shows()
        shown = market.book.levels[order.side].get(order.at, 0)
        order.front, order.traded = float(max(0, shown - traded)), traded
        order.joined = self.n_moved
        self.wait_at(order, "book")
        self.answer(order, REFRESHED, qty=order.slice, ahead=order.front)

    def trade_with(self, market: Market, order: Order, lots: int, price: int, *, is_maker: bool) -> None:
        order.left -= lots
        order.done += lots
        order.was_heard = True
        if order.left == 0 and order in market.orders:
            market.orders.remove(order)
        self.answer(order, FILL, qty=lots, price=price, is_maker=is_maker, is_last=order.left == 0)

    def rest(self, market: Market, order: Order) -> None:
        self.stand(market, order)
        self.answer(order, ACCEPTED, ahead=order.front)

    def stand(self, market: Market, order: Order) -> None:
        order.at, order.slice = order.limit, order.shows()
        order.front, order.traded = float(market.book.levels[order.side].get(order.at, 0)), 0
        order.joined = self.n_moved
        self.wait_at(order, "conditional" if order.is_conditional else "book")

    # --- what happens at the venue ------------------------------------------------------------------------

    def line(self, market: Market, side: int, where: str = "book") -> list[Order]:
        """Those that wait on a side, the next to trade first."""
        sign = -1 if side == BUY else 1
        orders = [o for o in market.at(where) if o.side == side]
        return sorted(orders, key=lambda order: (sign * order.at, order.is_hidden))

    def market_moves(self, move: Any) -> None:  # type: ignore[override]
        if isinstance(move, tuple):
            order, reason = move
            if order in self.desks[order.instrument].orders:
                self.gone(self.desks[order.instrument], order, EXPIRED, reason)
            return
        market = self.desks[move.instrument]
        self.n_moved += 1
        given = 0
        if move.kind == LEVEL:
            self.level_changes(market, move, executed=False)
        elif move.kind == EXECUTE:
            market.last = move.price
            given = self.trade_at(market, move, move.side, move.taken, named=True)
            self.hit_conditionals(market, move, move.taken, given)
            self.level_changes(market, move, executed=True)
        elif move.kind == TRADE:
            market.last = move.price
            for side in (BUY, SELL) if move.side == 0 else (move.side,):
                given = self.trade_at(market, move, side, move.qty if move.side else 0, named=False)
            self.hit_conditionals(market, move, move.qty, given)
        elif move.kind == CROSS:
            market.last = move.price
            self.auction_prints(market, move)
        elif move.kind == STATUS:
            market.trades = move.qty == 1
            for side in (BUY, SELL):
                self.comes(market, side)
            if not market.trades:
                self.park(market)
        elif move.kind == CLEAR:
            for side in (BUY, SELL):
                if move.side in (0, side):
                    market.book.clear(side)
                    market.taken = {key: lots for key, lots in market.taken.items() if key[0] != side}
        if move.is_whole or move.kind == STATUS:
            self.settle(market)

    def level_changes(self, market: Market, move: Move, *, executed: bool) -> None:
        side, price, book = move.side, move.price, market.book
        before, best = book.levels[side].get(price, 0), book.best[side]
        book.set(side, price, move.qty)
        market.taken.pop((side, price), None)
        for order in market.at("book", "conditional"):
            if (order.side, order.at) != (side, price):
                continue
            if order.is_hidden or order.where == "conditional":
                order.front, order.traded = float(move.qty), 0
            elif self.rules.queue == "exact":
                order.traded = 0
                was_before = move.joined < order.joined
                if was_before and move.taken > 0 and not (executed and market.trades):
                    order.front -= move.taken
            else:
                self.move_up(order, before, move.qty)
        now = book.best[side]
        if now is not None and (best is None or is_better(side, now, best)):
            self.comes(market, side)

    def move_up(self, order: PlainOrder, before: int, now: int) -> None:
        super().move_up(order, before, now)
        order.traded = 0

    def comes(self, market: Market, side: int) -> None:
        best = market.book.best[side]
        if best is not None and market.trades:
            for order in self.line(market, other(side)):
                if reaches(order.side, order.at, best):
                    self.trade_with(market, order, order.left, order.at, is_maker=True)

    def trade_at(self, market: Market, move: Move, side: int, qty: int, *, named: bool) -> int:
        """The market trades with what waits on a side; what ours at that price get."""
        if not market.trades:
            return 0
        exact, given = self.rules.queue == "exact", 0
        shown = market.book.levels[side].get(move.price, 0)
        if exact and not named:
            qty = 0
        for order in self.line(market, side):
            if is_better(side, order.at, move.price):
                self.trade_with(market, order, order.left, order.at, is_maker=True)
            if order.at != move.price or move.side == 0:
                continue
            behind_us = exact and named and not order.is_hidden and move.joined >= order.joined
            if behind_us:
                reached = qty
            else:
                order.front -= qty
                order.traded += qty
                reached = math.floor(-order.front) if order.front <= -1 else 0
            if reached == 0:
                continue
            lots = min(order.left, max(reached - given, 0))
            if not self.rules.partial:
                lots = order.left
            elif order.said.display_qty > 0 and not order.is_hidden:
                beyond = 0 if behind_us else min(qty, max(order.traded - shown, 0))
                lots = min(order.left, max(min(lots, order.slice), beyond - given, 0))
                self.iceberg(market, order, lots, qty if behind_us else order.traded)
                given += lots
                if not behind_us and order in market.orders and order.front < 0:
                    order.front = 0.0
                continue
            if not behind_us:
                order.front = 0.0
            given += lots
            if lots > 0:
                self.trade_with(market, order, lots, order.at, is_maker=True)
        return given

    def iceberg(self, market: Market, order: Order, lots: int, traded: int) -> None:
        while lots > 0:
            part = min(lots, order.slice)
            lots -= part
            order.slice -= part
            self.trade_with(market, order, part, order.at, is_maker=True)
            if order.slice == 0 and order.left > 0:
                self.refresh(market, order, traded)

    def hit_conditionals(self, market: Market, move: Move, qty: int, given: int) -> None:
        if not market.trades:
            return
        for side in (BUY, SELL):
            for order in self.line(market, side, "conditional"):
                if move.side not in (0, side):
                    continue
                required = order.required if self.rules.partial else 1
                if is_better(side, order.at, move.price) and qty >= required:
                    self.trade_with(market, order, order.left, order.at, is_maker=True)
                elif (
                    order.at == move.price
                    and move.kind == TRADE
                    and move.side
                    and self.rules.queue != "exact"
                ):
                    order.front -= qty
                    reached = max(0, int(-order.front))
                    order.front = 0.0 if reached else order.front
                    if reached - given >= required:
                        lots = min(order.left, reached - given) if self.rules.partial else order.left
                        given += lots
                        self.trade_with(market, order, lots, order.at, is_maker=True)

    def auction_prints(self, market: Market, move: Move) -> None:
        price, over = move.price, []
        for side in (BUY, SELL):
            for order in self.line(market, side):
                if is_better(side, order.at, price) and order.type != OrderType.PEGGED:
                    self.trade_with(market, order, order.left, price, is_maker=True)
        part = [
            o
            for o in market.at("auction")
            if ("open" if o.lives == TimeInForce.AT_OPEN else "close") in move.auction
        ]
        for side in (BUY, SELL):
            left = move.qty if self.rules.partial else 2**62
            sign = -1 if side == BUY else 1
            mine = [o for o in part if o.side == side and (o.limit == 0 or is_better(side, o.limit, price))]
            for order in sorted(mine, key=lambda o: (o.limit != 0, sign * o.limit)):
                lots = min(order.left, left)
                left -= lots
                if lots > 0:
                    self.trade_with(market, order, lots, price, is_maker=True)
        over = [(o.number, NOT_IN_AUCTION, o) for o in part if o in market.orders]
        if "end" in move.auction:
            rest = [o for o in market.orders if o not in part]
            over += [(o.number, NO_AUCTION, o) for o in rest if o.where == "auction"]
            over += [(o.number, DAY_OVER, o) for o in rest if o.lives == TimeInForce.DAY]
        for _, reason, order in sorted(over, key=lambda each: each[0]):
            self.gone(market, order, EXPIRED, reason)

    # --- settling, docs/matching.md section 6 -------------------------------------------------------------

    def settle(self, market: Market) -> None:
        while market.trades and (
            self.elect_one(market) or self.price_pegs(market) or self.conditional_takes(market)
        ):
            pass

    def watched(self, market: Market, order: Order) -> int | None:
        return market.last if order.said.trigger == Trigger.LAST else market.book.best[other(order.side)]

    def elect_one(self, market: Market) -> bool:
        for order in market.at("stop"):
            reference = self.watched(market, order)
            if order.type == OrderType.TRAILING_STOP and reference is not None:
                distance = order.said.trail
                if order.said.trail_unit == TrailUnit.BPS:
                    distance = max(self.tick, reference * distance // 10_000 // self.tick * self.tick)
                if order.side == SELL:
                    order.stop_price = max(order.stop_price, reference - distance, 1)
                elif order.stop_price == 0:
                    order.stop_price = reference + distance
                else:
                    order.stop_price = min(order.stop_price, reference + distance)
        triggered = []
        for order in market.at("stop"):
            price = self.watched(market, order)
            if price is not None and order.stop_price and reaches(order.side, price, order.stop_price):
                sign = 1 if order.side == BUY else -1
                triggered.append((order.side, sign * order.stop_price, order.stamp, order))
        if not triggered:
            return False
        order = min(triggered, key=lambda each: each[:3])[3]
        self.answer(order, TRIGGERED)
        order.was_heard, order.type = True, OrderType.LIMIT if order.limit else OrderType.MARKET
        self.go(market, order)
        return True

    def park(self, market: Market) -> None:
        pegs = [o for o in market.at("book") if o.type == OrderType.PEGGED]
        for order in sorted(pegs, key=lambda o: o.number):
            order.at, order.anew = 0, True
            self.wait_at(order, "parked")
            self.answer(order, REPRICED, price=0, ahead=math.nan)

    def peg_price(self, market: Market, order: Order) -> int:
        best, tick, new = market.book.best, self.tick, order.said
        own, against = best[order.side], best[other(order.side)]
        match new.peg_reference:
            case PegReference.PRIMARY:
                reference = own
            case PegReference.MARKET:
                reference = against
            case _ if own is None or against is None:
                reference = None
            case _:
                middle = (own + against) / (2 * tick)
                reference = (math.floor(middle) if order.side == BUY else math.ceil(middle)) * tick
        if reference is None:
            return 0
        price, cap = reference + new.peg_offset, order.price
        if cap:
            price = min(price, cap) if order.side == BUY else max(price, cap)
        return price if price >= 1 else 0

    def price_pegs(self, market: Market) -> bool:
        pegs = sorted(
            (o for o in market.at("book", "parked") if o.type == OrderType.PEGGED), key=lambda o: o.number
        )
        best = (market.book.best[BUY], market.book.best[SELL])
        if not pegs or (best == market.pegged_to and not any(o.anew for o in pegs)):
            return False
        market.pegged_to = best
        for order in pegs:
            if order not in market.orders:
                continue
            order.anew = False
            price = self.peg_price(market, order)
            if price == (order.at if order.where == "book" else 0):
                continue
            order.where = "parked"
            ahead = float(market.book.levels[order.side].get(price, 0)) if price else math.nan
            self.answer(order, REPRICED, price=price, ahead=ahead)
            order.at = order.limit = price
            if price and not self.take(market, order):
                self.stand(market, order)
        return True

    def conditional_takes(self, market: Market) -> bool:
        for side in (BUY, SELL):
            for order in self.line(market, side, "conditional"):
                if self.available(market, order) >= order.required:
                    stamp, front, order.where = order.stamp, order.front, "nowhere"
                    if not self.take(market, order):
                        order.where, order.stamp, order.front = "conditional", stamp, front
                    return True
        return False


def _to_book(book: Book, move: Move) -> None:
    if move.kind in (LEVEL, EXECUTE):
        book.set(move.side, move.price, move.qty)
    elif move.kind == CLEAR:
        for side in (BUY, SELL):
            if move.side in (0, side):
                book.clear(side)
