//! Captures of the Nasdaq and BX feeds, which are not ours to ship: read where they are.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use omni_wire::frames::{Framing, Mode, recognise};
use omni_wire::itch::Message;

use crate::build::read;

/// The directory of the captures; without one, the test says that it is skipped.
fn captures() -> Option<PathBuf> {
    let Some(data) = std::env::var_os("OMNI_LAB_TEST_DATA") else {
        assert!(std::env::var_os("OMNI_LAB_NO_SKIP").is_none(), "OMNI_LAB_TEST_DATA is not set, and nothing may be skipped");
        eprintln!("skipped: OMNI_LAB_TEST_DATA names no directory of real market data");
        return None;
    };
    Some(PathBuf::from(data).join("itch"))
}

#[test]
fn packets_and_file_hold_the_same_105_messages() {
    let Some(directory) = captures() else { return };
    let file = fs::read(directory.join("omi_nasdaq_bx_2023.itch")).unwrap();
    assert_eq!(recognise(&file), Some(Framing::BinaryFile));
    let outcome = read(Framing::BinaryFile, Mode::Strict, &file);
    assert_eq!((outcome.error, outcome.messages.len(), outcome.counts.unknown), (None, 105, 0));

    let mut paths: Vec<_> = fs::read_dir(directory.join("omi_pcap")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.to_string_lossy().contains("TotalView"));
    paths.sort();
    let mut messages = Vec::new();
    for path in paths {
        let capture = fs::read(&path).unwrap();
        let framing = recognise(&capture).unwrap();
        let outcome = read(framing, Mode::Strict, &capture);
        assert_eq!((outcome.error, outcome.counts.other_packets), (None, 0), "{}", path.display());
        messages.extend(outcome.messages);
    }
    assert_eq!(messages.len(), 105);
    assert!(messages == outcome.messages, "they differ");
}

#[test]
fn every_real_message_comes_back_byte_for_byte() {
    let Some(directory) = captures() else { return };
    let mut kinds = BTreeMap::new();
    for name in ["omi_nasdaq_bx_2023.itch", "nasdaq_head_4096.itch"] {
        let file = fs::read(directory.join(name)).unwrap();
        for bytes in read(Framing::BinaryFile, Mode::Lenient, &file).messages {
            let mut encoded = Vec::new();
            Message::decode(&bytes).unwrap().unwrap().encode(&mut encoded);
            assert_eq!(encoded, bytes);
            *kinds.entry(char::from(bytes[0])).or_insert(0) += 1;
        }
    }
    let found: Vec<_> = kinds.iter().map(|(kind, count)| format!("{kind}{count}")).collect();
    assert_eq!(found.join(" "), "A43 C5 D8 E6 F7 H7 I1 L1 N5 P5 R98 S2 U7 X5 Y6");
}

#[test]
fn the_head_of_a_day_ends_inside_a_message() {
    let Some(directory) = captures() else { return };
    let file = fs::read(directory.join("nasdaq_head_4096.itch")).unwrap();
    let outcome = read(Framing::BinaryFile, Mode::Strict, &file);
    let error = outcome.error.unwrap();
    assert_eq!((outcome.messages.len(), error.offset), (101, 4096 - 15));
    assert_eq!(error.found, "the end after 15 bytes of one, 101 whole messages came before");
    let outcome = read(Framing::BinaryFile, Mode::Lenient, &file);
    assert_eq!((outcome.messages.len(), outcome.counts.truncated, outcome.counts.skipped_bytes), (101, 1, 15));
}

#[test]
fn a_capture_of_another_protocol_has_no_messages() {
    let Some(directory) = captures() else { return };
    let capture = fs::read(directory.join("omi_pcap/Nasdaq.Nsm.Ouch.v5.0_EnterOrderMessage.pcap")).unwrap();
    let outcome = read(Framing::Pcap, Mode::Strict, &capture);
    assert_eq!((outcome.error, outcome.messages.len()), (None, 0));
    assert_eq!(outcome.counts.packets, outcome.counts.other_packets);
}
