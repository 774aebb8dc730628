//! Captures as files: whatever they are wrapped in and however they are cut, the same events come out, or an error that says where.

mod day;

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use omni_feed::books::Options;
use omni_feed::generator::{DaySpec, DayWriter};
use omni_feed::{Books, Events, FeedError, How, Reader, Scan};
use omni_wire::EventColumns;
use omni_wire::frames::{Framing, Mode};

const SPEC: DaySpec = DaySpec { messages: 24_000, symbols: 30, seed: 7, all_types: true };

/// A file with these bytes in a folder that goes away with the test.
fn file(bytes: &[u8]) -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("capture");
    fs::write(&path, bytes).unwrap();
    (dir, path)
}

/// All events that come out, and what ended them.
fn read(path: &Path, how: How, most: usize) -> (EventColumns, Option<FeedError>) {
    let mut all = EventColumns::default();
    let mut reader = match Reader::open(path, how) {
        Ok(reader) => reader,
        Err(error) => return (all, Some(error)),
    };
    loop {
        let mut rows = EventColumns::zeroed(most);
        match reader.events(&mut rows) {
            Ok(0) => return (all, None),
            Ok(n) => {
                rows.truncate(n);
                all.extend(&rows);
            }
            Err(error) => return (all, Some(error)),
        }
    }
}

fn gzip(parts: &[&[u8]]) -> Vec<u8> {
    let member = |part: &&[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(part).unwrap();
        encoder.finish().unwrap()
    };
    parts.iter().flat_map(member).collect()
}

fn zstd(parts: &[&[u8]]) -> Vec<u8> {
    let frame = |part: &&[u8]| {
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
        encoder.include_checksum(true).unwrap();
        encoder.write_all(part).unwrap();
        encoder.finish().unwrap()
    };
    parts.iter().flat_map(frame).collect()
}

#[test]
fn compressed_captures_are_the_plain_one() {
    let bytes = day::bytes(SPEC);
    let expected = day::events(&bytes);
    let (one, two) = bytes.split_at(bytes.len() / 3);
    for wrapped in [bytes.clone(), gzip(&[&bytes]), gzip(&[one, b"", two]), zstd(&[&bytes]), zstd(&[one, b"", two])] {
        let (_dir, path) = file(&wrapped);
        let (events, error) = read(&path, How::default(), 1 << 16);
        assert!(error.is_none(), "{error:?}");
        assert!(events == expected, "the file begins with {:02x?}", &wrapped[..4]);
    }
}

#[test]
fn batches_of_any_size_hold_the_same_events() {
    let bytes = day::bytes(SPEC);
    let expected = day::events(&bytes);
    let (_dir, path) = file(&bytes);
    for most in [1, 7, 1_000, 1_024, 1_025, 100_000] {
        let (events, error) = read(&path, How::default(), most);
        assert!(error.is_none() && events == expected, "batches of {most}");
    }
}

#[test]
fn books_do_not_care_how_their_events_arrive() {
    let bytes = day::bytes(SPEC);
    let (_dir, path) = file(&bytes);
    let options = || Options { checksum: true, n_levels: 2, ..Options::default() };
    let mut plain = Books::new(options());
    plain.apply(&Events::from(&day::events(&bytes)));
    let expected = (plain.checksum(), plain.take());
    for most in [1, 999, u64::MAX >> 1] {
        let (mut books, mut reader) = (Books::new(options()), Reader::open(&path, How::default()).unwrap());
        while reader.run(&mut books, most).unwrap() {}
        assert!((books.checksum(), books.take()) == expected, "batches of {most}");
    }
}

#[test]
fn a_choice_of_instruments_leaves_out_the_others_and_the_market_stays() {
    let (_dir, path) = file(&day::bytes(SPEC));
    let mut reader = Reader::open(&path, How { midnight: 5, ..How::default() }).unwrap();
    reader.choose(Some(&[3, 9]));
    let mut rows = EventColumns::zeroed(30_000);
    let n = reader.events(&mut rows).unwrap();
    rows.truncate(n);
    let all = day::events(&day::bytes(SPEC));
    let chosen = all.instrument.iter().filter(|instrument| [3, 9].contains(*instrument)).count();
    assert_eq!(rows.instrument.iter().filter(|&&instrument| instrument > 0).count(), chosen);
    assert_eq!(rows.ts[0], all.ts[0] + 5);
}

#[test]
fn a_cut_file_gives_what_is_whole_and_says_where_it_ends() {
    let bytes = day::bytes(DaySpec { messages: 1_100, symbols: 2, ..SPEC });
    let mut starts = vec![0];
    day::frames(&bytes, |message| starts.push(starts.last().unwrap() + 2 + message.len()));
    for cut in (1..bytes.len()).step_by(41) {
        let (_dir, path) = file(&bytes[..cut]);
        let how = How { framing: Some(Framing::BinaryFile), ..How::default() };
        let (events, error) = read(&path, how, 100);
        let n_whole = starts.partition_point(|&start| start <= cut) - 1;
        assert!(events == day::events(&bytes[..starts[n_whole]]), "cut at {cut}");
        if starts.contains(&cut) {
            assert!(error.is_none(), "cut at {cut}: {error:?}");
            continue;
        }
        let Some(FeedError::Wire { error, n_messages }) = error else { panic!("cut at {cut}: {error:?}") };
        assert_eq!((error.offset, n_messages), (starts[n_whole] as u64, n_whole as u64), "cut at {cut}");
        let (lenient, error) = read(&path, How { mode: Mode::Lenient, ..how }, 100);
        assert!(error.is_none() && lenient == events, "cut at {cut}: {error:?}");
    }
}

#[test]
fn damaged_compression_is_an_error_behind_what_came_before() {
    let bytes = day::bytes(SPEC);
    let expected = day::events(&bytes);
    for (format, wrapped) in [("gzip", gzip(&[&bytes])), ("zstd", zstd(&[&bytes]))] {
        for (cut, flip) in [(1, false), (2, false), (4, true), (3, false)] {
            let at = wrapped.len() / cut - 1;
            let mut damaged = wrapped.clone();
            if flip {
                damaged[at..at + 64].iter_mut().for_each(|byte| *byte ^= 0x55);
            } else {
                damaged.truncate(at);
            }
            let (_dir, path) = file(&damaged);
            let (events, error) = read(&path, How { framing: Some(Framing::BinaryFile), ..How::default() }, 1_000);
            let mut first = expected.clone();
            first.truncate(events.len());
            match error {
                Some(FeedError::Compression { format: found, offset, .. }) => {
                    assert_eq!(found, format);
                    assert!(offset <= damaged.len() as u64, "{format}, {at}: {offset}");
                    // Flipped bits unpack to something else, which is noticed when the checksum is reached, or because it is no frame.
                    assert!(flip || events == first, "{format}, cut at {at}");
                }
                Some(FeedError::Wire { .. }) if flip => {}
                error => panic!("{format}, cut at {at}: {error:?}"),
            }
        }
    }
}

#[test]
fn a_file_that_shrinks_while_it_is_read_ends_and_nothing_worse() {
    let bytes = day::bytes(SPEC);
    let (_dir, path) = file(&bytes);
    let mut reader = Reader::open(&path, How::default()).unwrap();
    let mut rows = EventColumns::zeroed(100);
    assert_eq!(reader.events(&mut rows).unwrap(), 100);
    OpenOptions::new().write(true).open(&path).unwrap().set_len(bytes.len() as u64 / 2).unwrap();
    let outcome = std::iter::repeat_with(|| reader.events(&mut rows)).find(|outcome| !matches!(outcome, Ok(1..)));
    assert!(matches!(outcome, Some(Ok(0) | Err(FeedError::Wire { .. }))), "{outcome:?}");
}

#[test]
fn what_comes_after_the_end_of_the_session_is_counted() {
    let bytes = day::bytes(SPEC);
    let (_dir, path) = file(&[&bytes[..], b"\0\0", &bytes].concat());
    let mut reader = Reader::open(&path, How::default()).unwrap();
    let mut rows = EventColumns::zeroed(1_000);
    while reader.events(&mut rows).unwrap() > 0 {}
    let counts = reader.counts();
    assert_eq!((counts.messages, counts.after_end), (SPEC.messages, bytes.len() as u64));
}

#[test]
fn what_is_no_capture_says_so() {
    for bytes in [&b""[..], b"{\"not\": \"ITCH\"}", b"\x00", &[0xFF; 300]] {
        let (_dir, path) = file(bytes);
        let error = Reader::open(&path, How::default()).err();
        assert!(matches!(error, Some(FeedError::NoCapture { .. })), "{bytes:?}: {error:?}");
    }
    let missing = Reader::open(Path::new("/no/such/file"), How::default()).err();
    assert!(matches!(missing, Some(FeedError::Io(_))), "{missing:?}");
}

#[test]
fn a_lenient_reader_goes_on_behind_what_is_no_frame() {
    let bytes = day::bytes(SPEC);
    let mut starts = vec![0];
    day::frames(&bytes, |message| starts.push(starts.last().unwrap() + 2 + message.len()));
    let (before, after) = bytes.split_at(starts[12_000]);
    let (_dir, path) = file(&[before, &b"\x01\x00A".repeat(300), after].concat());
    let (strict, error) = read(&path, How::default(), 500);
    assert!(strict == day::events(before));
    assert!(matches!(error, Some(FeedError::Wire { error, .. }) if error.offset == before.len() as u64));
    let (lenient, error) = read(&path, How { mode: Mode::Lenient, ..How::default() }, 500);
    assert!(error.is_none() && lenient == day::events(&bytes));
}

#[test]
fn a_scan_and_tables_count_what_the_generator_counted() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("day.itch");
    let mut writer = DayWriter::create(&path, SPEC).unwrap();
    while writer.advance().unwrap() {}
    assert_eq!(writer.n_bytes(), fs::metadata(&path).unwrap().len());
    let (mut scan, mut reader) = (Scan::default(), Reader::open(&path, How::default()).unwrap());
    while scan.advance(&mut reader, 1_000).unwrap() {}
    for (layout, n) in scan.messages() {
        assert_eq!(n, writer.day().counts()[usize::from(layout.kind)], "{}", layout.name);
    }
    assert_eq!((scan.symbols.len(), scan.symbols[&1], scan.symbols[&30]), (30, *b"AAA     ", *b"ABD     "));

    let mut reader = Reader::open(&path, How::default()).unwrap();
    let mut numbers = Vec::new();
    while let Some(tables) = reader.messages(5_000, Some(b"AFDX"), None).unwrap() {
        assert!(tables.iter().all(|table| table.columns.len() == table.numbers.len()));
        let kinds = tables.iter().filter(|table| !table.numbers.is_empty()).map(|table| table.columns.layout().kind);
        assert!(kinds.into_iter().all(|kind| b"AFDX".contains(&kind)));
        numbers.extend(tables.into_iter().flat_map(|table| table.numbers));
    }
    numbers.sort_unstable();
    numbers.dedup();
    let counts = writer.day().counts();
    assert_eq!(numbers.len() as u64, b"AFDX".iter().map(|&kind| counts[usize::from(kind)]).sum::<u64>());
}

#[test]
fn a_day_that_is_given_up_leaves_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = DayWriter::create(&dir.path().join("day.itch"), DaySpec { messages: 1_000_000, ..SPEC }).unwrap();
    assert!(writer.advance().unwrap());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    drop(writer);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}
