//! What the first bytes of a frame say, in the framings that have a length before each frame. Nothing here changes anything, so that the
//! search for a place to go on from can look anywhere.

use std::fmt;

use super::mold::{Datagram, Heading};
use super::pcap::Header;
use super::pcapng::Change;
use crate::WireError;
use crate::itch::LENGTHS;

/// What lies at a place.
pub(super) enum Look<'b> {
    /// Too little to say.
    Short,
    /// A frame of so many bytes.
    Whole(usize, Unit<'b>),
    /// A frame of so many bytes, of which perhaps not all are there, that is not what it should be.
    Wrong(usize, Problem),
    /// No frame: its length cannot be believed.
    Nonsense(Problem),
}

/// What is in a frame.
#[derive(Clone, Copy)]
pub(super) enum Unit<'b> {
    /// A message of a known type and its length.
    Message(&'b [u8]),
    /// A message of a type that is not known.
    Unknown,
    /// Messages after each other.
    Datagram(Datagram),
    /// No messages, but where the next will be.
    Heartbeat(Heading),
    /// SoupBinTCP: the number of the next message.
    Login(u64),
    /// SoupBinTCP: a number without a message.
    Empty,
    /// A packet with nothing for us.
    Other,
    /// No packet, and nothing for us.
    Nothing,
    /// A part of a packet.
    Fragment,
    /// The session ends.
    End,
    /// The start of a capture of packets.
    Header(Header),
    /// What is said about the packets that follow.
    Change(Change),
    /// The start of something that nobody needs and that is larger than a buffer should be: how much is left of it.
    Passed(u64),
}

/// What is wrong, in facts: most are looked at and forgotten, so no text is made of them yet.
#[derive(Clone, Copy, Debug)]
pub(super) enum Problem {
    Message { kind: u8, length: usize, expected: u8 },
    SoupType(u8),
    SoupLength { kind: u8, length: usize },
    DatagramLength(usize),
    Blocks { announced: u16, found: usize, bytes: usize },
    Cut,
    Magic([u8; 4]),
    Link(u32),
    Version(u16),
    RecordLength(u64),
    Fraction(u32),
    BlockLength { kind: u32, length: u64 },
    Trailer { length: u32, found: u32 },
    Interface(u32),
    Truncated { bytes: usize, messages: u64 },
}

impl Problem {
    pub(super) fn at(self, offset: u64) -> WireError {
        let expected = match self {
            Self::Message { kind, expected, .. } => format!("{expected} bytes of type '{}'", kind.escape_ascii()),
            Self::SoupType(_) => "a SoupBinTCP packet: one of + A J S U H Z L R O".into(),
            Self::SoupLength { kind, .. } => format!("the length of a SoupBinTCP packet '{}'", kind.escape_ascii()),
            Self::DatagramLength(_) => "a MoldUDP64 packet: at least 20 bytes".into(),
            Self::Blocks { announced, .. } => format!("a MoldUDP64 packet that its {announced} messages fill exactly"),
            Self::Cut => "a packet captured to its last byte; capture with a longer snapshot length".into(),
            Self::Magic(_) => "the magic number of pcap or pcapng".into(),
            Self::Link(_) => "Ethernet, Linux cooked or raw IP (link type 1, 113, 276, 101, 228, 229, 0, 108, 12 or 14)".into(),
            Self::Version(_) => "version 2 of pcap".into(),
            Self::RecordLength(_) => format!("a packet of at most {} bytes", super::pcap::MOST),
            Self::Fraction(_) => "a fraction of a second".into(),
            Self::BlockLength { .. } => "a multiple of 4 that is long enough".into(),
            Self::Trailer { length, .. } => format!("the length of the block, {length}, after it"),
            Self::Interface(_) => "an interface that was described before".into(),
            Self::Truncated { .. } => "a whole frame".into(),
        };
        WireError { offset, found: self.to_string(), expected }
    }
}

/// What was found.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Message { length, .. } => write!(f, "{length}"),
            Self::SoupType(kind) => write!(f, "packet type '{}'", kind.escape_ascii()),
            Self::SoupLength { length, .. } | Self::DatagramLength(length) => write!(f, "length {length}"),
            Self::Blocks { found, bytes, .. } => write!(f, "{found} whole messages and {bytes} bytes"),
            Self::Cut => f.write_str("one that is cut"),
            Self::Magic(magic) => write!(f, "bytes {magic:02x?}"),
            Self::Link(link) => write!(f, "link type {link}"),
            Self::Version(version) => write!(f, "version {version}"),
            Self::RecordLength(length) => write!(f, "length {length}"),
            Self::Fraction(fraction) => write!(f, "{fraction}"),
            Self::BlockLength { kind, length } => write!(f, "length {length} of a block of type {kind:#x}"),
            Self::Trailer { found, .. } => write!(f, "{found}"),
            Self::Interface(number) => write!(f, "interface {number}"),
            Self::Truncated { bytes, messages } => {
                write!(f, "the end after {bytes} bytes of one, {messages} whole messages came before")
            }
        }
    }
}

/// The number in the first two bytes.
pub(super) fn length(rest: &[u8]) -> Option<usize> {
    rest.first_chunk().map(|&bytes| usize::from(u16::from_be_bytes(bytes)))
}

pub(super) fn binary(rest: &[u8]) -> Look<'_> {
    match length(rest) {
        None => Look::Short,
        Some(0) => Look::Whole(2, Unit::End),
        Some(length) => message(rest, 2, length),
    }
}

pub(super) fn soup(rest: &[u8]) -> Look<'_> {
    let (Some(length), Some(&kind)) = (length(rest), rest.get(2)) else { return Look::Short };
    let fits = match kind {
        b'S' | b'U' | b'+' => length >= 1,
        b'H' | b'R' | b'Z' | b'O' => length == 1,
        b'A' => length == 31,
        b'J' => length == 2,
        b'L' => length == 47 || length == 52,
        _ => return Look::Nonsense(Problem::SoupType(kind)),
    };
    if !fits {
        return Look::Nonsense(Problem::SoupLength { kind, length });
    }
    if kind == b'S' && length > 1 {
        return message(rest, 3, length - 1);
    }
    let Some(packet) = rest.get(..2 + length) else { return Look::Short };
    let unit = match kind {
        b'S' => Unit::Empty,
        b'A' => match std::str::from_utf8(&packet[13..]).ok().and_then(|text| text.trim_matches(' ').parse().ok()) {
            Some(number) => Unit::Login(number),
            None => Unit::Other,
        },
        _ => Unit::Other,
    };
    Look::Whole(2 + length, unit)
}

/// A message of `length` bytes after the first `head`.
fn message(rest: &[u8], head: usize, length: usize) -> Look<'_> {
    let Some(&kind) = rest.get(head) else { return Look::Short };
    let expected = LENGTHS[usize::from(kind)];
    if expected != 0 && usize::from(expected) != length {
        return Look::Wrong(head + length, Problem::Message { kind, length, expected });
    }
    match rest.get(head..head + length) {
        None => Look::Short,
        Some(_) if expected == 0 => Look::Whole(head + length, Unit::Unknown),
        Some(message) => Look::Whole(head + length, Unit::Message(message)),
    }
}
