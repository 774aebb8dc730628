"""The words of orders and their codes.

The codes stand in journals and snapshots, so they never change. ``docs/matching.md`` and ``docs/oms.md`` say
what each word means.
"""

from enum import IntEnum


class Side(IntEnum):
    """Whether an order buys or sells."""

    BUY = 1
    SELL = 2


class OrderType(IntEnum):
    """What decides an order's price, and when it may trade."""

    MARKET = 1
    LIMIT = 2
    STOP = 3
    STOP_LIMIT = 4
    TRAILING_STOP = 5
    PEGGED = 6


class TimeInForce(IntEnum):
    """How long an order stands; the codes are those of FIX tag 59."""

    DAY = 0
    GTC = 1
    AT_OPEN = 2
    IOC = 3
    FOK = 4
    GTD = 6
    AT_CLOSE = 7


class Trigger(IntEnum):
    """What a stop of any kind watches: the last trade, or the best bid and ask."""

    NONE = 0
    LAST = 1
    BBO = 2


class TrailUnit(IntEnum):
    """What the distance of a trailing stop is counted in: ticks, or basis points of the reference."""

    NONE = 0
    TICKS = 1
    BPS = 2


class PegReference(IntEnum):
    """What a pegged order follows: its own side's best price, the other side's, or their middle."""

    NONE = 0
    PRIMARY = 1
    MARKET = 2
    MID = 3


class PostOnly(IntEnum):
    """What becomes of an order that may not take but would: it is refused, or slides away."""

    NO = 0
    REJECT = 1
    SLIDE = 2


class SelfTrade(IntEnum):
    """What happens when an order would meet one of its own account."""

    ALLOW = 0
    CANCEL_NEWEST = 1
    CANCEL_OLDEST = 2
    CANCEL_BOTH = 3
    DECREMENT = 4


class TradingPhase(IntEnum):
    """What an instrument's market is doing."""

    CLOSED = 0
    PRE_OPEN = 1
    CONTINUOUS = 2
    HALTED = 3
    PRE_CLOSE = 4


class RejectReason(IntEnum):
    """Why an order or a request was refused; from 32 on it is the risk gate that refused it."""

    DUPLICATE_ORDER_ID = 1
    INVALID_QTY = 2
    INVALID_PRICE = 3
    UNKNOWN_ORDER = 4
    UNKNOWN_INSTRUMENT = 5
    UNKNOWN_ACCOUNT = 6
    INVALID_STOP_PRICE = 7
    INVALID_DISPLAY_QTY = 8
    INVALID_MIN_QTY = 9
    INVALID_EXPIRY = 10
    INVALID_COMBINATION = 11
    POST_ONLY_WOULD_TAKE = 12
    TOO_LATE = 13
    HALTED = 14
    MARKET_CLOSED = 15
    PHASE_FORBIDS = 16
    QTY_BELOW_FILLED = 17
    INVALID_PEG = 18
    INVALID_TRIGGER = 19
    KILL_SWITCH = 32
    POSITION_LIMIT = 33
    ORDER_SIZE = 34
    PRICE_COLLAR = 35
    NOTIONAL = 36
    ORDER_RATE = 37
    CANCEL_RATE = 38
    DAILY_LOSS = 39
    DRAWDOWN = 40
    LEVERAGE = 41
    SECTOR_CONCENTRATION = 42
    SINGLE_NAME = 43


class CancelReason(IntEnum):
    """Why an order ended with something left."""

    REQUESTED = 1
    MASS_CANCEL = 2
    IOC = 3
    FOK = 4
    NO_LIQUIDITY = 5
    MIN_QTY = 6
    SELF_TRADE = 7
    KILL_SWITCH = 8


class OrderState(IntEnum):
    """Where an order is in its life; ``docs/oms.md``, section 3, says what leads from one to another."""

    PENDING_NEW = 0
    NEW = 1
    PARTIALLY_FILLED = 2
    FILLED = 3
    CANCELED = 4
    REPLACED = 5
    REJECTED = 6
    EXPIRED = 7
    PENDING_CANCEL = 8
    PENDING_REPLACE = 9


class CommandKind(IntEnum):
    """What a command asks for: the kind of its frame in a journal, where 0 is the configuration."""

    NEW = 1
    CANCEL = 2
    REPLACE = 3
    MASS_CANCEL = 4
    SET_PHASE = 5
    ADVANCE = 6
    MARK = 7
    WRITE_REGISTER = 8
    KILL_SWITCH = 9


class EventKind(IntEnum):
    """What came of a command."""

    ACCEPTED = 1
    REJECTED = 2
    FILLED = 3
    CANCELED = 4
    EXPIRED = 5
    REPLACED = 6
    TRIGGERED = 7
    REPRICED = 8
    REFRESHED = 9
    DECREMENTED = 10
    CANCEL_REJECTED = 11
    REPLACE_REJECTED = 12
    PHASE_CHANGED = 13
    AUCTION = 14
    STATUS = 15
    REGISTER_WRITTEN = 16
    MARKED = 17
    WARNED = 18
    KILL_SWITCH = 19


class Liquidity(IntEnum):
    """Whether a fill gave liquidity, took it, or came of an auction."""

    NONE = 0
    MAKER = 1
    TAKER = 2
    AUCTION = 3
