//! Which framing a capture has.

use super::Framing;
use super::look::{Look, Unit};
use super::pcap::magic;
use super::pcapng::section;
use super::reader::Format;

/// Frames that are looked at.
const FRAMES: usize = 8;
/// Longest frame of a type that is not known which still speaks for a framing.
const LIKELY: usize = 1024;

/// The framing of the capture that begins with these bytes; `None` if it is none that can be told by its content. A few hundred bytes are
/// enough.
pub fn recognise(head: &[u8]) -> Option<Framing> {
    if head.first_chunk().is_some_and(|&bytes| magic(bytes).is_some()) {
        return Some(Framing::Pcap);
    }
    if section(head).is_some() {
        return Some(Framing::PcapNg);
    }
    let framings = [(Framing::SoupBin, Format::Soup(None)), (Framing::BinaryFile, Format::Binary)];
    framings.into_iter().find(|(_, format)| is_walked(format, head)).map(|(framing, _)| framing)
}

/// Whether frames walk from the start, one of them at least with something in it that only this framing has.
fn is_walked(format: &Format, head: &[u8]) -> bool {
    let (mut rest, mut good) = (head, false);
    for _ in 0..FRAMES {
        let used = match format.look(rest) {
            Look::Nonsense(_) => return false,
            Look::Short | Look::Wrong(..) => break,
            // Nothing but the end is a capture of a session without messages.
            Look::Whole(used, Unit::End) => return good || used == head.len(),
            Look::Whole(used, Unit::Unknown) if used > LIKELY => return false,
            Look::Whole(used, Unit::Unknown) => used,
            Look::Whole(used, Unit::Other) if matches!(rest[2], b'+' | b'U') => used,
            Look::Whole(used, _) => {
                good = true;
                used
            }
        };
        rest = &rest[used..];
    }
    good
}
