"""A share of what trades, and never more than a cap of any window: docs/execution.md, section 2."""

from __future__ import annotations

from dataclasses import dataclass

from omni_lab.errors import ConfigError
from omni_lab.execution.algorithms.market import MarketView
from omni_lab.execution.algorithms.orders import Parent
from omni_lab.execution.algorithms.schedules import SECOND, Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Pov:
    """A share of what trades.

    Attributes
    ----------
    rate : float
        Lots for each lot on the tape; above 0, at most ``cap``.
    cap : float
        Largest share of any window: what was filled in it plus what is open.
    window : int
        Span of a window, nanoseconds; the first begins with the parent.
    guard : int
        Nanoseconds before the end of a window at which its children are canceled, and from which on none is
        sent: longer than an order and its answer take.
    min_size : float
        Units below which no child is sent, unless it is the last.
    catch_up : bool
        Whether what a window fell behind is made up for later, within the cap.
    must_finish : bool
        Whether what is left at the end is sent at once, beyond the cap.
    """

    rate: float = 0.1
    cap: float = 0.2
    window: int = 60 * SECOND
    guard: int = 2 * SECOND
    min_size: float = 0.0
    catch_up: bool = True
    must_finish: bool = False

    def __post_init__(self) -> None:
        problems = []
        if not 0.0 < self.rate <= self.cap <= 1.0:
            problems.append(f"0 < rate <= cap <= 1 must hold, not rate {self.rate} and cap {self.cap}")
        if not 0 <= self.guard < self.window:
            problems.append(f"guard must be from 0 to below the window, not {self.guard} of {self.window}")
        if not 0.0 <= self.min_size < float("inf"):
            problems.append(f"min_size must be 0 or more, not {self.min_size}")
        if problems:
            raise ConfigError("; ".join(problems), where="Pov")

    def begin(self, parent: Parent, market: MarketView) -> Plan:
        """Count the tape from now on."""
        return _Participating(parent, self, market, max(round(self.min_size / market.lot_size), 1))


@dataclass(slots=True)
class _Participating:
    parent: Parent
    schedule: Pov
    market: MarketView
    least: int
    number: int = 0
    volume_before: int = 0
    filled_before: int = 0
    so_far: int = 0

    def due(self, now: int) -> int:
        self._enter(now)
        base, volume = 0, self.market.volume
        if not self.schedule.catch_up:
            base, volume = self.filled_before, self.market.volume - self.volume_before
        wanted = min(base + int(self.schedule.rate * volume), self.parent.lots)
        if wanted - self.so_far >= self.least or wanted == self.parent.lots:
            self.so_far = max(self.so_far, wanted)
        return self.so_far

    def room(self, now: int) -> int:
        self._enter(now)
        return self.filled_before + int(self.schedule.cap * (self.market.volume - self.volume_before))

    def is_closing(self, now: int) -> bool:
        passed = (now - self.parent.start) % self.schedule.window
        return passed >= self.schedule.window - self.schedule.guard

    def _enter(self, now: int) -> None:
        number = (now - self.parent.start) // self.schedule.window
        if number != self.number:
            self.number = number
            self.volume_before, self.filled_before = self.market.volume, self.parent.filled
