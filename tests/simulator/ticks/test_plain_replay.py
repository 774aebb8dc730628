"""The native replay against its plain twin: random markets and orders, every message and every look equal."""

from typing import Any

import numpy as np
import pytest

from omni_lab import _native
from omni_lab.simulator import FeeSchedule
from omni_lab.typing import AnyArray
from tests.simulator.ticks.plain_impact import PlainImpact
from tests.simulator.ticks.plain_replay import BUY, LIMIT, MARKET, SELL, PlainReplay, Rules

QUEUES = ("conservative", "power", "power_of_whole", "power_of_share", "log", "log_of_whole")
HIDDEN = 8
MESSAGES = ("ts", "ts_venue", "order", "kind", "qty", "price", "is_maker", "reason", "ahead", "fee")


def market(rng: np.random.Generator, n: int, n_instruments: int) -> dict[str, AnyArray]:
    """Levels, trades, auctions, halts and clears at a few prices; times repeat."""
    kind = rng.choice([12, 6, 7, 9, 11], n, p=[0.66, 0.26, 0.02, 0.04, 0.02])
    side = rng.integers(1, 3, n)
    no_side = (kind == 7) | (kind == 9) | ((kind == 6) & (rng.random(n) < 0.15))
    no_side |= (kind == 11) & (rng.random(n) < 0.3)
    away = np.minimum(rng.geometric(0.35, n), 6) - 2
    price = np.where(side == BUY, 100 - away, 101 + away)
    qty = rng.integers(1, 12, n)
    qty[(kind == 12) & (rng.random(n) < 0.3)] = 0
    qty[kind == 9] = rng.choice([1, 1, 1, 2, 3, 4], np.sum(kind == 9))
    gaps = rng.integers(1, 2_000, n) * (rng.random(n) < 0.7)
    return {
        "ts": 1_000_000 + np.cumsum(gaps),
        "kind": kind.astype(np.uint8),
        "side": np.where(no_side, 0, side).astype(np.uint8),
        "flags": np.full(n, 2, np.uint8),
        "instrument": rng.integers(0, n_instruments, n).astype(np.uint16),
        "order_id": np.zeros(n, np.uint64),
        "other_id": np.zeros(n, np.uint64),
        "qty": qty,
        "price": np.where((kind == 9) | (kind == 11), 0, price),
    }


def latency(rng: np.random.Generator, kind: int, span: tuple[int, int]) -> dict[str, Any]:
    match kind % 4:
        case 0:
            entry, response = rng.choice([0, 1, 700, 5_000], 2).tolist()
            return {"kind": "constant", "entry_ns": entry, "response_ns": response}
        case 1:
            return {"kind": "lognormal", "base_ns": 200, "median_ns": 800.0, "sigma": 0.8}
    sent = np.sort(rng.integers(span[0] - 5_000, span[1], 12))
    arrived = np.maximum.accumulate(sent + rng.integers(1, 3_000, 12))
    answered = arrived + rng.integers(0, 3_000, 12)
    lost = (rng.random(12) < 0.15) & (kind % 4 == 3)
    return {"kind": "measured", "sent": sent, "arrived": np.where(lost, 0, arrived), "answered": answered}


def impact(rng: np.random.Generator, events: dict[str, AnyArray]) -> PlainImpact:
    temporary, permanent = rng.choice([0.0, 0.5, 2.0], 2).tolist()
    half_life = float(rng.choice([0.5, 3.0])) if rng.random() < 0.5 else None
    terms = temporary, float(rng.choice([0.5, 1.0])), permanent, half_life, int(rng.integers(2, 9))
    return PlainImpact(events, terms, int(rng.choice([3_000, 20_000])), int(rng.choice([1, 1, 2])))


def halts(rng: np.random.Generator, events: dict[str, AnyArray], n: int) -> tuple[tuple[int, int, int], ...]:
    first, last = int(events["ts"][0]), int(events["ts"][-1])
    starts = rng.integers(first - 5_000, last, 3).tolist()
    return tuple(
        (int(rng.integers(0, n)), start, start + int(rng.choice([0, 900, 20_000]))) for start in starts
    )


class Pair:
    """The same replay twice, and the same orders."""

    def __init__(self, seed: int, *, with_models: bool = False) -> None:
        rng = self.rng = np.random.default_rng(seed)
        events = market(rng, int(rng.integers(5, 400)), int(rng.integers(1, 3)))
        n_instruments = len(np.unique(events["instrument"]))
        events["instrument"] = np.unique(events["instrument"], return_inverse=True)[1].astype(np.uint16)
        delays = rng.integers(0, 3_000, len(events["ts"]))
        self.feed = _native.TickFeed(events, each_delay_ns=delays)
        self.rules = Rules(
            queue=QUEUES[seed % 6],
            power=float(rng.choice([1.0, 2.0, 3.0, 0.7, 2.5])),
            partial=bool(seed % 2),
            latency=latency(rng, int(rng.integers(0, 4)), (int(events["ts"][0]), int(events["ts"][-1]))),
            maker_per_lot=-0.25,
            taker_per_lot=0.5,
            seed=seed,
            impact=impact(rng, events) if with_models else None,
            halts=halts(rng, events, n_instruments) if with_models else (),
        )
        self.n_instruments = n_instruments
        self.engine = make_engine(self.feed, self.rules)
        self.plain = PlainReplay(events, delays.tolist(), n_instruments, self.rules)
        self.last_act = int(self.feed.span[1]) + 20_000

    def act(self) -> None:
        """Send, cancel or replace something, whether that makes sense or not."""
        rng, engine, plain = self.rng, self.engine, self.plain
        side, price, qty = (int(x) for x in (rng.integers(1, 3), rng.integers(95, 107), rng.integers(1, 15)))
        choice, n_orders = rng.random(), engine.n_orders
        if choice < 0.6 or n_orders == 0:
            kind, lasts = (MARKET if rng.random() < 0.15 else LIMIT), int(rng.choice([0, 0, 0, 1, 2, 3]))
            instrument = int(rng.integers(0, self.n_instruments))
            engine.send(side == BUY, price, qty, kind, lasts, instrument)
            plain.send(instrument, side, kind, lasts, price, qty)
            return
        number = int(rng.integers(max(0, n_orders - 8), n_orders))
        if choice < 0.8:
            assert engine.cancel(number) == plain.cancel(number)
        else:
            if rng.random() < 0.6:
                price = engine.order_state(number)[2] or price
            assert engine.replace(number, price, qty) == plain.replace(number, price, qty)

    def look(self) -> None:
        """Whatever a strategy can see is the same."""
        engine, plain = self.engine, self.plain
        for instrument, book in enumerate(plain.books):
            bids, asks = book.shown(BUY), book.shown(SELL)
            prices = [[p for p, _ in bids], [q for _, q in bids], [p for p, _ in asks], [q for _, q in asks]]
            assert [column.tolist() for column in engine.levels(instrument, 50)] == prices
            assert engine.lots_of(instrument) == plain.lots[instrument]
        assert np.isclose(engine.cash, plain.cash)
        for order in plain.orders[-8:]:
            status, filled, price, qty, _ = engine.order_state(order.number)
            assert (status, filled, (price, qty)) == (order.status, order.filled, order.known)
            waits = order in plain.markets[order.instrument].waiting
            assert engine.ahead(order.number) == (pytest.approx(order.front, abs=1e-9) if waits else None)

    def messages(self) -> None:
        columns = self.engine.messages()
        native = list(zip(*(columns[name].tolist() for name in MESSAGES), strict=True))
        assert len(native) == len(self.plain.messages)
        for ours, plain in zip(native, self.plain.messages, strict=True):
            assert ours == pytest.approx(plain, abs=1e-9, nan_ok=True), (ours, plain)


def make_engine(feed: _native.TickFeed, rules: Rules) -> _native.TickEngine:
    fees = FeeSchedule.flat(maker_per_share=rules.maker_per_lot, taker_per_share=rules.taker_per_lot)
    models: dict[str, Any] = {"fees": fees.to_engine(), "halts": list(rules.halts)}
    if rules.impact is not None:
        names = ("temporary", "exponent", "permanent", "half_life", "window")
        terms = dict(zip(names, rules.impact.terms, strict=True))
        models["impact"] = {**terms, "span_ns": rules.impact.span}
    return _native.TickEngine(
        feed,
        cash=0.0,
        tick_values=[1.0] * len(feed.instruments()),
        latency=rules.latency,
        queue=rules.queue,
        power=rules.power,
        partial_fills=rules.partial,
        limits=None,
        seed=rules.seed,
        sample_every_ns=0,
        models=models,
        tick=1 if rules.impact is None else rules.impact.grid,
    )


@pytest.mark.parametrize("with_models", [False, True])
@pytest.mark.parametrize("first_seed", range(0, 180, 30))
def test_messages_and_books_are_those_of_the_plain_twin(first_seed: int, *, with_models: bool) -> None:
    kinds: set[int] = set()
    reasons: set[int] = set()
    n_moved = 0
    for seed in range(first_seed, first_seed + 30):
        pair = Pair(seed, with_models=with_models)
        now = pair.engine.now
        while True:
            now += int(pair.rng.choice([0, 300, 2_000, 9_000]))
            goes_on = pair.engine.advance(now)
            pair.plain.advance(now)
            pair.look()
            if not goes_on or now > pair.last_act:
                break
            for _ in range(pair.rng.integers(0, 3)):
                pair.act()
        pair.engine.advance(2**62)
        pair.plain.advance(2**62)
        pair.messages()
        columns = pair.engine.messages()
        kinds |= set(columns["kind"].tolist())
        reasons |= set(columns["reason"].tolist())
        met = pair.engine.met()
        n_moved += int(np.sum(columns["price"][met["message"]] != met["price"]))
    # Everything that can be said is said: nothing is refused by a gate, for there is none.
    assert kinds == set(range(11)) - {1}
    assert reasons >= {1_001, 1_002, 1_003, 1_004, 1_006}
    # Impact moved prices, where there was any.
    assert (n_moved > 20) == with_models
