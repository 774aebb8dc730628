//! Snapshots: torn and flipped ones are skipped with a report; retention keeps what recovery needs.

mod support;

use std::fs;

use omni_journal::{Durability, Error, Journal, Options, frames, newest_snapshot, retain, write_snapshot};
use support::{append_many, check_frames, files, recover, small};

#[test]
fn the_newest_snapshot_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(newest_snapshot(dir.path()).unwrap().newest, None);
    let path = write_snapshot(dir.path(), 7, b"seven", [7; 32]).unwrap();
    assert!(path.ends_with("snapshot-00000000000000000007.snap"));
    write_snapshot(dir.path(), 12, b"", [12; 32]).unwrap();
    let newest = newest_snapshot(dir.path()).unwrap().newest.unwrap();
    assert_eq!((newest.sequence, newest.hash, newest.payload), (12, [12; 32], vec![]));
    write_snapshot(dir.path(), 12, b"again", [13; 32]).unwrap();
    assert_eq!(newest_snapshot(dir.path()).unwrap().newest.unwrap().payload, b"again");
    assert_eq!(files(dir.path()).len(), 2, "no temporary file is left");
}

#[test]
fn a_snapshot_torn_or_flipped_anywhere_gives_way_to_the_one_before() {
    let dir = tempfile::tempdir().unwrap();
    write_snapshot(dir.path(), 7, b"seven", [7; 32]).unwrap();
    let path = write_snapshot(dir.path(), 12, b"twelve", [12; 32]).unwrap();
    let bytes = fs::read(&path).unwrap();
    let give_way = |damaged: &[u8]| {
        fs::write(&path, damaged).unwrap();
        let found = newest_snapshot(dir.path()).unwrap();
        assert_eq!(found.newest.unwrap().sequence, 7);
        let [rejected] = &found.rejected[..] else { panic!("{:?}", found.rejected) };
        assert_eq!(rejected.path, path);
        assert_ne!(rejected.expected, rejected.found);
    };
    (0..bytes.len()).for_each(|length| give_way(&bytes[..length]));
    give_way(&[&bytes[..], b"x"].concat());
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        give_way(&flipped);
    }
}

#[test]
fn what_a_crash_leaves_of_a_snapshot_is_ignored_and_replaced() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("snapshot-00000000000000000007.snap.tmp"), b"half").unwrap();
    assert_eq!(newest_snapshot(dir.path()).unwrap().newest, None);
    write_snapshot(dir.path(), 7, b"whole", [0; 32]).unwrap();
    assert_eq!(files(dir.path()).len(), 1);
}

#[test]
fn retention_keeps_the_newest_valid_snapshots_and_the_segments_after_them() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(dir.path(), small(Durability::Batch)).unwrap();
    for n in 1..=5 {
        append_many(&mut journal, 20);
        journal.write_snapshot(b"state", [n; 32]).unwrap();
    }
    append_many(&mut journal, 7);
    journal.commit().unwrap();
    // An invalid one does not count.
    fs::write(dir.path().join("snapshot-00000000000000000100.snap"), b"torn").unwrap();

    let kept = retain(dir.path(), 2).unwrap();
    assert_eq!((kept.oldest_snapshot, kept.snapshots_removed.len()), (Some(60), 2));
    assert!(kept.segments_removed.len() > 3);
    assert!(matches!(frames(dir.path(), 1), Err(Error::Corrupt { .. })), "the oldest frames are gone, and that is said");
    assert_eq!(check_frames(dir.path(), 61).unwrap(), 107);
    assert_eq!(retain(dir.path(), 2).unwrap().segments_removed.len(), 0);

    append_many(&mut journal, 1);
    journal.close().unwrap();
    let report = recover(dir.path(), small(Durability::Batch)).unwrap();
    assert_eq!((report.snapshot, report.last_sequence, report.rejected_snapshots.len()), (Some(80), 108, 1));
    assert!((2..=61).contains(&report.first_sequence));
}

#[test]
fn retention_without_a_valid_snapshot_deletes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    support::closed(dir.path(), small(Durability::Batch), 50);
    fs::write(dir.path().join("snapshot-00000000000000000050.snap"), b"torn").unwrap();
    let before = files(dir.path());
    assert_eq!(retain(dir.path(), 1).unwrap(), omni_journal::Retained::default());
    assert_eq!(files(dir.path()), before);
    assert!(matches!(retain(dir.path(), 0), Err(Error::Setting { .. })));
}

#[test]
fn a_snapshot_of_everything_leaves_the_last_segment() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(dir.path(), small(Durability::Every)).unwrap();
    append_many(&mut journal, 50);
    journal.write_snapshot(b"", [0; 32]).unwrap();
    retain(dir.path(), 1).unwrap();
    journal.close().unwrap();
    assert_eq!(files(dir.path()).len(), 2);
    assert_eq!(recover(dir.path(), Options::default()).unwrap().last_sequence, 50);
}
