//! Errors of the order-management system and its journal.

use std::fmt::Write;
use std::path::Path;

use omni_oms::gate::RegisterError;
use omni_oms::{CodecError, Error};
use pyo3::prelude::*;

use super::Facts;

/// Why a call did nothing, or stopped.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The system says no.
    System(Error),
    /// The journal was closed.
    Closed,
    /// A value of a column is none that a command could have.
    Value { column: &'static str, row: usize, found: i64, what: String },
    /// The command of a row is none.
    Row { row: usize, error: Error },
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::System(error)
    }
}

impl From<omni_journal::Error> for Refusal {
    fn from(error: omni_journal::Error) -> Self {
        Self::System(error.into())
    }
}

impl Refusal {
    pub fn raise(&self, py: Python<'_>) -> PyErr {
        match self {
            Self::System(error) => system_facts(error),
            Self::Closed => Facts::new("JournalError", "the journal is closed")
                .hint("OMS.recover(path) goes on with it; what was known can still be asked for."),
            Self::Value { column, row, found, what } => {
                Facts::new("DataError", format!("{column} {what}")).found(found).place(format!("column '{column}', row {row}"))
            }
            Self::Row { row, error } => {
                let facts = system_facts(error);
                let what = format!("the risk gate refuses this word: {}", facts.what);
                Facts { class: "DataError", what, place: Some(format!("row {row}")), ..facts }
            }
        }
        .raise(py)
    }
}

fn system_facts(error: &Error) -> Facts<'static> {
    match error {
        Error::Codec(error) => codec_facts(error),
        Error::Config { name, expected, found } => {
            Facts::new("ConfigError", "a setting cannot be used").found(found).expected(expected).place(name)
        }
        Error::UnknownInstrument { found, known } => {
            let what = format!("no such instrument: there are {known}, numbered from 0");
            Facts::new("ConfigError", what).found(found)
        }
        Error::UnknownAccount { found, known } => {
            let what = format!("no such account: there are {known}, numbered from 0");
            Facts::new("ConfigError", what).found(found)
        }
        Error::UnknownOrder { found } => Facts::new("ConfigError", "there is no live order of this id").found(found),
        Error::NotChecked { kind } => Facts::new("ConfigError", "the gate does not check commands of this kind")
            .found(kind)
            .expected("a new order, a cancel or a replacement: 1 to 3"),
        Error::Register(error) => register_facts(error),
        Error::InBatch { index, source } => {
            let facts = system_facts(source);
            Facts { place: Some(format!("row {index}")), ..facts }
        }
        Error::Journal(error) => journal_facts(error),
        Error::Stopped { cause } => Facts::new("JournalError", format!("the system stopped at a failure: {cause}"))
            .hint("Mend it, then recover the system from its journal: OMS.recover(path)."),
        Error::Replay { sequence, source } => {
            let facts = system_facts(source);
            let what = format!("a frame of the journal cannot be replayed: {}", facts.what);
            Facts { class: "JournalError", what, place: Some(format!("frame {sequence}")), ..facts }
        }
        Error::StateHash { sequence, expected, found } => {
            let what = format!("the snapshot has state hash {}, it should be {}", hex(found), hex(expected));
            Facts::new("JournalError", what).place(format!("frame {sequence}")).hint("Remove it to recover from an older one.")
        }
        Error::ConfigDiffers { offset } => Facts::new("ConfigError", "the journal was begun with another configuration")
            .place(format!("byte {offset} of its first frame"))
            .hint("Use that configuration, OMS.recover(path), or another directory."),
        Error::EmptyJournal => {
            Facts::new("JournalError", "the journal holds no configuration").hint("Begin it with OMSConfig(journal=path).")
        }
        Error::OutOfJournal { found, first, last } => {
            Facts::new("JournalError", format!("the journal can be shown from frame {first} to {last}")).found(found)
        }
        other => Facts::new("JournalError", other.to_string()),
    }
}

fn codec_facts(error: &CodecError) -> Facts<'static> {
    match *error {
        CodecError::Kind { found } => Facts::new("CodecError", "no command has this kind").found(found).expected("1 to 9"),
        CodecError::Length { what, expected, found } => {
            Facts::new("CodecError", format!("{what} has {expected} bytes")).found(found)
        }
        CodecError::Field { name, offset, expected, found } => Facts::new("CodecError", format!("the {name} cannot be"))
            .found(found)
            .expected(expected)
            .place(format!("byte {offset}")),
    }
}

fn register_facts(error: &RegisterError) -> Facts<'static> {
    match *error {
        RegisterError::Nowhere { address } => {
            Facts::new("ConfigError", "there is no register at this address").found(format!("{address:#x}"))
        }
        RegisterError::ReadOnly { address, name } => {
            Facts::new("ConfigError", "this register cannot be written").found(format!("{address:#x}")).place(name)
        }
        RegisterError::Value { address, name, expected, found } => {
            Facts::new("ConfigError", format!("{name} takes {expected}")).found(found).place(format!("{address:#x}"))
        }
        RegisterError::TooMany { what, found, most } => {
            Facts::new("ConfigError", format!("the risk gate has room for {most} {what}")).found(found)
        }
        ref other => Facts::new("JournalError", other.to_string()),
    }
}

fn journal_facts(error: &omni_journal::Error) -> Facts<'static> {
    use omni_journal::Error;
    match error {
        Error::Io { op, path, source } => {
            let facts = Facts::new("JournalError", format!("cannot {op}: {source}")).place(shown(path));
            if source.kind() == std::io::ErrorKind::StorageFull { facts.hint("Free some space and recover.") } else { facts }
        }
        Error::Corrupt { segment, offset, what, expected, found } => {
            Facts::new("JournalError", format!("the journal is damaged: {what} should be {expected}"))
                .found(found)
                .place(format!("{} at offset {offset}", shown(segment)))
                .hint("Nothing was changed; restore the file from a copy.")
        }
        Error::FrameTooLarge { found, limit } => {
            Facts::new("JournalError", format!("a frame holds at most {limit} bytes")).found(found)
        }
        Error::Poisoned { cause } => {
            Facts::new("JournalError", format!("the journal accepts nothing after a failed write: {cause}"))
                .hint("Mend the disk, then recover the system from its journal: OMS.recover(path).")
        }
        Error::Locked { path } => Facts::new("JournalError", "another process, or this one, has the journal open")
            .place(shown(path))
            .hint("Close that one, or choose another directory."),
        Error::Setting { name, found, least, most } => {
            Facts::new("ConfigError", format!("{name} must be from {least} to {most}")).found(found)
        }
        other => Facts::new("JournalError", other.to_string()),
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
