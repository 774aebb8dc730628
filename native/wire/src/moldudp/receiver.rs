//! The end that receives: order, once each, and what is missing.

use std::collections::BTreeMap;

use omni_types::Nanos;

use super::{END_OF_SESSION, HEADER, Header, messages};
use crate::session::Session;

/// Most lines that carry the same messages.
pub const MAX_LINES: usize = 8;

/// Where a receiver begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Join {
    /// At this message; what went before the first datagram is asked for.
    At(u64),
    /// With the first datagram.
    Live,
}

/// What a receiver is told once.
#[derive(Clone, Copy, Debug)]
pub struct ReceiverConfig {
    /// The session to follow; blank for that of the first datagram.
    pub session: Session,
    /// Where to begin.
    pub join: Join,
    /// How long a gap may be before it is asked for: the other line may fill it.
    pub patience: Nanos,
    /// How long an answer may take before it is asked for again; 1 s is usual.
    pub retry: Nanos,
    /// How often the same gap is asked for before it is given up.
    pub max_tries: u32,
    /// Bytes of messages, with 64 for each one's place, that are held while something before them is missing.
    pub max_held: usize,
    /// A line is down after so much silence.
    pub line_timeout: Nanos,
}

impl Default for ReceiverConfig {
    fn default() -> Self {
        Self {
            session: Session::default(),
            join: Join::At(1),
            patience: Nanos(20_000_000),
            retry: Nanos(1_000_000_000),
            max_tries: 5,
            max_held: 16 << 20,
            line_timeout: Nanos(5_000_000_000),
        }
    }
}

/// What came of datagrams and time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReceiverEvent<'a> {
    /// This session is followed from now on, from this number.
    Session {
        /// Its name.
        session: Session,
        /// The first message that will come.
        sequence: u64,
    },
    /// A message, in order, once.
    Message {
        /// Its number.
        sequence: u64,
        /// The message, which may be empty.
        payload: &'a [u8],
    },
    /// Messages that nobody gave in spite of requests: a book that is built from the rest is not valid.
    Lost {
        /// The first of them.
        first: u64,
        /// How many.
        count: u64,
    },
    /// The session is over, and all of it was handed over.
    EndOfSession,
    /// A line has been silent for too long.
    LineDown(usize),
    /// It is there again.
    LineUp(usize),
}

/// What was not handed over, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Datagrams that are none of this protocol.
    pub malformed: u64,
    /// Datagrams of another session.
    pub foreign: u64,
    /// Messages that had come before.
    pub duplicate: u64,
    /// Messages for which there was no room: they are asked for later.
    pub dropped: u64,
    /// Requests that were sent.
    pub requests: u64,
    /// Messages given up.
    pub lost: u64,
}

/// A receiver of one session after the other.
#[derive(Clone, Debug)]
pub struct Receiver {
    config: ReceiverConfig,
    session: Session,
    started: bool,
    next: u64,
    /// One past the highest number that was heard of.
    heard: u64,
    ended: bool,
    held: BTreeMap<u64, Box<[u8]>>,
    held_bytes: usize,
    gap: Option<Gap>,
    lines: [Line; MAX_LINES],
    counts: Counts,
}

/// Something before what was heard of is missing.
#[derive(Clone, Copy, Debug)]
struct Gap {
    /// When it is time to ask, or to ask again.
    ask: Nanos,
    tries: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Line {
    heard: Option<Nanos>,
    down: bool,
}

/// What a held message costs besides its bytes.
const PLACE: usize = 64;

impl Receiver {
    /// One that has heard nothing.
    pub fn new(config: ReceiverConfig) -> Self {
        let next = match config.join {
            Join::At(first) => first.max(1),
            Join::Live => 1,
        };
        Self {
            config,
            session: config.session,
            started: false,
            next,
            heard: next,
            ended: false,
            held: BTreeMap::new(),
            held_bytes: 0,
            gap: None,
            lines: [Line::default(); MAX_LINES],
            counts: Counts::default(),
        }
    }

    /// The session it follows; blank while it has heard of none.
    pub fn session(&self) -> Session {
        self.session
    }

    /// Number of the message that it hands over next.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Whether something that was sent is missing.
    pub fn is_behind(&self) -> bool {
        self.next < self.heard
    }

    /// Whether the session is over and all of it was handed over.
    pub fn has_ended(&self) -> bool {
        self.ended && !self.is_behind()
    }

    /// Bytes that are held, with what their places cost.
    pub fn held(&self) -> usize {
        self.held_bytes
    }

    /// What was not handed over, and why.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// A datagram came on a line, which is below [`MAX_LINES`]; answers to requests count as the line they came by.
    pub fn receive(&mut self, line: usize, datagram: &[u8], now: Nanos, mut sink: impl FnMut(ReceiverEvent<'_>)) {
        let Some((header, blocks)) = Header::read(datagram) else {
            self.counts.malformed += 1;
            return;
        };
        let ends = header.count == END_OF_SESSION;
        let count = if ends { 0 } else { header.count };
        let Some(messages) = messages(count, blocks) else {
            self.counts.malformed += 1;
            return;
        };
        if !self.follows(&header, &mut sink) {
            self.counts.foreign += 1;
            return;
        }
        if let Some(line_state) = self.lines.get_mut(line) {
            line_state.heard = Some(now);
            if std::mem::take(&mut line_state.down) {
                sink(ReceiverEvent::LineUp(line));
            }
        }
        let (before, had_ended) = (self.next, self.has_ended());
        for (sequence, payload) in (header.sequence..).zip(messages) {
            self.message(sequence, payload, &mut sink);
        }
        self.heard = self.heard.max(header.sequence + u64::from(count));
        self.ended |= ends;
        self.after(before, had_ended, now, &mut sink);
    }

    /// Time went by: gaps that nobody fills are given up, silent lines are down.
    pub fn tick(&mut self, now: Nanos, mut sink: impl FnMut(ReceiverEvent<'_>)) {
        for (number, line) in self.lines.iter_mut().enumerate() {
            let silent = line.heard.is_some_and(|heard| now.0.saturating_sub(heard.0) >= self.config.line_timeout.0);
            if silent && !line.down {
                line.down = true;
                sink(ReceiverEvent::LineDown(number));
            }
        }
        if let Some(gap) = self.gap
            && gap.tries >= self.config.max_tries
            && now >= gap.ask
        {
            let (before, had_ended) = (self.next, self.has_ended());
            let end = self.held.first_key_value().map_or(self.heard, |(first, _)| *first);
            let count = end - self.next;
            self.counts.lost = self.counts.lost.saturating_add(count);
            sink(ReceiverEvent::Lost { first: self.next, count });
            self.next = end;
            self.release(&mut sink);
            self.after(before, had_ended, now, &mut sink);
        }
    }

    /// The request that is due now, if one is: it goes to any server that answers them.
    pub fn request(&mut self, now: Nanos) -> Option<[u8; HEADER]> {
        let gap = self.gap.as_mut().filter(|gap| now >= gap.ask && gap.tries < self.config.max_tries)?;
        gap.tries += 1;
        gap.ask = Nanos(now.0.saturating_add(self.config.retry.0));
        self.counts.requests += 1;
        let end = self.held.first_key_value().map_or(self.heard, |(first, _)| *first);
        let count = (end - self.next).min(u64::from(u16::MAX) - 1) as u16;
        Some(Header { session: self.session, sequence: self.next, count }.bytes())
    }

    /// When `tick` or `request` has something to do, if nothing happens before.
    pub fn due(&self) -> Option<Nanos> {
        let silences = self.lines.iter().filter(|line| !line.down).filter_map(|line| line.heard);
        let silent = silences.map(|heard| Nanos(heard.0.saturating_add(self.config.line_timeout.0))).min();
        [self.gap.map(|gap| gap.ask), silent].into_iter().flatten().min()
    }

    /// Whether a datagram is of the session that is followed, which it may begin.
    fn follows(&mut self, header: &Header, sink: &mut impl FnMut(ReceiverEvent<'_>)) -> bool {
        if header.session == self.session && self.started {
            return true;
        }
        let begins = !self.started && (self.session.is_blank() || self.session == header.session);
        if !begins && (!self.started || !self.has_ended()) {
            return false;
        }
        // Only the first session may be joined elsewhere than at its start.
        self.next = match self.config.join {
            _ if self.started => 1,
            Join::At(first) => first.max(1),
            Join::Live => header.sequence,
        };
        (self.session, self.started, self.heard, self.ended, self.gap) = (header.session, true, self.next, false, None);
        sink(ReceiverEvent::Session { session: self.session, sequence: self.next });
        true
    }

    fn message(&mut self, sequence: u64, payload: &[u8], sink: &mut impl FnMut(ReceiverEvent<'_>)) {
        if sequence < self.next {
            self.counts.duplicate += 1;
        } else if sequence == self.next {
            self.next += 1;
            sink(ReceiverEvent::Message { sequence, payload });
            if !self.held.is_empty() {
                self.release(sink);
            }
        } else if self.held.contains_key(&sequence) {
            self.counts.duplicate += 1;
        } else {
            self.hold(sequence, payload);
        }
    }

    /// Keeps a message for later. Where there is no room the one farthest ahead gives way: a gap must be able to close.
    fn hold(&mut self, sequence: u64, payload: &[u8]) {
        let cost = payload.len() + PLACE;
        while self.held_bytes + cost > self.config.max_held {
            self.counts.dropped += 1;
            match self.held.last_entry() {
                Some(last) if *last.key() > sequence => self.held_bytes -= last.remove().len() + PLACE,
                _ => return,
            }
        }
        self.held_bytes += cost;
        self.held.insert(sequence, payload.into());
    }

    /// Hands over what is held and in order now.
    fn release(&mut self, sink: &mut impl FnMut(ReceiverEvent<'_>)) {
        while let Some(first) = self.held.first_entry().filter(|first| *first.key() <= self.next) {
            let (sequence, payload) = first.remove_entry();
            self.held_bytes -= payload.len() + PLACE;
            if sequence == self.next {
                self.next += 1;
                sink(ReceiverEvent::Message { sequence, payload: &payload });
            }
        }
    }

    /// Looks at what is missing now that something happened.
    fn after(&mut self, before: u64, had_ended: bool, now: Nanos, sink: &mut impl FnMut(ReceiverEvent<'_>)) {
        self.heard = self.heard.max(self.next);
        self.gap = match self.gap {
            _ if !self.is_behind() => None,
            None => Some(Gap { ask: Nanos(now.0.saturating_add(self.config.patience.0)), tries: 0 }),
            // An answer brought something: the rest is asked for at once.
            Some(gap) if self.next > before => Some(Gap { ask: if gap.tries > 0 { now } else { gap.ask }, tries: 0 }),
            same => same,
        };
        if self.has_ended() && !had_ended {
            sink(ReceiverEvent::EndOfSession);
        }
    }
}
