//! OUCH 4.2 order entry: every message of both directions, decoded and encoded.
//!
//! A message is the whole payload of one SoupBinTCP packet. A message that is longer than known is read and the rest ignored, because
//! venues append fields; a shorter one is an error; an unknown type is neither, so that its reader can count it. Prices are in 1/10,000
//! of a dollar, times nanoseconds since midnight in 8 bytes, where ITCH has 6.

mod messages;
mod table;

pub use messages::*;
pub use table::OuchLayout;

use crate::WireError;
use crate::itch::{Field, Layout};

/// The price of a market order, which only crosses take.
pub const MARKET_PRICE: u32 = 0x7FFF_FFFF;
/// Highest price of a limit order: $199,999.99.
pub const HIGHEST_PRICE: u32 = 0x7735_939C;
/// Most shares of an order.
pub const MOST_SHARES: u32 = 999_999;
/// Time in force: what is not executed at once is canceled.
pub const IMMEDIATE: u32 = 0;
/// Time in force: until the extended hours close, in later revisions.
pub const EXTENDED_CLOSE: u32 = 99_996;
/// Time in force: until the market closes.
pub const MARKET_CLOSE: u32 = 99_998;
/// Time in force: until the system closes.
pub const SYSTEM_CLOSE: u32 = 99_999;

/// The layout of a message from client to venue.
pub fn client_layout(kind: u8) -> Option<&'static OuchLayout> {
    CLIENT_LAYOUTS.iter().find(|each| each.layout.kind == kind)
}

/// The layout of a message from venue to client.
pub fn venue_layout(kind: u8) -> Option<&'static OuchLayout> {
    VENUE_LAYOUTS.iter().find(|each| each.layout.kind == kind)
}

/// The error of bytes that are too few for this message.
#[cold]
fn short(bytes: &[u8], name: &str, length: usize) -> WireError {
    WireError { offset: 0, found: format!("{} bytes", bytes.len()), expected: format!("at least {length} bytes of {name}") }
}

#[cold]
fn empty() -> WireError {
    WireError { offset: 0, found: "no byte".to_owned(), expected: "a message".to_owned() }
}
