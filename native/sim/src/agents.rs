//! A market made of participants, which a strategy can move: a real order book in simulated time.
//!
//! `docs/participants.md` is the contract: who trades by which rule, and in which order things happen. Nothing here reads a clock, and
//! everything drawn comes from one seed.

mod draw;
mod hawkes;
mod informed;
mod known;
mod maker;
mod market;
mod ours;
mod participant;
mod quoting;
mod settings;
mod system;
mod tape;
mod trend;
mod value;
mod zero;

pub use hawkes::{HawkesFlow, N_KINDS};
pub use informed::InformedFlow;
pub use maker::MarketMaker;
pub use market::AgentMarket;
pub use ours::SELF_TRADE;
pub use settings::{MarketConfig, MarketError, ParticipantConfig, SettingError};
pub use trend::TrendFollower;
pub use value::Value;
pub use zero::ZeroIntelligence;
