//! What can be wrong with bytes.

use std::fmt;

/// Bytes that are not what they should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireError {
    /// Offset of the frame or message in what was read, in bytes.
    pub offset: u64,
    /// What was there.
    pub found: String,
    /// What should have been there.
    pub expected: String,
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte {}: expected {}, found {}", self.offset, self.expected, self.found)
    }
}

impl std::error::Error for WireError {}
