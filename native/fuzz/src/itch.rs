//! Captures of ITCH: any bytes, in every framing, at once and in parts.

use omni_wire::frames::{Counts, Framing, Mode, Reader, recognise};
use omni_wire::itch::{EventColumns, EventDecoder, LENGTHS, Message};

use crate::Input;

/// What a reading gave: messages and their offsets, what was met, and what was wrong.
#[derive(Debug, PartialEq)]
struct Reading {
    messages: Vec<(u64, Vec<u8>)>,
    counts: Counts,
    error: Option<String>,
}

/// The first byte says how large parts are; the rest is a capture.
///
/// # Panics
///
/// If parts give something else than the whole, a message does not come back from its values, or a reader stops or goes on where it must
/// not.
pub fn itch(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let part = 1 + usize::from(input.byte());
    let capture = input.rest();
    let _ = recognise(capture);
    drop(Message::decode(capture));
    for framing in Framing::ALL {
        let strict = reading(framing, Mode::Strict, capture, part);
        let lenient = reading(framing, Mode::Lenient, capture, part);
        assert!(lenient.error.is_none() || lenient.messages.is_empty(), "a lenient reader gave up: {:?}", lenient.error);
        let counts = strict.counts;
        // Only what follows the end of a session, or a type that is not known, is read with less trust by a lenient reader.
        if strict.error.is_none() && counts.after_end == 0 && counts.unknown == 0 {
            assert_eq!(strict, lenient, "nothing is wrong, and the modes differ");
        }
    }
}

fn reading(framing: Framing, mode: Mode, capture: &[u8], part: usize) -> Reading {
    let whole = read(framing, mode, capture, usize::MAX);
    assert_eq!(whole, read(framing, mode, capture, part), "{framing:?} in parts of {part}");
    let decoder = EventDecoder::new(0);
    let mut events = EventColumns::default();
    for (_, bytes) in &whole.messages {
        assert_eq!(usize::from(LENGTHS[usize::from(bytes[0])]), bytes.len());
        let message = Message::decode(bytes).expect("the length is right").expect("the type is known");
        let mut encoded = Vec::new();
        message.encode(&mut encoded);
        assert!(encoded == *bytes, "{message:?} came from other bytes");
        decoder.push(bytes, &mut events);
    }
    assert!(whole.messages.is_sorted_by(|one, next| one.0 < next.0), "offsets rise");
    assert!(filled(framing, mode, capture, part, &decoder) == events, "a batch gives other events");
    whole
}

fn read(framing: Framing, mode: Mode, capture: &[u8], part: usize) -> Reading {
    let mut reader = Reader::new(framing, mode);
    let (mut messages, mut error) = (Vec::new(), None);
    let (mut start, mut end) = (0, 0_usize);
    loop {
        end = capture.len().min(end.saturating_add(part));
        let mut walk = reader.walk(&capture[start..end], end == capture.len());
        for frame in walk.by_ref() {
            match frame {
                Ok(frame) => messages.push((frame.offset, frame.message.to_vec())),
                Err(found) => assert!(error.replace(found.to_string()).is_none(), "an error is the end"),
            }
        }
        start += walk.used();
        assert_eq!(reader.offset(), start as u64);
        if end == capture.len() {
            break;
        }
    }
    assert!(reader.is_over(), "the reader waits for what never comes");
    assert!(error.is_some() || start == end, "bytes are left");
    Reading { messages, counts: *reader.counts(), error }
}

/// The events of a capture in parts, by rows as few as a part has bytes.
fn filled(framing: Framing, mode: Mode, capture: &[u8], part: usize, decoder: &EventDecoder) -> EventColumns {
    let mut reader = Reader::new(framing, mode);
    let (mut events, mut rows) = (EventColumns::default(), EventColumns::zeroed(part));
    let (mut start, mut end) = (0, 0);
    while !reader.is_over() {
        let filled = reader.fill(&capture[start..end], end == capture.len(), decoder, &mut rows, 0);
        start += filled.used;
        let mut new = rows.clone();
        new.truncate(filled.events);
        events.extend(&new);
        if filled.events < part {
            end = capture.len().min(end + part);
        }
    }
    events
}
