"""The orders that the execution notebook compares algorithms on, and the algorithms' settings on a market."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab.errors import ConfigError, DataError
from omni_lab.execution.algorithms import ParentOrder, VolumeCurve

if TYPE_CHECKING:
    from omni_lab.execution.algorithms.orders import Side
    from omni_lab.pipelines.markets import MarketDay

LABELS: Mapping[str, str] = {
    "twap": "TWAP",
    "vwap": "VWAP",
    "pov": "POV",
    "is": "Shortfall",
    "adaptive": "Adaptive",
}
"""What tables and figures call the algorithms."""
_SECOND = 1_000_000_000
_EDGE = 0.01
# What an order of the whole volume of a day would move the price by, in its daily deviation: the usual guess.
_DEVIATIONS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wants to trade.

    Attributes
    ----------
    side : {"buy", "sell"}
    qty : float
        Units.
    symbol : str, optional
        Of what, where that may be another instrument than the market's.
    """

    side: "Side"
    qty: float
    symbol: str | None = None


def largest_order(path: str) -> Wish:
    """The largest order that a portfolio run left, in whole units.

    Parameters
    ----------
    path : str
        ``orders.parquet``: a row for each order, with ``symbol``, ``side``, ``qty`` and ``notional``.

    Raises
    ------
    DataError
        If the file is another one, or holds no order of a unit or more.
    """
    import pandas as pd
    from pyarrow import ArrowInvalid

    name = Path(path).name
    try:
        table = pd.read_parquet(path)
    except (OSError, ArrowInvalid) as error:
        raise DataError(f"the file cannot be read: {error}", where=name) from error
    needed = {"symbol", "side", "qty", "notional"}
    if not needed <= set(table.columns):
        raise DataError("these are no orders", found=list(table.columns), expected=sorted(needed), where=name)
    table = table[table["qty"].abs() >= 1.0]
    if not len(table):
        raise DataError("there is no order of a unit or more", found=name, where="orders")
    largest = table.iloc[int(np.argmax(table["notional"].abs()))]
    side: Side = "buy" if str(largest["side"]).lower() == "buy" else "sell"
    return Wish(side=side, qty=float(np.floor(abs(largest["qty"]))), symbol=str(largest["symbol"]))


def order_at(
    day: "MarketDay",
    *,
    side: "Side",
    qty: float,
    begin_min: float,
    minutes: float,
    limit: float | None = None,
) -> ParentOrder:
    """The parent order, on the clock of the market.

    Parameters
    ----------
    day : MarketDay
    side : {"buy", "sell"}
    qty : float
        Units.
    begin_min : float
        Minutes after the first trade at which it is decided and begins.
    minutes : float
        That it may take.
    limit : float, optional
        Price beyond which no child trades, currency.

    Raises
    ------
    ConfigError
        If it would not be over before the last trade.
    """
    first, last = (int(ts) for ts in day.tape.trade_ts[[0, -1]])
    start = first + round(begin_min * 60 * _SECOND)
    end = start + round(minutes * 60 * _SECOND)
    if end > last:
        raise ConfigError(
            "the order would still be at work when the day is over",
            found=f"{begin_min:g} + {minutes:g} minutes",
            expected=f"at most the {(last - first) / 60e9:.0f} minutes from the first trade to the last",
            where="begin_min, minutes",
        )
    return ParentOrder(symbol=day.symbol, side=side, qty=qty, start=start, end=end, limit=limit)


def drawn_orders(day: "MarketDay", order: ParentOrder, n: int, *, seed: int) -> list[ParentOrder]:
    """The same order begun at other times of the day, none before another is over.

    Parameters
    ----------
    day : MarketDay
    order : ParentOrder
        Whose side, quantity and length they have; without a limit, which would be of another time.
    n : int
        How many: the busy part of the day is cut into so many equal spans, and each begins somewhere
        in its own.
    seed : int
        Of where.

    Raises
    ------
    ConfigError
        If so many do not fit into the day.
    """
    first, last = _core(day)
    assert order.start is not None
    assert order.end is not None
    length, span = order.end - order.start, (last - first) // n
    # What is left at the end is swept, and has to be answered before the next begins.
    room = span - length - 5 * _SECOND
    if room < 0:
        raise ConfigError(
            "so many orders do not fit into the day one after the other",
            found=n,
            expected=f"at most {(last - first) // (length + 5 * _SECOND)} of {length / 60e9:g} minutes",
            where="draws",
        )
    starts = first + np.arange(n) * span + np.random.default_rng(seed).integers(0, room + 1, n)
    return [
        ParentOrder(symbol=order.symbol, side=order.side, qty=order.qty, start=start, end=start + length)
        for start in starts.tolist()
    ]


def settings_on(
    day: "MarketDay",
    names: Sequence[str],
    *,
    yesterday: "MarketDay | None" = None,
    risk_aversion: float = 1e-5,
    seed: int = 7,
    settings: Mapping[str, Any] | None = None,
) -> dict[str, dict[str, Any]]:
    """Settings of each algorithm on a market, by its label.

    Parameters
    ----------
    day : MarketDay
        Volatility and volume for the trajectory of Almgren and Chriss are measured on `yesterday`, or where
        there is none on this day, which then knows a little of itself.
    names : sequence of str
        Of :data:`omni_lab.execution.algorithms.RECIPES`.
    yesterday : MarketDay, optional
        A day before, whose curve of volume VWAP follows; without it VWAP goes at an even pace.
    risk_aversion : float
        For each unit of money.
    seed : int
        Of what TWAP draws.
    settings : mapping, optional
        Settings by name of the algorithm, which win.

    Raises
    ------
    ConfigError
        If settings are given for an algorithm that is not among the names.
    """
    more = settings or {}
    for name in more:
        if name not in names:
            raise ConfigError(
                "settings for an algorithm that is not run",
                found=name,
                expected=list(names),
                where="settings",
            )
    known = yesterday or day
    curve = None if yesterday is None else VolumeCurve.measured(known.tape.trade_ts, known.tape.qty)
    usual: dict[str, dict[str, Any]] = {
        "twap": {"slices": 15, "jitter": 0.5, "seed": seed},
        "vwap": {"curve": curve, "slices": 15},
        "pov": {"rate": 0.1, "cap": 0.2, "must_finish": True},
        "is": {"risk_aversion": risk_aversion, "steps": 15, **measured_impact(known)},
        "adaptive": {"base": {"name": "twap", "slices": 15}, "urgency": 0.2},
    }
    return {
        LABELS[name]: {"name": name, **usual[name], **_mapping(name, more.get(name, {}))} for name in names
    }


def measured_impact(day: "MarketDay") -> dict[str, float]:
    """Volatility of a market, and a guess at the temporary impact of trading in it.

    Parameters
    ----------
    day : MarketDay

    Returns
    -------
    dict of str to float
        ``sigma``, price units for each square root of a second; ``temporary``, price units for each unit
        traded in a second: who trades as much as the market does pays its deviation of a day.

    Raises
    ------
    DataError
        If the middle of the market never moved, so that there is nothing to measure.
    """
    tape = day.tape
    first, last = (int(ts) for ts in tape.trade_ts[[0, -1]])
    sigma, seconds = tape.volatility(first, last), (last - first) / 1e9
    if not sigma > 0.0:
        raise DataError("the middle of this market never moves", found=sigma, where=day.symbol)
    return {"sigma": sigma, "temporary": _DEVIATIONS * sigma * seconds**0.5 * seconds / day.traded}


def _core(day: "MarketDay") -> tuple[int, int]:
    """Between which times all but the first and the last hundredth of the volume traded, nanoseconds."""
    done = np.cumsum(day.tape.qty) / day.traded
    first, last = np.searchsorted(done, [_EDGE, 1.0 - _EDGE])
    return int(day.tape.trade_ts[first]), int(day.tape.trade_ts[min(last, len(done) - 1)])


def _mapping(name: str, given: Any) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise ConfigError("settings of an algorithm are a mapping", found=given, where=f"settings.{name}")
    return given
