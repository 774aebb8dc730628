//! Captured feeds: read, decoded to columns, and rebuilt into the books of a whole market; `docs/feeds.md` is the contract.
#![forbid(unsafe_code)]
// An event is some hundred instructions: what calls between them would cost was measured.
#![allow(clippy::inline_always)]

pub mod books;
mod columns;
mod error;
pub mod generator;
mod input;
mod reader;
mod scan;
mod window;

pub use books::Books;
pub use columns::Events;
pub use error::FeedError;
pub use reader::{How, MessageTable, Reader};
pub use scan::Scan;
