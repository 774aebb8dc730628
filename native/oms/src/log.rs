//! The writing side of the journal: one frame a command, what is acknowledged, and the end of it all after a failure.

use std::path::{Path, PathBuf};

use omni_journal::{Durability, Journal, Medium, OpenReport, Options, Progress};

use crate::command::{CONFIG_KIND, Command};
use crate::config::Config;
use crate::{Error, state};

/// A journal of commands.
pub(crate) struct Log {
    journal: Journal,
    durability: Durability,
    /// Last frame that a commit handed over.
    committed: u64,
    failure: Option<String>,
}

impl Log {
    /// Opens the journal in `dir`, on a medium of the caller's if there is one.
    pub fn open(
        dir: &Path,
        options: Options,
        medium: Option<Box<dyn Medium>>,
        progress: &mut Progress<'_>,
    ) -> Result<(Self, OpenReport), Error> {
        let (journal, report) = Journal::open_watched(dir, options, medium, progress)?;
        let log = Self { journal, durability: options.durability, committed: report.last_sequence, failure: None };
        Ok((log, report))
    }

    /// Writes the first frame.
    pub fn begin(&mut self, config: &Config) -> Result<(), Error> {
        self.journal.append(CONFIG_KIND, &[&config.encode()])?;
        self.commit()
    }

    /// Writes the frame of a command, in place.
    #[inline]
    pub fn append(&mut self, command: &Command) -> Result<u64, Error> {
        // A journal that failed refuses everything, so there is no need to look whether this one did.
        match self.journal.append_with(command.kind(), command.encoded_len(), |payload| command.encode(payload)) {
            Ok(sequence) => Ok(sequence),
            Err(error) => Err(self.stop_at(error)),
        }
    }

    /// Hands all frames to the disk, or with durability `none` to the operating system.
    pub fn commit(&mut self) -> Result<(), Error> {
        self.check()?;
        self.committed = self.journal.commit().map_err(|error| self.stop_at(error))?;
        Ok(())
    }

    /// Last frame whose command may be acknowledged.
    #[inline]
    pub fn acknowledged(&self) -> u64 {
        match self.durability {
            Durability::None => self.committed,
            Durability::Batch | Durability::Every => self.journal.durable_sequence(),
        }
    }

    /// Stores a snapshot of the state after the last frame.
    pub fn write_snapshot(&mut self, state: &[u8]) -> Result<PathBuf, Error> {
        self.commit()?;
        Ok(self.journal.write_snapshot(state, state::hash(state))?)
    }

    /// Commits, and ends the journal in good order.
    pub fn close(mut self) -> Result<(), Error> {
        self.commit()?;
        Ok(self.journal.close()?)
    }

    /// Whether there was a failure.
    #[inline]
    pub fn check(&self) -> Result<(), Error> {
        match &self.failure {
            None => Ok(()),
            Some(cause) => Err(Error::Stopped { cause: cause.clone() }),
        }
    }

    /// Accepts nothing from now on.
    #[cold]
    pub fn stop(&mut self, cause: &dyn ToString) {
        self.failure.get_or_insert_with(|| cause.to_string());
    }

    #[cold]
    fn stop_at(&mut self, error: omni_journal::Error) -> Error {
        if let Err(stopped) = self.check() {
            return stopped;
        }
        self.stop(&error);
        Error::Journal(error)
    }
}
