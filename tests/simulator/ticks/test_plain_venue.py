"""Orders of every type in the native replay and in its plain twin: random markets, every message equal."""

from typing import Any

import numpy as np
import pytest

from omni_lab import _native
from omni_lab.domain import OrderType, PegReference, PostOnly, SelfTrade, TimeInForce, TrailUnit, Trigger
from omni_lab.execution.codec import New
from omni_lab.simulator import FeeSchedule
from omni_lab.typing import AnyArray
from tests.simulator.ticks.plain_replay import BUY, SELL, Rules
from tests.simulator.ticks.plain_venue import NS_PER_DAY, PlainVenue
from tests.simulator.ticks.test_plain_replay import MESSAGES, latency

QUEUES = ("conservative", "power", "log_of_whole")
LEVELS = (12, 6, 7, 9, 11, 14)
OFTEN = (0.64, 0.26, 0.03, 0.03, 0.01, 0.03)


def times(rng: np.random.Generator, n: int) -> AnyArray:
    """Near midnight, so that a day ends in most of them; many repeat."""
    return (
        NS_PER_DAY
        - int(rng.integers(0, 2 * n * 700))
        + np.cumsum(rng.integers(1, 2_000, n) * (rng.random(n) < 0.7))
    )


def prices(rng: np.random.Generator, side: AnyArray, tick: int) -> AnyArray:
    away = np.minimum(rng.geometric(0.35, len(side)), 6) - 2
    return (100 + np.where(side == BUY, -away, 1 + away)) * tick


def of_levels(rng: np.random.Generator, n: int, n_instruments: int, tick: int) -> dict[str, AnyArray]:
    """Levels, trades, auctions, halts, clears and what the system says; some packets have several events."""
    kind = rng.choice(LEVELS, n, p=OFTEN)
    side = rng.integers(1, 3, n)
    price = prices(rng, side, tick)
    side[(kind == 7) | (kind == 9) | (kind == 14) | ((kind == 6) & (rng.random(n) < 0.15))] = 0
    side[(kind == 11) & (rng.random(n) < 0.3)] = 0
    qty = rng.integers(1, 12, n)
    qty[(kind == 12) & (rng.random(n) < 0.3)] = 0
    qty[(kind == 6) & (rng.random(n) < 0.1)] = 30
    qty[kind == 9] = rng.choice([1, 1, 1, 2, 4], np.sum(kind == 9))
    qty[kind == 14] = rng.choice([ord("M"), ord("E"), ord("Q")], np.sum(kind == 14), p=[0.1, 0.1, 0.8])
    instrument = rng.integers(0, n_instruments, n)
    instrument[kind == 14] = 0
    return {
        "ts": times(rng, n),
        "kind": kind.astype(np.uint8),
        "side": side.astype(np.uint8),
        "flags": np.where(rng.random(n) < 0.8, 2, 0).astype(np.uint8),
        "instrument": instrument.astype(np.uint16),
        "order_id": np.zeros(n, np.uint64),
        "other_id": np.zeros(n, np.uint64),
        "qty": qty,
        "price": np.where((kind == 9) | (kind == 11) | (kind == 14), 0, price),
    }


def of_orders(rng: np.random.Generator, n: int, n_instruments: int, tick: int) -> dict[str, AnyArray]:
    """The same of a feed that names orders; executions are of whoever is first, or of another."""
    events = of_levels(rng, n, n_instruments, tick)
    waiting: dict[int, tuple[int, int, int, int]] = {}
    for at in range(n):
        if events["kind"][at] == 11:
            where, side = int(events["instrument"][at]), int(events["side"][at])
            waiting = {k: w for k, w in waiting.items() if not (w[1] == where and side in (0, w[0]))}
        if events["kind"][at] != 12:
            continue
        choice = rng.random()
        if choice < 0.5 or len(waiting) < 4:
            row = (
                int(events["side"][at]),
                int(events["instrument"][at]),
                int(rng.integers(1, 12)),
                int(events["price"][at]),
            )
            waiting[at + 1] = row
            events["kind"][at], events["order_id"][at], events["qty"][at] = 1, at + 1, row[2]
            continue
        name = int(rng.choice(list(waiting)))
        if choice < 0.75:
            best = [k for k, w in waiting.items() if w[:2] == waiting[name][:2]]
            name = min(best, key=lambda k: (-waiting[k][3] if waiting[k][0] == BUY else waiting[k][3], k))
        side, where, left, price = waiting[name]
        kind = int(rng.choice([5, 5, 5, 2])) if choice < 0.75 else int(rng.choice([2, 3, 4, 13]))
        qty = left if kind == 3 else int(rng.integers(1, left + 1))
        new_price = price + int(rng.integers(-1, 2)) * tick
        facts = {"kind": kind, "side": side, "instrument": where, "order_id": name, "qty": qty, "price": 0}
        if kind in (2, 5) and qty < left:
            waiting[name] = (side, where, left - qty, price)
        elif kind in (4, 13):
            facts |= {"qty": int(rng.integers(1, 12)), "price": new_price, "other_id": 10_000 + at}
            del waiting[name]
            waiting[name if kind == 13 else 10_000 + at] = (side, where, int(facts["qty"]), new_price)
        else:
            del waiting[name]
        for column, value in facts.items():
            events[column][at] = value
    return events


def order(rng: np.random.Generator, now: int, tick: int) -> dict[str, Any]:
    """An order of any type, which may not be one."""
    price, stop = (int(100 + rng.integers(-6, 7)) * tick for _ in range(2))
    said: dict[str, Any] = {"side": str(rng.choice(["BUY", "SELL"])), "qty": int(rng.integers(1, 15))}
    said["time_in_force"] = str(rng.choice(["DAY", "GTC", "GTC", "GTD"]))
    kind = rng.choice(
        ["limit", "plain", "stop", "stop_limit", "trail", "peg", "iceberg", "hidden", "least", "auction"]
    )
    match kind:
        case "limit":
            said |= {"price": price, "post_only": str(rng.choice(["NO", "REJECT", "SLIDE", "SLIDE"]))}
        case "plain":
            said |= {
                "price": int(rng.choice([0, price, price])),
                "time_in_force": str(rng.choice(["IOC", "FOK", "DAY"])),
            }
        case "stop":
            said |= {"stop_price": stop}
        case "stop_limit":
            said |= {"stop_price": stop, "price": price}
            said |= {"display_qty": int(rng.integers(0, said["qty"] + 1))} if rng.random() < 0.4 else {}
        case "trail":
            said |= (
                {"trail_bps": int(rng.integers(20, 400))}
                if rng.random() < 0.5
                else {"trail": int(rng.integers(1, 5)) * tick}
            )
        case "peg":
            said |= {
                "peg": str(rng.choice(["PRIMARY", "MARKET", "MID"])),
                "peg_offset": int(rng.integers(-2, 2)) * tick,
            }
            said |= {"price": price} if rng.random() < 0.4 else {}
        case "iceberg":
            said |= {"price": price, "display_qty": int(rng.integers(1, said["qty"] + 1))}
        case "hidden":
            said |= {"price": price, "display_qty": 0}
        case "least":
            least = (
                {"all_or_none": True}
                if rng.random() < 0.5
                else {"min_qty": int(rng.integers(1, said["qty"] + 1))}
            )
            said |= {"price": price, **least}
            said |= {"time_in_force": "IOC"} if "min_qty" in least and rng.random() < 0.3 else {}
            said |= {"price": 0} if "min_qty" in least and rng.random() < 0.1 else {}
        case "auction":
            said |= {
                "price": int(rng.choice([0, price])),
                "time_in_force": str(rng.choice(["AT_OPEN", "AT_CLOSE"])),
            }
    if kind in ("stop", "stop_limit", "trail"):
        said["trigger"] = str(rng.choice(["LAST", "BBO"]))
    if said["time_in_force"] == "GTD":
        said["expire_at"] = now + int(rng.integers(1, 60_000))
    if rng.random() < 0.4:
        said["self_trade"] = str(rng.choice(list(SelfTrade.__members__)))
    if rng.random() < 0.04:
        # What does not go together, or cannot be.
        odd: list[dict[str, Any]] = [{"min_qty": 20}, {"display_qty": 99}, {"expire_at": 5}]
        odd += [{"all_or_none": True}, {"peg_offset": 3}]
        said |= odd[int(rng.integers(0, 5))]
    return said


def as_new(said: dict[str, Any], instrument: int) -> New:
    """The same as the order-management system writes it."""
    price, stop, trail, bps = (said.get(name, 0) for name in ("price", "stop_price", "trail", "trail_bps"))
    if "peg" in said:
        kind = OrderType.PEGGED
    elif trail or bps:
        kind = OrderType.TRAILING_STOP
    elif stop:
        kind = OrderType.STOP_LIMIT if price else OrderType.STOP
    else:
        kind = OrderType.LIMIT if price else OrderType.MARKET
    unit = TrailUnit.TICKS if trail else TrailUnit.BPS if bps else TrailUnit.NONE
    return New(
        ts=0,
        client_order_id=0,
        account=0,
        instrument=instrument,
        side=BUY if said["side"] == "BUY" else SELL,
        order_type=kind,
        time_in_force=TimeInForce[said["time_in_force"]],
        self_trade=SelfTrade[said.get("self_trade", "ALLOW")],
        post_only=PostOnly[said.get("post_only", "NO")],
        qty=said["qty"],
        price=price,
        stop_price=stop,
        trail=trail or bps,
        peg_offset=said.get("peg_offset", 0),
        display_qty=said.get("display_qty", -1),
        min_qty=said.get("min_qty", 0),
        expire_at=said.get("expire_at", 0),
        trail_unit=unit,
        trigger=Trigger[said.get("trigger", "NONE")],
        peg_reference=PegReference[said.get("peg", "NONE")],
        all_or_none=int(said.get("all_or_none", False)),
    )


class Pair:
    """The same replay twice, and the same orders."""

    def __init__(self, seed: int, *, names_orders: bool) -> None:
        rng = self.rng = np.random.default_rng(seed)
        self.tick = int(rng.choice([1, 10]))
        make = of_orders if names_orders else of_levels
        events = make(rng, int(rng.integers(20, 400)), int(rng.integers(1, 3)), self.tick)
        traded = events["kind"] != 14
        self.n_instruments = len(np.unique(events["instrument"][traded]))
        events["instrument"][traded] = np.unique(events["instrument"][traded], return_inverse=True)[1]
        delays, self.events = rng.integers(0, 3_000, len(events["ts"])), events
        self.feed = _native.TickFeed(events, each_delay_ns=delays)
        span = int(events["ts"][0]), int(events["ts"][-1])
        self.rules = Rules(
            queue="exact" if names_orders and seed % 4 else QUEUES[seed % 3],
            power=2.0,
            partial=seed % 5 > 0,
            latency=latency(rng, int(rng.integers(0, 4)), span),
            maker_per_lot=-0.25,
            taker_per_lot=0.5,
            seed=seed,
        )
        fees = FeeSchedule.flat(
            maker_per_share=self.rules.maker_per_lot, taker_per_share=self.rules.taker_per_lot
        )
        self.engine = _native.TickEngine(
            self.feed,
            cash=0.0,
            tick_values=[1.0] * self.n_instruments,
            latency=self.rules.latency,
            queue=self.rules.queue,
            power=self.rules.power,
            partial_fills=self.rules.partial,
            models={"fees": fees.to_engine()},
            limits=None,
            seed=seed,
            sample_every_ns=0,
            tick=self.tick,
        )
        self.plain = PlainVenue(events, delays.tolist(), self.n_instruments, self.rules, self.tick)
        self.last_act = int(self.feed.span[1]) + 20_000

    def act(self) -> None:
        rng, engine, plain = self.rng, self.engine, self.plain
        n_orders, choice = engine.n_orders, rng.random()
        if choice < 0.6 or n_orders == 0:
            said, instrument = order(rng, engine.now, self.tick), int(rng.integers(0, self.n_instruments))
            engine.send_order(**said, instrument=instrument)
            new = as_new(said, instrument)
            is_stop = new.order_type in (OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP)
            plain.submit(
                instrument, new._replace(trigger=new.trigger or (Trigger.LAST if is_stop else Trigger.NONE))
            )
            return
        number = int(rng.integers(max(0, n_orders - 10), n_orders))
        if choice < 0.75:
            assert engine.cancel(number) == plain.cancel(number)
            return
        price = int(rng.choice([0, 0, 100 + int(rng.integers(-6, 7))])) * self.tick
        stop = int(rng.choice([0, 0, 0, 100 + int(rng.integers(-6, 7))])) * self.tick
        qty = int(rng.choice([1, max(1, engine.order_state(number)[3]), int(rng.integers(1, 15))]))
        assert engine.replace(number, price, qty, stop) == plain.replace_order(number, price, qty, stop)

    def look(self) -> None:
        for instrument, book in enumerate(self.plain.books):
            shown = self.engine.quote(instrument)
            assert (shown[0] or None, shown[2] or None) == (book.best[BUY], book.best[SELL])
            assert self.engine.lots_of(instrument) == self.plain.lots[instrument]
        for mine in self.plain.orders:
            status, filled, _, qty, _ = self.engine.order_state(mine.number)
            assert (status, filled, qty) == (mine.status, mine.filled, mine.known[1])

    def messages(self) -> None:
        columns = self.engine.messages()
        native = list(zip(*(columns[name].tolist() for name in MESSAGES), strict=True))
        for ours, plain in zip(native, self.plain.messages, strict=False):
            assert ours == pytest.approx(plain, abs=1e-9, nan_ok=True), (ours, plain)
        assert len(native) == len(self.plain.messages)

    def run(self) -> None:
        now = self.engine.now
        while now <= self.last_act:
            now += int(self.rng.choice([0, 300, 2_000, 9_000]))
            goes_on = self.engine.advance(now)
            self.plain.advance(now)
            self.look()
            if not goes_on:
                break
            for _ in range(self.rng.integers(0, 4)):
                self.act()
        self.engine.advance(2**62)
        self.plain.advance(2**62)
        self.look()
        self.messages()


@pytest.mark.parametrize("names_orders", [False, True], ids=["levels", "orders"])
@pytest.mark.parametrize("first_seed", range(0, 160, 80))
def test_orders_of_every_type_are_those_of_the_plain_twin(first_seed: int, names_orders: bool) -> None:
    kinds: set[int] = set()
    reasons: set[int] = set()
    for seed in range(first_seed, first_seed + 80):
        pair = Pair(seed, names_orders=names_orders)
        pair.run()
        columns = pair.engine.messages()
        kinds |= set(columns["kind"].tolist())
        reasons |= set(columns["reason"].tolist())
    # All that can be said is said, but for what a gate would refuse.
    assert kinds == set(range(15)) - {1}
    assert reasons >= {3, 7, 1_001, 1_002, 1_003, 1_004, 1_006, 1_008, 1_009, 1_010, 1_011, 1_101}
