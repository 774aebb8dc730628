"""Settings of a replay, each a modelling assumption of docs/replay.md."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

from omni_lab.data.moments import span_ns
from omni_lab.data.trading_calendar import TradingCalendar
from omni_lab.errors import ShapeError
from omni_lab.execution import Limits
from omni_lab.simulator.config import parse_models, plain_settings
from omni_lab.simulator.costs import FeeSchedule, Financing, MarketImpact
from omni_lab.simulator.events import Currencies, Dividend, Halt, Split
from omni_lab.strategies.settings import not_among, not_whole, out_of_range, parse_settings, refuse, settings
from omni_lab.typing import ArrayLike, IntArray

QueueName = Literal[
    "conservative", "power", "power_of_whole", "power_of_share", "log", "log_of_whole", "exact"
]

FEED_DELAY_NS = 200_000
"""How much later than it happened we hear of the market, unless one says."""

_SECOND = 1_000_000_000


@settings
@dataclass(frozen=True, slots=True, kw_only=True)
class ConstantLatency:
    """Every request, and every answer, takes as long.

    Attributes
    ----------
    entry_ns, response_ns : int
        To the venue and back, nanoseconds.
    """

    entry_ns: int = 500_000
    response_ns: int = 500_000

    def __post_init__(self) -> None:
        refuse(
            self,
            not_whole("entry_ns", self.entry_ns, most=3600 * _SECOND),
            not_whole("response_ns", self.response_ns, most=3600 * _SECOND),
        )

    def to_engine(self) -> dict[str, Any]:
        """What the native engine takes."""
        return {"kind": "constant", **asdict(self)}


@settings
@dataclass(frozen=True, slots=True, kw_only=True)
class LogNormalLatency:
    """A least time plus a log-normal one, drawn anew each way.

    Attributes
    ----------
    base_ns : int
        Least time each way, nanoseconds.
    median_ns : float
        Median of what comes on top, nanoseconds; positive.
    sigma : float
        Standard deviation of its logarithm.
    """

    base_ns: int = 200_000
    median_ns: float = 200_000.0
    sigma: float = 0.5

    def __post_init__(self) -> None:
        refuse(
            self,
            not_whole("base_ns", self.base_ns, most=3600 * _SECOND),
            out_of_range("median_ns", self.median_ns, above=0, most=3600 * _SECOND),
            out_of_range("sigma", self.sigma, least=0, most=5),
        )

    def to_engine(self) -> dict[str, Any]:
        """What the native engine takes."""
        return {"kind": "lognormal", **asdict(self), "median_ns": float(self.median_ns)}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeasuredLatency:
    """As it was measured: straight lines between the requests before and after.

    Attributes
    ----------
    sent, arrived, answered : array_like of int, shape (n_requests,)
        When a request was sent, was at the venue (0: it never got there), and was answered; nanoseconds on
        the clock of the feed, never falling.

    Raises
    ------
    ShapeError
        If the columns differ in length or are empty.
    """

    sent: ArrayLike
    arrived: ArrayLike
    answered: ArrayLike

    def __post_init__(self) -> None:
        lengths = set()
        for name in ("sent", "arrived", "answered"):
            column = np.ascontiguousarray(getattr(self, name), dtype=np.int64)
            object.__setattr__(self, name, column)
            lengths.add(column.shape)
        if len(lengths) != 1 or next(iter(lengths)) == (0,):
            raise ShapeError(
                "measured latencies need three columns of one length",
                found=sorted(lengths),
                where="MeasuredLatency",
            )

    def to_engine(self) -> dict[str, Any]:
        """What the native engine takes."""
        return {"kind": "measured", "sent": self.sent, "arrived": self.arrived, "answered": self.answered}


Latency = ConstantLatency | LogNormalLatency | MeasuredLatency


@settings
@dataclass(frozen=True, slots=True, kw_only=True)
class TickConfig:
    """How orders travel, wait, fill and cost in a replay.

    Attributes
    ----------
    initial_capital : float
        Cash at the start, currency; positive.
    feed_delay_ns : int
        How much later than it happened we hear of the market, nanoseconds.
    latency : ConstantLatency, LogNormalLatency or MeasuredLatency
        How long orders and answers take.
    queue : str
        Model of the place in the queue, docs/replay.md section 4: ``"conservative"``, ``"power"``,
        ``"power_of_whole"``, ``"power_of_share"``, ``"log"``, ``"log_of_whole"``, or ``"exact"``, which needs
        a feed that names orders. None takes exact where it can be had, else conservative.
    queue_power : float
        Its exponent n.
    partial_fills : bool
        Whether an order gets what traded beyond its queue, or fills whole as soon as anything did.
    fees : FeeSchedule, optional
        What fills cost; none without it. A mapping of plain rates such as ``{"taker_rate": 0.0002}`` will do.
    impact : MarketImpact, optional
        How our own taking moves the price that we get.
    financing : Financing, optional
        Borrow fees and interest.
    actions : sequence of Split or Dividend
        Corporate actions that the prices are not adjusted for.
    halts : sequence of Halt
        When instruments do not trade, on top of what the feed says.
    currencies : Currencies, optional
        For instruments that are not quoted in the base currency; without it, there is one currency.
    limits : Limits, optional
        What the risk gate holds us to; without it there is no gate.
    multiplier : float
        Currency that one unit gains when its price rises by one: 50 for an E-mini S&P 500.
    tick_size : float, optional
        Grid of order prices, currency. By default the largest on which the feed's own quotes lie.
    bar : str, optional
        Length of the bars that ``on_bar`` gets, such as ``"1min"``; without it no bars are made.
    sample : str
        Time between two samples of the account, which the curves and ratios are made of.
    risk_free_rate : float
        Annual rate (decimal) of the Sharpe ratio.
    max_orders_per_event : int
        Orders a strategy may send in one callback; one more ends the run: it is likely to be a loop without
        end.
    seed : int
        Seed of what is drawn.
    calendar : TradingCalendar or str, optional
        When the market trades; outside its sessions and in their breaks it stands as in a halt.

    Raises
    ------
    ConfigError
        Naming every setting that cannot be used, or one that does not exist.
    """

    initial_capital: float = 1_000_000.0
    feed_delay_ns: int = FEED_DELAY_NS
    latency: Latency = field(default_factory=ConstantLatency)
    queue: QueueName | None = None
    queue_power: float = 3.0
    partial_fills: bool = True
    fees: FeeSchedule | None = None
    impact: MarketImpact | None = None
    financing: Financing | None = None
    actions: Sequence[Split | Dividend] = ()
    halts: Sequence[Halt] = ()
    currencies: Currencies | None = None
    limits: Limits | None = None
    multiplier: float = 1.0
    tick_size: float | None = None
    bar: str | None = None
    sample: str = "1s"
    risk_free_rate: float = 0.0
    max_orders_per_event: int = 10_000
    seed: int = 7
    calendar: TradingCalendar | None = None

    def __post_init__(self) -> None:
        if self.calendar is not None:
            object.__setattr__(self, "calendar", TradingCalendar.parse(self.calendar))
        given: dict[str, Any] = {name: getattr(self, name) for name in ("latency", "limits")}
        if isinstance(given["latency"], Mapping):
            object.__setattr__(self, "latency", _latency(given["latency"]))
        parse_models(self)
        if isinstance(given["limits"], Mapping):
            object.__setattr__(self, "limits", Limits(**given["limits"]))
        refuse(
            self,
            out_of_range("initial_capital", self.initial_capital, above=0, most=1e15),
            not_whole("feed_delay_ns", self.feed_delay_ns, most=3600 * _SECOND),
            [] if self.queue is None else not_among("queue", self.queue, QueueName),
            out_of_range("queue_power", self.queue_power, above=0, most=100),
            out_of_range("multiplier", self.multiplier, above=0),
            out_of_range("tick_size", self.tick_size, above=0, optional=True),
            out_of_range("risk_free_rate", self.risk_free_rate, above=-1),
            not_whole("max_orders_per_event", self.max_orders_per_event, least=1),
            not_whole("seed", self.seed, most=2**63 - 1),
            [] if hasattr(self.latency, "to_engine") else ["latency must be a model of latency"],
        )
        # Spans that cannot be read are refused where they are written.
        for span in (self.sample, self.bar):
            if span is not None:
                span_ns(span)

    @classmethod
    def from_mapping(cls, given: Mapping[str, Any]) -> TickConfig:
        """Settings by name, as a parameter file holds them.

        Raises
        ------
        ConfigError
            If a name is unknown (the valid ones are listed), or a value is refused.
        """
        return parse_settings(cls, given)

    def to_dict(self) -> dict[str, Any]:
        """The settings as plain values, for a manifest; measured latencies by their number and ends."""
        plain = {name: getattr(self, name) for name in self.__slots__}
        for name in ("fees", "impact", "financing", "currencies"):
            model = getattr(self, name)
            plain[name] = None if model is None else plain_settings(asdict(model))
        for name in ("actions", "halts"):
            plain[name] = [plain_settings(asdict(each)) for each in getattr(self, name)]
        plain["calendar"] = None if self.calendar is None else asdict(self.calendar)
        plain["limits"] = None if self.limits is None else asdict(self.limits)
        latency = self.latency.to_engine()
        if isinstance(self.latency, MeasuredLatency):
            sent: IntArray = latency["sent"]
            latency = {
                "kind": "measured",
                "n": len(sent),
                "first": int(sent[0]),
                "last": int(sent[-1]),
                "sha256": _digest(latency),
            }
        plain["latency"] = latency
        return plain


def _digest(columns: Mapping[str, Any]) -> str:
    """SHA-256 (hex) over arrays by name."""
    digest = hashlib.sha256()
    for name in sorted(columns):
        if isinstance(columns[name], np.ndarray):
            digest.update(name.encode() + np.ascontiguousarray(columns[name]).tobytes())
    return digest.hexdigest()


def _latency(given: Mapping[str, Any]) -> Latency:
    names = set(given)
    if "sent" in names:
        return MeasuredLatency(**given)
    if "median_ns" in names:
        return parse_settings(LogNormalLatency, given)
    return parse_settings(ConstantLatency, given)
