"""What trading and holding cost beyond the plain settings: fee schedules, market impact, financing.

Each is a frozen dataclass with its assumption stated; ``docs/simulation.md`` is the contract. They go into
:class:`omni_lab.simulator.SimulationConfig`.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from omni_lab.data.moments import span_ns
from omni_lab.errors import ConfigError
from omni_lab.strategies.settings import not_among, not_whole, out_of_range, parse_settings, refuse, settings

DayCount = Literal[360, 365]
TierBy = Literal["notional", "quantity"]
ImpactModel = Literal["linear", "square_root", "almgren_chriss", "transient"]


@settings
@dataclass(frozen=True, slots=True, kw_only=True)
class FeeTier:
    """Rates from a month's volume on.

    Attributes
    ----------
    volume : float
        Least volume of the calendar month (UTC), counted before the fill.
    taker_rate, maker_rate : float
        Fraction of the notional of what met the market, and of what rested at its limit; 0.0002 is 2 bps, a
        negative rate is a rebate.
    taker_per_share, maker_per_share : float
        Currency per unit of quantity, likewise.
    taker_per_fill, maker_per_fill : float
        Currency per fill, likewise.
    """

    volume: float = 0.0
    taker_rate: float = 0.0
    maker_rate: float = 0.0
    taker_per_share: float = 0.0
    maker_per_share: float = 0.0
    taker_per_fill: float = 0.0
    maker_per_fill: float = 0.0

    def __post_init__(self) -> None:
        refuse(
            self,
            out_of_range("volume", self.volume, least=0),
            out_of_range("taker_rate", self.taker_rate, above=-1, below=1),
            out_of_range("maker_rate", self.maker_rate, above=-1, below=1),
            out_of_range("taker_per_share", self.taker_per_share),
            out_of_range("maker_per_share", self.maker_per_share),
            out_of_range("taker_per_fill", self.taker_per_fill),
            out_of_range("maker_per_fill", self.maker_per_fill),
        )


@settings
@dataclass(frozen=True, slots=True, kw_only=True)
class FeeSchedule:
    """Fees of a venue or broker; on bars in place of the plain commission.

    The whole of a fill pays the rates of the tier that the month's own volume had reached before it. An
    order filled in parts owes the minimum once. A setting that takes a schedule also takes a mapping of the
    plain rates of :meth:`flat`.

    Attributes
    ----------
    tiers : sequence of FeeTier
        By volume, ascending, the first from zero.
    by : {"notional", "quantity"}
        What counts as volume: money traded (base currency), or units.
    minimum : float
        Least fee of an order that was filled at all, in its instrument's currency.
    maximum : float, optional
        Largest fee of an order. Where a maximum is below the minimum, the maximum counts.
    maximum_rate : float, optional
        Largest fee of an order as a fraction of its notional.
    """

    tiers: Sequence[FeeTier] = (FeeTier(),)
    by: TierBy = "notional"
    minimum: float = 0.0
    maximum: float | None = None
    maximum_rate: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "tiers", parsed_all(FeeTier, self.tiers))
        volumes = [tier.volume for tier in self.tiers]
        ascending = volumes[:1] == [0.0] and all(a < b for a, b in itertools.pairwise(volumes))
        refuse(
            self,
            [] if ascending else [f"tiers must begin at volume 0 and ascend, not {volumes}"],
            not_among("by", self.by, TierBy),
            out_of_range("minimum", self.minimum, least=0),
            out_of_range("maximum", self.maximum, least=0, optional=True),
            out_of_range("maximum_rate", self.maximum_rate, least=0, optional=True),
        )

    @classmethod
    def flat(
        cls,
        *,
        maker_rate: float = 0.0,
        taker_rate: float = 0.0,
        maker_per_share: float = 0.0,
        taker_per_share: float = 0.0,
        per_fill: float = 0.0,
    ) -> FeeSchedule:
        """A schedule of one tier: the same rates whatever the volume.

        Parameters
        ----------
        maker_rate, taker_rate : float
            Fractions of the notional; 0.0002 is 2 bps, a negative rate is a rebate.
        maker_per_share, taker_per_share : float
            Currency per unit of quantity.
        per_fill : float
            Currency per fill, of makers and takers.

        Raises
        ------
        ConfigError
            Naming every rate that cannot be used.
        """
        tier = FeeTier(
            maker_rate=maker_rate,
            taker_rate=taker_rate,
            maker_per_share=maker_per_share,
            taker_per_share=taker_per_share,
            maker_per_fill=per_fill,
            taker_per_fill=per_fill,
        )
        return cls(tiers=(tier,))

    def to_engine(self) -> dict[str, Any]:
        """What the native engine takes."""
        return {
            "tiers": [
                (
                    float(each.volume),
                    (float(each.taker_rate), float(each.taker_per_share), float(each.taker_per_fill)),
                    (float(each.maker_rate), float(each.maker_per_share), float(each.maker_per_fill)),
                )
                for each in self.tiers
            ],
            "by_quantity": self.by == "quantity",
            "minimum": self.minimum,
            "maximum": self.maximum,
            "maximum_rate": self.maximum_rate,
        }


@settings
@dataclass(frozen=True, slots=True, kw_only=True)
class MarketImpact:
    r"""How far our own market and stop orders move the price that they get.

    An order of a fraction :math:`x` of the usual volume of a bar, at volatility :math:`\sigma` (standard
    deviation of a bar's return), fills at

    .. math:: S\,(1 + D + \varepsilon(\eta\,\sigma x^\delta + \tfrac12\gamma\,\sigma x))

    with :math:`\varepsilon = 1` for buys and −1 for sells, and leaves :math:`D + \varepsilon\gamma\sigma x`
    behind, which later orders meet. Bars and marks stay as they were. Volume and volatility are those of the
    last ``window`` bars that had closed; until there are two returns and some volume there is no impact. In a
    captured market the bars are spans of time in which the instrument traded.

    Attributes
    ----------
    model : {"linear", "square_root", "almgren_chriss", "transient"}
        ``linear``: :math:`\delta = 1` and :math:`\gamma = 0`. ``square_root``: :math:`\delta = ½` and
        :math:`\gamma = 0`. ``almgren_chriss``: :math:`\delta = 1`, and :math:`D` stays [1]_. ``transient``:
        :math:`\eta = 0`, and :math:`D` halves every ``half_life_bars``: linear impact that decays
        exponentially, which leaves no profit in round trips [2]_.
    temporary : float
        :math:`\eta`; without a meaning for ``transient``.
    permanent : float
        :math:`\gamma`; of ``almgren_chriss`` and ``transient``.
    half_life_bars : float
        Of ``transient``: bars of the data (steps), or spans, in which the displacement halves.
    window : int
        Bars of the instrument, or spans, over which volume and volatility are taken, at least 2.
    span : str
        Length of the spans of a captured market, such as ``"1min"``; they begin at its multiples, UTC. Bars
        have their own.

    References
    ----------
    .. [1] Almgren and Chriss, "Optimal execution of portfolio transactions", Journal of Risk 3, 2001,
       equations 6 and 7.
    .. [2] Gatheral, "No-dynamic-arbitrage and market impact", Quantitative Finance 10, 2010; Obizhaeva and
       Wang, "Optimal trading strategy and supply/demand dynamics", Journal of Financial Markets 16, 2013.
    """

    model: ImpactModel = "square_root"
    temporary: float = 1.0
    permanent: float = 1.0
    half_life_bars: float = 10.0
    window: int = 20
    span: str = "1min"

    def __post_init__(self) -> None:
        refuse(
            self,
            not_among("model", self.model, ImpactModel),
            out_of_range("temporary", self.temporary, least=0),
            out_of_range("permanent", self.permanent, least=0),
            out_of_range("half_life_bars", self.half_life_bars, above=0),
            not_whole("window", self.window, least=2, most=1_000_000),
        )
        span_ns(self.span)

    def to_engine(self) -> dict[str, Any]:
        """What the native engine takes."""
        lasting = self.model in ("almgren_chriss", "transient")
        return {
            "temporary": 0.0 if self.model == "transient" else float(self.temporary),
            "exponent": 0.5 if self.model == "square_root" else 1.0,
            "permanent": float(self.permanent) if lasting else 0.0,
            "half_life": self.half_life_bars if self.model == "transient" else None,
            "window": self.window,
            "span_ns": span_ns(self.span),
        }


@settings
@dataclass(frozen=True, slots=True, kw_only=True)
class Financing:
    """What holding costs and earns: simple interest, booked at each step of bars and every hour of a market.

    Attributes
    ----------
    borrow_rate : float
        Annual fee (decimal) on the value of what is held short, at its last mark.
    borrow_rates : mapping of str to float
        The same by symbol, where it differs.
    margin_rate : float
        Annual rate paid on cash below zero.
    cash_rate : float
        Annual rate received on cash above zero. What short sales brought in is collateral and earns nothing.
    day_count : {360, 365}
        Days in a year of interest; days themselves are actual, with their fractions.
    """

    borrow_rate: float = 0.0
    borrow_rates: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    margin_rate: float = 0.0
    cash_rate: float = 0.0
    day_count: DayCount = 365

    def __post_init__(self) -> None:
        object.__setattr__(self, "borrow_rates", dict(self.borrow_rates))
        by_symbol = [out_of_range(f"borrow_rates[{k!r}]", v, least=0) for k, v in self.borrow_rates.items()]
        refuse(
            self,
            out_of_range("borrow_rate", self.borrow_rate, least=0),
            *by_symbol,
            out_of_range("margin_rate", self.margin_rate, least=0),
            out_of_range("cash_rate", self.cash_rate, above=-1),
            not_among("day_count", self.day_count, DayCount),
        )

    def to_engine(self, symbols: Sequence[str]) -> dict[str, Any]:
        """What the native engine takes for these instruments."""
        return {
            "borrow": [float(self.borrow_rates.get(symbol, self.borrow_rate)) for symbol in symbols],
            "margin": float(self.margin_rate),
            "cash": float(self.cash_rate),
            "day_count": float(self.day_count),
        }


def parsed_fees(given: FeeSchedule | Mapping[str, Any] | None) -> FeeSchedule | None:
    """A schedule from itself, a mapping of its settings, or one of plain rates."""
    if given is None:
        return None
    if isinstance(given, Mapping) and given.keys() & set(_PLAIN_RATES):
        unknown = sorted(map(str, given.keys() - set(_PLAIN_RATES)))
        if unknown:
            raise ConfigError(
                "there is no such plain rate", found=unknown, expected=list(_PLAIN_RATES), where="fees"
            )
        return FeeSchedule.flat(**given)
    return parse_settings(FeeSchedule, given)


_PLAIN_RATES = ("maker_rate", "taker_rate", "maker_per_share", "taker_per_share", "per_fill")


def parsed_all(kind: type[Any], given: object) -> tuple[Any, ...]:
    """Settings objects from a sequence of them or of mappings."""
    if isinstance(given, str | Mapping) or not isinstance(given, Sequence):
        raise ConfigError(f"expected a list of {kind.__name__}", found=given)
    return tuple(parse_settings(kind, each) for each in given)
