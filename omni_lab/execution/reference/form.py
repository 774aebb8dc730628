"""Whether a new order makes sense, by itself and in the phase: ``docs/matching.md``, section 2."""

from __future__ import annotations

from omni_lab.domain import OrderType, RejectReason, TimeInForce, TradingPhase, TrailUnit
from omni_lab.execution.codec import New
from omni_lab.execution.reference.order import AUCTION_TIMES, STOP_TYPES
from omni_lab.execution.setup import MAX_PRICE, MAX_QTY

MAX_PEG_OFFSET = 2**40
MAX_TRAIL_BPS = 9_999
MOST_SLICES = 65_536

_MARKET = OrderType.MARKET.value
_LIMIT = OrderType.LIMIT.value
_STOP_LIMIT = OrderType.STOP_LIMIT.value
_TRAILING_STOP = OrderType.TRAILING_STOP.value
_PEGGED = OrderType.PEGGED.value
_WITH_LIMIT = (_LIMIT, _STOP_LIMIT)
_WITH_STOP_PRICE = (OrderType.STOP.value, _STOP_LIMIT)
_DAY = TimeInForce.DAY.value
_IOC = TimeInForce.IOC.value
_FOK = TimeInForce.FOK.value
_GTD = TimeInForce.GTD.value
_AT_OPEN = TimeInForce.AT_OPEN.value
_TICKS = TrailUnit.TICKS.value
_BPS = TrailUnit.BPS.value
_CLOSED = TradingPhase.CLOSED.value
_CONTINUOUS = TradingPhase.CONTINUOUS.value
_HALTED = TradingPhase.HALTED.value
_PRE_CLOSE = TradingPhase.PRE_CLOSE.value
_STANDING = (_DAY, TimeInForce.GTC.value, _GTD)


def form_problem(new: New, clock: int) -> int:
    """The first reason why the order makes no sense, 0 if it does."""
    if not 1 <= new.qty <= MAX_QTY:
        return RejectReason.INVALID_QTY.value
    if not _price_fits(new):
        return RejectReason.INVALID_PRICE.value
    if not (_stop_price_fits(new) and _trail_fits(new)):
        return RejectReason.INVALID_STOP_PRICE.value
    if (new.trigger != 0) != (new.order_type in STOP_TYPES):
        return RejectReason.INVALID_TRIGGER.value
    if not _peg_fits(new):
        return RejectReason.INVALID_PEG.value
    if not -1 <= new.display_qty <= new.qty or has_too_many_slices(new.qty, new.display_qty):
        return RejectReason.INVALID_DISPLAY_QTY.value
    if not 0 <= new.min_qty <= new.qty:
        return RejectReason.INVALID_MIN_QTY.value
    if not (new.expire_at > clock if new.time_in_force == _GTD else new.expire_at == 0):
        return RejectReason.INVALID_EXPIRY.value
    if not _combination_fits(new):
        return RejectReason.INVALID_COMBINATION.value
    return 0


def phase_problem(new: New, phase: int) -> int:
    """Why the order cannot come in this phase, 0 if it can."""
    if phase == _CONTINUOUS:
        forbidden = new.time_in_force == _AT_OPEN
    elif phase == _CLOSED:
        return RejectReason.MARKET_CLOSED.value
    elif phase == _HALTED:
        return RejectReason.HALTED.value
    else:
        forbidden = (
            (new.order_type == _MARKET and new.time_in_force not in AUCTION_TIMES)
            or new.time_in_force in (_IOC, _FOK)
            or new.post_only != 0
            or (phase == _PRE_CLOSE and new.time_in_force == _AT_OPEN)
        )
    return RejectReason.PHASE_FORBIDS.value if forbidden else 0


def _price_fits(new: New) -> bool:
    if new.order_type in _WITH_LIMIT:
        return 1 <= new.price <= MAX_PRICE
    if new.order_type == _PEGGED:
        return 0 <= new.price <= MAX_PRICE
    return new.price == 0


def _stop_price_fits(new: New) -> bool:
    if new.order_type in _WITH_STOP_PRICE:
        return 1 <= new.stop_price <= MAX_PRICE
    return new.stop_price == 0


def _trail_fits(new: New) -> bool:
    if new.order_type != _TRAILING_STOP:
        return new.trail == 0 and new.trail_unit == 0
    if new.trail_unit == _TICKS:
        return 1 <= new.trail <= MAX_PRICE
    return new.trail_unit == _BPS and 1 <= new.trail <= MAX_TRAIL_BPS


def _peg_fits(new: New) -> bool:
    if new.order_type != _PEGGED:
        return new.peg_reference == 0 and new.peg_offset == 0
    return new.peg_reference != 0 and abs(new.peg_offset) <= MAX_PEG_OFFSET


def _combination_fits(new: New) -> bool:
    order_type, time_in_force = new.order_type, new.time_in_force
    standing = time_in_force in _STANDING
    standing_limit = order_type == _LIMIT and standing
    if order_type == _MARKET:
        if standing and time_in_force != _DAY:
            return False
    elif order_type != _LIMIT and not standing:
        return False
    if new.display_qty != -1 and not (order_type in _WITH_LIMIT and standing):
        return False
    if new.post_only and not standing_limit:
        return False
    if not (new.min_qty or new.all_or_none):
        return True
    return (
        not (new.min_qty and new.all_or_none)
        and not (new.all_or_none and not standing_limit)
        and not (new.min_qty and not _can_have_min_qty(order_type, time_in_force))
        and new.display_qty == -1
        and not new.post_only
    )


def _can_have_min_qty(order_type: int, time_in_force: int) -> bool:
    if order_type == _LIMIT:
        return time_in_force in _STANDING or time_in_force == _IOC
    return order_type == _MARKET and time_in_force in (_DAY, _IOC)


def has_too_many_slices(qty: int, display_qty: int) -> bool:
    """Whether an iceberg could trade so often that one command would take seconds."""
    return display_qty > 0 and qty > MOST_SLICES * display_qty
