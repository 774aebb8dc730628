"""How much of a parent is due by now: docs/execution.md, section 2.

A schedule is settings; :meth:`begin` makes the plan of one parent. Quantities of plans are lots.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from omni_lab.errors import ConfigError
from omni_lab.execution.algorithms.curves import VolumeCurve, checked_curve, cumulative, share_of_spans
from omni_lab.execution.algorithms.market import MarketView
from omni_lab.execution.algorithms.orders import Parent
from omni_lab.models import AlmgrenChriss
from omni_lab.typing import ArrayLike, FloatArray, IntArray

SECOND = 1_000_000_000


class Plan(Protocol):
    """What one parent should have done by when."""

    def due(self, now: int) -> int:
        """Lots that should be filled or open by now; all of them at the end."""

    def room(self, now: int) -> int:
        """Most lots that may be filled or open now, whatever is due."""

    def is_closing(self, now: int) -> bool:
        """Whether nothing may rest any more, because a window of the plan is about to end."""


class Schedule(Protocol):
    """Settings from which the plan of a parent is made."""

    @property
    def must_finish(self) -> bool:
        """Whether what is left at the end is sent at any price within the limit."""

    def begin(self, parent: Parent, market: MarketView) -> Plan:
        """The plan of a parent that begins now."""


@dataclass(slots=True)
class _TimedPlan:
    """A plan that knows the share that is due at a time."""

    parent: Parent
    start: int
    end: int

    def room(self, now: int) -> int:
        return self.parent.lots

    def is_closing(self, now: int) -> bool:
        return False

    def middle(self, now: int, slices: int) -> int:
        """The middle of the slice in which a time lies."""
        span = self.end - self.start
        number = min(max((now - self.start) * slices // span, 0), slices - 1)
        return self.start + (2 * number + 1) * span // (2 * slices)


def timed(parent: Parent, name: str) -> tuple[int, int]:
    """Start and end of a parent whose schedule needs both.

    Raises
    ------
    ConfigError
        If the parent has no end.
    """
    if parent.order.end is None or parent.order.end <= parent.start:
        raise ConfigError(
            f"{name} divides the time until the end among its children",
            found=f"an end of {parent.order.end}, a start of {parent.start}",
            expected="an end after the start",
            where=f"ParentOrder of {parent.order.symbol}",
        )
    return parent.start, parent.order.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Twap:
    """Slices of one size at regular times.

    Attributes
    ----------
    slices : int
        How many.
    jitter : float
        Each begins later by up to this share of its span, drawn evenly; 0 to 1.
    vary : float
        Sizes are drawn up to this share larger or smaller, and still add up; 0 to below 1.
    seed : int
        Of what is drawn.
    must_finish : bool
        Whether what is left at the end is sent at any price within the limit.
    """

    slices: int = 20
    jitter: float = 0.0
    vary: float = 0.0
    seed: int = 7
    must_finish: bool = True

    def __post_init__(self) -> None:
        _require_slices("Twap", self.slices)
        problems = []
        if not 0.0 <= self.jitter <= 1.0:
            problems.append(f"jitter must be from 0 to 1, not {self.jitter}")
        if not 0.0 <= self.vary < 1.0:
            problems.append(f"vary must be from 0 to below 1, not {self.vary}")
        if problems:
            raise ConfigError("; ".join(problems), where="Twap")

    def begin(self, parent: Parent, market: MarketView) -> Plan:
        """Draw times and sizes."""
        start, end = timed(parent, "TWAP")
        draw = np.random.default_rng(self.seed)
        late, larger = draw.random(self.slices), draw.random(self.slices)
        span = (end - start) / self.slices
        times = start + ((np.arange(self.slices) + self.jitter * late) * span).astype(np.int64)
        return _Sliced(parent, start, end, times, 1.0 + self.vary * (2.0 * larger - 1.0))


@dataclass(slots=True)
class _Sliced(_TimedPlan):
    times: IntArray
    weights: FloatArray

    def due(self, now: int) -> int:
        if now >= self.end:
            return self.parent.lots
        n_begun = int(np.searchsorted(self.times, now, side="right"))
        return int(np.sum(whole_lots(self.parent.lots, self.weights)[:n_begun]))


def whole_lots(lots: int, weights: FloatArray) -> IntArray:
    """Whole lots in proportion to weights, by the largest remainders.

    Parameters
    ----------
    lots : int
        What is divided.
    weights : ndarray of float, shape (n,)
        Not negative, not all 0.

    Returns
    -------
    ndarray of int64, shape (n,)
        They add up to ``lots``, each less than 1 from its share. Of equal remainders the first get more.
    """
    shares = lots * (weights / weights.sum())
    floor = np.floor(shares).astype(np.int64)
    left = lots - int(floor.sum())
    floor[np.argsort(floor - shares, kind="stable")[:left]] += 1
    return np.asarray(floor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vwap:
    """The share of the parent that the market trades by a time, by a curve of volume.

    Attributes
    ----------
    curve : array-like, VolumeCurve or None
        Shares of equal spans from start to end, or volume by time of day; None for an even pace.
    expected_volume : float, optional
        Units that the market usually trades from start to end. With it the schedule follows what does trade:
        with u the share by the curve and V the volume seen, the rest is taken to be
        ``(1 − u)·(V + (1 − u)·expected)``, the pace so far weighing more the later it is.
    slices : int
        What is due steps up so often, at the start of each slice by what the curve has at its middle.
    must_finish : bool
        Whether what is left at the end is sent at any price within the limit.
    """

    curve: ArrayLike | VolumeCurve | None = None
    expected_volume: float | None = None
    slices: int = 100
    must_finish: bool = True

    def __post_init__(self) -> None:
        _require_slices("Vwap", self.slices)
        object.__setattr__(self, "curve", checked_curve(self.curve, "Vwap.curve"))
        if self.expected_volume is not None and not self.expected_volume > 0.0:
            raise ConfigError(
                "expected_volume must be a positive quantity", found=self.expected_volume, where="Vwap"
            )

    def begin(self, parent: Parent, market: MarketView) -> Plan:
        """Follow the curve from now on."""
        start, end = timed(parent, "VWAP")
        return _ByVolume(parent, start, end, self, market)


@dataclass(slots=True)
class _ByVolume(_TimedPlan):
    schedule: Vwap
    market: MarketView
    so_far: int = 0

    def due(self, now: int) -> int:
        if now >= self.end:
            return self.parent.lots
        middle = self.middle(now, self.schedule.slices)
        share = cumulative(self.schedule.curve, self.start, self.end, middle)
        if self.schedule.expected_volume is not None:
            expected = self.schedule.expected_volume / self.market.lot_size
            seen = self.market.volume
            rest = (1.0 - share) * (seen + (1.0 - share) * expected)
            share = seen / (seen + rest) if seen + rest > 0.0 else share
        self.so_far = max(self.so_far, min(int(self.parent.lots * share), self.parent.lots))
        return self.so_far


@dataclass(frozen=True, slots=True, kw_only=True)
class ImplementationShortfall:
    """The trajectory with the least expected cost plus risk: Almgren and Chriss.

    Attributes
    ----------
    risk_aversion : float
        λ, for each unit of money; 0 trades evenly.
    sigma : float
        Volatility, price units for each square root of a second.
    temporary, permanent : float
        η, price units for each unit traded in a second, and γ, for each unit traded.
    half_spread : float
        ε, price units; it changes the cost and not the trajectory.
    steps : int
        Trades of the trajectory; each is half due at its start.
    curve : array-like or VolumeCurve, optional
        Volume from start to end: where more trades, temporary impact is less in proportion.
    must_finish : bool
        Whether what is left at the end is sent at any price within the limit.

    References
    ----------
    .. [1] Almgren and Chriss, "Optimal execution of portfolio transactions", Journal of Risk 3, 2000,
       section 2.3.
    """

    risk_aversion: float
    sigma: float
    temporary: float
    permanent: float = 0.0
    half_spread: float = 0.0
    steps: int = 100
    curve: ArrayLike | VolumeCurve | None = field(default=None)
    must_finish: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "curve", checked_curve(self.curve, "ImplementationShortfall.curve"))
        _require_slices("ImplementationShortfall", self.steps)
        # An aversion or an impact that no model takes is refused here, and not when a parent begins.
        self._model(1e-9).urgency(self.risk_aversion)

    def begin(self, parent: Parent, market: MarketView) -> Plan:
        """Work out the trajectory."""
        start, end = timed(parent, "Implementation shortfall")
        model = self._model((end - start) / SECOND / self.steps)
        qty = parent.lots * market.lot_size
        if self.curve is None:
            trades = model.optimal_trades(qty, self.steps, self.risk_aversion)
        else:
            edges = np.linspace(0.0, 1.0, self.steps + 1)
            times = start + (edges * (end - start)).astype(np.int64)
            done = np.array([cumulative(self.curve, start, end, int(ts)) for ts in times])
            trades = model.optimal_trades_by_volume(qty, np.diff(done), self.risk_aversion)
        return _Trajectory(parent, start, end, trades)

    def _model(self, step: float) -> AlmgrenChriss:
        return AlmgrenChriss(
            sigma=self.sigma,
            permanent=self.permanent,
            temporary=self.temporary,
            half_spread=self.half_spread,
            step=step,
        )


@dataclass(slots=True)
class _Trajectory(_TimedPlan):
    trades: FloatArray

    def due(self, now: int) -> int:
        if now >= self.end:
            return self.parent.lots
        middle = self.middle(now, len(self.trades))
        share = share_of_spans(self.trades, (middle - self.start) / (self.end - self.start))
        return min(int(self.parent.lots * share), self.parent.lots)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hastened:
    """Another schedule, moved forward.

    At a share x of the time it is where the other is at 1 − (1 − x)^(1 + urgency).

    Attributes
    ----------
    base : Schedule
        The other.
    urgency : float
        0 leaves it as it is; at most 1.
    """

    base: Schedule
    urgency: float = 0.5

    def __post_init__(self) -> None:
        if not 0.0 <= self.urgency <= 1.0:
            raise ConfigError("urgency is from 0 to 1", found=self.urgency, where="Hastened")

    @property
    def must_finish(self) -> bool:
        """As the other's."""
        return self.base.must_finish

    def begin(self, parent: Parent, market: MarketView) -> Plan:
        """The other's plan on a faster clock."""
        start, end = timed(parent, "A hastened schedule")
        return _Faster(parent, start, end, self.base.begin(parent, market), self.urgency)


@dataclass(slots=True)
class _Faster(_TimedPlan):
    plan: Plan
    urgency: float

    def due(self, now: int) -> int:
        left = min(max((self.end - now) / (self.end - self.start), 0.0), 1.0)
        return self.plan.due(self.end - round((self.end - self.start) * left ** (1.0 + self.urgency)))

    def room(self, now: int) -> int:
        return self.plan.room(now)

    def is_closing(self, now: int) -> bool:
        return self.plan.is_closing(now)


def _require_slices(where: str, slices: int) -> None:
    if not 1 <= slices <= 1_000_000:
        raise ConfigError("a schedule has 1 to 1,000,000 slices", found=slices, where=where)
