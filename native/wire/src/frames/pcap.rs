//! The form in which tcpdump writes packets: a heading, then records.

use super::look::{Look, Problem, Unit};
use super::mold::captured;
use super::packet::{Order, Packet, is_known, packet};

/// Largest packet that is believed: the largest that tcpdump writes.
pub(super) const MOST: usize = 1 << 18;

/// Seconds between two packets that are taken to be from one capture, where the capture is damaged: a year.
const APART: u32 = 366 * 86_400;

/// What the heading says about all records.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    order: Order,
    link: u32,
    /// Fractions in a second: a million or a billion.
    fractions: u32,
}

/// The byte order, and whether times are in nanoseconds.
pub(super) fn magic(bytes: [u8; 4]) -> Option<(Order, bool)> {
    match bytes {
        [0xA1, 0xB2, 0xC3, 0xD4] => Some((Order::Big, false)),
        [0xD4, 0xC3, 0xB2, 0xA1] => Some((Order::Little, false)),
        [0xA1, 0xB2, 0x3C, 0x4D] => Some((Order::Big, true)),
        [0x4D, 0x3C, 0xB2, 0xA1] => Some((Order::Little, true)),
        _ => None,
    }
}

/// The heading of the file: magic number, version, two fields of no use, snapshot length, link type.
pub(super) fn header(rest: &[u8]) -> Look<'_> {
    let Some(&start) = rest.first_chunk::<4>() else { return Look::Short };
    let Some((order, nano)) = magic(start) else { return Look::Nonsense(Problem::Magic(start)) };
    let Some(bytes) = rest.get(..24) else { return Look::Short };
    if order.u16(bytes, 4) != 2 {
        return Look::Nonsense(Problem::Version(order.u16(bytes, 4)));
    }
    // The upper half holds what the link adds to packets.
    let link = order.u32(bytes, 20) & 0xFFFF;
    if !is_known(link) {
        return Look::Nonsense(Problem::Link(link));
    }
    let fractions = if nano { 1_000_000_000 } else { 1_000_000 };
    Look::Whole(24, Unit::Header(Header { order, link, fractions }))
}

impl Header {
    /// A record: seconds, fraction, bytes captured, bytes there were, and the packet.
    pub(super) fn record<'b>(&self, rest: &'b [u8]) -> Look<'b> {
        let Some(heading) = rest.get(..16) else { return Look::Short };
        let [_, fraction, captured_bytes, _] = [0, 4, 8, 12].map(|at| self.order.u32(heading, at));
        if captured_bytes as usize > MOST {
            return Look::Nonsense(Problem::RecordLength(captured_bytes.into()));
        }
        if fraction >= self.fractions {
            return Look::Nonsense(Problem::Fraction(fraction));
        }
        let end = 16 + captured_bytes as usize;
        let Some(frame) = rest.get(..end) else { return Look::Short };
        contents(self.link, frame, 16, end)
    }

    /// When a record was captured, in nanoseconds since 1970.
    pub(super) fn time(&self, record: &[u8]) -> i64 {
        let [seconds, fraction] = [0, 4].map(|at| i64::from(self.order.u32(record, at)));
        seconds * 1_000_000_000 + fraction * (1_000_000_000 / i64::from(self.fractions))
    }

    /// Whether the first 16 bytes may be those of a record beside one of the time `near`, or 0 for any. Zeros are not.
    pub(super) fn is_likely(&self, rest: &[u8], near: i64) -> bool {
        rest.get(..16).is_none_or(|heading| {
            let [seconds, captured, there_were] = [0, 8, 12].map(|at| self.order.u32(heading, at));
            captured > 0
                && captured <= there_were
                && seconds > 0
                && (near == 0 || ((near / 1_000_000_000) as u32).abs_diff(seconds) < APART)
        })
    }
}

/// What a packet from `start` to the end of `frame` holds, as part of `whole` bytes.
pub(super) fn contents<'b>(link: u32, frame: &[u8], start: usize, whole: usize) -> Look<'b> {
    let unit = match packet(link, frame, start) {
        Packet::Udp(payload) => captured(frame, payload),
        Packet::Cut => Err(Problem::Cut),
        Packet::Fragment => Ok(Unit::Fragment),
        Packet::Other => Ok(Unit::Other),
    };
    match unit {
        Ok(unit) => Look::Whole(whole, unit),
        Err(problem) => Look::Wrong(whole, problem),
    }
}
