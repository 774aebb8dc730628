"""OpenQuanter: a Python strategy called per tick; each close is given to it as one tick.

Its orders fill at the next tick, which is the next close, without fees. It has no averages: the strategy
keeps its own.
"""

from __future__ import annotations

import numpy as np
import openquanter as oq

import market as mk
from engines import Setup
from market import Market

NEEDS = ("openquanter",)
NOTES = {"callback": "closes only; fills at the next close; no fees"}
CENT_IN_CASH_UNITS = oq.CASH_SCALE // 100


class Crossover:
    name = "crossover"

    def __init__(self) -> None:
        self.prices: list[int] = []
        self.fast_sum = self.slow_sum = 0
        self.invested = False

    def on_tick(self, ctx: oq.Context) -> list[oq.Order] | None:
        price = ctx.last
        prices = self.prices
        prices.append(price)
        self.fast_sum += price
        self.slow_sum += price
        n = len(prices)
        if n > mk.FAST:
            self.fast_sum -= prices[-1 - mk.FAST]
            if n > mk.SLOW:
                self.slow_sum -= prices[-1 - mk.SLOW]
        if n < mk.SLOW:
            return None
        above = self.fast_sum * mk.SLOW > self.slow_sum * mk.FAST
        if above == self.invested:
            return None
        self.invested = above
        return [oq.Order("buy", int(mk.QUANTITY)) if above else oq.Order("sell", int(mk.QUANTITY), "close")]


def callback(m: Market) -> Setup:
    cents = np.rint(m.close * 100).astype(np.int64)
    ticks = [oq.Tick(ts, price) for ts, price in zip(m.ts.tolist(), cents.tolist(), strict=True)]

    def work() -> float:
        result = oq.run_backtest(
            Crossover(),
            ticks,
            balance=int(mk.CAPITAL),
            enforce_margin=False,
            contract_size=CENT_IN_CASH_UNITS,
        )
        return float(result.final_equity / oq.CASH_SCALE)

    return lambda: work


def expected_callback(m: Market) -> float:
    """A hundred shares traded at the next close, without fees."""
    traded = np.diff(m.targets[:-1], prepend=0.0)
    return float(mk.CAPITAL - (traded * m.close[1:]).sum() + m.targets[-2] * m.close[-1])
