//! The 64 bytes that open a segment.

use crate::options::MAX_SEGMENT;

/// Bytes of a segment header.
pub(crate) const HEADER: usize = 64;
/// Sequences stay below this, so that counting on from any stored one cannot overflow.
pub(crate) const MAX_SEQUENCE: u64 = 1 << 62;

const MAGIC: [u8; 8] = *b"OMNIJRN1";
const VERSION: u32 = 1;
const CRC_AT: usize = HEADER - 4;

/// What a valid segment header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub first_sequence: u64,
    pub capacity: u64,
}

/// Why a header is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadHeader {
    /// Incomplete, or its CRC fails: what a crash during creation leaves, if no frame follows.
    Torn { expected: u64, found: u64 },
    /// Intact and yet not acceptable, which no crash explains.
    Wrong { offset: u64, what: &'static str, expected: u64, found: u64 },
}

impl SegmentHeader {
    pub fn encode(self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[12..16].copy_from_slice(&(HEADER as u32).to_le_bytes());
        bytes[16..24].copy_from_slice(&self.first_sequence.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.capacity.to_le_bytes());
        let crc = crc32c::crc32c(&bytes[..CRC_AT]);
        bytes[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads the header that `bytes` start with, of a file of `file_len` bytes that is named after `first_sequence`.
    pub fn decode(bytes: &[u8], file_len: u64, first_sequence: Option<u64>) -> Result<Self, BadHeader> {
        let Some(header) = bytes.first_chunk::<HEADER>() else {
            return Err(BadHeader::Torn { expected: HEADER as u64, found: bytes.len() as u64 });
        };
        let crc = u64::from(crc32c::crc32c(&header[..CRC_AT]));
        let stored = u64::from(u32_at(header, CRC_AT));
        if crc != stored {
            return Err(BadHeader::Torn { expected: crc, found: stored });
        }
        let found = Self { first_sequence: u64_at(header, 16), capacity: u64_at(header, 24) };
        let wrong = |offset, what, expected, found| Err(BadHeader::Wrong { offset, what, expected, found });
        if header[..8] != MAGIC {
            return wrong(0, "magic of the segment", u64::from_le_bytes(MAGIC), u64_at(header, 0));
        }
        if u32_at(header, 8) != VERSION {
            return wrong(8, "version of the segment", VERSION.into(), u32_at(header, 8).into());
        }
        if u32_at(header, 12) != HEADER as u32 {
            return wrong(12, "length of the segment header", HEADER as u64, u32_at(header, 12).into());
        }
        let named = first_sequence.unwrap_or(found.first_sequence.clamp(1, MAX_SEQUENCE));
        if found.first_sequence != named || !(1..=MAX_SEQUENCE).contains(&named) {
            return wrong(16, "first sequence of the segment", named, found.first_sequence);
        }
        if found.capacity < file_len || found.capacity > MAX_SEGMENT {
            return wrong(24, "capacity of the segment", file_len, found.capacity);
        }
        if header[32..CRC_AT].iter().any(|&byte| byte != 0) {
            return wrong(32, "reserved bytes of the segment header", 0, 1);
        }
        Ok(found)
    }
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes[at..].first_chunk().map_or(0, |field| u32::from_le_bytes(*field))
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes[at..].first_chunk().map_or(0, |field| u64::from_le_bytes(*field))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_reads_back() {
        let header = SegmentHeader { first_sequence: 7, capacity: 4096 };
        assert_eq!(SegmentHeader::decode(&header.encode(), 64, Some(7)), Ok(header));
    }

    #[test]
    fn a_header_under_another_name_is_wrong_rather_than_torn() {
        let bytes = SegmentHeader { first_sequence: 7, capacity: 4096 }.encode();
        let wrong = BadHeader::Wrong { offset: 16, what: "first sequence of the segment", expected: 8, found: 7 };
        assert_eq!(SegmentHeader::decode(&bytes, 64, Some(8)), Err(wrong));
    }

    #[test]
    fn any_flipped_bit_is_torn() {
        let bytes = SegmentHeader { first_sequence: 7, capacity: 4096 }.encode();
        for bit in 0..HEADER * 8 {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(matches!(SegmentHeader::decode(&flipped, 64, Some(7)), Err(BadHeader::Torn { .. })), "bit {bit}");
        }
    }
}
