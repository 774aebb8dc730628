//! What can go wrong, apart from orders that are refused: those are events. Variants carry the facts, the message is built from them.

use std::fmt;

use crate::gate::RegisterError;

/// Bytes that are not what they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodecError {
    /// No command has this kind.
    Kind {
        /// Kind of the frame.
        found: u16,
    },
    /// Too few bytes, or too many.
    Length {
        /// What was read.
        what: &'static str,
        /// Bytes that the fields so far need, or all of them.
        expected: usize,
        /// Bytes that there are.
        found: usize,
    },
    /// A field holds what it must not.
    Field {
        /// Name of the field.
        name: &'static str,
        /// Where it is, in bytes from the start.
        offset: usize,
        /// What it may hold.
        expected: &'static str,
        /// What it holds.
        found: i128,
    },
}

/// What can go wrong with a system or its journal.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A payload, a configuration or a state cannot be read.
    Codec(CodecError),
    /// A setting is not possible.
    Config {
        /// The setting, such as `instruments[2].tick_value`.
        name: String,
        /// What it may be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// A command names an instrument that there is not. Nothing was journaled.
    UnknownInstrument {
        /// Number of the instrument.
        found: u32,
        /// How many there are.
        known: u32,
    },
    /// A command names an account that there is not. Nothing was journaled.
    UnknownAccount {
        /// Number of the account.
        found: u32,
        /// How many there are.
        known: u32,
    },
    /// There is no live order to be explained.
    UnknownOrder {
        /// Its id.
        found: u64,
    },
    /// The gate does not check commands of this kind.
    NotChecked {
        /// Kind of the command.
        kind: u16,
    },
    /// The register map refuses an access. Nothing was journaled.
    Register(RegisterError),
    /// One of several commands is none. None of them was journaled.
    InBatch {
        /// Which one, from 0.
        index: usize,
        /// Why.
        source: Box<Error>,
    },
    /// The journal failed. If it was a write or a sync, the system has stopped.
    Journal(omni_journal::Error),
    /// The journal or the gate failed before: nothing is done or handed out any more.
    Stopped {
        /// The first failure, in words.
        cause: String,
    },
    /// A frame cannot be replayed.
    Replay {
        /// Sequence of the frame.
        sequence: u64,
        /// Why.
        source: Box<Error>,
    },
    /// A snapshot is not the state that its hash stands for.
    StateHash {
        /// Sequence of the snapshot.
        sequence: u64,
        /// The hash it carries.
        expected: [u8; 32],
        /// The hash of its bytes.
        found: [u8; 32],
    },
    /// The journal was begun with another configuration.
    ConfigDiffers {
        /// First byte of the encoded configurations that differs.
        offset: usize,
    },
    /// The journal holds no configuration yet.
    EmptyJournal,
    /// There is no such place in the journal.
    OutOfJournal {
        /// Sequence asked for.
        found: u64,
        /// First sequence that can be reached.
        first: u64,
        /// Last sequence of the journal.
        last: u64,
    },
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kind { found } => write!(f, "no command has kind {found}; kinds are 1 to 9"),
            Self::Length { what, expected, found } => write!(f, "{what}: expected {expected} bytes, found {found}"),
            Self::Field { name, offset, expected, found } => {
                write!(f, "{name} at byte {offset}: expected {expected}, found {found}")
            }
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Codec(error) => error.fmt(f),
            Self::Config { name, expected, found } => write!(f, "{name}: expected {expected}, found {found}"),
            Self::UnknownInstrument { found, known } => {
                write!(f, "instrument {found} is unknown; there are {known}, numbered from 0")
            }
            Self::UnknownAccount { found, known } => write!(f, "account {found} is unknown; there are {known}, numbered from 0"),
            Self::UnknownOrder { found } => write!(f, "there is no live order {found}"),
            Self::NotChecked { kind } => {
                write!(f, "the gate checks new orders, cancels and replacements (kinds 1 to 3), and no command of kind {kind}")
            }
            Self::Register(error) => error.fmt(f),
            Self::InBatch { index, source } => write!(f, "command {index} of the batch: {source}; nothing was done"),
            Self::Journal(error) => error.fmt(f),
            Self::Stopped { cause } => {
                write!(f, "the system stopped at a failure ({cause}); mend it, then recover the system from its journal")
            }
            Self::Replay { sequence, source } => write!(f, "frame {sequence} cannot be replayed: {source}"),
            Self::StateHash { sequence, expected, found } => {
                let (expected, found) = (Hex(expected), Hex(found));
                write!(
                    f,
                    "the snapshot of frame {sequence} has state hash {found}, it should be {expected}; remove it to use an older one"
                )
            }
            Self::ConfigDiffers { offset } => write!(
                f,
                "the journal was begun with another configuration (byte {offset} is the first that differs); \
                 use that one, or another directory"
            ),
            Self::EmptyJournal => write!(f, "the journal holds no configuration; begin it with one"),
            Self::OutOfJournal { found, first, last } => {
                write!(f, "frame {found} cannot be reached; choose one from {first} to {last}")
            }
        }
    }
}

impl std::error::Error for CodecError {}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Codec(error) => Some(error),
            Self::Register(error) => Some(error),
            Self::Journal(error) => Some(error),
            Self::InBatch { source, .. } | Self::Replay { source, .. } => Some(source),
            Self::Config { .. }
            | Self::UnknownInstrument { .. }
            | Self::UnknownAccount { .. }
            | Self::UnknownOrder { .. }
            | Self::NotChecked { .. }
            | Self::Stopped { .. }
            | Self::StateHash { .. }
            | Self::ConfigDiffers { .. }
            | Self::EmptyJournal
            | Self::OutOfJournal { .. } => None,
        }
    }
}

impl From<CodecError> for Error {
    fn from(error: CodecError) -> Self {
        Self::Codec(error)
    }
}

impl From<RegisterError> for Error {
    fn from(error: RegisterError) -> Self {
        Self::Register(error)
    }
}

impl From<omni_journal::Error> for Error {
    fn from(error: omni_journal::Error) -> Self {
        Self::Journal(error)
    }
}

struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
