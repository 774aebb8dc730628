//! Packets out of a byte stream: a 2-byte big-endian length of what follows, a type, a payload.

use std::ops::ControlFlow;

use crate::WireError;

/// Appends a packet. The payload fits: the machines check what they are given.
///
/// # Panics
///
/// If it has more than 65,534 bytes.
pub fn put_packet(output: &mut Vec<u8>, kind: u8, payload: &[u8]) {
    let length = u16::try_from(payload.len() + 1).expect("a payload has at most 65,534 bytes");
    output.extend_from_slice(&length.to_be_bytes());
    output.push(kind);
    output.extend_from_slice(payload);
}

/// Finds packets in a stream that arrives in pieces of any size, and keeps at most one that is not whole.
#[derive(Clone, Debug, Default)]
pub struct Packets {
    held: Vec<u8>,
    offset: u64,
}

impl Packets {
    /// Hands over every packet that is whole now, with its type, its payload and its offset in the stream, until one breaks off.
    ///
    /// # Errors
    ///
    /// If a length is 0, or the taker says so. What follows it is dropped.
    pub fn read(
        &mut self,
        mut bytes: &[u8],
        mut take: impl FnMut(u8, &[u8], u64) -> Result<ControlFlow<()>, WireError>,
    ) -> Result<(), WireError> {
        while !self.held.is_empty() {
            let wanted = match self.held[..] {
                [first, second, ..] => 2 + usize::from(u16::from_be_bytes([first, second])),
                _ => 2,
            };
            let (head, rest) = bytes.split_at(wanted.saturating_sub(self.held.len()).min(bytes.len()));
            self.held.extend_from_slice(head);
            bytes = rest;
            if self.held.len() < wanted {
                return Ok(());
            }
            if let Some((kind, payload, _)) = split(&self.held, self.offset)? {
                let went_on = take(kind, payload, self.offset);
                self.offset += self.held.len() as u64;
                self.held.clear();
                if went_on?.is_break() {
                    return Ok(());
                }
            }
        }
        while let Some((kind, payload, rest)) = split(bytes, self.offset)? {
            let went_on = take(kind, payload, self.offset);
            self.offset += (bytes.len() - rest.len()) as u64;
            bytes = rest;
            if went_on?.is_break() {
                return Ok(());
            }
        }
        self.held.extend_from_slice(bytes);
        Ok(())
    }

    /// Bytes of the packet that is not whole.
    pub fn held(&self) -> usize {
        self.held.len()
    }
}

type Split<'a> = (u8, &'a [u8], &'a [u8]);

/// The first packet and what follows it; `None` if it is not whole.
fn split(bytes: &[u8], offset: u64) -> Result<Option<Split<'_>>, WireError> {
    let [first, second, after @ ..] = bytes else { return Ok(None) };
    let length = usize::from(u16::from_be_bytes([*first, *second]));
    if length == 0 {
        return Err(WireError { offset, found: "length 0".to_owned(), expected: "a packet of at least 1 byte".to_owned() });
    }
    let Some((packet, rest)) = after.split_at_checked(length) else { return Ok(None) };
    Ok(packet.split_first().map(|(kind, payload)| (*kind, payload, rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(packets: &mut Packets, bytes: &[u8]) -> Result<Vec<(u8, Vec<u8>, u64)>, WireError> {
        let mut seen = Vec::new();
        packets.read(bytes, |kind, payload, offset| {
            seen.push((kind, payload.to_vec(), offset));
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(seen)
    }

    #[test]
    fn packets_are_the_same_however_the_stream_is_cut() {
        let mut stream = Vec::new();
        for length in [0, 1, 5, 300, 0, 2] {
            put_packet(&mut stream, b'S', &vec![b'x'; length]);
        }
        let whole = read(&mut Packets::default(), &stream).unwrap();
        assert_eq!(whole.iter().map(|packet| packet.1.len()).collect::<Vec<_>>(), [0, 1, 5, 300, 0, 2]);
        for size in 1..stream.len() {
            let mut packets = Packets::default();
            let pieces: Vec<_> = stream.chunks(size).flat_map(|piece| read(&mut packets, piece).unwrap()).collect();
            assert_eq!((pieces, packets.held()), (whole.clone(), 0), "in pieces of {size}");
        }
    }

    #[test]
    fn a_length_of_zero_is_an_error_where_it_stands() {
        for cut in 0..5 {
            let mut packets = Packets::default();
            let stream = b"\x00\x01H\x00\x00";
            let error = read(&mut packets, &stream[..cut]).and_then(|_| read(&mut packets, &stream[cut..])).unwrap_err();
            assert_eq!(error.offset, 3);
        }
    }
}
