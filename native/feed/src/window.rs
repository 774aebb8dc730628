//! The bytes of a capture that were read and not used yet.

use crate::FeedError;
use crate::input::{BLOCK, Filled, Input};

/// Bytes of a page of memory.
const PAGE: usize = 4096;

/// A buffer that is used again, and the part of it that counts.
pub(crate) struct Window {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    is_last: bool,
}

impl Window {
    /// The first bytes.
    pub fn open(input: &mut Input) -> Result<Self, FeedError> {
        let mut window = Self { bytes: Vec::new(), start: 0, end: 0, is_last: false };
        window.refill(input)?;
        Ok(window)
    }

    /// What is left.
    #[inline]
    pub fn rest(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Whether nothing comes behind it.
    #[inline]
    pub fn is_last(&self) -> bool {
        self.is_last
    }

    /// Drop the first bytes of what is left.
    #[inline]
    pub fn pass(&mut self, n: usize) {
        self.start += n;
    }

    /// Put more bytes behind what is left.
    pub fn refill(&mut self, input: &mut Input) -> Result<(), FeedError> {
        let n_left = self.end - self.start;
        if self.bytes.len() < n_left + PAGE + BLOCK {
            self.bytes.resize(n_left + PAGE + BLOCK, 0);
        }
        // The new bytes begin on a page, as they do in the page cache: some processors copy three times slower to a few bytes behind.
        let first_page = self.bytes.as_ptr().align_offset(PAGE);
        let at = first_page + n_left.saturating_sub(first_page).next_multiple_of(PAGE);
        self.bytes.copy_within(self.start..self.end, at - n_left);
        let Filled { n, is_last } = input.fill(&mut self.bytes[at..at + BLOCK])?;
        (self.start, self.end, self.is_last) = (at - n_left, at + n, is_last);
        Ok(())
    }
}
