//! Models beyond the plain settings, each a small type with its assumption stated; `docs/simulation.md` is their contract. None of them costs a
//! run that does without.

mod actions;
mod currency;
mod fees;
mod financing;
mod impact;

use omni_types::{Money, Ticks};

pub use actions::{ActionKind, CorporateAction, Halt};
pub use currency::{Currencies, FxRate};
pub use fees::{FeeSchedule, FeeTier, TierBy};
pub use financing::Financing;
pub use impact::Impact;

pub(crate) use actions::{dividend, split_lots};
pub(crate) use currency::Rate;
pub(crate) use fees::{FeeMeter, FeeQuestion};
pub(crate) use financing::Charge;
pub(crate) use impact::{ImpactMeter, Moment, Usual, moved};

/// What a run assumes beyond its settings; by default nothing.
#[derive(Clone, Debug, Default)]
pub struct Models {
    /// Fees, in place of the commission.
    pub fees: Option<FeeSchedule>,
    /// Market impact of market and stop orders.
    pub impact: Option<Impact>,
    /// Interest and borrow fees.
    pub financing: Option<Financing>,
    /// Splits and dividends, in the order of their times.
    pub actions: Vec<CorporateAction>,
    /// Times in which an instrument does not trade.
    pub halts: Vec<Halt>,
    /// Cash of several currencies.
    pub currencies: Option<Currencies>,
}

/// Why money came or went other than by a fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum FlowKind {
    /// A dividend of a long position, or owed on a short one.
    Dividend = 0,
    /// What a split left of a lot, paid in cash.
    CashInLieu = 1,
    /// A split: lots change, no money moves.
    Split = 2,
    /// The fee of borrowing what is held short.
    Borrow = 3,
    /// Interest on cash, received or (on debt) paid.
    Interest = 4,
}

/// Money, or lots, that came or went other than by a fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// When: the step of a run on bars, nanoseconds of a replay.
    pub at: i64,
    /// Instrument; `None` for interest.
    pub symbol: Option<u32>,
    /// Currency, as [`Currencies`] numbers it: 0 is the base.
    pub currency: u32,
    /// Why.
    pub kind: FlowKind,
    /// Change of the position.
    pub lots: i64,
    /// What was received, − for what was paid.
    pub amount: Money,
}

/// A split of a position that was held.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SplitRecord {
    pub step: u32,
    pub symbol: usize,
    pub new: i64,
    pub old: i64,
    /// Mark before it.
    pub mark: Ticks,
}

/// What the models of a run remember.
#[derive(Debug)]
pub(crate) struct Extras {
    pub models: Models,
    pub fees: Option<FeeMeter>,
    pub impact: Option<ImpactMeter>,
    /// Place of the next corporate action that has not been due yet.
    pub next_action: usize,
    /// Actions that are due, of instruments that have no bar yet.
    pub waiting: Vec<CorporateAction>,
    /// Whether each instrument is halted in this step; empty when no halt was ever asked for.
    pub halted: Vec<bool>,
    pub flows: Vec<Flow>,
    /// Splits of positions that were held.
    pub splits: Vec<SplitRecord>,
    /// Cash after each step, base currency.
    pub cash: Vec<f64>,
}

impl Extras {
    pub fn new(models: Models, n_symbols: usize) -> Self {
        Self {
            fees: models.fees.clone().map(FeeMeter::new),
            impact: models.impact.map(|impact| ImpactMeter::new(impact, n_symbols, 1.0)),
            next_action: 0,
            waiting: Vec::new(),
            halted: if models.halts.is_empty() { Vec::new() } else { vec![false; n_symbols] },
            flows: Vec::new(),
            splits: Vec::new(),
            cash: Vec::new(),
            models,
        }
    }
}
