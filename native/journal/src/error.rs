//! The one error of the crate. Variants carry the facts; the message is built from them and says what to do.

use std::path::{Path, PathBuf};
use std::{fmt, io};

/// What can go wrong with a journal.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused an operation.
    Io {
        /// What was attempted, such as "write" or "sync".
        op: &'static str,
        /// File or directory concerned.
        path: PathBuf,
        /// The refusal itself.
        source: io::Error,
    },
    /// Stored bytes are damaged in a way that no crash explains, so nothing was changed.
    Corrupt {
        /// File that is damaged.
        segment: PathBuf,
        /// Byte offset of the damage in that file.
        offset: u64,
        /// Field or property that does not hold.
        what: &'static str,
        /// Value that the field should have.
        expected: u64,
        /// Value that was found.
        found: u64,
    },
    /// A payload exceeds [`crate::MAX_PAYLOAD`]; nothing was appended and the journal stays usable.
    FrameTooLarge {
        /// Bytes in the payload.
        found: usize,
        /// Most bytes that a payload may have.
        limit: usize,
    },
    /// An earlier write or sync failed, so this journal accepts nothing more.
    Poisoned {
        /// The first failure, in words.
        cause: String,
    },
    /// Another journal is open on the directory.
    Locked {
        /// Lock file that is held.
        path: PathBuf,
    },
    /// Whoever watched the reading ended it.
    Interrupted {
        /// Bytes that were read.
        done: u64,
        /// Bytes that there are.
        total: u64,
    },
    /// A setting is out of range.
    Setting {
        /// Name of the setting.
        name: &'static str,
        /// Value given.
        found: u64,
        /// Least value allowed.
        least: u64,
        /// Greatest value allowed.
        most: u64,
    },
}

impl Error {
    /// Turns an [`io::Error`] into ours, for use in `map_err`.
    pub(crate) fn io(op: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { op, path, source }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { op, path, source } => {
                write!(f, "cannot {op} {}: {source}", path.display())?;
                if source.kind() == io::ErrorKind::StorageFull {
                    write!(f, "; free some space and open the journal again")?;
                }
                Ok(())
            }
            Self::Corrupt { segment, offset, what, expected, found } => write!(
                f,
                "{} is corrupt at offset {offset}: {what}: expected {expected}, found {found}; \
                 nothing was changed, restore the file from a copy",
                segment.display()
            ),
            Self::FrameTooLarge { found, limit } => {
                write!(f, "payload of {found} bytes exceeds the limit of {limit}; split it into several frames")
            }
            Self::Poisoned { cause } => {
                write!(f, "the journal accepts nothing after a failed write ({cause}); mend the disk and open the journal again")
            }
            Self::Locked { path } => {
                write!(f, "{} is held by another open journal; close that one or choose another directory", path.display())
            }
            Self::Interrupted { done, total } => {
                write!(f, "reading the journal was interrupted after {done} of {total} bytes; nothing was changed")
            }
            Self::Setting { name, found, least, most } => {
                write!(f, "{name} is {found}; choose a value from {least} to {most}")
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Corrupt { .. }
            | Self::FrameTooLarge { .. }
            | Self::Poisoned { .. }
            | Self::Locked { .. }
            | Self::Interrupted { .. }
            | Self::Setting { .. } => None,
        }
    }
}
