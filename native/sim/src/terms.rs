//! What few orders say beyond a limit or a stop: how long they work, how much a fill must be, where a stop trails. Most runs have no such order.

use omni_types::{PostOnly, Qty, Side, Ticks, TimeInForce, TrailUnit};

use crate::record::OrderKind;

/// Terms of an order, as a strategy sends them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderTerms {
    /// How long it works.
    pub time_in_force: TimeInForce,
    /// Stop-limit orders: the price that elects it.
    pub stop_price: Ticks,
    /// Trailing stops: the distance, in `trail_unit`.
    pub trail: i64,
    /// Ticks, or basis points of the reference.
    pub trail_unit: TrailUnit,
    /// −1 all, 0 hidden, otherwise what an iceberg shows. A bar has no queue: it changes nothing but the record.
    pub display_qty: Qty,
    /// Least execution, lots; 0 for any.
    pub min_qty: i64,
    /// In full or not at all, but it may wait.
    pub all_or_none: bool,
    /// What happens when its first price would make it take.
    pub post_only: PostOnly,
    /// End of a GTD order, nanoseconds; 0 for the others.
    pub expire_at: i64,
}

impl OrderTerms {
    /// Those of an order that says nothing: it works until it is filled or canceled.
    pub const PLAIN: Self = Self {
        time_in_force: TimeInForce::Gtc,
        stop_price: Ticks(0),
        trail: 0,
        trail_unit: TrailUnit::None,
        display_qty: Qty(-1),
        min_qty: 0,
        all_or_none: false,
        post_only: PostOnly::No,
        expire_at: 0,
    };

    /// Whether it waits for an auction.
    pub fn in_auction(&self) -> bool {
        matches!(self.time_in_force, TimeInForce::AtOpen | TimeInForce::AtClose)
    }

    /// Whether it ends with the first price that it meets.
    pub fn at_once(&self) -> bool {
        matches!(self.time_in_force, TimeInForce::Ioc | TimeInForce::Fok)
    }

    /// Lots that its next fill must have, of those that are left.
    pub(crate) fn required(&self, leaves: i64) -> i64 {
        if self.all_or_none || self.time_in_force == TimeInForce::Fok { leaves } else { self.min_qty.min(leaves) }
    }
}

/// An order with terms, as it stands.
#[derive(Clone, Copy, Debug)]
pub struct TermsRecord {
    /// The order.
    pub order: u32,
    /// What it says; the stop price is the one that holds.
    pub terms: OrderTerms,
    /// Lots when it was sent.
    pub sent_qty: i64,
    /// Limit or stop price when it was sent; of a trailing stop its first.
    pub sent_price: Ticks,
    /// Stop price of a stop-limit when it was sent.
    pub sent_stop: Ticks,
    /// Last session in which a DAY order works.
    pub(crate) session: i64,
    /// Whether a stop-limit has become a limit.
    pub(crate) elected: bool,
    /// Step inside whose bar that happened: its range says nothing about what came after.
    pub(crate) elected_inside: Option<u32>,
    /// Whether its next fill is the one that its election brings.
    pub(crate) taking: bool,
    /// Whether it has met a price since it was sent or replaced.
    pub(crate) arrived: bool,
}

/// Something that changed an order's terms while it worked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ChangeKind {
    /// A stop-limit became a limit.
    Triggered = 0,
    /// The strategy gave it other prices or another quantity.
    Replaced = 1,
    /// A post-only order slid to a price at which it does not take.
    Repriced = 2,
}

/// One such change; prices and quantity are those that hold from then on.
#[derive(Clone, Copy, Debug)]
pub struct TermsChange {
    /// The order.
    pub order: u32,
    /// Step of the change.
    pub step: u32,
    /// What happened.
    pub kind: ChangeKind,
    /// Total lots.
    pub qty: i64,
    /// Limit or stop price.
    pub price: Ticks,
    /// Stop price of a stop-limit.
    pub stop_price: Ticks,
}

/// Where a trailing stop stands after the market traded at `reference`; a `stop` of 0 is none yet.
pub(crate) fn trailed(side: Side, stop: Ticks, terms: &OrderTerms, reference: Ticks) -> Ticks {
    let distance = match terms.trail_unit {
        TrailUnit::Bps => {
            let exact = i128::from(reference.0) * i128::from(terms.trail) / 10_000;
            i64::try_from(exact).unwrap_or(i64::MAX).max(1)
        }
        TrailUnit::Ticks | TrailUnit::None => terms.trail,
    };
    match side {
        Side::Sell => Ticks(stop.0.max(reference.0.saturating_sub(distance)).max(1)),
        Side::Buy => {
            let fresh = reference.0.saturating_add(distance);
            Ticks(if stop.0 == 0 { fresh } else { stop.0.min(fresh) })
        }
    }
}

/// Whether an order of this kind may rest in a book or among the stops, and so needs open, high and low.
pub(crate) fn needs_range(kind: OrderKind, terms: &OrderTerms) -> bool {
    match kind {
        OrderKind::Market => terms.time_in_force == TimeInForce::AtOpen,
        OrderKind::Limit => terms.time_in_force != TimeInForce::AtClose,
        OrderKind::Stop | OrderKind::StopLimit | OrderKind::TrailingStop => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trailing(trail: i64, trail_unit: TrailUnit) -> OrderTerms {
        OrderTerms { trail, trail_unit, ..OrderTerms::PLAIN }
    }

    #[test]
    fn a_trailing_sell_follows_up_and_never_down() {
        let terms = trailing(5, TrailUnit::Ticks);
        assert_eq!(trailed(Side::Sell, Ticks(0), &terms, Ticks(100)), Ticks(95));
        assert_eq!(trailed(Side::Sell, Ticks(95), &terms, Ticks(110)), Ticks(105));
        assert_eq!(trailed(Side::Sell, Ticks(105), &terms, Ticks(90)), Ticks(105));
        assert_eq!(trailed(Side::Sell, Ticks(0), &terms, Ticks(3)), Ticks(1));
    }

    #[test]
    fn a_trailing_buy_follows_down_by_basis_points() {
        let terms = trailing(250, TrailUnit::Bps);
        assert_eq!(trailed(Side::Buy, Ticks(0), &terms, Ticks(10_000)), Ticks(10_250));
        assert_eq!(trailed(Side::Buy, Ticks(10_250), &terms, Ticks(9_999)), Ticks(10_248));
        assert_eq!(trailed(Side::Buy, Ticks(10_248), &terms, Ticks(20_000)), Ticks(10_248));
        assert_eq!(trailed(Side::Buy, Ticks(0), &trailing(1, TrailUnit::Bps), Ticks(3)), Ticks(4));
    }
}
