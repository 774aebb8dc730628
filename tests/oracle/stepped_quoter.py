"""The market maker of ``docs/replay.md``, section 6, driven from Python look by look, and what it saw.

It is the twin of the one in tests/bench/hft_peer.py, and of ``run_quoter`` where it only quotes.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from omni_lab import _native
from omni_lab.simulator import FeeSchedule
from omni_lab.typing import AnyArray

WORKING = (1, 2)
MARKET, LIMIT = 0, 1
GTC, IOC, FOK, POST_ONLY = 0, 1, 2, 3


@dataclass(frozen=True, slots=True)
class Looks:
    """What the strategy knew at each look.

    ``values`` has a row a look: position, cash, fees, fills, lots and value traded, best bid and ask (NaN for
    an empty side). ``ts`` is when it looked.
    """

    ts: AnyArray
    values: AnyArray


def engine(feed: _native.TickFeed, run: dict[str, Any], measured: dict[str, AnyArray]) -> _native.TickEngine:
    """A replay with the settings of a run."""
    if run["latency"] == "measured":
        latency = {"kind": "measured", **measured}
    else:
        entry, response = run["latency"]
        latency = {"kind": "constant", "entry_ns": entry, "response_ns": response}
    fees = FeeSchedule.flat(maker_rate=run["maker_rate"], taker_rate=run["taker_rate"])
    return _native.TickEngine(
        feed,
        cash=0.0,
        tick_values=[run["tick_value"]],
        latency=latency,
        queue=run["queue"],
        power=run["power"],
        partial_fills=bool(run.get("partial")),
        limits=None,
        seed=1,
        sample_every_ns=0,
        models={"fees": fees.to_engine()},
    )


class Quoter:
    """Quotes, and now and then takes."""

    def __init__(self, replay: _native.TickEngine, run: dict[str, Any]) -> None:
        self.replay, self.run = replay, run
        self.is_buy: list[bool] = []
        self.is_quote: list[bool] = []

    def looks(self) -> Looks:
        """Look every ``interval_ns`` until nothing happens any more."""
        replay, times, rows = self.replay, [], []
        while replay.advance(replay.now + self.run["interval_ns"]):
            bid, _, ask, _ = replay.quote(0)
            account = (replay.lots, replay.cash, replay.fees, replay.n_fills)
            traded = (replay.traded_lots, replay.traded_value)
            times.append(replay.now)
            rows.append((*account, *traded, bid or np.nan, ask or np.nan))
            if bid and ask:
                self.act(bid, ask, len(rows))
        return Looks(np.array(times, np.int64), np.array(rows, float).reshape(-1, 8))

    def act(self, bid: int, ask: int, n_looks: int) -> None:
        """Cancel what is elsewhere, send what is missing."""
        run, replay, position = self.run, self.replay, self.replay.lots
        reservation = (bid + ask) * 0.5 - run["skew"] * position
        buy = min(int(np.floor(reservation - run["half_spread"])), bid)
        sell = max(int(np.ceil(reservation + run["half_spread"])), ask)
        levels = range(run["n_levels"])
        bids = [buy - k for k in levels] if position < run["max_position"] else []
        asks = [sell + k for k in levels] if position > -run["max_position"] else []
        for number in replay.working():
            status, _, price, _, is_pending = replay.order_state(number)
            wanted = bids if self.is_buy[number] else asks
            if self.is_quote[number] and price in wanted:
                wanted.remove(price)
            elif status in WORKING and not is_pending:
                replay.cancel(number)
        for is_buy, prices in ((True, bids), (False, asks)):
            for price in prices:
                self.send(is_buy, price, LIMIT, POST_ONLY if run["post_only"] else GTC)
        if run["take_every"] and n_looks % run["take_every"] == 0:
            # A market order, then limits that reach the other side, of every time in force.
            turn, is_buy = n_looks // run["take_every"] % 4, position <= 0
            if run.get("alternates"):
                is_buy = n_looks // run["take_every"] // 4 % 2 == 0
            kind, lasts = (MARKET, GTC) if turn == 0 else (LIMIT, (GTC, IOC, FOK)[turn - 1])
            self.send(is_buy, ask if is_buy else bid, kind, lasts, is_quote=False)

    def send(self, is_buy: bool, price: int, kind: int, time_in_force: int, *, is_quote: bool = True) -> None:
        self.is_buy.append(is_buy)
        self.is_quote.append(is_quote)
        self.replay.send(is_buy, price, self.run["qty"], kind, time_in_force)
