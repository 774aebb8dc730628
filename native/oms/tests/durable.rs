//! The journal: first the frame, then the act; what is handed out; recovery; and the end after a failure.

mod support;

use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use omni_journal::{Durability, Error as JournalError, FileMedium, Medium, Options, SegmentFile};
use omni_oms::{Command, DurableOms, Error, Oms, OmsEvent, Replayer, Step, recover, recover_watched};
use omni_types::{InstrumentId, Nanos, Side, Ticks};
use support::{ALICE, Dice, any_command, config, limit, new, oms, write};
use tempfile::TempDir;

fn options(durability: Durability) -> Options {
    Options { durability, segment_bytes: 64 << 10, group_bytes: 16 << 10, ..Options::default() }
}

fn open(dir: &Path, durability: Durability) -> DurableOms {
    DurableOms::open(dir, &config(), options(durability)).unwrap().0
}

/// Plays commands at random to a system with a journal and to one without, and gives the events and the state hash after each.
fn play(durable: &mut DurableOms, plain: &mut Oms, dice: &mut Dice, n: usize) -> Vec<(Command, Vec<OmsEvent>, [u8; 32])> {
    let mut steps = Vec::new();
    while steps.len() < n {
        let ts = plain.clock().0 + dice.below(20);
        let command = any_command(dice, ts, plain.orders().len() as u64);
        if let Ok(sequence) = plain.execute(&command) {
            assert_eq!(durable.execute(&command).unwrap(), sequence);
            steps.push((command, plain.take_events(), plain.state_hash()));
        } else {
            assert!(durable.execute(&command).is_err());
        }
    }
    steps
}

#[test]
fn a_journal_at_any_length_recovers_to_the_state_of_then() {
    let dir = TempDir::new().unwrap();
    let (mut durable, mut plain) = (open(dir.path(), Durability::Batch), oms());
    let start = plain.state_hash();
    let steps = play(&mut durable, &mut plain, &mut Dice(1), 120);
    durable.close().unwrap();
    let segments: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    let segment = segments.iter().find(|path| path.extension().is_some_and(|extension| extension == "seg")).unwrap();
    let bytes = fs::read(segment).unwrap();
    let hash_at = |sequence: u64| if sequence == 1 { start } else { steps[sequence as usize - 2].2 };

    let mut reached = 0;
    for length in (64..=bytes.len()).step_by(8) {
        let cut = TempDir::new().unwrap();
        fs::write(cut.path().join(segment.file_name().unwrap()), &bytes[..length]).unwrap();
        match recover(cut.path()) {
            Ok((oms, recovery)) => {
                assert_eq!((recovery.state_hash, oms.sequence()), (hash_at(recovery.sequence), recovery.sequence));
                assert_eq!(oms.events(), [], "events are handed out once");
                reached = recovery.sequence;
            }
            Err(error) => assert!(matches!(error, Error::EmptyJournal), "{error}"),
        }
    }
    assert_eq!(reached, 121);
}

#[test]
fn recovery_from_a_snapshot_goes_on_with_the_frames_after_it() {
    let dir = TempDir::new().unwrap();
    let (mut durable, mut plain, mut dice) = (open(dir.path(), Durability::Batch), oms(), Dice(2));
    play(&mut durable, &mut plain, &mut dice, 2_000);
    durable.snapshot().unwrap();
    play(&mut durable, &mut plain, &mut dice, 500);
    durable.commit().unwrap();
    drop(durable);

    let (recovered, recovery) = recover(dir.path()).unwrap();
    assert_eq!((recovery.snapshot, recovery.replayed, recovery.sequence), (Some(2_001), 500, 2_501));
    assert_eq!(recovery.state_hash, plain.state_hash());
    assert_eq!(recovered.state(), plain.state());

    // And the system goes on where it was.
    let (mut durable, recovery) = DurableOms::open(dir.path(), &config(), options(Durability::Batch)).unwrap();
    assert_eq!(recovery.sequence, 2_501);
    let seen: Vec<_> = play(&mut durable, &mut plain, &mut dice, 300).into_iter().flat_map(|step| step.1).collect();
    assert_eq!(durable.take_events().unwrap(), seen);
    assert_eq!(durable.oms().state_hash(), plain.state_hash());
    durable.close().unwrap();
    assert_eq!(DurableOms::resume(dir.path(), options(Durability::None)).unwrap().1.state_hash, plain.state_hash());
}

#[test]
fn another_configuration_is_refused() {
    let dir = TempDir::new().unwrap();
    open(dir.path(), Durability::None).close().unwrap();
    let mut other = config();
    other.accounts[2].name = "carl".into();
    let error = DurableOms::open(dir.path(), &other, options(Durability::None)).err().unwrap();
    assert!(matches!(error, Error::ConfigDiffers { .. }), "{error}");
    assert!(matches!(recover(TempDir::new().unwrap().path()), Err(Error::EmptyJournal)));
}

#[test]
fn a_batch_withholds_events_until_its_frames_are_on_the_disk() {
    let dir = TempDir::new().unwrap();
    let mut durable = open(dir.path(), Durability::Batch);
    durable.execute(&new(1, limit(ALICE, Side::Buy, 1, 100))).unwrap();
    assert_eq!(durable.oms().orders().len(), 1, "it acted at once");
    assert_eq!(durable.acknowledged_events().unwrap(), []);
    assert_eq!(durable.commit().unwrap(), 2);
    durable.execute(&new(2, limit(ALICE, Side::Buy, 1, 100))).unwrap();
    let events = durable.acknowledged_events().unwrap();
    assert_eq!((events.len(), events[0].seq), (1, 2));
    durable.clear_events();
    let rest = durable.take_events().unwrap();
    assert_eq!((rest.len(), rest[0].seq, durable.acknowledged()), (1, 3, 3));
}

#[test]
fn with_every_a_command_is_acknowledged_when_it_returns() {
    let dir = TempDir::new().unwrap();
    let mut durable = open(dir.path(), Durability::Every);
    durable.execute(&new(1, limit(ALICE, Side::Buy, 1, 100))).unwrap();
    assert_eq!(durable.acknowledged_events().unwrap().len(), 1);
    // As after a crash.
    drop(durable);
    assert_eq!(recover(dir.path()).unwrap().1.sequence, 2);
}

#[test]
fn without_durability_a_commit_hands_to_the_operating_system() {
    let dir = TempDir::new().unwrap();
    let mut durable = open(dir.path(), Durability::None);
    durable.execute(&new(1, limit(ALICE, Side::Buy, 1, 100))).unwrap();
    assert_eq!(durable.acknowledged(), 1);
    assert_eq!(durable.events().unwrap().len(), 1);
    drop(durable);
    assert_eq!(recover(dir.path()).unwrap().1.sequence, 2);
}

#[test]
fn a_batch_with_what_is_no_command_is_refused_as_a_whole() {
    let dir = TempDir::new().unwrap();
    let mut durable = open(dir.path(), Durability::Batch);
    let good = new(1, limit(ALICE, Side::Buy, 1, 100));
    let bad = Command::Mark { ts: Nanos(1), instrument: InstrumentId(7), price: Ticks(1) };
    assert!(matches!(durable.execute_all(&[good.clone(), bad]), Err(Error::InBatch { index: 1, .. })));
    assert_eq!(durable.oms().sequence(), 1);
    assert_eq!(durable.execute_all(&[good.clone(), good]).unwrap(), 3);
    assert_eq!(durable.acknowledged_events().unwrap().len(), 2);
}

#[test]
fn after_a_failed_sync_nothing_is_acknowledged() {
    for durability in [Durability::Batch, Durability::Every] {
        let dir = TempDir::new().unwrap();
        let broken = Arc::new(AtomicBool::new(false));
        let medium = Box::new(Breakable(Arc::clone(&broken)));
        let mut durable = DurableOms::open_on(dir.path(), &config(), options(durability), Some(medium)).unwrap().0;
        let command = new(1, limit(ALICE, Side::Buy, 1, 100));
        durable.execute(&command).unwrap();
        assert_eq!(durable.take_events().unwrap().len(), 1);

        broken.store(true, Ordering::Relaxed);
        if durability == Durability::Every {
            assert!(matches!(durable.execute(&command), Err(Error::Journal(_))));
            assert_eq!(durable.oms().orders().len(), 1, "what is not journaled is not done");
        } else {
            durable.execute(&command).unwrap();
            assert!(matches!(durable.take_events(), Err(Error::Journal(_))));
        }
        broken.store(false, Ordering::Relaxed);
        assert!(matches!(durable.execute(&command), Err(Error::Stopped { .. })));
        assert!(matches!(durable.execute_all(&[command]), Err(Error::Stopped { .. })));
        assert!(matches!(durable.commit(), Err(Error::Stopped { .. })));
        assert!(matches!(durable.take_events(), Err(Error::Stopped { .. })));
        assert!(matches!(durable.acknowledged_events(), Err(Error::Stopped { .. })));
        assert!(matches!(durable.snapshot(), Err(Error::Stopped { .. })));
        assert_eq!(durable.acknowledged(), 2);
        drop(durable);
        assert!(recover(dir.path()).unwrap().1.sequence >= 2);
    }
}

#[test]
fn a_refused_write_leaves_no_frame() {
    let dir = TempDir::new().unwrap();
    let mut durable = open(dir.path(), Durability::Batch);
    assert!(matches!(durable.execute(&write(1, 0x28, 2)), Err(Error::Register(_))));
    durable.close().unwrap();
    assert_eq!(recover(dir.path()).unwrap().1.sequence, 1);
}

#[test]
fn a_snapshot_with_another_hash_is_refused() {
    let dir = TempDir::new().unwrap();
    let mut durable = open(dir.path(), Durability::Batch);
    durable.execute(&new(1, limit(ALICE, Side::Buy, 1, 100))).unwrap();
    durable.commit().unwrap();
    let state = durable.oms().state();
    drop(durable);
    omni_journal::write_snapshot(dir.path(), 2, &state, [7; 32]).unwrap();
    assert!(matches!(recover(dir.path()), Err(Error::StateHash { sequence: 2, .. })));
}

#[test]
fn a_replayer_shows_any_frame() {
    let dir = TempDir::new().unwrap();
    let (mut durable, mut plain, mut dice) = (open(dir.path(), Durability::None), oms(), Dice(6));
    let start = plain.state_hash();
    let mut steps = play(&mut durable, &mut plain, &mut dice, 1_000);
    durable.snapshot().unwrap();
    steps.extend(play(&mut durable, &mut plain, &mut dice, 700));
    durable.close().unwrap();

    let mut replayer = Replayer::open(dir.path()).unwrap();
    assert_eq!((replayer.first(), replayer.last(), replayer.sequence()), (1, 1_701, 1));
    assert_eq!((replayer.command(), replayer.oms().state_hash()), (None, start));
    for _ in 0..60 {
        let sequence = 2 + dice.below(1_700) as u64;
        replayer.seek(sequence).unwrap();
        let (command, events, hash) = &steps[sequence as usize - 2];
        assert_eq!(replayer.sequence(), sequence);
        assert_eq!(replayer.command(), Some(command));
        assert_eq!(replayer.events(), events);
        assert_eq!(replayer.oms().state_hash(), *hash);
    }
    replayer.seek(1_001).unwrap();
    assert_eq!(replayer.events(), steps[999].1, "the frame of a snapshot has its events as well");
    assert!(replayer.step().unwrap());
    assert_eq!(replayer.sequence(), 1_002);
    replayer.seek(1).unwrap();
    assert_eq!(replayer.oms().state_hash(), start);
    replayer.seek(1_701).unwrap();
    assert!(!replayer.step().unwrap());
    for beyond in [0, 1_702] {
        let error = replayer.seek(beyond).unwrap_err();
        assert!(matches!(error, Error::OutOfJournal { first: 1, last: 1_701, .. }), "{error}");
    }
}

#[test]
fn a_replayer_keeps_checkpoints_of_a_long_journal() {
    let dir = TempDir::new().unwrap();
    let mut durable =
        DurableOms::open(dir.path(), &config(), Options { durability: Durability::None, ..Options::default() }).unwrap().0;
    let mut hashes = Vec::new();
    let mut dice = Dice(8);
    while durable.oms().sequence() < 35_000 {
        let command = any_command(&mut dice, durable.oms().clock().0 + 3, durable.oms().orders().len() as u64);
        if let Ok(sequence) = durable.execute(&command)
            && sequence.is_multiple_of(5_000)
        {
            hashes.push((sequence, durable.oms().state_hash()));
        }
    }
    durable.close().unwrap();
    let mut replayer = Replayer::open(dir.path()).unwrap();
    replayer.seek(35_000).unwrap();
    for (sequence, hash) in hashes.into_iter().rev() {
        replayer.seek(sequence).unwrap();
        assert_eq!(replayer.oms().state_hash(), hash, "frame {sequence}");
    }
}

/// A disk that breaks when told to.
struct Breakable(Arc<AtomicBool>);

struct BreakableFile(Box<dyn SegmentFile>, Arc<AtomicBool>);

impl Medium for Breakable {
    fn create(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        Ok(Box::new(BreakableFile(FileMedium.create(path)?, Arc::clone(&self.0))))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        Ok(Box::new(BreakableFile(FileMedium.open(path)?, Arc::clone(&self.0))))
    }
}

impl SegmentFile for BreakableFile {
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.0.write_at(bytes, offset)
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.1.load(Ordering::Relaxed) { Err(io::Error::other("the disk is broken")) } else { self.0.sync() }
    }

    fn allocate(&mut self, len: u64) -> io::Result<()> {
        self.0.allocate(len)
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.0.truncate(len)
    }
}

#[test]
fn a_batch_does_what_its_commands_do_one_by_one() {
    let dir = TempDir::new().unwrap();
    let (mut durable, mut plain, mut batched) = (open(dir.path(), Durability::None), oms(), oms());
    let mut dice = Dice(7);
    for size in [0, 1, 5, 6, 7, 300] {
        let n_orders = plain.orders().len() as u64;
        let commands: Vec<_> = (0..size).map(|at| any_command(&mut dice, plain.clock().0 + at, n_orders + at as u64)).collect();
        let good: Vec<_> = commands.into_iter().filter(|command| plain.check(command).is_ok()).collect();
        assert!(good.iter().all(|command| plain.execute(command).is_ok()));
        assert_eq!(batched.execute_all(&good).unwrap(), plain.sequence());
        assert_eq!(durable.execute_all(&good).unwrap(), plain.sequence());
        assert!(batched.events() == plain.events() && durable.events().unwrap() == plain.events());
        assert_eq!((batched.state_hash(), durable.oms().state_hash()), (plain.state_hash(), plain.state_hash()));
    }
    let wrong = Command::Mark { ts: Nanos(0), instrument: InstrumentId(9), price: Ticks(1) };
    let advance = Command::Advance { ts: Nanos(1 << 40) };
    assert!(matches!(batched.execute_all(&[advance, wrong]), Err(Error::InBatch { index: 1, .. })));
    assert_eq!(batched.state_hash(), plain.state_hash(), "all or nothing");
}

#[test]
fn who_waits_for_a_recovery_is_told_and_may_end_it() {
    let dir = TempDir::new().unwrap();
    let (mut durable, mut plain) = (open(dir.path(), Durability::Batch), oms());
    play(&mut durable, &mut plain, &mut Dice(3), 200);
    durable.close().unwrap();
    let mut told = Vec::new();
    let (resumed, _) = DurableOms::resume_watched(dir.path(), options(Durability::Batch), &mut |step, done, total| {
        assert!(done <= total);
        told.push((step, done == total));
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(resumed.oms().state_hash(), plain.state_hash());
    drop(resumed);
    let [verifying, replaying] = [Step::Verifying, Step::Replaying].map(|step| [(step, false), (step, true)]);
    assert_eq!(told, [verifying, replaying].concat());

    for unwanted in [Step::Verifying, Step::Replaying] {
        let mut stop = |step, _, _| if step == unwanted { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        let interrupted = |error: Option<Error>| matches!(error, Some(Error::Journal(JournalError::Interrupted { .. })));
        let options = options(Durability::Batch);
        assert!(interrupted(DurableOms::open_watched(dir.path(), &config(), options, None, &mut stop).err()));
        assert!(interrupted(DurableOms::resume_watched(dir.path(), options, &mut stop).err()));
        assert!(interrupted(recover_watched(dir.path(), &mut stop).err()));
        assert_eq!(interrupted(Replayer::open_watched(dir.path(), &mut stop).err()), unwanted == Step::Verifying);
    }
    assert_eq!(recover(dir.path()).unwrap().1.state_hash, plain.state_hash());
}
