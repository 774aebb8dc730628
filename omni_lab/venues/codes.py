"""Letters of OUCH 4.2 and ITCH 5.0, and what they are in the order-management system; each table once.

References
----------
The letters are those of the Nasdaq OUCH 4.2 and TotalView-ITCH 5.0 specifications.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from omni_lab.domain import (
    CancelReason,
    Liquidity,
    PegReference,
    PostOnly,
    RejectReason,
    Side,
    TimeInForce,
    TradingPhase,
)

PRICE_UNITS = 10_000
"""Units of a price on the wire in one of the currency."""
MARKET_PRICE = 0x7FFF_FFFF
HIGHEST_PRICE = 1_999_999_900
MOST_SHARES = 999_999

SIDES: Mapping[str, Side] = {"B": Side.BUY, "S": Side.SELL, "T": Side.SELL, "E": Side.SELL}
SALES = frozenset("STE")
"""Letters among which a sale may be modified."""
CAPACITIES = frozenset("APR")
"""Any other letter becomes O."""

IMMEDIATE = 0
EXTENDED_CLOSE = 99_996
MARKET_CLOSE = 99_998
SYSTEM_CLOSE = 99_999


@dataclass(frozen=True, slots=True)
class Display:
    """What a display letter asks of the system.

    Attributes
    ----------
    shows : bool
        Whether the order can be seen in the feed.
    post_only : PostOnly
        Whether it may take; one that would slides, as the venue of the letter does it.
    peg : PegReference
        What its price follows.
    attributed : bool
        Whether the feed names its firm.
    """

    shows: bool = True
    post_only: PostOnly = PostOnly.NO
    peg: PegReference = PegReference.NONE
    attributed: bool = False


DISPLAYS: Mapping[str, Display] = {
    "Y": Display(),
    "A": Display(attributed=True),
    "N": Display(shows=False),
    "P": Display(post_only=PostOnly.SLIDE),
    "L": Display(post_only=PostOnly.SLIDE, attributed=True),
    "M": Display(shows=False, peg=PegReference.MID),
}
"""Display letters that the system has something for; the others are refused with D."""

CROSSES: Mapping[str, TimeInForce | None] = {
    "N": None,
    "O": TimeInForce.AT_OPEN,
    "H": TimeInForce.AT_OPEN,
    "C": TimeInForce.AT_CLOSE,
}
"""Cross letters, and the time in force that they mean; the others are refused with R."""


def time_in_force(seconds: int) -> TimeInForce | None:
    """What a time in force of OUCH is here, GTD for a number of seconds; None for what says nothing."""
    if seconds == IMMEDIATE:
        return TimeInForce.IOC
    if seconds in (EXTENDED_CLOSE, MARKET_CLOSE, SYSTEM_CLOSE):
        # Nothing of OUCH lives overnight, so that the close of the day is the end of all three.
        return TimeInForce.DAY
    return TimeInForce.GTD if seconds < EXTENDED_CLOSE else None


REJECTS: Mapping[RejectReason, str] = {
    RejectReason.DUPLICATE_ORDER_ID: "O",
    RejectReason.INVALID_QTY: "Z",
    RejectReason.INVALID_PRICE: "X",
    RejectReason.UNKNOWN_ORDER: "O",
    RejectReason.UNKNOWN_INSTRUMENT: "S",
    RejectReason.UNKNOWN_ACCOUNT: "L",
    RejectReason.INVALID_STOP_PRICE: "X",
    RejectReason.INVALID_DISPLAY_QTY: "D",
    RejectReason.INVALID_MIN_QTY: "N",
    RejectReason.INVALID_EXPIRY: "M",
    RejectReason.INVALID_COMBINATION: "c",
    RejectReason.POST_ONLY_WOULD_TAKE: "O",
    RejectReason.TOO_LATE: "O",
    RejectReason.HALTED: "H",
    RejectReason.MARKET_CLOSED: "C",
    RejectReason.PHASE_FORBIDS: "M",
    RejectReason.QTY_BELOW_FILLED: "Z",
    RejectReason.INVALID_PEG: "D",
    RejectReason.INVALID_TRIGGER: "c",
    RejectReason.KILL_SWITCH: "L",
    RejectReason.POSITION_LIMIT: "v",
    RejectReason.ORDER_SIZE: "m",
    RejectReason.PRICE_COLLAR: "e",
    RejectReason.NOTIONAL: "n",
    RejectReason.ORDER_RATE: "x",
    RejectReason.CANCEL_RATE: "x",
    RejectReason.DAILY_LOSS: "v",
    RejectReason.DRAWDOWN: "v",
    RejectReason.LEVERAGE: "v",
    RejectReason.SECTOR_CONCENTRATION: "v",
    RejectReason.SINGLE_NAME: "v",
}
"""Why an order was refused, as a letter; small ones are risk checks."""

CANCELS: Mapping[CancelReason, str] = {
    CancelReason.REQUESTED: "U",
    CancelReason.MASS_CANCEL: "S",
    CancelReason.IOC: "I",
    CancelReason.FOK: "I",
    CancelReason.NO_LIQUIDITY: "I",
    CancelReason.MIN_QTY: "I",
    CancelReason.SELF_TRADE: "Q",
    CancelReason.KILL_SWITCH: "S",
}
"""Why an order was canceled, as a letter."""

EXPIRIES: Mapping[TimeInForce, str] = {
    TimeInForce.DAY: "E",
    TimeInForce.GTD: "T",
    TimeInForce.AT_OPEN: "C",
    TimeInForce.AT_CLOSE: "C",
}
"""Why an order expired, by its time in force."""

BREAKS = frozenset("ECSX")
"""Why a trade was broken: erroneous, by consent, by the supervisor, from outside."""

STATES: Mapping[TradingPhase, str] = {
    TradingPhase.CLOSED: "H",
    TradingPhase.PRE_OPEN: "Q",
    TradingPhase.CONTINUOUS: "T",
    TradingPhase.HALTED: "H",
    TradingPhase.PRE_CLOSE: "Q",
}
"""Trading states of ITCH: H halted, Q quotation only, T trading."""


class Cross(NamedTuple):
    """The letters of an auction: of the cross in ITCH, and of the liquidity of its fills in OUCH."""

    cross: str
    liquidity: str


OPENING, CLOSING, HALT = Cross("O", "O"), Cross("C", "C"), Cross("H", "H")


def cross_of(before: TradingPhase, after: TradingPhase) -> Cross:
    """Which auction comes with a change of phase."""
    if after == TradingPhase.CLOSED:
        return CLOSING
    return HALT if before == TradingPhase.HALTED else OPENING


def liquidity_letter(liquidity: Liquidity, display: Display, conditional: bool, cross: Cross) -> str:
    """What a fill did for the market, as a letter of OUCH."""
    if liquidity == Liquidity.AUCTION:
        return cross.liquidity
    midpoint = display.peg == PegReference.MID
    if liquidity == Liquidity.TAKER:
        return "m" if midpoint else "R"
    if midpoint:
        return "k"
    if not display.shows or conditional:
        return "J"
    return "W" if display.post_only else "A"
