//! The order-management system: a command comes in, is journaled, passes the risk gate, acts on the book, and events come out.
//!
//! `docs/oms.md` is the contract. [`Oms`] is the system, [`DurableOms`] one with a journal, [`Replayer`] shows a journal at any place.
//! The system owns no clock and no random numbers: the same commands give the same events, the same journal and the same state, byte
//! for byte.
#![cfg_attr(not(feature = "fpga"), forbid(unsafe_code))]

mod bytes;
mod client_id;
mod client_index;
mod command;
mod config;
mod desk;
mod durable;
mod error;
mod event;
mod explain;
pub mod gate;
mod latency;
mod log;
mod oms;
mod positions;
mod progress;
mod records;
mod registers;
mod replay;
mod replayer;
mod state;
mod switches;

pub use client_id::{client_id_of_text, text_of_client_id};
pub use command::{
    Attribution, CONFIG_KIND, Command, EVERY_ACCOUNT, EVERY_INSTRUMENT, MAX_COMMAND, MAX_NEW, MAX_WHO, MAX_WHY, SwitchScope,
};
pub use config::{AccountConfig, Config, InstrumentConfig, Limits, MAX64, MAX128, PositionLimits};
pub use durable::{DurableOms, Recovery, recover, recover_watched};
pub use error::{CodecError, Error};
pub use event::{EventKind, Liquidity, OmsEvent};
pub use explain::{CheckLevel, CheckRow, Severity};
pub use latency::{Latency, Stage};
pub use oms::Oms;
pub use positions::{Position, Positions};
pub use progress::{Progress, Step};
pub use records::{Record, Records};
pub use replayer::Replayer;
