"""The nouns that every room above the ground speaks: the instrument, and the words of orders."""

from omni_lab.domain.instrument import MONEY_UNIT, Instrument, symbol_problems
from omni_lab.domain.orders import (
    CancelReason,
    CommandKind,
    EventKind,
    Liquidity,
    OrderState,
    OrderType,
    PegReference,
    PostOnly,
    RejectReason,
    SelfTrade,
    Side,
    TimeInForce,
    TradingPhase,
    TrailUnit,
    Trigger,
)
from omni_lab.domain.terms import OrderTerms

__all__ = [
    "MONEY_UNIT",
    "CancelReason",
    "CommandKind",
    "EventKind",
    "Instrument",
    "Liquidity",
    "OrderState",
    "OrderTerms",
    "OrderType",
    "PegReference",
    "PostOnly",
    "RejectReason",
    "SelfTrade",
    "Side",
    "TimeInForce",
    "TradingPhase",
    "TrailUnit",
    "Trigger",
    "symbol_problems",
]
