//! MoldUDP64 packets: several messages after a heading that numbers them.

use std::ops::Range;

use super::look::{Look, Problem, Unit, length};
use crate::bytes::{get_array, get_u16, get_u64};
use crate::itch::LENGTHS;

/// Bytes of the heading.
const HEADING: usize = 20;
/// The count that says that the session ends.
const END: u16 = u16::MAX;

/// The session, and the number of the first message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heading {
    pub session: [u8; 10],
    pub sequence: u64,
}

impl Heading {
    /// The number so many messages later; nothing that is not numbered becomes so.
    pub(super) fn after(&self, messages: u64) -> u64 {
        if self.sequence == 0 { 0 } else { self.sequence.saturating_add(messages) }
    }
}

/// A packet with messages in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Datagram {
    pub heading: Heading,
    pub messages: u16,
    /// Where its first message begins, from the start of the frame.
    pub start: usize,
    /// Where its last message ends.
    pub end: usize,
}

/// A datagram with its length before it.
pub(super) fn framed(rest: &[u8]) -> Look<'_> {
    let Some(length) = length(rest) else { return Look::Short };
    if length < HEADING {
        return Look::Nonsense(Problem::DatagramLength(length));
    }
    if rest.len() < 2 + length {
        return Look::Short;
    }
    match datagram(rest, 2..2 + length) {
        Ok(unit) => Look::Whole(2 + length, unit),
        Err(problem) => Look::Wrong(2 + length, problem),
    }
}

/// What the UDP payload of a captured packet is: other protocols are no error, as a capture may hold anything.
pub(super) fn captured<'b>(frame: &[u8], payload: Range<usize>) -> Result<Unit<'b>, Problem> {
    let first = payload.start + HEADING + 2;
    match datagram(frame, payload.clone()) {
        Err(problem) => {
            // A good first message says that it was meant to be one of ours.
            let ours = first < payload.end && {
                let expected = LENGTHS[usize::from(frame[first])];
                expected != 0 && u16::from(expected) == get_u16(frame, first - 2)
            };
            if ours { Err(problem) } else { Ok(Unit::Other) }
        }
        Ok(Unit::Heartbeat(heading)) if !named(&heading.session) => Ok(Unit::Other),
        Ok(unit) => Ok(unit),
    }
}

/// Whether a session has a name that one can have.
pub(super) fn named(session: &[u8]) -> bool {
    session.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b' ')
}

fn datagram<'b>(frame: &[u8], place: Range<usize>) -> Result<Unit<'b>, Problem> {
    let packet = &frame[place.clone()];
    if packet.len() < HEADING {
        return Err(Problem::DatagramLength(packet.len()));
    }
    let heading = Heading { session: get_array(packet, 0), sequence: get_u64(packet, 10) };
    let announced = get_u16(packet, 18);
    let mut rest = &packet[HEADING..];
    if announced == 0 || announced == END {
        let problem = Problem::Blocks { announced: 0, found: 0, bytes: rest.len() };
        return if rest.is_empty() { Ok(Unit::Heartbeat(heading)) } else { Err(problem) };
    }
    let mut found = 0;
    while let Some(after) = length(rest).and_then(|length| rest.get(2 + length..)) {
        rest = after;
        found += 1;
    }
    if found == usize::from(announced) && rest.is_empty() {
        return Ok(Unit::Datagram(Datagram { heading, messages: announced, start: place.start + HEADING, end: place.end }));
    }
    Err(Problem::Blocks { announced, found, bytes: rest.len() })
}

/// Sessions that are followed at a time, and holes that are remembered in each.
const SESSIONS: usize = 64;
const HOLES: usize = 1024;

/// Which numbers of each session have come: a capture may hold both lines of a feed, and answers to requests.
#[derive(Clone, Debug, Default)]
pub(super) struct Sessions(Vec<Session>);

#[derive(Clone, Debug)]
struct Session {
    name: [u8; 10],
    next: u64,
    /// Numbers below `next` that have not come, by ascending number.
    holes: Vec<Range<u64>>,
    /// The first number that came: what lies before it is not missing, but welcome.
    first: u64,
}

impl Sessions {
    /// Whether a message comes for the first time; `missing` changes with what that says about others. Numbers begin at 1: what has 0, as
    /// in captures without names, is not numbered.
    pub(super) fn is_new(&mut self, heading: &Heading, missing: &mut u64) -> bool {
        let Some(session) = self.expect(heading, missing) else { return true };
        if heading.sequence == session.next {
            session.next = session.next.saturating_add(1);
            return true;
        }
        let sequence = heading.sequence;
        let at = session.holes.partition_point(|hole| hole.end <= sequence);
        let Some(hole) = session.holes.get(at).filter(|hole| hole.contains(&sequence)).cloned() else { return false };
        session.holes.splice(at..=at, [hole.start..sequence, sequence + 1..hole.end].into_iter().filter(|part| !part.is_empty()));
        session.forget();
        *missing -= u64::from(sequence >= session.first).min(*missing);
        true
    }

    /// If message `sequence` is the next of its session, takes note that it and those after it, `messages` in all, are here.
    pub(super) fn run(&mut self, heading: &Heading, messages: u64) -> bool {
        let session = self.0.iter_mut().find(|session| session.name == heading.session && session.next == heading.sequence);
        session.is_some_and(|session| {
            session.next = session.next.saturating_add(messages);
            true
        })
    }

    /// Takes note that the next message has this number.
    pub(super) fn heartbeat(&mut self, heading: &Heading, missing: &mut u64) {
        self.expect(heading, missing);
    }

    /// The session, with nothing missing before this number that is not known to be; `None` if it cannot be followed.
    fn expect(&mut self, heading: &Heading, missing: &mut u64) -> Option<&mut Session> {
        let sequence = heading.sequence;
        let at = match self.0.iter().position(|session| session.name == heading.session) {
            Some(at) if sequence > 0 => at,
            _ if sequence == 0 || self.0.len() == SESSIONS => return None,
            _ => {
                let holes = std::iter::once(1..sequence).filter(|hole| !hole.is_empty()).collect();
                self.0.push(Session { name: heading.session, next: sequence, holes, first: sequence });
                self.0.len() - 1
            }
        };
        let session = &mut self.0[at];
        if sequence > session.next {
            *missing = missing.saturating_add(sequence - session.next);
            session.holes.push(session.next..sequence);
            session.next = sequence;
            session.forget();
        }
        Some(session)
    }
}

impl Session {
    /// Keeps memory bounded: what was in the oldest hole is not waited for any more.
    fn forget(&mut self) {
        if self.holes.len() > HOLES {
            self.holes.remove(0);
        }
    }
}
