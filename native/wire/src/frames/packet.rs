//! From a captured packet to what UDP carries: link, IP and UDP headings, as far as a feed needs them.

use std::ops::Range;

use crate::bytes::{get_u16, get_u32};

/// What a packet holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Packet {
    /// UDP, and where its payload is.
    Udp(Range<usize>),
    /// UDP of which the end was not captured.
    Cut,
    /// A part of an IP packet.
    Fragment,
    /// Anything else.
    Other,
}

/// Link types, by their number in the registry of tcpdump.
const NULL: u32 = 0;
const ETHERNET: u32 = 1;
const RAW: [u32; 5] = [101, 12, 14, 228, 229];
const LOOP: u32 = 108;
const COOKED: u32 = 113;
const COOKED_2: u32 = 276;

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86DD;
/// IEEE 802.1Q and 802.1ad, and the numbers that were used before the latter.
const VLAN: [u16; 4] = [0x8100, 0x88A8, 0x9100, 0x9200];
const UDP: u8 = 17;

/// Whether packets of a link type can be read.
pub(super) fn is_known(link: u32) -> bool {
    RAW.contains(&link) || [NULL, ETHERNET, LOOP, COOKED, COOKED_2].contains(&link)
}

/// What the bytes from `start` on, to the end of `frame`, hold.
pub(super) fn packet(link: u32, frame: &[u8], start: usize) -> Packet {
    inside_link(link, frame, start).unwrap_or(Packet::Other)
}

/// `None` where the bytes end before it is clear what they are.
fn inside_link(link: u32, frame: &[u8], start: usize) -> Option<Packet> {
    let (mut kind, mut at) = match link {
        ETHERNET => (start + 12, start + 14),
        COOKED => (start + 14, start + 16),
        COOKED_2 => (start, start + 20),
        NULL | LOOP => return inside_ip(frame, start + 4),
        _ => return inside_ip(frame, start),
    };
    while VLAN.contains(&number(frame, kind)?) {
        (kind, at) = (at + 2, at + 4);
    }
    match number(frame, kind)? {
        IPV4 | IPV6 => inside_ip(frame, at),
        _ => Some(Packet::Other),
    }
}

fn inside_ip(frame: &[u8], at: usize) -> Option<Packet> {
    match frame.get(at)? >> 4 {
        4 => inside_ipv4(frame, at),
        6 => inside_ipv6(frame, at),
        _ => Some(Packet::Other),
    }
}

fn inside_ipv4(frame: &[u8], at: usize) -> Option<Packet> {
    let heading = frame.get(at..at + 20)?;
    let length = usize::from(heading[0] & 15) * 4;
    if length < 20 || heading[9] != UDP {
        return Some(Packet::Other);
    }
    // More fragments, or not the first.
    if get_u16(heading, 6) & 0x3FFF != 0 {
        return Some(Packet::Fragment);
    }
    Some(inside_udp(frame, at + length))
}

fn inside_ipv6(frame: &[u8], at: usize) -> Option<Packet> {
    let mut next = *frame.get(at + 6)?;
    let mut at = at + 40;
    loop {
        let length = usize::from(*frame.get(at + 1)?);
        let heading = match next {
            UDP => return Some(inside_udp(frame, at)),
            // Hop-by-hop and destination options, routing, mobility, host identity, shim: 8 bytes and so many times 8.
            0 | 43 | 60 | 135 | 139 | 140 => 8 + 8 * length,
            // Authentication: 8 bytes and so many times 4.
            51 => 8 + 4 * length,
            // Fragment: one that is all there is may be read.
            44 if number(frame, at + 2)? & 0xFFF9 != 0 => return Some(Packet::Fragment),
            44 => 8,
            _ => return Some(Packet::Other),
        };
        next = *frame.get(at)?;
        at += heading;
    }
}

/// The length of UDP says where its payload ends: links pad short packets, and cards leave the length of IP to be filled in later.
fn inside_udp(frame: &[u8], at: usize) -> Packet {
    let Some(length) = number(frame, at + 4) else { return Packet::Cut };
    let (start, end) = (at + 8, at + usize::from(length));
    match length {
        0..8 => Packet::Other,
        _ if end > frame.len() => Packet::Cut,
        _ => Packet::Udp(start..end),
    }
}

fn number(frame: &[u8], at: usize) -> Option<u16> {
    frame.get(at..at + 2).map(|bytes| get_u16(bytes, 0))
}

/// Numbers in the byte order of the machine that wrote a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Big,
    Little,
}

impl Order {
    pub(super) fn u16(self, bytes: &[u8], at: usize) -> u16 {
        let number = get_u16(bytes, at);
        if self == Self::Big { number } else { number.swap_bytes() }
    }

    pub(super) fn u32(self, bytes: &[u8], at: usize) -> u32 {
        let number = get_u32(bytes, at);
        if self == Self::Big { number } else { number.swap_bytes() }
    }
}
