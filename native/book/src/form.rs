//! What an order must look like, and which orders a phase admits; `docs/matching.md` section 2.

use omni_types::{
    LARGEST, Nanos, NewOrder, OrderType, PegReference, PostOnly, Qty, RejectReason, Ticks, TimeInForce, TradingPhase, TrailUnit,
    Trigger,
};

/// Largest peg offset in ticks.
const LARGEST_OFFSET: i64 = 1 << 40;
/// Most slices of an iceberg.
const MOST_SLICES: i64 = 1 << 16;
/// A trail of the whole price would never be reached.
const LARGEST_TRAIL_BPS: i64 = 9_999;

/// Whether a number can be a price or a quantity.
#[inline(always)]
const fn is_sane(value: i64) -> bool {
    (value.wrapping_sub(1) as u64) < LARGEST as u64
}

/// Refuse a plain limit order that could not be one.
#[inline(always)]
pub(crate) fn check_limit(qty: Qty, price: Ticks) -> Result<(), RejectReason> {
    if !is_sane(qty.0) {
        return Err(RejectReason::InvalidQty);
    }
    if is_sane(price.0) { Ok(()) } else { Err(RejectReason::InvalidPrice) }
}

/// Refuse an order whose parts do not fit together; `docs/matching.md` section 2.
///
/// # Errors
/// The first check that fails.
#[inline]
pub fn check_form(order: &NewOrder, clock: Nanos) -> Result<(), RejectReason> {
    if !is_sane(order.qty.0) {
        return Err(RejectReason::InvalidQty);
    }
    let price = order.price.0;
    let terms = &order.terms;
    // Most orders: a limit for the day or until canceled, and nothing else.
    if order.order_type == OrderType::Limit
        && matches!(order.time_in_force, TimeInForce::Day | TimeInForce::Gtc | TimeInForce::Ioc | TimeInForce::Fok)
        && order.post_only == PostOnly::No
        && *terms == omni_types::Terms::PLAIN
    {
        return check_limit(order.qty, order.price);
    }
    let price_fits = match order.order_type {
        OrderType::Limit | OrderType::StopLimit => is_sane(price),
        OrderType::Market | OrderType::Stop | OrderType::TrailingStop => price == 0,
        OrderType::Pegged => (0..=LARGEST).contains(&price),
    };
    if !price_fits {
        return Err(RejectReason::InvalidPrice);
    }
    let has_stop = matches!(order.order_type, OrderType::Stop | OrderType::StopLimit);
    let trails = order.order_type == OrderType::TrailingStop;
    let stop_fits = if has_stop { is_sane(terms.stop_price.0) } else { terms.stop_price.0 == 0 };
    let trail_fits = match (trails, terms.trail_unit) {
        (true, TrailUnit::Ticks) => is_sane(terms.trail),
        (true, TrailUnit::Bps) => (1..=LARGEST_TRAIL_BPS).contains(&terms.trail),
        (true, TrailUnit::None) => false,
        (false, unit) => unit == TrailUnit::None && terms.trail == 0,
    };
    if !stop_fits || !trail_fits {
        return Err(RejectReason::InvalidStopPrice);
    }
    if (has_stop || trails) == (terms.trigger == Trigger::None) {
        return Err(RejectReason::InvalidTrigger);
    }
    let is_pegged = order.order_type == OrderType::Pegged;
    let peg_fits = if is_pegged {
        terms.peg_reference != PegReference::None && terms.peg_offset.0.unsigned_abs() <= LARGEST_OFFSET as u64
    } else {
        terms.peg_reference == PegReference::None && terms.peg_offset.0 == 0
    };
    if !peg_fits {
        return Err(RejectReason::InvalidPeg);
    }
    if !(-1..=order.qty.0).contains(&terms.display_qty.0) || has_too_many_slices(order.qty.0, terms.display_qty.0) {
        return Err(RejectReason::InvalidDisplayQty);
    }
    if !(0..=order.qty.0).contains(&terms.min_qty.0) {
        return Err(RejectReason::InvalidMinQty);
    }
    let expiry_fits = if order.time_in_force == TimeInForce::Gtd { terms.expire_at > clock } else { terms.expire_at.0 == 0 };
    if !expiry_fits {
        return Err(RejectReason::InvalidExpiry);
    }
    if combination_fits(order) { Ok(()) } else { Err(RejectReason::InvalidCombination) }
}

/// Whether an iceberg could trade so often that one command would take seconds.
pub fn has_too_many_slices(qty: i64, display_qty: i64) -> bool {
    display_qty > 0 && qty > display_qty.saturating_mul(MOST_SLICES)
}

fn combination_fits(order: &NewOrder) -> bool {
    let terms = &order.terms;
    let waits = matches!(order.time_in_force, TimeInForce::Day | TimeInForce::Gtc | TimeInForce::Gtd);
    let is_limit = order.order_type == OrderType::Limit;
    let time_fits = match order.order_type {
        OrderType::Market => !matches!(order.time_in_force, TimeInForce::Gtc | TimeInForce::Gtd),
        OrderType::Limit => true,
        OrderType::Stop | OrderType::StopLimit | OrderType::TrailingStop | OrderType::Pegged => waits,
    };
    let shows_all = terms.display_qty.0 == -1;
    let display_fits = shows_all || (waits && matches!(order.order_type, OrderType::Limit | OrderType::StopLimit));
    let has_minimum = terms.min_qty.0 > 0;
    let minimum_fits = !has_minimum
        || (is_limit && (waits || order.time_in_force == TimeInForce::Ioc))
        || (order.order_type == OrderType::Market && matches!(order.time_in_force, TimeInForce::Day | TimeInForce::Ioc));
    let posts = order.post_only != PostOnly::No;
    time_fits
        && display_fits
        && !(has_minimum && terms.all_or_none)
        && minimum_fits
        && (!terms.all_or_none || (is_limit && waits))
        && (!terms.is_conditional() || (shows_all && !posts))
        && (!posts || (is_limit && waits))
}

/// Refuse what the phase does not admit.
#[inline]
pub(crate) fn check_phase(order: &NewOrder, phase: TradingPhase) -> Result<(), RejectReason> {
    let is_at_open = order.time_in_force == TimeInForce::AtOpen;
    if phase == TradingPhase::Continuous && !is_at_open {
        return Ok(());
    }
    let admitted = match phase {
        TradingPhase::Closed => return Err(RejectReason::MarketClosed),
        TradingPhase::Halted => return Err(RejectReason::Halted),
        TradingPhase::PreOpen => can_gather(order),
        TradingPhase::Continuous | TradingPhase::PreClose => can_gather(order) && !is_at_open,
    };
    if admitted { Ok(()) } else { Err(RejectReason::PhaseForbids) }
}

/// The same, for orders that seldom come.
#[cold]
#[inline(never)]
pub(crate) fn check_gathering(order: &NewOrder, phase: TradingPhase) -> Result<(), RejectReason> {
    check_phase(order, phase)
}

/// Whether an order can wait for an auction.
fn can_gather(order: &NewOrder) -> bool {
    let for_auction = matches!(order.time_in_force, TimeInForce::AtOpen | TimeInForce::AtClose);
    let now = matches!(order.time_in_force, TimeInForce::Ioc | TimeInForce::Fok);
    !now && order.post_only == PostOnly::No && (order.order_type != OrderType::Market || for_auction)
}
