//! One frame: its bytes, how they are sealed, and how they are judged when read back.

use crate::header::{u32_at, u64_at};

/// Most bytes that a payload may have: 16 MiB.
pub const MAX_PAYLOAD: usize = 16 << 20;

/// Bytes before the payload.
pub(crate) const FRAME_HEADER: usize = 24;
/// Frames start at multiples of this.
pub(crate) const ALIGN: usize = 8;

const CRC_AT: usize = 4;
const SEQUENCE_AT: usize = 8;
const KIND_AT: usize = 16;
const RESERVED_AT: usize = 18;

/// A stored frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Number of the frame, from 1, without gaps.
    pub sequence: u64,
    /// The caller's own mark.
    pub kind: u16,
    /// The caller's bytes.
    pub payload: &'a [u8],
}

/// Bytes that a payload of `length` takes up in a segment.
pub(crate) fn stored_len(length: usize) -> usize {
    (FRAME_HEADER + length).next_multiple_of(ALIGN)
}

/// Prepares `frame`, which is `stored_len` of its payload long, before the payload goes in: the padding is zero afterwards.
///
/// Always eight bytes, of which the payload takes what is its own: cheaper than a fill of varying length after it.
#[inline]
pub(crate) fn clear_padding(frame: &mut [u8]) {
    if let Some(last) = frame.last_chunk_mut::<ALIGN>() {
        *last = [0; ALIGN];
    }
}

/// Completes a prepared frame whose payload of `length` bytes lies at `FRAME_HEADER`.
#[inline]
pub(crate) fn seal(frame: &mut [u8], sequence: u64, kind: u16, length: usize) {
    let header = &mut frame[..FRAME_HEADER];
    // Length and the empty CRC in one word: the checksum reads words, and would wait for two halves that were just written.
    header[..SEQUENCE_AT].copy_from_slice(&(length as u64).to_le_bytes());
    header[SEQUENCE_AT..KIND_AT].copy_from_slice(&sequence.to_le_bytes());
    header[KIND_AT..].copy_from_slice(&u64::from(kind).to_le_bytes());
    let crc = crc32c::crc32c(&frame[..FRAME_HEADER + length]);
    frame[CRC_AT..SEQUENCE_AT].copy_from_slice(&crc.to_le_bytes());
}

/// What lies at an offset of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A good frame with the expected sequence.
    Frame { kind: u16, length: usize },
    /// Nothing but zeros up to the end.
    End,
    /// Something else.
    Bad(Flaw),
}

/// What is wrong at an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flaw {
    pub what: &'static str,
    pub expected: u64,
    pub found: u64,
    /// Whether an interrupted write may have left this. A frame with a good CRC in the wrong place is no such thing.
    pub tearable: bool,
}

/// Judges the frame at `offset` of a segment, which ought to have the sequence `expected`.
#[inline]
pub(crate) fn inspect(segment: &[u8], offset: usize, expected: u64) -> Found {
    let rest = &segment[offset.min(segment.len())..];
    let torn = |what, expected, found| Found::Bad(Flaw { what, expected, found, tearable: true });
    let Some(header) = rest.first_chunk::<FRAME_HEADER>() else {
        return if is_zero(rest) { Found::End } else { torn("bytes of a frame header", FRAME_HEADER as u64, rest.len() as u64) };
    };
    if *header == [0; FRAME_HEADER] {
        let zeros = leading_zeros(rest);
        return if zeros == rest.len() {
            Found::End
        } else {
            torn("zeros after the last frame", rest.len() as u64, zeros as u64)
        };
    }
    let length = u32_at(header, 0) as usize;
    if length > MAX_PAYLOAD {
        return torn("length of the payload, at most", MAX_PAYLOAD as u64, length as u64);
    }
    let Some(frame) = rest.get(..stored_len(length)) else {
        return torn("bytes of the frame", stored_len(length) as u64, rest.len() as u64);
    };
    let (crc, stored) = (crc_of(frame, length), u32_at(header, CRC_AT));
    if crc != stored {
        return torn("CRC32C of the frame", crc.into(), stored.into());
    }
    let misplaced = |what, expected, found| Found::Bad(Flaw { what, expected, found, tearable: false });
    let sequence = u64_at(header, SEQUENCE_AT);
    if sequence != expected {
        return misplaced("sequence of the frame", expected, sequence);
    }
    let kind_and_reserved = u64_at(header, KIND_AT);
    if kind_and_reserved > u64::from(u16::MAX) {
        return misplaced("reserved bytes of the frame", 0, kind_and_reserved >> 16);
    }
    let padding = &frame[FRAME_HEADER + length..];
    if padding.iter().any(|&byte| byte != 0) {
        return torn("zeros after the payload", padding.len() as u64, leading_zeros(padding) as u64);
    }
    Found::Frame { kind: kind_and_reserved as u16, length }
}

/// First good frame after `offset` whose sequence is above `expected`, as its offset and sequence.
///
/// One that exists means that the frame at `offset` was not the last one written, and hence not torn by a crash.
pub(crate) fn later_frame(segment: &[u8], offset: usize, expected: u64) -> Option<(usize, u64)> {
    let start = (offset + 1).next_multiple_of(ALIGN);
    (start..segment.len()).step_by(ALIGN).find_map(|at| {
        let rest = &segment[at..];
        let header = rest.first_chunk::<FRAME_HEADER>()?;
        let (length, sequence) = (u32_at(header, 0) as usize, u64_at(header, SEQUENCE_AT));
        // The cheap questions first: nearly every offset fails one of them.
        if sequence <= expected || length > MAX_PAYLOAD || header[RESERVED_AT..] != [0; FRAME_HEADER - RESERVED_AT] {
            return None;
        }
        let frame = rest.get(..FRAME_HEADER + length)?;
        (crc_of(frame, length) == u32_at(header, CRC_AT)).then_some((at, sequence))
    })
}

/// Bytes of `bytes` up to and including its last one that is not zero.
pub(crate) fn used_len(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1)
}

#[inline]
fn crc_of(frame: &[u8], length: usize) -> u32 {
    let mut head = [0; SEQUENCE_AT];
    head[..CRC_AT].copy_from_slice(&frame[..CRC_AT]);
    crc32c::crc32c_append(crc32c::crc32c(&head), &frame[SEQUENCE_AT..FRAME_HEADER + length])
}

fn is_zero(bytes: &[u8]) -> bool {
    leading_zeros(bytes) == bytes.len()
}

fn leading_zeros(bytes: &[u8]) -> usize {
    // Whole blocks first: the remainder of a segment is long and almost always zero.
    const BLOCK: usize = 256;
    let zeros = BLOCK * bytes.chunks_exact(BLOCK).take_while(|block| **block == [0; BLOCK]).count();
    zeros + bytes[zeros..].iter().take_while(|&&byte| byte == 0).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(sequence: u64, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![0xAA; stored_len(payload.len())];
        clear_padding(&mut frame);
        frame[FRAME_HEADER..FRAME_HEADER + payload.len()].copy_from_slice(payload);
        seal(&mut frame, sequence, 3, payload.len());
        frame
    }

    #[test]
    fn the_crc_is_the_castagnoli_one_over_the_frame_with_its_field_zeroed() {
        let mut frame = sealed(1, b"123456789");
        let stored = u32_at(&frame, 4);
        frame[4..8].fill(0);
        assert_eq!(stored, crc32c::crc32c(&frame[..24 + 9]));
        // The check value of CRC-32/ISCSI in the catalogue of parametrised CRC algorithms.
        assert_eq!(crc32c::crc32c(b"123456789"), 0xE306_9283);
    }

    #[test]
    fn a_good_frame_with_the_wrong_sequence_is_not_torn() {
        let Found::Bad(flaw) = inspect(&sealed(5, b"x"), 0, 4) else { panic!("accepted") };
        assert!(!flaw.tearable);
        assert_eq!((flaw.expected, flaw.found), (4, 5));
    }

    #[test]
    fn padding_is_zero_and_checked() {
        let mut frame = sealed(1, b"x");
        assert_eq!(inspect(&frame, 0, 1), Found::Frame { kind: 3, length: 1 });
        *frame.last_mut().unwrap() = 1;
        assert!(matches!(inspect(&frame, 0, 1), Found::Bad(_)));
    }

    #[test]
    fn a_later_frame_is_found_beyond_garbage() {
        let mut bytes = vec![0x5A; 40];
        bytes.extend(sealed(9, b"later"));
        assert_eq!(later_frame(&bytes, 0, 8), Some((40, 9)));
        assert_eq!(later_frame(&bytes, 0, 9), None);
    }
}
