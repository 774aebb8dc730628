//! The nouns every other crate speaks: prices in ticks, quantities in lots, times in nanoseconds, exact money, orders, their states and events.
//!
//! Nothing here acts. An order says what somebody wants, an event says what happened, and both are plain values.
#![forbid(unsafe_code)]

mod codes;
mod money;
mod order;
mod state;

pub use codes::{
    CancelReason, OrderType, PegReference, PostOnly, RejectReason, SelfTrade, Side, TimeInForce, TradingPhase, TrailUnit, Trigger,
};
pub use money::Money;
pub use order::{AccountId, DISPLAY_ALL, Event, EventSink, InstrumentId, LARGEST, NewOrder, OrderId, Terms};
pub use state::{Action, OrderState, Past};

/// A price as a whole number of tick sizes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticks(pub i64);

/// A quantity as a whole number of lots. Orders and levels hold positive quantities; positions are signed (+ long, − short).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Qty(pub i64);

/// Nanoseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nanos(pub i64);
