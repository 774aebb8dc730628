"""Zero intelligence in plain Python: lots by price and Gillespie's algorithm, no orders, no engine."""

import math
import random
from collections.abc import Iterator, Sequence


class Twin:
    """The model of Cont, Stoikov and Talreja (2010), section 2.2, in its state space: lots at each price."""

    def __init__(
        self,
        limit_rates: Sequence[float],
        market_rate: float,
        cancel_rates: Sequence[float],
        start: int,
        seed: int,
    ) -> None:
        self.limit_rates, self.market_rate, self.cancel_rates = limit_rates, market_rate, cancel_rates
        self.random = random.Random(seed)
        self.lots: tuple[dict[int, int], dict[int, int]] = ({}, {})  # bids, asks
        self.last = [start, start + 1]

    def best(self, side: int) -> int:
        """Best price of a side (0 bids, 1 asks), or the last there was."""
        if self.lots[side]:
            self.last[side] = min(self.lots[1]) if side else max(self.lots[0])
        return self.last[side]

    def depth(self, side: int) -> dict[int, int]:
        """Lots of a side by distance from the best price of the other."""
        sign = 1 if side else -1
        opposite = self.best(1 - side)
        return {sign * (price - opposite): qty for price, qty in self.lots[side].items()}

    def run(self, seconds: float) -> Iterator[float]:
        """Yield how long each state lasted, before it changes."""
        now = 0.0
        while now < seconds:
            moves = list(self._moves())
            total = sum(rate for rate, *_ in moves)
            wait = -math.log(1.0 - self.random.random()) / total
            yield wait
            now += wait
            rates = [rate for rate, *_ in moves]
            _, side, price, change = self.random.choices(moves, rates)[0]
            level = self.lots[side].get(price, 0) + change
            if level:
                self.lots[side][price] = level
            else:
                self.lots[side].pop(price, None)
            self.best(side)

    def _moves(self) -> Iterator[tuple[float, int, int, int]]:
        """Rate, side, price and lots of everything that can happen."""
        for side, sign in ((0, -1), (1, 1)):
            opposite = self.best(1 - side)
            for distance, rate in enumerate(self.limit_rates, start=1):
                yield rate, side, opposite + sign * distance, 1
            for distance, qty in self.depth(side).items():
                rate = self.cancel_rates[min(distance, len(self.cancel_rates)) - 1]
                yield rate * qty, side, opposite + sign * distance, -1
            if self.lots[side]:
                yield self.market_rate, side, self.best(side), -1
