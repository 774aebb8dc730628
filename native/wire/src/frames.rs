//! Captures of ITCH as frames: where each message begins and ends, in every form that captures come in; `docs/feeds.md` section 3.
//!
//! A [`Reader`] owns no file: it is handed the bytes that are there, says how many it used, and is handed the rest again with more behind
//! it. What it keeps is bounded, whatever the capture holds.

mod look;
mod mold;
mod packet;
mod pcap;
mod pcapng;
mod reader;
mod recognise;
mod search;
mod walk;

pub use reader::Reader;
pub use recognise::recognise;
pub use walk::{Filled, Walk};

/// The form of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Framing {
    /// A 2-byte length before each message; length 0 ends the session.
    BinaryFile,
    /// SoupBinTCP packets; sequenced data holds a message each.
    SoupBin,
    /// MoldUDP64 datagrams with a 2-byte length before each.
    MoldUdp64,
    /// Packets with MoldUDP64 in them, as tcpdump writes them.
    Pcap,
    /// Packets with MoldUDP64 in them, as Wireshark writes them.
    PcapNg,
}

impl Framing {
    /// Every framing.
    pub const ALL: [Self; 5] = [Self::BinaryFile, Self::SoupBin, Self::MoldUdp64, Self::Pcap, Self::PcapNg];

    /// The name outside Rust.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BinaryFile => "binaryfile",
            Self::SoupBin => "soupbin",
            Self::MoldUdp64 => "moldudp64",
            Self::Pcap => "pcap",
            Self::PcapNg => "pcapng",
        }
    }

    /// The framing with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|framing| framing.name() == name)
    }
}

/// What happens where something is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// It is an error, and the reader is at its end.
    Strict,
    /// It is counted, and the reader goes on at the next place that looks right.
    Lenient,
}

/// A message and where it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Offset of its length, in bytes from the start of the capture.
    pub offset: u64,
    /// When it was captured, in nanoseconds since 1970 UTC; 0 where the capture does not say.
    pub ts_recv: i64,
    /// Its number in its session; 0 where the capture does not say.
    pub sequence: u64,
    /// The message: one of a known type and its length.
    pub message: &'a [u8],
}

/// What was met so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages delivered.
    pub messages: u64,
    /// Messages of types that are not known, skipped by their length.
    pub unknown: u64,
    /// Messages of a known type and another length, skipped (lenient).
    pub wrong_length: u64,
    /// Packets that are not what they say, skipped (lenient).
    pub malformed: u64,
    /// Times that the next place to go on from was looked for and found (lenient).
    pub resyncs: u64,
    /// Bytes that belong to no frame (lenient).
    pub skipped_bytes: u64,
    /// 1 if the capture ended inside a frame (lenient).
    pub truncated: u64,
    /// Bytes after the end of the session.
    pub after_end: u64,
    /// Packets of any kind.
    pub packets: u64,
    /// Packets with something else in them: other protocols, heartbeats, logins, requests.
    pub other_packets: u64,
    /// Fragments of packets, skipped.
    pub fragments: u64,
    /// Messages whose numbers were passed over, and that did not come later.
    pub missing: u64,
    /// Messages that had come already, on the other line or again; skipped.
    pub repeated: u64,
}
