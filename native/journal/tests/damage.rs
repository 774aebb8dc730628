//! Damaged files: each ends in a prefix with a report, or is refused with the segment and offset. Never in wrong data.

mod support;

use std::fs::{self, OpenOptions};
use std::path::Path;

use omni_journal::{Durability, Error, Journal, Options, frames, scan_bytes, verify};
use support::{Files, append_many, check_frames, check_reader, closed, files, recover, restore, scratch, small};

const FRAMES: u64 = 12;

/// Opens `dir`, which once held `FRAMES` frames, and checks that nothing wrong comes out of it. Returns what was recovered.
fn prefix_or_corrupt(dir: &Path) -> Option<omni_journal::OpenReport> {
    let before = files(dir);
    let seen = verify(dir, &Options::default());
    assert_eq!(files(dir), before, "verify writes nothing");
    match recover(dir, small(Durability::Batch)) {
        Ok(report) => {
            assert!(report.last_sequence <= FRAMES);
            assert_eq!(seen.unwrap(), report);
            Some(report)
        }
        Err(Error::Corrupt { segment, offset, expected, found, .. }) => {
            assert!(segment.starts_with(dir) && offset < 4096);
            assert_ne!(expected, found);
            assert!(matches!(seen, Err(Error::Corrupt { .. })));
            assert_eq!(files(dir), before, "a refused journal is left as it is");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// A journal of one segment, and one of several, each closed and as a killed writer leaves it.
fn specimens() -> Vec<(Files, bool)> {
    let mut all = Vec::new();
    for segment_bytes in [1024, 256] {
        let options = Options { segment_bytes, ..Options::default() };
        let dir = scratch();
        closed(dir.path(), options, FRAMES);
        all.push((files(dir.path()), true));
        let dir = scratch();
        let (mut journal, _) = Journal::open(dir.path(), options).unwrap();
        append_many(&mut journal, FRAMES);
        journal.commit().unwrap();
        drop(journal);
        all.push((files(dir.path()), false));
    }
    all
}

#[test]
fn a_last_segment_cut_at_any_byte_leaves_a_prefix() {
    for (files, is_closed) in specimens() {
        let dir = scratch();
        let (name, bytes) = files.last().unwrap();
        let mut counts = Vec::new();
        for length in 0..bytes.len() {
            restore(dir.path(), &files);
            fs::write(dir.path().join(name), &bytes[..length]).unwrap();
            let report = prefix_or_corrupt(dir.path()).expect("a cut tail is no corruption");
            // A cut on the edge between two frames cannot be told from a journal that ended there.
            let used = bytes[..length].iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
            if let Some(lost) = &report.lost {
                assert_eq!(lost.offset + lost.bytes, if lost.offset > used as u64 { lost.offset } else { used as u64 });
                assert_eq!(lost.last_sequence, report.last_sequence);
                assert!(lost.segment.ends_with(name));
            } else {
                assert!(length >= 64);
            }
            counts.push(report.last_sequence);
        }
        assert!(counts.is_sorted());
        assert_eq!(*counts.last().unwrap(), if is_closed { FRAMES - 1 } else { FRAMES });
    }
}

#[test]
fn an_earlier_segment_cut_at_any_byte_is_refused_or_whole() {
    for (files, _) in specimens().into_iter().filter(|(files, _)| files.len() > 1) {
        let dir = scratch();
        let (name, bytes) = &files[files.len() - 2];
        let used = bytes.iter().rposition(|&byte| byte != 0).unwrap() + 1;
        for length in 0..bytes.len() {
            restore(dir.path(), &files);
            fs::write(dir.path().join(name), &bytes[..length]).unwrap();
            let report = prefix_or_corrupt(dir.path());
            assert_eq!(report.map(|report| report.last_sequence), (length >= used.next_multiple_of(8)).then_some(FRAMES));
        }
    }
}

#[test]
fn any_flipped_bit_is_cut_or_refused() {
    for (files, _) in specimens() {
        let dir = scratch();
        let (mut cut, mut refused) = (0, 0);
        for at in 0..files.len() {
            for bit in 0..files[at].1.len() * 8 {
                // Beyond the first bytes of the empty remainder, every bit is like the next.
                let (name, mut bytes) = files[at].clone();
                if bit / 8 > 64 && bytes[bit / 8 - 40..].iter().all(|&byte| byte == 0) {
                    break;
                }
                bytes[bit / 8] ^= 1 << (bit % 8);
                restore(dir.path(), &files);
                fs::write(dir.path().join(&name), bytes).unwrap();
                match prefix_or_corrupt(dir.path()) {
                    None => refused += 1,
                    Some(report) => {
                        assert!(report.lost.is_some(), "bit {bit} of {} is not reported", name.display());
                        assert_eq!(at, files.len() - 1, "only the last segment has a tail");
                        cut += 1;
                    }
                }
            }
        }
        assert!(cut > 100 && refused > 1000, "{cut} cut, {refused} refused");
    }
}

#[test]
fn a_bad_frame_before_a_good_one_is_refused_unless_a_person_decides() {
    let dir = scratch();
    closed(dir.path(), Options::default(), 5);
    let path = dir.path().join("00000000000000000001.seg");
    let mut bytes = fs::read(&path).unwrap();
    bytes[64 + 8] ^= 0xFF;
    fs::write(&path, &bytes).unwrap();
    let error = Journal::open(dir.path(), Options::default()).err().unwrap();
    let Error::Corrupt { segment, offset, what, .. } = &error else { panic!("{error}") };
    assert_eq!((segment, *offset, *what), (&path, 64, "CRC32C of the frame"));
    assert!(error.to_string().contains("restore the file from a copy"));

    let report = recover(dir.path(), Options { discard_beyond_damage: true, ..Options::default() }).unwrap();
    let lost = report.lost.unwrap();
    assert!(lost.frames_follow);
    assert_eq!((lost.offset, report.last_sequence), (64, 0));
    assert!(lost.bytes > 64 && lost.bytes <= bytes.len() as u64 - 64);
}

#[test]
fn a_missing_segment_is_refused() {
    let dir = scratch();
    closed(dir.path(), small(Durability::Batch), 40);
    let all = files(dir.path());
    for gone in 0..all.len() - 1 {
        restore(dir.path(), &all);
        fs::remove_file(dir.path().join(&all[gone].0)).unwrap();
        let error = Journal::open(dir.path(), Options::default()).err().unwrap();
        assert!(matches!(error, Error::Corrupt { segment, .. } if segment.ends_with(&all[gone + 1].0)));
    }
    assert!(frames(&dir.path().join("nowhere"), 1).is_err());
}

#[test]
fn a_gap_or_a_duplicate_is_refused_even_at_the_very_end() {
    let dir = scratch();
    let (mut journal, _) = Journal::open(dir.path(), Options::default()).unwrap();
    for _ in 0..3 {
        journal.append(1, &[&[5; 8]]).unwrap();
    }
    journal.close().unwrap();
    let path = dir.path().join("00000000000000000001.seg");
    let bytes = fs::read(&path).unwrap();
    let frame = |n: usize| &bytes[64 + 32 * n..64 + 32 * (n + 1)];
    for (order, expected) in [(vec![0, 2], (2, 3)), (vec![0, 1, 1], (3, 2)), (vec![1], (1, 2))] {
        let mut damaged = bytes[..64].to_vec();
        for n in order {
            damaged.extend(frame(n));
        }
        fs::write(&path, &damaged).unwrap();
        let error = Journal::open(dir.path(), Options::default()).err().unwrap();
        let Error::Corrupt { expected: e, found: f, what, .. } = error else { panic!("{error}") };
        assert_eq!(((e, f), what), (expected, "sequence of the frame"));
    }
}

#[test]
fn a_segment_under_another_name_or_of_another_version_is_refused() {
    let dir = scratch();
    closed(dir.path(), Options::default(), 3);
    let path = dir.path().join("00000000000000000001.seg");
    let mut bytes = fs::read(&path).unwrap();
    bytes[8] = 2;
    let crc = crc32c::crc32c(&bytes[..60]);
    bytes[60..64].copy_from_slice(&crc.to_le_bytes());
    fs::write(&path, bytes).unwrap();
    let error = Journal::open(dir.path(), Options::default()).err().unwrap();
    assert!(error.to_string().contains("offset 8: version of the segment: expected 1, found 2"), "{error}");
}

#[test]
fn a_journal_shorter_than_a_valid_snapshot_is_refused() {
    let dir = scratch();
    let (mut journal, _) = Journal::open(dir.path(), Options::default()).unwrap();
    append_many(&mut journal, 5);
    journal.write_snapshot(b"state", [0; 32]).unwrap();
    journal.close().unwrap();
    let path = dir.path().join("00000000000000000001.seg");
    let length = fs::metadata(&path).unwrap().len();
    OpenOptions::new().write(true).open(&path).unwrap().set_len(length - 1).unwrap();
    let error = Journal::open(dir.path(), Options::default()).err().unwrap();
    assert!(matches!(error, Error::Corrupt { expected: 5, found: 4, .. }));
    fs::remove_file(&path).unwrap();
    assert!(Journal::open(dir.path(), Options::default()).is_err());
}

#[test]
fn what_a_crash_leaves_of_a_new_segment_is_rebuilt() {
    let dir = scratch();
    closed(dir.path(), small(Durability::Batch), 40);
    let all = files(dir.path());
    let (name, header) = (&all.last().unwrap().0, &all.last().unwrap().1[..64]);
    let last: u64 = name.to_str().unwrap()[..20].parse::<u64>().unwrap() - 1;
    for rubbish in [&[][..], &[0; 256], &header[..30], &[0xAB; 100]] {
        restore(dir.path(), &all);
        fs::write(dir.path().join(name), rubbish).unwrap();
        let report = recover(dir.path(), small(Durability::Batch)).unwrap();
        assert_eq!(report.last_sequence, last);
        assert_eq!(report.lost.unwrap().offset, 0);
    }
    // The frames just before the new segment were durable before it existed, so their loss is no crash.
    let (before, bytes) = &all[all.len() - 2];
    restore(dir.path(), &all);
    fs::write(dir.path().join(name), []).unwrap();
    fs::write(dir.path().join(before), &bytes[..64]).unwrap();
    assert!(matches!(Journal::open(dir.path(), Options::default()).err().unwrap(), Error::Corrupt { .. }));
}

#[test]
fn any_bytes_can_be_scanned() {
    let dir = scratch();
    closed(dir.path(), Options::default(), 3);
    let bytes = fs::read(dir.path().join("00000000000000000001.seg")).unwrap();
    assert_eq!(scan_bytes(&bytes).unwrap(), (3, None));
    let (last, tail) = scan_bytes(&bytes[..bytes.len() - 3]).unwrap();
    assert_eq!((last, tail.unwrap().last_sequence), (2, 2));
    assert_eq!(scan_bytes(&[]).unwrap().0, 0);
    assert_eq!(scan_bytes(&[0xFF; 100]).unwrap().1.unwrap().bytes, 100);
}

#[test]
fn a_reader_of_an_unfinished_journal_ends_with_a_report() {
    let dir = scratch();
    closed(dir.path(), Options::default(), 3);
    let path = dir.path().join("00000000000000000001.seg");
    let length = fs::metadata(&path).unwrap().len();
    OpenOptions::new().write(true).open(&path).unwrap().set_len(length - 1).unwrap();
    let mut reader = frames(dir.path(), 1).unwrap();
    assert_eq!(check_reader(&mut reader, 1).unwrap(), 2);
    assert_eq!(reader.lost().unwrap().last_sequence, 2);
    assert_eq!(check_frames(dir.path(), 2).unwrap(), 2);
}
