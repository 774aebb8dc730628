"""Settings of a simulation, each a modelling assumption."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from omni_lab.errors import ConfigError
from omni_lab.simulator.costs import FeeSchedule, Financing, MarketImpact, parsed_all, parsed_fees
from omni_lab.simulator.events import Currencies, Dividend, Halt, Split
from omni_lab.strategies.settings import (
    not_among,
    not_whole,
    out_of_range,
    parse_settings,
    refuse,
    refuse_unknown,
    settings,
)

if TYPE_CHECKING:
    from omni_lab.data.trading_calendar import TradingCalendar
    from omni_lab.execution import Limits

FillTiming = Literal["next_open", "next_close", "this_close"]
LimitFill = Literal["through", "touch"]
OnInsufficientCash = Literal["reduce", "reject"]
Outside = Literal["warn", "refuse"]

LARGEST_CAPITAL = 1e15
"""Capital beyond which the ledger's exact money could not hold every position."""


@settings
@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationConfig:
    """How a backtest fills, costs and limits orders.

    Attributes
    ----------
    initial_capital : float
        Cash at the start, currency; positive.
    commission_rate : float
        Fraction of the notional of a fill; 0.0002 is 2 bps.
    commission_per_share : float
        Currency per unit of quantity.
    slippage_bps : float
        Distance between the price a market or stop order meets and the price it gets, in basis points of the
        price, rounded up to a whole tick.
    slippage_ticks : int
        The same in ticks; both add up.
    fill : {"next_open", "next_close", "this_close"}
        When market orders fill. ``this_close`` gets the very price it was decided on: optimistic, and
        reported as such.
    limit_fill : {"through", "touch"}
        Whether the bar must trade beyond a limit price to fill it, or only reach it.
    max_leverage : float or None
        Largest gross exposure as a multiple of equity; 1 is an unlevered account, None lifts the rule.
    on_insufficient_cash : {"reduce", "reject"}
        Whether an order beyond the buying power is cut to it or canceled. Both are counted.
    volume_limit : float or None
        Largest share of a bar's volume that may be filled; None for no limit.
    risk_free_rate : float
        Annual rate (decimal) the Sharpe and Sortino ratios are measured against.
    periods_per_year : float or None
        Steps in a year for annualising; None infers it from the times.
    max_orders_per_step : int
        Orders a strategy's callbacks may send in one step; one more ends the run with an error, for it is
        likely to be a loop without end.
    fees : FeeSchedule, optional
        Fees by maker, taker and volume, with a minimum and a maximum, in place of the commission.
    impact : MarketImpact, optional
        How our own orders move the price that they get.
    financing : Financing, optional
        Borrow fees and interest.
    actions : sequence of Split or Dividend
        Corporate actions that the bars are not adjusted for.
    halts : sequence of Halt
        When instruments do not trade.
    currencies : Currencies, optional
        Rates for instruments that are not quoted in the base currency; without it, there is one currency.
    calendar : TradingCalendar or str, optional
        When the market trades (``"XNYS"``, …): DAY orders and auctions go by its sessions, annual figures by
        their number, and results say which bars lie outside and which sessions have none. Without it a
        session is a day of UTC.
    outside : {"warn", "refuse"}
        Whether bars outside the calendar's sessions are counted or an error.
    limits : Limits, optional
        What the risk gate of the order-management system lets the account do; every order and cancel is
        checked. Without it there is no gate.
    seed : int
        Seed of everything random in a run: today the ``SYNTH`` instrument.

    Raises
    ------
    ConfigError
        Naming every setting that cannot be used, or one that does not exist.
    """

    initial_capital: float = 100_000.0
    commission_rate: float = 0.0
    commission_per_share: float = 0.0
    slippage_bps: float = 0.0
    slippage_ticks: int = 0
    fill: FillTiming = "next_open"
    limit_fill: LimitFill = "through"
    max_leverage: float | None = 1.0
    on_insufficient_cash: OnInsufficientCash = "reduce"
    volume_limit: float | None = None
    risk_free_rate: float = 0.0
    periods_per_year: float | None = None
    max_orders_per_step: int = 100_000
    seed: int = 7
    fees: FeeSchedule | None = None
    impact: MarketImpact | None = None
    financing: Financing | None = None
    actions: Sequence[Split | Dividend] = ()
    halts: Sequence[Halt] = ()
    currencies: Currencies | None = None
    limits: Limits | None = None
    calendar: TradingCalendar | None = None
    outside: Outside = "warn"

    def __post_init__(self) -> None:
        parse_models(self)
        given: object = self.limits
        if isinstance(given, Mapping):
            object.__setattr__(self, "limits", _limits(given))
        if self.calendar is not None:
            object.__setattr__(self, "calendar", _calendar(self.calendar))
        refuse(
            self,
            out_of_range("initial_capital", self.initial_capital, above=0, most=LARGEST_CAPITAL),
            out_of_range("commission_rate", self.commission_rate, least=0, below=1),
            out_of_range("commission_per_share", self.commission_per_share, least=0),
            out_of_range("slippage_bps", self.slippage_bps, least=0, below=10_000),
            out_of_range("max_leverage", self.max_leverage, above=0, optional=True),
            out_of_range("volume_limit", self.volume_limit, above=0, optional=True),
            out_of_range("risk_free_rate", self.risk_free_rate, above=-1),
            out_of_range("periods_per_year", self.periods_per_year, above=0, optional=True),
            not_whole("slippage_ticks", self.slippage_ticks, most=1_000_000_000),
            not_whole("max_orders_per_step", self.max_orders_per_step, least=1),
            not_whole("seed", self.seed, most=2**63 - 1),
            not_among("fill", self.fill, FillTiming),
            not_among("limit_fill", self.limit_fill, LimitFill),
            not_among("outside", self.outside, Outside),
            not_among("on_insufficient_cash", self.on_insufficient_cash, OnInsufficientCash),
            ["fees and a commission exclude each other: state the rates in the schedule"]
            if self.fees is not None and (self.commission_rate or self.commission_per_share)
            else [],
        )

    @classmethod
    def from_mapping(cls, settings: Mapping[str, Any]) -> SimulationConfig:
        """Settings by name, as a parameter file holds them.

        Raises
        ------
        ConfigError
            If a name is unknown (the valid ones are listed), or a value is refused.
        """
        return parse_settings(cls, settings)

    def to_mapping(self) -> dict[str, Any]:
        """The settings as plain data, fit for JSON; `from_mapping` reads them back."""
        plain: dict[str, Any] = plain_settings(asdict(self))
        return plain

    def to_engine(self) -> dict[str, Any]:
        """What the native engine takes; the models beside it come from ``models_to_engine``."""
        return {name: getattr(self, name) for name in _FLAT}


def plain_settings(value: Any) -> Any:
    """Settings as plain data, fit for JSON."""
    if isinstance(value, Mapping):
        return {name: plain_settings(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain_settings(each) for each in value]
    return float(value) if isinstance(value, Decimal) else value


def parse_models(config: Any) -> None:
    """Turn what was given for the models of a run, on bars or in a market, into their settings."""
    object.__setattr__(config, "fees", parsed_fees(config.fees))
    for name, kind in _MODELS.items():
        if getattr(config, name) is not None:
            object.__setattr__(config, name, parse_settings(kind, getattr(config, name)))
    object.__setattr__(config, "actions", tuple(map(_action, config.actions)))
    object.__setattr__(config, "halts", parsed_all(Halt, config.halts))


def _limits(given: Mapping[str, Any]) -> Limits:
    # The order-management system takes as long to import as all the rest, and few runs need its limits.
    from omni_lab.execution import Limits

    refuse_unknown(Limits, given)
    return Limits(**given)


def _calendar(given: object) -> TradingCalendar:
    # Few runs have one, and the library behind it takes a second to import.
    from omni_lab.data.trading_calendar import TradingCalendar

    return TradingCalendar.parse(given)


def _action(given: object) -> Split | Dividend:
    """A corporate action; of a mapping, one with new units is a split."""
    if isinstance(given, Split | Dividend):
        return given
    if not isinstance(given, Mapping):
        raise ConfigError(
            "this is no corporate action", found=given, expected="a Split, a Dividend or a mapping"
        )
    return parse_settings(Split, given) if "new" in given else parse_settings(Dividend, given)


_MODELS: Mapping[str, type[Any]] = {
    "impact": MarketImpact,
    "financing": Financing,
    "currencies": Currencies,
}
_ELSEWHERE = (
    "risk_free_rate",
    "periods_per_year",
    "max_orders_per_step",
    "seed",
    "actions",
    "halts",
    "limits",
    "fees",
    "calendar",
    "outside",
    *_MODELS,
)
_FLAT = tuple(each.name for each in fields(SimulationConfig) if each.name not in _ELSEWHERE)
