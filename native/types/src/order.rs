//! Orders, the commands that carry them, and the events that answer.

use crate::{Qty, Ticks};

/// Identifies an order within one book or engine; given by the sender, unique.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderId(pub u64);

/// Which way an order trades.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Side {
    /// Adds to the position; rests among the bids.
    Buy = 1,
    /// Takes from the position; rests among the asks.
    Sell = 2,
}

impl Side {
    /// The other side.
    #[inline]
    #[must_use]
    pub fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }

    /// +1 for a buy, −1 for a sell.
    #[inline]
    pub fn sign(self) -> i64 {
        match self {
            Self::Buy => 1,
            Self::Sell => -1,
        }
    }

    /// Whether an order of this side with limit `limit` may trade at `price`.
    #[inline]
    pub fn accepts(self, limit: Ticks, price: Ticks) -> bool {
        match self {
            Self::Buy => price <= limit,
            Self::Sell => price >= limit,
        }
    }
}

/// Buy or sell up to `qty` at `price` or better; what does not trade rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitOrder {
    /// Unique id.
    pub id: OrderId,
    /// Buy or sell.
    pub side: Side,
    /// Worst acceptable price.
    pub price: Ticks,
    /// Lots, positive.
    pub qty: Qty,
}

/// Buy or sell up to `qty` at any price; what does not trade is canceled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarketOrder {
    /// Unique id.
    pub id: OrderId,
    /// Buy or sell.
    pub side: Side,
    /// Lots, positive.
    pub qty: Qty,
}

/// Why an order or a cancel was refused. The codes are stable: they are stored in journals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum RejectReason {
    /// The id is already resting in the book.
    DuplicateOrderId = 1,
    /// The quantity is zero, negative, or beyond what a level can count.
    InvalidQty = 2,
    /// The price is zero or negative.
    InvalidPrice = 3,
    /// No such order is resting.
    UnknownOrder = 4,
}

/// What a book did, in the order it did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The order passed the checks; its trades, if any, follow.
    OrderAccepted {
        /// The order.
        id: OrderId,
    },
    /// The command was refused and changed nothing.
    OrderRejected {
        /// The order named by the command.
        id: OrderId,
        /// Why.
        reason: RejectReason,
    },
    /// Two orders met, at the resting order's price.
    Trade {
        /// The resting order.
        maker: OrderId,
        /// The arriving order.
        taker: OrderId,
        /// Side of the arriving order.
        aggressor: Side,
        /// Price of the resting order.
        price: Ticks,
        /// Lots.
        qty: Qty,
        /// Lots the resting order still has.
        maker_leaves: Qty,
    },
    /// The order left the book with `leaves` unfilled: canceled by its owner, or a market order that found no more liquidity.
    OrderCanceled {
        /// The order.
        id: OrderId,
        /// Lots never filled.
        leaves: Qty,
    },
}
