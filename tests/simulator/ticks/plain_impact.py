"""Impact on captured markets in the words of ``docs/replay.md``, section 1, without a shortcut."""

import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from omni_lab.typing import AnyArray

BUY = 1
TRADES = (6, 7)


@dataclass
class PlainImpact:
    """What taking does to the price of those who take.

    ``terms`` are temporary, exponent, permanent, half-life (None for none) and window; ``span`` is
    nanoseconds, ``grid`` ticks.
    """

    events: dict[str, AnyArray]
    terms: tuple[float, float, float, float | None, int]
    span: int
    grid: int
    displaced: dict[int, tuple[float, int]] = field(default_factory=dict)

    def usual(self, instrument: int, now: int) -> tuple[float, float]:
        """Volatility of a span's return and volume of a span; zeros while they are not known."""
        spans: dict[int, tuple[int, int]] = {}
        names = ("ts", "kind", "instrument", "qty", "price")
        for ts, kind, of, qty, price in zip(*(self.events[name].tolist() for name in names), strict=True):
            if of == instrument and kind in TRADES and ts // self.span < now // self.span:
                lots, _ = spans.get(ts // self.span, (0, 0))
                spans[ts // self.span] = lots + qty, price
        window = self.terms[4]
        last = [spans[number] for number in sorted(spans)][-window - 1 :]
        volume = statistics.fmean([lots for lots, _ in last[-window:]]) if last else 0.0
        if len(last) < 3 or volume <= 0:
            return 0.0, 0.0
        closes = [close for _, close in last]
        return statistics.stdev(b / a - 1 for a, b in itertools.pairwise(closes)), volume

    def displacement(self, instrument: int, now: int) -> float:
        value, since = self.displaced.get(instrument, (0.0, now))
        half_life = self.terms[3]
        return value if half_life is None else value * math.pow(0.5, (now - since) / self.span / half_life)

    def fraction(self, instrument: int, side: int, now: int, lots: int) -> float:
        """How far against an order of so many lots its price moves."""
        sigma, volume = self.usual(instrument, now)
        share = lots / volume if volume else 0.0
        temporary, exponent, permanent, _, _ = self.terms
        sign = 1 if side == BUY else -1
        own = temporary * sigma * math.pow(share, exponent) + permanent * sigma * share / 2
        return sign * self.displacement(instrument, now) + own

    def moved(self, side: int, price: int, fraction: float) -> int:
        """The price an order gets where it meets one."""
        distance = math.ceil(price * fraction / self.grid - 1e-9) * self.grid
        return max(self.grid, price + distance if side == BUY else price - distance)

    def take(self, instrument: int, side: int, now: int, lots: int) -> None:
        """What it leaves behind."""
        sigma, volume = self.usual(instrument, now)
        own = self.terms[2] * sigma * lots / volume if volume else 0.0
        value = self.displacement(instrument, now) + (own if side == BUY else -own)
        self.displaced[instrument] = value, now

    def reach(
        self,
        instrument: int,
        side: int,
        now: int,
        limit: int | None,
        there: Sequence[tuple[int, int]],
        lots: int,
    ) -> tuple[int, float]:
        """The most lots of which none is paid for beyond the limit, and how far their prices move."""
        while lots > 0:
            fraction = self.fraction(instrument, side, now, lots)
            shown, last = 0, 0
            for price, qty in there:
                shown, last = shown + qty, price
                if shown >= lots:
                    break
            paid = self.moved(side, last, fraction)
            if limit is None or (paid <= limit if side == BUY else paid >= limit):
                return lots, fraction
            lots -= 1
        return 0, 0.0
