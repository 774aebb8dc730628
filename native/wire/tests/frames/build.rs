//! Captures made by hand, and a reader that is handed them in parts.

use omni_wire::WireError;
use omni_wire::frames::{Counts, Framing, Mode, Reader};
use omni_wire::itch::LAYOUTS;

pub const SESSION: &[u8; 10] = b"000004893A";

/// `count` messages of all types in turn; no two are alike.
pub fn messages(count: usize) -> Vec<Vec<u8>> {
    let message = |at: usize| {
        let layout = &LAYOUTS[at % LAYOUTS.len()];
        let mut bytes: Vec<u8> = (0..layout.length).map(|byte| (byte * 7 + at) as u8 | 0x80).collect();
        bytes[0] = layout.kind;
        bytes
    };
    (0..count).map(message).collect()
}

/// What a reader gave.
#[derive(Debug, Default, PartialEq)]
pub struct Outcome {
    pub messages: Vec<Vec<u8>>,
    pub offsets: Vec<u64>,
    pub sequences: Vec<u64>,
    pub times: Vec<i64>,
    pub counts: Counts,
    pub error: Option<WireError>,
}

/// A capture in parts of at most `part` bytes.
pub fn read_in_parts(framing: Framing, mode: Mode, capture: &[u8], part: usize) -> Outcome {
    let mut reader = Reader::new(framing, mode);
    let mut outcome = Outcome::default();
    let (mut start, mut end) = (0, 0);
    loop {
        end = capture.len().min(end + part);
        let last = end == capture.len();
        let mut walk = reader.walk(&capture[start..end], last);
        for frame in walk.by_ref() {
            match frame {
                Ok(frame) => {
                    outcome.messages.push(frame.message.to_vec());
                    outcome.offsets.push(frame.offset);
                    outcome.sequences.push(frame.sequence);
                    outcome.times.push(frame.ts_recv);
                }
                Err(error) => assert_eq!(outcome.error.replace(error), None, "an error is the end"),
            }
        }
        start += walk.used();
        assert_eq!(reader.offset(), start as u64);
        assert!(end - start < Reader::MOST);
        if last {
            assert!(reader.is_over(), "the reader waits for what never comes");
            assert!(outcome.error.is_some() || start == end, "bytes are left");
            outcome.counts = *reader.counts();
            assert_eq!(outcome.counts.messages, outcome.messages.len() as u64);
            return outcome;
        }
    }
}

pub fn read(framing: Framing, mode: Mode, capture: &[u8]) -> Outcome {
    read_in_parts(framing, mode, capture, usize::MAX >> 1)
}

/// Bytes with their length before them.
pub fn framed(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_be_bytes(), bytes].concat()
}

pub fn binary(messages: &[Vec<u8>]) -> Vec<u8> {
    messages.iter().flat_map(|message| framed(message)).collect()
}

pub fn soup_packet(kind: u8, payload: &[u8]) -> Vec<u8> {
    framed(&[&[kind], payload].concat())
}

/// A login that says what the first number is, then a heartbeat after every third message.
pub fn soup(messages: &[Vec<u8>], first: u64) -> Vec<u8> {
    let login = [SESSION.to_vec(), format!("{first:>20}").into_bytes()].concat();
    let mut capture = [soup_packet(b'+', b"hello"), soup_packet(b'A', &login)].concat();
    for (at, message) in messages.iter().enumerate() {
        capture.extend(soup_packet(b'S', message));
        if at % 3 == 2 {
            capture.extend(soup_packet(b'H', b""));
        }
    }
    capture.extend(soup_packet(b'Z', b""));
    capture
}

/// One MoldUDP64 packet.
pub fn mold(sequence: u64, messages: &[Vec<u8>]) -> Vec<u8> {
    heading(sequence, messages.len() as u16, &binary(messages))
}

pub fn heading(sequence: u64, count: u16, blocks: &[u8]) -> Vec<u8> {
    [&SESSION[..], &sequence.to_be_bytes(), &count.to_be_bytes(), blocks].concat()
}

/// Packets of three messages each, numbered from 1.
pub fn mold_packets(messages: &[Vec<u8>]) -> Vec<Vec<u8>> {
    messages.chunks(3).enumerate().map(|(at, messages)| mold(1 + 3 * at as u64, messages)).collect()
}

pub fn udp(payload: &[u8]) -> Vec<u8> {
    [&[0x9C, 0x40, 0x68, 0x21], &((8 + payload.len()) as u16).to_be_bytes()[..], &[0, 0], payload].concat()
}

/// IPv4 with so many words of options; `fragment` is the field of flags and offset.
pub fn ipv4(protocol: u8, options: usize, fragment: u16, inside: &[u8]) -> Vec<u8> {
    let length = (20 + 4 * options + inside.len()) as u16;
    let mut heading = vec![0x45 + options as u8, 0];
    heading.extend(length.to_be_bytes());
    heading.extend([0, 1]);
    heading.extend(fragment.to_be_bytes());
    heading.extend([64, protocol, 0, 0, 10, 0, 0, 1, 233, 54, 12, 111]);
    heading.extend(vec![1; 4 * options]);
    [heading, inside.to_vec()].concat()
}

/// IPv6 with headings before what it carries: the number of each, and its bytes after the first.
pub fn ipv6(headings: &[(u8, &[u8])], protocol: u8, inside: &[u8]) -> Vec<u8> {
    let next = |at: usize| headings.get(at).map_or(protocol, |heading| heading.0);
    let mut payload = Vec::new();
    for (at, (_, rest)) in headings.iter().enumerate() {
        payload.push(next(at + 1));
        payload.extend(*rest);
    }
    payload.extend(inside);
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend((payload.len() as u16).to_be_bytes());
    packet.extend([next(0), 64]);
    packet.extend([0xFE; 32]);
    [packet, payload].concat()
}

/// An Ethernet frame with tags, and the bytes that a link adds to short frames.
pub fn ethernet(tags: &[u16], inside: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x11; 12];
    for tag in tags {
        frame.extend(tag.to_be_bytes());
        frame.extend([0, 42]);
    }
    frame.extend(if inside.first().is_some_and(|byte| byte >> 4 == 6) { [0x86, 0xDD] } else { [0x08, 0x00] });
    frame.extend(inside);
    frame.resize(frame.len().max(60), 0);
    frame
}

/// Numbers in one byte order.
#[derive(Clone, Copy)]
pub struct Bytes {
    pub big: bool,
}

impl Bytes {
    pub fn u16(self, value: u16) -> [u8; 2] {
        if self.big { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    pub fn u32(self, value: u32) -> [u8; 4] {
        if self.big { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    pub fn words(self, words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| self.u32(*word)).collect()
    }
}

pub const LITTLE: Bytes = Bytes { big: false };
pub const BIG: Bytes = Bytes { big: true };
/// 2023-08-22 13:30 UTC.
pub const SECONDS: u32 = 1_692_711_000;

pub fn pcap_header(order: Bytes, magic: u32, link: u32) -> Vec<u8> {
    [order.u32(magic).to_vec(), order.u16(2).to_vec(), order.u16(4).to_vec(), order.words(&[0, 0, 262_144, link])].concat()
}

pub fn record(order: Bytes, seconds: u32, fraction: u32, packet: &[u8]) -> Vec<u8> {
    let length = packet.len() as u32;
    [order.words(&[seconds, fraction, length, length]), packet.to_vec()].concat()
}

/// Microseconds, Ethernet, one packet a second.
pub fn pcap(packets: &[Vec<u8>]) -> Vec<u8> {
    let records = packets.iter().enumerate().flat_map(|(at, packet)| record(LITTLE, SECONDS + at as u32, 5, packet));
    pcap_header(LITTLE, 0xA1B2_C3D4, 1).into_iter().chain(records).collect()
}

pub fn block(order: Bytes, kind: u32, body: &[u8]) -> Vec<u8> {
    let mut body = body.to_vec();
    body.resize(body.len().next_multiple_of(4), 0);
    let length = 12 + body.len() as u32;
    [order.words(&[kind, length]), body, order.words(&[length])].concat()
}

pub fn section(order: Bytes) -> Vec<u8> {
    block(
        order,
        0x0A0D_0D0A,
        &[order.words(&[0x1A2B_3C4D]), order.u16(1).to_vec(), order.u16(0).to_vec(), vec![0xFF; 8]].concat(),
    )
}

pub fn interface(order: Bytes, link: u16, options: &[u8]) -> Vec<u8> {
    block(order, 1, &[&order.u16(link)[..], &[0, 0], &order.u32(0), options].concat())
}

pub fn enhanced(order: Bytes, interface: u32, time: u64, packet: &[u8]) -> Vec<u8> {
    let length = packet.len() as u32;
    let heading = order.words(&[interface, (time >> 32) as u32, time as u32, length, length]);
    block(order, 6, &[&heading, packet].concat())
}

/// Microseconds, Ethernet, one packet a second.
pub fn pcapng(packets: &[Vec<u8>]) -> Vec<u8> {
    let mut capture = [section(LITTLE), interface(LITTLE, 1, &[])].concat();
    for (at, packet) in packets.iter().enumerate() {
        capture.extend(enhanced(LITTLE, 0, (u64::from(SECONDS) + at as u64) * 1_000_000 + 5, packet));
    }
    capture
}

/// Every framing of the same messages.
pub fn captures(messages: &[Vec<u8>]) -> Vec<(Framing, Vec<u8>)> {
    let packets: Vec<_> = mold_packets(messages).iter().map(|datagram| ethernet(&[], &ipv4(17, 0, 0, &udp(datagram)))).collect();
    vec![
        (Framing::BinaryFile, binary(messages)),
        (Framing::SoupBin, soup(messages, 1)),
        (Framing::MoldUdp64, mold_packets(messages).iter().flat_map(|datagram| framed(datagram)).collect()),
        (Framing::Pcap, pcap(&packets)),
        (Framing::PcapNg, pcapng(&packets)),
    ]
}
