//! Captures that are cut, overwritten or have bytes too many.

use omni_wire::frames::{Framing, Mode};
use omni_wire::itch::LENGTHS;

use crate::build::*;

#[test]
fn a_capture_that_is_cut_anywhere_says_what_was_whole() {
    let all = messages(12);
    for (framing, capture) in captures(&all) {
        let whole = read(framing, Mode::Strict, &capture);
        for end in 0..capture.len() {
            let outcome = read(framing, Mode::Strict, &capture[..end]);
            let came = outcome.messages.len();
            assert_eq!(outcome.messages, all[..came], "{framing:?} to {end}");
            if let Some(error) = outcome.error {
                assert!(error.found.ends_with(&format!("{came} whole messages came before")), "{error}");
                assert!(error.offset <= end as u64);
                let kept = read(framing, Mode::Lenient, &capture[..end]);
                if error.offset > 0 {
                    assert_eq!((kept.error, kept.messages.len(), kept.counts.truncated), (None, came, 1), "{framing:?} {end}");
                    assert_eq!(kept.counts.skipped_bytes, end as u64 - error.offset);
                }
            } else if let Some(&next) = whole.offsets.get(came) {
                assert!(end as u64 <= next, "{framing:?}: message {came} is lost without a word");
            }
        }
    }
}

#[test]
fn a_known_type_of_another_length_is_an_error_at_its_offset() {
    let mut all = messages(9);
    all[4].push(0);
    for (framing, capture) in captures(&all) {
        let outcome = read(framing, Mode::Strict, &capture);
        let error = outcome.error.unwrap();
        assert_eq!(outcome.messages, all[..4], "{framing:?}");
        assert_eq!((error.found, error.expected), ("27".into(), "26 bytes of type 'L'".into()));
        let head = if framing == Framing::SoupBin { 3 } else { 2 };
        assert_eq!(&capture[error.offset as usize + head..][..27], &all[4], "{framing:?}");

        let outcome = read(framing, Mode::Lenient, &capture);
        assert_eq!(outcome.messages, [&all[..4], &all[5..]].concat(), "{framing:?}");
        assert_eq!((outcome.counts.wrong_length, outcome.counts.resyncs, outcome.counts.skipped_bytes), (1, 0, 0));
    }
}

#[test]
fn many_messages_of_another_length_are_skipped_one_by_one() {
    let mut all = messages(46);
    for message in &mut all {
        if message[0] != b'S' {
            message.push(7);
        }
    }
    for (framing, capture) in captures(&all) {
        let outcome = read(framing, Mode::Lenient, &capture);
        assert_eq!((outcome.messages.len(), outcome.counts.wrong_length), (2, 44), "{framing:?}");
        assert_eq!((outcome.counts.resyncs, outcome.counts.skipped_bytes), (0, 0), "{framing:?}");
    }
}

/// Bytes from which no frame of any framing walks.
fn garbage(count: usize) -> Vec<u8> {
    (0..count).map(|at| if at % 2 == 0 { 0xFE } else { at as u8 | 0x80 }).collect()
}

/// Where the frames of a capture begin, the whole and its end included.
fn borders(framing: Framing, capture: &[u8]) -> Vec<usize> {
    let mut borders = vec![match framing {
        Framing::Pcap => 24,
        Framing::PcapNg => 48,
        _ => 0,
    }];
    while let Some(&at) = borders.last().filter(|at| **at < capture.len()) {
        let word = |at: usize| u32::from_le_bytes(capture[at..at + 4].try_into().unwrap()) as usize;
        borders.push(match framing {
            Framing::Pcap => at + 16 + word(at + 8),
            Framing::PcapNg => at + word(at + 4),
            _ => at + 2 + usize::from(u16::from_be_bytes([capture[at], capture[at + 1]])),
        });
    }
    borders
}

#[test]
fn garbage_between_frames_is_skipped_to_the_byte() {
    let all = messages(60);
    for (framing, capture) in captures(&all) {
        let borders = borders(framing, &capture);
        assert_eq!(borders.last(), Some(&capture.len()));
        for count in [1, 5, 300] {
            for at in [borders[0], borders[3], borders[borders.len() / 2]] {
                let damaged = [&capture[..at], &garbage(count), &capture[at..]].concat();
                assert!(read(framing, Mode::Strict, &damaged).error.is_some(), "{framing:?}");
                let outcome = read(framing, Mode::Lenient, &damaged);
                assert_eq!((outcome.messages.len(), &outcome.error), (60, &None), "{framing:?}: {count} bytes at {at}");
                assert_eq!((outcome.counts.skipped_bytes, outcome.counts.resyncs), (count as u64, 1), "{framing:?}");
                for part in [1, 7, 100, 1000] {
                    assert_eq!(read_in_parts(framing, Mode::Lenient, &damaged, part), outcome, "{framing:?} in {part}");
                }
            }
        }
    }
}

#[test]
fn a_length_that_lies_costs_its_frame_and_no_other() {
    let all = messages(60);
    for (framing, capture) in captures(&all) {
        let borders = borders(framing, &capture);
        // The fourth frame, or the third packet; its length is in another place in each framing.
        let at = borders[3];
        let place = match framing {
            Framing::Pcap => at + 8,
            Framing::PcapNg => at + 4,
            _ => at,
        };
        for lie in [[0x7F, 0x7F], [0xFF, 0xFF]] {
            let mut damaged = capture.clone();
            damaged[place..place + 2].copy_from_slice(&lie);
            let outcome = read(framing, Mode::Lenient, &damaged);
            let lost = if matches!(framing, Framing::BinaryFile | Framing::SoupBin) { 1 } else { 3 };
            assert_eq!((outcome.messages.len(), outcome.error), (60 - lost, None), "{framing:?}");
            assert_eq!(outcome.counts.skipped_bytes, (borders[4] - at) as u64, "{framing:?}");
        }
    }
}

#[test]
fn zeros_in_the_middle_are_a_hole_and_not_the_end() {
    let all = messages(60);
    let capture = binary(&all);
    let damaged = [&capture[..borders(Framing::BinaryFile, &capture)[20]], &[0; 4096], &capture].concat();
    let outcome = read(Framing::BinaryFile, Mode::Lenient, &damaged);
    assert_eq!((outcome.messages.len(), outcome.counts.skipped_bytes), (80, 4096));
}

#[test]
fn a_few_good_frames_before_the_end_are_enough() {
    let all = messages(3);
    let damaged = [garbage(100), binary(&all)].concat();
    let outcome = read(Framing::BinaryFile, Mode::Lenient, &damaged);
    assert_eq!((outcome.messages, outcome.counts.skipped_bytes), (all, 100));
}

#[test]
fn seven_frames_in_a_row_may_be_an_accident_and_eight_are_none() {
    let all = messages(20);
    for (count, kept) in [(7, 12), (8, 20)] {
        let (accident, rest) = (binary(&all[..count]), binary(&all[8..]));
        let damaged = [garbage(50), accident, garbage(50), rest].concat();
        let outcome = read(Framing::BinaryFile, Mode::Lenient, &damaged);
        assert_eq!(outcome.messages.len(), kept);
        assert!(outcome.messages == all[20 - kept..], "{count} frames");
    }
}

#[test]
fn garbage_alone_has_no_messages() {
    for framing in [Framing::BinaryFile, Framing::SoupBin, Framing::MoldUdp64] {
        let outcome = read_in_parts(framing, Mode::Lenient, &garbage(100_000), 1000);
        assert_eq!((outcome.messages.len(), outcome.error), (0, None));
        assert_eq!((outcome.counts.skipped_bytes, outcome.counts.resyncs), (100_000, 0));
    }
}

#[test]
fn a_soupbin_packet_of_no_kind_is_an_error() {
    let start = soup_packet(b'H', b"");
    let wrong: [(&[u8], &str); 4] =
        [(b"\0\0?", "length 0"), (b"\0\x01?", "packet type '?'"), (b"\0\x02H ", "length 2"), (b"\0\x05A1234", "length 5")];
    for (packet, found) in wrong {
        let error = read(Framing::SoupBin, Mode::Strict, &[&start, packet].concat()).error.unwrap();
        assert_eq!(error.offset, 3);
        assert!(error.found == found || packet[1] == 0, "{error}");
    }
}

#[test]
fn a_text_is_no_capture() {
    let text = b"Time,Type,OrderID,Size,Price,Direction\n".repeat(50);
    assert_eq!(LENGTHS[usize::from(text[2])], 0);
    for framing in Framing::ALL {
        let outcome = read(framing, Mode::Strict, &text);
        assert!(outcome.error.is_some(), "{framing:?}");
    }
}
