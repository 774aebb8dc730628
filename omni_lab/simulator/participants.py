"""A market made of participants: who trades by which rule, as frozen settings.

``docs/participants.md`` is the contract. :func:`simulated_market` makes the market; the native class checks
every number, and names the participant whose setting cannot be used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from os import PathLike
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from omni_lab import _native
from omni_lab.simulator.costs import FeeSchedule, parsed_fees
from omni_lab.typing import FloatArray

N_HAWKES = 6
"""Kinds of events of a Hawkes flow: market buys, sells, limit buys, sells, cancels of buys, of sells."""


def power_law(scale: float, exponent: float, n_ticks: int) -> tuple[float, ...]:
    """Rates ``scale / i**exponent`` at i = 1 … ``n_ticks`` ticks.

    Parameters
    ----------
    scale : float
        Events a second at one tick.
    exponent : float
        How fast they fall; Cont, Stoikov and Talreja find 0.52 for Sky Perfect, section 3.1.
    n_ticks : int
        How many distances.

    Returns
    -------
    tuple of float, length n_ticks
    """
    return tuple(scale / i**exponent for i in range(1, n_ticks + 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class ZeroIntelligence:
    """Poisson limit orders, market orders and cancels.

    Attributes
    ----------
    limit_rates : sequence of float
        Limit orders a second of each side, by distance in ticks from the best price of the other side, from
        1 on.
    market_rate : float
        Market orders a second of each side.
    cancel_rates : sequence of float
        Cancels a second of each waiting order, by its distance now; the last counts for all beyond.
    qty : int
        Lots of an order.

    References
    ----------
    .. [1] Cont, Stoikov and Talreja, "A stochastic model for order book dynamics", Operations Research 58
       (2010), section 2.2.
    """

    kind: ClassVar[str] = "zero_intelligence"

    limit_rates: Sequence[float] = power_law(2.0, 0.5, 20)
    market_rate: float = 1.0
    cancel_rates: Sequence[float] = (0.2,)
    qty: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class InformedFlow:
    """Market orders of traders who know the value, and of others who do not.

    Attributes
    ----------
    rate : float
        Traders a second.
    informed : float
        Share of them who know the value, 0 to 1.
    qty : int
        Lots of an order.
    aggression : float
        Lots that the informed trade for each tick between value and mid; 0 for ``qty``.
    max_qty : int
        Most lots of an informed order.
    threshold : float
        Ticks that the informed must gain.

    References
    ----------
    .. [1] Glosten and Milgrom, "Bid, ask and transaction prices in a specialist market with heterogeneously
       informed traders", Journal of Financial Economics 14 (1985).
    """

    kind: ClassVar[str] = "informed"

    rate: float = 2.0
    informed: float = 0.2
    qty: int = 1
    aggression: float = 0.0
    max_qty: int = 10
    threshold: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketMaker:
    """Quotes on both sides that lean against the position and learn from the tape.

    Attributes
    ----------
    interval_ns : int
        Nanoseconds between two looks.
    half_spread : float
        Ticks from the middle of the quotes to the first of them.
    skew : float
        Ticks that the quotes move against each lot held.
    qty : int
        Lots of an order.
    n_levels, level_step : int
        Orders a side, and ticks between them.
    max_position : int
        Lots beyond which it does not add to a position.
    impact : float
        Ticks that its fair price moves up for every lot that somebody buys at market, and down for a sale.
    follow : float
        Part of the way to the mid that its fair price goes at every look, 0 to 1.

    References
    ----------
    .. [1] Avellaneda and Stoikov, "High-frequency trading in a limit order book", Quantitative Finance 8
       (2008), section 2.
    .. [2] Kyle, "Continuous auctions and insider trading", Econometrica 53 (1985).
    """

    kind: ClassVar[str] = "market_maker"

    interval_ns: int = 50_000_000
    half_spread: float = 1.0
    skew: float = 0.02
    qty: int = 5
    n_levels: int = 3
    level_step: int = 1
    max_position: int = 200
    impact: float = 0.0
    follow: float = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class HawkesFlow:
    """Orders and cancels that excite each other.

    Attributes
    ----------
    base : sequence of float, length 6
        Intensities without a past, a second: market buys, sells, limit buys, sells, cancels of buys, sells.
    branching : sequence of sequence of float, shape (6, 6)
        Events of a kind (row) that one of another kind (column) causes itself, on average.
    decay : float
        How fast what is excited fades, 1 / second.
    distances : sequence of float
        Weights of the distances of limit orders from the best price of the other side, from 1 tick on.
    qty : int
        Lots of an order.

    References
    ----------
    .. [1] Hawkes, "Spectra of some self-exciting and mutually exciting point processes", Biometrika 58
       (1971).
    .. [2] Ogata, "On Lewis' simulation method for point processes", IEEE Transactions on Information Theory
       27 (1981), algorithm 2.
    """

    kind: ClassVar[str] = "hawkes"

    base: Sequence[float] = (0.5, 0.5, 2.0, 2.0, 1.0, 1.0)
    branching: Sequence[Sequence[float]] = field(
        default=tuple(tuple(0.4 if i == j else 0.03 for j in range(N_HAWKES)) for i in range(N_HAWKES))
    )
    decay: float = 5.0
    distances: Sequence[float] = power_law(1.0, 1.0, 10)
    qty: int = 1

    @property
    def mean_intensities(self) -> FloatArray:
        """Events a second of each kind in the long run, (1 − n)⁻¹μ, shape (6,).

        References
        ----------
        .. [1] Hawkes (1971), equation (6) for several processes.
        """
        n = np.asarray(self.branching, dtype=float)
        solved: FloatArray = np.linalg.solve(np.eye(N_HAWKES) - n, np.asarray(self.base, dtype=float))
        return solved


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendFollower:
    """Buys at market what rises, by two moving averages of the mid.

    Attributes
    ----------
    rate : float
        Looks a second.
    fast, slow : float
        Looks over which the averages run.
    threshold : float
        Ticks between them from which it trades.
    qty : int
        Lots of an order.
    max_position : int
        Lots it holds at most, either way.

    References
    ----------
    .. [1] Chiarella and Iori, "A simulation analysis of the microstructure of double auction markets",
       Quantitative Finance 2 (2002).
    """

    kind: ClassVar[str] = "trend"

    rate: float = 1.0
    fast: float = 10.0
    slow: float = 40.0
    threshold: float = 1.0
    qty: int = 1
    max_position: int = 20


Participant = ZeroIntelligence | InformedFlow | MarketMaker | HawkesFlow | TrendFollower


@dataclass(frozen=True, slots=True, kw_only=True)
class JumpingValue:
    """A value that moves by normal amounts at the times of a Poisson process.

    Attributes
    ----------
    jump_rate : float
        Jumps a second; 0 for a value that stands still.
    jump_ticks : float
        Standard deviation of a jump, ticks.
    """

    jump_rate: float = 0.0
    jump_ticks: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledValue:
    """A value that one knows beforehand.

    Attributes
    ----------
    times_ns : array_like of int, shape (n_values,)
        Nanoseconds, never falling.
    values : array_like of float, shape (n_values,)
        Ticks from then on; before the first, half a tick above ``start_ticks``.
    """

    times_ns: ArrayLike
    values: ArrayLike


def simulated_market(
    participants: Sequence[Participant],
    *,
    start_ns: int = 0,
    start_ticks: int = 10_000,
    value: JumpingValue | ScheduledValue | None = None,
    cash: float = 1_000_000.0,
    tick_value: float = 0.01,
    latency: Mapping[str, Any] | None = None,
    feed_delay_ns: int = 0,
    fees: FeeSchedule | Mapping[str, Any] | None = None,
    limits: Mapping[str, Any] | None = None,
    seed: int = 0,
    sample_every_ns: int = 0,
    keep_events: bool = True,
    journal: str | PathLike[str] | None = None,
) -> _native.AgentMarket:
    """A market of these participants, in which nothing has happened yet.

    Parameters
    ----------
    participants : sequence of settings
        Who trades; participant n is account n + 1 of the venue, and we are account 0.
    start_ns : int
        Time at the start, nanoseconds.
    start_ticks : int
        Best bid where nobody has bid yet; the best ask is the next tick.
    value : JumpingValue or ScheduledValue, optional
        What the instrument is worth; one that stands still by default.
    cash : float
        Ours at the start, currency.
    tick_value : float
        What one lot gains when its price rises by one tick, currency.
    latency : mapping, optional
        Of our orders, as for :class:`omni_lab._native.TickEngine`; none by default.
    feed_delay_ns : int
        How much later we hear of the market.
    fees : FeeSchedule or mapping, optional
        Of our fills, of which a unit is one lot; none by default.
    limits : mapping, optional
        Of our account, by their names in :class:`omni_lab.execution.Limits`, in lots and currency.
    seed : int
        Of everything that is drawn.
    sample_every_ns : int
        Time between two samples of our account; 0 for none.
    keep_events : bool
        Whether the market events are kept, 52 bytes each.
    journal : path, optional
        An empty directory for a journal of all commands.

    Raises
    ------
    ConfigError
        If a setting cannot be used: a rate below 0, a Hawkes flow that explodes (with its spectral radius),
        nobody who trades.
    JournalError
        If the journal cannot be begun.
    """
    schedule = parsed_fees(fees)
    return _native.AgentMarket(
        [{"kind": one.kind, **asdict(one)} for one in participants],
        start_ns=start_ns,
        start_ticks=start_ticks,
        value=_value(value or JumpingValue()),
        cash=cash,
        tick_value=tick_value,
        latency=dict(latency or {"kind": "constant", "entry_ns": 0, "response_ns": 0}),
        feed_delay_ns=feed_delay_ns,
        limits=dict(limits) if limits is not None else None,
        seed=seed,
        sample_every_ns=sample_every_ns,
        keep_events=keep_events,
        journal=journal,
        fees=None if schedule is None else schedule.to_engine(),
    )


def _value(value: JumpingValue | ScheduledValue) -> dict[str, Any]:
    if isinstance(value, JumpingValue):
        return {"kind": "jumps", **asdict(value)}
    times = np.asarray(value.times_ns, dtype=np.int64).tolist()
    return {"kind": "schedule", "times": times, "values": np.asarray(value.values, dtype=float).tolist()}
