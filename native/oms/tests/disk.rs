//! A disk that is full, or that fails to sync: nothing acknowledged is lost, and what is recovered is a beginning of the story.
//!
//! The full disk is a real one where the kernel lets us mount a small file system in a namespace of our own, which ends with the process;
//! one whose writes fail after a number of bytes is full everywhere.

mod support;

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use omni_journal::{Durability, Error as JournalError, FileMedium, Medium, Options, SegmentFile};
use omni_oms::{DurableOms, Error};
use support::{check_recovered, config, next_command, oms};
use tempfile::TempDir;

const MODES: [Durability; 2] = [Durability::Every, Durability::Batch];
const SMALL_DISK: &str = "OMNI_OMS_SMALL_DISK";
/// Said by the child that runs on the small disk.
const DONE: &str = "the small disk was full";

fn options(durability: Durability) -> Options {
    Options { durability, segment_bytes: 32 << 10, group_bytes: 4 << 10, ..Options::default() }
}

/// Goes on with the story until something fails, and returns what was acknowledged and the failure, or `None` after `most` commands.
fn tell_until_failure(durable: &mut DurableOms, most: u64) -> Option<(u64, JournalError)> {
    for _ in 0..most {
        let command = next_command(durable.oms());
        let outcome = durable.execute(&command).and_then(|sequence| {
            if sequence % 500 == 0 {
                snapshot(durable)?;
            }
            if sequence % 5 == 0 { durable.take_events().map(drop) } else { Ok(()) }
        });
        if let Err(error) = outcome {
            let Error::Journal(error) = error else { panic!("{error}") };
            assert!(matches!(durable.execute(&command), Err(Error::Stopped { .. })), "it goes on after {error}");
            assert!(matches!(durable.take_events(), Err(Error::Stopped { .. })), "it hands out events after {error}");
            return Some((durable.acknowledged(), error));
        }
    }
    None
}

/// One that cannot be stored stops nothing.
fn snapshot(durable: &mut DurableOms) -> Result<(), Error> {
    match durable.snapshot() {
        Err(error) if durable.commit().is_err() => Err(error),
        _ => Ok(()),
    }
}

#[test]
fn a_full_disk_loses_nothing_acknowledged() {
    let dir = TempDir::new().unwrap();
    let script = format!("mount -t tmpfs -o size=1m none \"${SMALL_DISK}\" && exec \"$@\"");
    let exe = std::env::current_exe().unwrap();
    let child = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", &script, "sh"])
        .arg(exe)
        .args(["--exact", "on_a_small_disk", "--ignored", "--nocapture"])
        .env(SMALL_DISK, dir.path())
        .output();
    match child {
        Ok(output) if String::from_utf8_lossy(&output.stdout).contains(DONE) => assert!(output.status.success()),
        Ok(output) if String::from_utf8_lossy(&output.stdout).contains("running 1 test") => {
            panic!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
        }
        refused => {
            eprintln!(
                "no file system can be mounted here ({refused:?}): the disk is full only in the tests with injected errors"
            );
        }
    }
}

/// Not a test of its own: runs where the directory is a file system of 1 MiB.
#[test]
#[ignore = "started by the test above"]
fn on_a_small_disk() {
    let Ok(root) = std::env::var(SMALL_DISK) else { return };
    for durability in MODES {
        for reserves in [true, false] {
            let dir = Path::new(&root).join("journal");
            let ballast = Path::new(&root).join("ballast");
            File::create(&ballast).unwrap().allocate(128 << 10).unwrap();
            let medium: Box<dyn Medium> = if reserves { Box::new(FileMedium) } else { Box::new(Faulty::default()) };
            let mut durable = DurableOms::open_on(&dir, &config(), options(durability), Some(medium)).unwrap().0;
            let (acknowledged, error) = tell_until_failure(&mut durable, 100_000).expect("the disk is small");
            let JournalError::Io { source, .. } = &error else { panic!("{error}") };
            assert_eq!(source.kind(), io::ErrorKind::StorageFull, "{error}");
            assert!(acknowledged > 500 && error.to_string().contains("free some space"), "{acknowledged}: {error}");
            drop(durable);

            // To be read it needs no room; to go on, what it says.
            let mut reference = oms();
            let last = check_recovered(&dir, acknowledged, &mut reference);
            fs::remove_file(&ballast).unwrap();
            let mut durable = DurableOms::open(&dir, &config(), options(durability)).unwrap().0;
            for _ in 0..20 {
                durable.execute(&next_command(durable.oms())).unwrap();
            }
            durable.close().unwrap();
            assert_eq!(check_recovered(&dir, last + 20, &mut reference), last + 20);
            fs::remove_dir_all(&dir).unwrap();
        }
    }
    println!("{DONE}");
}

#[test]
fn a_disk_that_is_full_at_some_byte_loses_nothing_acknowledged() {
    for durability in MODES {
        for free in (0..150_000).step_by(997) {
            let disk = Faulty::default();
            disk.0.lock().unwrap().free = Some(free);
            check_failure(durability, &disk);
        }
    }
}

#[test]
fn a_sync_that_fails_loses_nothing_acknowledged() {
    for durability in MODES {
        for good in 0..150 {
            let disk = Faulty::default();
            disk.0.lock().unwrap().good_syncs = Some(good);
            check_failure(durability, &disk);
        }
    }
}

/// Tells the story to a disk that fails somewhere on the way, mends it, and goes on.
fn check_failure(durability: Durability, disk: &Faulty) {
    let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let open = || DurableOms::open_on(dir.path(), &config(), options(durability), Some(Box::new(disk.clone())));
    let acknowledged = match open() {
        Ok((mut durable, _)) => tell_until_failure(&mut durable, 1_500).map(|(acknowledged, _)| acknowledged),
        Err(_) => Some(0),
    };
    *disk.0.lock().unwrap() = Disk::default();
    let mut durable = open().unwrap().0;
    let last = durable.oms().sequence();
    drop(durable.take_events());
    durable.execute(&next_command(durable.oms())).unwrap();
    durable.close().unwrap();
    let acknowledged = acknowledged.expect("the disk fails before the story ends").max(last);
    assert_eq!(check_recovered(dir.path(), acknowledged, &mut oms()), last + 1);
}

/// What still goes well.
#[derive(Default)]
struct Disk {
    free: Option<u64>,
    good_syncs: Option<u64>,
}

/// Files without reserved space, on a disk that fails as its [`Disk`] says. Spares it real syncs.
#[derive(Clone, Default)]
struct Faulty(Arc<Mutex<Disk>>);

struct FaultyFile(File, Faulty);

impl Medium for Faulty {
    fn create(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        Ok(Box::new(FaultyFile(OpenOptions::new().write(true).create_new(true).open(path)?, self.clone())))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        Ok(Box::new(FaultyFile(OpenOptions::new().write(true).open(path)?, self.clone())))
    }
}

impl SegmentFile for FaultyFile {
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let mut disk = self.1.0.lock().unwrap();
        let room = disk.free.unwrap_or(u64::MAX);
        if room == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let taken = bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX));
        let taken = FileExt::write_at(&self.0, &bytes[..taken], offset)?;
        disk.free = disk.free.map(|free| free - taken as u64);
        Ok(taken)
    }

    fn sync(&mut self) -> io::Result<()> {
        match &mut self.1.0.lock().unwrap().good_syncs {
            Some(0) => Err(io::Error::other("injected")),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn allocate(&mut self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }
}
