//! Simulated time over bars: instruments and bars in ticks, costs, the ledger, the bar engine, and the drivers that feed it targets.
//!
//! `docs/simulation.md` is the contract: what fills when, at which price, and why nothing can look ahead. The engine owns no clock, file or
//! randomness; the same bars, settings and orders give the same fills.
#![forbid(unsafe_code)]

pub mod agents;
mod bars;
mod basis;
mod conditions;
mod config;
mod engine;
mod gate;
mod indicators;
mod instrument;
mod ledger;
mod models;
mod record;
mod stats;
mod strategies;
mod targets;
mod terms;
pub mod ticks;
mod trades;

pub use bars::{BarPanel, BarsError, Column, RawBars};
pub use conditions::{Condition, Operand};
pub use config::{Commission, FillTiming, LimitFill, OnInsufficientCash, SimConfig, Slippage};
pub use engine::{BarEngine, OrderRequest, Replacement};
pub use indicators::{Candle, Indicator, IndicatorSet, IndicatorSpec, indicator_values};
pub use instrument::{Instrument, InstrumentError, InstrumentSpec};
pub use ledger::Ledger;
pub use models::{
    ActionKind, CorporateAction, Currencies, FeeSchedule, FeeTier, Financing, Flow, FlowKind, FxRate, Halt, Impact, Models,
    TierBy,
};
pub use record::{Counts, FillRecord, FillTime, OrderChange, OrderKind, OrderReason, OrderRecord, OrderStatus, TradeRecord};
pub use stats::{ReturnStats, return_stats};
pub use strategies::{NativeStrategy, Rule};
pub use targets::{TargetError, TargetKind, check_targets, run_targets};
pub use terms::{ChangeKind, OrderTerms, TermsChange, TermsRecord};
