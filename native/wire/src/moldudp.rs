//! MoldUDP64 1.00: numbered messages in datagrams that may be lost, doubled and reordered.
//!
//! [`Sender`] packs a log into datagrams and answers requests; [`Receiver`] hands the messages of one or more lines over in order, each
//! once, asks for what is missing, and says what it gave up. Neither owns a socket. What a receiver holds is bounded by its
//! configuration, whatever datagrams say.

mod receiver;
mod sender;

pub use receiver::{Counts, Join, MAX_LINES, Receiver, ReceiverConfig, ReceiverEvent};
pub use sender::{Answer, Sender, SenderConfig};

use crate::bytes::{get_u16, get_u64};
use crate::session::Session;

/// Bytes before the message blocks: session (10), sequence number (8), message count (2).
pub const HEADER: usize = 20;

/// The count that says that the session is over.
pub const END_OF_SESSION: u16 = u16::MAX;

/// The first 20 bytes of a datagram, or all of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Name of the session.
    pub session: Session,
    /// Number of the first message in it, or of the next one if there is none; in a request the first one wanted.
    pub sequence: u64,
    /// How many there are; [`END_OF_SESSION`] for none ever again. In a request how many are wanted.
    pub count: u16,
}

impl Header {
    /// The header and what follows it; `None` if there is none, or it has a number that no message can have.
    pub fn read(datagram: &[u8]) -> Option<(Self, &[u8])> {
        let (header, blocks) = datagram.split_at_checked(HEADER)?;
        let session = Session::read(&header[..10])?;
        let sequence = get_u64(header, 10);
        let count = get_u16(header, 18);
        let last = sequence.checked_add(count.into())?;
        (sequence > 0 && last < u64::MAX).then_some((Self { session, sequence, count }, blocks))
    }

    /// Its bytes.
    pub fn bytes(&self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..10].copy_from_slice(&self.session.left_justified());
        bytes[10..18].copy_from_slice(&self.sequence.to_be_bytes());
        bytes[18..].copy_from_slice(&self.count.to_be_bytes());
        bytes
    }
}

/// The messages of a datagram's blocks; `None` unless exactly `count` blocks fill it.
pub fn messages(count: u16, blocks: &[u8]) -> Option<impl Iterator<Item = &[u8]>> {
    let mut rest = blocks;
    for _ in 0..count {
        rest = block(rest)?.1;
    }
    let mut rest = if rest.is_empty() { blocks } else { return None };
    Some((0..count).map_while(move |_| {
        let (message, after) = block(rest)?;
        rest = after;
        Some(message)
    }))
}

fn block(blocks: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = blocks.split_at_checked(2)?;
    rest.split_at_checked(usize::from(get_u16(length, 0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_what_it_was_written_from() {
        let header = Header { session: Session::read(b"000042").unwrap(), sequence: 0x0102, count: 3 };
        assert_eq!(&header.bytes(), b"000042    \0\0\0\0\0\0\x01\x02\0\x03");
        assert_eq!(Header::read(&header.bytes()), Some((header, &[][..])));
    }

    #[test]
    fn numbers_that_no_message_can_have_are_refused() {
        let bytes = |sequence, count| Header { session: Session::default(), sequence, count }.bytes();
        assert!(Header::read(&bytes(0, 1)).is_none() && Header::read(&bytes(u64::MAX - 1, 1)).is_none());
        assert!(Header::read(&bytes(1, 1)[..19]).is_none());
        assert!(Header::read(&bytes(u64::MAX - 2, 1)).is_some());
    }

    #[test]
    fn blocks_must_fill_the_datagram() {
        let two = b"\0\x01a\0\0";
        assert_eq!(messages(2, two).unwrap().collect::<Vec<_>>(), [&b"a"[..], b""]);
        assert!(messages(1, two).is_none() && messages(3, two).is_none() && messages(2, &two[..4]).is_none());
    }
}
