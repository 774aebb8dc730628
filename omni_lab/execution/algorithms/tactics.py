"""How a child is sent: docs/execution.md, sections 3 and 4."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Protocol

from omni_lab.errors import ConfigError
from omni_lab.execution.algorithms.market import Touch
from omni_lab.execution.algorithms.orders import Child, Parent

SECOND = 1_000_000_000


class Hand(Protocol):
    """What a tactic may do for one parent, within its limit and the room of its plan."""

    @property
    def now(self) -> int:
        """Our clock, nanoseconds."""

    @property
    def parent(self) -> Parent:
        """The parent."""

    @property
    def touch(self) -> Touch:
        """The market."""

    @property
    def tick_size(self) -> float:
        """Grid of prices."""

    @property
    def spread_ratio(self) -> float:
        """The spread over its average so far."""

    @property
    def volatility_ratio(self) -> float:
        """Volatility of late over its average so far."""

    def take(self, lots: int) -> None:
        """An order for so many lots that does not wait, at the far touch."""

    def rest(self, lots: int) -> None:
        """A limit order for so many lots at the near touch."""

    def cancel(self, child: Child) -> None:
        """Ask for a cancel, unless one is on its way."""

    def note(self, rule: str) -> None:
        """Remember which rule decides from now on."""


@dataclass(frozen=True, slots=True)
class Need:
    """How far a parent is behind its plan, lots.

    Attributes
    ----------
    due : int
        Due and not filled.
    unsent : int
        Due and neither filled nor open; below 0 when more is open than is due.
    overdue : int
        Due since before the last step of the plan, and not filled.
    since : int
        Nanoseconds for which something has been due and not filled.
    """

    due: int
    unsent: int
    overdue: int
    since: int


class Tactic(Protocol):
    """How what is due is sent."""

    def act(self, hand: Hand, need: Need) -> None:
        """Send or cancel children."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cross:
    """Take what is behind from the far touch.

    Attributes
    ----------
    max_take : float
        Largest share of what shows there, above 0 to 1.
    """

    max_take: float = 1.0

    def __post_init__(self) -> None:
        _require_share("Cross", max_take=self.max_take)

    def act(self, hand: Hand, need: Need) -> None:
        """Take."""
        if not _withdrawn(hand) or need.unsent <= 0:
            return
        _, shown = hand.touch.far(hand.parent.is_buy)
        hand.take(min(need.unsent, max(int(shown * self.max_take), 1)) if shown else 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """Wait at the near touch, and cross when that takes too long.

    Attributes
    ----------
    patience : int
        Nanoseconds after which it crosses what was not filled.
    tolerance : float
        Share of the parent that may be overdue; beyond, it crosses.
    crosses : bool
        Whether it ever does.
    """

    patience: int = 30 * SECOND
    tolerance: float = 0.05
    crosses: bool = True

    def __post_init__(self) -> None:
        _require_share("Join", tolerance=self.tolerance)
        if self.patience < 0:
            raise ConfigError("patience is 0 or more nanoseconds", found=self.patience, where="Join")

    def act(self, hand: Hand, need: Need) -> None:
        """Rest, follow the touch, or cross."""
        if self.crosses and (need.overdue > self.tolerance * hand.parent.lots or need.since > self.patience):
            Cross().act(hand, need)
            return
        _follow(hand)
        if need.unsent > 0:
            hand.rest(need.unsent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Iceberg:
    """Wait at the near touch and show a part at a time.

    The next slice is sent when one is filled: what a reserve order does at a venue that has none.

    Attributes
    ----------
    display : float
        Share of the parent that a slice shows, above 0 to 1.
    patience, tolerance
        As of :class:`Join`.
    """

    display: float = 0.02
    patience: int = 30 * SECOND
    tolerance: float = 0.05

    def __post_init__(self) -> None:
        _require_share("Iceberg", display=self.display, tolerance=self.tolerance)

    def act(self, hand: Hand, need: Need) -> None:
        """Rest a slice, or cross."""
        if need.overdue > self.tolerance * hand.parent.lots or need.since > self.patience:
            Cross().act(hand, need)
            return
        _follow(hand)
        if need.unsent > 0 and not hand.parent.working:
            hand.rest(min(need.unsent, max(int(self.display * hand.parent.lots), 1)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sniper:
    """Show nothing; take when it is cheap and enough is there.

    Attributes
    ----------
    max_spread : float
        Ticks.
    min_fill : float
        Share of what is wanted that must show at the far touch.
    tolerance : float
        Share of the parent that may be overdue; beyond, it crosses.
    """

    max_spread: float = 1.0
    min_fill: float = 0.5
    tolerance: float = 0.2

    def __post_init__(self) -> None:
        _require_share("Sniper", min_fill=self.min_fill, tolerance=self.tolerance)
        if not self.max_spread >= 0.0:
            raise ConfigError("max_spread is 0 or more ticks", found=self.max_spread, where="Sniper")

    def act(self, hand: Hand, need: Need) -> None:
        """Take, or wait unseen."""
        if not _withdrawn(hand) or need.unsent <= 0:
            return
        _, shown = hand.touch.far(hand.parent.is_buy)
        is_cheap = hand.touch.spread <= (self.max_spread + 1e-6) * hand.tick_size
        is_late = need.overdue > self.tolerance * hand.parent.lots
        if (is_cheap and shown >= self.min_fill * need.unsent) or is_late:
            hand.take(min(need.unsent, shown))


@dataclass(frozen=True, slots=True, kw_only=True)
class ByRules:
    """Choose among the others by what the market is like: docs/execution.md, section 4.

    Attributes
    ----------
    urgency : float
        0 to 1: how soon it counts as late.
    tolerance : float
        Share of the parent that may be overdue where nothing is urgent.
    tight, wide : float
        The spread as multiples of its average.
    thin : float
        Share of what is wanted that shows at the far touch.
    rough : float
        Volatility as a multiple of its average.
    patience : int
        Nanoseconds after which what rests crosses, unless the spread is wide.
    display : float
        Share of the parent that shows while the market is thin.
    """

    urgency: float = 0.5
    tolerance: float = 0.1
    tight: float = 0.7
    wide: float = 1.5
    thin: float = 0.3
    rough: float = 1.5
    patience: int = 30 * SECOND
    display: float = 0.02

    def __post_init__(self) -> None:
        _require_share("ByRules", tolerance=self.tolerance, display=self.display)
        if not 0.0 <= self.urgency <= 1.0 or not 0.0 < self.tight < self.wide or not self.rough > 0.0:
            raise ConfigError(
                "0 <= urgency <= 1, 0 < tight < wide and rough > 0 must hold",
                found=(self.urgency, self.tight, self.wide, self.rough),
                where="ByRules",
            )

    def act(self, hand: Hand, need: Need) -> None:
        """The first rule that holds decides."""
        parent = hand.parent
        _, shown = hand.touch.far(parent.is_buy)
        join = Join(patience=self.patience, tolerance=1.0)
        if need.overdue > (1.0 - self.urgency) * self.tolerance * parent.lots:
            hand.note("late")
            Cross().act(hand, need)
        elif need.due > 0 and hand.spread_ratio <= self.tight and shown >= need.due:
            hand.note("calm and cheap")
            Cross().act(hand, need)
        elif hand.spread_ratio >= self.wide:
            hand.note("wide")
            Join(crosses=False).act(hand, need)
        elif need.due > 0 and shown < self.thin * need.due:
            hand.note("thin")
            Iceberg(display=self.display, patience=self.patience, tolerance=1.0).act(hand, need)
        elif hand.volatility_ratio >= self.rough and need.unsent > 1:
            hand.note("rough")
            half = need.unsent // 2
            hand.take(min(half, shown))
            join.act(hand, replace(need, unsent=need.unsent - half))
        else:
            hand.note("otherwise")
            join.act(hand, need)


def _withdrawn(hand: Hand) -> bool:
    """Whether nothing rests any more; what does is being canceled."""
    for child in hand.parent.working:
        if child.rests:
            hand.cancel(child)
    return not hand.parent.working


def _follow(hand: Hand) -> None:
    """Cancel what the touch has left behind; it is sent anew when its end is heard of."""
    near = hand.touch.near(hand.parent.is_buy)
    for child in hand.parent.working:
        if (
            child.price is not None
            and not math.isnan(near)
            and abs(child.price - near) > hand.tick_size / 2.0
        ):
            hand.cancel(child)


def _require_share(where: str, **given: float) -> None:
    for name, value in given.items():
        if not 0.0 < value <= 1.0:
            raise ConfigError(f"{name} is a share, above 0 to 1", found=value, where=where)
