//! What can be wrong with a capture.

use std::fmt;
use std::io;
use std::sync::Arc;

use omni_wire::WireError;

/// Why a capture cannot be read, or not any further.
#[derive(Clone, Debug)]
pub enum FeedError {
    /// The system says so.
    Io(Arc<io::Error>),
    /// The content is no capture of ITCH in any framing that can be told by its content.
    NoCapture {
        /// The first bytes, at most eight.
        head: Vec<u8>,
    },
    /// Compressed bytes that do not unpack.
    Compression {
        /// `gzip` or `zstd`.
        format: &'static str,
        /// Offset in the file up to which it was read, in bytes.
        offset: u64,
        /// How many bytes were unpacked before.
        unpacked: u64,
        /// What the decoder says.
        what: String,
    },
    /// Frames or messages that are not what they should be.
    Wire {
        /// What and where.
        error: WireError,
        /// How many whole messages came before.
        n_messages: u64,
    },
}

impl fmt::Display for FeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "{error}"),
            Self::NoCapture { head } => write!(f, "no capture of ITCH: it begins with {head:02x?}"),
            Self::Compression { format, offset, unpacked, what } => {
                write!(f, "{format} data broken near byte {offset} of the file, after {unpacked} unpacked bytes: {what}")
            }
            Self::Wire { error, n_messages } => write!(f, "{error}, after {n_messages} whole messages"),
        }
    }
}

impl std::error::Error for FeedError {}

impl From<io::Error> for FeedError {
    fn from(error: io::Error) -> Self {
        Self::Io(Arc::new(error))
    }
}
