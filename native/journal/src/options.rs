//! What a journal can be asked to do differently. The defaults are safe.

use crate::Error;
use crate::header::HEADER;
use crate::medium::Backend;

/// Most bytes that a segment file may have: 1 GiB. A segment is read into memory whole.
pub const MAX_SEGMENT: u64 = 1 << 30;

/// When frames reach the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Commits reach the page cache only: they survive the process, not a loss of power. After a loss of power the journal
    /// may be found corrupt, because the kernel writes in any order it likes.
    None,
    /// A commit writes and syncs all pending frames at once.
    Batch,
    /// Each append writes and syncs its frame before it returns.
    Every,
}

/// How much an open reads back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verify {
    /// Every frame of every segment.
    All,
    /// Segment headers, and the frames of the segments that replay from the newest valid snapshot would read.
    FromSnapshot,
}

/// Settings of a journal.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// When frames reach the disk. Default: [`Durability::Batch`].
    pub durability: Durability,
    /// Bytes preallocated for a segment, header included. Default: 64 MiB.
    pub segment_bytes: u64,
    /// Pending bytes that force a commit. Default: 1 MiB.
    pub group_bytes: usize,
    /// How much an open reads back. Default: [`Verify::All`].
    pub verify: Verify,
    /// Cut the last segment at its first bad frame even if good frames follow. Default: false, such a journal is refused.
    ///
    /// A disk that loses power during a commit may have stored the end of the batch and not its start. Nothing of that batch
    /// was acknowledged, but it cannot be told from damage to frames that were, so a person decides.
    pub discard_beyond_damage: bool,
    /// How bytes are handed to the kernel. Default: [`Backend::Pwrite`]. [`crate::Journal::backend`] says what is in use.
    pub backend: Backend,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            durability: Durability::Batch,
            segment_bytes: 64 << 20,
            group_bytes: 1 << 20,
            verify: Verify::All,
            discard_beyond_damage: false,
            backend: Backend::Pwrite,
        }
    }
}

impl Options {
    pub(crate) fn check(&self) -> Result<(), Error> {
        within("segment_bytes", self.segment_bytes, 2 * HEADER as u64, MAX_SEGMENT)?;
        within("group_bytes", self.group_bytes as u64, 1, MAX_SEGMENT)
    }
}

fn within(name: &'static str, found: u64, least: u64, most: u64) -> Result<(), Error> {
    if (least..=most).contains(&found) { Ok(()) } else { Err(Error::Setting { name, found, least, most }) }
}
