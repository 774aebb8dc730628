//! Who waits for a long journal is told how far it is, and may end it.

mod support;

use std::fs;
use std::ops::ControlFlow;

use omni_journal::{Durability, Error, Journal, Options, frames, verify, verify_watched};
use support::{files, scratch};

const PAYLOAD: [u8; 4072] = [7; 4072];
const N_FRAMES: u64 = 5_000;

/// Twenty MiB in segments of six.
fn long() -> tempfile::TempDir {
    let dir = scratch();
    let options = Options { durability: Durability::None, segment_bytes: 6 << 20, ..Options::default() };
    let (mut journal, _) = Journal::open(dir.path(), options).unwrap();
    for _ in 0..N_FRAMES {
        journal.append(1, &[&PAYLOAD]).unwrap();
    }
    journal.close().unwrap();
    dir
}

#[test]
fn progress_rises_from_nothing_to_everything() {
    let dir = long();
    let bytes: u64 = files(dir.path()).iter().map(|(_, content)| content.len() as u64).sum();
    let mut told = Vec::new();
    let report = verify_watched(dir.path(), &Options::default(), &mut |done, total| {
        assert_eq!(total, bytes);
        told.push(done);
        ControlFlow::Continue(())
    });
    assert_eq!(report.unwrap(), verify(dir.path(), &Options::default()).unwrap());
    assert!((6..=8).contains(&told.len()) && told.is_sorted(), "{told:?}");
    assert_eq!((told[0], told[told.len() - 1]), (0, bytes));
}

#[test]
fn a_break_ends_the_reading_and_changes_nothing() {
    let dir = long();
    // A torn tail, which an open would cut.
    let last = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().unwrap() == "seg")
        .max();
    fs::OpenOptions::new()
        .append(true)
        .open(last.unwrap())
        .map(|mut file| std::io::Write::write_all(&mut file, &[1; 50]))
        .unwrap()
        .unwrap();
    let before = files(dir.path());
    for calls in 0..5 {
        let mut left = calls;
        let mut stop = |_, _| {
            left -= 1;
            if left < 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let found = Journal::open_watched(dir.path(), Options::default(), None, &mut stop);
        assert!(matches!(found, Err(Error::Interrupted { done, total }) if done < total && (done > 0) == (calls > 0)));
        assert!(files(dir.path()) == before);
    }
    let opened = Journal::open_watched(dir.path(), Options::default(), None, &mut |_, _| ControlFlow::Continue(()));
    assert_eq!(opened.unwrap().1.last_sequence, N_FRAMES);
}

#[test]
fn frames_are_given_one_by_one_until_one_is_refused() {
    let dir = long();
    let mut seen = 0;
    let refused = frames(dir.path(), 10).unwrap().each(&mut |_, _| ControlFlow::Continue(()), |frame| {
        seen += 1;
        if frame.sequence == 4_000 { Err(Error::Interrupted { done: 1, total: 2 }) } else { Ok(()) }
    });
    assert!(matches!(refused, Err(Error::Interrupted { done: 1, total: 2 })));
    assert_eq!(seen, 3_991);
    let mut calls = 0;
    let empty = frames(scratch().path(), 1).unwrap().each(
        &mut |_, _| {
            calls += 1;
            ControlFlow::Break(())
        },
        |_| Ok::<_, Error>(()),
    );
    assert!(empty.is_ok() && calls == 0, "nothing to tell of nothing");
}
