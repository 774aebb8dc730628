//! The reading side of the journal: where a replay begins, and a frame done again.

use std::path::Path;

use omni_journal::{Frame, Snapshot, frames, newest_snapshot};

use crate::command::{CONFIG_KIND, Command};
use crate::config::Config;
use crate::oms::{FIRST_FRAME, Oms};
use crate::{CodecError, Error, state};

/// The system of the newest valid snapshot, if there is one.
pub(crate) fn from_snapshot(dir: &Path) -> Result<Option<Oms>, Error> {
    newest_snapshot(dir)?.newest.map(|snapshot| restore(&snapshot)).transpose()
}

/// The system as it began.
pub(crate) fn from_config(dir: &Path) -> Result<Oms, Error> {
    let mut reader = frames(dir, FIRST_FRAME)?;
    let first = reader.next_frame()?.ok_or(Error::EmptyJournal)?;
    let config = match first.kind {
        CONFIG_KIND => Config::decode(first.payload),
        found => Err(CodecError::Field { name: "kind of the first frame", offset: 0, expected: "0", found: found.into() }.into()),
    };
    config.and_then(Oms::new).map_err(|source| cannot_replay(FIRST_FRAME, source))
}

/// Does the command of a frame again. Events of the command before are forgotten.
pub(crate) fn redo(oms: &mut Oms, frame: Frame<'_>) -> Result<Command, Error> {
    let command = Command::decode(frame.kind, frame.payload).map_err(|error| cannot_replay(frame.sequence, error.into()))?;
    oms.check(&command).map_err(|error| cannot_replay(frame.sequence, error))?;
    oms.clear_events();
    oms.act(&command);
    debug_assert_eq!(oms.sequence(), frame.sequence);
    Ok(command)
}

fn restore(snapshot: &Snapshot) -> Result<Oms, Error> {
    let found = state::hash(&snapshot.payload);
    if found != snapshot.hash {
        return Err(Error::StateHash { sequence: snapshot.sequence, expected: snapshot.hash, found });
    }
    let oms = Oms::from_state(&snapshot.payload).map_err(|error| cannot_replay(snapshot.sequence, error))?;
    if oms.sequence() != snapshot.sequence {
        let found = oms.sequence().into();
        let error = CodecError::Field { name: "sequence of the state", offset: 0, expected: "that of its snapshot", found };
        return Err(cannot_replay(snapshot.sequence, error.into()));
    }
    Ok(oms)
}

fn cannot_replay(sequence: u64, source: Error) -> Error {
    Error::Replay { sequence, source: Box::new(source) }
}
