"""The gate of a replay refuses what that of the order-management system refuses, with the same codes.

The same orders go to a replay without latency and to the plain-Python system, in which a second account
trades with them whenever the market of the replay does.
"""

from typing import Any

import numpy as np
import pytest

from omni_lab import _native
from omni_lab.execution import Limits, OMSConfig, ReferenceOMS

STATUS = 0x30
BUY, SELL = 1, 2
TICK = 0.01
LIMITS: list[dict[str, Any]] = [
    {"max_position": 12},
    {"max_order_qty": 6, "max_position": 40},
    {"collar_bps": 300},
    {"max_notional": 5.5},
    {"order_rate": 300_000, "order_burst": 3},
    {"cancel_rate": 100_000, "cancel_burst": 2, "order_rate": 900_000},
    {"max_daily_loss": 0.25},
    {"max_position": 20, "max_order_qty": 7, "collar_bps": 400, "max_notional": 6.9, "max_daily_loss": 0.9},
]


def prints(rng: np.random.Generator, n: int) -> dict[str, Any]:
    """A trade a microsecond, somewhere about 100."""
    return {
        "ts": np.arange(1, n + 1) * 1_000,
        "kind": np.full(n, 6, np.uint8),
        "side": rng.integers(1, 3, n).astype(np.uint8),
        "flags": np.full(n, 2, np.uint8),
        "instrument": np.zeros(n, np.uint16),
        "order_id": np.zeros(n, np.uint64),
        "other_id": np.zeros(n, np.uint64),
        "qty": np.full(n, 100),
        "price": rng.integers(95, 106, n),
    }


class Both:
    """A replay and a system with the same account, and which order of the one is which of the other."""

    def __init__(self, events: dict[str, Any], limits: dict[str, Any]) -> None:
        self.replay = _native.TickEngine(
            _native.TickFeed(events),
            cash=0.0,
            tick_values=[TICK],
            latency={"kind": "constant", "entry_ns": 0, "response_ns": 0},
            queue="conservative",
            power=1.0,
            partial_fills=False,
            limits=limits,
            seed=0,
            sample_every_ns=0,
        )
        # The first account is ours; the other has no limits.
        self.oms = ReferenceOMS(
            OMSConfig(instruments=["X"], accounts=["us", "them"], limits={"us": Limits(**limits)})
        )
        self.ids: dict[int, int] = {}

    def market(self, ts: int, side: int, price: int) -> None:
        """The market trades, with whoever of us waits there or better; the price is the new reference."""
        working = [(number, self.replay.order_state(number)[2]) for number in self.replay.working()]
        mine = [(number, at) for number, at in working if (at < 100) == (side == BUY)]
        for number, at in sorted(mine, key=lambda each: -each[1] if side == BUY else each[1]):
            if at >= price if side == BUY else at <= price:
                lots = self.replay.order_state(number)[3]
                taker = "sell" if side == BUY else "buy"
                self.oms.submit("X", taker, lots, at * TICK, account="them", time_in_force="ioc", ts=ts)
        self.oms.mark("X", price * TICK, ts=ts)
        self.replay.advance(ts)

    def send(self, ts: int, side: int, price: int, qty: int) -> tuple[int, int]:
        number = self.replay.send(side == BUY, price, qty)
        name = "buy" if side == BUY else "sell"
        self.ids[number] = self.oms.submit("X", name, qty, price * TICK, account="us", ts=ts)
        return self.verdicts(self.replay.order_reason(number))

    def cancel(self, ts: int, number: int) -> tuple[int, int]:
        passed = self.replay.cancel(number)
        self.oms.cancel(self.ids[number], ts=ts)
        return self.verdicts(0 if passed else self.last_reason())

    def replace(self, ts: int, number: int, price: int, qty: int) -> tuple[int, int]:
        passed = self.replay.replace(number, price, qty)
        self.oms.replace(self.ids[number], qty=qty, price=price * TICK, ts=ts)
        return self.verdicts(0 if passed else self.last_reason())

    def lots(self) -> float:
        return sum(position.qty for position in self.oms.positions() if position.account == "us")

    def last_reason(self) -> int:
        return int(self.replay.messages()["reason"][-1])

    def verdicts(self, ours: int) -> tuple[int, int]:
        self.replay.advance(self.replay.now)
        return ours, self.oms.read_register(STATUS)


@pytest.mark.parametrize("limits", LIMITS, ids="+".join)
def test_the_same_orders_are_refused_for_the_same_reasons(limits: dict[str, Any]) -> None:
    rng = np.random.default_rng(6)
    events = prints(rng, 400)
    both = Both(events, limits)
    seen = set()
    for ts, market_side, print_at in zip(
        *(events[name].tolist() for name in ("ts", "side", "price")), strict=True
    ):
        both.market(ts, market_side, print_at)
        assert both.replay.lots == both.lots()
        side, away, qty = (int(x) for x in (rng.integers(1, 3), rng.integers(1, 6), rng.integers(1, 9)))
        price = 100 - away if side == BUY else 100 + away
        working, choice = both.replay.working(), rng.random()
        if choice < 0.5 or not working:
            ours, theirs = both.send(ts, side, price, qty)
        else:
            number = int(rng.choice(working))
            if choice < 0.7:
                ours, theirs = both.cancel(ts, number)
            else:
                same_side = both.replay.order_state(number)[2] < 100
                price = 100 - away if same_side else 100 + away
                ours, theirs = both.replace(ts, number, price, qty)
        assert ours == theirs
        seen.add(ours)
    assert 0 in seen
    assert len(seen) > len(limits) / 2
