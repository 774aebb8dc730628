//! What a register refuses.

use std::fmt;
use std::time::Duration;

/// Why a register could not be read or written. Addresses count bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegisterError {
    /// No word lies there.
    Nowhere {
        /// The address given.
        address: u64,
    },
    /// The word can only be read.
    ReadOnly {
        /// Its address.
        address: u64,
        /// Its name; "padding" between registers.
        name: &'static str,
    },
    /// The register does not take this value.
    Value {
        /// Its address.
        address: u64,
        /// Its name.
        name: &'static str,
        /// What it takes.
        expected: &'static str,
        /// The value given.
        found: u64,
    },
    /// The map has no room for so many accounts, instruments or sectors.
    TooMany {
        /// "accounts", "instruments" or "sectors".
        what: &'static str,
        /// Number given.
        found: usize,
        /// Number that there is room for.
        most: usize,
    },
    /// The device did not answer in time, or not sensibly.
    NoAnswer {
        /// How long it was waited for.
        waited: Duration,
    },
}

impl fmt::Display for RegisterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nowhere { address } => {
                write!(f, "no register at {address:#x}: addresses are multiples of 8 within a bank of the map")
            }
            Self::ReadOnly { address, name } => write!(f, "{name} at {address:#x} can only be read"),
            Self::Value { address, name, expected, found } => {
                write!(f, "{name} at {address:#x} takes {expected}, found {} ({found:#x})", *found as i64)
            }
            Self::TooMany { what, found, most } => write!(f, "the register map has room for {most} {what}, found {found}"),
            Self::NoAnswer { waited } => {
                write!(
                    f,
                    "the risk device gave no valid answer within {waited:?}: restart it, then recover the system from its journal"
                )
            }
        }
    }
}

impl std::error::Error for RegisterError {}
