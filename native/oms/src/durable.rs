//! A system with a journal: every command is a frame before it acts, and nothing is acknowledged that a crash could take back;
//! `docs/oms.md` section 8.

use std::path::{Path, PathBuf};

use omni_journal::{Medium, OpenReport, Options, frames, verify_watched};

use crate::command::Command;
use crate::config::Config;
use crate::event::OmsEvent;
use crate::gate::{RiskDevice, SoftwareDevice};
use crate::latency::{Latency, Stage};
use crate::log::Log;
use crate::oms::{FIRST_FRAME, Oms};
use crate::progress::{Progress, Step, during, unwatched};
use crate::{Error, replay};

/// An [`Oms`] whose commands are journaled.
///
/// After a failed write or sync it has stopped: everything answers [`Error::Stopped`], and the events of commands that may be lost are
/// never handed out. Recover it from its journal.
pub struct DurableOms<D: RiskDevice = SoftwareDevice> {
    oms: Oms<D>,
    log: Log,
}

/// What a recovery found and did.
#[derive(Clone, Debug)]
pub struct Recovery {
    /// What the journal found on the disk.
    pub journal: OpenReport,
    /// Sequence of the snapshot it began with, or `None` for the configuration.
    pub snapshot: Option<u64>,
    /// Frames done again.
    pub replayed: u64,
    /// Sequence of the last command; 1 if there was none.
    pub sequence: u64,
    /// Hash of the state: that which the system had when it stopped.
    pub state_hash: [u8; 32],
}

/// The system that the journal in `dir` has recorded, without going on with it: newest valid snapshot, checked, then the frames after it.
///
/// # Errors
///
/// [`Error::EmptyJournal`]; [`Error::StateHash`] for a snapshot that is not what it says; [`Error::Replay`] for a frame that is no
/// command; [`Error::Journal`] for damage.
pub fn recover(dir: &Path) -> Result<(Oms, Recovery), Error> {
    recover_watched(dir, &mut unwatched)
}

/// As [`recover`], and tells how far it is.
///
/// # Errors
///
/// As [`recover`]; [`omni_journal::Error::Interrupted`] if `progress` ends it.
pub fn recover_watched(dir: &Path, progress: &mut Progress<'_>) -> Result<(Oms, Recovery), Error> {
    let report = verify_watched(dir, &Options::default(), &mut during(Step::Verifying, progress))?;
    rebuild(dir, report, progress)
}

impl DurableOms {
    /// Begins a journal in `dir` with `config`, or goes on with the one that is there if it was begun with the same.
    ///
    /// # Errors
    ///
    /// [`Error::Config`], [`Error::ConfigDiffers`], and those of [`recover`].
    pub fn open(dir: &Path, config: &Config, options: Options) -> Result<(Self, Recovery), Error> {
        Self::open_watched(dir, config, options, None, &mut unwatched)
    }

    /// As [`DurableOms::open`], on a medium of the caller's.
    ///
    /// # Errors
    ///
    /// As [`DurableOms::open`].
    pub fn open_on(
        dir: &Path,
        config: &Config,
        options: Options,
        medium: Option<Box<dyn Medium>>,
    ) -> Result<(Self, Recovery), Error> {
        Self::open_watched(dir, config, options, medium, &mut unwatched)
    }

    /// As [`DurableOms::open_on`], and tells how far it is.
    ///
    /// # Errors
    ///
    /// As [`DurableOms::open`]; [`omni_journal::Error::Interrupted`] if `progress` ends it: nothing of the journal was lost.
    pub fn open_watched(
        dir: &Path,
        config: &Config,
        options: Options,
        medium: Option<Box<dyn Medium>>,
        progress: &mut Progress<'_>,
    ) -> Result<(Self, Recovery), Error> {
        // Before anything is written.
        config.check()?;
        let (mut log, report) = Log::open(dir, options, medium, &mut during(Step::Verifying, progress))?;
        if report.last_sequence == 0 {
            let oms = Oms::new(config.clone())?;
            log.begin(config)?;
            let recovery = describe(&oms, report, None, 0);
            return Ok((Self { oms, log }, recovery));
        }
        let (oms, recovery) = rebuild(dir, report, progress)?;
        let (found, expected) = (oms.config().encode(), config.encode());
        if found != expected {
            let same = found.iter().zip(&expected).take_while(|(one, other)| one == other).count();
            return Err(Error::ConfigDiffers { offset: same });
        }
        Ok((Self { oms, log }, recovery))
    }

    /// Goes on with the journal in `dir`, whatever it was begun with.
    ///
    /// # Errors
    ///
    /// Those of [`recover`].
    pub fn resume(dir: &Path, options: Options) -> Result<(Self, Recovery), Error> {
        Self::resume_watched(dir, options, &mut unwatched)
    }

    /// As [`DurableOms::resume`], and tells how far it is.
    ///
    /// # Errors
    ///
    /// As [`DurableOms::resume`]; [`omni_journal::Error::Interrupted`] if `progress` ends it: nothing of the journal was lost.
    pub fn resume_watched(dir: &Path, options: Options, progress: &mut Progress<'_>) -> Result<(Self, Recovery), Error> {
        let (log, report) = Log::open(dir, options, None, &mut during(Step::Verifying, progress))?;
        let (oms, recovery) = rebuild(dir, report, progress)?;
        Ok((Self { oms, log }, recovery))
    }
}

impl<D: RiskDevice> DurableOms<D> {
    /// Begins a journal in the empty directory `dir` with a system that has done nothing yet.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfJournal`] if the system or the journal is further than its beginning, [`Error::Journal`].
    pub fn begin(oms: Oms<D>, dir: &Path, options: Options) -> Result<Self, Error> {
        let (mut log, report) = Log::open(dir, options, None, &mut during(Step::Verifying, &mut unwatched))?;
        if oms.sequence() != FIRST_FRAME || report.last_sequence != 0 {
            return Err(Error::OutOfJournal { found: oms.sequence(), first: FIRST_FRAME, last: report.last_sequence });
        }
        log.begin(oms.config())?;
        Ok(Self { oms, log })
    }

    /// Journals a command, carries it out and returns its sequence. What came of it is in [`DurableOms::events`] once it is acknowledged.
    ///
    /// # Errors
    ///
    /// As [`Oms::execute`], and then nothing was journaled; [`Error::Journal`] or [`Error::Stopped`], and then it was not carried out.
    #[inline]
    pub fn execute(&mut self, command: &Command) -> Result<u64, Error> {
        self.oms.check(command)?;
        self.oms.prefetch(command);
        self.oms.start_watch();
        let sequence = self.journal_and_act(command)?;
        self.oms.stop_watch();
        Ok(sequence)
    }

    /// Executes commands one after the other and commits once. All are checked first: either all of them are commands, or none is
    /// journaled.
    ///
    /// # Errors
    ///
    /// [`Error::InBatch`], and those of [`DurableOms::execute`] about the journal.
    pub fn execute_all(&mut self, commands: &[Command]) -> Result<u64, Error> {
        self.log.check()?;
        self.oms.check_all(commands)?;
        for (index, command) in commands.iter().enumerate() {
            self.oms.look_ahead(commands, index);
            self.oms.start_watch();
            self.journal_and_act(command)?;
            self.oms.stop_watch();
        }
        self.commit()
    }

    /// Puts all frames on the disk, or with durability `none` hands them to the operating system, and so acknowledges their commands.
    /// Returns the sequence of the last one.
    ///
    /// # Errors
    ///
    /// [`Error::Journal`] if that fails, [`Error::Stopped`] if something failed before.
    pub fn commit(&mut self) -> Result<u64, Error> {
        self.log.commit()?;
        Ok(self.log.acknowledged())
    }

    /// Commits, and gives the events that were not cleared or taken yet, oldest first.
    ///
    /// # Errors
    ///
    /// As [`DurableOms::commit`].
    pub fn events(&mut self) -> Result<&[OmsEvent], Error> {
        self.commit()?;
        Ok(self.oms.events())
    }

    /// Commits, and takes the events with their storage.
    ///
    /// # Errors
    ///
    /// As [`DurableOms::commit`].
    pub fn take_events(&mut self) -> Result<Vec<OmsEvent>, Error> {
        self.commit()?;
        Ok(self.oms.take_events())
    }

    /// The events that need no commit to be handed out, because their commands are acknowledged already.
    ///
    /// # Errors
    ///
    /// [`Error::Stopped`] if something failed before.
    pub fn acknowledged_events(&self) -> Result<&[OmsEvent], Error> {
        self.log.check()?;
        let (events, acknowledged) = (self.oms.events(), self.log.acknowledged());
        Ok(&events[..events.partition_point(|event| event.seq <= acknowledged)])
    }

    /// Forgets the acknowledged events and keeps their storage.
    pub fn clear_events(&mut self) {
        self.oms.clear_events_until(self.log.acknowledged());
    }

    /// Last command that is acknowledged.
    pub fn acknowledged(&self) -> u64 {
        self.log.acknowledged()
    }

    /// Commits, stores a snapshot of the state, and returns its file.
    ///
    /// # Errors
    ///
    /// As [`DurableOms::commit`], or [`Error::Journal`] if the snapshot cannot be stored, which stops nothing.
    pub fn snapshot(&mut self) -> Result<PathBuf, Error> {
        self.log.write_snapshot(&self.oms.state())
    }

    /// Commits, and ends the journal in good order. Dropping the system instead is like a crash.
    ///
    /// # Errors
    ///
    /// As [`DurableOms::commit`].
    pub fn close(self) -> Result<(), Error> {
        self.log.close()
    }

    /// As [`DurableOms::close`], and leaves the system to be asked, however that went.
    pub fn into_oms(self) -> (Oms<D>, Result<(), Error>) {
        let Self { oms, log } = self;
        (oms, log.close())
    }

    /// The system, to be asked. It may be ahead of what is acknowledged.
    pub fn oms(&self) -> &Oms<D> {
        &self.oms
    }

    /// Makes room for so many more orders, so that placing them does not.
    pub fn reserve(&mut self, n_orders: usize) {
        self.oms.reserve(n_orders);
    }

    /// Measures the commands from now on, or no longer.
    pub fn measure(&mut self, latency: Option<Latency>) {
        self.oms.measure(latency);
    }

    #[inline]
    fn journal_and_act(&mut self, command: &Command) -> Result<u64, Error> {
        self.log.check()?;
        let sequence = self.log.append(command)?;
        self.oms.lap(Stage::Journal);
        self.oms.act(command);
        debug_assert_eq!(self.oms.sequence(), sequence);
        if let Some(fault) = self.oms.device().fault() {
            // The gate no longer follows the orders; the journal does.
            self.log.stop(&fault);
        }
        Ok(sequence)
    }
}

/// The system of the journal in `dir`, of which the open reported `report`.
fn rebuild(dir: &Path, report: OpenReport, progress: &mut Progress<'_>) -> Result<(Oms, Recovery), Error> {
    let from_snapshot = replay::from_snapshot(dir)?;
    let snapshot = from_snapshot.as_ref().map(Oms::sequence);
    let mut oms = from_snapshot.map_or_else(|| replay::from_config(dir), Ok)?;
    let began = oms.sequence();
    frames(dir, began + 1)?.each(&mut during(Step::Replaying, progress), |frame| replay::redo(&mut oms, frame).map(drop))?;
    oms.clear_events();
    let replayed = oms.sequence() - began;
    let recovery = describe(&oms, report, snapshot, replayed);
    Ok((oms, recovery))
}

fn describe(oms: &Oms, journal: OpenReport, snapshot: Option<u64>, replayed: u64) -> Recovery {
    Recovery { journal, snapshot, replayed, sequence: oms.sequence(), state_hash: oms.state_hash() }
}
