//! What an order says, and what came of it.

use crate::{
    CancelReason, Nanos, OrderType, PegReference, PostOnly, Qty, RejectReason, SelfTrade, Side, Ticks, TimeInForce, TradingPhase,
    TrailUnit, Trigger,
};

/// Identifies an order within one engine; unique.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderId(pub u64);

/// Numbers an account, from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(pub u32);

/// Numbers an instrument, from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstrumentId(pub u32);

/// Largest price in ticks, and largest quantity in lots.
pub const LARGEST: i64 = 1 << 50;

/// `display_qty` of an order that shows all of itself.
pub const DISPLAY_ALL: Qty = Qty(-1);

/// An order as its owner states it; `docs/matching.md` section 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewOrder {
    /// Owner.
    pub account: AccountId,
    /// What is traded.
    pub instrument: InstrumentId,
    /// Buy or sell.
    pub side: Side,
    /// What kind of price.
    pub order_type: OrderType,
    /// How long.
    pub time_in_force: TimeInForce,
    /// On meeting the own account.
    pub self_trade: SelfTrade,
    /// Whether it must not take.
    pub post_only: PostOnly,
    /// Lots.
    pub qty: Qty,
    /// Limit, or cap of a pegged order; 0 for none.
    pub price: Ticks,
    /// What few orders say.
    pub terms: Terms,
}

impl NewOrder {
    /// A plain limit order, good for the day.
    pub const fn limit(account: AccountId, instrument: InstrumentId, side: Side, qty: Qty, price: Ticks) -> Self {
        Self {
            account,
            instrument,
            side,
            order_type: OrderType::Limit,
            time_in_force: TimeInForce::Day,
            self_trade: SelfTrade::Allow,
            post_only: PostOnly::No,
            qty,
            price,
            terms: Terms::PLAIN,
        }
    }

    /// A market order.
    pub const fn market(account: AccountId, instrument: InstrumentId, side: Side, qty: Qty) -> Self {
        Self { order_type: OrderType::Market, ..Self::limit(account, instrument, side, qty, Ticks(0)) }
    }
}

/// Instructions beyond price, quantity and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// What elects a stop; 0 for none.
    pub stop_price: Ticks,
    /// Trailing distance in `trail_unit`.
    pub trail: i64,
    /// Ticks added to the reference of a peg.
    pub peg_offset: Ticks,
    /// −1 all, 0 hidden, otherwise what an iceberg shows.
    pub display_qty: Qty,
    /// Smallest execution; 0 for any.
    pub min_qty: Qty,
    /// End of a GTD order; 0 for the others.
    pub expire_at: Nanos,
    /// Unit of `trail`.
    pub trail_unit: TrailUnit,
    /// What a stop watches.
    pub trigger: Trigger,
    /// What a peg follows.
    pub peg_reference: PegReference,
    /// In full or not at all, but it may wait.
    pub all_or_none: bool,
}

impl Terms {
    /// None of them.
    pub const PLAIN: Self = Self {
        stop_price: Ticks(0),
        trail: 0,
        peg_offset: Ticks(0),
        display_qty: DISPLAY_ALL,
        min_qty: Qty(0),
        expire_at: Nanos(0),
        trail_unit: TrailUnit::None,
        trigger: Trigger::None,
        peg_reference: PegReference::None,
        all_or_none: false,
    };

    /// Whether every execution needs a minimum.
    #[inline]
    pub const fn is_conditional(&self) -> bool {
        self.min_qty.0 > 0 || self.all_or_none
    }

    /// The least that an order with `leaves` may trade at once.
    #[inline]
    pub fn required(&self, leaves: i64) -> i64 {
        if self.all_or_none { leaves } else { self.min_qty.0.min(leaves) }
    }

    /// How much of `leaves` may trade before the order queues again.
    #[inline]
    pub fn slice_of(&self, leaves: i64) -> i64 {
        if self.display_qty.0 > 0 { self.display_qty.0.min(leaves) } else { leaves }
    }
}

/// What the engine did, in the order it did it; `docs/matching.md` section 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The order is in.
    Accepted {
        /// The order.
        id: OrderId,
    },
    /// The order is refused and changed nothing.
    Rejected {
        /// The order.
        id: OrderId,
        /// Why.
        reason: RejectReason,
    },
    /// Two orders met.
    Trade {
        /// The resting order; in an auction the buy.
        maker: OrderId,
        /// The arriving order; in an auction the sell.
        taker: OrderId,
        /// Side of the arriving order; none in an auction.
        aggressor: Option<Side>,
        /// Price of the resting order, or of the auction.
        price: Ticks,
        /// Lots.
        qty: Qty,
        /// Lots the maker still has.
        maker_leaves: Qty,
        /// Lots the taker still has.
        taker_leaves: Qty,
        /// Counts up from 1.
        trade_id: u64,
    },
    /// The order is gone.
    Canceled {
        /// The order.
        id: OrderId,
        /// Lots never filled.
        leaves: Qty,
        /// Why.
        reason: CancelReason,
    },
    /// The order's time is over.
    Expired {
        /// The order.
        id: OrderId,
        /// Lots never filled.
        leaves: Qty,
    },
    /// The order says something else now.
    Replaced {
        /// The order.
        id: OrderId,
        /// Its limit, cap or stop price.
        price: Ticks,
        /// Lots it still wants.
        leaves: Qty,
    },
    /// A stop was elected.
    Triggered {
        /// The order.
        id: OrderId,
        /// The stop price it had.
        stop_price: Ticks,
    },
    /// The order stands at another price: it slid, or its peg moved.
    Repriced {
        /// The order.
        id: OrderId,
        /// The price; 0 when a peg has none.
        price: Ticks,
    },
    /// An iceberg shows its next slice, at the end of the queue.
    Refreshed {
        /// The order.
        id: OrderId,
        /// Where it stands.
        price: Ticks,
        /// What it shows.
        slice: Qty,
    },
    /// The order lost quantity to self-trade prevention.
    Decremented {
        /// The order.
        id: OrderId,
        /// Where it stands, or its limit; 0 for a market order.
        price: Ticks,
        /// Lots lost.
        qty: Qty,
        /// Lots it still wants.
        leaves: Qty,
    },
    /// A cancel was refused.
    CancelRejected {
        /// The order named.
        id: OrderId,
        /// Why.
        reason: RejectReason,
    },
    /// A replacement was refused.
    ReplaceRejected {
        /// The order named.
        id: OrderId,
        /// Why.
        reason: RejectReason,
    },
    /// An instrument's market does something else now.
    PhaseChanged {
        /// The instrument.
        instrument: InstrumentId,
        /// The new phase.
        phase: TradingPhase,
    },
    /// An auction found its price; its trades follow.
    Auction {
        /// The instrument.
        instrument: InstrumentId,
        /// The one price.
        price: Ticks,
        /// Lots traded.
        qty: Qty,
        /// Demand less supply at that price.
        surplus: Qty,
    },
}

/// Where events go.
pub trait EventSink {
    /// Take one event, after all that came before it.
    fn push(&mut self, event: Event);
}

impl EventSink for Vec<Event> {
    #[inline]
    fn push(&mut self, event: Event) {
        Vec::push(self, event);
    }
}
