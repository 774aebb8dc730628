//! The reader: one frame after the other, in whatever they are wrapped.

use super::look::{Look, Problem, Unit, binary, length, soup};
use super::mold::{Heading, Sessions, framed};
use super::pcap::{self, Header};
use super::pcapng::{MOST_HELD, Section};
use super::search::{SURE, find, goes_on};
use super::{Counts, Frame, Framing, Mode};
use crate::WireError;
use crate::itch::LENGTHS;

/// Reads a capture of ITCH, part by part.
#[derive(Clone, Debug)]
pub struct Reader {
    pub(super) format: Format,
    mode: Mode,
    pub(super) counts: Counts,
    pub(super) sessions: Sessions,
    /// Offset of the first byte that was not used yet.
    pub(super) offset: u64,
    /// When the packet that is read was captured.
    ts_recv: i64,
    pub(super) inside: Option<Inside>,
    /// Bytes to pass over.
    pub(super) pass: u64,
    /// The place to go on from is being looked for.
    pub(super) lost: bool,
    pub(super) over: Option<Over>,
}

/// The framing, and what was read of it that says how to read on.
#[derive(Clone, Debug)]
pub(super) enum Format {
    Binary,
    Soup(Option<u64>),
    Mold,
    Pcap(Option<Header>),
    PcapNg(Section),
}

/// A packet whose messages are being handed out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inside {
    /// The number is that of the next message.
    pub(super) heading: Heading,
    pub(super) messages: u16,
    /// Bytes after the last message.
    after: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    Ended,
    Failed,
}

pub(super) enum Step<'b> {
    /// A message, and the bytes of its frame.
    Frame(usize, Frame<'b>),
    /// So many bytes without one.
    Used(usize),
    /// Nothing can be said without more bytes.
    More,
    Over(Over),
}

impl Format {
    pub(super) fn look<'b>(&self, rest: &'b [u8]) -> Look<'b> {
        match self {
            Self::Binary => binary(rest),
            Self::Soup(_) => soup(rest),
            Self::Mold => framed(rest),
            Self::Pcap(None) => pcap::header(rest),
            Self::Pcap(Some(header)) => header.record(rest),
            Self::PcapNg(section) => section.block(rest),
        }
    }

    /// Whether a length that is not what it should be says something about the next frame too.
    fn is_chain(&self) -> bool {
        matches!(self, Self::Binary | Self::Soup(_) | Self::Mold)
    }
}

impl Reader {
    /// Most bytes that a reader asks for before it uses some of them.
    pub const MOST: usize = SURE * MOST_HELD;

    /// At the start of a capture.
    pub fn new(framing: Framing, mode: Mode) -> Self {
        let format = match framing {
            Framing::BinaryFile => Format::Binary,
            Framing::SoupBin => Format::Soup(None),
            Framing::MoldUdp64 => Format::Mold,
            Framing::Pcap => Format::Pcap(None),
            Framing::PcapNg => Format::PcapNg(Section::default()),
        };
        Self {
            format,
            mode,
            counts: Counts::default(),
            sessions: Sessions::default(),
            offset: 0,
            ts_recv: 0,
            inside: None,
            pass: 0,
            lost: false,
            over: None,
        }
    }

    /// What was met so far.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Bytes used so far: the offset of the first that was not.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether nothing can come any more: the session or the capture ended, or something was wrong.
    pub fn is_over(&self) -> bool {
        self.over.is_some()
    }

    pub(super) fn step<'b>(&mut self, rest: &'b [u8], last: bool) -> Result<Step<'b>, WireError> {
        if self.pass > 0 || self.inside.is_some() {
            let step = if self.pass > 0 { self.passing(rest) } else { self.inside(rest)? };
            return if last && matches!(step, Step::More) { self.truncated(rest) } else { Ok(step) };
        }
        if self.lost {
            return Ok(self.search(rest, last));
        }
        if rest.is_empty() && !self.is_at_start() {
            return Ok(if last { Step::Over(Over::Ended) } else { Step::More });
        }
        let look = self.format.look(rest);
        if self.mode == Mode::Lenient
            && let Some(step) = self.doubt(&look, rest, last)
        {
            return Ok(step);
        }
        match look {
            Look::Short if !last => Ok(Step::More),
            Look::Short => self.truncated(rest),
            Look::Whole(used, unit) => Ok(self.take(rest, used, unit)),
            Look::Wrong(_, problem) | Look::Nonsense(problem) if self.mode == Mode::Strict || self.is_at_start() => {
                Err(problem.at(self.offset))
            }
            Look::Nonsense(_) => {
                self.lost = true;
                Ok(Step::Used(0))
            }
            Look::Wrong(length, _) if length > rest.len() => {
                if last {
                    self.truncated(rest)
                } else {
                    Ok(Step::More)
                }
            }
            Look::Wrong(length, problem) => {
                match problem {
                    Problem::Message { .. } => self.counts.wrong_length += 1,
                    _ => self.counts.malformed += 1,
                }
                Ok(Step::Used(length))
            }
        }
    }

    /// Whether nothing is known about a capture that begins with a heading: without it, nothing can be read.
    fn is_at_start(&self) -> bool {
        self.offset == 0 && !self.format.is_chain()
    }

    /// Lengths that may lie are believed only if what comes after them looks like frames.
    fn doubt(&mut self, look: &Look, rest: &[u8], last: bool) -> Option<Step<'static>> {
        let believed = match *look {
            Look::Wrong(length, _) | Look::Whole(length, Unit::Unknown) if self.format.is_chain() => {
                goes_on(&self.format, rest, length, last)
            }
            Look::Whole(length, Unit::End) if rest.len() > length => Some(false),
            Look::Whole(_, Unit::End) if !last => None,
            _ => Some(true),
        };
        match believed {
            None => Some(Step::More),
            Some(true) => None,
            Some(false) => {
                self.lost = true;
                Some(Step::Used(0))
            }
        }
    }

    /// Whether messages follow each other with nothing but a length before each, and nothing is the matter.
    #[inline]
    pub(super) fn is_plain(&self) -> bool {
        matches!(self.format, Format::Binary) && !self.lost && self.over.is_none()
    }

    fn search(&mut self, rest: &[u8], last: bool) -> Step<'static> {
        let (skipped, found) = find(&self.format, rest, last, self.ts_recv);
        self.counts.skipped_bytes += skipped as u64;
        self.counts.resyncs += u64::from(found);
        self.lost = !found;
        match skipped {
            _ if found => Step::Used(skipped),
            0 if last => Step::Over(Over::Ended),
            0 => Step::More,
            _ => Step::Used(skipped),
        }
    }

    /// The capture ends before the frame does. Where the length may have lied, there can be frames in what is left.
    fn truncated<'b>(&mut self, rest: &'b [u8]) -> Result<Step<'b>, WireError> {
        if self.mode == Mode::Strict || self.is_at_start() {
            return Err(Problem::Truncated { bytes: rest.len(), messages: self.counts.messages }.at(self.offset));
        }
        (self.inside, self.pass) = (None, 0);
        if let Some((_, after)) = rest.split_first()
            && find(&self.format, after, true, self.ts_recv).1
        {
            self.lost = true;
            return Ok(Step::Used(0));
        }
        self.counts.truncated += 1;
        self.counts.skipped_bytes += rest.len() as u64;
        Ok(Step::Used(rest.len()))
    }

    fn passing(&mut self, rest: &[u8]) -> Step<'static> {
        let used = self.pass.min(rest.len() as u64);
        self.pass -= used;
        if used == 0 { Step::More } else { Step::Used(used as usize) }
    }

    /// The next message of a packet, or what comes after the last.
    fn inside<'b>(&mut self, rest: &'b [u8]) -> Result<Step<'b>, WireError> {
        let Some(inside) = &mut self.inside else { return Ok(Step::Used(0)) };
        if inside.messages == 0 {
            self.pass = inside.after as u64;
            self.inside = None;
            return Ok(Step::Used(0));
        }
        let Some(message) = length(rest).and_then(|length| rest.get(2..2 + length)) else { return Ok(Step::More) };
        let heading = inside.heading;
        inside.messages -= 1;
        inside.heading.sequence = heading.after(1);
        let used = 2 + message.len();
        if !self.sessions.is_new(&heading, &mut self.counts.missing) {
            self.counts.repeated += 1;
            return Ok(Step::Used(used));
        }
        // A message of no bytes takes a number and says nothing.
        let Some(&kind) = message.first() else { return Ok(Step::Used(used)) };
        let expected = LENGTHS[usize::from(kind)];
        if usize::from(expected) == message.len() {
            return Ok(Step::Frame(used, self.frame(heading.sequence, message)));
        }
        if expected == 0 {
            self.counts.unknown += 1;
        } else if self.mode == Mode::Strict {
            return Err(Problem::Message { kind, length: message.len(), expected }.at(self.offset));
        } else {
            self.counts.wrong_length += 1;
        }
        Ok(Step::Used(used))
    }

    /// A frame that is what it should be.
    fn take<'b>(&mut self, rest: &'b [u8], used: usize, unit: Unit<'b>) -> Step<'b> {
        match &self.format {
            Format::Pcap(Some(header)) => self.ts_recv = header.time(rest),
            Format::PcapNg(section) => self.ts_recv = section.time(rest),
            _ => {}
        }
        let packet = !matches!(unit, Unit::End | Unit::Header(_) | Unit::Change(_) | Unit::Passed(_) | Unit::Nothing);
        self.counts.packets += u64::from(packet && !matches!(self.format, Format::Binary));
        let mut number = 0;
        if let (Format::Soup(next), Unit::Message(_) | Unit::Unknown | Unit::Empty) = (&mut self.format, &unit) {
            number = next.unwrap_or(0);
            *next = next.map(|next| next.saturating_add(1));
        }
        match unit {
            Unit::Message(message) => return Step::Frame(used, self.frame(number, message)),
            Unit::Datagram(datagram) => {
                let after = used - datagram.end;
                self.inside = Some(Inside { heading: datagram.heading, messages: datagram.messages, after });
                return Step::Used(datagram.start);
            }
            Unit::End => self.over = Some(Over::Ended),
            Unit::Unknown => self.counts.unknown += 1,
            Unit::Heartbeat(heading) => {
                self.counts.other_packets += 1;
                self.sessions.heartbeat(&heading, &mut self.counts.missing);
            }
            Unit::Login(number) => {
                self.counts.other_packets += 1;
                self.format = Format::Soup(Some(number));
            }
            Unit::Other => self.counts.other_packets += 1,
            Unit::Fragment => self.counts.fragments += 1,
            Unit::Header(header) => self.format = Format::Pcap(Some(header)),
            Unit::Change(change) => {
                if let Format::PcapNg(section) = &mut self.format {
                    section.apply(change);
                }
            }
            Unit::Passed(bytes) => self.pass = bytes,
            Unit::Empty | Unit::Nothing => {}
        }
        Step::Used(used)
    }

    fn frame<'b>(&self, sequence: u64, message: &'b [u8]) -> Frame<'b> {
        Frame { offset: self.offset, ts_recv: self.ts_recv, sequence, message }
    }
}
