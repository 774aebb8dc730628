//! A made-up day in memory.
#![allow(dead_code)]

use omni_feed::generator::{Day, DaySpec};
use omni_wire::EventColumns;
use omni_wire::itch::EventDecoder;

/// The day's frames.
pub fn bytes(spec: DaySpec) -> Vec<u8> {
    let (mut day, mut bytes) = (Day::new(spec), Vec::new());
    while day.advance(&mut bytes) {}
    bytes
}

/// Every message, cut out by the plainest of loops.
pub fn frames(mut bytes: &[u8], mut look: impl FnMut(&[u8])) {
    while let Some((length, rest)) = bytes.split_first_chunk::<2>() {
        let (message, rest) = rest.split_at(usize::from(u16::from_be_bytes(*length)));
        look(message);
        bytes = rest;
    }
}

/// The events of the messages, decoded one by one.
pub fn events(bytes: &[u8]) -> EventColumns {
    let (decoder, mut rows) = (EventDecoder::new(0), EventColumns::default());
    frames(bytes, |message| {
        decoder.push(message, &mut rows);
    });
    rows
}
