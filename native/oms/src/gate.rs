//! The risk gate as a device with registers: what every order and cancel passes before it reaches the book.
//!
//! [`RiskDevice`] is what the system needs of a gate. [`SoftwareDevice`] is the reference; with the feature `fpga`,
//! [`MappedDevice`] drives a device behind a memory-mapped window. The contract (registers, checks and their order) is
//! `docs/gate.md`. The gate knows no clock, no book and no profit: times and updates are told to it.

use omni_types::{AccountId, InstrumentId, Money, Nanos, RejectReason, Side, Ticks};

mod engine;
mod error;
pub mod map;
#[cfg(feature = "fpga")]
mod mapped;
mod rules;
mod setup;
mod software;
mod words;

pub use error::RegisterError;
pub use map::{Map, Register, registers};
#[cfg(feature = "fpga")]
pub use mapped::{DeviceError, DeviceModel, MappedDevice, serve};
pub use software::SoftwareDevice;

/// A risk gate: registers, two checks, and what it must be told.
///
/// Accounts and instruments must exist; who asks has looked. The devices of this crate stop the program otherwise.
pub trait RiskDevice {
    /// The word at an address.
    ///
    /// # Errors
    ///
    /// There is no such word, or the device does not answer.
    fn read(&self, address: u64) -> Result<u64, RegisterError>;

    /// Whether a write would be accepted. Changes nothing.
    ///
    /// # Errors
    ///
    /// The refusal that the write would meet.
    fn check_write(&self, address: u64, value: u64) -> Result<(), RegisterError>;

    /// Write a word, with what follows from it: a new rate or burst fills its tokens, a 0 to REALISED starts a new day.
    ///
    /// # Errors
    ///
    /// As [`RiskDevice::check_write`]; then nothing is changed.
    fn write(&mut self, address: u64, value: u64) -> Result<(), RegisterError>;

    /// Check a new order or a replacement. `None`: it passed.
    fn check_order(&mut self, order: &OrderCheck) -> Option<RejectReason>;

    /// Check a cancel. `None`: it passed.
    fn check_cancel(&mut self, account: AccountId, now: Nanos) -> Option<RejectReason>;

    /// Take note of what happened outside.
    fn apply(&mut self, update: Update);

    /// Set a word as it was, read-only or not and without what follows from a write: for recovery from a snapshot.
    ///
    /// # Errors
    ///
    /// There is no such word, a limit would not be accepted, or the device does not answer.
    fn restore(&mut self, address: u64, value: u64) -> Result<(), RegisterError>;

    /// Why the device can no longer be relied on, if so. From then on it refuses every check with KILL_SWITCH, and the system
    /// has to stop: its registers no longer follow the orders.
    fn fault(&self) -> Option<RegisterError> {
        None
    }
}

/// What the gate has to know of a new order or a replacement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderCheck {
    /// Owner.
    pub account: AccountId,
    /// What is traded.
    pub instrument: InstrumentId,
    /// Buy or sell.
    pub side: Side,
    /// The clock; it refills the tokens of the order rate.
    pub now: Nanos,
    /// Lots for ORDER_SIZE: the quantity; of a replacement the new total.
    pub size: i64,
    /// Lots for POSITION_LIMIT, which like DAILY_LOSS applies only if this is positive: the quantity; of a replacement the new
    /// leaves less the old.
    pub added: i64,
    /// Lots for NOTIONAL: the quantity; of a replacement the new leaves.
    pub leaves: i64,
    /// Price, else stop price, else 0: then there is no collar, and the notional counts with the reference price.
    pub price: i64,
}

/// What happened outside the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Update {
    /// The lots of open orders changed other than by a fill.
    Open {
        /// Whose.
        account: AccountId,
        /// In what.
        instrument: InstrumentId,
        /// Of which side.
        side: Side,
        /// Signed change: + for a new order, − for a cancel.
        qty: i64,
    },
    /// An open order traded: its lots move from open to position.
    Fill {
        /// Whose.
        account: AccountId,
        /// In what.
        instrument: InstrumentId,
        /// Of which side.
        side: Side,
        /// Lots.
        qty: i64,
        /// Profit that the fill realised, − for a loss.
        realised: Money,
    },
    /// There was a trade, or somebody marked the instrument.
    Reference {
        /// Which instrument.
        instrument: InstrumentId,
        /// Its price.
        price: Ticks,
    },
}
