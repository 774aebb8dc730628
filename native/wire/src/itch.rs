//! Nasdaq TotalView-ITCH 5.0: every message type, decoded and encoded; batches of messages as columns.
//!
//! A message is bytes without a frame: where it begins and ends is the business of [`crate::frames`].

mod columns;
mod events;
pub(crate) mod layout;
mod messages;
mod recipes;

use crate::WireError;
pub use crate::events::{EventColumns, EventKind, MarketEvent};
pub use columns::{Column, TypeColumns, Values};
pub use events::{Batch, EventDecoder, Instruments};
pub use layout::{Field, FieldKind, Layout};
pub use messages::*;

/// Bytes of the longest message.
pub const LONGEST: usize = 50;

/// Length of the messages of each type; 0 for a type that is not known.
pub static LENGTHS: [u8; 256] = {
    let (mut lengths, mut at) = ([0; 256], 0);
    while at < LAYOUTS.len() {
        assert!(LAYOUTS[at].length <= LONGEST);
        lengths[LAYOUTS[at].kind as usize] = LAYOUTS[at].length as u8;
        at += 1;
    }
    lengths
};

/// The layout of a message type.
pub fn layout(kind: u8) -> Option<&'static Layout> {
    LAYOUTS.iter().find(|layout| layout.kind == kind)
}

/// The error of bytes that are not this message.
#[cold]
fn wrong(bytes: &[u8], name: &str, length: usize) -> WireError {
    let Some(&kind) = bytes.first() else { return empty() };
    WireError {
        offset: 0,
        found: format!("{} bytes of type '{}'", bytes.len(), kind.escape_ascii()),
        expected: format!("{length} bytes of {name}"),
    }
}

#[cold]
fn empty() -> WireError {
    WireError { offset: 0, found: "no byte".into(), expected: "a message".into() }
}
