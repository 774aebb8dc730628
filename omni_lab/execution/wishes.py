"""A new order in the words of people, as the command that it becomes."""

from __future__ import annotations

from typing import TypedDict

from omni_lab.domain import (
    OrderType,
    PegReference,
    PostOnly,
    SelfTrade,
    Side,
    TimeInForce,
    TrailUnit,
    Trigger,
)
from omni_lab.errors import ConfigError, DataError
from omni_lab.execution.client_ids import number_of
from omni_lab.execution.codec import New
from omni_lab.execution.edges import Edges, word

_STOPS = frozenset({OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP})


class SubmitTerms(TypedDict, total=False):
    """What an order may say besides what, which way and how much; see `OMSFace.submit`."""

    account: str | None
    client_order_id: int | str | None
    order_type: OrderType | str | None
    time_in_force: TimeInForce | str
    stop_price: float | None
    trail: float | None
    trail_bps: int | None
    trigger: Trigger | str | None
    peg: PegReference | str | None
    peg_offset: float
    display_qty: float | None
    min_qty: float | None
    all_or_none: bool
    post_only: PostOnly | str | bool | None
    self_trade: SelfTrade | str | None
    expire_at: int | None


def new_order(
    edges: Edges,
    ts: int,
    symbol: str,
    side: Side | str,
    qty: float,
    price: float | None,
    terms: SubmitTerms,
) -> New:
    """The command, in ticks, lots and codes.

    Raises
    ------
    UnknownSymbolError, ConfigError
        If a name is unknown.
    DataError
        If a number is off its grid.
    """
    instrument = edges.instrument(symbol)
    stop_price, peg, self_trade = (terms.get("stop_price"), terms.get("peg"), terms.get("self_trade"))
    trails = terms.get("trail") is not None or terms.get("trail_bps") is not None
    order_type = terms.get("order_type")
    if order_type is None:
        order_type = _implied_type(price, stop_price, peg, trails)
    order_type = word(OrderType, order_type)
    trigger = terms.get("trigger")
    if trigger is None:
        trigger = Trigger.LAST if order_type in _STOPS else Trigger.NONE
    distance, unit = _trail(edges, instrument, terms.get("trail"), terms.get("trail_bps"))
    return New(
        ts=ts,
        client_order_id=number_of(terms.get("client_order_id")),
        account=edges.account(terms.get("account")),
        instrument=instrument,
        side=word(Side, side),
        order_type=order_type,
        time_in_force=word(TimeInForce, terms.get("time_in_force", TimeInForce.DAY)),
        self_trade=word(SelfTrade, self_trade) if self_trade is not None else SelfTrade.ALLOW,
        post_only=_post_only(terms.get("post_only")),
        qty=edges.lots(instrument, qty),
        price=edges.ticks(instrument, price),
        stop_price=edges.ticks(instrument, stop_price, where="stop_price"),
        trail=distance,
        peg_offset=edges.ticks(instrument, terms.get("peg_offset", 0.0), where="peg_offset"),
        display_qty=edges.lots(instrument, terms.get("display_qty"), where="display_qty", none=-1),
        min_qty=edges.lots(instrument, terms.get("min_qty"), where="min_qty"),
        expire_at=terms.get("expire_at") or 0,
        trail_unit=unit,
        trigger=word(Trigger, trigger),
        peg_reference=word(PegReference, peg) if peg is not None else PegReference.NONE,
        all_or_none=int(terms.get("all_or_none", False)),
    )


def _trail(
    edges: Edges, instrument: int, trail: float | None, trail_bps: int | None
) -> tuple[int, TrailUnit]:
    if trail is not None and trail_bps is not None:
        raise ConfigError("a distance is stated as trail or as trail_bps, and not as both")
    if trail_bps is not None:
        if int(trail_bps) != trail_bps:
            raise DataError("basis points are whole numbers", found=trail_bps, where="trail_bps")
        return int(trail_bps), TrailUnit.BPS
    if trail is not None:
        return edges.ticks(instrument, trail, where="trail"), TrailUnit.TICKS
    return 0, TrailUnit.NONE


def _implied_type(
    price: float | None, stop_price: float | None, peg: PegReference | str | None, trails: bool
) -> OrderType:
    if peg is not None:
        return OrderType.PEGGED
    if trails:
        return OrderType.TRAILING_STOP
    if stop_price is not None:
        return OrderType.STOP if price is None else OrderType.STOP_LIMIT
    return OrderType.MARKET if price is None else OrderType.LIMIT


def _post_only(value: PostOnly | str | bool | None) -> PostOnly:
    if value is None or value is False:
        return PostOnly.NO
    return PostOnly.REJECT if value is True else word(PostOnly, value)
