"""The 23 messages of Nasdaq TotalView-ITCH 5.0 as named tuples, for code that looks at one message at a time.

Fields carry the specification's names, in its order. ``timestamp`` is in nanoseconds since midnight in New
York, prices are in 1/10,000 of a dollar (the levels of :class:`MwcbDeclineLevel` in 1/100,000,000), text
comes without its padding, and a character that the venue left blank is ``""``.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from omni_lab.typing import AnyArray


class SystemEvent(NamedTuple):
    """``S``: the market opens, closes, or begins and ends its day."""

    stock_locate: int
    tracking_number: int
    timestamp: int
    event_code: str


class StockDirectory(NamedTuple):
    """``R``: an instrument of the day, with the number that stands for it."""

    stock_locate: int
    tracking_number: int
    timestamp: int
    stock: str
    market_category: str
    financial_status_indicator: str
    round_lot_size: int
    round_lots_only: str
    issue_classification: str
    issue_sub_type: str
    authenticity: str
    short_sale_threshold_indicator: str
    ipo_flag: str
    luld_reference_price_tier: str
    etp_flag: str
    etp_leverage_factor: int
    inverse_indicator: str


class StockTradingAction(NamedTuple):
    """``H``: an instrument is halted, paused, quoted only, or trades again."""

    stock_locate: int
    tracking_number: int
    timestamp: int
    stock: str
    trading_state: str
    reserved: str
    reason: str


class RegShoRestriction(NamedTuple):
    """``Y``: the price test for short sales begins, goes on, or is off."""

    stock_locate: int
    tracking_number: int
    timestamp: int
    stock: str
    reg_sho_action: str


class MarketParticipantPosition(NamedTuple):
    """``L``: what a market participant is in an instrument."""

    stock_locate: int
    tracking_number: int
    timestamp: int
    mpid: str
    stock: str
    primary_market_maker: str
    market_maker_mode: str
    market_participant_state: str


class MwcbDeclineLevel(NamedTuple):
    """``V``: the three levels of the market-wide circuit breaker, in 1/100,000,000."""

    stock_locate: int
    tracking_number: int
    timestamp: int
    level_1: int
    level_2: int
    level_3: int


class MwcbStatus(NamedTuple):
    """``W``: a level of the market-wide circuit breaker is breached."""

    stock_locate: int
    tracking_number: int
    timestamp: int
    breached_level: str


class IpoQuotingPeriodUpdate(NamedTuple):
    """``K``: when quoting of a new listing begins, in seconds since midnight."""

    stock_locate: int
    tracking_number: int
    timestamp: int
    stock: str
    ipo_quotation_release_time: int
    ipo_quotation_release_qualifier: str
    ipo_price: int


class LuldAuctionCollar(NamedTuple):
    """``J``: between which prices an auction after a pause may end."""

    stock_locate: int
    tracking_number: int
    timestamp: int
    stock: str
    auction_collar_reference_price: int
    upper_auction_collar_price: int
    lower_auction_collar_price: int
    auction_collar_extension: int


class OperationalHalt(NamedTuple):
    """``h``: one market halts an instrument, or goes on."""

    stock_locate: int
    tracking_number: int
    timestamp: int
    stock: str
    market_code: str
    operational_halt_action: str


class AddOrder(NamedTuple):
    """``A``: a new displayed order."""

    stock_locate: int
    tracking_number: int
    timestamp: int
    order_reference_number: int
    buy_sell_indicator: str
    shares: int
    stock: str
    price: int


class AddOrderAttributed(NamedTuple):
    """``F``: a new displayed order that names its market participant."""

    stock_locate: int
    tracking_number: int
    timestamp: int
    order_reference_number: int
    buy_sell_indicator: str
    shares: int
    stock: str
    price: int
    attribution: str


class OrderExecuted(NamedTuple):
    """``E``: part of an order trades at its price."""

    stock_locate: int
    tracking_number: int
    timestamp: int
    order_reference_number: int
    executed_shares: int
    match_number: int


class OrderExecutedWithPrice(NamedTuple):
    """``C``: part of an order trades at another price than it displays."""

    stock_locate: int
    tracking_number: int
    timestamp: int
    order_reference_number: int
    executed_shares: int
    match_number: int
    printable: str
    execution_price: int


class OrderCancel(NamedTuple):
    """``X``: part of an order is taken off."""

    stock_locate: int
    tracking_number: int
    timestamp: int
    order_reference_number: int
    cancelled_shares: int


class OrderDelete(NamedTuple):
    """``D``: an order is gone."""

    stock_locate: int
    tracking_number: int
    timestamp: int
    order_reference_number: int


class OrderReplace(NamedTuple):
    """``U``: an order is gone and another stands for it, last in its queue."""

    stock_locate: int
    tracking_number: int
    timestamp: int
    original_order_reference_number: int
    new_order_reference_number: int
    shares: int
    price: int


class NonCrossTrade(NamedTuple):
    """``P``: a trade with an order that was not displayed."""

    stock_locate: int
    tracking_number: int
    timestamp: int
    order_reference_number: int
    buy_sell_indicator: str
    shares: int
    stock: str
    price: int
    match_number: int


class CrossTrade(NamedTuple):
    """``Q``: an auction ends at a price."""

    stock_locate: int
    tracking_number: int
    timestamp: int
    shares: int
    stock: str
    cross_price: int
    match_number: int
    cross_type: str


class BrokenTrade(NamedTuple):
    """``B``: a trade is undone."""

    stock_locate: int
    tracking_number: int
    timestamp: int
    match_number: int


class NetOrderImbalance(NamedTuple):
    """``I``: what an auction would do now."""

    stock_locate: int
    tracking_number: int
    timestamp: int
    paired_shares: int
    imbalance_shares: int
    imbalance_direction: str
    stock: str
    far_price: int
    near_price: int
    current_reference_price: int
    cross_type: str
    price_variation_indicator: str


class RetailInterest(NamedTuple):
    """``N``: there is interest in retail orders, on which side."""

    stock_locate: int
    tracking_number: int
    timestamp: int
    stock: str
    interest_flag: str


class DirectListingPriceDiscovery(NamedTuple):
    """``O``: prices of a direct listing with a capital raise."""

    stock_locate: int
    tracking_number: int
    timestamp: int
    stock: str
    open_eligibility_status: str
    minimum_allowable_price: int
    maximum_allowable_price: int
    near_execution_price: int
    near_execution_time: int
    lower_price_range_collar: int
    upper_price_range_collar: int


MESSAGES: Mapping[str, type[Any]] = MappingProxyType(
    {
        "S": SystemEvent,
        "R": StockDirectory,
        "H": StockTradingAction,
        "Y": RegShoRestriction,
        "L": MarketParticipantPosition,
        "V": MwcbDeclineLevel,
        "W": MwcbStatus,
        "K": IpoQuotingPeriodUpdate,
        "J": LuldAuctionCollar,
        "h": OperationalHalt,
        "A": AddOrder,
        "F": AddOrderAttributed,
        "E": OrderExecuted,
        "C": OrderExecutedWithPrice,
        "X": OrderCancel,
        "D": OrderDelete,
        "U": OrderReplace,
        "P": NonCrossTrade,
        "Q": CrossTrade,
        "B": BrokenTrade,
        "I": NetOrderImbalance,
        "N": RetailInterest,
        "O": DirectListingPriceDiscovery,
    }
)
"""The messages by the byte that each begins with."""


def text_of(column: AnyArray) -> list[str]:
    """Characters or text of a column, without the padding."""
    characters = column.view("S1") if column.dtype == np.uint8 else column
    words: list[str] = np.strings.rstrip(np.char.decode(characters, "latin-1")).tolist()
    return words
