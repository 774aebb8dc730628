"""A written market at its pace: which commands are due when, with the ids of the orders that they name."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from omni_lab.domain import CommandKind, Instrument
from omni_lab.errors import ConfigError
from omni_lab.execution.edges import from_grid
from omni_lab.system.market import Market
from omni_lab.system.translation import PRINT_COLUMNS
from omni_lab.typing import AnyArray, IntArray

_MOST_AT_ONCE = 1 << 13
_SHORTEST_DAY_NS = 10**9


@dataclass(frozen=True, slots=True, eq=False)
class Slice:
    """What the market does between two looks.

    Attributes
    ----------
    commands : dict of str to ndarray
        As ``OMS.apply`` takes them.
    prints : dict of str to ndarray
        Trades that are only told: price and quantity as people write them.
    ts : int
        End of the slice in time of the market, nanoseconds.
    n_events : int
        Events of the market in it.
    begins : bool
        Whether the market begins anew with it: what `street` left standing is taken back before.
    """

    commands: dict[str, AnyArray]
    prints: dict[str, AnyArray]
    ts: int
    n_events: int
    begins: bool = False


class ScriptFeed:
    """A market that is written down, slice by slice.

    Parameters
    ----------
    market : Market
    slice_ns : int
        Length of a slice in time of the market.
    speed : float
        Seconds of the market in one of ours; infinite does not wait.
    endless : bool
        Whether it begins anew at the end of its session, and its times are moved to now.
    gathers : bool
        Whether many slices may be taken at once, where nobody looks in between.
    clock : callable
        Nanoseconds UTC.

    Raises
    ------
    ConfigError
        If it is to begin anew again and again, and lasts less than a second.
    """

    def __init__(
        self,
        market: Market,
        *,
        slice_ns: int,
        speed: float = 1.0,
        endless: bool = False,
        gathers: bool = False,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.market = market
        self._slice_ns, self._speed, self._endless, self._gathers = slice_ns, speed, endless, gathers
        self._clock = clock
        self._script = market.script
        self._lots = np.array([each.lot_size for each in market.instruments])
        self._end = market.closes if endless else len(market.script)
        if endless:
            _check_lasts(market)
        self._place = self._print = 0
        self._events_told = 0
        self._ids = np.zeros(int(self._script.number.max(initial=-1)) + 1, dtype=np.int64)
        self._shift = 0
        self._anchor: tuple[int, int] | None = None
        self.on_news: Callable[[], None] = lambda: None
        self._begins = False

    @property
    def source(self) -> str:
        """What it is, in a phrase."""
        return self.market.source

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """What is traded."""
        return self.market.instruments

    @property
    def reference_prices(self) -> Mapping[str, float]:
        """First price that each traded at."""
        return self.market.reference_prices

    @property
    def price_unit(self) -> float:
        """Grid that prices of trades lie on."""
        return self.market.print_unit

    @property
    def progress(self) -> float:
        """How much of it has been told, from 0 to 1."""
        return self._place / max(self._end, 1)

    @property
    def n_told(self) -> int:
        """Events of the market so far, since it last began."""
        return self._events_told

    def resume(self, n_commands: int, street_ids: IntArray) -> None:
        """Go on after so many commands, the new orders of which got these ids."""
        self._place = n_commands
        self._ids[: len(street_ids)] = street_ids[: len(self._ids)]
        if n_commands:
            self._print = int(np.searchsorted(self._script.prints["ts"], self._script.ts[n_commands - 1]))
            self._events_told = int(self._script.row[n_commands - 1]) + 1

    def begin(self) -> None:
        """Start the clock."""
        now = self._clock()
        if self._endless:
            # The book as it stood at the opening is there at once.
            self._begins = True
            self._shift = now - int(self._script.ts[min(self.market.opens, self._end - 1)])
        if self._place < self._end:
            first = self.market.opens if self._endless else self._place
            self._anchor = now, int(self._script.ts[min(first, self._end - 1)])

    def due_in(self) -> float | None:
        """Seconds until the next slice is due; 0 if it is, None at the end."""
        if self._place >= self._end:
            if not self._endless:
                return None
            self._place = self._print = 0
            self._events_told = 0
            self.begin()
        if math.isinf(self._speed) or self._begins:
            return 0.0
        assert self._anchor is not None, "begin sets it"
        now_wall, now_market = self._anchor
        due = (self._boundary(int(self._script.ts[self._place])) - now_market) / self._speed
        return max(0.0, (due - (self._clock() - now_wall)) / 1e9)

    def now(self) -> int | None:
        """Time in the market, nanoseconds; None where no clock of ours says it."""
        if self._endless:
            return self._clock()
        if math.isinf(self._speed) or self._anchor is None:
            return None
        wall, market = self._anchor
        return market + int((self._clock() - wall) * self._speed)

    def take(self, next_id: int) -> Slice:
        """The slice that is due; new orders get ids from this one on."""
        script, first = self._script, self._place
        begins, self._begins = self._begins, False
        if begins:
            last, until = max(self.market.opens, 1), self._clock()
        else:
            until = self._until(int(script.ts[first]))
            last = min(int(np.searchsorted(script.ts, until)), self._end)
        rows = slice(first, last)
        kind, number = script.kind[rows], script.number[rows]
        is_new = kind == CommandKind.NEW
        self._ids[number[is_new]] = next_id + np.arange(int(is_new.sum()))
        ts = script.ts[rows] + self._shift
        commands = {
            "kind": kind,
            "ts": np.full(len(ts), until, dtype=np.int64) if begins else ts,
            "order_id": np.where(is_new | (number < 0), 0, self._ids[number]).astype(np.uint64),
            **{
                name: getattr(script, name)[rows]
                for name in ("instrument", "side", "time_in_force", "qty", "price", "phase")
            },
        }
        told = int(script.row[last - 1]) + 1 if last < len(script) else script.n_events
        n_events, self._events_told = told - self._events_told, told
        prints = self._prints(last, until, quietly=begins)
        self._place = last
        return Slice(commands, prints, until + (0 if begins else self._shift), n_events, begins)

    def _boundary(self, ts: int) -> int:
        return (ts // self._slice_ns + 1) * self._slice_ns

    def _until(self, ts: int) -> int:
        """End of what is due, of which the event at ``ts`` is the first."""
        until = self._boundary(ts)
        if math.isinf(self._speed):
            if self._gathers:
                far = min(self._place + _MOST_AT_ONCE, self._end - 1)
                until = max(until, self._boundary(int(self._script.ts[far])))
            return until
        assert self._anchor is not None, "begin sets it"
        wall, market = self._anchor
        passed = market + int((self._clock() - wall) * self._speed)
        return max(until, passed // self._slice_ns * self._slice_ns)

    def _prints(self, place: int, until: int, *, quietly: bool) -> dict[str, AnyArray]:
        """Trades that are only told, up to a time; those of before the opening are not."""
        prints = self._script.prints
        if quietly:
            until = int(self._script.ts[place - 1])
        last = len(prints["ts"]) if place >= self._end else int(np.searchsorted(prints["ts"], until))
        rows = slice(last if quietly else self._print, last)
        self._print = last
        found = {name: prints[name][rows] for name in PRINT_COLUMNS}
        return found | {
            "ts": found["ts"] + self._shift,
            "price": from_grid(found["price"], self.market.print_unit),
            "qty": found["qty"] * self._lots[found["instrument"]],
        }


def _check_lasts(market: Market) -> None:
    """A day of no length would begin anew as fast as the disk takes its orders."""
    session = market.script.ts[market.opens : market.closes]
    lasts = int(session[-1] - session[0]) if len(session) else 0
    if lasts < _SHORTEST_DAY_NS:
        raise ConfigError(
            "the session of this capture is too short to be played again and again",
            found=f"{lasts / 1e9:g} s",
            expected="a second or more",
            where=f"SystemConfig.market, {market.source}",
            hint="Replay it once: mode 'replay'.",
        )
