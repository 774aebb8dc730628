//! Wire formats: bytes in, messages out, and back. Nothing here owns a socket, a file or a clock.
#![forbid(unsafe_code)]

mod bytes;
mod error;
mod events;
pub mod frames;
pub mod itch;
pub mod moldudp;
pub mod ouch;
pub mod session;
pub mod soupbin;

pub use error::WireError;
pub use events::{EventColumns, EventKind, MarketEvent, flags, status};
