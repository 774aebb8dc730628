//! Captures without a fault.

use omni_wire::frames::{Framing, Mode, Reader, recognise};
use omni_wire::itch::{EventColumns, EventDecoder};

use crate::build::*;

#[test]
fn every_framing_gives_the_same_messages() {
    let expected = messages(50);
    for (framing, capture) in captures(&expected) {
        for mode in [Mode::Strict, Mode::Lenient] {
            let outcome = read(framing, mode, &capture);
            assert_eq!(outcome.error, None, "{framing:?}");
            assert_eq!(outcome.messages, expected, "{framing:?} {mode:?}");
            let numbers: Vec<_> = if framing == Framing::BinaryFile { vec![0; 50] } else { (1..=50).collect() };
            assert_eq!(outcome.sequences, numbers, "{framing:?}");
            let counts = outcome.counts;
            let faults = [counts.resyncs, counts.skipped_bytes, counts.truncated, counts.missing, counts.repeated];
            assert_eq!(faults, [0; 5], "{framing:?} {mode:?}");
        }
    }
}

#[test]
fn an_offset_is_that_of_the_length_before_the_message() {
    for (framing, capture) in captures(&messages(30)) {
        let outcome = read(framing, Mode::Strict, &capture);
        for (offset, message) in outcome.offsets.iter().zip(&outcome.messages) {
            let head = if framing == Framing::SoupBin { 3 } else { 2 };
            let at = *offset as usize;
            assert_eq!(&capture[at + head..][..message.len()], message, "{framing:?}");
            assert_eq!(capture[at..at + 2], ((message.len() + head - 2) as u16).to_be_bytes(), "{framing:?}");
        }
    }
}

#[test]
fn parts_of_any_size_give_what_the_whole_gives() {
    for (framing, capture) in captures(&messages(25)) {
        for mode in [Mode::Strict, Mode::Lenient] {
            let whole = read(framing, mode, &capture);
            for part in (1..80).chain([100, 1000]) {
                assert_eq!(read_in_parts(framing, mode, &capture, part), whole, "{framing:?} in parts of {part}");
            }
        }
    }
}

#[test]
fn events_are_those_of_the_messages_one_by_one() {
    let decoder = EventDecoder::new(7);
    for (framing, capture) in captures(&messages(2000)) {
        let mut expected = EventColumns::default();
        for message in read(framing, Mode::Strict, &capture).messages {
            decoder.push(&message, &mut expected);
        }
        for (rows, part) in [(1, 300), (7, 5000), (1000, 333), (5000, capture.len())] {
            let mut reader = Reader::new(framing, Mode::Strict);
            let (mut found, mut rows) = (EventColumns::default(), EventColumns::zeroed(rows));
            let (mut start, mut end) = (0, 0);
            while !reader.is_over() {
                let filled = reader.fill(&capture[start..end], end == capture.len(), &decoder, &mut rows, 0);
                assert_eq!(filled.error, None);
                start += filled.used;
                let mut new = rows.clone();
                new.truncate(filled.events);
                found.extend(&new);
                if filled.events < rows.len() {
                    end = capture.len().min(end + part);
                }
            }
            assert_eq!(found, expected, "{framing:?}");
            assert_eq!((reader.counts().messages, reader.offset()), (2000, capture.len() as u64));
        }
    }
}

#[test]
fn a_length_of_zero_ends_the_session() {
    let expected = messages(5);
    let mut capture = binary(&expected);
    capture.extend([0, 0]);
    for mode in [Mode::Strict, Mode::Lenient] {
        let outcome = read(Framing::BinaryFile, mode, &capture);
        assert_eq!((outcome.messages, outcome.error, outcome.counts.skipped_bytes), (expected.clone(), None, 0));
    }
    capture.extend(b"more");
    assert_eq!(read(Framing::BinaryFile, Mode::Strict, &capture).counts.after_end, 4);
    assert_eq!(read_in_parts(Framing::BinaryFile, Mode::Strict, &capture, 1).counts.after_end, 4);
}

#[test]
fn messages_of_unknown_types_are_counted_and_left_out() {
    let known = messages(3);
    let unknown = vec![b"z".to_vec(), vec![b'!'; 60]];
    let mixed = [known[..2].to_vec(), unknown, known[2..].to_vec()].concat();
    for (framing, capture) in captures(&mixed) {
        for mode in [Mode::Strict, Mode::Lenient] {
            let outcome = read(framing, mode, &capture);
            assert_eq!((&outcome.messages, outcome.counts.unknown), (&known, 2), "{framing:?}");
            if framing != Framing::BinaryFile {
                assert_eq!(outcome.sequences, [1, 2, 5], "what is left out has a number");
            }
        }
    }
}

#[test]
fn a_capture_is_recognised_by_its_first_bytes() {
    for (framing, capture) in captures(&messages(30)) {
        let recognised = (framing != Framing::MoldUdp64).then_some(framing);
        for head in [100, 200, capture.len()] {
            assert_eq!(recognise(&capture[..head]), recognised, "{framing:?}");
        }
    }
    for kind in messages(23) {
        assert_eq!(recognise(&binary(std::slice::from_ref(&kind))), Some(Framing::BinaryFile), "{kind:?}");
        assert_eq!(recognise(&soup_packet(b'S', &kind)), Some(Framing::SoupBin), "{kind:?}");
    }
    assert_eq!(recognise(&[0, 0]), Some(Framing::BinaryFile));
    for other in [&b""[..], b"\0", b"time,price,qty\n1,2,3\n", &[0; 100], b"PK\x03\x04 and what follows", &[0xFF; 64]] {
        assert_eq!(recognise(other), None, "{other:?}");
    }
}

#[test]
fn names_of_framings_lead_back_to_them() {
    for framing in Framing::ALL {
        assert_eq!(Framing::from_name(framing.name()), Some(framing));
    }
    assert_eq!(Framing::from_name("csv"), None);
}
