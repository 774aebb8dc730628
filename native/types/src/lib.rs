//! The nouns every other crate speaks: prices in ticks, quantities in lots, times in nanoseconds, exact money, orders, commands and events.
//!
//! Nothing here acts. A command says what somebody wants, an event says what happened, and both are plain values.
#![forbid(unsafe_code)]

mod money;
mod order;

pub use money::Money;
pub use order::{Event, LimitOrder, MarketOrder, OrderId, RejectReason, Side};

/// A price as a whole number of tick sizes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticks(pub i64);

/// A quantity as a whole number of lots. Orders and levels hold positive quantities; positions are signed (+ long, − short).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Qty(pub i64);

/// Nanoseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nanos(pub i64);
