//! The risk gate as a device with registers: what every order and cancel passes before it reaches the book.
//!
//! [`RiskDevice`] is what the system needs of a gate. [`SoftwareDevice`] is the reference; with the feature `fpga`,
//! [`MappedDevice`] drives a device behind a memory-mapped window. The contract (registers, checks and their order) is
//! `docs/gate.md`. The gate knows no clock, no book and no random numbers: times and updates are told to it.

use omni_types::{AccountId, InstrumentId, Money, Nanos, NewOrder, Qty, RejectReason, Side, Ticks};

use crate::records::Record;

mod access;
mod bucket;
mod derived;
mod engine;
mod error;
pub mod map;
#[cfg(feature = "fpga")]
mod mapped;
mod memory;
pub(crate) mod rules;
mod setup;
mod software;
mod updates;
pub(crate) mod wide;
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

    /// Write a word, with what follows from it: a new rate or burst fills its tokens, a 0 to REALISED starts a new day, a 0 to PEAK
    /// makes it the equity, and so does a first limit of the drawdown; PEAK and DAY_EQUITY follow CAPITAL.
    ///
    /// # Errors
    ///
    /// As [`RiskDevice::check_write`]; then nothing is changed.
    fn write(&mut self, address: u64, value: u64) -> Result<(), RegisterError>;

    /// Check a new order or a replacement.
    fn check_order(&mut self, order: &OrderCheck) -> Verdict;

    /// Check a cancel.
    fn check_cancel(&mut self, account: AccountId, now: Nanos) -> Verdict;

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

/// What the gate says of an order or a cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Why it is refused; `None`: it passed.
    pub refused: Option<RejectReason>,
    /// What it is warned of, if it passed.
    pub warned: Option<RejectReason>,
}

impl Verdict {
    /// It passed without a warning.
    pub const PASSED: Self = Self { refused: None, warned: None };

    /// It is refused.
    pub const fn refused(reason: RejectReason) -> Self {
        Self { refused: Some(reason), warned: None }
    }

    /// It passed with a warning.
    pub const fn warned(reason: RejectReason) -> Self {
        Self { refused: None, warned: Some(reason) }
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
    /// Lots by which the open orders of its side grow: the quantity; of a replacement the new leaves less the old. Where it is not
    /// positive, POSITION_LIMIT and the checks from DAILY_LOSS on do not apply.
    pub added: i64,
    /// Lots for NOTIONAL: the quantity; of a replacement the new leaves.
    pub leaves: i64,
    /// Price, else stop price, else 0: then there is no collar, and the notional counts with the reference price.
    pub price: i64,
}

impl OrderCheck {
    /// Of a new order at a time.
    #[inline]
    pub(crate) fn of_new(order: &NewOrder, now: Nanos) -> Self {
        let NewOrder { account, instrument, side, qty: Qty(qty), .. } = *order;
        let price = price_or(order.price, order.terms.stop_price);
        Self { account, instrument, side, now, size: qty, added: qty, leaves: qty, price }
    }

    /// Of a replacement by a new total and leaves, and by a price and a stop price of which 0 keeps what there is.
    #[inline]
    pub(crate) fn of_replacement(
        record: &Record,
        now: Nanos,
        (size, leaves): (Qty, i64),
        (price, stop_price): (Ticks, Ticks),
        old_stop_price: Ticks,
    ) -> Self {
        let or_kept = |new: Ticks, kept: Ticks| if new.0 == 0 { kept } else { new };
        let Record { account, instrument, side, .. } = *record;
        let added = leaves.saturating_sub(record.leaves.0);
        let price = price_or(or_kept(price, record.price), or_kept(stop_price, old_stop_price));
        Self { account, instrument, side, now, size: size.0, added, leaves, price }
    }
}

/// The price that the gate looks at; 0 for none.
#[inline]
fn price_or(price: Ticks, stop_price: Ticks) -> i64 {
    if price.0 == 0 { stop_price.0 } else { price.0 }
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
        /// Price of the trade, for CASH.
        price: Ticks,
        /// Profit that the fill realised, − for a loss.
        realised: Money,
    },
    /// Money came in or went out other than by a trade: fees, interest, dividends.
    Cash {
        /// Whose.
        account: AccountId,
        /// + for what came in.
        amount: Money,
    },
    /// There was a trade, of which both fills were told, or somebody marked the instrument.
    Reference {
        /// Which instrument.
        instrument: InstrumentId,
        /// Its price.
        price: Ticks,
    },
}
