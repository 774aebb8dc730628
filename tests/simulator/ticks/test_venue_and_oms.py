"""An order of ours at the order-management system, and at the venue of a replay of that system's own tape."""

from collections import defaultdict
from typing import Any

import numpy as np
import pytest

from omni_lab.data import Events
from omni_lab.domain import Instrument
from omni_lab.execution import OMS, OMSConfig
from omni_lab.simulator.ticks import TickSimulator

STEP, KIND_LEVEL, KIND_TRADE = 1_000, 12, 6
SIDES = {"BUY": 1, "SELL": 2}
Fills = dict[tuple[int, float], float]


class Tape:
    """What the market would see of a system: levels without our order, and every print."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, int, int, int, int, int]] = []
        self.levels: dict[tuple[str, float], float] = defaultdict(float)

    def row(self, ts: int, kind: int, side: str, qty: float, price: float) -> None:
        self.rows.append((ts, kind, SIDES[side], 0, int(qty), int(price)))

    def whole(self) -> None:
        if self.rows:
            *row, _, qty, price = self.rows[-1]
            self.rows[-1] = (row[0], row[1], row[2], 2, qty, price)

    def command(self, ts: int, events: list[Any]) -> None:
        """The matching of a command, then what it led to in our order, as packets of their own."""
        resting = {e.order_id: e for e in events if e.kind == "ACCEPTED" and e.account == "market"}
        later = next((n for n, e in enumerate(events) if e.kind in ("TRIGGERED", "REPRICED")), len(events))
        for part in (events[:later], events[later:]):
            for event in part:
                if event.kind != "FILLED":
                    continue
                if event.order_id in resting and event.liquidity == "TAKER":
                    resting[event.order_id] = event
                if event.liquidity == "MAKER":
                    self.row(ts, KIND_TRADE, event.side, event.qty, event.price)
                    if event.account == "market":
                        self.move(ts, event.side, event.price, -event.qty)
            for order_id, event in resting.items():
                price = next(e.price for e in events if e.order_id == order_id and e.kind == "ACCEPTED")
                if event.leaves:
                    self.move(ts, event.side, price, event.leaves)
            resting = {}
            self.whole()

    def move(self, ts: int, side: str, price: float, qty: float) -> None:
        self.levels[side, price] += qty
        self.row(ts, KIND_LEVEL, side, self.levels[side, price], price)

    def events(self) -> Events:
        names = ("ts", "kind", "side", "flags", "qty", "price")
        return Events.from_columns(dict(zip(names, map(list, zip(*self.rows, strict=True)), strict=True)))


def both(seed: int, ours: dict[str, Any], keep_clear: float | None) -> tuple[Fills, Fills, int]:
    """Fills of our order by time and price at the system and in the replay, and how often it was touched."""
    rng = np.random.default_rng(seed)
    oms = OMS(OMSConfig(instruments=[Instrument("ABC", tick_size=1.0)], accounts=("market", "ours")))
    tape = Tape()
    number = sent_at = 0
    said: list[Any] = []
    for n in range(100):
        ts = STEP * (n + 1)
        if n == 30:
            sent_at = ts - STEP // 2
            number = oms.submit("ABC", account="ours", ts=sent_at, **ours)
            said += (events := list(oms.events()))
            tape.command(sent_at + 1, events)
        side, qty = str(rng.choice(["BUY", "SELL"])), int(rng.integers(1, 10))
        away = int(rng.integers(-3, 5))
        price = 100 - away if side == "BUY" else 101 + away
        if n >= 30 and price == keep_clear and side == ours["side"]:
            price += -1 if side == "BUY" else 1
        oms.submit("ABC", side, qty, float(price), account="market", ts=ts)
        said += (events := list(oms.events()))
        tape.command(ts, events)
    at_oms: Fills = defaultdict(float)
    mine = [event for event in said if event.order_id == number]
    for event in mine:
        if event.kind == "FILLED":
            at_oms[event.ts, event.price] += event.qty
    free = {"latency": {"entry_ns": 0, "response_ns": 0}, "feed_delay_ns": 0, "queue": "conservative"}
    sim = TickSimulator(tape.events(), {**free, "tick_size": 1.0})
    sim.advance(sent_at)
    terms = {name: value for name, value in ours.items() if name not in ("side", "qty", "price")}
    sim.submit(ours["side"], ours["qty"], limit=ours.get("price"), **terms)
    sim.run()
    at_venue: Fills = defaultdict(float)
    messages = sim.messages()
    for kind, ts, price, qty in zip(
        *(messages[name].tolist() for name in ("kind", "ts_venue", "price", "qty")), strict=True
    ):
        if kind == 6:
            at_venue[ts, float(price)] += qty
    kinds = {"TRIGGERED", "REPRICED", "REFRESHED"}
    return dict(at_oms), dict(at_venue), sum(e.kind in kinds for e in mine)


CASES: dict[str, dict[str, Any]] = {
    "stop": {"side": "BUY", "qty": 12, "stop_price": 103.0},
    "stop on the bid": {"side": "SELL", "qty": 12, "stop_price": 98.0, "trigger": "BBO"},
    "stop limit": {"side": "SELL", "qty": 30, "stop_price": 99.0, "price": 98.0},
    "trailing stop": {"side": "SELL", "qty": 9, "trail": 2.0},
    "trailing stop in bps": {"side": "BUY", "qty": 9, "trail_bps": 200, "trigger": "BBO"},
    "primary peg": {"side": "BUY", "qty": 40, "peg": "PRIMARY"},
    "mid peg with a cap": {"side": "SELL", "qty": 40, "peg": "MID", "price": 101.0},
    "market peg": {"side": "SELL", "qty": 40, "peg": "MARKET", "peg_offset": 1.0},
    "iceberg": {"side": "BUY", "qty": 60, "price": 100.0, "display_qty": 4},
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_fills_on_the_systems_own_tape_are_those_of_the_system(name: str) -> None:
    ours = {**CASES[name], "time_in_force": "GTC"}
    n_filled = n_touched = 0
    for seed in range(10):
        keep_clear = ours["price"] if name == "iceberg" else None
        at_oms, at_venue, touched = both(seed, ours, keep_clear)
        assert at_venue == at_oms, (name, seed)
        n_filled += len(at_oms)
        n_touched += touched
    assert n_filled >= 5
    assert n_touched >= 3
