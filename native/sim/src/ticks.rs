//! Replay of a captured market with a strategy in it: feed and order latency, queue position, fills, fees.
//!
//! `docs/replay.md` is the contract: what each model assumes, and in which order things happen. A [`TickFeed`] is prepared once and replayed
//! by any number of [`TickEngine`]s. The market is what was captured; our orders trade against it and do not change it.

pub(crate) mod book;
mod calendar;
mod contract;
mod engine;
mod feed;
mod impact;
pub(crate) mod ladder;
pub(crate) mod latency;
mod local;
pub(crate) mod orders;
mod queue;
mod quoting;
pub(crate) mod random;
mod recorder;
mod session;
mod venue;

pub use book::Depth;
pub use contract::Contract;
pub use engine::{LastTrade, NewTickOrder, Stopped, TickConfig, TickEngine, wake};
pub use feed::{Counts as FeedCounts, Delays, FeedError, TickFeed};
pub use latency::{Latency, LatencyError, MeasuredLatency};
pub use local::Account;
pub(crate) use local::Execution;
pub use orders::{Instructions, Notice, NoticeKind, Order, OrderType, Status, TimeInForce, reason};
pub use queue::{QueueModel, Tilt};
pub use quoting::{Quotable, Quoter, QuoterConfig, QuotingRule};
pub use recorder::{Message, MessageKind, Recorder, Sample};
pub use venue::FillModel;
