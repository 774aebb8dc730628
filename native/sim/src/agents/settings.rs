//! Settings of a market, and what is wrong with them.

use std::path::PathBuf;

use omni_oms::Limits;
use omni_types::{LARGEST, Money};

use super::hawkes::HawkesFlow;
use super::informed::InformedFlow;
use super::maker::MarketMaker;
use super::trend::TrendFollower;
use super::value::Value;
use super::zero::ZeroIntelligence;
use crate::models::FeeSchedule;
use crate::ticks::{Contract, Latency};

/// A market and our account in it.
#[derive(Clone, Debug)]
pub struct MarketConfig {
    /// Nanoseconds at the start.
    pub start: i64,
    /// Ticks: the best bid where nobody has bid yet; the best ask is the next tick.
    pub start_ticks: i64,
    /// What the instrument is worth.
    pub value: Value,
    /// Who trades.
    pub participants: Vec<ParticipantConfig>,
    /// Our cash at the start.
    pub cash: Money,
    /// What the instrument's ticks and lots are worth.
    pub contract: Contract,
    /// How long our orders take.
    pub latency: Latency,
    /// How much later we hear of the market, nanoseconds.
    pub feed_delay: i64,
    /// What our fills cost.
    pub fees: Option<FeeSchedule>,
    /// What the gate holds us to.
    pub limits: Limits,
    /// Seed of everything that is drawn.
    pub seed: u64,
    /// Nanoseconds between two samples of our account; 0 for none.
    pub sample_every: i64,
    /// Whether market events are kept.
    pub keeps_events: bool,
    /// An empty directory for a journal of all commands.
    pub journal: Option<PathBuf>,
}

/// A participant and its parameters.
#[derive(Clone, Debug, PartialEq)]
pub enum ParticipantConfig {
    /// Poisson orders and cancels.
    ZeroIntelligence(ZeroIntelligence),
    /// Traders who know the value, and others who do not.
    Informed(InformedFlow),
    /// Quotes on both sides.
    MarketMaker(MarketMaker),
    /// Orders that excite each other.
    Hawkes(Box<HawkesFlow>),
    /// Buys what rises.
    Trend(TrendFollower),
}

/// Why a market cannot be.
#[derive(Debug)]
pub enum MarketError {
    /// A setting cannot be used.
    Setting(SettingError),
    /// The order-management system refuses, or its journal.
    System(omni_oms::Error),
}

/// A setting that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingError {
    /// Whose, by place; `None` for the market's own.
    pub participant: Option<usize>,
    /// Which.
    pub name: &'static str,
    /// What it is.
    pub found: String,
    /// What it may be.
    pub expected: &'static str,
}

impl From<omni_oms::Error> for MarketError {
    fn from(error: omni_oms::Error) -> Self {
        Self::System(error)
    }
}

impl From<SettingError> for MarketError {
    fn from(error: SettingError) -> Self {
        Self::Setting(error)
    }
}

/// `Ok` where a setting holds what it must.
#[allow(clippy::needless_pass_by_value)] // What was found is a number, and is named as it stands.
pub(crate) fn demand(holds: bool, name: &'static str, found: impl ToString, expected: &'static str) -> Result<(), SettingError> {
    if holds { Ok(()) } else { Err(SettingError { participant: None, name, found: found.to_string(), expected }) }
}

/// A number of events a second.
pub(crate) fn demand_rate(name: &'static str, rate: f64) -> Result<(), SettingError> {
    demand(rate >= 0.0 && rate <= 1e9, name, rate, "0 to 1e9 a second")
}

/// Rates or weights by distance.
pub(crate) fn demand_rates(name: &'static str, rates: &[f64]) -> Result<(), SettingError> {
    demand(!rates.is_empty(), name, "none", "a number for each distance, from one tick on")?;
    rates.iter().try_for_each(|&rate| demand_rate(name, rate))
}

/// A finite number that is not negative.
pub(crate) fn demand_amount(name: &'static str, amount: f64) -> Result<(), SettingError> {
    demand(amount >= 0.0 && amount <= 1e12, name, amount, "0 to 1e12")
}

/// Lots of an order.
pub(crate) fn demand_lots(name: &'static str, lots: i64) -> Result<(), SettingError> {
    demand((1..=1 << 30).contains(&lots), name, lots, "1 to 2^30 lots")
}

impl MarketConfig {
    pub(crate) fn check(&self) -> Result<(), SettingError> {
        demand(!self.participants.is_empty(), "participants", "none", "at least one: in an empty market nothing happens")?;
        demand(self.participants.len() < 4_080, "participants", self.participants.len(), "up to 4,079")?;
        demand(self.start >= 0, "start", self.start, "0 or later")?;
        demand((1..LARGEST / 2).contains(&self.start_ticks), "start_ticks", self.start_ticks, "a price of 1 to 2^49 ticks")?;
        demand(self.feed_delay >= 0, "feed_delay", self.feed_delay, "0 or more nanoseconds")?;
        demand(self.sample_every >= 0, "sample_every", self.sample_every, "0 or more nanoseconds")?;
        match self.latency {
            Latency::Constant { entry, response } => {
                demand(entry >= 0 && response >= 0, "latency", entry.min(response), "0 or more nanoseconds")?;
            }
            Latency::LogNormal { base, median, sigma } => {
                demand(base >= 0, "latency", base, "0 or more nanoseconds")?;
                demand_amount("latency", median)?;
                demand_amount("latency", sigma)?;
            }
            Latency::Measured(_) => {}
        }
        self.value.check()?;
        for (place, participant) in self.participants.iter().enumerate() {
            participant.check().map_err(|error| SettingError { participant: Some(place), ..error })?;
        }
        Ok(())
    }
}

impl ParticipantConfig {
    fn check(&self) -> Result<(), SettingError> {
        match self {
            Self::ZeroIntelligence(settings) => settings.check(),
            Self::Informed(settings) => settings.check(),
            Self::MarketMaker(settings) => settings.check(),
            Self::Hawkes(settings) => settings.check(),
            Self::Trend(settings) => settings.check(),
        }
    }

    /// The word for its rule.
    pub fn name(&self) -> &'static str {
        match self {
            Self::ZeroIntelligence(_) => "zero_intelligence",
            Self::Informed(_) => "informed",
            Self::MarketMaker(_) => "market_maker",
            Self::Hawkes(_) => "hawkes",
            Self::Trend(_) => "trend",
        }
    }
}
