//! The writer: numbers frames, gathers them in memory, and hands whole blocks to the disk.

use std::path::{Path, PathBuf};

use crate::Error;
use crate::directory::{Lock, create_dir, create_segment, lock, mend};
use crate::frame::{FRAME_HEADER, MAX_PAYLOAD, clear_padding, seal, stored_len};
use crate::header::{HEADER, SegmentHeader};
use crate::medium::{Backend, Medium, SegmentFile, medium_for, write_all_at};
use crate::options::{Durability, Options};
use crate::progress::{Progress, unwatched};
use crate::recovery::{OpenReport, survey};
use crate::snapshot::{self, Snapshot};

/// Closed segments that may wait for a sync while durability is [`Durability::None`]; each holds a file descriptor.
const MOST_BEHIND: usize = 16;

/// The one writer of a journal.
///
/// Dropping it is like a crash: pending frames are gone. [`Journal::close`] ends it in good order.
pub struct Journal {
    dir: PathBuf,
    options: Options,
    medium: Box<dyn Medium>,
    file: Box<dyn SegmentFile>,
    segment: PathBuf,
    capacity: u64,
    /// End of what was handed to `file`.
    written: u64,
    /// Frames not handed over yet: the first `pending` bytes.
    buffer: Vec<u8>,
    pending: usize,
    last_sequence: u64,
    durable_sequence: u64,
    /// Closed segments that hold unsynced frames, oldest first.
    behind: Vec<(PathBuf, Box<dyn SegmentFile>)>,
    /// The first failure. Once a sync failed, the kernel may have dropped what it could not write and report the next sync
    /// as good, so nothing can be promised after it.
    poison: Option<String>,
    /// Held for as long as the journal lives.
    _lock: Lock,
}

impl Journal {
    /// Opens the journal in `dir`, or starts one. Reads back what is there, cuts an unfinished tail and reports it.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`] if another journal is open on `dir`; [`Error::Corrupt`] for damage that is not an unfinished tail,
    /// with nothing changed; [`Error::Setting`] or [`Error::Io`].
    pub fn open(dir: &Path, options: Options) -> Result<(Self, OpenReport), Error> {
        Self::open_watched(dir, options, None, &mut unwatched)
    }

    /// As [`Journal::open`], on a medium of the caller's.
    ///
    /// # Errors
    ///
    /// As [`Journal::open`].
    pub fn open_on(dir: &Path, options: Options, medium: Box<dyn Medium>) -> Result<(Self, OpenReport), Error> {
        Self::open_watched(dir, options, Some(medium), &mut unwatched)
    }

    /// As [`Journal::open`], perhaps on a medium of the caller's, and tells how far reading back is.
    ///
    /// # Errors
    ///
    /// As [`Journal::open`]; [`Error::Interrupted`] if `progress` ends it, with nothing changed.
    pub fn open_watched(
        dir: &Path,
        options: Options,
        medium: Option<Box<dyn Medium>>,
        progress: &mut Progress<'_>,
    ) -> Result<(Self, OpenReport), Error> {
        options.check()?;
        let medium = medium.unwrap_or_else(|| medium_for(options.backend));
        create_dir(dir, &*medium)?;
        let lock = lock(dir)?;
        let survey = survey(dir, &options, progress)?;
        let report = survey.report.clone();
        let tail = mend(dir, &options, &*medium, survey)?;
        let journal = Self {
            dir: dir.to_owned(),
            medium,
            file: tail.file,
            segment: tail.path,
            capacity: tail.capacity,
            written: tail.end,
            buffer: vec![0; options.group_bytes],
            pending: 0,
            last_sequence: report.last_sequence,
            durable_sequence: report.last_sequence,
            behind: Vec::new(),
            poison: None,
            options,
            _lock: lock,
        };
        Ok((journal, report))
    }

    /// Appends one frame whose payload is `parts` end to end, and returns its sequence.
    ///
    /// The frame is durable on return only with [`Durability::Every`]; otherwise it is pending.
    ///
    /// # Errors
    ///
    /// As [`Journal::append_with`].
    #[inline]
    pub fn append(&mut self, kind: u16, parts: &[&[u8]]) -> Result<u64, Error> {
        let length = parts.iter().map(|part| part.len()).sum();
        self.place(kind, length, |mut payload| {
            for part in parts {
                let (here, rest) = payload.split_at_mut(part.len());
                here.copy_from_slice(part);
                payload = rest;
            }
        })
    }

    /// Appends one frame of `length` bytes that `fill` writes in place, and returns its sequence. Bytes that `fill` leaves
    /// alone are zero.
    ///
    /// # Errors
    ///
    /// [`Error::FrameTooLarge`], after which the journal goes on; [`Error::Io`] if the disk refuses, and
    /// [`Error::Poisoned`] from then on.
    #[inline]
    pub fn append_with(&mut self, kind: u16, length: usize, fill: impl FnOnce(&mut [u8])) -> Result<u64, Error> {
        self.place(kind, length, |payload| {
            payload.fill(0);
            fill(payload);
        })
    }

    /// Hands all pending frames to the disk, in one write and, unless durability is [`Durability::None`], one sync. Returns
    /// the sequence of the last frame handed over.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the disk refuses, and [`Error::Poisoned`] from then on.
    pub fn commit(&mut self) -> Result<u64, Error> {
        match self.options.durability {
            Durability::None => self.flush(false),
            Durability::Batch | Durability::Every => self.flush(true),
        }
    }

    /// As [`Journal::commit`], but syncs whatever the durability.
    ///
    /// # Errors
    ///
    /// As [`Journal::commit`].
    pub fn sync(&mut self) -> Result<u64, Error> {
        self.flush(true)
    }

    /// Makes all frames durable and stores a snapshot of the state after the last of them.
    ///
    /// # Errors
    ///
    /// As [`Journal::commit`], or [`Error::Io`] if the snapshot cannot be stored, which leaves the journal usable.
    pub fn write_snapshot(&mut self, payload: &[u8], hash: [u8; 32]) -> Result<PathBuf, Error> {
        let sequence = self.flush(true)?;
        snapshot::write_on(&*self.medium, &self.dir, &Snapshot { sequence, hash, payload: Vec::new() }, payload)
    }

    /// Commits, and cuts the last segment to its content.
    ///
    /// # Errors
    ///
    /// As [`Journal::commit`].
    pub fn close(mut self) -> Result<(), Error> {
        self.commit()?;
        self.file.truncate(self.written).map_err(Error::io("truncate", &self.segment))?;
        if self.options.durability != Durability::None {
            self.file.sync().map_err(Error::io("sync", &self.segment))?;
        }
        Ok(())
    }

    /// Sequence of the last frame appended, pending or not; 0 for none.
    pub fn last_sequence(&self) -> u64 {
        self.last_sequence
    }

    /// Sequence of the last frame that a loss of power now would leave; 0 for none.
    pub fn durable_sequence(&self) -> u64 {
        self.durable_sequence
    }

    /// How bytes are handed to the kernel.
    pub fn backend(&self) -> Backend {
        self.medium.backend()
    }

    /// Directory of the journal.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// `fill` must write the whole payload: the buffer holds frames of earlier commits.
    #[inline]
    fn place(&mut self, kind: u16, length: usize, fill: impl FnOnce(&mut [u8])) -> Result<u64, Error> {
        if length > MAX_PAYLOAD {
            return Err(Error::FrameTooLarge { found: length, limit: MAX_PAYLOAD });
        }
        let stored = stored_len(length);
        // Both limits at once: an append that needs neither a new segment nor a commit takes one branch.
        if self.poison.is_some() || self.pending + stored > self.room() {
            self.make_room(stored)?;
        }
        let frame = &mut self.buffer[self.pending..self.pending + stored];
        clear_padding(frame);
        fill(&mut frame[FRAME_HEADER..FRAME_HEADER + length]);
        let sequence = self.last_sequence + 1;
        seal(frame, sequence, kind, length);
        self.pending += stored;
        self.last_sequence = sequence;
        if self.options.durability == Durability::Every {
            self.flush(true)?;
        }
        Ok(sequence)
    }

    /// Bytes that may be pending: as many as the buffer holds and the segment has left.
    #[inline]
    fn room(&self) -> usize {
        self.buffer.len().min((self.capacity - self.written) as usize)
    }

    #[cold]
    fn make_room(&mut self, stored: usize) -> Result<(), Error> {
        self.check_poison()?;
        if self.written + (self.pending + stored) as u64 > self.capacity {
            self.roll(stored)?;
        }
        if self.pending + stored > self.buffer.len() {
            self.spill()?;
            if stored > self.buffer.len() {
                self.buffer.resize(stored, 0);
            }
        }
        Ok(())
    }

    /// Commits a full buffer. Who fills it writes much, so the disk begins with it while the next one fills.
    fn spill(&mut self) -> Result<(), Error> {
        let start = self.written;
        self.commit()?;
        if self.options.durability == Durability::None {
            self.file.begin_write_back(start, self.written - start);
        }
        Ok(())
    }

    /// Goes on in a new segment that has room for `stored` bytes at least.
    fn roll(&mut self, stored: usize) -> Result<(), Error> {
        // Before the new segment exists, so that its frames are never durable when these are not.
        self.commit()?;
        if self.written == HEADER as u64 {
            return self.enlarge(stored).map_err(|error| self.poisoned_by(error));
        }
        let first = self.last_sequence + 1;
        let tail =
            create_segment(&self.dir, first, &self.options, stored, &*self.medium).map_err(|error| self.poisoned_by(error))?;
        let old = std::mem::replace(&mut self.file, tail.file);
        let old_path = std::mem::replace(&mut self.segment, tail.path);
        self.capacity = tail.capacity;
        self.written = tail.end;
        if self.options.durability == Durability::None {
            self.behind.push((old_path, old));
            if self.behind.len() > MOST_BEHIND {
                let (path, mut oldest) = self.behind.remove(0);
                oldest.sync().map_err(Error::io("sync", &path)).map_err(|error| self.poisoned_by(error))?;
            }
        }
        Ok(())
    }

    /// Makes the segment, which holds no frame yet, large enough for one of `stored` bytes.
    fn enlarge(&mut self, stored: usize) -> Result<(), Error> {
        let header = SegmentHeader { first_sequence: self.last_sequence + 1, capacity: (HEADER + stored) as u64 };
        // The header first: a file may be shorter than its header says, but not longer.
        self.file.write_and_sync(&header.encode(), 0).map_err(Error::io("write and sync", &self.segment))?;
        self.file.allocate(header.capacity).map_err(Error::io("allocate", &self.segment))?;
        self.capacity = header.capacity;
        Ok(())
    }

    fn flush(&mut self, sync: bool) -> Result<u64, Error> {
        self.check_poison()?;
        self.try_flush(sync).map_err(|error| self.poisoned_by(error))?;
        Ok(self.last_sequence)
    }

    fn try_flush(&mut self, sync: bool) -> Result<(), Error> {
        if sync {
            for (path, file) in &mut self.behind {
                file.sync().map_err(Error::io("sync", path))?;
            }
            self.behind.clear();
        }
        let block = &self.buffer[..self.pending];
        if sync && self.durable_sequence != self.last_sequence {
            self.file.write_and_sync(block, self.written).map_err(Error::io("write and sync", &self.segment))?;
            self.durable_sequence = self.last_sequence;
        } else {
            write_all_at(&mut *self.file, block, self.written).map_err(Error::io("write", &self.segment))?;
        }
        self.written += self.pending as u64;
        self.pending = 0;
        Ok(())
    }

    fn check_poison(&self) -> Result<(), Error> {
        self.poison.as_ref().map_or(Ok(()), |cause| Err(Error::Poisoned { cause: cause.clone() }))
    }

    fn poisoned_by(&mut self, error: Error) -> Error {
        self.poison.get_or_insert_with(|| error.to_string());
        error
    }
}
