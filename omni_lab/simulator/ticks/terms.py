"""What an order of a replay can say beyond price, quantity and time, in currency and units.

Names and meanings are those of :meth:`omni_lab.execution.OMS.submit`; ``docs/replay.md`` section 3
says what a captured market makes of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from omni_lab.domain import OrderTerms, PegReference, PostOnly, SelfTrade, TrailUnit, Trigger
from omni_lab.errors import ConfigError
from omni_lab.simulator.ticks.feed import MarketFeed
from omni_lab.typing import AnyArray

KINDS = ("MARKET", "LIMIT", "STOP", "STOP_LIMIT", "TRAILING_STOP", "PEGGED")
"""Types of orders by their codes in tables of a replay."""


_PRICES = ("stop_price", "trail", "peg_offset")
_LOTS = ("display_qty", "min_qty")


def to_engine(feed: MarketFeed, terms: Mapping[str, Any]) -> dict[str, Any]:
    """Terms in units and lots of the feed, as the native engine takes them; None says nothing.

    Raises
    ------
    ConfigError
        If there is no such term, or its number is none, or comes to no lot.
    """
    known = [name for name in OrderTerms.__annotations__ if name not in ("price", "time_in_force")]
    out: dict[str, Any] = {}
    if terms.get("trail") is not None and terms.get("trail_bps") is not None:
        raise ConfigError(
            "a trail is a distance or basis points, not both", found=dict(terms), where="submit"
        )
    for name, value in terms.items():
        if name not in known:
            raise ConfigError("an order has no such term", found=name, expected=known, where="submit")
        if value is None:
            continue
        if name in (*_PRICES, *_LOTS) and not math.isfinite(value):
            raise ConfigError("an order needs finite numbers", found=f"{name} {value}", where="submit")
        if name in _PRICES:
            out[name] = feed.units(value)
        elif name in _LOTS:
            out[name] = feed.lots(value)
            if value > 0 and out[name] == 0:
                raise ConfigError(
                    f"{name} comes to no lot",
                    found=value,
                    expected=f"at least {feed.lot_size:g}",
                    where="submit",
                )
        elif name == "expire_at":
            out[name] = feed.info.moment_ns(value)
        else:
            out[name] = value
    return out


def sentence(feed: MarketFeed, row: Mapping[str, Any]) -> str:
    """The terms of one order in words; empty for none.

    Parameters
    ----------
    feed : MarketFeed
    row : mapping
        A row of ``TickEngine.order_terms``.
    """
    said = []
    if row["stop_price"]:
        said.append(f"stop at {feed.price(row['stop_price']):.10g}")
    if row["trail_unit"]:
        far = (
            f"{row['trail']} bps"
            if row["trail_unit"] == TrailUnit.BPS
            else f"{feed.price(row['trail']):.10g}"
        )
        said.append(f"trails by {far}")
    if row["trigger"]:
        said.append(f"watches {Trigger(row['trigger']).name}")
    if row["peg_reference"]:
        offset = f" {feed.price(row['peg_offset']):+.10g}" if row["peg_offset"] else ""
        said.append(f"pegged to {PegReference(row['peg_reference']).name}{offset}")
    if row["display_qty"] >= 0:
        said.append(f"shows {row['display_qty'] * feed.lot_size:g}" if row["display_qty"] else "hidden")
    if row["min_qty"]:
        said.append(f"at least {row['min_qty'] * feed.lot_size:g}")
    if row["all_or_none"]:
        said.append("all or none")
    if row["post_only"]:
        said.append(f"post-only {PostOnly(row['post_only']).name}")
    if row["self_trade"]:
        said.append(f"self-trade {SelfTrade(row['self_trade']).name}")
    if row["expire_at"]:
        said.append(f"until {row['expire_at']}")
    return ", ".join(said)


def sentences(
    feed: MarketFeed, terms: Mapping[str, AnyArray], n_orders: int
) -> tuple[AnyArray, tuple[str, ...]]:
    """Which sentence each order says, and the sentences; the first is empty.

    Returns
    -------
    places : ndarray of int64, shape (n_orders,)
    said : tuple of str
    """
    places, said = np.zeros(n_orders, dtype=np.int64), {"": 0}
    for at, number in enumerate(terms["order"].tolist()):
        text = sentence(feed, {name: column[at].item() for name, column in terms.items()})
        places[number] = said.setdefault(text, len(said))
    return places, tuple(said)
