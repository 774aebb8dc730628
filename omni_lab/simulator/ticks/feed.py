"""A market to replay: events, prepared once for any number of runs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np

from omni_lab._native import TickFeed
from omni_lab.data import EventFlag, EventKind, Events
from omni_lab.data.events import COLUMNS
from omni_lab.errors import ConfigError, UnknownSymbolError
from omni_lab.simulator.ticks.config import FEED_DELAY_NS, TickConfig
from omni_lab.simulator.ticks.sessions import within_sessions
from omni_lab.typing import IntArray

_QUOTED = (EventKind.ADD, EventKind.REPLACE, EventKind.MODIFY, EventKind.LEVEL)


class MarketFeed:
    """Events of a market, prepared for replay.

    Parameters
    ----------
    events : Events
        Of one or several instruments; times must not fall.
    delay_ns : int or array_like of int, shape (n_events,)
        How much later than it happened we hear of an event, nanoseconds.
    tick_size : float, optional
        Grid of order prices, currency; see :class:`TickConfig`.

    Raises
    ------
    DataError
        If there are no events or their times fall.
    ConfigError
        If the grid is not a whole number of the feed's price units.
    """

    def __init__(
        self,
        events: Events,
        *,
        delay_ns: int | IntArray = FEED_DELAY_NS,
        tick_size: float | None = None,
    ) -> None:
        self.events = events
        self.info = events.info
        self.delay_ns = delay_ns
        each = None if isinstance(delay_ns, int) else np.ascontiguousarray(delay_ns, dtype=np.int64)
        self.native = TickFeed(
            events.columns(),
            delay_ns=delay_ns if isinstance(delay_ns, int) else 0,
            each_delay_ns=each,
        )
        self._numbers = [int(number) for number in self.native.instruments()]
        self.symbols = tuple(self.info.symbol(number) for number in self._numbers)
        self.tick = self._tick(tick_size)

    @property
    def lot_size(self) -> float:
        """What one lot is worth in units of quantity."""
        return self.info.lot_size

    @property
    def tick_size(self) -> float:
        """Grid of order prices, currency."""
        return self.tick * self.info.tick_size

    @property
    def span(self) -> tuple[int, int]:
        """When the first event happened, and when the last was heard of."""
        return self.native.span

    @property
    def counts(self) -> Mapping[str, int]:
        """What was seen, and what was wrong with it."""
        return self.native.counts()

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) over every column and what the numbers mean."""
        digest = hashlib.sha256(repr((self.info.tick_size, self.info.lot_size, self.symbols)).encode())
        for name in COLUMNS:
            digest.update(np.ascontiguousarray(getattr(self.events, name)).tobytes())
        digest.update(np.asarray(self.delay_ns, dtype=np.int64).tobytes())
        return digest.hexdigest()

    def place(self, symbol: str | None) -> int:
        """Place of an instrument in the replay; the only one for None.

        Raises
        ------
        UnknownSymbolError
            Naming the closest symbol there is.
        ConfigError
            If None does not say which of several is meant.
        """
        if symbol is None:
            if len(self.symbols) == 1:
                return 0
            raise ConfigError(
                "say which instrument is meant", expected=self.symbols[:5], where="symbol", found=None
            )
        try:
            return self.symbols.index(symbol)
        except ValueError:
            raise UnknownSymbolError(
                "no instrument of this replay goes by this symbol", found=symbol, expected=self.symbols
            ) from None

    def price(self, units: float) -> float:
        """A price of the feed in currency."""
        per_unit = round(1.0 / self.info.tick_size)
        exact = per_unit >= 1 and abs(per_unit * self.info.tick_size - 1.0) < 1e-9
        return units / per_unit if exact else units * self.info.tick_size

    def units(self, price: float) -> int:
        """A price in currency as units of the feed, on the grid of order prices."""
        return round(price / self.tick_size) * self.tick

    def lots(self, qty: float) -> int:
        """Whole lots in a quantity, truncated toward zero; within 1e-9 of the next counts as that."""
        exact = qty / self.lot_size
        return int(exact + (1e-9 if exact >= 0 else -1e-9))

    def _tick(self, tick_size: float | None) -> int:
        if tick_size is not None:
            units = tick_size / self.info.tick_size
            if round(units) < 1 or abs(units - round(units)) > 1e-6:
                raise ConfigError(
                    "tick_size must be a whole number of the feed's price units",
                    found=tick_size,
                    expected=f"a multiple of {self.info.tick_size:g}",
                    where="tick_size",
                )
            return round(units)
        quoted = np.isin(self.events.kind, _QUOTED) & ((self.events.flags & EventFlag.SNAPSHOT) == 0)
        prices = np.unique(self.events.price[quoted])
        prices = prices[prices > 0]
        return int(np.gcd.reduce(prices)) if prices.size else 1


def prepare(feed: Any, config: TickConfig) -> MarketFeed:
    """A prepared feed from whatever was given: one that is, events, or a reader that has them."""
    if isinstance(feed, MarketFeed):
        if config.calendar is not None:
            raise ConfigError(
                "a calendar acts on events, and this feed is prepared already",
                found="a MarketFeed",
                expected="Events or a reader of them",
                where="TickConfig.calendar",
                hint="MarketFeed(within_sessions(events, calendar)) prepares one (simulator.ticks.sessions).",
            )
        return feed
    if not isinstance(feed, Events) and hasattr(feed, "events"):
        feed = feed.events()
    if not isinstance(feed, Events):
        raise ConfigError(
            "this is no market to replay",
            found=type(feed).__name__,
            expected="Events, a reader of them such as ItchFile or LobsterDay, or a MarketFeed",
        )
    if config.calendar is not None:
        feed = within_sessions(feed, config.calendar)
    return MarketFeed(feed, delay_ns=config.feed_delay_ns, tick_size=config.tick_size)
