//! A disk that fills up, writes half, or fails to sync: nothing is acknowledged that is not stored, and nothing after it.

mod support;

use omni_journal::{Durability, Error, Journal, Options};
use support::{FaultyMedium, Op, append, append_many, check_frames, recover, scratch, small};

/// Appends until something fails; returns the last durable sequence, checking that the journal is poisoned for good.
fn append_until_failure(journal: &mut Journal, disk: &FaultyMedium, most: u64) -> Option<u64> {
    for n in 0..most {
        let outcome = append(journal).and_then(|_| if n % 3 == 2 { journal.commit() } else { Ok(0) });
        let Err(error) = outcome else { continue };
        let durable = journal.durable_sequence();
        assert!(matches!(error, Error::Io { .. }), "{error}");
        // Even when the disk is well again.
        (disk.disk().free, disk.disk().good_syncs) = (None, None);
        assert!(matches!(append(journal), Err(Error::Poisoned { .. })));
        assert!(matches!(journal.commit(), Err(Error::Poisoned { .. })));
        assert!(matches!(journal.sync(), Err(Error::Poisoned { .. })));
        assert!(matches!(journal.write_snapshot(b"", [0; 32]), Err(Error::Poisoned { .. })));
        assert_eq!(journal.durable_sequence(), durable);
        return Some(durable);
    }
    None
}

#[test]
fn a_disk_that_is_full_at_any_byte_loses_nothing_acknowledged() {
    for durability in [Durability::Every, Durability::Batch] {
        let mut failures = 0;
        for free in 0.. {
            let dir = scratch();
            let disk = FaultyMedium::default();
            disk.disk().free = Some(free);
            let mut durable = 0;
            if let Ok((mut journal, _)) = Journal::open_on(dir.path(), small(durability), Box::new(disk.clone())) {
                let Some(acknowledged) = append_until_failure(&mut journal, &disk, 15) else { break };
                durable = acknowledged;
            }
            failures += 1;
            let report = recover(dir.path(), small(durability)).unwrap();
            assert!(report.last_sequence >= durable, "{report:?}, durable {durable}, {free} bytes free");
        }
        assert!(failures > 500);
    }
}

#[test]
fn a_failed_sync_poisons_wherever_it_happens() {
    for durability in [Durability::Every, Durability::Batch] {
        for good in 0.. {
            let dir = scratch();
            let disk = FaultyMedium::default();
            disk.disk().good_syncs = Some(good);
            let Ok((mut journal, _)) = Journal::open_on(dir.path(), small(durability), Box::new(disk.clone())) else { continue };
            let Some(durable) = append_until_failure(&mut journal, &disk, 15) else {
                assert!(good > 5);
                break;
            };
            drop(journal);
            assert!(recover(dir.path(), small(durability)).unwrap().last_sequence >= durable);
        }
    }
}

#[test]
fn a_full_disk_is_named_with_what_mends_it() {
    let dir = scratch();
    let disk = FaultyMedium::default();
    let (mut journal, _) = Journal::open_on(dir.path(), Options::default(), Box::new(disk.clone())).unwrap();
    append(&mut journal).unwrap();
    disk.disk().free = Some(0);
    let message = journal.commit().unwrap_err().to_string();
    assert!(message.contains("00000000000000000001.seg") && message.contains("free some space"), "{message}");
    let message = journal.commit().unwrap_err().to_string();
    assert!(message.contains("mend the disk and open the journal again"), "{message}");
}

#[test]
fn a_segment_that_cannot_be_reserved_fails_the_append_and_can_be_made_later() {
    let dir = scratch();
    let disk = FaultyMedium::default();
    let (mut journal, _) = Journal::open_on(dir.path(), small(Durability::Every), Box::new(disk.clone())).unwrap();
    disk.disk().refuse_allocation = true;
    let durable = append_until_failure(&mut journal, &disk, 50).unwrap();
    assert!(durable > 2);
    drop(journal);
    let report = recover(dir.path(), small(Durability::Every)).unwrap();
    assert_eq!(report.last_sequence, durable);
    assert_eq!(report.lost.unwrap().offset, 0, "the empty file of the new segment");
}

#[test]
fn short_writes_are_finished() {
    let dir = scratch();
    let disk = FaultyMedium::default();
    disk.disk().most_per_write = Some(5);
    let (mut journal, _) = Journal::open_on(dir.path(), small(Durability::Batch), Box::new(disk)).unwrap();
    append_many(&mut journal, 30);
    journal.close().unwrap();
    assert_eq!(check_frames(dir.path(), 1).unwrap(), 30);
}

#[test]
fn a_new_segment_is_made_only_when_the_old_one_is_on_the_disk_and_used_only_when_it_is_there_itself() {
    for durability in [Durability::Every, Durability::Batch] {
        let dir = scratch();
        let disk = FaultyMedium::default();
        let (mut journal, _) = Journal::open_on(dir.path(), small(durability), Box::new(disk.clone())).unwrap();
        append_many(&mut journal, 60);
        journal.close().unwrap();
        let log = std::mem::take(&mut disk.disk().log);
        let created: Vec<_> = log.iter().enumerate().filter(|(_, op)| matches!(op, Op::Create(_))).map(|(at, _)| at).collect();
        assert!(created.len() > 5);
        for at in created {
            if at > 0 {
                assert!(matches!(log[at - 1], Op::Sync(_)), "{:?}", log[at - 1]);
            }
            let steps = &log[at..at + 5];
            assert!(
                matches!(steps, [Op::Create(_), Op::Allocate(..), Op::Write(_, 0, header), Op::Sync(_), Op::SyncDir] if header.len() == 64),
                "{steps:?}"
            );
        }
    }
}

#[test]
fn a_snapshot_that_cannot_be_stored_leaves_the_journal_usable_and_the_old_snapshot_in_place() {
    let dir = scratch();
    let disk = FaultyMedium::default();
    let (mut journal, _) = Journal::open_on(dir.path(), Options::default(), Box::new(disk.clone())).unwrap();
    append(&mut journal).unwrap();
    journal.write_snapshot(b"one", [1; 32]).unwrap();
    append(&mut journal).unwrap();
    journal.commit().unwrap();
    for free in 0..80 + 3 {
        disk.disk().free = Some(free);
        assert!(matches!(journal.write_snapshot(b"two", [2; 32]), Err(Error::Io { .. })));
        let newest = omni_journal::newest_snapshot(dir.path()).unwrap();
        assert_eq!((newest.newest.unwrap().payload, newest.rejected.len()), (b"one".to_vec(), 0));
    }
    disk.disk().free = None;
    journal.write_snapshot(b"two", [2; 32]).unwrap();
    assert_eq!(omni_journal::newest_snapshot(dir.path()).unwrap().newest.unwrap().payload, b"two");
    append(&mut journal).unwrap();
    journal.close().unwrap();
}
