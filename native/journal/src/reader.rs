//! Reading frames back, segment by segment. Nothing here writes.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::frame::{FRAME_HEADER, Found, Frame, inspect, later_frame, stored_len, used_len};
use crate::header::{BadHeader, HEADER, SegmentHeader};
use crate::layout::{self, Numbered};
use crate::options::MAX_SEGMENT;
use crate::progress::{EVERY, Progress, tell};
use crate::window::{WINDOW, Window};

/// A tail that a crash left unfinished: it holds no frame that was acknowledged as durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// Segment that has the tail; always the last one.
    pub segment: PathBuf,
    /// Offset of the first lost byte; 0 when the segment itself was being created.
    pub offset: u64,
    /// Bytes lost, up to the last one that is not zero.
    pub bytes: u64,
    /// Sequence of the last good frame, 0 for none.
    pub last_sequence: u64,
    /// What was wrong with the first lost frame.
    pub what: &'static str,
    /// Value that should have been there.
    pub expected: u64,
    /// Value that was.
    pub found: u64,
    /// Whether good frames follow the tail, which only [`crate::Options::discard_beyond_damage`] accepts.
    pub frames_follow: bool,
}

/// Frames of a journal, in order, each verified.
///
/// An unfinished tail ends the frames and is reported by [`Reader::lost`]; any other damage is an error. On a directory that
/// is being written, the end is wherever the writer happened to be.
#[derive(Debug)]
pub struct Reader {
    /// Segments still to be read, the next one last.
    ahead: Vec<Numbered>,
    window: Window,
    /// Offset in the window of the next frame.
    at: usize,
    expected: u64,
    capacity: u64,
    from: u64,
    discard_beyond_damage: bool,
    lost: Option<Lost>,
    /// The segment in hand is done with.
    finished: bool,
    /// Bytes of the segments before it.
    passed: u64,
}

/// Frames of the journal in `dir` whose sequence is at least `from`.
///
/// # Errors
///
/// [`Error::Io`] if the directory cannot be read, [`Error::Corrupt`] if `from` lies in a segment that is gone.
pub fn frames(dir: &Path, from: u64) -> Result<Reader, Error> {
    let segments = layout::segments(dir)?;
    let from = from.max(1);
    if let Some(first) = segments.first().filter(|first| first.sequence > from) {
        return Err(missing(first, from));
    }
    Ok(Reader::new(segments, from))
}

/// Judges the bytes of one segment as recovery judges the last segment of a journal: its last sequence, and its tail.
///
/// Never panics, whatever the bytes.
///
/// # Errors
///
/// [`Error::Corrupt`], with an empty path, if the damage is not an unfinished tail.
pub fn scan_bytes(bytes: &[u8]) -> Result<(u64, Option<Lost>), Error> {
    let mut reader = Reader::new(Vec::new(), 1);
    reader.window = Window::of_bytes(bytes);
    reader.start(None)?;
    while reader.next_frame()?.is_some() {}
    Ok((reader.last_sequence(), reader.lost))
}

pub(crate) fn missing(first: &Numbered, expected: u64) -> Error {
    let what = "first sequence of the oldest segment (the ones before it are gone)";
    Error::Corrupt { segment: first.path.clone(), offset: 16, what, expected, found: first.sequence }
}

impl Reader {
    /// A reader over `segments`, starting with the one that holds `from`.
    pub(crate) fn new(mut segments: Vec<Numbered>, from: u64) -> Self {
        let start = segments.partition_point(|segment| segment.sequence <= from).saturating_sub(1);
        let expected = segments.get(start).map_or(1, |segment| segment.sequence);
        segments.drain(..start);
        segments.reverse();
        Self {
            ahead: segments,
            window: Window::of_bytes(&[]),
            at: 0,
            expected,
            capacity: 0,
            from,
            discard_beyond_damage: false,
            lost: None,
            finished: true,
            passed: 0,
        }
    }

    pub(crate) fn discarding_beyond_damage(mut self, discard: bool) -> Self {
        self.discard_beyond_damage = discard;
        self
    }

    /// The next frame, or `None` at the end.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] for damage that is not an unfinished tail, [`Error::Io`] if a segment cannot be read. After an
    /// error there are no more frames.
    #[inline]
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, Error> {
        loop {
            if self.finished && !self.load()? {
                return Ok(None);
            }
            match inspect(&self.window.bytes, self.at, self.expected) {
                Found::Frame { kind, length } => {
                    let (sequence, start) = (self.expected, self.at + FRAME_HEADER);
                    self.expected += 1;
                    self.at += stored_len(length);
                    if sequence >= self.from {
                        return Ok(Some(Frame { sequence, kind, payload: &self.window.bytes[start..start + length] }));
                    }
                }
                // Judged only with the rest of the segment in view.
                _ if !self.window.reaches_end => self.look_further()?,
                Found::End => self.finished = true,
                Found::Bad(flaw) => self.judge(flaw.what, flaw.expected, flaw.found, flaw.tearable)?,
            }
        }
    }

    /// Gives every frame to `act` and tells `progress` how far it is, in bytes of the segments.
    ///
    /// # Errors
    ///
    /// [`Error::Interrupted`] if `progress` ends it, that of `act`, and those of [`Reader::next_frame`].
    pub fn each<E: From<Error>>(
        &mut self,
        progress: &mut Progress<'_>,
        mut act: impl FnMut(Frame<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let total = self.bytes_read() + self.bytes_ahead();
        let mut next = 0;
        loop {
            let done = self.bytes_read();
            if done >= next {
                next = done + EVERY;
                tell(progress, done, total)?;
            }
            match self.next_frame()? {
                Some(frame) => act(frame)?,
                None => break,
            }
        }
        Ok(tell(progress, total, total)?)
    }

    fn bytes_read(&self) -> u64 {
        self.passed + self.window.base + self.at as u64
    }

    /// Of the segments that were not begun; one that cannot be measured counts nothing.
    fn bytes_ahead(&self) -> u64 {
        self.ahead.iter().filter_map(|segment| fs::metadata(&segment.path).ok()).map(|file| file.len()).sum()
    }

    /// The unfinished tail that ended the frames, if there was one.
    pub fn lost(&self) -> Option<&Lost> {
        self.lost.as_ref()
    }

    /// Sequence of the last good frame read, 0 for none.
    pub(crate) fn last_sequence(&self) -> u64 {
        self.expected - 1
    }

    /// Offset just past the last good frame of the segment in hand, and the capacity of that segment.
    pub(crate) fn position(&self) -> (u64, u64) {
        (self.window.base + self.at as u64, self.capacity)
    }

    /// Reads the next segment; false if there is none.
    fn load(&mut self) -> Result<bool, Error> {
        let Some(next) = self.ahead.pop() else { return Ok(false) };
        if next.sequence != self.expected {
            let what = "first sequence of the segment";
            let error = Error::Corrupt { segment: next.path, offset: 16, what, expected: self.expected, found: next.sequence };
            return Err(self.stop(error));
        }
        self.passed += self.window.file_len;
        match Window::open(next.path, std::mem::take(&mut self.window.bytes)) {
            Ok(window) => self.window = window,
            Err(error) => return Err(self.stop(error)),
        }
        self.start(Some(next.sequence))?;
        Ok(true)
    }

    /// Goes past the header of the segment in the window.
    fn start(&mut self, named: Option<u64>) -> Result<(), Error> {
        self.finished = false;
        match SegmentHeader::decode(&self.window.bytes, self.window.file_len, named) {
            Ok(header) => {
                (self.expected, self.capacity, self.at) = (header.first_sequence, header.capacity, HEADER);
                Ok(())
            }
            Err(bad) => self.judge_header(bad),
        }
    }

    /// Moves the window to the next frame, and widens it to the end of the segment if it is there already.
    fn look_further(&mut self) -> Result<(), Error> {
        let limit = if self.at == 0 { MAX_SEGMENT } else { WINDOW };
        let start = self.window.base + self.at as u64;
        self.at = 0;
        self.window.read(start, limit).map_err(|error| self.stop(error))
    }

    /// A torn header is the start of a tail like a torn frame is: frames are only written once the header is on the disk.
    fn judge_header(&mut self, bad: BadHeader) -> Result<(), Error> {
        self.at = 0;
        if !self.window.reaches_end {
            self.window.read(0, MAX_SEGMENT).map_err(|error| self.stop(error))?;
        }
        match bad {
            BadHeader::Torn { expected, found } => self.judge("CRC32C or length of the segment header", expected, found, true),
            BadHeader::Wrong { offset, what, expected, found } => {
                let segment = self.window.path.clone();
                Err(self.stop(Error::Corrupt { segment, offset, what, expected, found }))
            }
        }
    }

    /// Ends the frames at the offset in hand if an interrupted write explains it, and fails otherwise.
    fn judge(&mut self, what: &'static str, expected: u64, found: u64, tearable: bool) -> Result<(), Error> {
        let offset = self.window.base + self.at as u64;
        // In a torn segment header nothing was expected yet: its very first frame counts as a later one.
        let header_is_lost = offset < HEADER as u64;
        let known = if header_is_lost { self.expected - 1 } else { self.expected };
        let frames_follow = tearable && later_frame(&self.window.bytes, self.at, known).is_some();
        // Without its header a segment that holds frames cannot be continued.
        let discard = self.discard_beyond_damage && !header_is_lost;
        if tearable && self.ahead.is_empty() && (!frames_follow || discard) {
            self.lost = Some(Lost {
                segment: self.window.path.clone(),
                offset,
                bytes: used_len(&self.window.bytes[self.at..]) as u64,
                last_sequence: self.last_sequence(),
                what,
                expected,
                found,
                frames_follow,
            });
            // Nothing is left to inspect.
            self.finished = true;
            return Ok(());
        }
        let segment = self.window.path.clone();
        Err(self.stop(Error::Corrupt { segment, offset, what, expected, found }))
    }

    fn stop(&mut self, error: Error) -> Error {
        self.ahead.clear();
        self.finished = true;
        error
    }
}

/// The header alone, for segments whose frames are not read.
pub(crate) fn check_header(segment: &Numbered) -> Result<(), Error> {
    let path = &segment.path;
    let mut header = Vec::with_capacity(HEADER);
    let file = File::open(path).map_err(Error::io("open", path))?;
    let file_len = file.metadata().map_err(Error::io("inspect", path))?.len();
    file.take(HEADER as u64).read_to_end(&mut header).map_err(Error::io("read", path))?;
    let (offset, what, expected, found) = match SegmentHeader::decode(&header, file_len, Some(segment.sequence)) {
        Ok(_) => return Ok(()),
        Err(BadHeader::Torn { expected, found }) => (0, "CRC32C or length of the segment header", expected, found),
        Err(BadHeader::Wrong { offset, what, expected, found }) => (offset, what, expected, found),
    };
    Err(Error::Corrupt { segment: path.clone(), offset, what, expected, found })
}
