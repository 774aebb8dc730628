//! A journal shown at any place: the system as it was after a frame, its command, and what came of it.

use std::path::{Path, PathBuf};

use omni_journal::{Options, Reader, Verify, frames, verify_watched};

use crate::command::Command;
use crate::event::OmsEvent;
use crate::oms::Oms;
use crate::progress::{Progress, Step, during, unwatched};
use crate::{Error, replay};

/// Fewest frames from one checkpoint to the next: about a millisecond of replay.
const SPACING: u64 = 10_000;
/// Most bytes that checkpoints may have.
const MOST_BYTES: usize = 512 << 20;

/// Walks a journal. Going on is as fast as replay; going back begins at the nearest checkpoint or snapshot.
pub struct Replayer {
    dir: PathBuf,
    oms: Oms,
    /// Stands behind the last frame done.
    reader: Reader,
    command: Option<Command>,
    last: u64,
    /// By ascending sequence. The first is where the journal begins.
    checkpoints: Vec<Checkpoint>,
}

struct Checkpoint {
    sequence: u64,
    state: Vec<u8>,
}

impl Replayer {
    /// Stands at the beginning of the journal in `dir`: at its configuration, or at its newest snapshot if the frames before that are gone.
    /// Frames that are appended later are not seen.
    ///
    /// # Errors
    ///
    /// Those of [`crate::recover`].
    pub fn open(dir: &Path) -> Result<Self, Error> {
        Self::open_watched(dir, &mut unwatched)
    }

    /// As [`Replayer::open`], and tells how far it is. It only verifies; replay is what [`Replayer::seek`] does.
    ///
    /// # Errors
    ///
    /// As [`Replayer::open`]; [`omni_journal::Error::Interrupted`] if `progress` ends it.
    pub fn open_watched(dir: &Path, progress: &mut Progress<'_>) -> Result<Self, Error> {
        let options = Options { verify: Verify::All, ..Options::default() };
        let report = verify_watched(dir, &options, &mut during(Step::Verifying, progress))?;
        let snapshot = replay::from_snapshot(dir)?;
        let (oms, later) = if report.first_sequence == 1 {
            (replay::from_config(dir)?, snapshot)
        } else {
            (snapshot.ok_or(Error::EmptyJournal)?, None)
        };
        let reader = frames(dir, oms.sequence() + 1)?;
        let checkpoints = std::iter::once(&oms).chain(&later).map(Checkpoint::of).collect();
        Ok(Self { dir: dir.to_owned(), reader, command: None, last: report.last_sequence, checkpoints, oms })
    }

    /// Shows the system after frame `sequence`.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfJournal`] for one that cannot be reached, and then nothing changes; [`Error::Replay`] and [`Error::Journal`].
    pub fn seek(&mut self, sequence: u64) -> Result<(), Error> {
        if !(self.first()..=self.last).contains(&sequence) {
            return Err(Error::OutOfJournal { found: sequence, first: self.first(), last: self.last });
        }
        // One frame before, so that the frame itself is done and its events can be shown.
        let nearest = self.checkpoints.partition_point(|checkpoint| checkpoint.sequence < sequence).saturating_sub(1);
        let nearest = &self.checkpoints[nearest];
        let here = self.oms.sequence();
        if sequence < here || nearest.sequence > here {
            self.oms = Oms::from_state(&nearest.state)?;
            self.reader = frames(&self.dir, nearest.sequence + 1)?;
            self.command = None;
        }
        while self.oms.sequence() < sequence && self.step()? {}
        Ok(())
    }

    /// Goes on by one frame; false at the end.
    ///
    /// # Errors
    ///
    /// [`Error::Replay`] and [`Error::Journal`].
    pub fn step(&mut self) -> Result<bool, Error> {
        if self.oms.sequence() >= self.last {
            return Ok(false);
        }
        let Some(frame) = self.reader.next_frame()? else { return Ok(false) };
        self.command = Some(replay::redo(&mut self.oms, frame)?);
        self.keep_checkpoint();
        Ok(true)
    }

    /// Frame that the system is shown after.
    pub fn sequence(&self) -> u64 {
        self.oms.sequence()
    }

    /// First frame that can be reached.
    pub fn first(&self) -> u64 {
        self.checkpoints[0].sequence
    }

    /// Last frame that can be reached.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// The system after that frame.
    pub fn oms(&self) -> &Oms {
        &self.oms
    }

    /// The command of that frame; none where the journal begins.
    pub fn command(&self) -> Option<&Command> {
        self.command.as_ref()
    }

    /// What came of that command.
    pub fn events(&self) -> &[OmsEvent] {
        self.oms.events()
    }

    /// Keeps the state if the last checkpoint is far behind. A state grows with the orders there ever were, so the way from one to the
    /// next does as well: keeping them costs a fraction of the replay.
    fn keep_checkpoint(&mut self) {
        let here = self.oms.sequence();
        let spacing = SPACING.max(self.oms.orders().len() as u64 / 8);
        let place = self.checkpoints.partition_point(|checkpoint| checkpoint.sequence <= here);
        if here - self.checkpoints[place - 1].sequence < spacing {
            return;
        }
        self.checkpoints.insert(place, Checkpoint::of(&self.oms));
        while self.checkpoints.len() > 2
            && self.checkpoints.iter().map(|checkpoint| checkpoint.state.len()).sum::<usize>() > MOST_BYTES
        {
            let mut index = 0;
            self.checkpoints.retain(|_| {
                index += 1;
                index % 2 == 1
            });
        }
    }
}

impl Checkpoint {
    fn of(oms: &Oms) -> Self {
        Self { sequence: oms.sequence(), state: oms.state() }
    }
}
