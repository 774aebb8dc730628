"""How a parent order is asked for: fields, what they say, and what would be worked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from omni_lab.errors import ConfigError, OmniError
from omni_lab.execution.algorithms import RECIPES, ParentOrder
from omni_lab.figures import words
from omni_lab.ui.dashboard.components.asks import AskField
from omni_lab.ui.dashboard.components.drafts import positive, sentence_of
from omni_lab.ui.dashboard.components.executions import tape_of

if TYPE_CHECKING:
    from omni_lab.system.system import TradingSystem

SECOND = 1_000_000_000
_LOOK_BACK = 300 * SECOND
ALGORITHMS = tuple(name for name in RECIPES if name != "adaptive")
"""Those that the page offers."""


def work_fields(symbols: tuple[str, ...], symbol: str = "") -> list[AskField]:
    """The fields of a parent order."""
    chosen = symbol if symbol in symbols else next(iter(symbols), "")
    return [
        AskField(name="symbol", label="Symbol", value=chosen, options=symbols),
        AskField(name="side", label="Side", value="buy", options=("buy", "sell")),
        AskField(name="qty", label="Quantity", value="1000", number=True),
        AskField(name="minutes", label="Minutes that it may take", value="5", number=True),
        AskField(name="algorithm", label="Algorithm", value="twap", options=ALGORITHMS),
        AskField(name="rate", label="Share of the volume, percent (pov)", value="10", number=True),
        AskField(name="limit", label="Price beyond which no child trades; empty for none", number=True),
    ]


def read_parent(
    system: TradingSystem, fields: Mapping[str, str]
) -> tuple[ParentOrder, str | Mapping[str, Any]]:
    """The parent order and the algorithm that fields say.

    Raises
    ------
    DataError, ConfigError
        Naming what cannot be used.
    """
    qty, minutes = positive(fields, "qty"), positive(fields, "minutes")
    missing = [name for name, value in (("qty", qty), ("minutes", minutes)) if value is None]
    if qty is None or minutes is None:
        raise ConfigError(f"still to be filled in: {', '.join(missing)}")
    now = system.status().ts
    side: Any = fields.get("side", "")
    order = ParentOrder(
        symbol=fields.get("symbol", ""),
        side=side,
        qty=qty,
        end=now + round(minutes * 60 * SECOND),
        limit=positive(fields, "limit"),
    )
    name = fields.get("algorithm", "")
    if name == "pov":
        rate = (positive(fields, "rate") or 10.0) / 100.0
        return order, {"name": "pov", "rate": rate, "cap": max(2.0 * rate, 0.2)}
    if name == "is":
        return order, shortfall_settings(system, order.symbol)
    return order, name


def shortfall_settings(system: TradingSystem, symbol: str) -> dict[str, Any]:
    """Settings of the shortfall algorithm from the last minutes of a market.

    Volatility is that of the middle; temporary impact is taken to be half a spread for who trades as fast as
    the market does.

    Raises
    ------
    ConfigError
        If too little was seen of it.
    """
    tape = tape_of(system, symbol)
    sigma = volume = half = math.nan
    if tape is not None:
        end = int(tape.quote_ts[-1])
        start = max(end - _LOOK_BACK, int(tape.quote_ts[0]))
        sigma, half = tape.volatility(start, end), float(tape.known_at([end])[1][0])
        volume = tape.volume(start, end) / max((end - start) / SECOND, 1.0)
    if not (math.isfinite(sigma) and sigma > 0.0 and volume > 0.0 and half > 0.0):
        raise ConfigError(
            "too little was seen of this market for a trajectory",
            found=symbol,
            hint="Wait until it has traded and moved for some seconds, or take another algorithm.",
        )
    return {
        "name": "is",
        "risk_aversion": 1e-4,
        "sigma": float(sigma),
        "temporary": half / volume,
        "half_spread": half,
    }


def told_plan(system: TradingSystem, fields: Mapping[str, str]) -> str:
    """What would be worked, in a sentence, or what is wrong."""
    try:
        order, algorithm = read_parent(system, fields)
        book = system.book(order.symbol)
    except OmniError as error:
        return sentence_of(error)
    name = algorithm if isinstance(algorithm, str) else str(algorithm["name"])
    price = book.best_ask if order.side == "buy" else book.best_bid
    worth = "" if price is None else f", about {words.number(price * order.qty)}"
    minutes = words.quantity(positive(fields, "minutes") or 0.0)
    what = f"{order.side.upper()} {words.quantity(order.qty)} {order.symbol}"
    return f"{what} by {name.upper()} within {minutes} min{worth}."
