//! What an order wants, as the venue has it.

use omni_types::{PostOnly, SelfTrade, Side, Terms};

use crate::ticks::orders::{Instructions, Order, OrderType, TimeInForce};

/// What happens to what does not fill at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// It waits.
    Waits,
    /// It goes.
    Now,
    /// All of the order goes unless all of it fills.
    AllNow,
}

/// An order at the venue.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish {
    pub number: u32,
    pub side: Side,
    /// `None` takes any price.
    pub limit: Option<i64>,
    pub leaves: i64,
    /// What the venue has filled of it: its owner may not have heard of all.
    pub filled: i64,
    pub patience: Patience,
    pub post_only: PostOnly,
    pub self_trade: SelfTrade,
    /// −1 all, 0 nothing, else what an iceberg shows.
    pub display: i64,
    pub min_qty: i64,
    pub all_or_none: bool,
    pub is_pegged: bool,
    /// Whether the venue has said nothing of it yet: what finds nothing is refused.
    pub is_new: bool,
}

impl Wish {
    pub fn of(number: u32, order: &Order, said: &Instructions) -> Self {
        let Terms { display_qty, min_qty, all_or_none, .. } = said.terms;
        let is_pegged = order.kind == OrderType::Pegged;
        let patience = match order.time_in_force {
            TimeInForce::Ioc => Patience::Now,
            TimeInForce::Fok => Patience::AllNow,
            _ => Patience::Waits,
        };
        Self {
            number,
            side: order.side,
            limit: matches!(order.kind, OrderType::Limit | OrderType::StopLimit).then_some(order.price),
            leaves: order.leaves(),
            filled: order.filled,
            patience,
            post_only: if order.time_in_force == TimeInForce::PostOnly { PostOnly::Reject } else { said.post_only },
            self_trade: said.self_trade,
            display: if is_pegged { 0 } else { display_qty.0 },
            min_qty: min_qty.0,
            all_or_none,
            is_pegged,
            is_new: true,
        }
    }

    /// Whether it would trade at a price.
    #[inline]
    pub fn accepts(&self, price: i64) -> bool {
        self.limit.is_none_or(|limit| self.side.sign() * price <= self.side.sign() * limit)
    }

    /// Whether it waits where it does not fill.
    #[inline]
    pub fn waits(&self) -> bool {
        self.limit.is_some() && self.patience == Patience::Waits
    }

    #[inline]
    pub fn is_conditional(&self) -> bool {
        self.min_qty > 0 || self.all_or_none
    }

    /// The least that it may trade at once.
    #[inline]
    pub fn required(&self) -> i64 {
        if self.all_or_none { self.leaves } else { self.min_qty.min(self.leaves) }
    }

    /// How much of it may trade before it queues again.
    #[inline]
    pub fn slice(&self) -> i64 {
        if self.display > 0 { self.display.min(self.leaves) } else { self.leaves }
    }

    /// Note that lots traded.
    #[inline]
    pub fn trade(&mut self, qty: i64) {
        self.leaves -= qty;
        self.filled += qty;
    }
}
