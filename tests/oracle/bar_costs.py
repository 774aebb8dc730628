"""Models of costs and events for the plain backtest: what each owes, in the words of `docs/simulation.md`.

Plain arithmetic only; who calls it, and when, is in `bar_oracle.py`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

SECONDS_PER_DAY = 86_400


class Tier(NamedTuple):
    """Rates from a month's volume on."""

    volume: float
    taker_rate: float
    maker_rate: float
    taker_per_share: float
    maker_per_share: float


class SplitEvent(NamedTuple):
    """`old` units become `new`."""

    symbol: int
    ex_ns: int
    new: int
    old: int


class DividendEvent(NamedTuple):
    """Cash per unit, of which longs lose a fraction."""

    symbol: int
    ex_ns: int
    amount: float
    withheld: float


class HaltEvent(NamedTuple):
    """No trade in steps from `start_ns` to `end_ns`."""

    symbol: int
    start_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OracleModels:
    """The models of the page; by default none."""

    tiers: Sequence[Tier] = ()
    by: Literal["notional", "quantity"] = "notional"
    minimum: float = 0.0
    maximum: float | None = None
    maximum_rate: float | None = None

    impact: Literal["none", "linear", "square_root", "almgren_chriss", "transient"] = "none"
    temporary: float = 0.0
    permanent: float = 0.0
    half_life: float = 1.0
    window: int = 20

    financing: bool = False
    borrow_rate: float = 0.0
    margin_rate: float = 0.0
    cash_rate: float = 0.0
    day_count: int = 365

    events: Sequence[SplitEvent | DividendEvent] = ()
    halts: Sequence[HaltEvent] = ()

    currency: Sequence[int] = ()
    """Of each instrument: 0 is the base, k the k-th of `rates`."""
    rates: Sequence[tuple[int, bool]] = ()
    """Column of each rate, and whether it counts the currency in a unit of the base."""


@dataclass(slots=True)
class FeeState:
    """What fees remember: the month, its volume, and what each order has come to."""

    month: tuple[int, int] = (0, 0)
    volume: float = 0.0
    raw: dict[int, float] = field(default_factory=dict)
    notional: dict[int, float] = field(default_factory=dict)
    charged: dict[int, int] = field(default_factory=dict)


def month_of(ts_ns: int) -> tuple[int, int]:
    """Calendar year and month, UTC."""
    when = datetime.fromtimestamp(ts_ns // 10**9, tz=UTC)
    return when.year, when.month


def fee_due(
    models: OracleModels, state: FeeState, order: int, *, maker: bool, notional: float, quantity: float
) -> float:
    """What an order owes in all, once a fill is added to it."""
    tier = [each for each in models.tiers if each.volume <= state.volume][-1]
    rate, per_share = (
        (tier.maker_rate, tier.maker_per_share) if maker else (tier.taker_rate, tier.taker_per_share)
    )
    due = state.raw.get(order, 0.0) + (rate * notional + per_share * quantity)
    state_notional = state.notional.get(order, 0.0) + notional
    if models.minimum > 0:
        due = max(due, models.minimum)
    if models.maximum is not None:
        due = min(due, models.maximum)
    if models.maximum_rate is not None:
        due = min(due, models.maximum_rate * state_notional)
    return due


def sigma_and_share(
    closes: Sequence[int], volumes: Sequence[float], window: int, quantity: float
) -> tuple[float, float]:
    """Volatility of a bar's return and the order's share of a bar's volume; closed bars, oldest first."""
    last, volume = np.array(closes[-window - 1 :], float), np.array(volumes[-window:], float)
    if len(last) < 3 or volume.mean() <= 0:
        return 0.0, 0.0
    return float(np.std(last[1:] / last[:-1] - 1, ddof=1)), quantity / float(volume.mean())


def own_impact(models: OracleModels, sigma: float, share: float) -> float:
    """Fraction of the price that an order moves against itself."""
    match models.impact:
        case "linear":
            return models.temporary * sigma * share
        case "square_root":
            return models.temporary * sigma * math.sqrt(share)
        case "almgren_chriss":
            return models.temporary * sigma * share + models.permanent * sigma * share / 2
        case "transient":
            return models.permanent * sigma * share / 2
        case "none":
            return 0.0


def left_behind(models: OracleModels, sigma: float, share: float) -> float:
    """Fraction of the price that an order leaves displaced."""
    return models.permanent * sigma * share if models.impact in ("almgren_chriss", "transient") else 0.0


def decayed(models: OracleModels, displacement: float, steps: int) -> float:
    """What is left of a displacement after some steps."""
    return displacement * 0.5 ** (steps / models.half_life) if models.impact == "transient" else displacement


def years_between(models: OracleModels, before_ns: int, now_ns: int) -> float:
    """Part of a year of interest."""
    return (now_ns - before_ns) / 1e9 / SECONDS_PER_DAY / models.day_count


def as_settings(
    models: OracleModels, symbols: Sequence[str], currencies: Sequence[str]
) -> Mapping[str, object]:
    """The same models as the simulator's settings spell them."""
    settings: dict[str, object] = {}
    if models.tiers:
        settings["fees"] = {
            "tiers": [each._asdict() for each in models.tiers],
            "by": models.by,
            "minimum": models.minimum,
            "maximum": models.maximum,
            "maximum_rate": models.maximum_rate,
        }
    if models.impact != "none":
        settings["impact"] = {
            "model": models.impact,
            "temporary": models.temporary,
            "permanent": models.permanent,
            "half_life_bars": models.half_life,
            "window": models.window,
        }
    if models.financing:
        names = ("borrow_rate", "margin_rate", "cash_rate", "day_count")
        settings["financing"] = {name: getattr(models, name) for name in names}
    actions: list[dict[str, object]] = []
    for each in models.events:
        terms = {"new": each.new, "old": each.old} if isinstance(each, SplitEvent) else {}
        if isinstance(each, DividendEvent):
            terms = {"amount": each.amount, "withheld": each.withheld}  # type: ignore[dict-item]
        actions.append({"symbol": symbols[each.symbol], "ex": each.ex_ns, **terms})
    settings["actions"] = actions
    settings["halts"] = [
        {"symbol": symbols[each.symbol], "start": each.start_ns, "end": each.end_ns} for each in models.halts
    ]
    if models.rates:
        rates = {
            currencies[number]: ("1/" if inverse else "") + symbols[column]
            for number, (column, inverse) in enumerate(models.rates, start=1)
        }
        settings["currencies"] = {"base": currencies[0], "rates": rates}
    return settings
