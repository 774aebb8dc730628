//! What both session protocols share: the name of a session, and the log of its numbered messages.
//!
//! A log is what makes recovery possible: everyone who comes late or lost something is served from it, so that a slow reader costs a
//! cursor and not a copy. It is bounded, and forgets its oldest messages first.

use std::collections::VecDeque;
use std::fmt;

use crate::bytes::{pad_left, pad_right, trim};

/// Longest message of a session, in bytes: what fits into one packet of either carrier.
pub const MAX_MESSAGE: usize = 65_485;

/// Name of a session: up to ten printable ASCII characters without spaces at its ends. No name at all means the current session.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Session([u8; 10]);

impl Default for Session {
    fn default() -> Self {
        Self([b' '; 10])
    }
}

impl Session {
    /// The name that a field holds, on whichever side it is padded; `None` for what is no name. Ten spaces are the blank one.
    pub fn read(field: &[u8]) -> Option<Self> {
        let text = trim(field);
        if !text.iter().all(|byte| (b' '..=b'~').contains(byte)) {
            return None;
        }
        pad_right(text).map(Self)
    }

    /// Whether it names nothing.
    pub fn is_blank(self) -> bool {
        self.text().is_empty()
    }

    /// Padded on the right, as in MoldUDP64.
    pub fn left_justified(self) -> [u8; 10] {
        self.0
    }

    /// Padded on the left, as in SoupBinTCP.
    pub fn right_justified(self) -> [u8; 10] {
        pad_left(self.text()).unwrap_or(self.0)
    }

    /// Without padding.
    pub fn text(&self) -> &[u8] {
        trim(&self.0)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({self})")
    }
}

impl fmt::Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.text()))
    }
}

/// Why a log does not take a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogError {
    /// It is longer than [`MAX_MESSAGE`].
    TooLong(usize),
    /// The session has ended.
    Ended,
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(length) => write!(f, "a message has at most {MAX_MESSAGE} bytes, not {length}"),
            Self::Ended => f.write_str("the session has ended"),
        }
    }
}

impl std::error::Error for LogError {}

/// Messages of a session, numbered from 1.
#[derive(Clone, Debug)]
pub struct MessageLog {
    session: Session,
    chunks: VecDeque<Chunk>,
    next: u64,
    bytes: usize,
    max_bytes: usize,
    ended: bool,
}

/// Neighbouring messages, forgotten together.
#[derive(Clone, Debug)]
struct Chunk {
    first: u64,
    bytes: Vec<u8>,
    /// Where each message ends.
    ends: Vec<u32>,
}

/// Bytes from which on a chunk is closed.
const CHUNK: usize = 1 << 16;

impl MessageLog {
    /// An empty one that keeps about `max_bytes` of the newest messages, and always the last 64 KiB of them.
    pub fn new(session: Session, max_bytes: usize) -> Self {
        Self { session, chunks: VecDeque::new(), next: 1, bytes: 0, max_bytes, ended: false }
    }

    /// Name of the session.
    pub fn session(&self) -> Session {
        self.session
    }

    /// Number of the oldest message that is kept; `next` if none is.
    pub fn first(&self) -> u64 {
        self.chunks.front().map_or(self.next, |chunk| chunk.first)
    }

    /// Number that the next message will have.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Bytes that are kept, with what their places cost.
    pub fn size(&self) -> usize {
        self.bytes
    }

    /// Whether nothing will come any more.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Appends a message and returns its number.
    ///
    /// # Errors
    ///
    /// If it is too long, or the session has ended. Nothing has changed then.
    pub fn push(&mut self, message: &[u8]) -> Result<u64, LogError> {
        if self.ended {
            return Err(LogError::Ended);
        }
        if message.len() > MAX_MESSAGE {
            return Err(LogError::TooLong(message.len()));
        }
        if self.chunks.back().is_none_or(|chunk| chunk.bytes.len() + 4 * chunk.ends.len() >= CHUNK) {
            self.chunks.push_back(Chunk { first: self.next, bytes: Vec::new(), ends: Vec::new() });
        }
        if let Some(chunk) = self.chunks.back_mut() {
            chunk.bytes.extend_from_slice(message);
            chunk.ends.push(chunk.bytes.len() as u32);
        }
        self.bytes += message.len() + 4;
        while self.bytes > self.max_bytes && self.chunks.len() > 1 {
            if let Some(chunk) = self.chunks.pop_front() {
                self.bytes -= chunk.bytes.len() + 4 * chunk.ends.len();
            }
        }
        self.next += 1;
        Ok(self.next - 1)
    }

    /// A message by its number, while it is kept.
    pub fn get(&self, number: u64) -> Option<&[u8]> {
        let at = self.chunks.partition_point(|chunk| chunk.first <= number).checked_sub(1)?;
        let chunk = &self.chunks[at];
        let index = usize::try_from(number - chunk.first).ok()?;
        let end = *chunk.ends.get(index)? as usize;
        let start = index.checked_sub(1).map_or(0, |before| chunk.ends[before] as usize);
        chunk.bytes.get(start..end)
    }

    /// Says that nothing will come any more.
    pub fn end(&mut self) {
        self.ended = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_from_either_side_and_written_to_either() {
        let name = Session::read(b"     ABC01").unwrap();
        assert_eq!(name, Session::read(b"ABC01     ").unwrap());
        assert_eq!((&name.left_justified(), &name.right_justified()), (b"ABC01     ", b"     ABC01"));
        assert!(Session::read(b"          ").unwrap().is_blank() && Session::default().is_blank());
        assert_eq!(Session::default().right_justified(), [b' '; 10]);
        assert_eq!((Session::read(b"ABC\x00"), Session::read(b"ELEVENCHARS")), (None, None));
    }

    #[test]
    fn numbers_find_their_messages_also_empty_ones() {
        let mut log = MessageLog::new(Session::default(), usize::MAX);
        let message = |number: u64| vec![number as u8; number as usize % 700];
        for number in 1..2_000 {
            assert_eq!(log.push(&message(number)), Ok(number));
        }
        assert!((1..2_000).all(|number| log.get(number) == Some(&message(number)[..])));
        assert_eq!((log.get(0), log.get(2_000), log.get(u64::MAX)), (None, None, None));
    }

    #[test]
    fn the_oldest_are_forgotten_first_and_the_size_stays_bounded() {
        let mut log = MessageLog::new(Session::default(), 200_000);
        for _ in 0..50_000 {
            log.push(&[7; 50]).unwrap();
            assert!(log.size() <= 200_000);
        }
        let first = log.first();
        assert!(first > 40_000 && log.next() == 50_001);
        assert_eq!((log.get(first - 1), log.get(first)), (None, Some(&[7; 50][..])));
    }

    #[test]
    fn what_cannot_be_sent_or_comes_after_the_end_is_refused() {
        let mut log = MessageLog::new(Session::default(), 0);
        assert_eq!(log.push(&vec![0; MAX_MESSAGE + 1]), Err(LogError::TooLong(MAX_MESSAGE + 1)));
        assert_eq!(log.push(&vec![0; MAX_MESSAGE]), Ok(1));
        assert!(log.get(1).is_some(), "the last message stays whatever the limit is");
        log.end();
        assert_eq!((log.push(b"late"), log.next()), (Err(LogError::Ended), 2));
    }
}
