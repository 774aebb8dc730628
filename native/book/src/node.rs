//! An order and where it waits.

use omni_types::{OrderId, OrderType, PostOnly, SelfTrade, Side, Terms, TimeInForce};

/// Where an order waits; `docs/matching.md` section 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Place {
    /// In the book, in the queue that trades first.
    Displayed = 0,
    /// In the book, behind what is displayed at its price.
    Hidden = 1,
    /// Off the book until enough comes at once.
    Conditional = 2,
    /// Not elected yet.
    Stop = 3,
    /// A peg without a price.
    Parked = 4,
    /// For the opening or closing auction.
    Auction = 5,
}

impl Place {
    /// The stable code.
    #[inline]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The place with this code.
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Displayed),
            1 => Some(Self::Hidden),
            2 => Some(Self::Conditional),
            3 => Some(Self::Stop),
            4 => Some(Self::Parked),
            5 => Some(Self::Auction),
            _ => None,
        }
    }
}

/// An order complete, as it passes from hand to hand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    pub id: OrderId,
    /// Where it stands; the limit of a stop-limit or conditional order; 0 without.
    pub price: i64,
    /// Lots it still wants.
    pub leaves: i64,
    /// Lots that may trade before it queues again.
    pub slice: i64,
    pub stamp: u64,
    pub account: u16,
    pub instrument: u16,
    pub side: Side,
    pub order_type: OrderType,
    pub time_in_force: TimeInForce,
    pub place: Place,
    /// Whether it says nothing that few orders say.
    pub is_plain: bool,
}

/// What few orders need.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rare {
    pub terms: Terms,
    /// Cap of a pegged order.
    pub cap: i64,
    pub post_only: PostOnly,
    pub self_trade: SelfTrade,
}

impl Rare {
    pub const PLAIN: Self = Self { terms: Terms::PLAIN, cap: 0, post_only: PostOnly::No, self_trade: SelfTrade::Allow };
}
