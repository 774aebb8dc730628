//! The ordinary life of a journal: append, commit, roll over, close, open again, read.

mod support;

use std::fs;

use omni_journal::{Backend, Durability, Error, Journal, MAX_PAYLOAD, Options, Verify, frames, verify};
use support::{append, append_many, check_frames, closed, files, small};

const MODES: [Durability; 3] = [Durability::None, Durability::Batch, Durability::Every];

#[test]
fn frames_come_back_in_every_mode_and_across_segments() {
    for durability in MODES {
        let dir = tempfile::tempdir().unwrap();
        closed(dir.path(), small(durability), 100);
        assert!(files(dir.path()).len() > 10, "several segments");
        assert_eq!(check_frames(dir.path(), 1).unwrap(), 100);
        assert_eq!(check_frames(dir.path(), 57).unwrap(), 100);
        assert_eq!(frames(dir.path(), 101).unwrap().next_frame().unwrap(), None);
    }
}

#[test]
fn the_same_frames_give_the_same_bytes_whatever_the_mode_and_the_number_of_opens() {
    let reference = tempfile::tempdir().unwrap();
    closed(reference.path(), small(Durability::None), 60);
    for durability in MODES {
        let dir = tempfile::tempdir().unwrap();
        for _ in 0..4 {
            closed(dir.path(), Options { group_bytes: 100, ..small(durability) }, 15);
        }
        assert_eq!(files(dir.path()), files(reference.path()));
    }
}

/// Worked out by hand from the format, but for the two CRCs, which were computed with another implementation.
#[test]
fn the_bytes_are_those_of_the_format() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(dir.path(), Options { segment_bytes: 4096, ..Options::default() }).unwrap();
    journal.append(0x0201, &[b"ab", b"c"]).unwrap();
    journal.close().unwrap();
    let mut expected = Vec::new();
    expected.extend(b"OMNIJRN1");
    expected.extend([1, 0, 0, 0, 64, 0, 0, 0]);
    expected.extend([1, 0, 0, 0, 0, 0, 0, 0]);
    expected.extend([0, 16, 0, 0, 0, 0, 0, 0]);
    expected.extend([0; 28]);
    expected.extend(SEGMENT_CRC.to_le_bytes());
    expected.extend([3, 0, 0, 0]);
    expected.extend(FRAME_CRC.to_le_bytes());
    expected.extend([1, 0, 0, 0, 0, 0, 0, 0]);
    expected.extend([1, 2, 0, 0, 0, 0, 0, 0]);
    expected.extend(b"abc\0\0\0\0\0");
    assert_eq!(fs::read(dir.path().join("00000000000000000001.seg")).unwrap(), expected);
}

const SEGMENT_CRC: u32 = 0x3CDE_898D;
const FRAME_CRC: u32 = 0xEFC2_CFC7;

#[test]
fn a_frame_written_in_place_is_zero_where_nothing_was_written() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(dir.path(), Options::default()).unwrap();
    for _ in 0..3 {
        journal.append(1, &[&[0xFF; 32]]).unwrap();
        journal.commit().unwrap();
        journal.append_with(2, 32, |payload| payload[4] = 9).unwrap();
    }
    journal.close().unwrap();
    let mut reader = frames(dir.path(), 6).unwrap();
    let frame = reader.next_frame().unwrap().unwrap();
    let mut expected = [0; 32];
    expected[4] = 9;
    assert_eq!((frame.sequence, frame.kind, frame.payload), (6, 2, &expected[..]));
}

#[test]
fn a_frame_larger_than_a_segment_gets_a_segment_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(dir.path(), Options { group_bytes: 64, ..small(Durability::Batch) }).unwrap();
    let large = vec![7; 5000];
    for payload in [&b"small"[..], &large, b"small again"] {
        journal.append(1, &[payload]).unwrap();
    }
    journal.close().unwrap();
    let sizes: Vec<_> = files(dir.path()).iter().map(|(_, bytes)| bytes.len()).collect();
    assert_eq!(sizes, [256, 64 + 24 + 5000, 64 + 24 + 16]);
    let mut reader = frames(dir.path(), 2).unwrap();
    assert_eq!(reader.next_frame().unwrap().unwrap().payload, large);
    assert_eq!(reader.next_frame().unwrap().unwrap().payload, b"small again");
}

#[test]
fn the_largest_payload_is_stored_and_a_larger_one_is_refused_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(dir.path(), small(Durability::Batch)).unwrap();
    let error = journal.append_with(1, MAX_PAYLOAD + 1, |_| unreachable!()).unwrap_err();
    assert!(matches!(error, Error::FrameTooLarge { found, limit } if found == MAX_PAYLOAD + 1 && limit == MAX_PAYLOAD));
    assert_eq!(journal.append_with(1, MAX_PAYLOAD, |payload| payload[MAX_PAYLOAD - 1] = 5).unwrap(), 1);
    assert_eq!(journal.append(1, &[b"next"]).unwrap(), 2);
    journal.close().unwrap();
    let mut reader = frames(dir.path(), 1).unwrap();
    assert_eq!(reader.next_frame().unwrap().unwrap().payload[MAX_PAYLOAD - 1], 5);
    assert_eq!(reader.next_frame().unwrap().unwrap().payload, b"next");
    assert!(verify(dir.path(), &Options::default()).unwrap().lost.is_none());
}

#[test]
fn durable_is_what_was_synced() {
    let durable = |durability| {
        let dir = tempfile::tempdir().unwrap();
        let (mut journal, _) = Journal::open(dir.path(), Options { durability, ..Options::default() }).unwrap();
        append_many(&mut journal, 3);
        let appended = journal.durable_sequence();
        assert_eq!(journal.commit().unwrap(), 3);
        (appended, journal.durable_sequence())
    };
    assert_eq!(durable(Durability::None), (0, 0));
    assert_eq!(durable(Durability::Batch), (0, 3));
    assert_eq!(durable(Durability::Every), (3, 3));
}

#[test]
fn a_sync_reaches_the_segments_that_were_left_behind() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(dir.path(), small(Durability::None)).unwrap();
    append_many(&mut journal, 200);
    assert_eq!(journal.durable_sequence(), 0);
    assert_eq!(journal.sync().unwrap(), 200);
    assert_eq!(journal.durable_sequence(), 200);
}

#[test]
fn pending_bytes_over_the_limit_force_a_commit() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(dir.path(), Options { group_bytes: 320, ..Options::default() }).unwrap();
    let mut durable = Vec::new();
    for _ in 0..21 {
        journal.append(1, &[&[1; 8]]).unwrap();
        durable.push(journal.durable_sequence());
    }
    assert_eq!((durable[9], durable[10], durable[19], durable[20]), (0, 10, 10, 20));
}

#[test]
fn what_was_not_committed_is_gone_after_a_drop_and_its_numbers_are_used_again() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(dir.path(), Options::default()).unwrap();
    append_many(&mut journal, 5);
    journal.commit().unwrap();
    append_many(&mut journal, 5);
    drop(journal);
    let (mut journal, report) = Journal::open(dir.path(), Options::default()).unwrap();
    assert_eq!((report.last_sequence, report.verified_frames, report.lost), (5, 5, None));
    assert_eq!(append(&mut journal).unwrap(), 6);
}

#[test]
fn a_second_writer_is_refused_until_the_first_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(dir.path(), Options::default()).unwrap();
    let error = Journal::open(dir.path(), Options::default()).err().unwrap();
    assert!(matches!(&error, Error::Locked { path } if path.ends_with("journal.lock")));
    assert!(error.to_string().contains("another open journal"));
    verify(dir.path(), &Options::default()).expect("reading needs no lock");
    drop(journal);
    Journal::open(dir.path(), Options::default()).unwrap();
}

#[test]
fn looking_at_a_directory_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(verify(&dir.path().join("absent"), &Options::default()), Err(Error::Io { .. })));
    let report = verify(dir.path(), &Options::default()).unwrap();
    assert_eq!((report.segments, report.first_sequence, report.last_sequence), (0, 1, 0));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn an_open_from_the_snapshot_reads_only_what_replay_would() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { verify: Verify::FromSnapshot, ..small(Durability::Batch) };
    let (mut journal, _) = Journal::open(dir.path(), options).unwrap();
    append_many(&mut journal, 100);
    journal.write_snapshot(b"state", [1; 32]).unwrap();
    append_many(&mut journal, 10);
    journal.close().unwrap();
    let (_, report) = Journal::open(dir.path(), options).unwrap();
    assert_eq!((report.snapshot, report.last_sequence), (Some(100), 110));
    assert!((10..20).contains(&report.verified_frames), "{report:?}");
}

#[test]
fn settings_out_of_range_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let error = Journal::open(dir.path(), Options { segment_bytes: 64, ..Options::default() }).err().unwrap();
    assert_eq!(error.to_string(), "segment_bytes is 64; choose a value from 128 to 1073741824");
    assert!(Journal::open(dir.path(), Options { group_bytes: 0, ..Options::default() }).is_err());
}

#[test]
fn a_backend_that_is_not_there_is_replaced_by_pwrite() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(dir.path(), Options { backend: Backend::IoUring, ..Options::default() }).unwrap();
    #[cfg(feature = "io_uring")]
    let allowed = omni_journal::UringMedium::new().is_ok();
    #[cfg(not(feature = "io_uring"))]
    let allowed = false;
    assert_eq!(journal.backend(), if allowed { Backend::IoUring } else { Backend::Pwrite });
}

#[cfg(feature = "io_uring")]
#[test]
fn both_backends_write_the_same_files() {
    let written = |backend, durability| {
        let dir = tempfile::tempdir().unwrap();
        closed(dir.path(), Options { backend, group_bytes: 200, ..small(durability) }, 60);
        files(dir.path())
    };
    for durability in MODES {
        assert_eq!(written(Backend::IoUring, durability), written(Backend::Pwrite, durability));
    }
}

#[test]
fn a_journal_can_move_between_threads() {
    fn movable<T: Send + Sync>() {}
    movable::<Journal>();
    movable::<omni_journal::Reader>();
}
