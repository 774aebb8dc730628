//! What must hold for any bytes at all.
//!
//! Each target reads its bytes as a story (a market and what is sent to it, a journal and what happened to its files), plays it, and
//! panics where a law is broken. Bytes are read so that a small change of them is a small change of the story: that is what a fuzzer
//! lives on. The tests play the committed seeds and some thousand changes of them; `make fuzz` lets libFuzzer look for new ones.
#![forbid(unsafe_code)]

mod books;
mod codec;
mod commands;
mod edits;
mod engine;
mod input;
mod itch;
mod journal;
mod laws;
mod market;
mod sessions;
mod snapshot;
mod story;

pub use books::books;
pub use codec::codec;
pub use commands::commands;
pub use engine::engine;
pub use itch::itch;
pub use journal::journal;
pub use sessions::sessions;
pub use snapshot::snapshot;
pub use story::{Story, write_journal};

use input::Input;
use market::Market;

/// Plays the bytes, and panics where a law is broken.
pub type Target = fn(&[u8]);

/// Every target, by the name of its directory of seeds.
pub const TARGETS: [(&str, Target); 8] = [
    ("books", books),
    ("codec", codec),
    ("commands", commands),
    ("engine", engine),
    ("itch", itch),
    ("journal", journal),
    ("sessions", sessions),
    ("snapshot", snapshot),
];
