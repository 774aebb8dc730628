//! Append-only log of opaque frames, with checksums, group commit, snapshots and recovery.
//!
//! A [`Journal`] numbers frames 1, 2, 3… and stores them in segment files of one directory. It knows nothing of what the
//! bytes mean. The files hold no clock and no random number: the same frames give the same bytes. What was acknowledged as
//! durable is there after a crash; what was damaged is either cut from the tail with a report or refused with
//! [`Error::Corrupt`], and never read as data.
//!
//! # Format
//!
//! All integers are little-endian. A segment is named after the sequence of its first frame, in twenty digits, `.seg`.
//!
//! | segment header | bytes | | frame | bytes |
//! |---|---|---|---|---|
//! | magic `OMNIJRN1` | 0..8 | | payload length, u32 | 0..4 |
//! | version, u32 | 8..12 | | CRC32C, u32 | 4..8 |
//! | header length (64), u32 | 12..16 | | sequence, u64 | 8..16 |
//! | first sequence, u64 | 16..24 | | kind, u16 | 16..18 |
//! | capacity of the file, u64 | 24..32 | | zero | 18..24 |
//! | zero | 32..60 | | payload | 24.. |
//! | CRC32C of bytes 0..60, u32 | 60..64 | | zeros up to a multiple of 8 | |
//!
//! The CRC of a frame covers its header, with the CRC itself taken as zero, and its payload. A frame never spans two
//! segments; one that is larger than a segment gets a segment of its own size. The rest of a segment is zero.
#![cfg_attr(not(feature = "io_uring"), forbid(unsafe_code))]

mod directory;
mod error;
mod frame;
mod header;
mod journal;
mod layout;
mod medium;
mod options;
mod progress;
mod reader;
mod recovery;
mod retention;
mod snapshot;
#[cfg(feature = "io_uring")]
mod uring;
mod window;

pub use error::Error;
pub use frame::{Frame, MAX_PAYLOAD};
pub use journal::Journal;
pub use medium::{Backend, FileMedium, Medium, SegmentFile};
pub use options::{Durability, MAX_SEGMENT, Options, Verify};
pub use progress::Progress;
pub use reader::{Lost, Reader, frames, scan_bytes};
pub use recovery::{OpenReport, verify, verify_watched};
pub use retention::{Retained, retain};
pub use snapshot::{NewestSnapshot, RejectedSnapshot, Snapshot, newest_snapshot, write_snapshot};
#[cfg(feature = "io_uring")]
pub use uring::UringMedium;
