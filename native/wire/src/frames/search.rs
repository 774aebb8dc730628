//! Where to go on from after something that makes no sense.

use super::look::{Look, Unit, length};
use super::mold::named;
use super::reader::Format;
use crate::itch::LONGEST;

/// Frames in a row that are no accident.
pub(super) const SURE: usize = 8;
/// Longest message or packet that is believed where something is wrong already: no venue has sent a longer one.
const LIKELY: usize = 1024;
/// The same for a datagram: what fits a jumbo frame.
const LIKELY_DATAGRAM: usize = 9000;

/// How many bytes lie before the first place from which frames walk, and whether there is such a place: if not, what was looked at is no
/// longer needed.
pub(super) fn find(format: &Format, bytes: &[u8], last: bool, near: i64) -> (usize, bool) {
    for at in 0..bytes.len() {
        match walks(format, &bytes[at..], last, near) {
            Some(false) => {}
            found => return (at, found.is_some()),
        }
    }
    (bytes.len(), false)
}

/// Whether frames walk from here: so many, or at least one and all to the end. `None`: more bytes are needed to say.
fn walks(format: &Format, bytes: &[u8], last: bool, near: i64) -> Option<bool> {
    let (mut rest, mut frames) = (bytes, 0);
    while frames < SURE {
        if !rest.is_empty() && !is_likely(format, rest, near) {
            return Some(false);
        }
        let used = match format.look(rest) {
            Look::Short if last => return Some(frames > 0 && is_tail(format, rest)),
            Look::Short => return None,
            Look::Wrong(..) | Look::Nonsense(_) | Look::Whole(_, Unit::Unknown | Unit::Passed(_)) => return Some(false),
            Look::Whole(_, Unit::End) => return Some(frames > 0),
            Look::Whole(used, Unit::Datagram(datagram)) => {
                frames += usize::from(datagram.messages);
                used
            }
            Look::Whole(used, _) => {
                frames += 1;
                used
            }
        };
        rest = &rest[used..];
    }
    Some(true)
}

/// Whether what is left at the end is no more than a frame that was cut.
fn is_tail(format: &Format, rest: &[u8]) -> bool {
    let most = if matches!(format, Format::Binary | Format::Soup(_)) { LONGEST + 2 } else { LIKELY_DATAGRAM };
    rest.len() <= most
}

/// What can be said from the first bytes of a frame against it.
fn is_likely(format: &Format, rest: &[u8], near: i64) -> bool {
    match format {
        Format::Binary | Format::PcapNg(_) | Format::Pcap(None) => true,
        Format::Soup(_) => length(rest).is_none_or(|length| length <= LIKELY),
        Format::Mold => length(rest).is_none_or(|length| length <= LIKELY_DATAGRAM) && rest.get(2..12).is_none_or(named),
        Format::Pcap(Some(header)) => header.is_likely(rest, near),
    }
}

/// Whether a frame of `length` bytes that is not known, or is wrong, may be passed over: what follows must look like frames.
pub(super) fn goes_on(format: &Format, bytes: &[u8], length: usize, last: bool) -> Option<bool> {
    let most = if matches!(format, Format::Mold) { LIKELY_DATAGRAM } else { LIKELY };
    let mut at = 0;
    let mut next = length;
    for _ in 0..SURE {
        if next > most + 2 {
            return Some(false);
        }
        at += next;
        let Some(rest) = bytes.get(at..) else { return last.then_some(true) };
        next = match format.look(rest) {
            Look::Short => return last.then(|| is_tail(format, rest)),
            Look::Nonsense(_) => return Some(false),
            Look::Wrong(length, _) | Look::Whole(length, Unit::Unknown) => length,
            Look::Whole(..) => return Some(true),
        };
    }
    Some(true)
}
